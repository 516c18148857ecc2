//! Traits of limits, and the feedback that they get.

use super::echo_share::EchoShare;
use super::of_all::LimitOfAll;
use crate::event::Outcome;
use neon_mock::api::Endpoint;
use neon_mock::time::Timestamp;
use std::fmt;
use std::time::Duration;

/// The result of one attempt, as a limit sees it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CallFeedback {
    /// Endpoint of the call.
    pub endpoint: Endpoint,
    /// When the attempt was sent.
    pub sent_at: Timestamp,
    /// When its answer arrived.
    pub done_at: Timestamp,
    /// Other calls of the endpoint in flight when the attempt was sent.
    pub in_flight: u32,
    /// Of these, calls that are not answered yet and may be refused.
    pub unanswered: u32,
    /// Other calls in flight then, of all endpoints that have a limit.
    pub in_flight_all: u32,
    /// The most calls of all endpoints that were in flight and all taken so far.
    pub taken_of_all: u32,
    /// The answer, or what came in its place.
    pub outcome: Outcome,
    /// True if calls wait for admission.
    pub queue_waiting: bool,
    /// Refusals of the run that are still free: [`FREE_REFUSALS`], or one in
    /// [`CALLS_PER_FREE_REFUSAL`] calls if that is more, less those so far. Negative once they are spent.
    pub spare_refusals: i64,
}

/// Refusals that cost nothing under the objective `balanced`, whatever the size of a run.
pub const FREE_REFUSALS: u64 = 5;

/// Calls for each of which one more refusal costs nothing.
pub const CALLS_PER_FREE_REFUSAL: u64 = 200;

impl CallFeedback {
    /// True if the answer was 429.
    pub fn is_refused(&self) -> bool {
        self.outcome == Outcome::Rejected
    }

    /// Other calls of the endpoint that had a place beside this one for certain.
    pub const fn certain(&self) -> u32 {
        self.in_flight.saturating_sub(self.unanswered)
    }

    /// True if the server did its work, or said that there is none. Other failures tell neither of
    /// places nor of time.
    pub fn is_taken(&self) -> bool {
        !matches!(
            self.outcome,
            Outcome::Rejected
                | Outcome::ServerError
                | Outcome::Unreachable
                | Outcome::Timeout
                | Outcome::Interrupted
                | Outcome::Malformed
        )
    }

    /// True if nobody waited any longer for the answer.
    pub fn is_timed_out(&self) -> bool {
        self.outcome == Outcome::Timeout
    }
}

/// A call that was sent and not answered yet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct UnansweredCall {
    /// Endpoint of the call.
    pub endpoint: Endpoint,
    /// When it was sent.
    pub sent_at: Timestamp,
    /// Other calls in flight then, of all endpoints that have a limit.
    pub in_flight_all: u32,
}

/// The limit of one endpoint.
pub trait ConcurrencyLimit: fmt::Debug {
    /// The most calls in flight; at least 1.
    fn limit(&self) -> u32;

    /// The least time between the sending of two calls.
    fn spacing(&self) -> Duration {
        Duration::ZERO
    }

    /// True if calls are spaced, since calls per second are limited.
    fn is_paced(&self) -> bool {
        false
    }

    /// The calls per second that were seen to be taken, up to `at`.
    fn taken_per_s(&self, _at: Timestamp) -> f64 {
        0.0
    }

    /// The earliest time of the next call.
    fn not_before(&self) -> Timestamp {
        Timestamp::ZERO
    }

    /// Adjusts to the result of a call.
    fn on_result(&mut self, call: &CallFeedback);

    /// The pool that this limit has found, if it has.
    fn found(&self) -> Option<u32> {
        None
    }

    /// The server asked for a delay of `delay`, of this endpoint or another.
    fn on_deferral(&mut self, _delay: Duration) {}

    /// The server asked for no call before `until`.
    fn on_deferred(&mut self, _until: Timestamp) {}

    /// An endpoint took `taken` calls at once, more than any before.
    fn on_taken_elsewhere(&mut self, _taken: u32) {}

    /// Another endpoint was found to have a pool of `pool`.
    fn on_pool_elsewhere(&mut self, _pool: u32) {}

    /// An endpoint with the same limits is paced; one of them took `per_s` calls per second.
    fn on_rate_of_alike(&mut self, _per_s: f64, _now: Timestamp) {}

    /// The endpoint was found to share calls per second with others, which took `per_s` together.
    fn on_shared_rate(&mut self, _per_s: f64, _now: Timestamp) {}

    /// The endpoint was found to share a pool of `pool` with others.
    fn on_shared_pool(&mut self, _pool: u32) {}
}

/// Makes one limit per endpoint, and one of them all.
pub trait LimitFactory {
    /// A new limit for `endpoint`; `None` admits every call at once.
    fn limit_for(&self, endpoint: Endpoint) -> Option<Box<dyn ConcurrencyLimit>>;

    /// The share of a pool to leave to integrations; `None` if there is none.
    fn echo_share(&self) -> Option<EchoShare> {
        None
    }

    /// A new limit of the calls of all endpoints together; `None` if there is none.
    fn limit_of_all(&self) -> Option<LimitOfAll> {
        None
    }
}
