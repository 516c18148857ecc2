//! Posterior of the service-time law of one kind of call: log-normal, or constant.
//!
//! The prior of mean and variance of the logarithms is non-informative (density 1 ÷ variance), so that
//! an interval of 90 % holds the true figure in 90 of 100 probes where the law is log-normal: Student's
//! t for the median, the non-central t for p99.
//! Source: Gelman et al., "Bayesian Data Analysis", 3rd ed., section 3.2.

use super::growth::{Growth, LogTimes, moments};
use crate::stats::{self, Z_P90, Z_P99, sorted};
use neon_mock::file::DurationText;
use neon_mock::profile::{LawName, WireLaw};
use neon_mock::rng::Generator;
use rand_distr::{ChiSquared, Distribution, StandardNormal};
use serde::Serialize;
use std::time::Duration;

/// Weight of a call of which only p50 and p90 are stored: the two quantiles hold 27 % of the information
/// on the deviation that all calls would hold (asymptotic variances of sample quantiles).
const OF_QUANTILES: f64 = 0.25;

/// The fewest calls that a law estimates its own deviation from.
const OWN_DEVIATION: usize = 6;

/// Range, in ns, within which all times count as one constant time.
const ALIKE_NS: f64 = 1e6;

/// Standard deviation of the logarithm of an assumed ratio: nine of ten true ratios lie between 2/3 and
/// 3/2 of it.
const ASSUMED: f64 = 0.25;

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
#[derive(Clone, Copy, Debug, PartialEq)]
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
}

impl FittedLaw {
    /// Median and p99, in ns.
    pub fn figures(self) -> [f64; 2] {
        match self {
            Self::Constant { ns } => [ns, ns],
            Self::LogNormal { mean, deviation } => {
                [mean.exp(), Z_P99.mul_add(deviation, mean).exp()]
            }
        }
        .map(|ns| ns.min(MOST_NS))
    }

    fn scaled(self, factor: f64) -> Self {
        match self {
            Self::Constant { ns } => Self::Constant { ns: ns * factor },
            Self::LogNormal { mean, deviation } => {
                Self::LogNormal { mean: mean + factor.ln(), deviation }
            }
        }
    }

    /// The law in the wire form of a profile, rounded to whole µs from 1 µs on.
    pub(super) fn wire(self) -> WireLaw {
        let [median, p99] = self.figures().map(text);
        match self {
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
    DurationText(Duration::from_nanos(rounded as u64))
}

/// The data of one kind of call, and with them the posterior of its law.
#[derive(Clone, Debug)]
pub(super) enum LawPosterior {
    /// All calls took the same time.
    Constant { ns: f64, calls: usize },
    /// Logarithms of ns, each with the calls in flight that the call met.
    Calls(Vec<(f64, usize)>),
    /// Moments of the logarithms, from quantiles.
    Quantiles { mean: f64, deviation: f64, calls: usize },
    /// No data: the law of reads, times this ratio.
    Assumed { ratio: f64 },
}

impl LawPosterior {
    /// Posterior from `times`: ns and calls in flight. Too few times borrow the deviation of `reads`; no
    /// times at all assume `ratio` to the reads.
    pub(super) fn of(times: &[(f64, usize)], reads: Option<&Self>, ratio: f64) -> Self {
        if times.is_empty() {
            return Self::Assumed { ratio };
        }
        let sorted = sorted(times.iter().map(|(ns, _)| *ns));
        let is_alike = sorted[sorted.len() - 1] - sorted[0] <= ALIKE_NS;
        let reads_are = matches!(reads, Some(Self::Constant { .. }));
        if is_alike && (sorted.len() >= 3 || reads_are) {
            return Self::Constant { ns: sorted[sorted.len() / 2], calls: sorted.len() };
        }
        // A time of 0 has no logarithm: it counts as 1 ns.
        Self::Calls(times.iter().map(|(ns, in_flight)| (ns.max(1.0).ln(), *in_flight)).collect())
    }

    /// Posterior from p50 and p90 of `calls` calls, in ns.
    pub(super) fn of_quantiles(p50_ns: f64, p90_ns: f64, calls: usize, ratio: f64) -> Self {
        if calls == 0 {
            return Self::Assumed { ratio };
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
            Self::Constant { .. } | Self::Assumed { .. } => None,
            Self::Calls(times) => {
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
            Self::Calls(times) => times.len() >= OWN_DEVIATION,
            Self::Quantiles { calls, .. } => *calls as f64 * OF_QUANTILES >= OWN_DEVIATION as f64,
            Self::Constant { .. } | Self::Assumed { .. } => false,
        }
    }

    /// The single calls, if they suffice to estimate the deviation.
    pub(super) fn scatters(&self) -> Option<&LogTimes> {
        match self {
            Self::Calls(times) if times.len() >= OWN_DEVIATION => Some(times),
            _ => None,
        }
    }

    pub(super) fn source(&self) -> LawSource {
        match self {
            Self::Assumed { .. } => LawSource::Assumed,
            Self::Constant { .. } => LawSource::Measured,
            Self::Calls(_) | Self::Quantiles { .. } if self.has_own_deviation() => {
                LawSource::Measured
            }
            Self::Calls(_) | Self::Quantiles { .. } => LawSource::FewCalls,
        }
    }

    pub(super) fn calls(&self) -> usize {
        match self {
            Self::Constant { calls, .. } | Self::Quantiles { calls, .. } => *calls,
            Self::Calls(times) => times.len(),
            Self::Assumed { .. } => 0,
        }
    }

    /// The point estimate; `reads` is the law of reads.
    pub(super) fn point(&self, growth: Growth, reads: Option<FittedLaw>) -> FittedLaw {
        match (self, self.moments(growth)) {
            (Self::Constant { ns, .. }, _) => FittedLaw::Constant { ns: *ns },
            (_, Some((mean, squares, calls))) => {
                let own = (squares / (calls - 1.0).max(1.0)).sqrt();
                let deviation = if self.has_own_deviation() { own } else { borrowed(reads, own) };
                FittedLaw::LogNormal { mean, deviation }
            }
            (_, None) => reads.expect("reads are measured").scaled(self.ratio()),
        }
    }

    /// One law drawn from the posterior.
    pub(super) fn draw(
        &self,
        growth: Growth,
        reads: Option<FittedLaw>,
        from: &mut Generator,
    ) -> FittedLaw {
        let normal: f64 = StandardNormal.sample(from);
        match (self, self.moments(growth)) {
            (Self::Constant { ns, .. }, _) => FittedLaw::Constant { ns: *ns },
            (_, Some((mean, squares, calls))) => {
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
            (_, None) => {
                let reads = reads.expect("reads are measured");
                reads.scaled(self.ratio() * (ASSUMED * normal).exp())
            }
        }
    }

    const fn ratio(&self) -> f64 {
        match self {
            Self::Assumed { ratio } => *ratio,
            _ => 1.0,
        }
    }
}

/// The deviation of reads, or `own` where reads are constant.
fn borrowed(reads: Option<FittedLaw>, own: f64) -> f64 {
    match reads {
        Some(FittedLaw::LogNormal { deviation, .. }) => deviation,
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
    pub(super) fn of(posterior: &LawPosterior, point: FittedLaw, draws: &[FittedLaw]) -> Self {
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
