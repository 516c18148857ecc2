//! The organisation's integrations: programs of others that answer webhooks with API calls of their own.
//!
//! A delivery makes calls after a delay, on the same pools as everybody. Deliberately absent: what an
//! integration does with the answers.

use crate::api::AccountId;
use crate::file::DurationText;
use crate::rng::Generator;
use crate::time::Timestamp;
use serde::{Deserialize, Serialize};
use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::time::Duration;

/// Integrations that read an account back at each write to it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct WireIntegration {
    /// GETs of the account that each delivery makes, one after another: 0 to 3.
    #[serde(default = "one_call")]
    pub calls: u32,
    /// Time from the answer to a write until the first of them.
    #[serde(default)]
    pub delay: DurationText,
    /// Attempts more at a call that is refused, a second and then twice as long apart; without any, the
    /// rest of the delivery's work is lost.
    #[serde(default)]
    pub patience: u32,
}

const fn one_call() -> u32 {
    1
}

/// Pause of an integration with patience after a first refusal; doubled by each further one.
const BACK_OFF: Duration = Duration::from_secs(1);

/// Webhooks of a run, and the calls that integrations made because of them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Echo {
    /// Deliveries to the integrations.
    pub deliveries: u64,
    /// Their calls, attempts again included.
    pub calls: u64,
    /// Their calls that were refused with 429.
    pub refused: u64,
    /// Deliveries whose work was not done, since a call was refused and not made again.
    pub lost: u64,
}

impl Echo {
    /// Share of the integrations' calls that were refused; 0 without calls.
    pub fn refused_share(&self) -> f64 {
        if self.calls == 0 { 0.0 } else { self.refused as f64 / self.calls as f64 }
    }

    /// True if nothing was delivered.
    pub fn is_none(&self) -> bool {
        *self == Self::default()
    }

    /// The sum of both.
    #[must_use]
    pub const fn plus(self, other: Self) -> Self {
        Self {
            deliveries: self.deliveries + other.deliveries,
            calls: self.calls + other.calls,
            refused: self.refused + other.refused,
            lost: self.lost + other.lost,
        }
    }
}

/// A call that an integration is about to make.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct EchoedCall {
    pub(crate) id: AccountId,
    /// Calls of the delivery after this one.
    left: u32,
    /// Refusals of this call so far.
    refused: u32,
}

/// The integrations of one organisation: calls that are due, and figures.
#[derive(Clone, Debug)]
pub(crate) struct Integration {
    settings: WireIntegration,
    /// Service times of their own calls: the client's are not shifted by them.
    pub(crate) service: Generator,
    sequence: u64,
    due: BinaryHeap<Reverse<(Timestamp, u64, EchoedCall)>>,
    figures: Echo,
}

impl Integration {
    pub(crate) fn new(settings: WireIntegration, service: Generator) -> Self {
        let (due, figures) = (BinaryHeap::new(), Echo::default());
        Self { settings, service, sequence: 0, due, figures }
    }

    /// A write to `id` was answered at `at`.
    pub(crate) fn deliver(&mut self, at: Timestamp, id: AccountId) {
        self.figures.deliveries += 1;
        if let Some(left) = self.settings.calls.checked_sub(1) {
            self.schedule(at + self.settings.delay.0, EchoedCall { id, left, refused: 0 });
        }
    }

    /// Time of the next call.
    pub(crate) fn next_at(&self) -> Option<Timestamp> {
        self.due.peek().map(|Reverse((at, ..))| *at)
    }

    /// The next call with its time, which is made now.
    pub(crate) fn next(&mut self) -> Option<(Timestamp, EchoedCall)> {
        let Reverse((at, _, call)) = self.due.pop()?;
        self.figures.calls += 1;
        Some((at, call))
    }

    /// `call` was answered at `ready_at`.
    pub(crate) fn answered(&mut self, ready_at: Timestamp, call: EchoedCall) {
        if let Some(left) = call.left.checked_sub(1) {
            self.schedule(ready_at, EchoedCall { left, refused: 0, ..call });
        }
    }

    /// `call` was refused, by an answer at `ready_at`.
    pub(crate) fn refused(&mut self, ready_at: Timestamp, call: EchoedCall) {
        self.figures.refused += 1;
        if call.refused >= self.settings.patience {
            self.figures.lost += 1;
            return;
        }
        let pause = BACK_OFF.saturating_mul(1 << call.refused.min(16));
        self.schedule(ready_at + pause, EchoedCall { refused: call.refused + 1, ..call });
    }

    pub(crate) const fn figures(&self) -> Echo {
        self.figures
    }

    fn schedule(&mut self, at: Timestamp, call: EchoedCall) {
        self.sequence += 1;
        self.due.push(Reverse((at, self.sequence, call)));
    }
}
