//! `benchmark`: the strategy is near the best of all on this plan.

use super::advice::SIMULATED_ACCOUNTS;
use super::{Item, ItemStage};
use crate::experiment::{CandidateRuns, parallel_map, simulated};
use crate::preflight::ItemResult;
use crate::preflight::subject::{Preflight, PreflightError};
use crate::text::{duration, percent};
use neonbench_engine::engine::{Settings, Strategy};
use serde_json::json;

pub(super) const ITEM: Item = Item {
    name: "benchmark",
    question: "Is the strategy near the best on this plan, at the target's limits?",
    stage: ItemStage::Free,
    is_sized: true,
    reads: 0,
    run,
};

/// Simulated runs of each strategy.
const RUNS: u32 = 20;

/// Cost beyond that of the best strategy, as a share of it: from where people should know, and from where it is too
/// much.
const DEAR: (f64, f64) = (0.05, 0.2);

fn run(subject: &mut Preflight<'_>) -> Result<ItemResult, PreflightError> {
    let migration = subject.migration()?;
    let (scenario, chosen) = (migration.scenario.part(SIMULATED_ACCOUNTS), &migration.settings);
    let objective = subject.goal.objective;
    let settings = |strategy: Strategy| {
        if strategy == chosen.strategy {
            return Settings { dry_run: false, ..chosen.clone() };
        }
        let (limiter, reads) = (strategy.default_limiter(), strategy.default_reads());
        Settings { strategy, limiter, reads, dry_run: false, ..chosen.clone() }
    };
    let entries =
        parallel_map(&Strategy::ALL, |strategy| simulated(&scenario, &settings(*strategy), RUNS))?;
    let cost_s = |entry: &CandidateRuns| entry.runs.cost_s(objective);
    let ours = entries.iter().find(|entry| entry.candidate.strategy == chosen.strategy);
    let ours = ours.expect("it is among all strategies");
    let valid = entries.iter().filter(|entry| entry.runs.is_valid());
    let best = valid.min_by(|a, b| cost_s(a).total_cmp(&cost_s(b))).unwrap_or(ours);
    let rows: Vec<_> = entries
        .iter()
        .map(|entry| {
            json!({
                "strategy": entry.candidate.strategy, "cost_s": cost_s(entry),
                "makespan_s": entry.runs.makespan_s_range(), "refused_share": entry.runs.refused_share(),
                "valid": entry.runs.is_valid(), "runs": entry.runs.count(),
            })
        })
        .collect();
    let [name, best_name] = [ours, best].map(|entry| entry.candidate.strategy);
    let [time, best_time] = [ours, best].map(|entry| duration(entry.runs.median_makespan_s()));
    let mut result =
        ItemResult::pass(format!("{name} takes {time}; the best, {best_name}, {best_time}"))
            .with("ranking", rows)
            .with("profile", scenario.profile.name())
            .with("profile_digest", scenario.profile.digest())
            .with("accounts_simulated", scenario.expected_resources());
    if !ours.runs.is_valid() {
        result.fail(format!("{name} fails its audit in simulations"));
        return Ok(result);
    }
    let extra = if cost_s(best) > 0.0 { cost_s(ours) / cost_s(best) - 1.0 } else { 0.0 };
    result.evidence.insert("extra_cost".to_owned(), json!(extra));
    let dearer = || format!("{name} costs {} more than {best_name} on this plan", percent(extra));
    if extra > DEAR.1 {
        result.fail(dearer());
    } else if extra > DEAR.0 {
        result.warn(dearer());
    }
    if !subject.profile_is_named {
        result.warn(format!(
            "limits and response times are those of profile {}, not measured: `neonbench probe --write FILE` measures \
             them, and --profile FILE takes them",
            scenario.profile.name()
        ));
    }
    Ok(result)
}
