//! The queue of each endpoint, and what their limits are told.

use crate::engine::limiter::{
    CALLS_PER_FREE_REFUSAL, CallFeedback, ConcurrencyLimit, EchoShare, FREE_REFUSALS, LimitFactory,
    LimitOfAll, OwnCalls, SharedRate, UnansweredCall,
};
use crate::event::Outcome;
use neon_mock::api::Endpoint;
use neon_mock::time::Timestamp;
use std::cell::Cell;
use std::collections::VecDeque;
use std::fmt;
use std::future::poll_fn;
use std::rc::Rc;
use std::task::{Poll, Waker};
use std::time::Duration;

#[derive(Debug)]
pub(super) struct QueueState {
    queues: [Option<AdmissionQueue>; Endpoint::ALL.len()],
    /// The limit of all of them together.
    of_all: Option<LimitOfAll>,
    /// The places to leave to integrations that answer webhooks.
    echo: Option<EchoShare>,
    /// Evidence that endpoints share calls per second, where that is watched.
    shared_rate: Option<SharedRate>,
    /// Places of each endpoint's limit that the control of the run leaves to others.
    headroom: u32,
    /// True once the control has held or slowed the run: calls may wait with places that the limit lacks by then.
    is_controlled: bool,
    /// Admitted and not yet done.
    admitted: u32,
    /// Sent and not yet answered, in the order of sending.
    in_flight: Vec<Sent>,
    sent: u64,
    refused: u64,
    come: u64,
}

#[derive(Debug)]
pub(super) struct AdmissionQueue {
    limiter: Box<dyn ConcurrencyLimit>,
    /// Admitted and not yet done.
    admitted: u32,
    /// Sent and not yet answered.
    in_flight: u32,
    /// The earliest time of the next call, by the limit's spacing.
    next_at: Timestamp,
    waiting: VecDeque<Rc<Waiter>>,
}

/// A call that was sent.
#[derive(Clone, Copy, Debug)]
pub(super) struct Sent {
    /// Number of the call among those sent, from 1.
    sequence: u64,
    endpoint: Endpoint,
    at: Timestamp,
    /// Other calls of the endpoint in flight at that time, without those that were refused since.
    others: u32,
    /// The same, of all endpoints.
    others_of_all: u32,
}

/// A call in the queue.
#[derive(Default)]
pub(super) struct Waiter {
    /// Number of the call among those that came, from 1.
    number: u64,
    /// When the call may be sent; `None` until it is admitted.
    granted: Cell<Option<Timestamp>>,
    waker: Cell<Option<Waker>>,
}

impl Waiter {
    /// True once the call is admitted.
    pub(super) fn is_granted(&self) -> bool {
        self.granted.get().is_some()
    }

    /// Waits until the call is admitted: when it may be sent.
    pub(super) fn granted(&self) -> impl Future<Output = Timestamp> {
        poll_fn(|cx| {
            if let Some(at) = self.granted.get() {
                return Poll::Ready(at);
            }
            self.waker.set(Some(cx.waker().clone()));
            Poll::Pending
        })
    }
}

impl fmt::Debug for Waiter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Waiter").field("granted", &self.granted).finish_non_exhaustive()
    }
}

impl AdmissionQueue {
    /// The calls that may be in flight if `headroom` places are left to others.
    pub(super) fn limit(&self, headroom: u32) -> u32 {
        let limit = self.limiter.limit();
        limit.saturating_sub(headroom).max(limit.min(1))
    }

    /// Takes the next time of sending, from `now` on.
    pub(super) fn next_place(&mut self, now: Timestamp) -> Timestamp {
        let at = self.next_at.max(self.limiter.not_before()).max(now);
        self.next_at = at + self.limiter.spacing();
        at
    }
}

/// True if Neon's page gives `endpoint` the limit of most others.
fn has_common_limits(endpoint: Endpoint) -> bool {
    matches!(endpoint, Endpoint::GetAccount | Endpoint::PatchAccount | Endpoint::PutAccount)
}

