//! `advice`: the settings are those that the selector recommends, and keep the constraints.

use super::{Item, ItemStage};
use crate::experiment::{CandidateRuns, simulated};
use crate::preflight::ItemResult;
use crate::preflight::subject::{Preflight, PreflightError, configuration};
use crate::text::{duration, percent};
use neonbench_engine::engine::Settings;
use neonbench_engine::scenario::Scenario;

pub(super) const ITEM: Item = Item {
    name: "advice",
    question: "Are the settings those that are recommended, and do they keep the constraints?",
    stage: ItemStage::Free,
    is_sized: true,
    reads: 0,
    run,
};

/// Simulated runs of each of the two settings.
const RUNS: u32 = 20;

/// The most accounts of a simulation: the first of a larger plan.
pub(super) const SIMULATED_ACCOUNTS: u64 = 5_000;

/// A cost beyond that of the advice that counts as none.
const NO_COST: f64 = 0.01;

fn run(subject: &mut Preflight<'_>) -> Result<ItemResult, PreflightError> {
    let migration = subject.migration()?;
    let (advised, reason) = subject.host.advice(&migration.scenario)?;
    let scenario = migration.scenario.part(SIMULATED_ACCOUNTS);
    let ours = runs(&scenario, &migration.settings)?;
    let goal = subject.goal;
    let (asked, best) = (configuration(&migration.settings), configuration(&advised));
    let mut result = ItemResult::pass(asked.clone())
        .with("settings", asked.clone())
        .with("advice", best.clone())
        .with("reason", reason);
    result.remark(migration.reason.clone());
    for broken in goal.broken(&ours.candidate, ours.pool, &ours.runs) {
        result.fail(format!("{asked} breaks a constraint: {broken}"));
    }
    if asked == best {
        return Ok(result);
    }
    let theirs = runs(&scenario, &advised)?;
    let cost_s = [&ours, &theirs].map(|it| it.runs.cost_s(goal.objective));
    let extra = if cost_s[1] > 0.0 { cost_s[0] / cost_s[1] - 1.0 } else { 0.0 };
    let result = &mut result.with("extra_cost", extra);
    if extra > NO_COST {
        let times = [&ours, &theirs].map(|it| duration(it.runs.median_makespan_s()));
        result.warn(format!(
            "{asked} costs {} more than {best}, which is recommended ({} instead of {})",
            percent(extra),
            times[0],
            times[1]
        ));
    }
    Ok(result.clone())
}

/// Runs by `settings` on `scenario`, in which the sample is no dry run.
///
/// Errors: a run could not be made.
pub(super) fn runs(
    scenario: &Scenario,
    settings: &Settings,
) -> Result<CandidateRuns, PreflightError> {
    Ok(simulated(scenario, &Settings { dry_run: false, ..settings.clone() }, RUNS)?)
}
