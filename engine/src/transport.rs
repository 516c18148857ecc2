//! Transport trait: send one request, await one response.

use neon_mock::api::{Request, Response};
use std::future::Future;
use std::time::Duration;

/// Time after which an attempt counts as unanswered.
pub const TIMEOUT: Duration = Duration::from_secs(30);

/// Sends calls to Neon.
pub trait Transport {
    /// Makes one attempt of `request` and waits for the answer, whatever its status.
    ///
    /// Errors: [`TransportError`] if there is no answer, or none that can be read.
    fn call(&self, request: &Request) -> impl Future<Output = Result<Response, TransportError>>;
}

/// An attempt without a readable answer.
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

/// Connections and bytes of a run.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Traffic {
    /// Connections that answers came by.
    pub connections_opened: u64,
    /// Bytes of the requests' bodies; `None` where they were not counted.
    pub request_body_bytes: Option<u64>,
}
