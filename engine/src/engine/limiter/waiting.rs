//! A test for calls that wait at the server, by the growth of their times with the calls in flight.
//!
//! Behind a full pool a further call only waits for the others: times rise as the calls in flight do, and no
//! more calls go through. The slope of ln time on ln calls in flight is
//! estimated by least squares over the calls of one endpoint, older ones counting less and less: 0
//! without waiting, 1 where all waits.

use super::limit::CallFeedback;
use libm::log;

/// The weight of a call is so much less after each further one.
const FORGET: f64 = 1.0 / 48.0;

/// The slope beyond which a further call mostly waits, and by how many standard errors it is exceeded. A call
/// too many costs a refusal; a call too few costs little, until the next calls are answered.
const MOSTLY_WAITS: f64 = 0.5;
const ERRORS: f64 = 0.5;

/// Weights below which nothing is concluded.
const LEAST_CALLS: f64 = 12.0;

/// Weighted sums over calls: x is the logarithm of the calls in flight, y that of the time.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Waiting {
    weight: f64,
    mean_x: f64,
    mean_y: f64,
    xx: f64,
    xy: f64,
    yy: f64,
}

impl Waiting {
    /// Adds a call that was answered (West, "Updating mean and variance estimates", 1979).
    pub(super) fn add(&mut self, call: &CallFeedback) {
        let x = log(f64::from(call.in_flight + 1));
        let y = log(call.done_at.since(call.sent_at).as_secs_f64().max(1e-6));
        let keep = 1.0 - FORGET;
        for sum in [&mut self.weight, &mut self.xx, &mut self.xy, &mut self.yy] {
            *sum *= keep;
        }
        let before = self.weight;
        self.weight += 1.0;
        let (off_x, off_y) = (x - self.mean_x, y - self.mean_y);
        self.mean_x += off_x / self.weight;
        self.mean_y += off_y / self.weight;
        let share = before / self.weight;
        self.xx += share * off_x * off_x;
        self.xy += share * off_x * off_y;
        self.yy += share * off_y * off_y;
    }

    /// True if a further call would mostly wait.
    pub(super) fn is_seen(&self) -> bool {
        if self.weight < LEAST_CALLS || self.xx <= 1e-9 {
            return false;
        }
        let slope = self.xy / self.xx;
        let left = (self.yy - slope * self.xy).max(0.0);
        let error = (left / (self.weight - 2.0) / self.xx).sqrt();
        slope - ERRORS * error > MOSTLY_WAITS
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::event::Outcome;
    use neon_mock::api::Endpoint;
    use neon_mock::rng;
    use neon_mock::time::Timestamp;
    use rand::Rng;
    use std::time::Duration;

    /// Calls with ever more in flight, from 16 to 40, each of a time that scatters by a sixth.
    fn seen(times: impl Fn(f64) -> f64) -> bool {
        let (mut waiting, mut rng) = (Waiting::default(), rng::stream(1, "waiting"));
        for call in 0..72 {
            let in_flight = 16 + call / 3;
            let scatter = 0.84 + rng::below(rng.next_u64(), 321) as f64 / 1_000.0;
            let took_s = 0.2 * scatter * times(f64::from(in_flight));
            waiting.add(&CallFeedback {
                endpoint: Endpoint::PatchAccount,
                sent_at: Timestamp::ZERO,
                done_at: Timestamp::ZERO + Duration::from_secs_f64(took_s),
                in_flight: in_flight - 1,
                unanswered: 0,
                in_flight_all: in_flight - 1,
                taken_of_all: 0,
                outcome: Outcome::Ok,
                queue_waiting: true,
                spare_refusals: 5,
            });
        }
        waiting.is_seen()
    }

    #[test]
    fn a_queue_behind_a_full_pool_is_seen() {
        assert!(seen(|n| (n / 20.0).max(1.0)));
    }

    #[test]
    fn steady_times_and_slow_growth_are_no_queue() {
        assert!(!seen(|_| 1.0));
        assert!(!seen(|n| 1.0 + 0.005 * n));
    }
}
