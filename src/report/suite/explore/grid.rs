//! Makespans over strategies, workers, batch sizes, pools and service times: what the sliders of the
//! page show. Each is one run, under the first seed, and not an interpolation.

use super::{Exploration, POOLS, SuiteError, with_pool};
use crate::report::decision::Grid;
use neon_mock::api::Endpoint;
use neonbench_engine::engine::Strategy;
use neonbench_engine::scenario::{Resources, Scenario, Workload};

const WORKERS: [u32; 7] = [1, 2, 3, 5, 8, 10, 20];
const BATCH_SIZES: [u32; 4] = [1, 10, 50, 250];
const SERVICE_TIMES: [f64; 4] = [0.5, 1.0, 2.0, 4.0];

/// Accounts × mappings beyond which a grid would take too long.
const MAX_VALUES: u64 = 6_000;

/// Runs the grid on `workload`, or on the first of its accounts that are not too many.
pub(super) fn explore(
    exploration: &Exploration<'_>,
    workload: &Workload,
) -> Result<Grid, SuiteError> {
    let whole = Scenario::new(workload.clone())?;
    let most = (MAX_VALUES / whole.plan.mappings.len().max(1) as u64).max(20);
    let accounts = match &whole.resources {
        Resources::Ids(ids) => ids.len() as u64,
        Resources::Search(_) => return Ok(Grid::default()),
    };
    let accounts = accounts.min(most);
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
    for strategy in Strategy::ALL {
        for &pool in &grid.pools {
            for factor in SERVICE_TIMES {
                let profile = whole.profile.with_service_times(factor);
                let profile = if pool > 0 { with_pool(&profile, pool) } else { profile };
                let workload =
                    Workload { profile: Some(profile), sample: Some(accounts), ..workload.clone() };
                let scenario = Scenario::new(workload)?;
                let settings = exploration.varied_settings(strategy, &WORKERS, &BATCH_SIZES);
                for run in exploration.simulated(&scenario, &settings)? {
                    let makespan_s = if run.is_valid { run.makespan_s as f32 } else { 0.0 };
                    grid.makespans_s.push(makespan_s);
                    grid.refused.push(run.refused_share() as f32);
                }
            }
        }
    }
    Ok(grid)
}
