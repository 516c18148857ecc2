//! Statistics of the ground floor: means, quantiles, intervals, the bootstrap, Pareto fronts, the
//! Kolmogorov–Smirnov distance, the normal distribution and quantiles of Student's.
//!
//! The three normal quantiles are literals, and Student's are a closed sum: `statrs`, without its
//! default features, would add two crates and several seconds of CPU to each cold build for them.

use neon_mock::rng::{below, key, keyed};
use std::collections::BTreeSet;
use std::f64::consts::FRAC_PI_2;

/// 0.9 quantile of the standard normal distribution.
pub const Z_P90: f64 = 1.281_551_565_544_600_4;

/// 0.95 quantile of the standard normal distribution.
pub const Z_P95: f64 = 1.644_853_626_951_472_2;

/// 0.99 quantile of the standard normal distribution.
pub const Z_P99: f64 = 2.326_347_874_040_841;

/// Values from which [`outer_quantiles`] may be shown as a range: with fewer, nobody knows the tails.
///
/// From 10 to 18 values its ends are the least and the greatest, which hold 82 to 89 % of those to come.
pub const MIN_VALUES_OF_RANGE: usize = 10;

/// Resamples of [`bootstrap`], and permutations of [`permutation_intervals`], the observed one included.
const RESAMPLES: u64 = 2_000;

/// Values of both samples up to which [`permutation_intervals`] tries every exchange: at most 1,716.
const ENUMERATED: usize = 13;

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

/// 5th, 50th and 95th percentile of values to come, after `values`, in any order: a new one lies below
/// each with that probability, but not beyond the least and the greatest seen. `None` without values.
///
/// Source: Hyndman and Fan, "Sample quantiles in statistical packages", 1996, type 6.
pub fn outer_quantiles(values: impl IntoIterator<Item = f64>) -> Option<[f64; 3]> {
    let sorted = sorted(values);
    let (count, intervals) = (sorted.len() as f64, sorted.len().max(2) as f64 - 1.0);
    let at = |q: f64| quantile(&sorted, ((q * (count + 1.0) - 1.0) / intervals).clamp(0.0, 1.0));
    (!sorted.is_empty()).then(|| [0.05, 0.5, 0.95].map(at))
}

/// The t for which Student's distribution with `freedom` degrees, at least 1, lies within ± t with
/// probability `coverage` (0 to 1, exclusive).
///
/// Source: Abramowitz and Stegun, "Handbook of Mathematical Functions", 1964, 26.7.3 and 26.7.4.
fn student_t(coverage: f64, freedom: usize) -> f64 {
    let within = |angle: f64| {
        let (sin, cos) = angle.sin_cos();
        let is_odd = freedom % 2 == 1;
        let (mut term, mut place) = if is_odd { (cos, 2.0) } else { (1.0, 1.0) };
        let mut sum = 0.0;
        for _ in 0..freedom / 2 {
            sum += term;
            term *= place / (place + 1.0) * cos * cos;
            place += 2.0;
        }
        if is_odd { (angle + sin * sum) / FRAC_PI_2 } else { sin * sum }
    };
    let (mut low, mut high) = (0.0, FRAC_PI_2);
    for _ in 0..60 {
        let middle = f64::midpoint(low, high);
        *(if within(middle) < coverage { &mut low } else { &mut high }) = middle;
    }
    low.tan() * (freedom as f64).sqrt()
}

/// Interval of the mean of a population by Student's t; `coverage` (0 to 1) of such intervals hold it.
///
/// Panics with fewer than two values.
pub fn mean_interval(values: &[f64], coverage: f64) -> [f64; 2] {
    let (count, freedom) = (values.len() as f64, values.len() - 1);
    let error = (squared_deviations(values) / freedom as f64 / count).sqrt();
    let (mean, spread) = (mean(values.iter().copied()), student_t(coverage, freedom) * error);
    [mean - spread, mean + spread]
}

