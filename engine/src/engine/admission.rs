//! Admission: one queue per endpoint, where calls wait for its limit, first come, first served.
//!
//! Invariant: no more calls are admitted at once than the limit allows, and a slot is returned
//! however a call ends, be it by cancellation.

mod permit;

pub(super) use permit::Permit;

use super::control::Pauses;
use super::limiter::{
    CALLS_PER_FREE_REFUSAL, CallFeedback, ConcurrencyLimit, EchoShare, FREE_REFUSALS, LimitFactory,
    LimitOfAll, OwnCalls, SharedRate, UnansweredCall,
};
use super::outage::Breaker;
use super::stop::Stop;
use crate::clock::Clock;
use crate::event::Outcome;
use futures_util::future::select;
use neon_mock::api::Endpoint;
use neon_mock::time::Timestamp;
use permit::QueueGuard;
use std::cell::{Cell, RefCell};
use std::collections::VecDeque;
use std::fmt;
use std::future::poll_fn;
use std::pin::pin;
use std::rc::Rc;
use std::task::{Poll, Waker};
use std::time::Duration;

/// The queues of all endpoints.
#[derive(Debug)]
pub(super) struct AdmissionQueues {
    admission: RefCell<QueueState>,
    /// Retry-After deadline per endpoint.
    deferred_until: [Cell<Timestamp>; Endpoint::ALL.len()],
    pub(super) breaker: RefCell<Breaker>,
    /// Pauses by the control of the run: calls wait in them with the places that they have.
    pub(super) pauses: Pauses,
}

#[derive(Debug)]
struct QueueState {
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
struct AdmissionQueue {
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
struct Sent {
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
struct Waiter {
    /// Number of the call among those that came, from 1.
    number: u64,
    /// When the call may be sent; `None` until it is admitted.
    granted: Cell<Option<Timestamp>>,
    waker: Cell<Option<Waker>>,
}

impl Waiter {
    /// Waits until the call is admitted: when it may be sent.
    fn granted(&self) -> impl Future<Output = Timestamp> {
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

/// A call that may be sent now.
#[derive(Debug)]
pub(super) struct Admitted<'a> {
    pub(super) permit: Option<Permit<'a>>,
    /// When the call got its place: the time until now is spacing, Retry-After and outages.
    pub(super) granted_at: Timestamp,
    /// Time of that in which the server failed every call.
    pub(super) paused: Duration,
    /// True for a call that gives way: it would have to wait, and is not to be sent.
    pub(super) gives_way: bool,
}

impl AdmissionQueues {
    /// Makes queues with the limits of `limits`.
    /// `patience` is the longest outage to wait for.
    pub(super) fn new(limits: &dyn LimitFactory, patience: Duration) -> Self {
        let queue = |limiter| AdmissionQueue {
            limiter,
            admitted: 0,
            in_flight: 0,
            next_at: Timestamp::ZERO,
            waiting: VecDeque::new(),
        };
        let admission = QueueState {
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
        };
        Self {
            admission: RefCell::new(admission),
            deferred_until: [const { Cell::new(Timestamp::ZERO) }; Endpoint::ALL.len()],
            breaker: RefCell::new(Breaker::new(patience)),
            pauses: Pauses::default(),
        }
    }

    /// Watches from now on whether endpoints share calls per second.
    pub(super) fn watch_shared_rate(&self) {
        self.admission.borrow_mut().shared_rate = Some(SharedRate::default());
    }

    /// Holds the run or lets it go on, and leaves `headroom` places of each limit to others, from `now` on.
    pub(super) fn obey(&self, is_held: bool, headroom: u32, now: Timestamp) {
        if let Some(length) = self.pauses.set(is_held, now) {
            self.breaker.borrow_mut().pass_over(length, now);
        }
        let mut admission = self.admission.borrow_mut();
        admission.is_controlled |= is_held || headroom > 0;
        if admission.headroom != headroom {
            admission.headroom = headroom;
            admission.admit_waiting(now);
        }
    }

    /// Sends no call of `endpoint` for `delay` from `from` on; an earlier deadline does not shorten a later
    /// one.
    pub(super) fn defer(&self, endpoint: Endpoint, from: Timestamp, delay: Duration) {
        let until = from + delay;
        let current = &self.deferred_until[endpoint.index()];
        current.set(current.get().max(until));
        if delay.is_zero() {
            return;
        }
        let mut admission = self.admission.borrow_mut();
        for queue in admission.queues.iter_mut().flatten() {
            queue.limiter.on_deferral(delay);
        }
        if let Some(queue) = &mut admission.queues[endpoint.index()] {
            queue.limiter.on_deferred(until);
        }
    }

    /// Until when calls of `endpoint` have to wait because of earlier refusals.
    pub(super) fn deferred_until(&self, endpoint: Endpoint) -> Timestamp {
        let admission = self.admission.borrow();
        let queue = admission.queues[endpoint.index()].as_ref();
        let not_before = queue.map_or(Timestamp::ZERO, |queue| queue.limiter.not_before());
        self.deferred_until[endpoint.index()].get().max(not_before)
    }

