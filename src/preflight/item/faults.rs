//! `faults`: on a bad day, with dirty values, merged accounts, a withdrawn key and kills, each account has one verdict.

use super::{Item, ItemStage};
use crate::preflight::ItemResult;
use crate::preflight::killed::{Hardship, killed_and_resumed};
use crate::preflight::subject::{Preflight, PreflightError};
use crate::text::{percent, plural};
use neonbench_engine::scenario::Scenario;

pub(super) const ITEM: Item = Item {
    name: "faults",
    question: "Is every account accounted for when calls fail, values are dirty and the run is killed?",
    stage: ItemStage::Free,
    is_sized: true,
    reads: 0,
    run,
};

/// Accounts of the run.
const ACCOUNTS: u64 = 200;

/// Kills of it.
const KILLS: u32 = 3;

/// Shares of texts that are dirty, of texts in other scripts, and of accounts that are merged.
const SHARES: (f64, f64, f64) = (0.1, 0.1, 0.02);

/// Share of the accounts that may fail.
const MOST_FAILED: f64 = 0.01;

fn run(subject: &mut Preflight<'_>) -> Result<ItemResult, PreflightError> {
    let migration = subject.migration()?;
    let mut scenario = migration.scenario.part(ACCOUNTS).on_a_bad_day(SHARES);
    scenario.profile = Scenario::profile("flaky")?;
    let folder = tempfile::tempdir()?;
    let hardship = Hardship { kills: KILLS, withdraws_key: true };
    let found = killed_and_resumed(&scenario, &migration.settings, hardship, folder.path())?;
    let failed_share = found.failed as f64 / found.accounts.max(1) as f64;
    let mut result = ItemResult::pass(format!(
        "{} with {}: {} failed, none lost, nothing written twice",
        plural(found.accounts, "account"),
        plural(found.kills.into(), "kill"),
        found.failed
    ));
    found.judge(hardship, &mut result);
    if failed_share > MOST_FAILED {
        result.warn(format!(
            "{} of the accounts cannot be migrated: {}",
            percent(failed_share),
            found.reasons.join("; ")
        ));
    }
    Ok(result.with("run", found.evidence()))
}
