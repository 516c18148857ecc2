//! A pool: a bound on the calls in flight.

use crate::time::Timestamp;
use std::cmp::Reverse;
use std::collections::BinaryHeap;

/// Slots of a limit and their release times.
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

    /// Earliest time at or after `now` at which a slot is free.
    ///
    /// `now` must not decrease between calls.
    pub fn free_at(&mut self, now: Timestamp) -> Timestamp {
        let Some(limit) = self.limit else { return now };
        while self.ready_at.peek().is_some_and(|Reverse(ready_at)| *ready_at <= now) {
            self.ready_at.pop();
        }
        match self.ready_at.peek() {
            Some(&Reverse(until)) if self.ready_at.len() >= limit as usize => until,
            _ => now,
        }
    }

    /// Holds a slot for a call that starts at `start` until it is ready at `ready_at`.
    ///
    /// Panics if no slot is free by then: the caller did not ask.
    pub fn hold(&mut self, start: Timestamp, ready_at: Timestamp) {
        let Some(limit) = self.limit else { return };
        if self.ready_at.len() >= limit as usize {
            let free_at = self.ready_at.pop();
            assert!(
                free_at.is_some_and(|Reverse(free_at)| free_at <= start),
                "a pool of {limit} holds one more"
            );
        }
        self.ready_at.push(Reverse(ready_at));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_slot_is_free_at_the_moment_its_call_is_ready() {
        let at = Timestamp::from_nanos;
        let mut pool = Pool::new(Some(1));
        assert_eq!(pool.free_at(at(0)), at(0));
        pool.hold(at(0), at(10));
        assert_eq!(pool.free_at(at(9)), at(10));
        assert_eq!(pool.free_at(at(10)), at(10));
    }

    #[test]
    #[should_panic(expected = "a pool of 1 holds one more")]
    fn a_slot_that_nobody_asked_for_is_a_bug() {
        let mut pool = Pool::new(Some(1));
        pool.hold(Timestamp::ZERO, Timestamp::from_nanos(10));
        pool.hold(Timestamp::from_nanos(9), Timestamp::from_nanos(20));
    }
}
