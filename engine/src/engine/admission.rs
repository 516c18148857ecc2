//! Admission: one queue per endpoint, where calls wait for its limit, first come, first served.
//!
//! Invariant: no more calls are admitted at once than the limit allows, and a slot is returned
//! however a call ends, be it by cancellation.

use super::limiter::{CallFeedback, ConcurrencyLimit, LimitFactory};
use crate::clock::Clock;
use neon_mock::api::Endpoint;
use neon_mock::time::Timestamp;
use std::cell::{Cell, RefCell};
use std::collections::VecDeque;
use std::fmt;
use std::future::poll_fn;
use std::rc::Rc;
use std::task::{Poll, Waker};

/// The queues of all endpoints.
#[derive(Debug)]
pub(super) struct AdmissionQueues {
    queues: [Option<RefCell<AdmissionQueue>>; Endpoint::ALL.len()],
    /// Retry-After deadline per endpoint.
    deferred_until: [Cell<Timestamp>; Endpoint::ALL.len()],
}

#[derive(Debug)]
struct AdmissionQueue {
    limiter: Box<dyn ConcurrencyLimit>,
    /// Admitted and not yet done.
    admitted: u32,
    /// Sent and not yet answered, in the order of sending.
    in_flight: Vec<Sent>,
    sent: u64,
    /// The earliest time of the next call, by the limit's spacing.
    next_at: Timestamp,
    waiting: VecDeque<Rc<Waiter>>,
}

/// A call that was sent.
#[derive(Clone, Copy, Debug)]
struct Sent {
    /// Number of the call among those sent, from 1.
    sequence: u64,
    at: Timestamp,
    /// Other calls in flight at that time, without those that were refused since.
    others: u32,
}

/// A call in the queue.
#[derive(Default)]
struct Waiter {
    /// When the call may be sent; `None` until it is admitted.
    granted: Cell<Option<Timestamp>>,
    waker: Cell<Option<Waker>>,
}

impl fmt::Debug for Waiter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Waiter").field("granted", &self.granted).finish_non_exhaustive()
    }
}

/// A call that may be sent now.
#[derive(Debug)]
pub(super) struct Admitted<'a> {
    pub(super) permit: Option<Permit<'a>>,
    /// When the call was admitted: the time until now is spacing and Retry-After.
    pub(super) admitted_at: Timestamp,
}

/// The slot of an admitted call, returned on drop.
#[derive(Debug)]
pub(super) struct Permit<'a> {
    queue: &'a RefCell<AdmissionQueue>,
    /// Number of the call among those sent; `None` before it is sent.
    sequence: Option<u64>,
}

impl AdmissionQueues {
    /// Makes queues with the limits of `limits`.
    pub(super) fn new(limits: &dyn LimitFactory) -> Self {
        let queue = |limiter| {
            RefCell::new(AdmissionQueue {
                limiter,
                admitted: 0,
                in_flight: Vec::new(),
                sent: 0,
                next_at: Timestamp::ZERO,
                waiting: VecDeque::new(),
            })
        };
        Self {
            queues: Endpoint::ALL.map(|endpoint| limits.limit_for(endpoint).map(queue)),
            deferred_until: [const { Cell::new(Timestamp::ZERO) }; Endpoint::ALL.len()],
        }
    }

    /// Sends no call of `endpoint` before `until`; an earlier deadline does not shorten a later
    /// one.
    pub(super) fn defer_until(&self, endpoint: Endpoint, until: Timestamp) {
        let current = &self.deferred_until[endpoint.index()];
        current.set(current.get().max(until));
    }

    /// Waits for the Retry-After deadline of `endpoint`.
    async fn until_not_deferred<C: Clock>(&self, clock: &C, endpoint: Endpoint) {
        let until = &self.deferred_until[endpoint.index()];
        // The deadline may move while this waits.
        while until.get() > clock.now() {
            clock.sleep_until(until.get()).await;
        }
    }

    /// The limit of calls in flight for `endpoint`; `None` without a limit.
    pub(super) fn limit(&self, endpoint: Endpoint) -> Option<u32> {
        let queue = self.queues[endpoint.index()].as_ref()?;
        Some(queue.borrow().limiter.limit())
    }

    /// Waits until a call of `endpoint` may be sent. The permit is `None` without a limit.
    pub(super) async fn enter<C: Clock>(&self, clock: &C, endpoint: Endpoint) -> Admitted<'_> {
        let Some(queue) = &self.queues[endpoint.index()] else {
            let admitted_at = clock.now();
            self.until_not_deferred(clock, endpoint).await;
            return Admitted { permit: None, admitted_at };
        };
        let waiter = Rc::new(Waiter::default());
        let guard = QueueGuard { queue, waiter: &waiter };
        queue.borrow_mut().waiting.push_back(Rc::clone(&waiter));
        queue.borrow_mut().admit_waiting(clock.now());
        let at = poll_fn(|cx| {
            if let Some(at) = waiter.granted.get() {
                return Poll::Ready(at);
            }
            waiter.waker.set(Some(cx.waker().clone()));
            Poll::Pending
        })
        .await;
        std::mem::forget(guard);
        let admitted_at = clock.now();
        let mut permit = Permit { queue, sequence: None };
        if at > clock.now() {
            clock.sleep_until(at).await;
        }
        self.until_not_deferred(clock, endpoint).await;
        permit.sequence = Some(queue.borrow_mut().send(clock.now()));
        Admitted { permit: Some(permit), admitted_at }
    }
}

