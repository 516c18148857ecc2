//! Gain of an advised setting: the same run in virtual time, with and without it.

use super::{AdvisedSetting, Gain, RunFinding};
use crate::experiment::{RunFigures, Summary, seeds, sweep};
use neonbench_engine::engine::limiter::Limiter;
use neonbench_engine::engine::{Settings, Strategy};
use neonbench_engine::run::{RunError, RunSpec};
use std::num::NonZeroU32;

/// Simulates `order` with and without the setting that `finding` advises, under `replicates` seeds
/// from the order's own on. `None` if it advises none, if it is in force already, or if a run of it would be
/// invalid.
///
/// It holds for a server whose limits and service times the order's profile has.
pub fn gain(
    order: &RunSpec<'_>,
    finding: &RunFinding,
    replicates: u32,
) -> Result<Option<Gain>, RunError> {
    let advised = finding.setting.and_then(|setting| with(&order.settings, setting));
    let Some(advised) = advised.filter(|advised| *advised != order.settings) else {
        return Ok(None);
    };
    let replicates = replicates.max(1);
    let seeds = &seeds::from(order.settings.seed, replicates);
    let runs = sweep(order.scenario, &[order.settings.clone(), advised], seeds)?;
    let [before, after]: [Summary; 2] = std::array::from_fn(|place| runs[place].iter().collect());
    if !before.is_valid() || !after.is_valid() {
        return Ok(None);
    }
    let makespan_s = |runs: &Summary| runs.mean(|run| run.makespan_s);
    let refused = |runs: &Summary| runs.mean(RunFigures::refused_share);
    let buffered = |runs: &Summary| runs.mean(|run| run.peak_buffered as f64);
    Ok(Some(Gain {
        replicates,
        makespan_s_before: makespan_s(&before),
        makespan_s_after: makespan_s(&after),
        refused_before: refused(&before),
        refused_after: refused(&after),
        buffered_before: buffered(&before),
        buffered_after: buffered(&after),
    }))
}

/// `settings` with `setting`; `None` for a figure of zero.
fn with(settings: &Settings, setting: AdvisedSetting) -> Option<Settings> {
    let mut changed = settings.clone();
    match setting {
        AdvisedSetting::Workers(workers) => changed.workers = NonZeroU32::new(workers)?,
        AdvisedSetting::BatchSize(size) => changed.batch_size = NonZeroU32::new(size)?,
        AdvisedSetting::ChunkSize(size) => changed.chunk_size = Some(NonZeroU32::new(size)?),
        AdvisedSetting::AdaptiveLimiter if matches!(changed.limiter, Limiter::Adaptive { .. }) => {}
        AdvisedSetting::AdaptiveLimiter => changed.limiter = Limiter::adaptive(0),
        AdvisedSetting::Pipelined => {
            changed.strategy = Strategy::Pipelined;
            changed.reads = Strategy::Pipelined.default_reads();
            changed.limiter = Strategy::Pipelined.default_limiter();
        }
    }
    Some(changed)
}
