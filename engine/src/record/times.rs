//! Where the time of a run went: of its calls, and of accounts between reading and writing.

use super::Quantiles;
use crate::measure::{CallTimes, Measure, Rereads};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Where the time of all calls together went, in seconds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct CallTimesS {
    /// In attempts that were carried out.
    pub served_s: f64,
    /// In attempts that were not: refused, failed, unanswered.
    pub wasted_s: f64,
    /// Waiting for a place among the calls in flight.
    pub queued_s: f64,
    /// Waiting for the spacing of a limiter, or for the end of a Retry-After.
    pub paced_s: f64,
    /// Waiting before another attempt.
    pub backed_off_s: f64,
}

impl CallTimesS {
    pub(crate) fn of(times: CallTimes) -> Self {
        let CallTimes { served, wasted, queued, paced, backed_off } = times;
        Self {
            served_s: served.as_secs_f64(),
            wasted_s: wasted.as_secs_f64(),
            queued_s: queued.as_secs_f64(),
            paced_s: paced.as_secs_f64(),
            backed_off_s: backed_off.as_secs_f64(),
        }
    }
}

/// Time during which accounts were open to edits of others that a write would then overwrite: from
/// the sending of the call that read an account to the sending of its write.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Exposure {
    /// Accounts written.
    pub writes: u64,
    /// Mean time, in seconds.
    pub mean_s: f64,
    /// Median, in seconds.
    pub p50_s: f64,
    /// Quantile 0.99, in seconds.
    pub p99_s: f64,
    /// Largest, in seconds.
    pub max_s: f64,
    /// The sum. Multiplied by the edits per account and second, it is the number of edits to expect
    /// in between.
    pub account_s: f64,
    /// Accounts read again before their write.
    pub rereads: u64,
    /// Accounts among them that somebody had changed: their write was decided again.
    pub changed_meanwhile: u64,
}

impl Exposure {
    pub(crate) fn of(measure: &Measure) -> Self {
        let Rereads { total: rereads, changed: changed_meanwhile } = measure.rereads();
        let Some(histogram) = measure.exposure() else {
            return Self { rereads, changed_meanwhile, ..Self::default() };
        };
        let Quantiles { count: writes, p50, p99, max, .. } = Quantiles::of(histogram);
        let account_s = measure.exposed().as_secs_f64();
        Self {
            writes,
            mean_s: account_s / writes as f64,
            p50_s: p50 / 1e3,
            p99_s: p99 / 1e3,
            max_s: max / 1e3,
            account_s,
            rereads,
            changed_meanwhile,
        }
    }
}
