//! Hybrid: the batches of put batch, smaller, side by side.

use super::error::EngineError;
use super::migrator::Migrator;
use super::workers::side_by_side;
use crate::clock::Clock;
use crate::transport::Transport;
use neon_mock::api::AccountId;

pub(super) async fn run<T: Transport, C: Clock>(
    migrator: &Migrator<'_, T, C>,
    ids: &[AccountId],
) -> Result<(), EngineError> {
    let settings = migrator.settings();
    let batches = ids.chunks(settings.hybrid_batch());
    let workers = (settings.workers.get() as usize).min(batches.len());
    side_by_side(workers, migrator.stop(), batches, |batch| migrator.batch(batch)).await
}
