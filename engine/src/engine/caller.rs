//! Calls with retries: one request, from due to done, with an event per attempt.

mod call_error;

pub(super) use call_error::{CallError, DeliveryUnknown};

use super::admission::{AdmissionQueues, Admitted, Permit};
use super::control::Control;
use super::limiter::LimitFactory;
use super::retry::{FailedAttempt, NoRetry, Retries};
use super::settings::{Settings, WriteMode};
use super::stop::Stop;
use crate::clock::Clock;
use crate::event::{Attempt, Event, Observer, Outcome};
use crate::journal::{Journal, NoJournal};
use crate::transport::{Transport, TransportError};
use call_error::{aged, call_error, gave_way};
use futures_util::future::{Either, select};
use neon_mock::api::{AccountId, Body, Category, Endpoint, Request, Response, Status};
use neon_mock::time::Timestamp;
use std::cell::{Cell, RefCell};
use std::convert::Infallible;
use std::pin::pin;
use std::time::Duration;

/// Neon's code of an "unexpected system error".
const SYSTEM_ERROR: &str = "1";

/// Makes calls until they succeed or are final.
pub(super) struct Caller<'a, T, C> {
    transport: &'a T,
    clock: &'a C,
    observer: RefCell<&'a mut dyn Observer>,
    retries: Retries,
    queues: AdmissionQueues,
    stop: &'a Stop,
    control: &'a Control,
    /// Number of the last call, from 1.
    calls: Cell<u64>,
    /// True while the last Retry-After of an endpoint was not credible.
    doubts: [Cell<bool>; Endpoint::ALL.len()],
    /// True once the target has answered. Before that, a failed connection is not retried.
    answered: Cell<bool>,
    /// Once set, nothing more is sent.
    barred: Cell<Option<CallBan>>,
    /// The longest outage to wait for.
    max_outage: Duration,
    /// Asked before each write whether the run still belongs to this process.
    journal: &'a dyn Journal,
}

/// The reason why a run sends nothing more.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum CallBan {
    /// The credentials were refused.
    Unauthorized,
    /// The server failed every call for longer than the run waits.
    Outage,
}

/// The attempts of one call so far.
#[derive(Debug)]
pub(super) struct Attempts {
    /// Number of the call among those of the run.
    call: u64,
    due_at: Timestamp,
    made: u32,
    refused: u32,
    /// Attempts that were part of an outage, and the time that the call waited for its end.
    of_outage: u32,
    paused: Duration,
    /// Time for which the run had been held when the call was due.
    held_before: Duration,
    /// True for a read that something else can replace: it is not made again once it is refused, nor does it wait
    /// where others were.
    gives_way: bool,
    /// For a write: when the state was read that it was decided on, if it is to be decided again once that is old.
    read_at: Option<Timestamp>,
    sent_at: Timestamp,
}

impl Attempts {
    /// The same for a write that was decided on what was read at `read_at`: after a long pause it is not sent.
    pub(super) const fn decided_at(&mut self, read_at: Timestamp) {
        self.read_at = Some(read_at);
    }

    /// When the last attempt was sent; the due time if there was none.
    pub(super) const fn sent_at(&self) -> Timestamp {
        self.sent_at
    }
}

impl<'a, T: Transport, C: Clock> Caller<'a, T, C> {
    pub(super) fn new(
        transport: &'a T,
        clock: &'a C,
        observer: &'a mut dyn Observer,
        settings: &Settings,
        limits: &dyn LimitFactory,
        stop: &'a Stop,
    ) -> Self {
        let queues = AdmissionQueues::new(limits, settings.max_outage);
        if settings.write == WriteMode::Both {
            queues.watch_shared_rate();
        }
        Self {
            transport,
            clock,
            observer: RefCell::new(observer),
            retries: Retries::new(settings.seed, settings.call_deadline),
            queues,
            stop,
            control: Control::NEVER,
            calls: Cell::new(0),
            doubts: [const { Cell::new(false) }; Endpoint::ALL.len()],
            answered: Cell::new(false),
            barred: Cell::new(None),
            max_outage: settings.max_outage,
            journal: &NoJournal,
        }
    }

