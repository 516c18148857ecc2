//! Service-time laws: how long an admitted call takes, drawn in whole nanoseconds.

mod congestion;
mod histogram;

pub use congestion::{CallsInFlight, Congestion};
pub use histogram::{Buckets, HistogramError};

use crate::rng::Generator;
use rand::Rng;
use rand_distr::{Distribution, LogNormal};
use std::time::Duration;

/// The standard normal's 0.99 quantile: turns "p99 is four times the median" into a sigma.
const Z_P99: f64 = 2.326_347_874_040_841;

/// A law of service times.
#[derive(Clone, Debug)]
pub struct Law(Shape);

#[derive(Clone, Debug)]
enum Shape {
    Constant(u64),
    Uniform { low_ns: u64, high_ns: u64 },
    LogNormal { mu: f64, sigma: f64, law: LogNormal<f64>, max_ns: u64 },
    Empirical(Vec<u64>),
    Histogram(Buckets),
}

/// Errors of the parameters of a law.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[allow(missing_docs, reason = "the messages say it")]
pub enum LawError {
    #[error("uniform law: low {low:?} lies above high {high:?}")]
    LowAboveHigh { low: Duration, high: Duration },
    #[error("log-normal law: the median must be above zero")]
    ZeroMedian,
    #[error("log-normal law: p99 {p99:?} lies below the median {median:?}")]
    P99BelowMedian { median: Duration, p99: Duration },
    #[error("log-normal law: max {max:?} lies below the median")]
    MaxBelowMedian { max: Duration },
    #[error("empirical law: no samples")]
    NoSamples,
    #[error("congestion: {name} = {value}: a figure from 0 to 1")]
    Congestion { name: &'static str, value: String },
}

impl Law {
    /// Always `time`.
    pub fn constant(time: Duration) -> Self {
        Self(Shape::Constant(crate::time::nanos(time)))
    }

    /// Uniform between `low` and `high`, both included.
    ///
    /// Errors: [`LawError::LowAboveHigh`].
    pub fn uniform(low: Duration, high: Duration) -> Result<Self, LawError> {
        if low > high {
            return Err(LawError::LowAboveHigh { low, high });
        }
        let (low_ns, high_ns) = (crate::time::nanos(low), crate::time::nanos(high));
        Ok(Self(Shape::Uniform { low_ns, high_ns }))
    }

    /// Log-normal, by its median and 0.99 quantile.
    ///
    /// Errors: [`LawError`] for a median of zero, or a `p99` below the median.
    pub fn log_normal(median: Duration, p99: Duration) -> Result<Self, LawError> {
        if median.is_zero() {
            return Err(LawError::ZeroMedian);
        }
        if p99 < median {
            return Err(LawError::P99BelowMedian { median, p99 });
        }
        let mu = (median.as_nanos() as f64).ln();
        let sigma = (p99.as_nanos() as f64 / median.as_nanos() as f64).ln() / Z_P99;
        let law = LogNormal::new(mu, sigma).expect("a finite sigma that is not negative");
        Ok(Self(Shape::LogNormal { mu, sigma, law, max_ns: u64::MAX }))
    }

    /// This log-normal law, with `max` in place of every longer time.
    ///
    /// Errors: [`LawError::MaxBelowMedian`]. Panics for another law.
    pub fn capped(self, max: Duration) -> Result<Self, LawError> {
        let Shape::LogNormal { mu, sigma, law, .. } = self.0 else {
            panic!("only the log-normal law has a tail to cap")
        };
        let max_ns = crate::time::nanos(max);
        if (max_ns as f64) < mu.exp() {
            return Err(LawError::MaxBelowMedian { max });
        }
        Ok(Self(Shape::LogNormal { mu, sigma, law, max_ns }))
    }

    /// Any of `samples`, equally likely.
    ///
    /// Errors: [`LawError::NoSamples`].
    pub fn empirical(samples: &[Duration]) -> Result<Self, LawError> {
        if samples.is_empty() {
            return Err(LawError::NoSamples);
        }
        Ok(Self(Shape::Empirical(samples.iter().copied().map(crate::time::nanos).collect())))
    }

