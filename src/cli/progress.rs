//! Progress bars and log lines: folds over events.

use super::Voice;
use crate::event::{End, Event, Observer};
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

/// Shows a run on a terminal, and logs it under the guide's targets.
pub(super) struct Progress {
    bar: ProgressBar,
}

/// Target of what happens to a migration as a whole.
const MIGRATION: &str = "neonbench::migration";

/// Target of what happens to single accounts and calls.
const BULK: &str = "neonbench::migration::bulk";

impl Progress {
    /// Progress on standard error, if that is a terminal and the user did not ask for silence.
    pub(super) fn new(voice: Voice, title: &str) -> Self {
        let target =
            if voice.quiet { ProgressDrawTarget::hidden() } else { ProgressDrawTarget::stderr() };
        let bar = ProgressBar::with_draw_target(None, target);
        let style = "{prefix} {wide_bar} {human_pos}/{human_len} accounts, {eta} left";
        bar.set_style(ProgressStyle::with_template(style).expect("a valid template"));
        bar.set_prefix(title.to_owned());
        Self { bar }
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        self.bar.finish_and_clear();
    }
}

impl Observer for Progress {
    fn observe(&mut self, event: &Event) {
        match event {
            Event::Started { at } => tracing::info!(target: MIGRATION, %at, "started"),
            Event::Enumerated { resources } => {
                self.bar.set_length(*resources);
                tracing::info!(target: MIGRATION, resources, "accounts to migrate");
            }
            Event::Sent { at, endpoint } => {
                tracing::trace!(target: BULK, %at, endpoint = endpoint.name(), "sent");
            }
            Event::Done(call) => tracing::trace!(
                target: BULK,
                at = %call.done_at,
                endpoint = call.endpoint.name(),
                outcome = call.outcome.name(),
                attempt = call.attempt,
                service = ?call.done_at.since(call.sent_at),
                "done"
            ),
            Event::Buffered { .. } => {}
            Event::Landed { at, id, end } => {
                self.bar.inc(1);
                match end {
                    End::Failed(failure) => tracing::warn!(
                        target: BULK, %at, account = %id, reason = failure.message, "failed"
                    ),
                    End::Skipped(reason) => {
                        tracing::info!(target: BULK, %at, account = %id, %reason, "skipped");
                    }
                    End::Migrated => tracing::debug!(target: BULK, %at, account = %id, "migrated"),
                    End::Unchanged => {
                        tracing::debug!(target: BULK, %at, account = %id, "unchanged")
                    }
                }
            }
            Event::ChunkDone { at, chunk, chunks } => {
                tracing::info!(target: MIGRATION, %at, chunk, chunks, "chunk done");
            }
        }
    }
}