    /// The same caller, which sends a write only as long as `journal` belongs to this process.
    pub(super) fn owned_by(self, journal: &'a dyn Journal) -> Self {
        Self { journal, ..self }
    }

    /// The same caller, which `control` holds and slows while work goes on [under control](Self::under_control).
    pub(super) fn controlled_by(self, control: &'a Control) -> Self {
        Self { control, ..self }
    }

    /// Carries out `work`, and takes the orders of the control meanwhile.
    pub(super) async fn under_control<F: Future>(&self, work: F) -> F::Output {
        if self.control.is_never() {
            return work.await;
        }
        // Orders come first: what `work` sends obeys those that came before.
        match select(pin!(self.take_orders()), pin!(work)).await {
            Either::Left((never, _)) => match never {},
            Either::Right((output, _)) => {
                self.take_new_orders();
                output
            }
        }
    }

    async fn take_orders(&self) -> Infallible {
        loop {
            // Made before the look: an order that comes in between wakes it.
            let changed = self.control.changed();
            self.take_new_orders();
            changed.await;
        }
    }

    fn take_new_orders(&self) {
        let now = self.clock.now();
        let limits = || Endpoint::ALL.map(|endpoint| self.queues.limit(endpoint));
        let before = limits();
        let orders = self.control.take(now);
        self.queues.obey(orders.is_held, orders.headroom, now);
        for event in &orders.events {
            self.emit(event);
        }
        let changes = Endpoint::ALL.into_iter().zip(limits()).zip(before);
        for ((endpoint, limit), before) in changes {
            if let Some(limit) = limit.filter(|_| limit != before) {
                self.emit(&Event::Limited { at: now, endpoint, limit });
            }
        }
    }

    pub(super) const fn clock(&self) -> &C {
        self.clock
    }

    pub(super) fn emit(&self, event: &Event) {
        self.observer.borrow_mut().observe(event);
    }

    /// The limit of calls in flight for `endpoint`; `None` without a limit.
    pub(super) fn limit(&self, endpoint: Endpoint) -> Option<u32> {
        self.queues.limit(endpoint)
    }

    /// The time from which calls of `endpoint` may be sent: earlier refusals make them wait until then.
    pub(super) fn deferred_until(&self, endpoint: Endpoint) -> Timestamp {
        self.queues.deferred_until(endpoint)
    }

    /// Waits for a time, or for a stop.
    pub(super) async fn sleep_until(&self, until: Timestamp) {
        self.stop.sleep_until(self.clock, until).await;
    }

    /// Places that calls of `endpoint` leave to others.
    pub(super) fn beside(&self, endpoint: Endpoint) -> u32 {
        self.queues.beside(endpoint)
    }

    /// Makes `request`, due now, with retries.
    ///
    /// Errors: [`CallError`] once the call is final.
    pub(super) async fn call(&self, request: &Request) -> Result<Body, CallError> {
        self.go_on(request, &mut self.attempts(), false).await
    }

    /// As [`call`](Self::call); also returns when the successful attempt was sent: what the answer
    /// shows was read no earlier.
    pub(super) async fn read(&self, request: &Request) -> Result<(Body, Timestamp), CallError> {
        let mut attempts = self.attempts();
        let body = self.go_on(request, &mut attempts, false).await?;
        Ok((body, attempts.sent_at))
    }

