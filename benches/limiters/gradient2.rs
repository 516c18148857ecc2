//! Gradient2: a limit that follows the ratio of long-term to recent response time.
//!
//! Source: the algorithm of that name in Netflix's concurrency-limits; written anew from its
//! description.

use neon_mock::api::Endpoint;
use neonbench_engine::engine::limiter::{CallFeedback, ConcurrencyLimit, LimitFactory};

/// Response time, relative to the long-term mean, above which the limit falls.
const TOLERANCE: f64 = 1.5;

/// Weight of the new limit in the smoothed one.
const SMOOTHING: f64 = 0.2;

/// Calls over which the long-term response time is averaged.
const LONG: f64 = 600.0;

/// Calls in flight beyond those that the ratio suggests.
const QUEUE: f64 = 4.0;

/// Makes one limit per endpoint.
pub(crate) struct Gradient2Limits;

#[derive(Debug)]
struct Gradient2 {
    limit: f64,
    long_s: Option<f64>,
}

impl LimitFactory for Gradient2Limits {
    fn limit_for(&self, _: Endpoint) -> Option<Box<dyn ConcurrencyLimit>> {
        Some(Box::new(Gradient2 { limit: 20.0, long_s: None }))
    }
}

impl ConcurrencyLimit for Gradient2 {
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "1 to 200")]
    fn limit(&self) -> u32 {
        self.limit as u32
    }

    fn on_result(&mut self, call: &CallFeedback) {
        if !call.is_taken() {
            // The original leaves drops to its own tenth: a refused call says nothing of time.
            self.limit = (self.limit * 0.9).max(1.0);
            return;
        }
        let short_s = call.done_at.since(call.sent_at).as_secs_f64();
        let long_s = self.long_s.map_or(short_s, |long_s| long_s + (short_s - long_s) * 2.0 / LONG);
        // Recovers faster from a time of slow calls.
        let long_s = if long_s / short_s > 2.0 { long_s * 0.95 } else { long_s };
        self.long_s = Some(long_s);
        if f64::from(call.in_flight) < self.limit / 2.0 {
            return;
        }
        let gradient = (TOLERANCE * long_s / short_s).clamp(0.5, 1.0);
        let next = self.limit * gradient + QUEUE;
        self.limit = (self.limit * (1.0 - SMOOTHING) + next * SMOOTHING).clamp(1.0, 200.0);
    }
}
