//! Vegas: a limit that keeps a few calls in the server's queue, as far as the shortest time tells.
//!
//! Sources: Brakmo and Peterson, "TCP Vegas: end to end congestion avoidance on a global Internet", 1995;
//! steps and figures as tower-acc 0.1 and Netflix's concurrency-limits document them for calls.

use neon_mock::api::Endpoint;
use neonbench_engine::engine::limiter::{CallFeedback, ConcurrencyLimit, LimitFactory};

/// Calls in flight at the start, and at most.
const START: f64 = 20.0;
const MOST: f64 = 1_000.0;

/// Queue, in steps, below which the limit grows fast, grows, and above which it falls.
const FAST: f64 = 1.0;
const ALPHA: f64 = 3.0;
const BETA: f64 = 6.0;

/// Calls for each one in flight after which the shortest time is found anew.
const FORGET: f64 = 30.0;

/// Makes one limit per endpoint.
pub(crate) struct VegasLimits;

#[derive(Debug)]
struct Vegas {
    limit: f64,
    shortest_s: f64,
    calls: f64,
}

impl LimitFactory for VegasLimits {
    fn limit_for(&self, _: Endpoint) -> Option<Box<dyn ConcurrencyLimit>> {
        Some(Box::new(Vegas { limit: START, shortest_s: f64::INFINITY, calls: 0.0 }))
    }
}

impl ConcurrencyLimit for Vegas {
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "1 to 1000")]
    fn limit(&self) -> u32 {
        self.limit as u32
    }

    fn on_result(&mut self, call: &CallFeedback) {
        let time_s = call.done_at.since(call.sent_at).as_secs_f64();
        let step = self.limit.log10().floor().max(1.0);
        if !call.is_taken() {
            self.limit = (self.limit - step).max(1.0);
            return;
        }
        self.calls += 1.0;
        if self.calls > FORGET * self.limit {
            (self.calls, self.shortest_s) = (0.0, time_s);
            return;
        }
        if time_s <= self.shortest_s {
            self.shortest_s = time_s;
            return;
        }
        if f64::from(call.in_flight + 1) * 2.0 < self.limit {
            return;
        }
        let queue = (self.limit * (1.0 - self.shortest_s / time_s)).ceil();
        let change = if queue <= FAST * step {
            BETA * step
        } else if queue < ALPHA * step {
            step
        } else if queue > BETA * step {
            -step
        } else {
            0.0
        };
        self.limit = (self.limit + change).clamp(1.0, MOST);
    }
}
