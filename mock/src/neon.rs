//! The mock itself: `handle(now, request) -> Reply { response, ready_at, delivery }`.
//!
//! It opens no socket, reads no clock and never sleeps. A shell passes the time and does the
//! waiting. A call takes effect when it is admitted, and holds its slot until it is ready.

mod answer;
mod echo;
mod staff_simulation;

use crate::api::{ApiError, Body, Class, Endpoint, Request, Response, Status};
use crate::fault::{self, Delivery, Fault, FaultCounts, FaultSchedule, NextFailure};
use crate::integration::Integration;
use crate::limit::{Admission, EndpointGates, Limit};
use crate::org::Organisation;
use crate::profile::Profile;
use crate::rng::{self, Generator};
use crate::service::CallsInFlight;
use crate::time::Timestamp;
use crate::webhooks::Subscriptions;
use staff_simulation::StaffSimulation;
use std::collections::VecDeque;
use std::time::Duration;

/// An answer and its time.
#[derive(Clone, Debug, PartialEq)]
pub struct Reply {
    /// The response.
    pub response: Response,
    /// Time at which the shell sends it.
    pub ready_at: Timestamp,
    /// Delivery of the response.
    pub delivery: Delivery,
}

/// Calls that reached one endpoint.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct EndpointCalls {
    /// Calls that got a slot, at once or after a wait in the queue.
    pub admitted: u64,
    /// Calls refused with 429 because the limit was reached.
    pub rejected: u64,
    /// Admitted calls that a fault hit, or that were answered with a status outside 200 … 299.
    pub failed: u64,
    /// Calls that arrived before the time stated by an earlier `Retry-After`.
    pub early: u64,
}

/// Calls that reached the mock, as the mock counted them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Calls([EndpointCalls; Endpoint::ALL.len()]);

impl Default for Calls {
    fn default() -> Self {
        Self(Endpoint::ALL.map(|_| EndpointCalls::default()))
    }
}

impl Calls {
    /// Calls of one endpoint.
    pub const fn of(&self, endpoint: Endpoint) -> EndpointCalls {
        self.0[endpoint.index()]
    }

    /// Calls of `class` that got a slot.
    pub fn admitted(&self, class: Class) -> u64 {
        let of_class = Endpoint::ALL.into_iter().filter(|endpoint| endpoint.class() == class);
        of_class.map(|endpoint| self.of(endpoint).admitted).sum()
    }

    /// All calls, refusals included.
    pub fn total(&self) -> u64 {
        self.0.iter().map(|calls| calls.admitted + calls.rejected).sum()
    }

    /// Refusals on all endpoints.
    pub fn rejected(&self) -> u64 {
        self.0.iter().map(|calls| calls.rejected).sum()
    }

    /// Admitted calls that failed, on all endpoints.
    pub fn failed(&self) -> u64 {
        self.0.iter().map(|calls| calls.failed).sum()
    }

    /// The same, on all endpoints.
    pub fn early(&self) -> u64 {
        self.0.iter().map(|calls| calls.early).sum()
    }

    fn count(&mut self, endpoint: Endpoint) -> &mut EndpointCalls {
        &mut self.0[endpoint.index()]
    }
}

/// One organisation behind Neon's limits, service times and faults.
#[derive(Clone, Debug)]
pub struct Neon {
    profile: Profile,
    organisation: Organisation,
    gates: EndpointGates,
    // Boxed to keep types that hold a mock small, such as the future that starts one.
    service: Box<[Generator; Endpoint::ALL.len()]>,
    /// Maintained only where service times depend on it.
    in_flight: CallsInFlight,
    /// Failures queued for the next calls, first in first out.
    ordered: VecDeque<NextFailure>,
    schedule: FaultSchedule,
    calls: Calls,
    faults: FaultCounts,
    first_now: Option<Timestamp>,
    last_now: Timestamp,
    last_ready: Timestamp,
    seed: u64,
    staff: Option<Box<StaffSimulation>>,
    integration: Option<Box<Integration>>,
    subscriptions: Subscriptions,
}

impl Neon {
    /// `organisation` behind the limits and service times of `profile`, which are drawn from
    /// streams of `seed`, one for each endpoint.
    pub fn new(profile: Profile, organisation: Organisation, seed: u64) -> Self {
        Self {
            gates: EndpointGates::new(profile.limits()),
            service: Box::new(
                Endpoint::ALL
                    .map(|endpoint| rng::stream(seed, &format!("service/{}", endpoint.name()))),
            ),
            in_flight: CallsInFlight::default(),
            ordered: VecDeque::new(),
            schedule: FaultSchedule::new(profile.faults(), seed),
            calls: Calls::default(),
            faults: FaultCounts::default(),
            first_now: None,
            last_now: Timestamp::ZERO,
            last_ready: Timestamp::ZERO,
            seed,
            staff: StaffSimulation::new(&profile, &organisation, seed, Timestamp::ZERO),
            integration: echo::integration(&profile, seed),
            subscriptions: Subscriptions::default(),
            profile,
            organisation,
        }
    }

