//! One call, from due to done: attempts, retries, and an event for each.

use super::gate::{Entry, Gates};
use super::limiter::Rules;
use super::retry::{Failed, Over, Retries};
use super::settings::Settings;
use crate::clock::Clock;
use crate::event::{Call, Event, FailedCall, Observer, Outcome};
use crate::transport::{Transport, TransportError};
use neon_mock::api::{Body, Endpoint, Request, Response, Status};
use neon_mock::time::Timestamp;
use std::cell::{Cell, RefCell};
use std::time::Duration;

/// Neon's code of an "unexpected system error".
const SYSTEM_ERROR: &str = "1";

/// Makes calls until they are answered or given up.
pub(super) struct Caller<'a, T, C> {
    transport: &'a T,
    clock: &'a C,
    observer: RefCell<&'a mut dyn Observer>,
    retries: Retries,
    gates: Gates,
    /// Whether anything ever answered. Until then a missing connection is not worth retrying.
    answered: Cell<bool>,
    /// Whether the credentials were refused: then nothing more is sent.
    barred: Cell<bool>,
}

/// A call that was given up.
#[derive(Debug)]
pub(super) struct GivenUp {
    /// How it ended.
    pub(super) call: FailedCall,
    /// What the last answer held.
    pub(super) body: Option<Body>,
    /// What happened, in words.
    pub(super) message: String,
    /// What a write may have done all the same.
    pub(super) unheard: Unheard,
}

/// Whether a write that did not succeed may have been carried out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Unheard {
    /// It was answered.
    No,
    /// It may have been carried out; if not, it may be made again now.
    RetryScope,
    /// It may have been carried out, and is not made again.
    Over,
}

/// The attempts of one call so far.
#[derive(Debug)]
pub(super) struct Tries {
    due_at: Timestamp,
    attempts: u32,
    refused: u32,
    sent_at: Timestamp,
}

impl Tries {
    /// When the last attempt was sent.
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
        rules: &dyn Rules,
    ) -> Self {
        Self {
            transport,
            clock,
            observer: RefCell::new(observer),
            retries: Retries::new(settings.seed, settings.call_deadline),
            gates: Gates::new(rules),
            answered: Cell::new(false),
            barred: Cell::new(false),
        }
    }

    pub(super) const fn clock(&self) -> &C {
        self.clock
    }

    pub(super) fn emit(&self, event: &Event) {
        self.observer.borrow_mut().observe(event);
    }

    /// How many calls of `endpoint` may be in flight now; `None` if nothing limits them.
    pub(super) fn limit(&self, endpoint: Endpoint) -> Option<u32> {
        self.gates.limit(endpoint)
    }

    /// Makes `request`, due now, until it is carried out or given up.
    pub(super) async fn call(&self, request: &Request) -> Result<Body, GivenUp> {
        self.go_on(request, &mut self.tries(), false).await
    }

    /// The same; and when the attempt was sent that was carried out, which is when it was seen what
    /// the answer shows.
    pub(super) async fn read(&self, request: &Request) -> Result<(Body, Timestamp), GivenUp> {
        let mut tries = self.tries();
        let body = self.go_on(request, &mut tries, false).await?;
        Ok((body, tries.sent_at))
    }

    /// Makes `request`, a write, until it is carried out, given up, or may have been carried out
    /// without an answer: it is not made again then before somebody has looked.
    pub(super) async fn write(
        &self,
        request: &Request,
        tries: &mut Tries,
    ) -> Result<Body, GivenUp> {
        self.go_on(request, tries, true).await
    }

    /// No attempt yet, of a call that is due now.
    pub(super) fn tries(&self) -> Tries {
        let now = self.clock.now();
        Tries { due_at: now, attempts: 0, refused: 0, sent_at: now }
    }

    async fn go_on(
        &self,
        request: &Request,
        tries: &mut Tries,
        looks_back: bool,
    ) -> Result<Body, GivenUp> {
        let endpoint = request.endpoint();
        let due_at = tries.due_at;
        loop {
            let come_at = self.clock.now();
            let Entry { pass, let_through_at } = self.gates.enter(self.clock, endpoint).await;
            let sent_at = self.clock.now();
            if self.barred.get() {
                if let Some(pass) = pass {
                    pass.give_back(sent_at);
                }
                return Err(not_sent(endpoint, tries.attempts));
            }
            tries.attempts += 1;
            tries.sent_at = sent_at;
            let attempt = tries.attempts;
            let queued = let_through_at.since(come_at);
            let paced = sent_at.since(let_through_at);
            self.emit(&Event::Sent { at: sent_at, endpoint, queued, paced });
            let answer = self.transport.call(request).await;
            let done_at = self.clock.now();
            let outcome = outcome_of(&answer);
            self.barred.set(self.barred.get() || outcome == Outcome::Unauthorized);
            tries.refused += u32::from(outcome == Outcome::Rejected);
            if let Some(pass) = pass
                && let Some(limit) = pass.done(done_at, outcome == Outcome::Rejected)
            {
                self.emit(&Event::Limited { at: done_at, endpoint, limit });
            }
            let call = Call { endpoint, attempt, due_at, sent_at, done_at, outcome };
            self.emit(&Event::Done(call));
            let first_contact = !self.answered.get();
            self.answered.set(self.answered.get() || answer.is_ok());
            let answer = match answer {
                Ok(response) if outcome.is_ok() => {
                    self.retries.earn();
                    return Ok(response.body);
                }
                answer => answer,
            };
            let hopeless = first_contact && outcome == Outcome::Unreachable;
            let failed = Failed {
                outcome: if is_system_error(&answer) { Outcome::ServerError } else { outcome },
                attempt,
                refused: tries.refused,
                elapsed: done_at.since(due_at),
                told_to_wait: told_to_wait(&answer),
            };
            // Not this call alone: the endpoint does not know calls from each other.
            let told_to_wait = self.retries.bounded(failed.told_to_wait);
            self.gates.leave_alone(endpoint, done_at + told_to_wait);
            let again = if hopeless { Err(Over::Final) } else { self.retries.again(&failed) };
            if let Ok(delay) = again {
                self.emit(&Event::BackedOff { delay });
                self.clock.sleep_until(done_at + delay).await;
            }
            let unheard = match again {
                _ if !is_unheard(failed.outcome) => Unheard::No,
                Ok(_) => Unheard::RetryScope,
                Err(_) => Unheard::Over,
            };
            if again.is_err() || looks_back && unheard == Unheard::RetryScope {
                let given_up = given_up(endpoint, outcome, attempt, answer, unheard);
                return Err(given_up.because(again.err()));
            }
        }
    }
}