impl QueueState {
    /// The queues of limits that know nothing yet.
    pub(super) fn new(limits: &dyn LimitFactory) -> Self {
        let queue = |limiter| AdmissionQueue {
            limiter,
            admitted: 0,
            in_flight: 0,
            next_at: Timestamp::ZERO,
            waiting: VecDeque::new(),
        };
        Self {
            queues: Endpoint::ALL.map(|endpoint| limits.limit_for(endpoint).map(queue)),
            of_all: limits.limit_of_all(),
            echo: limits.echo_share(),
            shared_rate: None,
            headroom: 0,
            is_controlled: false,
            admitted: 0,
            in_flight: Vec::new(),
            sent: 0,
            refused: 0,
            come: 0,
        }
    }

    /// Watches from now on whether endpoints share calls per second.
    pub(super) fn watch_shared_rate(&mut self) {
        self.shared_rate = Some(SharedRate::default());
    }

    /// The control holds the run or lets it go on, and leaves `headroom` places to others.
    pub(super) fn obey(&mut self, is_held: bool, headroom: u32, now: Timestamp) {
        self.is_controlled |= is_held || headroom > 0;
        if self.headroom != headroom {
            self.headroom = headroom;
            self.admit_waiting(now);
        }
    }

    /// The server asked for `delay`, and for no call of `endpoint` before `until`.
    pub(super) fn defer(&mut self, endpoint: Endpoint, delay: Duration, until: Timestamp) {
        for queue in self.queues.iter_mut().flatten() {
            queue.limiter.on_deferral(delay);
        }
        if let Some(queue) = &mut self.queues[endpoint.index()] {
            queue.limiter.on_deferred(until);
        }
    }

    /// The earliest time of the next call of `endpoint`, by its limit.
    pub(super) fn not_before(&self, endpoint: Endpoint) -> Timestamp {
        let queue = self.queues[endpoint.index()].as_ref();
        queue.map_or(Timestamp::ZERO, |queue| queue.limiter.not_before())
    }

    /// True if calls of `endpoint` wait for room beside integrations.
    pub(super) fn waits_for_echo(&self, endpoint: Endpoint) -> bool {
        self.echo.is_some() && EchoShare::concerns(endpoint)
    }

    pub(super) fn limit(&self, endpoint: Endpoint) -> Option<u32> {
        let of_endpoint = self.queues[endpoint.index()].as_ref()?.limit(self.headroom);
        let of_all = self.of_all.as_ref().map_or(u32::MAX, LimitOfAll::limit);
        let is_write = matches!(endpoint, Endpoint::PatchAccount | Endpoint::PutAccount);
        let of_echo = self.echo.as_ref().filter(|_| is_write).map(EchoShare::most_writes);
        Some(of_endpoint.min(of_all).min(of_echo.unwrap_or(u32::MAX)))
    }

    pub(super) fn beside(&self, endpoint: Endpoint) -> u32 {
        if self.shared_rate.as_ref().is_some_and(SharedRate::is_shown) {
            return 0;
        }
        let of_all = self.of_all.as_ref().map_or(u32::MAX, LimitOfAll::limit);
        of_all.saturating_sub(self.limit(endpoint).unwrap_or(0))
    }

    pub(super) fn queue(&mut self, endpoint: Endpoint) -> &mut AdmissionQueue {
        self.queues[endpoint.index()].as_mut().expect("only calls with a limit are admitted")
    }

    /// A call comes; `None` if its endpoint has no limit.
    pub(super) fn come(&mut self, endpoint: Endpoint, now: Timestamp) -> Option<Rc<Waiter>> {
        let queue = self.queues[endpoint.index()].as_mut()?;
        self.come += 1;
        let waiter = Rc::new(Waiter { number: self.come, ..Waiter::default() });
        queue.waiting.push_back(Rc::clone(&waiter));
        self.admit_waiting(now);
        Some(waiter)
    }

    /// True if more calls of `endpoint` have a place than may, in a run that others control.
    pub(super) fn has_too_many(&self, endpoint: Endpoint) -> bool {
        let queue = self.queues[endpoint.index()].as_ref();
        self.is_controlled && queue.is_some_and(|queue| queue.admitted > queue.limit(self.headroom))
    }

    /// A call gives up its place in the queue.
    pub(super) fn leave(&mut self, endpoint: Endpoint, waiter: &Rc<Waiter>) {
        self.queue(endpoint).waiting.retain(|waiting| !Rc::ptr_eq(waiting, waiter));
    }