/// Interval of the next value of a normal population after `values`, by Student's t; `coverage` (0 to 1) of such
/// intervals hold it.
///
/// Panics with fewer than two values.
/// Source: Geisser, "Predictive Inference", 1993.
pub fn prediction_interval(values: &[f64], coverage: f64) -> [f64; 2] {
    let (count, freedom) = (values.len() as f64, values.len() - 1);
    let error = (squared_deviations(values) / freedom as f64 * (1.0 + 1.0 / count)).sqrt();
    let (mean, spread) = (mean(values.iter().copied()), student_t(coverage, freedom) * error);
    [mean - spread, mean + spread]
}

/// Intervals of the shift from one population to another of the same shape, by samples of both that are
/// independent: the shifts that a permutation test of their means does not reject. It tries every permutation
/// of few values, and of more the same sample each time. Each coverage (0 to 1) is the share of such intervals that
/// hold it, whatever that shape is.
///
/// A permutation that exchanges k values of either sample rejects each shift below the difference of
/// their means, so that the ends are quantiles of such differences. An end is infinite where the samples
/// have too few permutations for it.
/// Panics if a sample is empty.
/// Source: Hartigan, "Using subsample values as typical values", 1969, for two samples.
pub fn permutation_intervals<const N: usize>(
    [from, to]: [&[f64]; 2],
    coverages: [f64; N],
) -> [[f64; 2]; N] {
    let all = from.len() + to.len();
    // The mean of those that come for as many of `from` that leave, less the mean of these.
    let shift = |stays: &dyn Fn(usize) -> bool| {
        let left = from.iter().enumerate().filter(|(place, _)| !stays(*place));
        let came = to.iter().enumerate().filter(|(place, _)| stays(from.len() + place));
        let exchanged = left.clone().count();
        let came: f64 = came.map(|(_, value)| value).sum();
        let left: f64 = left.map(|(_, value)| value).sum();
        (exchanged > 0).then(|| (came - left) / exchanged as f64)
    };
    let (shifts, permutations): (Vec<Option<f64>>, usize) = if all <= ENUMERATED {
        let sets = (0..1_u32 << all).filter(|set| set.count_ones() as usize == from.len());
        let shifts: Vec<_> = sets.map(|set| shift(&|place| set & (1 << place) != 0)).collect();
        let permutations = shifts.len();
        (shifts, permutations)
    } else {
        let (mut places, mut stays) = ((0..all).collect::<Vec<_>>(), vec![false; all]);
        let mut drawn = |round| {
            let stream = key(round, "permutation");
            stays.fill(false);
            for place in 0..from.len() {
                places.swap(place, place + below(keyed(stream, place as u64), all - place));
                stays[places[place]] = true;
            }
            shift(&|place| stays[place])
        };
        ((1..RESAMPLES).map(&mut drawn).collect(), RESAMPLES as usize)
    };
    let shifts = sorted(shifts.into_iter().flatten());
    // Those that exchange nothing, the observed one among them, reject no shift.
    let neutral = permutations - shifts.len();
    coverages.map(|coverage| {
        let tail = ((1.0 - coverage) / 2.0 * permutations as f64 + 1e-9).floor() as usize;
        match tail.checked_sub(neutral) {
            Some(place) => [shifts[place], shifts[shifts.len() - 1 - place]],
            None => [f64::NEG_INFINITY, f64::INFINITY],
        }
    })
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

/// The values that occur, in order.
pub(crate) fn distinct<T: Ord>(values: impl Iterator<Item = T>) -> Vec<T> {
    values.collect::<BTreeSet<T>>().into_iter().collect()
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
        close(outer_quantiles([4.0, 1.0, 2.0]).unwrap()[1], 2.0);
        close(outer_quantiles([4.0]).unwrap()[0], 4.0);
        assert_eq!(outer_quantiles([]), None);
        // Of 19 values the ends are the least and the greatest, of 39 the second from either end.
        for (count, low, high) in [(10, 1.0, 10.0), (19, 1.0, 19.0), (39, 2.0, 38.0)] {
            let ends = outer_quantiles((1..=count).map(f64::from)).unwrap();
            assert!((ends[0] - low).abs() + (ends[2] - high).abs() < 1e-9, "{count}: {ends:?}");
        }
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
    fn quantiles_of_students_distribution_are_those_of_tables() {
        for (coverage, freedom, table) in [
            (0.95, 1, 12.706),
            (0.95, 2, 4.303),
            (0.95, 4, 2.776),
            (0.9, 4, 2.132),
            (0.99, 5, 4.032),
            (0.9, 19, 1.729),
            (0.95, 19, 2.093),
            (0.999, 9, 4.781),
            (0.95, 100, 1.984),
        ] {
            let t = student_t(coverage, freedom);
            assert!((t - table).abs() < 6e-4, "{coverage}, {freedom}: {t}, {table}");
        }
        let [low, high] = mean_interval(&[1.0, 2.0, 3.0, 4.0, 5.0], 0.95);
        assert!((low - 1.0368).abs() < 1e-4 && (high - 4.9632).abs() < 1e-4, "{low} {high}");
        let [low, high] = mean_interval(&[7.0, 7.0], 0.95);
        assert!(low.to_bits() == high.to_bits(), "what does not scatter is certain");
    }

    /// Every shift that exchanges of the two samples reject, by trying each exchange.
    fn exchanged_differences(from: &[f64], to: &[f64]) -> Vec<f64> {
        let subsets = |values: &[f64], size: u32| -> Vec<f64> {
            let sets = (0..1_u32 << values.len()).filter(|set| set.count_ones() == size);
            let is_in = |set: u32, place: usize| set & (1 << place) != 0;
            let of = |set| (0..values.len()).filter(move |place| is_in(set, *place));
            sets.map(|set| mean(of(set).map(|place| values[place]))).collect()
        };
        let sizes = 1..=from.len().min(to.len()) as u32;
        let of_size = |size| {
            let (from, to) = (subsets(from, size), subsets(to, size));
            from.into_iter().flat_map(move |a| to.clone().into_iter().map(move |b| b - a))
        };
        sorted(sizes.flat_map(of_size))
    }

    #[test]
    fn the_permutation_interval_is_that_of_all_exchanges() {
        let from = [1.0, 2.5, 2.0, 9.0, 1.5];
        let to = [3.0, 4.2, 3.1, 2.2, 30.0];
        let exact = exchanged_differences(&from, &to);
        assert_eq!(exact.len(), 251);
        // 12 of 252 permutations are 5 % on either side: one is neutral, so the 12th of the others.
        let interval =
            |from: &[f64], to: &[f64], coverage| permutation_intervals([from, to], [coverage])[0];
        let [low, high] = interval(&from, &to, 0.9);
        close(low, exact[11]);
        close(high, exact[251 - 12]);
        // Drawn ones are about the same: of 7 values each there are 3,431.
        let (from, to) =
            ([1.0, 2.5, 2.0, 9.0, 1.5, 3.3, 0.7], [3.0, 4.2, 3.1, 2.2, 30.0, 6.1, 4.9]);
        let exact = exchanged_differences(&from, &to);
        for (end, place) in interval(&from, &to, 0.9).into_iter().zip([170, 3_260]) {
            assert!(exact[place - 25] <= end && end <= exact[place + 25], "{end}");
        }
        let [low, high] = interval(&from, &from, 0.95);
        assert!(low < 0.0 && high > 0.0);
        let [low, high] = interval(&[1.0; 5], &[3.0; 7], 0.95);
        close(low, 2.0);
        close(high, 2.0);
        assert!(interval(&[1.0], &[2.0], 0.95)[0].is_infinite());
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
