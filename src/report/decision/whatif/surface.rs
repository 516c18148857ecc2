//! Hybrid under other workers and batch sizes.

mod chart;

pub(crate) use chart::surface;

use super::varied_on;
use crate::experiment::RunFigures;
use crate::report::shared::SuiteError;
use crate::report::shared::exploration::Exploration;
use crate::report::shared::league::CLIFF;
use crate::text::{duration, percent, plural, share};
use neonbench_engine::engine::{Settings, Strategy};
use neonbench_engine::scenario::{Scenario, Workload};
use serde::{Deserialize, Serialize};

/// Workers and batch sizes of the response surface.
const WORKERS: [u32; 10] = [1, 2, 3, 4, 5, 6, 7, 8, 9, 10];
const BATCH_SIZES: [u32; 7] = [1, 5, 10, 25, 50, 100, 250];

/// One configuration of hybrid.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize, schemars::JsonSchema)]
#[allow(missing_docs, reason = "the names say it")]
pub struct SurfacePoint {
    pub workers: u32,
    pub batch_size: u32,
    pub makespan_s: f64,
    /// Share of the calls that were refused.
    pub refused: f64,
}

/// Hybrid on `workload` under workers and batch sizes.
pub(crate) fn run(
    exploration: &Exploration<'_>,
    workload: &Workload,
) -> Result<Vec<SurfacePoint>, SuiteError> {
    let scenario = Scenario::new(workload.clone())?;
    let settings = exploration.varied_settings(Strategy::Hybrid, &WORKERS, &BATCH_SIZES);
    let runs = exploration.simulated(&scenario, &settings)?;
    let valid = settings.iter().zip(runs).filter(|(_, run)| run.is_valid);
    let point = |(settings, run): (&Settings, RunFigures)| SurfacePoint {
        workers: settings.workers.get(),
        batch_size: settings.batch_size.get(),
        makespan_s: run.makespan_s,
        refused: run.refused_share(),
    };
    Ok(valid.map(point).collect())
}

/// The surface's title: the fastest configuration of all with its refusals, and the fastest of those
/// that are hardly refused.
pub(crate) fn title(cells: &[SurfacePoint], accounts: u64, all: u64) -> String {
    let fastest = |cells: &mut dyn Iterator<Item = &SurfacePoint>| -> Option<SurfacePoint> {
        cells.min_by(|a, b| a.makespan_s.total_cmp(&b.makespan_s)).copied()
    };
    let Some(any) = fastest(&mut cells.iter()) else { return String::new() };
    let on = varied_on(accounts, all);
    if cells.iter().all(|cell| cell.makespan_s <= any.makespan_s) {
        return format!("Workers and batch size make no difference to hybrid{on}");
    }
    let with = |cell: SurfacePoint| {
        format!("{} and batch size {}", plural(cell.workers.into(), "worker"), cell.batch_size)
    };
    let time = |cell: SurfacePoint| duration(cell.makespan_s);
    let first = format!("hybrid{on} is fastest with {}: {}", with(any), time(any));
    if any.refused <= CLIFF {
        return first;
    }
    let polite = fastest(&mut cells.iter().filter(|cell| cell.refused <= CLIFF));
    let polite = polite.map_or_else(
        || format!("none of its configurations has {} or fewer", percent(CLIFF)),
        |cell| {
            format!(
                "of those with at most {}, the fastest has {}: {}",
                percent(CLIFF),
                with(cell),
                time(cell)
            )
        },
    );
    format!("{first}, with {} of the calls refused; {polite}", share(any.refused))
}
