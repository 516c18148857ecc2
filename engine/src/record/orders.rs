//! Orders that a run was given while it went on, as its record has them.

use super::is_empty;
use crate::event::Event;
use crate::measure::Measure;
use neon_mock::time::Timestamp;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// An order that a run was given.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct RecordedOrder {
    /// Time since the first call of its process was due.
    pub at_s: f64,
    /// The order: `pause`, `go`, `slow` or `stop`.
    pub command: String,
    /// The name of who or what gave it.
    pub by: String,
    /// The reason, or the end, of a pause.
    #[serde(default, skip_serializing_if = "is_empty")]
    pub why: String,
    /// Places of each endpoint's limit that `slow` left to others.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub headroom: Option<u32>,
}

impl RecordedOrder {
    /// The orders of a run, and of its audit.
    pub(crate) fn all(run: &Measure, audit: Option<&Measure>) -> Vec<Self> {
        let events = run.orders().iter().chain(audit.into_iter().flat_map(Measure::orders));
        events.filter_map(|event| Self::of(event, run.started_at())).collect()
    }

    fn of(event: &Event, started_at: Timestamp) -> Option<Self> {
        let (at, command, by, why, headroom) = match event {
            Event::Paused { at, by, why } => (at, "pause", by, &**why, None),
            Event::WentOn { at, by, .. } => (at, "go", by, "", None),
            Event::Slowed { at, headroom, by } => (at, "slow", by, "", Some(*headroom)),
            Event::StopAsked { at, by } => (at, "stop", by, "", None),
            _ => return None,
        };
        Some(Self {
            at_s: at.since(started_at).as_secs_f64(),
            command: command.to_owned(),
            by: by.to_string(),
            why: why.to_owned(),
            headroom,
        })
    }
}
