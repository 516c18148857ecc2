//! Statistics of the ground floor: means, quantiles, intervals, the bootstrap, Pareto fronts, the
//! Kolmogorov–Smirnov distance, quantiles and the distribution function of the normal distribution.
//!
//! The three normal quantiles are literals: `statrs`, without its default features, would add two
//! crates and several seconds of CPU to each cold build for these three numbers.

use neon_mock::rng::{below, key, keyed};

/// 0.9 quantile of the standard normal distribution.
pub const Z_P90: f64 = 1.281_551_565_544_600_4;

/// 0.95 quantile of the standard normal distribution.
pub const Z_P95: f64 = 1.644_853_626_951_472_2;

/// 0.99 quantile of the standard normal distribution.
pub const Z_P99: f64 = 2.326_347_874_040_841;

/// Resamples of [`bootstrap`].
const RESAMPLES: u64 = 2_000;

/// Random streams of the bootstrap, one per sample.
const STREAMS: [&str; 2] = ["bootstrap base", "bootstrap new"];

/// Arithmetic mean; 0 for no values.
pub fn mean(values: impl IntoIterator<Item = f64>) -> f64 {
    let (mut sum, mut count) = (0.0, 0_u64);
    for value in values {
        sum += value;
        count += 1;
    }
    sum / count.max(1) as f64
}

/// Sum of squared deviations from the mean; 0 for no values.
pub fn squared_deviations(values: &[f64]) -> f64 {
    let mean = mean(values.iter().copied());
    values.iter().map(|value| (value - mean).powi(2)).sum()
}

/// `values` in increasing order, as [`quantile`] expects them.
pub fn sorted(values: impl IntoIterator<Item = f64>) -> Vec<f64> {
    let mut sorted: Vec<f64> = values.into_iter().collect();
    sorted.sort_by(f64::total_cmp);
    sorted
}

/// The `quantile` (0 to 1) of values in increasing order, interpolated linearly between neighbours.
///
/// Panics without values.
/// Source: Hyndman and Fan, "Sample quantiles in statistical packages", 1996, type 7.
pub fn quantile(sorted: &[f64], quantile: f64) -> f64 {
    let position = quantile * (sorted.len() - 1) as f64;
    let (below, above) = (position.floor() as usize, position.ceil() as usize);
    sorted[below] + (sorted[above] - sorted[below]) * position.fract()
}

/// 5th, 50th and 95th percentile of `values`, in any order; `None` without values.
pub fn interval(values: impl IntoIterator<Item = f64>) -> Option<[f64; 3]> {
    let sorted = sorted(values);
    (!sorted.is_empty()).then(|| [0.05, 0.5, 0.95].map(|q| quantile(&sorted, q)))
}

/// Percentile interval of a statistic of the samples' means by the bootstrap, of the same seed each
/// time; `coverage` (0 to 1) is the share of resamples within it.
///
/// Panics if a sample is empty, or if there are more than two.
/// Source: Efron and Tibshirani, "An Introduction to the Bootstrap", 1993, chapter 13.
pub fn bootstrap<const N: usize>(
    samples: [&[f64]; N],
    coverage: f64,
    statistic: impl Fn([f64; N]) -> f64,
) -> [f64; 2] {
    let resampled_mean = |values: &[f64], stream: u64| {
        mean(
            (0..values.len() as u64).map(|index| values[below(keyed(stream, index), values.len())]),
        )
    };
    let resample = |round| {
        statistic(std::array::from_fn(|place| {
            resampled_mean(samples[place], key(round, STREAMS[place]))
        }))
    };
    let statistics = sorted((0..RESAMPLES).map(resample));
    let tail = (1.0 - coverage) / 2.0;
    [tail, 1.0 - tail].map(|q| quantile(&statistics, q))
}

/// Places of the points that no other dominates, in the order of `points`: less is better in every
/// coordinate, and equal points do not dominate each other.
pub fn pareto_front<const N: usize>(points: &[[f64; N]]) -> Vec<usize> {
    let dominates = |a: &[f64; N], b: &[f64; N]| {
        let as_good = a.iter().zip(b).all(|(a, b)| a <= b);
        as_good && a.iter().zip(b).any(|(a, b)| a < b)
    };
    let is_dominated = |point: &[f64; N]| points.iter().any(|other| dominates(other, point));
    (0..points.len()).filter(|place| !is_dominated(&points[*place])).collect()
}

