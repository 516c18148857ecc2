//! Calls that failed for good.

use crate::engine::retry::NoRetry;
use crate::event::{FailedCall, Outcome};
use crate::transport::TransportError;
use neon_mock::api::{Body, Endpoint, Response};
use std::time::Duration;

/// A call that failed for good.
#[derive(Debug)]
pub(in crate::engine) struct CallError {
    /// Endpoint, outcome and attempts, for the failure report.
    pub(in crate::engine) call: FailedCall,
    /// Body of the last answer.
    pub(in crate::engine) body: Option<Body>,
    /// Message for people.
    pub(in crate::engine) message: String,
    /// For a write: whether it may have been carried out.
    pub(in crate::engine) delivery_unknown: DeliveryUnknown,
    /// True if the server has failed every call for longer than the run waits.
    pub(in crate::engine) is_outage: bool,
}

/// Delivery of a write that did not succeed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::engine) enum DeliveryUnknown {
    /// The server answered, so it was not; or whoever resumes the run finds out.
    No,
    /// It may have been carried out; if not, a retry is due now.
    Retryable,
    /// It may have been carried out, and no retry is left.
    Exhausted,
    /// It was not sent: the run was held for so long that what it was decided on is old.
    Aged,
}

impl CallError {
    /// The error of a call that was not sent, or not waited for.
    pub(super) fn unsent(endpoint: Endpoint, outcome: Outcome, attempts: u32, why: &str) -> Self {
        Self {
            call: FailedCall { endpoint, outcome, status: None, attempts },
            body: None,
            message: format!("{}: {why}", endpoint.name()),
            delivery_unknown: DeliveryUnknown::No,
            is_outage: false,
        }
    }

    /// Adds the reason for giving up, where the answer does not show it.
    pub(super) fn because(mut self, no_retry: Option<NoRetry>) -> Self {
        if let Some(no_retry @ (NoRetry::Deadline(_) | NoRetry::BudgetSpent)) = no_retry {
            self.message = format!("{}; not made again: {no_retry}", self.message);
        }
        self
    }

    /// The same, as the end of an outage that was longer than the run waits.
    pub(super) fn of_outage(mut self, longest: Duration) -> Self {
        let longest = humantime::format_duration(longest);
        self.message =
            format!("it failed every call for {longest} (--max-outage): {}", self.message);
        self.is_outage = true;
        self
    }

    /// True if every call to come would fail alike.
    pub(in crate::engine) fn ends_run(&self) -> bool {
        self.is_outage || self.call.outcome == Outcome::Unauthorized
    }
}

/// The error of a write that was not sent, since the run was held for long after it was decided on.
pub(super) fn aged(endpoint: Endpoint, attempts: u32) -> CallError {
    let why = "not sent, decided on before a pause";
    let error = CallError::unsent(endpoint, Outcome::Abandoned, attempts, why);
    CallError { delivery_unknown: DeliveryUnknown::Aged, ..error }
}

/// The error of a read that was not sent, since it gives way and others were refused.
pub(super) fn gave_way(endpoint: Endpoint, attempts: u32) -> CallError {
    CallError::unsent(endpoint, Outcome::Rejected, attempts, "not sent, others were refused")
}

pub(super) fn call_error(
    endpoint: Endpoint,
    outcome: Outcome,
    attempts: u32,
    answer: Result<Response, TransportError>,
    delivery_unknown: DeliveryUnknown,
) -> CallError {
    let name = endpoint.name();
    let (status, body, message) = match answer {
        Err(error) => (None, None, format!("{name}: {error}")),
        Ok(Response { status, body, .. }) => {
            let reason = match &body {
                Body::Errors(errors) if !errors.is_empty() => {
                    errors.iter().map(ToString::to_string).collect::<Vec<_>>().join("; ")
                }
                _ => outcome.name().replace('_', " "),
            };
            (Some(status), Some(body), format!("{name} answered {status}: {reason}"))
        }
    };
    let call = FailedCall { endpoint, outcome, status, attempts };
    CallError { call, body, message, delivery_unknown, is_outage: false }
}
