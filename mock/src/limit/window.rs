//! A window: a bound on the calls per second.
//!
//! The arithmetic is governor's generic cell rate algorithm. Its limiters carry a clock, which here
//! is nothing but the moment at hand: a limiter is made for each question, on the stack, from the
//! quota and the one number that is its state, so that nothing hidden ticks and a window can be
//! cloned. None of governor's own clocks is compiled in.

use crate::time::Timestamp;
use governor::clock::{Clock, Reference};
use governor::middleware::NoOpMiddleware;
use governor::nanos::Nanos;
use governor::state::{NotKeyed, StateStore};
use governor::{Quota, RateLimiter};
use std::cell::Cell;
use std::num::NonZeroU32;
use std::ops::Add;
use std::time::Duration;

/// Nanoseconds of a second.
const SECOND_NS: u64 = 1_000_000_000;

/// A rate in calls per second, with a burst of one second's calls.
///
/// The interval between calls is rounded up to whole ns, so that no interval sees more calls than
/// burst + rate × time.
/// Source: ITU-T I.371, virtual-scheduling form of the generic cell rate algorithm.
#[derive(Clone, Debug)]
pub struct Window {
    quota: Quota,
    /// The theoretical arrival time of the next call; `None` before the first.
    arrival: Option<Nanos>,
}

impl Window {
    /// A window of `per_second` calls per second, in its initial state.
    pub fn new(per_second: NonZeroU32) -> Self {
        let interval = Duration::from_nanos(SECOND_NS.div_ceil(u64::from(per_second.get())));
        let quota = Quota::with_period(interval).expect("a second is no less than a billionth");
        Self { quota: quota.allow_burst(per_second), arrival: None }
    }

    /// Admits a call at `now`, which must not be before an earlier admitted call.
    ///
    /// Errors: the window is closed; the value is the time at which it opens if no other call
    /// comes first. Nothing is taken then.
    pub fn admit(&mut self, now: Timestamp) -> Result<(), Timestamp> {
        let state = Arrival(Cell::new(self.arrival));
        let limiter: RateLimiter<NotKeyed, Arrival, Reading, NoOpMiddleware<Timestamp>> =
            RateLimiter::new(self.quota, state, Reading(Cell::new(Timestamp::ZERO)));
        limiter.clock().0.set(now);
        let admitted = limiter.check().map_err(|refused| refused.earliest_possible());
        self.arrival = limiter.into_state_store().0.get();
        admitted
    }
}

/// A clock that shows the time it was set to.
struct Reading(Cell<Timestamp>);

impl Clock for Reading {
    type Instant = Timestamp;

    fn now(&self) -> Timestamp {
        self.0.get()
    }
}

/// Limiter state for one decision.
struct Arrival(Cell<Option<Nanos>>);

impl StateStore for Arrival {
    type Key = NotKeyed;

    fn measure_and_replace<T, F, E>(&self, _key: &NotKeyed, measure: F) -> Result<T, E>
    where
        F: Fn(Option<Nanos>) -> Result<(T, Nanos), E>,
    {
        let (outcome, arrival) = measure(self.0.get())?;
        self.0.set(Some(arrival));
        Ok(outcome)
    }
}

impl Add<Nanos> for Timestamp {
    type Output = Self;

    fn add(self, nanos: Nanos) -> Self {
        self + Duration::from(nanos)
    }
}

impl Reference for Timestamp {
    fn duration_since(&self, earlier: Self) -> Nanos {
        self.as_nanos().saturating_sub(earlier.as_nanos()).into()
    }

    fn saturating_sub(&self, duration: Nanos) -> Self {
        let earlier = self.as_nanos().checked_sub(duration.as_u64());
        earlier.map_or(*self, Self::from_nanos)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn window(per_second: u32) -> Window {
        Window::new(NonZeroU32::new(per_second).unwrap())
    }

    #[test]
    fn five_pass_at_once_and_then_one_each_fifth_of_a_second() {
        let at = |ms: u64| Timestamp::from_nanos(ms * 1_000_000);
        let mut window = window(5);
        for _ in 0..5 {
            assert_eq!(window.admit(at(1_000)), Ok(()));
        }
        assert_eq!(window.admit(at(1_000)), Err(at(1_200)));
        assert_eq!(window.admit(at(1_199)), Err(at(1_200)));
        assert_eq!(window.admit(at(1_200)), Ok(()));
        assert_eq!(window.admit(at(1_200)), Err(at(1_400)));
        // A second of rest brings the whole burst back.
        let passed = (0..7).filter(|_| window.admit(at(3_000)).is_ok()).count();
        assert_eq!(passed, 5);
    }

    proptest! {
        /// Held against the definition: a call may pass if and only if no interval that ends with
        /// it sees more calls than burst + rate × time.
        #[test]
        fn never_more_than_burst_and_rate_and_never_refused_without_need(
            per_second in 1_u32..12,
            gaps in prop::collection::vec(prop_oneof![
                Just(0_u64),
                0..40_000_000_u64,
                0..1_500_000_000_u64,
            ], 1..250),
        ) {
            let mut window = window(per_second);
            let interval = SECOND_NS.div_ceil(u64::from(per_second));
            let mut passed: Vec<u64> = Vec::new();
            let mut now = 0;
            for gap in gaps {
                now += gap;
                // The first moment at which every interval up to it has room for one more.
                let could = passed.iter().enumerate().map(|(index, &earlier)| {
                    let calls = (passed.len() - index + 1) as u64;
                    earlier + calls.saturating_sub(u64::from(per_second)) * interval
                }).max().unwrap_or(0);
                match window.admit(Timestamp::from_nanos(now)) {
                    Ok(()) => {
                        prop_assert!(could <= now, "passed at {now}, not before {could}");
                        passed.push(now);
                    }
                    Err(until) => prop_assert_eq!(until.as_nanos(), could),
                }
            }
            for (index, &earlier) in passed.iter().enumerate() {
                for (count, &later) in passed[index..].iter().enumerate() {
                    let bound = f64::from(per_second)
                        + f64::from(per_second) * (later - earlier) as f64 / 1e9;
                    prop_assert!((count + 1) as f64 <= bound + 1e-9);
                }
            }
        }
    }
}