    /// A histogram's times: each bucket is drawn in proportion to its count, uniformly within it.
    pub const fn histogram(buckets: Buckets) -> Self {
        Self(Shape::Histogram(buckets))
    }

    /// The same law with every time times `factor`, which is not negative.
    #[must_use]
    pub fn scaled(&self, factor: f64) -> Self {
        let times = |ns: &u64| (*ns as f64 * factor).round() as u64;
        Self(match &self.0 {
            Shape::Constant(ns) => Shape::Constant(times(ns)),
            Shape::Uniform { low_ns, high_ns } => {
                Shape::Uniform { low_ns: times(low_ns), high_ns: times(high_ns) }
            }
            Shape::LogNormal { mu, sigma, max_ns, .. } => {
                let mu = mu + factor.max(f64::MIN_POSITIVE).ln();
                let law = LogNormal::new(mu, *sigma).expect("a finite sigma, as it was");
                // Without a cap the product stays at the largest number.
                Shape::LogNormal { mu, sigma: *sigma, law, max_ns: times(max_ns) }
            }
            Shape::Empirical(samples) => Shape::Empirical(samples.iter().map(times).collect()),
            Shape::Histogram(buckets) => Shape::Histogram(buckets.scaled(factor)),
        })
    }

    /// One draw.
    pub fn sample(&self, rng: &mut Generator) -> Duration {
        Duration::from_nanos(match &self.0 {
            Shape::Constant(ns) => *ns,
            Shape::Uniform { low_ns, high_ns } => {
                let span = (high_ns - low_ns) as usize + 1;
                low_ns + crate::rng::below(rng.next_u64(), span) as u64
            }
            Shape::LogNormal { law, max_ns, .. } => (law.sample(rng).round() as u64).min(*max_ns),
            Shape::Empirical(samples) => samples[crate::rng::below(rng.next_u64(), samples.len())],
            Shape::Histogram(buckets) => buckets.sample(rng),
        })
    }

    /// The mean, rounded to whole ns.
    pub fn mean(&self) -> Duration {
        Duration::from_nanos(match &self.0 {
            Shape::Constant(ns) => *ns,
            Shape::Uniform { low_ns, high_ns } => low_ns.midpoint(*high_ns),
            Shape::LogNormal { mu, sigma, max_ns: u64::MAX, .. } => {
                (mu + sigma * sigma / 2.0).exp().round() as u64
            }
            Shape::LogNormal { mu, sigma, max_ns, .. } => capped_mean(*mu, *sigma, *max_ns as f64),
            Shape::Empirical(samples) => {
                let sum: u128 = samples.iter().map(|&ns| u128::from(ns)).sum();
                (sum / samples.len() as u128) as u64
            }
            Shape::Histogram(buckets) => buckets.mean_ns(),
        })
    }
}

/// Mean of a log-normal law with `max` in place of every longer time, in whole ns.
///
/// Source: the limited expected value of Klugman, Panjer and Willmot, Loss Models, appendix A.
fn capped_mean(mu: f64, sigma: f64, max: f64) -> u64 {
    let mean = (mu + sigma * sigma / 2.0).exp();
    if sigma <= 0.0 {
        return mean.min(max).round() as u64;
    }
    let z = (max.ln() - mu) / sigma;
    let below = |z: f64| 0.5 * libm::erfc(-z / std::f64::consts::SQRT_2);
    (mean * below(z - sigma) + max * below(-z)).round() as u64
}

#[cfg(test)]
mod tests {
    use super::*;

    const MS: Duration = Duration::from_millis(1);

    fn draws(law: &Law, count: usize) -> Vec<u64> {
        let mut rng = crate::rng::stream(1, "test");
        let mut draws: Vec<u64> =
            (0..count).map(|_| law.sample(&mut rng).as_nanos() as u64).collect();
        draws.sort_unstable();
        draws
    }

