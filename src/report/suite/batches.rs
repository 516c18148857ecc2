//! What the batch size changes: the guide's first example by its two strategies that have batches.

use super::{SuiteError, subject};
use crate::report::evidence::{BatchPoint, BatchSample};
use crate::select::{DEFAULT_WORKERS, Sample, in_order, simulate};
use neonbench_engine::engine::{Settings, Strategy};
use neonbench_engine::scenario::Scenario;
use std::num::NonZeroU32;

const SIZES: [u32; 8] = [1, 2, 5, 10, 25, 50, 100, 200];

/// Runs of each batch size.
const SEEDS: u64 = 3;

/// Runs both strategies with batches of every size, under `seed` and those that follow.
pub(super) fn batches(seed: u64) -> Result<BatchSample, SuiteError> {
    let scenario = Scenario::new(subject()?)?;
    let strategies = [Strategy::PutBatch, Strategy::Hybrid];
    let wanted: Vec<_> =
        strategies.into_iter().flat_map(|strategy| SIZES.map(|size| (strategy, size))).collect();
    let points = in_order(&wanted, |&(strategy, batch_size)| {
        let mut samples = Vec::new();
        for offset in 0..SEEDS {
            let batch_size = NonZeroU32::new(batch_size).expect("the sizes are positive");
            let seed = seed.wrapping_add(offset);
            let settings = Settings { batch_size, seed, ..Settings::new(strategy) };
            samples.push(simulate(&scenario, &settings, None)?);
        }
        let mean = |of: fn(&Sample) -> f64| samples.iter().map(of).sum::<f64>() / SEEDS as f64;
        let point = BatchPoint {
            strategy,
            batch_size,
            makespan_s: mean(|sample| sample.makespan_s),
            buffered: mean(|sample| sample.peak_buffered as f64),
            at_risk: mean(|sample| sample.at_risk),
            open_writes: mean(|sample| sample.open_writes),
        };
        Ok::<_, SuiteError>(samples.iter().all(|sample| sample.valid).then_some(point))
    })?;
    Ok(BatchSample {
        accounts: scenario.expected_resources(),
        mappings: scenario.mappings() as u64,
        profile: scenario.profile.name().to_owned(),
        workers: DEFAULT_WORKERS,
        seeds: SEEDS,
        points: points.into_iter().flatten().collect(),
    })
}
