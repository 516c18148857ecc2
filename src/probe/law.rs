//! Service times of one kind of call: a log-normal law, or a constant one, with what a few dozen
//! calls leave open of it.
//!
//! Of mean and deviation of the logarithms nothing is known beforehand (the density is as 1 ÷
//! variance), so that an interval of 90 % holds the true figure in 90 of 100 probes where the law is
//! log-normal: Student's t for the median, the non-central t for p99.
//! Source: Gelman et al., "Bayesian Data Analysis", 3rd ed., section 3.2.

use super::growth::{Growth, LogTimes, moments};
use crate::stats::{self, Z_P90, Z_P99, sorted};
use neon_mock::file::DurationText;
use neon_mock::profile::{LawName, WireLaw};
use neon_mock::rng::Generator;
use rand_distr::{ChiSquared, Distribution, StandardNormal};
use serde::Serialize;
use std::time::Duration;

/// What a call counts of which only p50 and p90 are kept: of the deviation they tell 27 % of what all
/// calls would (asymptotic variances of sample quantiles).
const OF_QUANTILES: f64 = 0.25;

/// Calls from which a law has a deviation of its own.
const OWN_DEVIATION: usize = 6;

/// Times that differ by no more are taken for one time, in ns.
const ALIKE_NS: f64 = 1e6;

/// Standard deviation of the logarithm of a ratio that is assumed: nine of ten lie between 2/3 of it
/// and 3/2.
const ASSUMED: f64 = 0.25;

/// The longest time of a profile, in ns; the longest logarithm that is not cut.
const MOST_NS: f64 = 86_400e9;

/// Where a law is from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, schemars::JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum LawSource {
    /// Calls.
    Measured,
    /// Calls, too few to tell how much they scatter: that is as of reads.
    FewCalls,
    /// The law of reads, times a ratio that is assumed.
    Assumed,
}

/// One law, as a simulation needs it.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum FittedLaw {
    /// Always as long.
    Constant {
        /// In ns.
        ns: f64,
    },
    /// Logarithms of ns are normal.
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

    /// As a profile has it, in whole µs where it is longer than that.
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

/// Whole µs; what is shorter stays in ns.
fn text(ns: f64) -> DurationText {
    let ns = ns.max(0.0);
    let rounded = if ns < 1e3 { ns.round() } else { (ns / 1e3).round() * 1e3 };
    DurationText(Duration::from_nanos(rounded as u64))
}

/// What calls of one kind tell.
#[derive(Clone, Debug)]
pub(super) enum LawPosterior {
    /// As long each time.
    Constant { ns: f64, calls: usize },
    /// So many calls, with the calls in flight that each met.
    Calls(Vec<(f64, usize)>),
    /// So many calls, of which only quantiles are kept.
    Quantiles { mean: f64, deviation: f64, calls: usize },
    /// Nothing: the law of reads, times this.
    Assumed { ratio: f64 },
}

impl LawPosterior {
    /// What `times` tell: ns, and the calls in flight. `reads` is what the reads told, for those that
    /// are too few; `ratio` stands in where there are none.
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
        // A call that takes no time is as long as the clock's finest step.
        Self::Calls(times.iter().map(|(ns, in_flight)| (ns.max(1.0).ln(), *in_flight)).collect())
    }

    /// What `calls` calls tell of which p50 and p90 are known, in ns.
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

    /// Mean and sum of squared deviations of the logarithms, and of how many calls; `None` where
    /// they do not scatter.
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

    /// Whether it tells how much calls scatter.
    const fn has_own_deviation(&self) -> bool {
        match self {
            Self::Calls(times) => times.len() >= OWN_DEVIATION,
            Self::Quantiles { calls, .. } => *calls as f64 * OF_QUANTILES >= OWN_DEVIATION as f64,
            Self::Constant { .. } | Self::Assumed { .. } => false,
        }
    }

    /// Its single calls, where they tell how much they scatter.
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

    /// The law that comes nearest; `reads` is that of the reads.
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

    /// One of the laws that would have told as much.
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

/// The deviation of the reads, or `own` where they do not scatter.
fn borrowed(reads: Option<FittedLaw>, own: f64) -> f64 {
    match reads {
        Some(FittedLaw::LogNormal { deviation, .. }) => deviation,
        Some(FittedLaw::Constant { .. }) | None => own,
    }
}

/// A law as people read it: a figure, and the interval that holds the true one in 90 of 100 probes.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, schemars::JsonSchema)]
#[allow(missing_docs, reason = "the names say it")]
pub struct LawEstimate {
    pub source: LawSource,
    /// Calls that it is from.
    pub calls: usize,
    pub median_ms: f64,
    pub median_ms_interval: [f64; 2],
    pub p99_ms: f64,
    pub p99_ms_interval: [f64; 2],
}

impl LawEstimate {
    pub(super) fn of(posterior: &LawPosterior, point: FittedLaw, draws: &[FittedLaw]) -> Self {
        let interval = |figure: usize| {
            let figures = draws.iter().map(|law| law.figures()[figure]);
            let [low, _, high] = stats::interval(figures).expect("laws were drawn");
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
