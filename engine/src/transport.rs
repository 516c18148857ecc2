//! The way to Neon: one call, one answer.

use neon_mock::api::{Request, Response};
use std::future::Future;
use std::time::Duration;

/// How long an attempt may take before it counts as unanswered.
pub const TIMEOUT: Duration = Duration::from_secs(30);

/// Carries calls to Neon.
pub trait Transport {
    /// Makes one attempt of `request`, and waits for the answer, whatever its status.
    ///
    /// Errors: there is no answer, or none that can be read.
    fn call(&self, request: &Request) -> impl Future<Output = Result<Response, TransportError>>;
}

/// An attempt without an answer that can be read.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TransportError {
    /// Nothing was sent: no connection could be made.
    #[error("no connection: {0}")]
    Unreachable(String),
    /// No answer in time; the call may have been carried out.
    #[error("no answer in time")]
    Timeout,
    /// The connection broke; the call may have been carried out.
    #[error("the connection broke: {0}")]
    Interrupted(String),
    /// The answer is not what the endpoint answers.
    #[error("malformed answer: {0}")]
    Malformed(String),
}

/// What went over the wire beside the calls themselves.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Traffic {
    /// Connections that answers came by.
    pub connections_opened: u64,
    /// Bytes of the requests' bodies; `None` where they were not counted.
    pub request_body_bytes: Option<u64>,
}
