//! Log lines: a fold over events, under the targets that the guide's users look for.

use crate::event::{AccountOutcome, Event, Observer};

/// Log target of the migration as a whole (info).
pub const MIGRATION: &str = "neonbench::migration";

/// Log target of accounts (warn, info, debug) and calls (trace).
pub const BULK: &str = "neonbench::migration::bulk";

/// Writes events to the `tracing` subscriber of the process.
#[derive(Clone, Copy, Debug, Default)]
pub struct Log;

impl Observer for Log {
    fn observe(&mut self, event: &Event) {
        match event {
            Event::Started { at } => tracing::info!(target: MIGRATION, %at, "started"),
            Event::Enumerated { resources } => {
                tracing::info!(target: MIGRATION, resources, "accounts to migrate");
            }
            Event::Sent { at, endpoint, .. } => {
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
            Event::BackedOff { delay } => tracing::trace!(target: BULK, ?delay, "backs off"),
            Event::Limited { at, endpoint, limit } => {
                tracing::debug!(target: BULK, %at, endpoint = endpoint.name(), limit, "limit");
            }
            Event::Doubted { at, endpoint, asked, granted } => tracing::warn!(
                target: BULK,
                %at,
                endpoint = endpoint.name(),
                ?asked,
                ?granted,
                "Retry-After is not credible"
            ),
            Event::Buffered { .. } | Event::Written { .. } | Event::Unmapped(_) => {}
            Event::Reread { is_changed } => {
                tracing::trace!(target: BULK, is_changed, "read again before its write");
            }
            Event::Landed { at, id, end } => match end {
                AccountOutcome::Failed(failure) => {
                    let reason = &failure.message;
                    tracing::warn!(target: BULK, %at, account = %id, reason, "failed");
                }
                AccountOutcome::Skipped(reason) => {
                    tracing::info!(target: BULK, %at, account = %id, %reason, "skipped");
                }
                AccountOutcome::Migrated => {
                    tracing::debug!(target: BULK, %at, account = %id, "migrated");
                }
                AccountOutcome::Unchanged => {
                    tracing::debug!(target: BULK, %at, account = %id, "unchanged");
                }
                AccountOutcome::Unmapped => {
                    tracing::debug!(target: BULK, %at, account = %id, "unmapped");
                }
            },
            Event::ChunkDone { at, chunk, chunks } => {
                tracing::info!(target: MIGRATION, %at, chunk, chunks, "chunk done");
            }
        }
    }
}
