//! Parallel: as standard, with whole accounts side by side.

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
    let workers = (migrator.settings().workers.get() as usize).min(ids.len());
    side_by_side(workers, migrator.stop(), ids.iter(), |&id| migrator.by_mapping(id)).await
}
