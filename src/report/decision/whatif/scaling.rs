//! Organisations of other sizes.

mod chart;

pub(crate) use chart::scaling;

use crate::experiment::parallel_map;
use crate::report::shared::SuiteError;
use crate::report::shared::exploration::Exploration;
use crate::text::{count, sig3};
use neonbench_engine::engine::Strategy;
use neonbench_engine::plan::Selection;
use neonbench_engine::scenario::{Scenario, Workload};
use serde::{Deserialize, Serialize};

/// Sizes of organisations for the chart of scalability.
const SIZES: [u64; 4] = [10, 100, 1_000, 10_000];

/// Calls that one size of the chart of scalability may take.
const CALLS_A_SIZE: u64 = 300_000;

/// One strategy on an organisation of some size.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize, schemars::JsonSchema)]
#[allow(missing_docs, reason = "the names say it")]
pub struct ScalingPoint {
    pub strategy: Strategy,
    pub accounts: u64,
    pub makespan_s: f64,
}

/// Runs every strategy on organisations of each size.
pub(crate) fn run(
    exploration: &Exploration<'_>,
    scenario: &Scenario,
) -> Result<Vec<ScalingPoint>, SuiteError> {
    let plan_lists = scenario.plan.selection != Selection::All;
    if exploration.workload.ids.is_some() || plan_lists {
        return Ok(Vec::new());
    }
    let mappings = scenario.mappings() as u64;
    let calls = |(strategy, accounts): &(Strategy, u64)| {
        accounts * strategy.record_calls_per_account(mappings)
    };
    let mut runs: Vec<(Strategy, u64)> = Strategy::ALL
        .iter()
        .flat_map(|strategy| SIZES.map(|accounts| (*strategy, accounts)))
        .filter(|run| calls(run) <= CALLS_A_SIZE)
        .collect();
    // The longest first, as the crew takes them from the end.
    runs.sort_by_key(calls);
    let mut scaling = parallel_map(&runs, |&(strategy, accounts)| {
        let workload = Workload { resources: Some(accounts), ..exploration.workload.clone() };
        let runs = exploration
            .simulated(&Scenario::new(workload)?, &[(exploration.settings)(strategy)])?;
        let makespan_s = runs[0].makespan_s;
        let point = ScalingPoint { strategy, accounts, makespan_s };
        Ok::<_, SuiteError>(runs[0].is_valid.then_some(point))
    })?;
    scaling.sort_by_key(|point| point.map(|point| (point.strategy as usize, point.accounts)));
    Ok(scaling.into_iter().flatten().collect())
}

/// The growth of the time, in words.
pub(crate) fn title(scaling: &[ScalingPoint]) -> String {
    let of = |strategy: Strategy| -> Vec<&ScalingPoint> {
        scaling.iter().filter(|sized| sized.strategy == strategy).collect()
    };
    let factors: Vec<(Strategy, f64)> = Strategy::ALL
        .into_iter()
        .filter_map(|strategy| {
            let points = of(strategy);
            let [first, .., last] = points.as_slice() else { return None };
            let rate = |sized: &ScalingPoint| sized.accounts as f64 / sized.makespan_s;
            Some((strategy, rate(last) / rate(first)))
        })
        .collect();
    match factors.iter().max_by(|a, b| a.1.total_cmp(&b.1)) {
        Some((strategy, factor)) if *factor > 1.2 => {
            let sizes = of(*strategy);
            let size = |place: Option<&&ScalingPoint>| place.map_or(0, |sized| sized.accounts);
            format!(
                "Time grows with the number of accounts; {strategy} migrates {} times as many per second \
                 at {} accounts as at {}",
                sig3(*factor),
                count(size(sizes.last())),
                count(size(sizes.first()))
            )
        }
        Some(_) => "Time grows with the number of accounts, under every strategy".to_owned(),
        None => String::new(),
    }
}