    /// Puts a call that gave its place back where it was in its queue.
    pub(super) fn put_back(&mut self, endpoint: Endpoint, waiter: &Rc<Waiter>, now: Timestamp) {
        waiter.granted.set(None);
        let waiting = &mut self.queue(endpoint).waiting;
        let place = waiting.partition_point(|other| other.number < waiter.number);
        waiting.insert(place, Rc::clone(waiter));
        self.admit_waiting(now);
    }

    pub(super) fn send(&mut self, endpoint: Endpoint, now: Timestamp) -> u64 {
        self.sent += 1;
        let others_of_all = u32::try_from(self.in_flight.len()).unwrap_or(u32::MAX);
        let queue = self.queue(endpoint);
        let others = queue.in_flight;
        queue.in_flight += 1;
        let sequence = self.sent;
        self.in_flight.push(Sent { sequence, endpoint, at: now, others, others_of_all });
        sequence
    }

    /// The call that was sent as the `sequence`th is no longer in flight.
    pub(super) fn land(&mut self, sequence: u64) -> Option<(usize, Sent)> {
        let position = self.in_flight.iter().position(|sent| sent.sequence == sequence)?;
        let sent = self.in_flight.remove(position);
        self.queue(sent.endpoint).in_flight -= 1;
        Some((position, sent))
    }

    /// Tells the limits of the answer to a call.
    pub(super) fn answered(&mut self, sequence: u64, now: Timestamp, outcome: Outcome) {
        let Some((position, sent)) = self.land(sequence) else { return };
        let earlier = &self.in_flight[..position];
        let unanswered =
            earlier.iter().filter(|call| call.endpoint == sent.endpoint).count() as u32;
        if outcome == Outcome::Rejected {
            self.refused += 1;
            // A refused call took no slot, so calls sent since had one less beside them.
            for later in &mut self.in_flight[position..] {
                later.others_of_all -= 1;
                later.others -= u32::from(later.endpoint == sent.endpoint);
            }
        }
        let free = FREE_REFUSALS.max(self.sent / CALLS_PER_FREE_REFUSAL);
        let spare_refusals = free.cast_signed() - self.refused.cast_signed();
        let queue = self.queues[sent.endpoint.index()].as_ref().expect("a call with a limit");
        let feedback = CallFeedback {
            endpoint: sent.endpoint,
            sent_at: sent.at,
            done_at: now,
            in_flight: sent.others,
            unanswered,
            in_flight_all: sent.others_of_all,
            taken_of_all: self.of_all.as_ref().map_or(0, LimitOfAll::taken),
            outcome,
            queue_waiting: !queue.waiting.is_empty(),
            spare_refusals,
        };
        if let Some(echo) = &mut self.echo {
            let writes = [Endpoint::PatchAccount, Endpoint::PutAccount];
            let queues = writes.into_iter().filter_map(|it| self.queues[it.index()].as_ref());
            echo.on_result(&feedback, queues.filter_map(|queue| queue.limiter.found()).max());
        }
        if let Some(shared_rate) = &mut self.shared_rate {
            let was_shown = shared_rate.is_shown();
            shared_rate.add(&feedback);
            if shared_rate.is_shown() && !was_shown {
                self.found_shared_rate(sent.at, now);
            }
        }
        if self.is_of_all(&feedback) {
            return;
        }
        let limiter = &mut self.queue(sent.endpoint).limiter;
        let (before, was_paced) = (limiter.found(), limiter.is_paced());
        limiter.on_result(&feedback);
        if limiter.is_paced() && !was_paced && has_common_limits(sent.endpoint) {
            self.found_rate(sent.at, now);
            return;
        }
        if before.is_none()
            && let Some(pool) = limiter.found()
        {
            let queues = self.queues.iter_mut().flatten();
            queues.for_each(|queue| queue.limiter.on_pool_elsewhere(pool));
        }
    }

    /// Calls per second that each endpoint with the common limits was seen to take, up to `at`.
    fn taken_per_s(&self, at: Timestamp) -> impl Iterator<Item = f64> {
        let queues = Endpoint::ALL.into_iter().filter(|&it| has_common_limits(it));
        let queues = queues.filter_map(|it| self.queues[it.index()].as_ref());
        queues.map(move |queue| queue.limiter.taken_per_s(at))
    }

