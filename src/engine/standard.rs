//! Standard: one account after another, one read and one write for each mapping.

use super::EngineError;
use super::migrator::Migrator;
use crate::clock::Clock;
use crate::transport::Transport;
use neon_mock::api::AccountId;

pub(super) async fn run<T: Transport, C: Clock>(
    migrator: &Migrator<'_, T, C>,
    ids: &[AccountId],
) -> Result<(), EngineError> {
    for &id in ids {
        migrator.by_mapping(id).await?;
    }
    Ok(())
}
