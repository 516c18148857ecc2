//! Additive increase, multiplicative decrease. Source: Chiu and Jain, "Analysis of the increase and
//! decrease algorithms for congestion avoidance", 1989.

use neon_mock::api::Endpoint;
use neon_mock::time::Timestamp;
use neonbench_engine::engine::limiter::{CallFeedback, ConcurrencyLimit, LimitFactory};

/// Makes an AIMD limit per endpoint.
pub(crate) struct AimdLimits;

/// One more after as many successes as are allowed in flight; half after a refusal.
#[derive(Debug)]
struct Aimd {
    limit: f64,
    /// Calls sent before this moment say nothing new about the limit.
    decreased_at: Timestamp,
}

impl LimitFactory for AimdLimits {
    fn limit_for(&self, _: Endpoint) -> Option<Box<dyn ConcurrencyLimit>> {
        Some(Box::new(Aimd { limit: 1.0, decreased_at: Timestamp::ZERO }))
    }
}

impl ConcurrencyLimit for Aimd {
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "at least 1, and small"
    )]
    fn limit(&self) -> u32 {
        self.limit as u32
    }

    fn on_result(&mut self, call: &CallFeedback) {
        if !call.refused {
            if call.queue_waiting {
                self.limit += 1.0 / self.limit;
            }
        } else if call.sent_at >= self.decreased_at {
            self.limit = (self.limit / 2.0).max(1.0);
            self.decreased_at = call.done_at;
        }
    }
}