    /// The mock that the same profile, dataset and number of accounts make of another seed.
    #[must_use]
    pub fn reseeded(&self, seed: u64) -> Self {
        Self::new(self.profile.clone(), self.organisation.reseeded(seed), seed)
    }

    /// Answers `request`, which arrives at `now`.
    ///
    /// A call over a limit is refused: it changes nothing and holds nothing. Any other takes effect
    /// at `now`, starts then or once the calls queued before it have started, and holds its slot
    /// until `ready_at`. Faults hit admitted calls only; queued failures come before those of
    /// the profile.
    /// Panics if `now` is before an earlier call's.
    pub fn handle(&mut self, now: Timestamp, request: &Request) -> Reply {
        assert!(now >= self.last_now, "calls must come in order of time");
        self.first_now.get_or_insert(now);
        self.last_now = now;
        self.let_others_work(now);
        let endpoint = request.endpoint();
        let gate = self.gates.of(endpoint);
        let calls = self.calls.count(endpoint);
        calls.early += u64::from(gate.is_early(now));
        let start = match gate.admit(now) {
            Admission::Granted { start } => start,
            Admission::Denied { by, .. } => {
                calls.rejected += 1;
                let ready_at = now + self.profile.reject_after();
                gate.refuse(ready_at);
                let message = match by {
                    Limit::Pool => "too many simultaneous requests",
                    Limit::Window => "too many requests per second",
                };
                return self.refusal(message, ready_at);
            }
        };
        let struck = self.schedule.strike(now, endpoint, fault::account_of(request));
        let order = self.ordered.pop_front().or(struck);
        if let Some(order) = order.filter(|order| order.is_refusal()) {
            return self.refuse_by_fault(now, endpoint, order);
        }
        let ready_at = start + self.service_time(now, start, endpoint);
        self.gates.of(endpoint).hold(start, ready_at);
        self.last_ready = self.last_ready.max(ready_at);
        let (response, delivery) = match order {
            Some(order) => self.fail(now, request, order, ready_at),
            None => (self.carry_out(now, request, ready_at), Delivery::Whole),
        };
        let calls = self.calls.count(endpoint);
        calls.admitted += 1;
        calls.failed += u64::from(order.is_some() || !response.status.is_success());
        Reply { response, ready_at, delivery }
    }

    /// Queues a failure for one of the next calls: a [`Status`], without applying the call, or a
    /// [`FaultKind`](crate::fault::FaultKind).
    pub fn fail_next(&mut self, order: impl Into<NextFailure>) {
        self.ordered.push_back(order.into());
    }

    /// Adds a fault table behind those of the profile, until another profile is applied.
    pub fn add_fault(&mut self, fault: Fault) {
        self.schedule.add(fault, self.seed);
    }

    /// Applies `profile` from now on. Calls in flight are forgotten.
    pub fn set_profile(&mut self, profile: Profile) {
        self.gates = EndpointGates::new(profile.limits());
        self.in_flight = CallsInFlight::default();
        self.schedule = FaultSchedule::new(profile.faults(), self.seed);
        self.staff = StaffSimulation::new(&profile, &self.organisation, self.seed, self.last_now);
        self.integration = echo::integration(&profile, self.seed);
        self.profile = profile;
    }

    /// The limits and service times in force.
    pub const fn profile(&self) -> &Profile {
        &self.profile
    }

    /// The organisation as it is now.
    pub const fn organisation(&self) -> &Organisation {
        &self.organisation
    }

    /// Arrival of the latest call.
    pub const fn last_call_at(&self) -> Timestamp {
        self.last_now
    }

    /// From the first call until the last admitted one was answered; `None` before any call.
    pub fn makespan(&self) -> Option<Duration> {
        self.first_now.map(|first| self.last_ready.max(self.last_now).since(first))
    }

    /// Seed of the organisation and the response times.
    pub const fn seed(&self) -> u64 {
        self.seed
    }

    /// The calls so far.
    pub const fn calls(&self) -> &Calls {
        &self.calls
    }

    /// Faults so far by kind: the profile's and those queued by kind.
    pub const fn faults(&self) -> &FaultCounts {
        &self.faults
    }

    /// Refuses a call that has a slot, as if it had none.
    fn refuse_by_fault(&mut self, now: Timestamp, endpoint: Endpoint, order: NextFailure) -> Reply {
        self.calls.count(endpoint).rejected += 1;
        if let NextFailure::Fault(kind) = order {
            self.faults.count(kind);
        }
        let ready_at = now + self.profile.reject_after();
        self.gates.of(endpoint).refuse(ready_at);
        self.refusal("too many requests", ready_at)
    }

    fn refusal(&self, message: &str, ready_at: Timestamp) -> Reply {
        let error = Response::error(Status::TOO_MANY_REQUESTS, ApiError::new(1, message));
        let response = Response { retry_after: self.profile.limits().retry_after, ..error };
        Reply { response, ready_at, delivery: Delivery::Whole }
    }