impl GivenUp {
    /// Says why the call was not made again, where the answer does not say so itself.
    fn because(mut self, over: Option<Over>) -> Self {
        if let Some(over @ (Over::Deadline(_) | Over::BudgetSpent)) = over {
            self.message = format!("{}; not made again: {over}", self.message);
        }
        self
    }
}

/// What the answer says of when to come back: no attempt is made before.
fn told_to_wait(answer: &Result<Response, TransportError>) -> Duration {
    answer.as_ref().ok().and_then(|response| response.retry_after).unwrap_or_default()
}

fn given_up(
    endpoint: Endpoint,
    outcome: Outcome,
    attempts: u32,
    answer: Result<Response, TransportError>,
    unheard: Unheard,
) -> GivenUp {
    let name = endpoint.name();
    let (status, body, message) = match answer {
        Err(error) => (None, None, format!("{name}: {error}")),
        Ok(Response { status, body, .. }) => {
            let reason = match &body {
                Body::Errors(errors) if !errors.is_empty() => {
                    errors.iter().map(ToString::to_string).collect::<Vec<_>>().join("; ")
                }
                _ => outcome.name().replace('_', " "),
            };
            (Some(status), Some(body), format!("{name} answered {status}: {reason}"))
        }
    };
    let call = FailedCall { endpoint, outcome, status, attempts };
    GivenUp { call, body, message, unheard }
}

/// A call that was not sent, since the credentials were refused meanwhile.
fn not_sent(endpoint: Endpoint, attempts: u32) -> GivenUp {
    let call = FailedCall { endpoint, outcome: Outcome::Unauthorized, status: None, attempts };
    let message = format!("{}: not sent, the credentials were refused", endpoint.name());
    GivenUp { call, body: None, message, unheard: Unheard::No }
}

/// Whether a success holds nothing but Neon's "unexpected system error", for which it advises to try
/// again. Any other array of errors under a success is about the request and will not go away.
fn is_system_error(answer: &Result<Response, TransportError>) -> bool {
    let Ok(Response { status, body: Body::Errors(errors), .. }) = answer else { return false };
    let all_are = !errors.is_empty() && errors.iter().all(|error| error.code == SYSTEM_ERROR);
    status.is_success() && all_are
}

/// Whether a call that ended like this may have been carried out.
const fn is_unheard(outcome: Outcome) -> bool {
    matches!(
        outcome,
        Outcome::ServerError | Outcome::Timeout | Outcome::Interrupted | Outcome::Malformed
    )
}

/// How an attempt ended that was answered like this.
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
