//! How far served times lie from drawn ones.

/// The Kolmogorov–Smirnov distance between two samples: the largest distance of their distribution
/// functions. Sorts both.
pub(super) fn ks(a: &mut [f64], b: &mut [f64]) -> f64 {
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

    #[test]
    fn the_distance_is_that_of_the_distribution_functions() {
        let distance = |a: &[f64], b: &[f64]| ks(&mut a.to_vec(), &mut b.to_vec());
        let close = |a: f64, b: f64| assert!((a - b).abs() < 1e-12, "{a} {b}");
        close(distance(&[1.0, 2.0, 3.0], &[3.0, 1.0, 2.0]), 0.0);
        close(distance(&[1.0, 2.0, 3.0, 4.0], &[2.5, 3.5, 4.5, 5.5]), 0.5);
        close(distance(&[1.0, 2.0], &[3.0, 4.0]), 1.0);
        // Samples of different sizes, with ties.
        close(distance(&[1.0, 1.0, 2.0], &[1.0, 2.0, 2.0, 2.0]), 2.0 / 3.0 - 0.25);
    }
}