    /// Service time of a call that arrived at `now`, from `start`.
    fn service_time(&mut self, now: Timestamp, start: Timestamp, endpoint: Endpoint) -> Duration {
        let law = self.profile.law(endpoint);
        let alone = law.sample(&mut self.service[endpoint.index()]);
        self.in_flight.stretched(self.profile.congestion(), alone, now, start)
    }

    /// Response and delivery of a failing call, which is carried out where its fault says so.
    fn fail(
        &mut self,
        now: Timestamp,
        request: &Request,
        order: NextFailure,
        ready_at: Timestamp,
    ) -> (Response, Delivery) {
        let kind = match order {
            NextFailure::Status(status) => {
                let error = ApiError::new(1, "failed to order");
                return (Response::error(status, error), Delivery::Whole);
            }
            NextFailure::Fault(kind) => kind,
        };
        self.faults.count(kind);
        let carried_out = kind.is_applied().then(|| self.carry_out(now, request, ready_at));
        let silence = Response::ok(Body::Empty);
        (kind.answer().or(carried_out).unwrap_or(silence), kind.delivery())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::api::AccountId;
    use crate::dataset::Dataset;
    use crate::fault::FaultKind;

    fn neon() -> Neon {
        let organisation = Organisation::new(&Dataset::built_in("plain", 2).unwrap(), 100, 1);
        Neon::new(Profile::built_in("constant").unwrap(), organisation, 1)
    }

    const fn at(ms: u64) -> Timestamp {
        Timestamp::from_nanos(ms * 1_000_000)
    }

    #[test]
    fn the_sixth_call_in_flight_is_refused_and_costs_the_reject_time() {
        let mut neon = neon();
        assert_eq!(neon.makespan(), None);
        let get = Request::GetAccount(AccountId(1));
        for _ in 0..5 {
            assert_eq!(neon.handle(at(0), &get).ready_at, at(200));
        }
        let refused = neon.handle(at(10), &get);
        assert_eq!(
            (refused.response.status, refused.ready_at),
            (Status::TOO_MANY_REQUESTS, at(40))
        );
        // Endpoints have pools of their own, and a slot is free when its call is ready.
        assert_eq!(neon.handle(at(10), &Request::SearchFields(None)).ready_at, at(110));
        assert_eq!(neon.handle(at(200), &get).response.status, Status::OK);
        let calls = neon.calls().of(Endpoint::GetAccount);
        assert_eq!((calls.admitted, calls.rejected, calls.failed), (6, 1, 0));
        assert_eq!(neon.makespan(), Some(Duration::from_millis(400)));
    }

    #[test]
    fn ordered_failures_come_once_and_apply_nothing() {
        let mut neon = neon();
        neon.fail_next(Status(503));
        let get = Request::GetAccount(AccountId(1));
        assert_eq!(neon.handle(at(0), &get).response.status, Status(503));
        assert_eq!(neon.handle(at(0), &get).response.status, Status::OK);
        assert_eq!(neon.calls().failed(), 1);
    }

    /// A refusal by fault is one of the limits': soon, without a slot, and counted as refused.
    #[test]
    fn a_429_by_fault_is_like_one_of_the_limits() {
        let get = Request::GetAccount(AccountId(1));
        for order in [NextFailure::Status(Status(429)), NextFailure::Fault(FaultKind::Refused)] {
            let mut neon = neon();
            neon.fail_next(order);
            let refused = neon.handle(at(0), &get);
            assert_eq!(refused.response.status, Status::TOO_MANY_REQUESTS);
            assert_eq!(refused.ready_at, at(30));
            for _ in 0..5 {
                assert_eq!(neon.handle(at(0), &get).ready_at, at(200), "the slots are free");
            }
            let calls = neon.calls().of(Endpoint::GetAccount);
            assert_eq!((calls.admitted, calls.rejected, calls.failed), (5, 1, 0));
        }
    }

    /// An outage of 429s by a table of a profile, on one endpoint and account.
    #[test]
    fn a_table_refuses_calls_of_one_endpoint_on_one_account_for_a_time() {
        let (_, constant) = crate::profile::BUILT_IN.iter().find(|it| it.0 == "constant").unwrap();
        let table = "[[faults]]\nstatus = 429\nendpoints = [\"GET /accounts/{id}\"]\n\
                     records = [7]\nfrom = \"10s\"\nuntil = \"20s\"\n";
        let profile = Profile::from_toml("p.toml", &format!("{constant}\n{table}")).unwrap();
        let organisation = Organisation::new(&Dataset::built_in("plain", 2).unwrap(), 100, 1);
        let mut neon = Neon::new(profile, organisation, 1);
        let mut status =
            |ms, id| neon.handle(at(ms), &Request::GetAccount(AccountId(id))).response.status.0;
        let seen = [status(9_999, 7), status(10_000, 7), status(15_000, 8), status(20_000, 7)];
        assert_eq!(seen, [200, 429, 200, 200]);
    }

    #[test]
    fn an_unknown_account_is_a_404() {
        let reply = neon().handle(at(0), &Request::GetAccount(AccountId(101)));
        assert_eq!(reply.response.status, Status::NOT_FOUND);
    }
}
