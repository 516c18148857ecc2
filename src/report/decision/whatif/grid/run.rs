//! Makespans over strategies, workers, batch sizes, pools and service times: what the sliders of the
//! page show. Each is one run, under the first seed, and not an interpolation.

use super::Grid;
use crate::experiment::{RunFigures, parallel_map};
use crate::report::decision::whatif::{POOLS, with_pool};
use crate::report::shared::SuiteError;
use crate::report::shared::exploration::Exploration;
use neon_mock::api::Endpoint;
use neonbench_engine::engine::{Settings, Strategy};
use neonbench_engine::scenario::{Scenario, Workload};

const WORKERS: [u32; 7] = [1, 2, 3, 5, 8, 10, 20];
const BATCH_SIZES: [u32; 4] = [1, 10, 50, 250];
const SERVICE_TIMES: [f64; 4] = [0.5, 1.0, 2.0, 4.0];

/// Accounts × mappings beyond which a grid would take too long.
const MAX_VALUES: u64 = 6_000;

/// Runs the grid on `workload`, or on the first of its accounts that are not too many.
pub(crate) fn run(exploration: &Exploration<'_>, workload: &Workload) -> Result<Grid, SuiteError> {
    let whole = Scenario::new(workload.clone())?;
    let most = (MAX_VALUES / whole.plan.mappings.len().max(1) as u64).max(20);
    let accounts = whole.expected_resources().min(most);
    let has_pool = whole.profile.pool(Endpoint::PatchAccount).is_some();
    let pools = if has_pool { POOLS.to_vec() } else { vec![0] };
    let mut grid = Grid {
        strategies: Strategy::ALL.to_vec(),
        service_times: SERVICE_TIMES.to_vec(),
        workers: WORKERS.to_vec(),
        batch_sizes: BATCH_SIZES.to_vec(),
        pools,
        accounts,
        ..Grid::default()
    };
    let parts: Vec<(Strategy, f64)> = Strategy::ALL
        .iter()
        .flat_map(|strategy| SERVICE_TIMES.map(|factor| (*strategy, factor)))
        .collect();
    let runs = parallel_map(&parts, |&(strategy, factor)| {
        let profile = whole.profile.with_service_times(factor);
        let workload =
            Workload { profile: Some(profile), sample: Some(accounts), ..workload.clone() };
        over_pools(exploration, &workload, strategy, &grid.pools)
    })?;
    for of_strategy in runs.chunks(SERVICE_TIMES.len()) {
        for place in 0..grid.pools.len() {
            for run in of_strategy.iter().flat_map(|pools| &pools[place]) {
                grid.makespans_s.push(if run.is_valid { run.makespan_s as f32 } else { 0.0 });
                grid.refused.push(run.refused_share() as f32);
            }
        }
    }
    Ok(grid)
}

/// The runs of `strategy` on `workload` with every setting, for each of `pools`, which ascend; 0 for none.
fn over_pools(
    exploration: &Exploration<'_>,
    workload: &Workload,
    strategy: Strategy,
    pools: &[u32],
) -> Result<Vec<Vec<RunFigures>>, SuiteError> {
    let settings = exploration.varied_settings(strategy, &WORKERS, &BATCH_SIZES);
    let own = Scenario::new(workload.clone())?;
    let mut all: Vec<Vec<RunFigures>> = Vec::new();
    for &pool in pools {
        let mut scenario = own.clone();
        if pool > 0 {
            scenario.profile = with_pool(&own.profile, pool);
        }
        // A run of which nothing was refused goes the same way in a larger pool, unless colleagues are let in
        // there.
        let is_known = |run: &RunFigures| run.refused == 0 && own.profile.staff().is_none();
        let known = |place: usize| all.last().map(|runs| runs[place]).filter(is_known);
        let places = 0..settings.len();
        let open: Vec<Settings> = places
            .clone()
            .filter(|place| known(*place).is_none())
            .map(|place| settings[place].clone())
            .collect();
        let mut made = exploration.simulated(&scenario, &open)?.into_iter();
        let run = |place| known(place).or_else(|| made.next()).expect("the rest was simulated");
        let runs = places.map(run).collect();
        all.push(runs);
    }
    Ok(all)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::experiment::Goal;

    #[test]
    fn what_is_known_of_a_smaller_pool_is_what_a_run_in_the_larger_one_finds() {
        // Under `staff` colleagues take places too, and a larger pool lets in more of them.
        for profile in ["documented", "staff"] {
            let workload = Workload {
                profile: Some(Scenario::profile(profile).unwrap()),
                resources: Some(40),
                mappings: Some(2),
                ..Workload::default()
            };
            let exploration = Exploration {
                workload: &workload,
                settings: &Settings::new,
                replicates: 1,
                goal: Goal::default(),
            };
            for strategy in [Strategy::Parallel, Strategy::Pipelined] {
                let all = over_pools(&exploration, &workload, strategy, &POOLS).unwrap();
                let settings = exploration.varied_settings(strategy, &WORKERS, &BATCH_SIZES);
                for (pool, found) in POOLS.into_iter().zip(all) {
                    let mut scenario = Scenario::new(workload.clone()).unwrap();
                    scenario.profile = with_pool(&scenario.profile, pool);
                    let made = exploration.simulated(&scenario, &settings).unwrap();
                    assert_eq!(found, made, "{profile}, {strategy}, pools of {pool}");
                }
            }
        }
    }
}