    /// As [`read`](Self::read), but gives way to what can replace it: `None` if it was refused, or would have to
    /// wait because others were.
    pub(super) async fn read_unless_refused(
        &self,
        request: &Request,
    ) -> Result<Option<(Body, Timestamp)>, CallError> {
        let mut attempts = Attempts { gives_way: true, ..self.attempts() };
        match self.go_on(request, &mut attempts, false).await {
            Ok(body) => Ok(Some((body, attempts.sent_at))),
            Err(error) if error.call.outcome == Outcome::Rejected => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// Makes `request`, a write. Unlike a read, it is not retried where it may have been carried
    /// out: the caller has to look at the account first.
    ///
    /// Errors: [`CallError`], whose `delivery_unknown` says whether a look is needed.
    pub(super) async fn write(
        &self,
        request: &Request,
        attempts: &mut Attempts,
    ) -> Result<Body, CallError> {
        self.go_on(request, attempts, true).await
    }

    /// A call that is due now, before its first attempt.
    pub(super) fn attempts(&self) -> Attempts {
        let now = self.clock.now();
        let call = self.calls.get() + 1;
        self.calls.set(call);
        Attempts {
            call,
            due_at: now,
            made: 0,
            refused: 0,
            of_outage: 0,
            paused: Duration::ZERO,
            held_before: self.queues.pauses.total(now),
            gives_way: false,
            read_at: None,
            sent_at: now,
        }
    }

    async fn go_on(
        &self,
        request: &Request,
        attempts: &mut Attempts,
        looks_back: bool,
    ) -> Result<Body, CallError> {
        let endpoint = request.endpoint();
        let due_at = attempts.due_at;
        loop {
            let (answer, permit) = self.attempt(request, attempts).await?;
            let done_at = self.clock.now();
            let outcome = outcome_of(&answer);
            if outcome == Outcome::Unauthorized {
                self.barred.set(Some(CallBan::Unauthorized));
            }
            attempts.refused += u32::from(outcome == Outcome::Rejected);
            if let Some(permit) = permit
                && let Some(limit) = permit.done(done_at, outcome)
            {
                self.emit(&Event::Limited { at: done_at, endpoint, limit });
            }
            let first_contact = !self.answered.get();
            self.answered.set(self.answered.get() || answer.is_ok());
            let held = self.queues.pauses.total(done_at).saturating_sub(attempts.held_before);
            let elapsed = done_at.since(due_at).saturating_sub(attempts.paused + held);
            let is_late = answer.is_err() && elapsed >= self.max_outage;
            let hopeless = first_contact && (outcome == Outcome::Unreachable || is_late);
            let failure = if is_system_error(&answer) { Outcome::ServerError } else { outcome };
            let is_outage = !hopeless && self.is_outage(attempts.call, failure);
            if is_outage && self.queues.breaker.borrow_mut().takes_proof() {
                // Seldom, so that no call carries the room for it.
                Box::pin(self.prove()).await;
            }
            let answer = match answer {
                Ok(response) if outcome.is_ok() => {
                    self.retries.earn();
                    self.doubts[endpoint.index()].set(false);
                    return Ok(response.body);
                }
                answer => answer,
            };
            if self.barred.get() == Some(CallBan::Outage) {
                let made = attempts.made;
                let error = call_error(endpoint, outcome, made, answer, DeliveryUnknown::No);
                return Err(error.of_outage(self.max_outage));
            }
            attempts.of_outage += u32::from(is_outage);
            let failed = FailedAttempt {
                outcome: failure,
                attempt: attempts.made - attempts.of_outage.min(attempts.made - 1),
                is_outage,
                refused: attempts.refused,
                elapsed,
                retry_after: self.granted(endpoint, retry_after(&answer)),
            };
            // Defers all calls of the endpoint: the server does not tell them apart.
            self.queues.defer(endpoint, done_at, failed.retry_after);
            let is_final = hopeless || attempts.gives_way && outcome == Outcome::Rejected;
            let again = if is_final { Err(NoRetry::Final) } else { self.retries.again(&failed) };
            if let Ok(delay) = again {
                self.emit(&Event::BackedOff { delay });
                // Seldom, so that no call carries the room for it.
                Box::pin(self.stop.sleep_until(self.clock, done_at + delay)).await;
            }
            let delivery_unknown = match again {
                _ if !may_be_delivered(failed.outcome) => DeliveryUnknown::No,
                Ok(_) => DeliveryUnknown::Retryable,
                Err(_) => DeliveryUnknown::Exhausted,
            };
            if again.is_err() || looks_back && delivery_unknown == DeliveryUnknown::Retryable {
                let made = attempts.made;
                let error = call_error(endpoint, outcome, made, answer, delivery_unknown);
                return Err(error.because(again.err()));
            }
        }
    }

    /// Makes one attempt, once it may be sent.
    ///
    /// Errors: it was not sent, since the credentials were refused, or the server failed every call for too long,
    /// or the run was stopped meanwhile; or it was given up, since the run was stopped.
    async fn attempt(
        &self,
        request: &Request,
        attempts: &mut Attempts,
    ) -> Result<(Result<Response, TransportError>, Option<Permit<'_>>), CallError> {
        let endpoint = request.endpoint();
        let come_at = self.clock.now();
        let held_before = self.queues.pauses.total(come_at);
        let Admitted { permit, granted_at, paused, gives_way } =
            self.queues.enter(self.clock, self.stop, endpoint, attempts.gives_way).await;
        let sent_at = self.clock.now();
        let stopped = self.stop.is_set();
        let may_send = !stopped && self.barred.get().is_none();
        let has_aged = attempts.read_at.is_some_and(|at| self.queues.pauses.has_aged(at));
        let is_lost = || {
            written_account(request).is_some_and(|account| self.journal.sending(account).is_err())
        };
        if !may_send || has_aged || gives_way || is_lost() {
            if let Some(permit) = permit {
                permit.release(sent_at);
            }
            if may_send && gives_way {
                return Err(gave_way(endpoint, attempts.made));
            }
            if may_send && has_aged {
                return Err(aged(endpoint, attempts.made));
            }
            let bar = self.barred.get().filter(|_| !stopped);
            return Err(self.not_sent(endpoint, attempts.made, bar));
        }
        attempts.paused += paused;
        let held = self.queues.pauses.total(sent_at).saturating_sub(held_before);
        let (queued, paced) = (granted_at.since(come_at), sent_at.since(granted_at));
        let waited =
            (queued.saturating_sub(held.saturating_sub(paced)), paced.saturating_sub(held));
        let Some(answer) = self.send(request, attempts, waited).await else {
            if let Some(permit) = permit {
                permit.release(self.clock.now());
            }
            return Err(self.not_sent(endpoint, attempts.made, None));
        };
        Ok((answer, permit))
    }

    /// Sends a call now, after it was `queued` and `paced`; `None` if it is given up, since the run was stopped.
    async fn send(
        &self,
        request: &Request,
        attempts: &mut Attempts,
        (queued, paced): (Duration, Duration),
    ) -> Option<Result<Response, TransportError>> {
        let (endpoint, sent_at) = (request.endpoint(), self.clock.now());
        attempts.made += 1;
        attempts.sent_at = sent_at;
        self.emit(&Event::Sent { at: sent_at, endpoint, queued, paced });
        let mut call = OpenCall {
            caller: self,
            attempt: Attempt {
                endpoint,
                attempt: attempts.made,
                due_at: attempts.due_at,
                sent_at,
                done_at: sent_at,
                outcome: Outcome::Abandoned,
            },
        };
        let answer = self.stop.give_up(self.clock, self.transport.call(request)).await?;
        if let Some(account) = written_account(request) {
            self.journal.answered(account);
        }
        call.attempt.outcome = outcome_of(&answer);
        Some(answer)
    }

    /// Finds out, once the server has failed every call for too long, whether it fails them all or those of some
    /// accounts only: by a look-up of the field definitions, as the run began. If that fails too, the run ends.
    async fn prove(&self) {
        let request = Request::ListCustomFields(Category::Account);
        let mut attempts = self.attempts();
        let answer = self.send(&request, &mut attempts, (Duration::ZERO, Duration::ZERO)).await;
        let has_failed = |answer: Result<Response, TransportError>| {
            let outcome = outcome_of(&answer);
            outcome == Outcome::Unreachable || may_be_delivered(outcome) || is_system_error(&answer)
        };
        let is_needed = self.queues.breaker.borrow_mut().proved();
        // A stopped run ends anyway.
        if is_needed && answer.is_some_and(has_failed) {
            self.barred.set(Some(CallBan::Outage));
        }
    }

    /// The error of a call that was not sent, or not waited for: the run was stopped, or there is a `bar`.
    fn not_sent(&self, endpoint: Endpoint, attempts: u32, bar: Option<CallBan>) -> CallError {
        let (outcome, why) = match bar {
            Some(CallBan::Unauthorized) => {
                (Outcome::Unauthorized, "not sent, the credentials were refused")
            }
            Some(CallBan::Outage) => (Outcome::Unreachable, "not sent"),
            None => (Outcome::Abandoned, "the run was stopped"),
        };
        let error = CallError::unsent(endpoint, outcome, attempts, why);
        if bar == Some(CallBan::Outage) { error.of_outage(self.max_outage) } else { error }
    }

    /// Tells the breaker how a call went; true if it is part of an outage.
    fn is_outage(&self, call: u64, outcome: Outcome) -> bool {
        let mut breaker = self.queues.breaker.borrow_mut();
        match outcome {
            Outcome::Rejected | Outcome::Unauthorized => breaker.undecided(self.clock.now()),
            _ if may_be_delivered(outcome) || outcome == Outcome::Unreachable => {
                let is_connected = outcome != Outcome::Unreachable;
                return breaker.failed(call, is_connected, self.clock.now());
            }
            _ => breaker.succeeded(),
        }
        false
    }

    /// The delay that a Retry-After is granted.
    fn granted(&self, endpoint: Endpoint, asked: Duration) -> Duration {
        let doubt = &self.doubts[endpoint.index()];
        self.retries.credible(asked, doubt.get()).unwrap_or_else(|granted| {
            doubt.set(true);
            self.emit(&Event::Doubted { at: self.clock.now(), endpoint, asked, granted });
            granted
        })
    }
}

/// A call that was sent: its end is reported however it ends.
struct OpenCall<'c, 'a, T: Transport, C: Clock> {
    caller: &'c Caller<'a, T, C>,
    attempt: Attempt,
}

impl<T: Transport, C: Clock> Drop for OpenCall<'_, '_, T, C> {
    fn drop(&mut self) {
        self.attempt.done_at = self.caller.clock.now();
        self.caller.emit(&Event::Done(self.attempt));
    }
}

/// Delay that Retry-After asks for; zero without the header.
fn retry_after(answer: &Result<Response, TransportError>) -> Duration {
    answer.as_ref().ok().and_then(|response| response.retry_after).unwrap_or_default()
}

/// The account that `request` writes.
const fn written_account(request: &Request) -> Option<AccountId> {
    match request {
        Request::PatchAccount(id, _) | Request::PutAccount(id, _) => Some(*id),
        _ => None,
    }
}

/// True if a success carries nothing but Neon's "unexpected system error", for which Neon advises a
/// retry. Other errors under a success concern the request and are final.
fn is_system_error(answer: &Result<Response, TransportError>) -> bool {
    let Ok(Response { status, body: Body::Errors(errors), .. }) = answer else { return false };
    let all_are = !errors.is_empty() && errors.iter().all(|error| error.code == SYSTEM_ERROR);
    status.is_success() && all_are
}

/// True if the server may have carried out a call with this outcome.
const fn may_be_delivered(outcome: Outcome) -> bool {
    matches!(
        outcome,
        Outcome::ServerError | Outcome::Timeout | Outcome::Interrupted | Outcome::Malformed
    )
}

/// Classifies the answer to one attempt.
pub fn outcome_of(answer: &Result<Response, TransportError>) -> Outcome {
    match answer {
        Ok(Response { status, body, .. }) => match *status {
            Status::MERGED => Outcome::Merged,
            status if status.is_success() && matches!(body, Body::Errors(_)) => {
                Outcome::ErrorsUnderSuccess
            }
            status if status.is_success() => Outcome::Ok,
            Status::UNAUTHORIZED => Outcome::Unauthorized,
            Status(403) => Outcome::Forbidden,
            Status::NOT_FOUND => Outcome::NotFound,
            Status::TOO_MANY_REQUESTS => Outcome::Rejected,
            status if status.is_server_error() => Outcome::ServerError,
            _ => Outcome::Refused,
        },
        Err(TransportError::Unreachable(_)) => Outcome::Unreachable,
        Err(TransportError::Timeout) => Outcome::Timeout,
        Err(TransportError::Interrupted(_)) => Outcome::Interrupted,
        Err(TransportError::Malformed(_)) => Outcome::Malformed,
    }
}
