//! Posterior of the growth of service times with the calls in flight: the universal scalability law on
//! a grid of its two coefficients.
//!
//! The prior favours no growth, so that a few calls that happen to be slow are not taken for load.

use crate::stats::mean;
use neon_mock::profile::WireCongestion;
use neon_mock::service::Congestion;

/// Prior probability that service times do not grow.
const PRIOR_STEADY: f64 = 0.65;

/// The grid of coefficients.
const CONTENTION: [f64; 8] = [0.0, 0.02, 0.05, 0.1, 0.15, 0.2, 0.3, 0.5];
const COHERENCY: [f64; 9] = [0.0, 0.002, 0.005, 0.01, 0.015, 0.02, 0.03, 0.05, 0.1];

/// Deviations of logarithms below this count as this, so that constant times have a likelihood.
const LEAST_DEVIATION: f64 = 1e-3;

/// Service times of one kind of call: logarithms of ns, each with the calls in flight, itself
/// included.
pub(super) type LogTimes = [(f64, usize)];

/// Coefficients of the universal scalability law; both 0 without growth.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(super) struct Growth {
    pub(super) contention: f64,
    pub(super) coherency: f64,
}

impl Growth {
    /// Logarithm of the factor on the service time with `in_flight` calls in flight.
    pub(super) fn log_factor(self, in_flight: usize) -> f64 {
        match Congestion::new(self.contention, self.coherency) {
            Ok(Some(congestion)) => congestion.factor(in_flight).ln(),
            _ => 0.0,
        }
    }

    /// The wire form of a profile, with four decimals; none without growth.
    pub(super) fn wire(self) -> Option<WireCongestion> {
        let [contention, coherency] =
            [self.contention, self.coherency].map(|it| (it * 1e4).round() / 1e4);
        (contention > 0.0 || coherency > 0.0).then_some(WireCongestion { contention, coherency })
    }
}

/// Mean and sum of squared deviations of the logarithms, corrected for growth.
pub(super) fn moments(times: &LogTimes, growth: Growth) -> (f64, f64) {
    let logs = times.iter().map(|(log, in_flight)| log - growth.log_factor(*in_flight));
    let mean = mean(logs.clone());
    (mean, logs.map(|log| (log - mean).powi(2)).sum())
}

/// Probability of each pair of coefficients; they sum to 1.
#[derive(Clone, Debug)]
pub(super) struct GrowthPosterior(Vec<(Growth, f64)>);

impl GrowthPosterior {
    /// Posterior from the service times of `endpoints`, each with a median and a deviation of its own
    /// under a non-informative prior. Without times it is the prior.
    pub(super) fn of(endpoints: &[&LogTimes]) -> Self {
        let cells = CONTENTION.iter().flat_map(|&contention| {
            COHERENCY.iter().map(move |&coherency| Growth { contention, coherency })
        });
        let grown = (CONTENTION.len() * COHERENCY.len() - 1) as f64;
        let likelihoods: Vec<(Growth, f64)> = cells
            .map(|growth| {
                let is_steady = growth == Growth::default();
                let prior = if is_steady { PRIOR_STEADY } else { (1.0 - PRIOR_STEADY) / grown };
                let of = |times: &&LogTimes| {
                    let freedom = times.len().saturating_sub(1) as f64;
                    let (_, squares) = moments(times, growth);
                    let least = times.len() as f64 * LEAST_DEVIATION.powi(2);
                    -freedom / 2.0 * squares.max(least).ln()
                };
                (growth, prior.ln() + endpoints.iter().map(of).sum::<f64>())
            })
            .collect();
        let most = likelihoods.iter().map(|(_, log)| *log).fold(f64::NEG_INFINITY, f64::max);
        let total: f64 = likelihoods.iter().map(|(_, log)| (log - most).exp()).sum();
        Self(likelihoods.into_iter().map(|(it, log)| (it, (log - most).exp() / total)).collect())
    }

    /// Certainty that nothing grows.
    pub(super) fn steady() -> Self {
        Self(vec![(Growth::default(), 1.0)])
    }

    /// Probability (0 to 1) that service times grow at all.
    pub(super) fn grows(&self) -> f64 {
        let steady = self.0.iter().find(|(growth, _)| *growth == Growth::default());
        1.0 - steady.map_or(0.0, |(_, probability)| *probability)
    }

    /// Posterior mean of the coefficients if growth is more likely than not, else no growth.
    pub(super) fn point(&self) -> Growth {
        let grows = self.grows();
        if grows <= 0.5 {
            return Growth::default();
        }
        let mean = |figure: fn(&Growth) -> f64| {
            self.0.iter().map(|(growth, probability)| figure(growth) * probability).sum::<f64>()
                / grows
        };
        Growth { contention: mean(|it| it.contention), coherency: mean(|it| it.coherency) }
    }

    /// The pair at cumulative probability `unit`, in [0, 1).
    pub(super) fn at(&self, unit: f64) -> Growth {
        let mut passed = 0.0;
        for (growth, probability) in &self.0 {
            passed += probability;
            if unit < passed {
                return *growth;
            }
        }
        self.point()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Calls whose logarithms alternate around that of `growth`.
    fn times(growth: Growth, deviation: f64) -> Vec<(f64, usize)> {
        let sign = |place: usize| if place.is_multiple_of(2) { deviation } else { -deviation };
        let burst = (1..=11).map(|n| (19.0 + growth.log_factor(n) + sign(n), n));
        let single = (0..12).map(|place| (19.0 + sign(place), 1));
        single.chain(burst).collect()
    }

    #[test]
    fn growth_is_found_where_it_is_and_not_where_it_is_not() {
        let planted = Growth { contention: 0.05, coherency: 0.015 };
        let found = GrowthPosterior::of(&[&times(planted, 0.4)]);
        assert!(found.grows() > 0.9, "{}", found.grows());
        let factor = found.point().log_factor(5).exp() / planted.log_factor(5).exp();
        assert!((0.7..1.4).contains(&factor), "{factor}");
        let steady = GrowthPosterior::of(&[&times(Growth::default(), 0.6)]);
        assert!(steady.grows() < 0.2 && steady.point() == Growth::default());
    }

    #[test]
    fn probabilities_sum_to_one() {
        let found = GrowthPosterior::of(&[&times(Growth { contention: 0.1, coherency: 0.0 }, 0.3)]);
        let sum: f64 = found.0.iter().map(|(_, probability)| probability).sum();
        assert!((sum - 1.0).abs() < 1e-9);
        assert_eq!(GrowthPosterior::steady().at(0.999_999), Growth::default());
    }
}
