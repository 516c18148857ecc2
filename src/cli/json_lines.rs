//! `run --json-lines`: one JSON object per event.

use super::error::CliError;
use super::output::print_json_line;
use neon_mock::time::Timestamp;
use neonbench_engine::event::{AccountOutcome, Attempt, Event, Observer, UnmappedValue};
use serde_json::{Value, json};
use std::time::Duration;

/// Forwards events, and prints them if asked to.
pub(super) struct JsonLines<'a> {
    inner: &'a mut dyn Observer,
    is_on: bool,
    failed: Result<(), CliError>,
}

impl<'a> JsonLines<'a> {
    /// Events go to `inner`, and to standard output if `is_on`.
    pub(super) fn new(inner: &'a mut dyn Observer, is_on: bool) -> Self {
        Self { inner, is_on, failed: Ok(()) }
    }

    /// Errors: a line could not be written.
    pub(super) fn finish(self) -> Result<(), CliError> {
        self.failed
    }
}

impl Observer for JsonLines<'_> {
    fn observe(&mut self, event: &Event) {
        self.inner.observe(event);
        if self.is_on && self.failed.is_ok() {
            self.failed = print_json_line(&object(event));
        }
    }
}

/// Times are seconds since the run's clock began.
fn object(event: &Event) -> Value {
    let s = |at: &Timestamp| Duration::from_nanos(at.nanos_since(Timestamp::ZERO)).as_secs_f64();
    match event {
        Event::Started { at } => json!({ "event": "started", "at_s": s(at) }),
        Event::Enumerated { resources } => {
            json!({ "event": "enumerated", "resources": resources })
        }
        Event::Sent { at, endpoint, queued, paced } => json!({
            "event": "sent", "at_s": s(at), "endpoint": endpoint.name(),
            "queued_s": queued.as_secs_f64(), "paced_s": paced.as_secs_f64(),
        }),
        Event::Done(Attempt { endpoint, attempt, due_at, sent_at, done_at, outcome }) => json!({
            "event": "done", "at_s": s(done_at), "endpoint": endpoint.name(),
            "outcome": outcome.name(), "attempt": attempt, "due_s": s(due_at),
            "sent_s": s(sent_at),
        }),
        Event::BackedOff { delay } => {
            json!({ "event": "backed_off", "delay_s": delay.as_secs_f64() })
        }
        Event::Limited { at, endpoint, limit } => json!({
            "event": "limited", "at_s": s(at), "endpoint": endpoint.name(), "limit": limit,
        }),
        Event::Doubted { at, endpoint, asked, granted } => json!({
            "event": "doubted", "at_s": s(at), "endpoint": endpoint.name(),
            "asked_s": asked.as_secs_f64(), "granted_s": granted.as_secs_f64(),
        }),
        Event::Buffered { records } => json!({ "event": "buffered", "records": records }),
        Event::Reread { is_changed } => json!({ "event": "reread", "is_changed": is_changed }),
        Event::Written { at, read_at } => {
            json!({ "event": "written", "at_s": s(at), "read_s": s(read_at) })
        }
        Event::Unmapped(UnmappedValue { source, target, .. }) => {
            json!({ "event": "unmapped", "source": &**source, "target": &**target })
        }
        Event::Landed { at, id, end } => {
            let (end, reason) = outcome(end);
            json!({
                "event": "landed", "at_s": s(at), "resource_id": id.to_string(), "end": end,
                "reason": reason,
            })
        }
        Event::LandedBefore { id, end } => {
            let (end, reason) = outcome(end);
            let id = id.to_string();
            json!({ "event": "landed_before", "resource_id": id, "end": end, "reason": reason })
        }
        Event::ReadingAgain { accounts, calls, takes } => json!({
            "event": "reading_again", "accounts": accounts, "calls": calls,
            "takes_s": takes.map(|takes| takes.as_secs_f64()),
        }),
        Event::ReadAgain { accounts } => json!({ "event": "read_again", "accounts": accounts }),
        Event::Paused { at, by, why } => {
            json!({ "event": "paused", "at_s": s(at), "by": &**by, "why": &**why })
        }
        Event::WentOn { at, by, lifted, left } => json!({
            "event": "went_on", "at_s": s(at), "by": &**by, "lifted": &**lifted, "left": left,
        }),
        Event::Slowed { at, headroom, by } => {
            json!({ "event": "slowed", "at_s": s(at), "headroom": headroom, "by": &**by })
        }
        Event::StopAsked { at, by } => {
            json!({ "event": "stop_asked", "at_s": s(at), "by": &**by })
        }
        Event::ChunkDone { at, chunk, chunks } => {
            json!({ "event": "chunk_done", "at_s": s(at), "chunk": chunk, "chunks": chunks })
        }
    }
}

/// The outcome of an account in a word, and its reason.
fn outcome(end: &AccountOutcome) -> (&'static str, Option<String>) {
    match end {
        AccountOutcome::Migrated => ("migrated", None),
        AccountOutcome::Unchanged => ("unchanged", None),
        AccountOutcome::Unmapped => ("unmapped", None),
        AccountOutcome::Skipped(reason) => ("skipped", Some(reason.to_string())),
        AccountOutcome::Failed(failure) => ("failed", Some(failure.message.clone())),
    }
}
