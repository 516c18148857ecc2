//! The mock itself: `handle(now, request) -> Reply { response, ready_at, delivery }`.
//!
//! It opens no socket, reads no clock and never sleeps. A shell says what time it is and does the
//! waiting. A call takes effect when it is admitted, and holds its slot until it is ready.

mod answer;

use crate::api::{ApiError, Body, Class, Endpoint, Request, Response, Status};
use crate::fault::{Delivery, Order, Ordered};
use crate::limit::{Admission, Pool};
use crate::org::Organisation;
use crate::profile::Profile;
use crate::rng::{self, Generator};
use crate::time::Timestamp;
use std::time::Duration;

/// What Neon answers, and when.
#[derive(Clone, Debug, PartialEq)]
pub struct Reply {
    /// The answer.
    pub response: Response,
    /// When the shell is to hand it over.
    pub ready_at: Timestamp,
    /// How the shell is to hand it over.
    pub delivery: Delivery,
}

/// Calls that reached one endpoint.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct EndpointCalls {
    /// Calls that got a slot.
    pub admitted: u64,
    /// Calls refused with 429 because the pool was full.
    pub rejected: u64,
    /// Admitted calls that were answered with a status outside 200 … 299.
    pub failed: u64,
}

/// Calls that reached the mock, as the mock counted them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Calls([EndpointCalls; Endpoint::ALL.len()]);

impl Default for Calls {
    fn default() -> Self {
        Self([EndpointCalls::default(); Endpoint::ALL.len()])
    }
}

impl Calls {
    /// Those of one endpoint.
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

    fn count(&mut self, endpoint: Endpoint) -> &mut EndpointCalls {
        &mut self.0[endpoint.index()]
    }
}

/// One organisation behind Neon's limits and service times.
#[derive(Clone, Debug)]
pub struct Neon {
    profile: Profile,
    organisation: Organisation,
    // Boxed, so that whatever holds a mock, such as a future that starts one, stays small.
    pools: Box<[Pool; Endpoint::ALL.len()]>,
    service: Box<[Generator; Endpoint::ALL.len()]>,
    ordered: Ordered,
    calls: Calls,
    first_now: Option<Timestamp>,
    last_now: Timestamp,
    last_ready: Timestamp,
}

impl Neon {
    /// `organisation` behind the limits and service times of `profile`, which are drawn from
    /// streams of `seed`, one for each endpoint.
    pub fn new(profile: Profile, organisation: Organisation, seed: u64) -> Self {
        Self {
            pools: Box::new(Endpoint::ALL.map(|endpoint| Pool::new(profile.pool(endpoint)))),
            service: Box::new(
                Endpoint::ALL
                    .map(|endpoint| rng::stream(seed, &format!("service/{}", endpoint.name()))),
            ),
            ordered: Ordered::default(),
            calls: Calls::default(),
            first_now: None,
            last_now: Timestamp::ZERO,
            last_ready: Timestamp::ZERO,
            profile,
            organisation,
        }
    }

    /// Answers `request`, which arrives at `now`.
    ///
    /// A call over the endpoint's pool is refused: it changes nothing and holds no slot. Any other
    /// takes effect at `now` and holds its slot until `ready_at`.
    /// Panics if `now` lies before an earlier call's.
    pub fn handle(&mut self, now: Timestamp, request: &Request) -> Reply {
        assert!(now >= self.last_now, "calls must come in order of time");
        self.first_now.get_or_insert(now);
        self.last_now = now;
        let endpoint = request.endpoint();
        if let Admission::Denied { .. } = self.pools[endpoint.index()].admit(now) {
            self.calls.count(endpoint).rejected += 1;
            let error = ApiError::new(1, "too many simultaneous requests");
            return Reply {
                response: Response::error(Status::TOO_MANY_REQUESTS, error),
                ready_at: now + self.profile.reject_after(),
                delivery: Delivery::Whole,
            };
        }
        let law = self.profile.law(endpoint.class());
        let ready_at = now + law.sample(&mut self.service[endpoint.index()]);
        self.pools[endpoint.index()].hold(ready_at);
        self.last_ready = self.last_ready.max(ready_at);
        let (response, delivery) = match self.ordered.take() {
            Some(order) => self.fail(now, request, order),
            None => (self.answer(now, request), Delivery::Whole),
        };
        let calls = self.calls.count(endpoint);
        calls.admitted += 1;
        calls.failed += u64::from(!response.status.is_success() || delivery != Delivery::Whole);
        Reply { response, ready_at, delivery }
    }

    /// Lets one more of the coming calls fail: with a [`Status`], without applying it, or by a
    /// [`FaultKind`](crate::fault::FaultKind).
    pub fn fail_next(&mut self, order: impl Into<Order>) {
        self.ordered.push(order.into());
    }

    /// Limits and delays by `profile` from now on. Calls in flight are forgotten.
    pub fn set_profile(&mut self, profile: Profile) {
        *self.pools = Endpoint::ALL.map(|endpoint| Pool::new(profile.pool(endpoint)));
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

    /// When the latest call came.
    pub const fn last_call_at(&self) -> Timestamp {
        self.last_now
    }

    /// From the first call until the last admitted one was answered; `None` before any call.
    pub fn makespan(&self) -> Option<Duration> {
        self.first_now.map(|first| self.last_ready.max(self.last_now).since(first))
    }

    /// The calls so far.
    pub const fn calls(&self) -> &Calls {
        &self.calls
    }

    /// What a call that is to fail is answered; carried out or not, as its fault says.
    fn fail(&mut self, now: Timestamp, request: &Request, order: Order) -> (Response, Delivery) {
        let kind = match order {
            Order::Status(status) => {
                let error = ApiError::new(1, "failed to order");
                return (Response::error(status, error), Delivery::Whole);
            }
            Order::Fault(kind) => kind,
        };
        let carried_out = kind.is_applied().then(|| self.answer(now, request));
        let silence = Response { status: Status::OK, body: Body::Empty };
        (kind.answer().or(carried_out).unwrap_or(silence), kind.delivery())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::api::AccountId;
    use crate::dataset::Dataset;

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
        assert_eq!(neon.handle(at(10), &Request::SearchFields).ready_at, at(110));
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

    #[test]
    fn an_unknown_account_is_a_404() {
        let reply = neon().handle(at(0), &Request::GetAccount(AccountId(101)));
        assert_eq!(reply.response.status, Status::NOT_FOUND);
    }
}
