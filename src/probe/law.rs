//! Posterior of the service-time law of one kind of call: constant, log-normal, or the times themselves
//! where they are not log-normal.
//!
//! The prior of mean and variance of the logarithms is non-informative (density 1 ÷ variance), so that
//! an interval of 90 % holds the true figure in 90 of 100 probes where the law is log-normal: Student's
//! t for the median, the non-central t for p99.
//! Source: Gelman et al., "Bayesian Data Analysis", 3rd ed., section 3.2.
//!
//! The Anderson–Darling test looks at the fit before it is believed. Times that it rejects are drawn by
//! the Bayesian bootstrap: each has a share of the calls, and the shares are drawn.
//! Sources: Stephens, "EDF Statistics for Goodness of Fit", 1974; Rubin, "The Bayesian Bootstrap", 1981.

use super::growth::{Growth, LogTimes, moments};
use crate::stats::{self, Z_P90, Z_P95, Z_P99, normal_cdf, quantile, sorted};
use neon_mock::bounds::TIME;
use neon_mock::file::DurationText;
use neon_mock::profile::{LawName, WireLaw};
use neon_mock::rng::Generator;
use rand_distr::{ChiSquared, Distribution, Exp1, StandardNormal};
use serde::Serialize;
use std::sync::Arc;
use std::time::Duration;

/// Weight of a call of which only p50 and p90 are stored: the two quantiles hold 27 % of the information
/// on the deviation that all calls would hold (asymptotic variances of sample quantiles).
const OF_QUANTILES: f64 = 0.25;

/// The fewest calls that a law estimates its own deviation from.
const OWN_DEVIATION: usize = 6;

/// Range, in ns, within which all times count as one constant time.
const ALIKE_NS: f64 = 1e6;

/// The fewest calls that are tested for being log-normal.
const TESTED: usize = 8;

/// Critical value of the corrected Anderson–Darling statistic at a level of 5 %.
const REJECTED: f64 = 0.752;

/// Times that stand for a law that is not log-normal.
const TIMES: usize = 200;

/// The longest service time of a profile, in ns: a day.
const MOST_NS: f64 = 86_400e9;

/// The evidence behind a law.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, schemars::JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum LawSource {
    /// Enough calls.
    Measured,
    /// Too few calls to estimate the deviation, which is that of reads.
    FewCalls,
    /// No call: the law of reads, times an assumed ratio.
    Assumed,
}

/// A service-time law.
#[derive(Clone, Debug, PartialEq)]
pub enum FittedLaw {
    /// Every call takes the same time.
    Constant {
        /// Service time in ns.
        ns: f64,
    },
    /// The logarithms of ns are normally distributed.
    LogNormal {
        /// Their mean.
        mean: f64,
        /// Their standard deviation.
        deviation: f64,
    },
    /// Any of these times in ns, in increasing order, is equally likely.
    Times(Arc<[f64]>),
}

/// An assumed ratio of the service times of a kind of call to those of reads.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct AssumedRatio {
    /// The 5th, 50th and 95th percentile of its prior.
    pub(super) quantiles: [f64; 3],
}

impl AssumedRatio {
    /// The median.
    const fn point(self) -> f64 {
        self.quantiles[1]
    }

    /// The ratio at `normal`, standard normally distributed: each side of the median is half a
    /// log-normal of its own deviation.
    fn at(self, normal: f64) -> f64 {
        let [low, median, high] = self.quantiles;
        let side = if normal < 0.0 { median / low } else { high / median };
        median * (side.ln() / Z_P95 * normal).exp()
    }
}

impl FittedLaw {
    /// Median and p99, in ns.
    pub fn figures(&self) -> [f64; 2] {
        match self {
            Self::Constant { ns } => [*ns, *ns],
            Self::LogNormal { mean, deviation } => {
                [mean.exp(), Z_P99.mul_add(*deviation, *mean).exp()]
            }
            Self::Times(ns) => [quantile(ns, 0.5), quantile(ns, 0.99)],
        }
        .map(|ns| ns.min(MOST_NS))
    }

