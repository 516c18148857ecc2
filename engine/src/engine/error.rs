//! Errors that end a run. Failures of single accounts are outcomes, not errors.

use super::caller::CallError;
use crate::event::Outcome;
use crate::journal::JournalError;
use crate::plan::PlanError;
use neon_mock::api::Endpoint;

/// The run cannot go on.
#[derive(Debug, thiserror::Error)]
#[allow(missing_docs, reason = "the messages say it")]
pub enum EngineError {
    #[error("the target is unreachable: {0}")]
    Unreachable(String),
    #[error("the target is not there any more: {0}")]
    Outage(String),
    #[error("the target refused the credentials: {0}")]
    Unauthorized(String),
    #[error("cannot look up what the run needs: {0}")]
    LookUp(String),
    #[error("the target does not take the request: {0}")]
    Refused(String),
    #[error("the search for accounts does not end: {0}")]
    EndlessSearch(String),
    #[error("{} answered with another endpoint's body", .0.name())]
    WrongBody(Endpoint),
    #[error("stopped")]
    Stopped,
    #[error(transparent)]
    Plan(#[from] PlanError),
    #[error(transparent)]
    Journal(#[from] JournalError),
}

impl EngineError {
    pub(super) fn from_call(error: CallError) -> Self {
        match error.call.outcome {
            _ if error.is_outage => Self::Outage(error.message),
            Outcome::Abandoned => Self::Stopped,
            Outcome::Unreachable => Self::Unreachable(error.message),
            Outcome::Unauthorized => Self::Unauthorized(error.message),
            Outcome::Refused => Self::Refused(error.message),
            _ => Self::LookUp(error.message),
        }
    }
}