    fn tell_alike(&mut self, tell: impl Fn(&mut dyn ConcurrencyLimit)) {
        for endpoint in Endpoint::ALL.into_iter().filter(|&it| has_common_limits(it)) {
            if let Some(queue) = &mut self.queues[endpoint.index()] {
                tell(&mut *queue.limiter);
            }
        }
    }

    /// A call that was sent at `at` showed that calls per second are limited. Windows are alike as a rule: what one
    /// endpoint was seen to take, the others take too, and less would be the share that others left of a common one.
    fn found_rate(&mut self, at: Timestamp, now: Timestamp) {
        let per_s = self.taken_per_s(at).fold(0.0, f64::max);
        self.tell_alike(|limiter| limiter.on_rate_of_alike(per_s, now));
    }

    /// A call that was sent at `at` showed that endpoints share calls per second: PUTs end, and what was found for one
    /// verb was its share. The others may have all of it.
    fn found_shared_rate(&mut self, at: Timestamp, now: Timestamp) {
        let per_s = self.taken_per_s(at).sum();
        self.tell_alike(|limiter| limiter.on_shared_rate(per_s, now));
    }

    /// Tells the limit of all endpoints of the answer to a call, and what it finds by it to the others;
    /// true if the answer is a refusal that this limit explains.
    fn is_of_all(&mut self, feedback: &CallFeedback) -> bool {
        let Some(of_all) = &mut self.of_all else { return false };
        let (pool, taken) = (of_all.shared_pool(), of_all.taken_of_one());
        let unanswered = self.in_flight.iter().map(|sent| UnansweredCall {
            endpoint: sent.endpoint,
            sent_at: sent.at,
            in_flight_all: sent.others_of_all,
        });
        let is_explained = of_all.explains(feedback, unanswered);
        if of_all.taken_of_one() > taken {
            let queues = self.queues.iter_mut().flatten();
            queues.for_each(|queue| queue.limiter.on_taken_elsewhere(of_all.taken_of_one()));
        }
        if let (None, Some(pool)) = (pool, of_all.shared_pool()) {
            let queues = self.queues.iter_mut().flatten();
            queues.for_each(|queue| queue.limiter.on_shared_pool(pool));
        }
        is_explained
    }

    /// Admits calls that wait for a slot, those that came first before others.
    pub(super) fn admit_waiting(&mut self, now: Timestamp) {
        let most = self.of_all.as_ref().map_or(u32::MAX, LimitOfAll::limit);
        let headroom = self.headroom;
        while self.admitted < most {
            let own = self.own_calls();
            let echo = self.echo.as_ref();
            let has_room = |endpoint| echo.is_none_or(|echo| echo.has_room(endpoint, own, now));
            let all = Endpoint::ALL.into_iter().zip(&mut self.queues);
            let with_room = all.filter_map(|(endpoint, queue)| {
                let queue = queue.as_mut()?;
                let is_next = !queue.waiting.is_empty() && queue.admitted < queue.limit(headroom);
                (is_next && has_room(endpoint)).then_some(queue)
            });
            let first = with_room.min_by_key(|queue| queue.waiting[0].number);
            let Some(queue) = first else { break };
            let Some(waiter) = queue.waiting.pop_front() else { break };
            queue.admitted += 1;
            self.admitted += 1;
            waiter.granted.set(Some(queue.next_place(now)));
            if let Some(waker) = waiter.waker.take() {
                waker.wake();
            }
        }
    }

    /// When a call of `endpoint` that waits for room beside integrations looks again.
    pub(super) fn looks_again_at(&self, endpoint: Endpoint, now: Timestamp) -> Timestamp {
        let own = self.own_calls();
        let after = self.echo.as_ref().map(|echo| echo.look_again_after(endpoint, own, now));
        now + after.unwrap_or_default()
    }

    /// Calls that are admitted and not yet done, as far as they concern integrations.
    fn own_calls(&self) -> OwnCalls {
        let of = |endpoint: Endpoint| {
            self.queues[endpoint.index()].as_ref().map_or(0, |queue| queue.admitted)
        };
        OwnCalls {
            reads: of(Endpoint::GetAccount),
            writes: of(Endpoint::PatchAccount) + of(Endpoint::PutAccount),
        }
    }

    pub(super) fn return_slot(&mut self, endpoint: Endpoint) {
        self.queue(endpoint).admitted -= 1;
        self.admitted -= 1;
    }
}
