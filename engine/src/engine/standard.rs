//! Standard: one account after another, one read and one write for each mapping.

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
    side_by_side(1, migrator.stop(), ids.iter(), |&id| migrator.by_mapping(id)).await
}