    fn scaled(&self, factor: f64) -> Self {
        match self {
            Self::Constant { ns } => Self::Constant { ns: ns * factor },
            Self::LogNormal { mean, deviation } => {
                Self::LogNormal { mean: mean + factor.ln(), deviation: *deviation }
            }
            Self::Times(ns) => Self::Times(ns.iter().map(|ns| ns * factor).collect()),
        }
    }

    /// The law in the wire form of a profile, rounded to whole µs from 1 µs on.
    pub(super) fn wire(&self) -> WireLaw {
        let [median, p99] = self.figures().map(text);
        match self {
            Self::Times(ns) => WireLaw {
                samples: Some(ns.iter().map(|ns| text(ns.min(MOST_NS))).collect()),
                ..WireLaw::named(LawName::Empirical)
            },
            Self::Constant { .. } => {
                WireLaw { time: Some(median), ..WireLaw::named(LawName::Constant) }
            }
            Self::LogNormal { .. } => WireLaw {
                median: Some(median),
                p99: Some(p99),
                ..WireLaw::named(LawName::LogNormal)
            },
        }
    }
}

/// Rounded to whole µs; below 1 µs, to whole ns.
fn text(ns: f64) -> DurationText {
    let ns = ns.max(0.0);
    let rounded = if ns < 1e3 { ns.round() } else { (ns / 1e3).round() * 1e3 };
    DurationText(TIME.clamp(Duration::from_nanos(rounded as u64)))
}

/// The data of one kind of call, and with them the posterior of its law.
#[derive(Clone, Debug)]
pub(super) enum LawPosterior {
    /// All calls took the same time.
    Constant { ns: f64, calls: usize },
    /// Logarithms of ns, each with the calls in flight that the call met.
    Calls { times: Vec<(f64, usize)>, is_log_normal: bool },
    /// Moments of the logarithms, from quantiles.
    Quantiles { mean: f64, deviation: f64, calls: usize },
    /// No data: the law of reads, times this ratio.
    Assumed(AssumedRatio),
}

impl LawPosterior {
    /// Posterior from `times`: ns and calls in flight. Too few times borrow the deviation of `reads`; no
    /// times at all assume `ratio` to the reads.
    pub(super) fn of(times: &[(f64, usize)], reads: Option<&Self>, ratio: AssumedRatio) -> Self {
        if times.is_empty() {
            return Self::Assumed(ratio);
        }
        let sorted = sorted(times.iter().map(|(ns, _)| *ns));
        let is_alike = sorted[sorted.len() - 1] - sorted[0] <= ALIKE_NS;
        let reads_are = matches!(reads, Some(Self::Constant { .. }));
        if is_alike && (sorted.len() >= 3 || reads_are) {
            return Self::Constant { ns: sorted[sorted.len() / 2], calls: sorted.len() };
        }
        // A time of 0 has no logarithm: it counts as 1 ns.
        let times = times.iter().map(|(ns, in_flight)| (ns.max(1.0).ln(), *in_flight)).collect();
        Self::Calls { times, is_log_normal: true }
    }

    /// The same once it has been looked at whether its times, corrected for `growth`, are log-normal.
    pub(super) fn looked_at(self, growth: Growth) -> Self {
        match self {
            Self::Calls { times, .. } => {
                let is_log_normal = is_normal(&corrected(&times, growth));
                Self::Calls { times, is_log_normal }
            }
            other => other,
        }
    }

    /// Posterior from p50 and p90 of `calls` calls, in ns.
    pub(super) fn of_quantiles(
        p50_ns: f64,
        p90_ns: f64,
        calls: usize,
        ratio: AssumedRatio,
    ) -> Self {
        if calls == 0 {
            return Self::Assumed(ratio);
        }
        if p90_ns - p50_ns <= ALIKE_NS {
            return Self::Constant { ns: p50_ns, calls };
        }
        let (p50_ns, p90_ns) = (p50_ns.max(1.0), p90_ns.max(1.0));
        Self::Quantiles { mean: p50_ns.ln(), deviation: (p90_ns / p50_ns).ln() / Z_P90, calls }
    }

