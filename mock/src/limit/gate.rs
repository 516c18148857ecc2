//! A gate: a pool, a window and a queue in front of them.

use super::{Limits, Pool, RetryAfter, Timestamp, Window};
use crate::api::Endpoint;
use std::collections::VecDeque;
use std::num::NonZeroU32;

/// Decision on a call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Admission {
    /// Admitted; [`Gate::hold`] must follow.
    Granted {
        /// Start: the call's arrival, or later if it waits in the queue.
        start: Timestamp,
    },
    /// Refused.
    Denied {
        /// The limit that was reached.
        by: Limit,
        /// Time at which the next slot is free or the window opens.
        until: Timestamp,
    },
}

/// A limit that refuses calls.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Limit {
    /// Calls in flight.
    Pool,
    /// Calls per second.
    Window,
}

/// Admission of the calls that share a limit, first come first served.
///
/// Service times are known at admission, and so are the start times of queued calls.
#[derive(Clone, Debug)]
pub struct Gate {
    pool: Pool,
    window: Option<Window>,
    queue: usize,
    /// Start times of the queued calls, in order.
    waiting: VecDeque<Timestamp>,
    retry_after: Option<RetryAfter>,
}

impl Gate {
    /// The gate of `endpoint` under `limits`, in its initial state.
    pub fn new(limits: &Limits, endpoint: Endpoint) -> Self {
        let per_second = limits.per_second[endpoint.index()].and_then(NonZeroU32::new);
        Self {
            pool: Pool::new(limits.pools[endpoint.index()]),
            window: per_second.map(Window::new),
            queue: limits.queue as usize,
            waiting: VecDeque::new(),
            retry_after: limits.retry_after.map(RetryAfter::new),
        }
    }

    /// Decides on a call that arrives at `now`, which must not decrease between calls.
    ///
    /// A refused call takes nothing: no slot is held until the window has agreed,
    /// and the window takes nothing from a call that it refuses.
    pub fn admit(&mut self, now: Timestamp) -> Admission {
        let mut start = self.pool.free_at(now);
        if start > now && !self.has_room(now) {
            return Admission::Denied { by: Limit::Pool, until: start };
        }
        if let Some(window) = &mut self.window
            && let Err(until) = window.admit(start)
        {
            if !self.has_room(now) {
                return Admission::Denied { by: Limit::Window, until };
            }
            let opened = self.window.as_mut().map(|window| window.admit(until));
            assert_eq!(opened, Some(Ok(())), "a window opens when it said");
            start = until;
        }
        if start > now {
            self.waiting.push_back(start);
        }
        Admission::Granted { start }
    }

    /// Holds the granted slot from `start` until `ready_at`.
    ///
    /// Panics if no slot is free by then: the caller did not ask.
    pub fn hold(&mut self, start: Timestamp, ready_at: Timestamp) {
        self.pool.hold(start, ready_at);
    }

    /// True if a call that arrives at `now` disobeys the `Retry-After` of an earlier refusal.
    pub fn is_early(&mut self, now: Timestamp) -> bool {
        self.retry_after.as_mut().is_some_and(|retry_after| retry_after.is_early(now))
    }

    /// Records a refusal that reaches the client at `ready_at`.
    pub fn refuse(&mut self, ready_at: Timestamp) {
        if let Some(retry_after) = &mut self.retry_after {
            retry_after.refuse(ready_at);
        }
    }

