//! Limits: pools of calls in flight. A refusal says until when.

use crate::time::Timestamp;
use std::cmp::Reverse;
use std::collections::BinaryHeap;

/// Whether a call may start now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Admission {
    /// It may; [`Pool::hold`] must follow.
    Granted,
    /// It may not; a slot falls free at `until` if nothing else takes it first.
    Denied {
        /// When the next slot falls free.
        until: Timestamp,
    },
}

/// The calls in flight on one endpoint, and how many of them Neon lets in.
///
/// A slot is free at the moment its call is ready, not one ns later.
#[derive(Clone, Debug)]
pub struct Pool {
    limit: Option<u32>,
    ready_at: BinaryHeap<Reverse<Timestamp>>,
}

impl Pool {
    /// A pool of `limit` slots; `None` admits everything.
    pub const fn new(limit: Option<u32>) -> Self {
        Self { limit, ready_at: BinaryHeap::new() }
    }

    /// Whether a call may start at `now`; `now` must not decrease between calls.
    pub fn admit(&mut self, now: Timestamp) -> Admission {
        let Some(limit) = self.limit else { return Admission::Granted };
        while self.ready_at.peek().is_some_and(|Reverse(ready_at)| *ready_at <= now) {
            self.ready_at.pop();
        }
        match self.ready_at.peek() {
            Some(&Reverse(until)) if self.ready_at.len() >= limit as usize => {
                Admission::Denied { until }
            }
            _ => Admission::Granted,
        }
    }

    /// Holds the slot that was granted until `ready_at`.
    ///
    /// Panics if no slot was free: the caller did not ask.
    pub fn hold(&mut self, ready_at: Timestamp) {
        let Some(limit) = self.limit else { return };
        self.ready_at.push(Reverse(ready_at));
        assert!(self.ready_at.len() <= limit as usize, "a pool of {limit} holds one more");
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn at(ns: u64) -> Timestamp {
        Timestamp::from_nanos(ns)
    }

    #[test]
    fn a_slot_is_free_at_the_moment_its_call_is_ready() {
        let mut pool = Pool::new(Some(1));
        assert_eq!(pool.admit(at(0)), Admission::Granted);
        pool.hold(at(10));
        assert_eq!(pool.admit(at(9)), Admission::Denied { until: at(10) });
        assert_eq!(pool.admit(at(10)), Admission::Granted);
    }

    proptest! {
        #[test]
        fn never_over_the_limit_and_never_refused_while_a_slot_is_free(
            limit in 1_u32..8,
            calls in prop::collection::vec((0_u64..50, 1_u64..200), 1..300),
        ) {
            let mut pool = Pool::new(Some(limit));
            let mut in_flight: Vec<u64> = Vec::new();
            let mut now = 0;
            for (gap, service) in calls {
                now += gap;
                in_flight.retain(|&ready_at| ready_at > now);
                match pool.admit(at(now)) {
                    Admission::Granted => {
                        prop_assert!(in_flight.len() < limit as usize);
                        pool.hold(at(now + service));
                        in_flight.push(now + service);
                    }
                    Admission::Denied { until } => {
                        prop_assert_eq!(in_flight.len(), limit as usize);
                        prop_assert_eq!(Some(until.as_nanos()), in_flight.iter().copied().min());
                    }
                }
            }
        }
    }
}