    /// Mean and sum of squared deviations of the logarithms, and the effective number of calls; `None`
    /// for a constant or assumed law.
    fn moments(&self, growth: Growth) -> Option<(f64, f64, f64)> {
        match self {
            Self::Constant { .. } | Self::Assumed(_) => None,
            Self::Calls { times, .. } => {
                let (mean, squares) = moments(times, growth);
                Some((mean, squares, times.len() as f64))
            }
            Self::Quantiles { mean, deviation, calls } => {
                let worth = (*calls as f64 * OF_QUANTILES).max(2.0);
                Some((*mean, deviation.powi(2) * (worth - 1.0), worth))
            }
        }
    }

    /// True if the data suffice to estimate the deviation.
    const fn has_own_deviation(&self) -> bool {
        match self {
            Self::Calls { times, .. } => times.len() >= OWN_DEVIATION,
            Self::Quantiles { calls, .. } => *calls as f64 * OF_QUANTILES >= OWN_DEVIATION as f64,
            Self::Constant { .. } | Self::Assumed(_) => false,
        }
    }

    /// The single calls, if they suffice to estimate the deviation.
    pub(super) fn scatters(&self) -> Option<&LogTimes> {
        match self {
            Self::Calls { times, .. } if times.len() >= OWN_DEVIATION => Some(times),
            _ => None,
        }
    }

    /// True if the times were found not to be log-normal.
    pub(super) const fn is_of_times(&self) -> bool {
        matches!(self, Self::Calls { is_log_normal: false, .. })
    }

    pub(super) fn source(&self) -> LawSource {
        match self {
            Self::Assumed(_) => LawSource::Assumed,
            Self::Constant { .. } => LawSource::Measured,
            Self::Calls { .. } | Self::Quantiles { .. } if self.has_own_deviation() => {
                LawSource::Measured
            }
            Self::Calls { .. } | Self::Quantiles { .. } => LawSource::FewCalls,
        }
    }

    pub(super) fn calls(&self) -> usize {
        match self {
            Self::Constant { calls, .. } | Self::Quantiles { calls, .. } => *calls,
            Self::Calls { times, .. } => times.len(),
            Self::Assumed(_) => 0,
        }
    }

    /// The point estimate; `reads` is the law of reads.
    pub(super) fn point(&self, growth: Growth, reads: Option<&FittedLaw>) -> FittedLaw {
        match self {
            Self::Constant { ns, .. } => FittedLaw::Constant { ns: *ns },
            Self::Assumed(ratio) => reads.expect("reads are measured").scaled(ratio.point()),
            Self::Calls { times, is_log_normal: false } => {
                let logs = sorted(corrected(times, growth));
                let all: Vec<f64> = logs.iter().map(|log| log.exp()).collect();
                let thinned =
                    (0..TIMES).map(|place| quantile(&all, (place as f64 + 0.5) / TIMES as f64));
                FittedLaw::Times(if all.len() <= TIMES { all.into() } else { thinned.collect() })
            }
            Self::Calls { .. } | Self::Quantiles { .. } => {
                let (mean, squares, calls) = self.moments(growth).expect("there are calls");
                let own = (squares / (calls - 1.0).max(1.0)).sqrt();
                let deviation = if self.has_own_deviation() { own } else { borrowed(reads, own) };
                FittedLaw::LogNormal { mean, deviation }
            }
        }
    }

    /// One law drawn from the posterior.
    pub(super) fn draw(
        &self,
        growth: Growth,
        reads: Option<&FittedLaw>,
        from: &mut Generator,
    ) -> FittedLaw {
        let normal: f64 = StandardNormal.sample(from);
        match self {
            Self::Constant { ns, .. } => FittedLaw::Constant { ns: *ns },
            Self::Assumed(ratio) => reads.expect("reads are measured").scaled(ratio.at(normal)),
            Self::Calls { times, is_log_normal: false } => {
                resampled(corrected(times, growth), from)
            }
            Self::Calls { .. } | Self::Quantiles { .. } => {
                let (mean, squares, calls) = self.moments(growth).expect("there are calls");
                let freedom = calls - 1.0;
                let deviation = if self.has_own_deviation() {
                    let chi = ChiSquared::new(freedom).expect("some freedom").sample(from);
                    (squares / chi).sqrt()
                } else {
                    borrowed(reads, (squares / freedom.max(1.0)).sqrt())
                };
                FittedLaw::LogNormal {
                    mean: deviation.mul_add(normal / calls.sqrt(), mean),
                    deviation,
                }
            }
        }
    }
}