    /// True if the queue has room for one more at `now`.
    fn has_room(&mut self, now: Timestamp) -> bool {
        while self.waiting.front().is_some_and(|start| *start <= now) {
            self.waiting.pop_front();
        }
        self.waiting.len() < self.queue
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn gate(pool: Option<u32>, per_second: Option<u32>, queue: u32) -> Gate {
        let mut limits = Limits { queue, ..Limits::default() };
        limits.pools[0] = pool;
        limits.per_second[0] = per_second;
        Gate::new(&limits, Endpoint::ALL[0])
    }

    const fn at(ms: u64) -> Timestamp {
        Timestamp::from_nanos(ms * 1_000_000)
    }

    #[test]
    fn a_call_that_one_limit_refuses_takes_nothing_from_the_other() {
        // The pool is full: the window keeps its second call.
        let mut gate = gate(Some(1), Some(2), 0);
        assert_eq!(gate.admit(at(0)), Admission::Granted { start: at(0) });
        gate.hold(at(0), at(100));
        for ms in 0..100 {
            let denied = Admission::Denied { by: Limit::Pool, until: at(100) };
            assert_eq!(gate.admit(at(ms)), denied);
        }
        assert_eq!(gate.admit(at(100)), Admission::Granted { start: at(100) });
        gate.hold(at(100), at(110));
        // The window is closed: the slot stays free.
        let denied = Admission::Denied { by: Limit::Window, until: at(500) };
        assert_eq!(gate.admit(at(120)), denied);
        assert_eq!(gate.admit(at(500)), Admission::Granted { start: at(500) });
        gate.hold(at(500), at(510));
    }

    #[test]
    fn those_who_wait_start_in_order_and_the_queue_ends() {
        let mut gate = gate(Some(1), None, 2);
        for (start, ready_at) in [(0, 100), (100, 130), (130, 150)] {
            assert_eq!(gate.admit(at(5)), Admission::Granted { start: at(start.max(5)) });
            gate.hold(at(start.max(5)), at(ready_at));
        }
        assert_eq!(gate.admit(at(99)), Admission::Denied { by: Limit::Pool, until: at(150) });
        // One queued call was admitted.
        assert_eq!(gate.admit(at(100)), Admission::Granted { start: at(150) });
    }

    proptest! {
        #[test]
        fn never_over_the_limits_and_never_refused_or_kept_waiting_without_need(
            pool in prop::option::of(1_u32..6),
            per_second in prop::option::of(1_u32..40),
            queue in 0_u32..5,
            calls in prop::collection::vec((0_u64..60, 1_u64..300), 1..300),
        ) {
            let mut gate = gate(pool, per_second, queue);
            // A second window of the same rate checks the start times.
            let mut twin = per_second.and_then(NonZeroU32::new).map(Window::new);
            let mut admitted: Vec<(Timestamp, Timestamp)> = Vec::new();
            let mut now_ms = 0;
            for (gap, service) in calls {
                now_ms += gap;
                let now = at(now_ms);
                let waiting = admitted.iter().filter(|(start, _)| *start > now).count();
                let last = admitted.last().map_or(now, |(start, _)| (*start).max(now));
                // The first moment, not before those in front, at which a slot is free.
                let taken = |moment: Timestamp| {
                    admitted.iter().filter(|(start, end)| *start <= moment && *end > moment).count()
                };
                let is_free = |moment: &Timestamp| {
                    pool.is_none_or(|pool| taken(*moment) < pool as usize)
                };
                let mut moments: Vec<Timestamp> =
                    admitted.iter().map(|(_, end)| *end).filter(|end| *end > last).collect();
                moments.push(last);
                moments.sort_unstable();
                let slot = moments.into_iter().find(is_free).unwrap();
                let open = match &mut twin {
                    Some(twin) => twin.clone().admit(slot).err().unwrap_or(slot),
                    None => slot,
                };
                match gate.admit(now) {
                    Admission::Granted { start } => {
                        prop_assert_eq!(start, open);
                        prop_assert!(start == now || waiting < queue as usize);
                        let ready_at = start + std::time::Duration::from_millis(service);
                        gate.hold(start, ready_at);
                        admitted.push((start, ready_at));
                        if let Some(twin) = &mut twin {
                            prop_assert_eq!(twin.admit(start), Ok(()));
                        }
                    }
                    Admission::Denied { by, until } => {
                        let has = match by {
                            Limit::Pool => pool.is_some(),
                            Limit::Window => per_second.is_some(),
                        };
                        prop_assert!(has, "refused by a limit that there is not");
                        prop_assert!(open > now, "refused although it could start");
                        prop_assert_eq!(waiting, queue as usize);
                        prop_assert!(until > now && until <= open);
                    }
                }
            }
            prop_assert!(admitted.is_sorted_by_key(|(start, _)| *start), "first come first served");
            if let Some(pool) = pool {
                for (moment, _) in &admitted {
                    let held = admitted.iter().filter(|(s, e)| s <= moment && e > moment).count();
                    prop_assert!(held <= pool as usize);
                }
            }
        }
    }
}