/// Distribution function of the standard normal distribution, to 8e-8.
///
/// Source: Abramowitz and Stegun, "Handbook of Mathematical Functions", 26.2.17.
pub fn normal_cdf(z: f64) -> f64 {
    const COEFFICIENTS: [f64; 5] =
        [0.319_381_530, -0.356_563_782, 1.781_477_937, -1.821_255_978, 1.330_274_429];
    let t = 1.0 / 0.231_641_9_f64.mul_add(z.abs(), 1.0);
    let series = COEFFICIENTS.iter().rev().fold(0.0, |sum, coefficient| (sum + coefficient) * t);
    let beyond = series * (-z * z / 2.0).exp() / (2.0 * std::f64::consts::PI).sqrt();
    if z < 0.0 { beyond } else { 1.0 - beyond }
}

/// Kolmogorov–Smirnov distance of two samples (0 to 1): the largest difference of their empirical
/// distribution functions. Sorts both; 0 if one is empty.
pub fn kolmogorov_smirnov(a: &mut [f64], b: &mut [f64]) -> f64 {
    a.sort_unstable_by(f64::total_cmp);
    b.sort_unstable_by(f64::total_cmp);
    let (mut i, mut j, mut most) = (0, 0, 0.0_f64);
    while i < a.len() && j < b.len() {
        let at = a[i].min(b[j]);
        while i < a.len() && a[i] <= at {
            i += 1;
        }
        while j < b.len() && b[j] <= at {
            j += 1;
        }
        most = most.max((i as f64 / a.len() as f64 - j as f64 / b.len() as f64).abs());
    }
    most
}

#[cfg(test)]
mod tests {
    use super::*;

    fn close(a: f64, b: f64) {
        assert!((a - b).abs() < 1e-12, "{a} {b}");
    }

    #[test]
    fn quantiles_lie_between_neighbours() {
        let values = [1.0, 2.0, 4.0];
        close(quantile(&values, 0.5), 2.0);
        close(quantile(&values, 0.75), 3.0);
        close(quantile(&[7.0], 0.95), 7.0);
        close(interval([4.0, 1.0, 2.0]).unwrap()[1], 2.0);
        assert_eq!(interval([]), None);
        close(mean([]), 0.0);
        close(squared_deviations(&[1.0, 3.0]), 2.0);
    }

    #[test]
    fn the_bootstrap_of_a_mean_is_about_as_wide_as_theory_says() {
        // 100 values, deviation 1: the mean scatters by 0.1, 90 % of the means by 0.164 around it.
        let values: Vec<f64> = (0..100).map(|index| f64::from(index % 2) * 2.0 - 1.0).collect();
        let [low, high] = bootstrap([&values], 0.9, |[mean]| mean);
        assert!((low + 0.164).abs() < 0.02 && (high - 0.164).abs() < 0.02, "{low} {high}");
        let same = bootstrap([&values, &values], 0.9, |[a, b]| a - b);
        assert!(same[0] < 0.0 && same[1] > 0.0, "the samples are drawn independently");
    }

    #[test]
    fn a_front_holds_what_nothing_dominates() {
        let points = [[1.0, 5.0], [2.0, 2.0], [2.0, 3.0], [5.0, 1.0], [2.0, 2.0]];
        assert_eq!(pareto_front(&points), [0, 1, 3, 4]);
        assert!(pareto_front::<2>(&[]).is_empty());
    }

    #[test]
    fn the_normal_distribution_is_that_of_the_tables() {
        for (z, below) in [(0.0, 0.5), (Z_P90, 0.9), (Z_P95, 0.95), (Z_P99, 0.99), (-Z_P95, 0.05)] {
            assert!((normal_cdf(z) - below).abs() < 8e-8, "{z}: {}", normal_cdf(z));
        }
    }

    #[test]
    fn the_distance_is_that_of_the_distribution_functions() {
        let distance = |a: &[f64], b: &[f64]| kolmogorov_smirnov(&mut a.to_vec(), &mut b.to_vec());
        close(distance(&[1.0, 2.0, 3.0], &[3.0, 1.0, 2.0]), 0.0);
        close(distance(&[1.0, 2.0, 3.0, 4.0], &[2.5, 3.5, 4.5, 5.5]), 0.5);
        close(distance(&[1.0, 2.0], &[3.0, 4.0]), 1.0);
        // Samples of different sizes, with ties.
        close(distance(&[1.0, 1.0, 2.0], &[1.0, 2.0, 2.0, 2.0]), 2.0 / 3.0 - 0.25);
    }
}