/// The logarithms of `times` without the growth.
fn corrected(times: &LogTimes, growth: Growth) -> Vec<f64> {
    times.iter().map(|(log, in_flight)| log - growth.log_factor(*in_flight)).collect()
}

/// [`TIMES`] times by the Bayesian bootstrap of `logs`: shares of a flat Dirichlet distribution.
fn resampled(logs: Vec<f64>, from: &mut Generator) -> FittedLaw {
    let logs = sorted(logs);
    let shares: Vec<f64> = logs.iter().map(|_| Exp1.sample(from)).collect();
    let all: f64 = shares.iter().sum();
    let (mut place, mut passed) = (0, shares[0]);
    let time = |step: usize| {
        let at = (step as f64 + 0.5) / TIMES as f64 * all;
        while passed < at && place + 1 < logs.len() {
            place += 1;
            passed += shares[place];
        }
        logs[place].exp()
    };
    FittedLaw::Times((0..TIMES).map(time).collect())
}

/// True if the Anderson–Darling test does not reject that `values` are normally distributed, or if they
/// are too few to test.
fn is_normal(values: &[f64]) -> bool {
    let count = values.len() as f64;
    if values.len() < TESTED {
        return true;
    }
    let (values, mean) = (sorted(values.iter().copied()), stats::mean(values.iter().copied()));
    let deviation = (stats::squared_deviations(&values) / (count - 1.0)).sqrt();
    let below = |value: f64| normal_cdf((value - mean) / deviation).clamp(1e-12, 1.0 - 1e-12);
    let term = |(place, value): (usize, &f64)| {
        let mirrored = values[values.len() - 1 - place];
        (2.0 * place as f64 + 1.0) * (below(*value).ln() + (1.0 - below(mirrored)).ln())
    };
    let squared = -count - values.iter().enumerate().map(term).sum::<f64>() / count;
    squared * (1.0 + 0.75 / count + 2.25 / (count * count)) < REJECTED
}

/// The deviation of reads, or `own` where reads are constant.
fn borrowed(reads: Option<&FittedLaw>, own: f64) -> f64 {
    match reads {
        Some(FittedLaw::LogNormal { deviation, .. }) => *deviation,
        Some(FittedLaw::Times(ns)) => {
            let logs: Vec<f64> = ns.iter().map(|ns| ns.ln()).collect();
            (stats::squared_deviations(&logs) / logs.len() as f64).sqrt()
        }
        Some(FittedLaw::Constant { .. }) | None => own,
    }
}

/// Median and p99 of a law in ms, each with the interval that holds the true figure in 90 of 100 probes.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, schemars::JsonSchema)]
pub struct LawEstimate {
    /// The evidence.
    pub source: LawSource,
    /// Number of calls behind the estimate.
    pub calls: usize,
    /// Median in ms.
    pub median_ms: f64,
    /// 5th and 95th percentile of the posterior of the median, in ms.
    pub median_ms_interval: [f64; 2],
    /// 0.99 quantile in ms.
    pub p99_ms: f64,
    /// 5th and 95th percentile of the posterior of p99, in ms.
    pub p99_ms_interval: [f64; 2],
}

impl LawEstimate {
    pub(super) fn of(posterior: &LawPosterior, point: &FittedLaw, draws: &[FittedLaw]) -> Self {
        let interval = |figure: usize| {
            let figures = draws.iter().map(|law| law.figures()[figure]);
            let [low, _, high] = stats::outer_quantiles(figures).expect("laws were drawn");
            [low / 1e6, high / 1e6]
        };
        let [median, p99] = point.figures();
        Self {
            source: posterior.source(),
            calls: posterior.calls(),
            median_ms: median / 1e6,
            median_ms_interval: interval(0),
            p99_ms: p99 / 1e6,
            p99_ms_interval: interval(1),
        }
    }
}
