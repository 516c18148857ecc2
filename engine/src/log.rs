//! Log lines: a fold over events, under the targets that the guide's users look for.
//!
//! Accounts that fail for one reason are one warning, with their number, once the run is over; the single
//! accounts are informative.

use crate::event::{AccountOutcome, Event, Observer};
use neon_mock::api::AccountId;
use std::collections::BTreeMap;

/// Log target of the migration as a whole (info).
pub const MIGRATION: &str = "neonbench::migration";

/// Log target of accounts (warn, info, debug) and calls (trace).
pub const BULK: &str = "neonbench::migration::bulk";

/// Writes events to the `tracing` subscriber of the process; dropped, it sums up what failed.
#[derive(Debug, Default)]
pub struct Log {
    /// Accounts that failed, by reason.
    failed: BTreeMap<String, u64>,
}

impl Drop for Log {
    fn drop(&mut self) {
        for (reason, accounts) in &self.failed {
            tracing::warn!(target: BULK, accounts, reason, "failed");
        }
    }
}

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
            Event::Buffered { .. }
            | Event::Written { .. }
            | Event::Unmapped(_)
            | Event::LandedBefore { .. }
            | Event::ReadAgain { .. } => {}
            Event::ReadingAgain { accounts, calls, .. } => {
                tracing::info!(target: MIGRATION, accounts, calls, "reads accounts again");
            }
            Event::Reread { is_changed } => {
                tracing::trace!(target: BULK, is_changed, "read again before its write");
            }
            Event::Landed { at, id, end } => match end {
                AccountOutcome::Failed(failure) => {
                    let reason = &failure.message;
                    tracing::info!(target: BULK, %at, account = %id, reason, "failed");
                    *self.failed.entry(reason_of(reason, *id)).or_default() += 1;
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
            Event::Paused { at, by, why } => {
                tracing::info!(target: MIGRATION, %at, by = &**by, why = &**why, "paused");
            }
            Event::WentOn { at, by, left, .. } => {
                tracing::info!(target: MIGRATION, %at, by = &**by, holds_left = left, "went on");
            }
            Event::Slowed { at, headroom, by } => {
                tracing::info!(target: MIGRATION, %at, by = &**by, headroom, "slowed");
            }
            Event::StopAsked { at, by } => {
                tracing::info!(target: MIGRATION, %at, by = &**by, "asked to stop");
            }
            Event::ChunkDone { at, chunk, chunks } => {
                tracing::info!(target: MIGRATION, %at, chunk, chunks, "chunk done");
            }
        }
    }
}

/// A reason without the id of the account, so that others may share it.
fn reason_of(message: &str, id: AccountId) -> String {
    let id = id.to_string();
    let words = message.split(' ').map(|word| if word == id { "…" } else { word });
    words.collect::<Vec<_>>().join(" ")
}
