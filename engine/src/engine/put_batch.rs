//! Put batch: one account after another, one read and one write for all mappings. A batch is read
//! before it is written, so that its size bounds what is held in memory.

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
    let batches = ids.chunks(migrator.settings().batch_size.get() as usize);
    side_by_side(1, migrator.stop(), batches, |batch| migrator.batch(batch)).await
}
