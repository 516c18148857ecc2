//! Admission: one queue per endpoint, where calls wait for its limit, first come, first served.
//!
//! Invariant: no more calls are admitted at once than the limit allows, and a slot is returned
//! however a call ends, be it by cancellation.

mod permit;
mod queue;

pub(super) use permit::Permit;

use super::control::Pauses;
use super::limiter::LimitFactory;
use super::outage::Breaker;
use super::stop::Stop;
use crate::clock::Clock;
use futures_util::future::select;
use neon_mock::api::Endpoint;
use neon_mock::time::Timestamp;
use permit::QueueGuard;
use queue::{QueueState, Waiter};
use std::cell::{Cell, RefCell};
use std::pin::pin;
use std::rc::Rc;
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
        Self {
            admission: RefCell::new(QueueState::new(limits)),
            deferred_until: [const { Cell::new(Timestamp::ZERO) }; Endpoint::ALL.len()],
            breaker: RefCell::new(Breaker::new(patience)),
            pauses: Pauses::default(),
        }
    }

    /// Watches from now on whether endpoints share calls per second.
    pub(super) fn watch_shared_rate(&self) {
        self.admission.borrow_mut().watch_shared_rate();
    }

    /// Holds the run or lets it go on, and leaves `headroom` places of each limit to others, from `now` on.
    pub(super) fn obey(&self, is_held: bool, headroom: u32, now: Timestamp) {
        if let Some(length) = self.pauses.set(is_held, now) {
            self.breaker.borrow_mut().pass_over(length, now);
        }
        self.admission.borrow_mut().obey(is_held, headroom, now);
    }

    /// Sends no call of `endpoint` for `delay` from `from` on; an earlier deadline does not shorten a later
    /// one.
    pub(super) fn defer(&self, endpoint: Endpoint, from: Timestamp, delay: Duration) {
        let until = from + delay;
        let current = &self.deferred_until[endpoint.index()];
        current.set(current.get().max(until));
        if !delay.is_zero() {
            self.admission.borrow_mut().defer(endpoint, delay, until);
        }
    }

    /// The time from which calls of `endpoint` may be sent: earlier refusals make them wait until then.
    pub(super) fn deferred_until(&self, endpoint: Endpoint) -> Timestamp {
        self.deferred_until[endpoint.index()]
            .get()
            .max(self.admission.borrow().not_before(endpoint))
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
        while !waiter.is_granted() {
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
        if self.admission.borrow().waits_for_echo(endpoint) {
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

#[cfg(test)]
mod tests;
