//! Traits of limits, and the feedback that they get.

use neon_mock::api::Endpoint;
use neon_mock::time::Timestamp;
use std::fmt;
use std::time::Duration;

/// The result of one attempt, as a limit sees it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CallFeedback {
    /// When the attempt was sent.
    pub sent_at: Timestamp,
    /// When its answer arrived.
    pub done_at: Timestamp,
    /// Other calls of the endpoint in flight when the attempt was sent.
    pub in_flight: u32,
    /// True if the answer was 429.
    pub refused: bool,
    /// True if calls wait for admission.
    pub queue_waiting: bool,
}

/// The limit of one endpoint.
pub trait ConcurrencyLimit: fmt::Debug {
    /// The most calls in flight; at least 1.
    fn limit(&self) -> u32;

    /// The least time between the sending of two calls.
    fn spacing(&self) -> Duration {
        Duration::ZERO
    }

    /// Adjusts to the result of a call.
    fn on_result(&mut self, call: &CallFeedback);
}

/// Makes one limit per endpoint.
pub trait LimitFactory {
    /// A new limit for `endpoint`; `None` admits every call at once.
    fn limit_for(&self, endpoint: Endpoint) -> Option<Box<dyn ConcurrencyLimit>>;
}
