//! The grid of what-ifs as a table.

use crate::report::decision::Grid;
use neonbench_engine::engine::Strategy;
use serde::Serialize;

/// One configuration of the grid, under all pools.
#[derive(Clone, Debug, PartialEq, Serialize, schemars::JsonSchema)]
#[allow(missing_docs, reason = "the names say it")]
pub(crate) struct GridRow {
    pub service_times: f64,
    pub strategy: Strategy,
    pub workers: String,
    pub batch_size: String,
    pub makespans_s: Vec<f32>,
}

/// The grid as a table: a row for each configuration that a strategy tells apart.
pub(crate) fn grid_rows(grid: &Grid) -> Vec<GridRow> {
    let Grid { strategies, pools, service_times, workers, batch_sizes, .. } = grid;
    let mut rows = Vec::new();
    for (s, service) in service_times.iter().enumerate() {
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
                    let name = |list: &[u32], index: usize, is_told: bool| {
                        if is_told { list[index].to_string() } else { "any".to_owned() }
                    };
                    rows.push(GridRow {
                        service_times: *service,
                        strategy: *strategy,
                        workers: name(workers, w, by_workers),
                        batch_size: name(batch_sizes, b, by_batch),
                        makespans_s: (0..pools.len()).map(|p| grid.makespans_s[at(p)]).collect(),
                    });
                }
            }
        }
    }
    rows
}