    #[test]
    fn log_normal_meets_its_median_p99_and_mean() {
        let law = Law::log_normal(250 * MS, 1000 * MS).unwrap();
        let draws = draws(&law, 200_000);
        let quantile = |q: f64| draws[(q * draws.len() as f64) as usize] as f64 / 1e6;
        assert!((quantile(0.5) - 250.0).abs() < 3.0, "{}", quantile(0.5));
        assert!((quantile(0.99) - 1000.0).abs() < 20.0, "{}", quantile(0.99));
        let mean = draws.iter().sum::<u64>() as f64 / draws.len() as f64;
        let ratio = mean / law.mean().as_nanos() as f64;
        assert!((0.99..1.01).contains(&ratio), "{ratio}");
    }

    #[test]
    fn a_capped_tail_ends_at_its_cap_and_the_mean_knows() {
        let law = Law::log_normal(250 * MS, 1000 * MS).unwrap().capped(600 * MS).unwrap();
        let capped = draws(&law, 200_000);
        assert_eq!(capped.last(), Some(&600_000_000));
        let at_cap = capped.iter().filter(|&&ns| ns == 600_000_000).count() as f64 / 200_000.0;
        assert!((0.06..0.08).contains(&at_cap), "{at_cap}");
        let mean = capped.iter().sum::<u64>() as f64 / 200_000.0;
        let ratio = mean / law.mean().as_nanos() as f64;
        assert!((0.995..1.005).contains(&ratio), "{ratio}");
        // A time below the cap is drawn as without one.
        let whole = draws(&Law::log_normal(250 * MS, 1000 * MS).unwrap(), 200_000);
        assert!(
            capped.iter().zip(&whole).all(|(capped, whole)| *capped == (*whole).min(600_000_000))
        );
        let far = Law::log_normal(250 * MS, 1000 * MS).unwrap().capped(86_400_000 * MS).unwrap();
        let uncapped = Law::log_normal(250 * MS, 1000 * MS).unwrap().mean();
        assert!(far.mean().abs_diff(uncapped) < Duration::from_micros(1));
    }

    #[test]
    fn uniform_and_empirical_stay_in_their_range() {
        let draws_uniform = draws(&Law::uniform(MS, 3 * MS).unwrap(), 10_000);
        assert!(draws_uniform[0] >= 1_000_000 && draws_uniform[9_999] <= 3_000_000);
        assert!(draws_uniform[0] < 1_010_000 && draws_uniform[9_999] > 2_990_000);
        let draws_empirical = draws(&Law::empirical(&[MS, 5 * MS]).unwrap(), 100);
        assert_eq!((draws_empirical[0], draws_empirical[99]), (1_000_000, 5_000_000));
    }

    #[test]
    fn a_scaled_law_takes_so_many_times_as_long() {
        let laws = [
            Law::constant(4 * MS),
            Law::uniform(2 * MS, 6 * MS).unwrap(),
            Law::log_normal(4 * MS, 16 * MS).unwrap(),
            Law::log_normal(4 * MS, 16 * MS).unwrap().capped(8 * MS).unwrap(),
            Law::empirical(&[2 * MS, 8 * MS]).unwrap(),
        ];
        for law in laws {
            let ratio = law.scaled(2.5).mean().as_secs_f64() / law.mean().as_secs_f64();
            assert!((ratio - 2.5).abs() < 1e-6, "{law:?}: {ratio}");
            let (draws, scaled) = (draws(&law, 100), draws(&law.scaled(2.5), 100));
            for (one, other) in draws.iter().zip(scaled) {
                assert!((*one as f64).mul_add(-2.5, other as f64).abs() < 3.0, "{law:?}");
            }
        }
    }

    #[test]
    fn figures_that_make_no_law_are_refused() {
        assert_eq!(
            Law::uniform(2 * MS, MS).unwrap_err(),
            LawError::LowAboveHigh { low: 2 * MS, high: MS }
        );
        assert_eq!(Law::log_normal(Duration::ZERO, MS).unwrap_err(), LawError::ZeroMedian);
        assert!(matches!(Law::log_normal(2 * MS, MS), Err(LawError::P99BelowMedian { .. })));
        assert_eq!(Law::empirical(&[]).unwrap_err(), LawError::NoSamples);
        let low = Law::log_normal(2 * MS, 4 * MS).unwrap().capped(MS).unwrap_err();
        assert_eq!(low, LawError::MaxBelowMedian { max: MS });
    }
}