    /// Waits for the end of a pause, for the Retry-After deadline of `endpoint`, and while the server fails every call;
    /// the time of the latter. A stop ends them all.
    async fn until_not_deferred<C: Clock>(
        &self,
        clock: &C,
        stop: &Stop,
        endpoint: Endpoint,
    ) -> Duration {
        let now = clock.now();
        let is_due = !self.pauses.is_on() && self.deferred_until[endpoint.index()].get() <= now;
        if stop.is_set() || is_due && self.breaker.borrow_mut().admits(now) <= now {
            return Duration::ZERO;
        }
        // Seldom, so that no call carries the room for it.
        Box::pin(self.wait_out(clock, stop, endpoint)).await
    }

    async fn wait_out<C: Clock>(&self, clock: &C, stop: &Stop, endpoint: Endpoint) -> Duration {
        let deferred = &self.deferred_until[endpoint.index()];
        let mut paused = Duration::ZERO;
        // The deadlines may move while this waits.
        loop {
            let now = clock.now();
            if stop.is_set() {
                return paused;
            }
            if self.pauses.is_on() {
                self.pauses.over(stop).await;
                continue;
            }
            if deferred.get() > now {
                stop.sleep_until(clock, deferred.get()).await;
                continue;
            }
            let until = self.breaker.borrow_mut().admits(now);
            if until <= now {
                return paused;
            }
            stop.sleep_until(clock, until).await;
            paused += clock.now().since(now);
        }
    }

    /// Looks again and again until `waiter` has its place: no event tells of the end of an integration's call.
    async fn until_echo_leaves_room<C: Clock>(
        &self,
        clock: &C,
        endpoint: Endpoint,
        waiter: &Waiter,
    ) {
        while waiter.granted.get().is_none() {
            let at = self.admission.borrow().looks_again_at(endpoint, clock.now());
            select(pin!(waiter.granted()), pin!(clock.sleep_until(at))).await;
            self.admission.borrow_mut().admit_waiting(clock.now());
        }
    }

    /// Waits for a new place of a call that was held up, since calls that were held up together would come all at
    /// once. (The trial of an outage is this call's already: nobody is asked again.)
    async fn until_spaced_anew<C: Clock>(&self, clock: &C, stop: &Stop, endpoint: Endpoint) {
        loop {
            if self.pauses.is_on() {
                // Seldom, so that no call carries the room for it.
                Box::pin(self.pauses.over(stop)).await;
            }
            let now = clock.now();
            let at = self.admission.borrow_mut().queue(endpoint).next_place(now);
            let at = at.max(self.deferred_until[endpoint.index()].get());
            if at <= now || stop.is_set() {
                return;
            }
            stop.sleep_until(clock, at).await;
            let is_due = self.deferred_until[endpoint.index()].get() <= clock.now();
            if is_due && !self.pauses.is_on() {
                return;
            }
        }
    }

    /// The limit of calls in flight for `endpoint`; `None` without a limit.
    pub(super) fn limit(&self, endpoint: Endpoint) -> Option<u32> {
        self.admission.borrow().limit(endpoint)
    }

    /// Places that as many calls of `endpoint` as its limit allows leave to others; none where
    /// endpoints share calls per second.
    pub(super) fn beside(&self, endpoint: Endpoint) -> u32 {
        self.admission.borrow().beside(endpoint)
    }

    /// Waits until a call of `endpoint` may be sent; one that `may_give_way` does not wait for the end of a deferral.
    /// The permit is `None` without a limit.
    pub(super) async fn enter<C: Clock>(
        &self,
        clock: &C,
        stop: &Stop,
        endpoint: Endpoint,
        may_give_way: bool,
    ) -> Admitted<'_> {
        let come = self.admission.borrow_mut().come(endpoint, clock.now());
        let Some(waiter) = come else {
            let granted_at = clock.now();
            let gives_way = may_give_way && self.deferred_until(endpoint) > granted_at;
            let paused = if gives_way {
                Duration::ZERO
            } else {
                self.until_not_deferred(clock, stop, endpoint).await
            };
            return Admitted { permit: None, granted_at, paused, gives_way };
        };
        loop {
            let admitted = self.admitted(clock, stop, endpoint, &waiter, may_give_way).await;
            if admitted.gives_way {
                return admitted;
            }
            if !self.admission.borrow().has_too_many(endpoint) || stop.is_set() {
                return self.sent(admitted, endpoint, clock.now());
            }
            // The limit fell while the call waited with its place.
            drop(admitted);
            self.admission.borrow_mut().put_back(endpoint, &waiter, clock.now());
        }
    }

    /// Counts an admitted call as sent.
    fn sent<'a>(
        &self,
        mut admitted: Admitted<'a>,
        endpoint: Endpoint,
        now: Timestamp,
    ) -> Admitted<'a> {
        if let Some(permit) = &mut admitted.permit {
            permit.sequence = Some(self.admission.borrow_mut().send(endpoint, now));
        }
        admitted
    }

