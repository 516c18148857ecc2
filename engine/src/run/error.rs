//! Errors of a run as a whole. Failures of single accounts are in its record.

use crate::engine::EngineError;
use crate::world::{HttpError, Stalled};
use neon_mock::StartError;

/// The run could not be carried out.
#[derive(Debug, thiserror::Error)]
pub enum RunError {
    /// The engine could not go on.
    #[error(transparent)]
    Engine(#[from] EngineError),
    /// Virtual time could not go on.
    #[error(transparent)]
    Stalled(#[from] Stalled),
    /// The target's address cannot be used.
    #[error(transparent)]
    Http(#[from] HttpError),
    /// The embedded mock did not start, for example for want of a free port.
    #[error("cannot start the embedded mock")]
    Embedded(#[source] StartError),
    /// The tokio runtime did not start.
    #[error("cannot start the asynchronous runtime")]
    Runtime(#[source] std::io::Error),
}
