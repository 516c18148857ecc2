//! `alone`: no other run of this store is in the way, and others leave the API room.

use super::{Item, ItemStage};
use crate::preflight::ItemResult;
use crate::preflight::subject::{Preflight, PreflightError};
use neon_mock::api::{AccountId, Request};

pub(super) const ITEM: Item = Item {
    name: "alone",
    question: "Is no other run in the way, and does the API have room?",
    stage: ItemStage::Reads,
    is_sized: false,
    reads: PROBES as u64,
    run,
};

/// Single reads, one after another: a refused one shows that others fill the pool.
const PROBES: usize = 6;

fn run(subject: &mut Preflight<'_>) -> Result<ItemResult, PreflightError> {
    let ids: Vec<AccountId> =
        subject.snapshot()?.accounts.iter().map(|account| account.id).collect();
    let migration = subject.migration()?;
    let mut result = ItemResult::pass("no other run is in the way");
    if !subject.is_own_mock() {
        for run in subject.host.in_the_way(&migration, &ids)? {
            result.fail(run);
        }
    }
    let before = subject.reader.refused();
    if let Some(&first) = ids.first() {
        for _ in 0..PROBES {
            subject.reader.once(&Request::GetAccount(first))?;
        }
    }
    let refused = subject.reader.refused() - before;
    let seen = format!("{refused} of {PROBES} single reads were refused (429)");
    match refused {
        0 => {}
        1 => result.warn(format!("{seen}: others use this endpoint")),
        _ => result.fail(format!("{seen}: others take all that the API admits")),
    }
    let result = result.with("refused", refused).with("single_reads", PROBES);
    Ok(result)
}