    /// Waits until the call of `waiter` has its place and may be sent.
    async fn admitted<C: Clock>(
        &self,
        clock: &C,
        stop: &Stop,
        endpoint: Endpoint,
        waiter: &Rc<Waiter>,
        may_give_way: bool,
    ) -> Admitted<'_> {
        let guard = QueueGuard { admission: &self.admission, endpoint, waiter };
        if self.admission.borrow().echo.is_some() && EchoShare::concerns(endpoint) {
            // Seldom, so that no call carries the room for it.
            Box::pin(self.until_echo_leaves_room(clock, endpoint, waiter)).await;
        }
        let at = waiter.granted().await;
        std::mem::forget(guard);
        let granted_at = clock.now();
        let permit = Some(Permit { admission: &self.admission, endpoint, sequence: None });
        let gives_way = |now| may_give_way && self.deferred_until(endpoint) > now;
        if at > granted_at && !gives_way(granted_at) {
            stop.sleep_until(clock, at).await;
        }
        if gives_way(clock.now()) {
            return Admitted { permit, granted_at, paused: Duration::ZERO, gives_way: true };
        }
        let held_from = clock.now();
        let paused = self.until_not_deferred(clock, stop, endpoint).await;
        if clock.now() > held_from {
            self.until_spaced_anew(clock, stop, endpoint).await;
        }
        Admitted { permit, granted_at, paused, gives_way: false }
    }
}

impl AdmissionQueue {
    /// The calls that may be in flight if `headroom` places are left to others.
    fn limit(&self, headroom: u32) -> u32 {
        let limit = self.limiter.limit();
        limit.saturating_sub(headroom).max(limit.min(1))
    }

    /// Takes the next time of sending, from `now` on.
    fn next_place(&mut self, now: Timestamp) -> Timestamp {
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
    fn limit(&self, endpoint: Endpoint) -> Option<u32> {
        let of_endpoint = self.queues[endpoint.index()].as_ref()?.limit(self.headroom);
        let of_all = self.of_all.as_ref().map_or(u32::MAX, LimitOfAll::limit);
        let is_write = matches!(endpoint, Endpoint::PatchAccount | Endpoint::PutAccount);
        let of_echo = self.echo.as_ref().filter(|_| is_write).map(EchoShare::most_writes);
        Some(of_endpoint.min(of_all).min(of_echo.unwrap_or(u32::MAX)))
    }

    fn beside(&self, endpoint: Endpoint) -> u32 {
        if self.shared_rate.as_ref().is_some_and(SharedRate::is_shown) {
            return 0;
        }
        let of_all = self.of_all.as_ref().map_or(u32::MAX, LimitOfAll::limit);
        of_all.saturating_sub(self.limit(endpoint).unwrap_or(0))
    }

    fn queue(&mut self, endpoint: Endpoint) -> &mut AdmissionQueue {
        self.queues[endpoint.index()].as_mut().expect("only calls with a limit are admitted")
    }

    /// A call comes; `None` if its endpoint has no limit.
    fn come(&mut self, endpoint: Endpoint, now: Timestamp) -> Option<Rc<Waiter>> {
        let queue = self.queues[endpoint.index()].as_mut()?;
        self.come += 1;
        let waiter = Rc::new(Waiter { number: self.come, ..Waiter::default() });
        queue.waiting.push_back(Rc::clone(&waiter));
        self.admit_waiting(now);
        Some(waiter)
    }

    /// True if more calls of `endpoint` have a place than may, in a run that others control.
    fn has_too_many(&self, endpoint: Endpoint) -> bool {
        let queue = self.queues[endpoint.index()].as_ref();
        self.is_controlled && queue.is_some_and(|queue| queue.admitted > queue.limit(self.headroom))
    }

    /// Puts a call that gave its place back where it was in its queue.
    fn put_back(&mut self, endpoint: Endpoint, waiter: &Rc<Waiter>, now: Timestamp) {
        waiter.granted.set(None);
        let waiting = &mut self.queue(endpoint).waiting;
        let place = waiting.partition_point(|other| other.number < waiter.number);
        waiting.insert(place, Rc::clone(waiter));
        self.admit_waiting(now);
    }

    fn send(&mut self, endpoint: Endpoint, now: Timestamp) -> u64 {
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
    fn land(&mut self, sequence: u64) -> Option<(usize, Sent)> {
        let position = self.in_flight.iter().position(|sent| sent.sequence == sequence)?;
        let sent = self.in_flight.remove(position);
        self.queue(sent.endpoint).in_flight -= 1;
        Some((position, sent))
    }

    /// Tells the limits of the answer to a call.
    fn answered(&mut self, sequence: u64, now: Timestamp, outcome: Outcome) {
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
    fn admit_waiting(&mut self, now: Timestamp) {
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
    fn looks_again_at(&self, endpoint: Endpoint, now: Timestamp) -> Timestamp {
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

    fn return_slot(&mut self, endpoint: Endpoint) {
        self.queue(endpoint).admitted -= 1;
        self.admitted -= 1;
    }
}

#[cfg(test)]
mod tests;
