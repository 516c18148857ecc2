//! What an advised setting would change: the same run in virtual time, with and without it.

use super::{Finding, Gain, Setting};
use neonbench_engine::engine::limiter::Limiter;
use neonbench_engine::engine::{Settings, Strategy};
use neonbench_engine::event::Event;
use neonbench_engine::run::{RunContext, RunError, RunSpec, World};
use std::num::NonZeroU32;

/// Simulates `order` with and without the setting that `finding` advises, under `replicates` seeds
/// from the order's own on. `None` if it advises none, or a run of it would be invalid.
///
/// It holds for a server whose limits and service times the order's profile has.
pub fn gain(
    order: &RunSpec<'_>,
    finding: &Finding,
    replicates: u32,
) -> Result<Option<Gain>, RunError> {
    let Some(advised) = finding.setting.and_then(|setting| with(&order.settings, setting)) else {
        return Ok(None);
    };
    let replicates = replicates.max(1);
    let before = means(order, &order.settings, replicates)?;
    let after = means(order, &advised, replicates)?;
    let (Some(before), Some(after)) = (before, after) else { return Ok(None) };
    Ok(Some(Gain {
        replicates,
        makespan_s_before: before[0],
        makespan_s_after: after[0],
        refused_before: before[1],
        refused_after: after[1],
        buffered_before: before[2],
        buffered_after: after[2],
    }))
}

/// `settings` with `setting`; `None` for a figure of zero.
fn with(settings: &Settings, setting: Setting) -> Option<Settings> {
    let mut changed = settings.clone();
    match setting {
        Setting::Workers(workers) => changed.workers = NonZeroU32::new(workers)?,
        Setting::BatchSize(size) => changed.batch_size = NonZeroU32::new(size)?,
        Setting::ChunkSize(size) => changed.chunk_size = Some(NonZeroU32::new(size)?),
        Setting::AdaptiveLimiter => changed.limiter = Limiter::Adaptive { headroom: 0 },
        Setting::Pipelined => {
            changed.strategy = Strategy::Pipelined;
            changed.reads = Strategy::Pipelined.default_reads();
            changed.limiter = Strategy::Pipelined.default_limiter();
        }
    }
    Some(changed)
}

/// Makespan in seconds, share refused, and accounts in memory; `None` if a run is invalid.
fn means(
    order: &RunSpec<'_>,
    settings: &Settings,
    replicates: u32,
) -> Result<Option<[f64; 3]>, RunError> {
    let mut sums = [0.0; 3];
    for offset in 0..u64::from(replicates) {
        let mut settings = settings.clone();
        settings.seed = order.settings.seed.wrapping_add(offset);
        let order = RunSpec { settings, session: RunContext::STANDALONE, ..order.clone() };
        let record = order.run(&World::Virtual, &mut |_: &Event| {})?.record;
        if !record.audit.valid {
            return Ok(None);
        }
        let refused = record.calls.refused_share();
        let buffered = record.performance.peak_buffered_records as f64;
        for (sum, value) in sums.iter_mut().zip([record.makespan_s, refused, buffered]) {
            *sum += value;
        }
    }
    Ok(Some(sums.map(|sum| sum / f64::from(replicates))))
}
