//! Makespans over strategies, workers, batch sizes, pools and service times: what the sliders of the
//! page show. Each is one run, under the first seed, and not an interpolation.

use super::{Exploration, ExploreError, POOLS, positive, run, with_pool};
use crate::report::decision::Grid;
use neon_mock::api::Endpoint;
use neonbench_engine::engine::{Settings, Strategy};
use neonbench_engine::event::Event;
use neonbench_engine::scenario::{Resources, Scenario, Workload};
use std::collections::BTreeMap;

const WORKERS: [u32; 7] = [1, 2, 3, 5, 8, 10, 20];
const BATCH_SIZES: [u32; 4] = [1, 10, 50, 250];
const SERVICE_TIMES: [f64; 4] = [0.5, 1.0, 2.0, 4.0];

/// Accounts × mappings beyond which a grid would take too long.
const MAX_VALUES: u64 = 6_000;

/// What decides a run of the grid: what a strategy does not look at is left out.
type Key = (Strategy, u32, usize, u32, usize);

/// Runs the grid on `workload`, or on the first of its accounts that are not too many.
pub(super) fn explore(
    exploration: &Exploration<'_>,
    workload: &Workload,
) -> Result<Grid, ExploreError> {
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
    let mut known: BTreeMap<Key, (f32, f32)> = BTreeMap::new();
    for strategy in Strategy::ALL {
        for &pool in &grid.pools {
            for (index, &factor) in SERVICE_TIMES.iter().enumerate() {
                let profile = whole.profile.with_service_times(factor);
                let profile = if pool > 0 { with_pool(&profile, pool) } else { profile };
                let workload =
                    Workload { profile: Some(profile), sample: Some(accounts), ..workload.clone() };
                let scenario = Scenario::new(workload)?;
                for (workers, batch_size) in
                    WORKERS.into_iter().flat_map(|w| BATCH_SIZES.map(|b| (w, b)))
                {
                    let settings = Settings {
                        workers: positive(workers),
                        batch_size: positive(batch_size),
                        ..(exploration.settings)(strategy)
                    };
                    let looks_at = match strategy {
                        Strategy::Standard | Strategy::PutBatch | Strategy::Pipelined => (0, 0),
                        Strategy::Parallel => (workers, 0),
                        Strategy::Hybrid => (workers, settings.hybrid_batch()),
                    };
                    let key = (strategy, pool, index, looks_at.0, looks_at.1);
                    let (makespan_s, refused) = if let Some(known) = known.get(&key) {
                        *known
                    } else {
                        let record = run(&scenario, &settings, &mut |_: &Event| {})?.record;
                        let valid = record.audit.valid;
                        let makespan_s = if valid { record.makespan_s as f32 } else { 0.0 };
                        let found = (makespan_s, record.calls.refused_share() as f32);
                        known.insert(key, found);
                        found
                    };
                    grid.makespans_s.push(makespan_s);
                    grid.refused.push(refused);
                }
            }
        }
    }
    Ok(grid)
}