impl AdmissionQueue {
    fn send(&mut self, now: Timestamp) -> u64 {
        self.sent += 1;
        let others = u32::try_from(self.in_flight.len()).unwrap_or(u32::MAX);
        self.in_flight.push(Sent { sequence: self.sent, at: now, others });
        self.sent
    }

    /// Removes the answered call; the feedback for the limit.
    fn answered(&mut self, sequence: u64, now: Timestamp, refused: bool) -> Option<CallFeedback> {
        let position = self.in_flight.iter().position(|sent| sent.sequence == sequence)?;
        let Sent { at, others, .. } = self.in_flight.remove(position);
        if refused {
            // A refused call took no slot, so calls sent since had one less beside them.
            for later in &mut self.in_flight[position..] {
                later.others -= 1;
            }
        }
        let queue_waiting = !self.waiting.is_empty();
        Some(CallFeedback { sent_at: at, done_at: now, in_flight: others, refused, queue_waiting })
    }

    fn admit_waiting(&mut self, now: Timestamp) {
        while self.admitted < self.limiter.limit()
            && let Some(waiter) = self.waiting.pop_front()
        {
            self.admitted += 1;
            let at = self.next_at.max(now);
            self.next_at = at + self.limiter.spacing();
            waiter.granted.set(Some(at));
            if let Some(waker) = waiter.waker.take() {
                waker.wake();
            }
        }
    }
}

impl Permit<'_> {
    /// Returns the slot of a call that is not made after all.
    pub(super) fn release(self, now: Timestamp) {
        let queue = self.queue;
        drop(self);
        queue.borrow_mut().admit_waiting(now);
    }

    /// Returns the slot of a call that was answered at `now`; the new limit of calls in flight, if it
    /// has changed.
    pub(super) fn done(mut self, now: Timestamp, refused: bool) -> Option<u32> {
        let queue = self.queue;
        let before = queue.borrow().limiter.limit();
        if let Some(sequence) = self.sequence.take() {
            let mut queue = queue.borrow_mut();
            if let Some(feedback) = queue.answered(sequence, now, refused) {
                queue.limiter.on_result(&feedback);
            }
        }
        drop(self);
        queue.borrow_mut().admit_waiting(now);
        let limit = queue.borrow().limiter.limit();
        (limit != before).then_some(limit)
    }
}

impl Drop for Permit<'_> {
    fn drop(&mut self) {
        let mut queue = self.queue.borrow_mut();
        queue.admitted -= 1;
        if let Some(sequence) = self.sequence {
            queue.in_flight.retain(|sent| sent.sequence != sequence);
        }
    }
}

/// Leaves the queue on drop, for a call that is cancelled while it waits.
struct QueueGuard<'a> {
    queue: &'a RefCell<AdmissionQueue>,
    waiter: &'a Rc<Waiter>,
}

impl Drop for QueueGuard<'_> {
    fn drop(&mut self) {
        let mut queue = self.queue.borrow_mut();
        if self.waiter.granted.get().is_some() {
            queue.admitted -= 1;
        } else {
            queue.waiting.retain(|waiting| !Rc::ptr_eq(waiting, self.waiter));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::limiter::Limiter;
    use super::*;
    use crate::world::VirtualClock;
    use futures_util::stream::{FuturesUnordered, StreamExt};
    use std::num::NonZeroU32;
    use std::time::Duration;

    #[test]
    fn calls_go_first_come_first_served_and_never_more_than_allowed() {
        let clock = VirtualClock::new();
        let queues = AdmissionQueues::new(&Limiter::Fixed(NonZeroU32::new(2).unwrap()));
        let (inside, order) = (Cell::new(0), RefCell::new(Vec::new()));
        clock
            .run(async {
                let call = |sequence: u64| {
                    let (queues, clock, inside, order) = (&queues, &clock, &inside, &order);
                    async move {
                        // They come one after another.
                        let come_at = Timestamp::from_nanos(sequence);
                        clock.sleep_until(come_at).await;
                        let permit =
                            queues.enter(clock, Endpoint::GetAccount).await.permit.unwrap();
                        inside.set(inside.get() + 1);
                        assert!(inside.get() <= 2);
                        order.borrow_mut().push(sequence);
                        clock.sleep_until(clock.now() + Duration::from_secs(1)).await;
                        inside.set(inside.get() - 1);
                        permit.done(clock.now(), false);
                    }
                };
                let mut all: FuturesUnordered<_> = (1..=9).map(call).collect();
                while all.next().await.is_some() {}
            })
            .unwrap();
        assert_eq!(order.into_inner(), (1..=9).collect::<Vec<u64>>());
    }

    #[test]
    fn a_call_that_gives_up_leaves_the_line() {
        let clock = VirtualClock::new();
        let queues = AdmissionQueues::new(&Limiter::Fixed(NonZeroU32::MIN));
        clock
            .run(async {
                let first = queues.enter(&clock, Endpoint::GetAccount).await.permit.unwrap();
                {
                    let second = queues.enter(&clock, Endpoint::GetAccount);
                    let given_up = clock.sleep_until(Timestamp::from_nanos(5));
                    let (second, given_up) = (std::pin::pin!(second), std::pin::pin!(given_up));
                    futures_util::future::select(second, given_up).await;
                }
                first.done(clock.now(), false);
                // Another endpoint has a gate of its own, and this one's place is free again.
                drop(queues.enter(&clock, Endpoint::PatchAccount).await);
                drop(queues.enter(&clock, Endpoint::GetAccount).await);
                queues
                    .enter(&clock, Endpoint::GetAccount)
                    .await
                    .permit
                    .unwrap()
                    .done(clock.now(), true);
            })
            .unwrap();
    }
}
