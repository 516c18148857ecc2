//! Additive increase, multiplicative decrease.
//!
//! Sources: Chiu and Jain, "Analysis of the increase and decrease algorithms for congestion avoidance",
//! 1989; the steps and figures are those that tower-acc 0.1 documents for its limit of that name (one
//! more after each success of a busy limit, a tenth less after an error or 5 s, 20 to 200), but for the
//! lower end, which is 1: with 20 it could not go below a pool of 5.

use neon_mock::api::Endpoint;
use neonbench_engine::engine::limiter::{CallFeedback, ConcurrencyLimit, LimitFactory};
use std::time::Duration;

/// Calls in flight at the start, and at most.
const START: f64 = 20.0;
const MOST: f64 = 200.0;

/// Factor on the limit after an error.
const DOWN: f64 = 0.9;

/// Time after which an answer counts as an error.
const SLOW: Duration = Duration::from_secs(5);

/// Makes an AIMD limit per endpoint.
pub(crate) struct AimdLimits;

#[derive(Debug)]
struct Aimd(f64);

impl LimitFactory for AimdLimits {
    fn limit_for(&self, _: Endpoint) -> Option<Box<dyn ConcurrencyLimit>> {
        Some(Box::new(Aimd(START)))
    }
}

impl ConcurrencyLimit for Aimd {
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "1 to 200")]
    fn limit(&self) -> u32 {
        self.0 as u32
    }

    fn on_result(&mut self, call: &CallFeedback) {
        if !call.is_taken() || call.done_at.since(call.sent_at) > SLOW {
            self.0 = (self.0 * DOWN).max(1.0);
        } else if f64::from(call.in_flight + 1) * 2.0 >= self.0 {
            self.0 = (self.0 + 1.0).min(MOST);
        }
    }
}
