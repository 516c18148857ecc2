//! Effects of the batch size: the guide's first example by its two strategies that have batches.

use super::{BatchPoint, BatchSample};
use crate::experiment::{SimulatedRun, Summary, seeds, sweep};
use crate::report::shared::SuiteError;
use crate::report::shared::rows::run::subject;
use crate::stats::mean;
use neonbench_engine::engine::{DEFAULT_WORKERS, Settings, Strategy};
use neonbench_engine::scenario::Scenario;
use std::num::NonZeroU32;

const SIZES: [u32; 8] = [1, 2, 5, 10, 25, 50, 100, 200];

/// Runs of each batch size.
const SEEDS: u32 = 3;

/// Runs both strategies with batches of every size, under `seed` and those that follow.
pub(crate) fn run(seed: u64) -> Result<BatchSample, SuiteError> {
    let scenario = Scenario::new(subject()?)?;
    let settings: Vec<Settings> = [Strategy::PutBatch, Strategy::Hybrid]
        .into_iter()
        .flat_map(|strategy| {
            SIZES.map(|size| {
                let batch_size = NonZeroU32::new(size).expect("the sizes are positive");
                Settings { batch_size, ..Settings::new(strategy) }
            })
        })
        .collect();
    let all = sweep(&scenario, &settings, &seeds::from(seed, SEEDS))?;
    let point = |(settings, runs): (&Settings, &Vec<SimulatedRun>)| {
        let summary: Summary = runs.iter().collect();
        let point = BatchPoint {
            strategy: settings.strategy,
            batch_size: settings.batch_size.get(),
            makespan_s: summary.mean(|run| run.makespan_s),
            buffered: summary.mean(|run| run.peak_buffered as f64),
            at_risk: mean(runs.iter().map(|run| run.at_risk)),
            open_writes: mean(runs.iter().map(|run| run.open_writes)),
        };
        summary.is_valid().then_some(point)
    };
    let points = settings.iter().zip(&all).filter_map(point).collect();
    Ok(BatchSample {
        accounts: scenario.expected_resources(),
        mappings: scenario.mappings() as u64,
        profile: scenario.profile.name().to_owned(),
        workers: DEFAULT_WORKERS,
        seeds: u64::from(SEEDS),
        points,
    })
}
