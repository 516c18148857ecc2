//! `memory`: the whole plan fits into the memory of this machine, or of this container.

use super::{Item, ItemStage};
use crate::preflight::ItemResult;
use crate::preflight::host::{memory_limit, peak_memory};
use crate::preflight::subject::{Preflight, PreflightError};
use crate::text::{mib, percent, plural};
use neonbench_engine::engine::Settings;
use neonbench_engine::event::Event;
use neonbench_engine::run::{RunSpec, World};

pub(super) const ITEM: Item = Item {
    name: "memory",
    question: "Does the whole plan fit into memory?",
    stage: ItemStage::Free,
    is_sized: true,
    reads: 0,
    run,
};

/// Accounts of the two runs that are measured.
const MEASURED: (u64, u64) = (1_000, 10_000);

/// Share of the memory that a run may take: from where people should know, and from where it is too much.
const FULL: (f64, f64) = (0.5, 0.8);

fn run(subject: &mut Preflight<'_>) -> Result<ItemResult, PreflightError> {
    let migration = subject.migration()?;
    let settings = Settings { dry_run: false, ..migration.settings.clone() };
    // The peak while the plan's first accounts are migrated in this process, the mock included.
    let peak = |accounts: u64| {
        let scenario = migration.scenario.part(accounts);
        let order = RunSpec::new(&scenario, settings.clone());
        let peak = peak_memory(|| order.run(&World::Virtual, &mut |_: &Event| {}).map(drop));
        peak.map(|(run, bytes)| run.map(|()| (scenario.expected_resources(), bytes)))
    };
    let (Some(small), Some(large)) = (peak(MEASURED.0), peak(MEASURED.1)) else {
        return Ok(ItemResult::unknown(
            "this system does not tell how much memory a process takes",
        ));
    };
    let ((fewer, small), (more, large)) = (small?, large?);
    let accounts = migration.scenario.expected_resources();
    let grown = large.saturating_sub(small) as f64;
    let slope = if more > fewer { grown / (more - fewer) as f64 } else { 0.0 };
    let peak = large + (slope * accounts.saturating_sub(more) as f64) as u64;
    let result = ItemResult::pass("")
        .with("peak_bytes", peak)
        .with("bytes_per_account", slope.round())
        .with("measured_accounts", [fewer, more].map(serde_json::Value::from).to_vec());
    let Some((limit, limited_by)) = memory_limit() else {
        return Ok(ItemResult::unknown("this system does not tell how much memory there is"));
    };
    let share = peak as f64 / limit.max(1) as f64;
    let words = format!(
        "{} need at most {} of {} ({limited_by})",
        plural(accounts, "account"),
        mib(peak),
        mib(limit)
    );
    let mut result = result.with("limit_bytes", limit).with("limited_by", limited_by);
    result.summary.clone_from(&words);
    if share > FULL.1 {
        result.fail(format!("{words}: {} of the memory", percent(share)));
    } else if share > FULL.0 {
        result.warn(format!("{words}: {} of the memory", percent(share)));
    }
    Ok(result)
}
