//! Why a run could not go on. What happens to single accounts is an outcome and not an error.

use super::caller::GivenUp;
use crate::event::Outcome;
use crate::journal::JournalError;
use crate::plan::PlanError;
use neon_mock::api::Endpoint;

/// Why a run could not go on.
#[derive(Debug, thiserror::Error)]
#[allow(missing_docs, reason = "the messages say it")]
pub enum EngineError {
    #[error("the target is unreachable: {0}")]
    Unreachable(String),
    #[error("the target refused the credentials: {0}")]
    Unauthorized(String),
    #[error("cannot look up what the run needs: {0}")]
    LookUp(String),
    #[error("the target does not take the request: {0}")]
    Refused(String),
    #[error("{} answered with another endpoint's body", .0.name())]
    WrongBody(Endpoint),
    #[error(transparent)]
    Plan(#[from] PlanError),
    #[error(transparent)]
    Journal(#[from] JournalError),
}

impl EngineError {
    pub(super) fn from_call(given_up: GivenUp) -> Self {
        match given_up.call.outcome {
            Outcome::Unreachable => Self::Unreachable(given_up.message),
            Outcome::Unauthorized => Self::Unauthorized(given_up.message),
            Outcome::Refused => Self::Refused(given_up.message),
            _ => Self::LookUp(given_up.message),
        }
    }

    pub(super) const fn wrong_body(endpoint: Endpoint) -> Self {
        Self::WrongBody(endpoint)
    }
}
