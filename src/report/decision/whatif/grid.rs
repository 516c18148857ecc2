//! Other workers, batches, limits and service times: what the sliders show.

mod run;

pub(crate) use run::run;

use neonbench_engine::engine::Strategy;
use serde::{Deserialize, Serialize};

/// Makespans in seconds, 0 where a run was invalid or hopeless (twice as long as one call after
/// another): one for each combination, the last list of
/// choices changing first.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, schemars::JsonSchema)]
pub struct Grid {
    /// Strategies.
    pub strategies: Vec<Strategy>,
    /// Pools of the profile; one 0 where it has none.
    pub pools: Vec<u32>,
    /// Service times, as factors of the profile's.
    pub service_times: Vec<f64>,
    /// Workers.
    pub workers: Vec<u32>,
    /// Batch sizes.
    pub batch_sizes: Vec<u32>,
    /// Accounts of each run.
    pub accounts: u64,
    /// By strategy, pool, service time, workers, batch size.
    pub makespans_s: Vec<f32>,
    /// Share of the calls refused, likewise.
    pub refused: Vec<f32>,
}

/// One configuration of the grid, under all pools.
#[derive(Clone, Debug, PartialEq, Serialize, schemars::JsonSchema)]
#[allow(missing_docs, reason = "the names say it")]
pub(crate) struct GridRow {
    pub strategy: Strategy,
    /// Place of its service times, workers and batch size among the grid's; `None` where the strategy
    /// does not look at them.
    pub at_service: usize,
    pub at_workers: Option<usize>,
    pub at_batch: Option<usize>,
    /// Places of its makespans, one per pool.
    pub places: Vec<usize>,
}

/// The grid as a table: a row for each configuration that a strategy tells apart.
pub(crate) fn grid_rows(grid: &Grid) -> Vec<GridRow> {
    let Grid { strategies, pools, service_times, workers, batch_sizes, .. } = grid;
    let mut rows = Vec::new();
    for s in 0..service_times.len() {
        for (k, strategy) in strategies.iter().enumerate() {
            let (by_workers, by_batch) = match strategy {
                Strategy::Hybrid => (true, true),
                Strategy::Parallel => (true, false),
                Strategy::Standard | Strategy::PutBatch | Strategy::Pipelined => (false, false),
            };
            let shown = |list: &[u32], all: bool| if all { list.len() } else { list.len().min(1) };
            for w in 0..shown(workers, by_workers) {
                for b in 0..shown(batch_sizes, by_batch) {
                    let at = |p: usize| {
                        let index = (k * pools.len() + p) * service_times.len() + s;
                        (index * workers.len() + w) * batch_sizes.len() + b
                    };
                    rows.push(GridRow {
                        strategy: *strategy,
                        at_service: s,
                        at_workers: by_workers.then_some(w),
                        at_batch: by_batch.then_some(b),
                        places: (0..pools.len()).map(at).collect(),
                    });
                }
            }
        }
    }
    rows
}
