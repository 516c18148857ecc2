//! The mock itself: `handle(now, request) -> Reply { response, ready_at, delivery }`.
//!
//! It opens no socket, reads no clock and never sleeps. A shell says what time it is and does the
//! waiting. A call takes effect when it is admitted, and holds its slot until it is ready.

mod at_work;

use crate::api::{AccountId, ApiError, Body, Class, Endpoint, Request, Response, Status};
use crate::fault::{Delivery, Order, Ordered};
use crate::limit::{Admission, Pool};
use crate::org::{Organisation, SearchError, WriteError};
use crate::profile::Profile;
use crate::rng::{self, Generator};
use crate::time::Timestamp;
use at_work::AtWork;

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
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Calls([EndpointCalls; Endpoint::ALL.len()]);

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
    pools: [Pool; Endpoint::ALL.len()],
    service: [Generator; Endpoint::ALL.len()],
    ordered: Ordered,
    calls: Calls,
    last_now: Timestamp,
    staff: Option<Box<AtWork>>,
}

impl Neon {
    /// `organisation` behind the limits and service times of `profile`, which are drawn from
    /// streams of `seed`, one for each endpoint.
    pub fn new(profile: Profile, organisation: Organisation, seed: u64) -> Self {
        Self {
            pools: Endpoint::ALL.map(|endpoint| Pool::new(profile.pool(endpoint))),
            service: Endpoint::ALL
                .map(|endpoint| rng::stream(seed, &format!("service/{}", endpoint.name()))),
            ordered: Ordered::default(),
            calls: Calls::default(),
            last_now: Timestamp::ZERO,
            staff: AtWork::new(&profile, &organisation, seed),
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
        self.last_now = now;
        self.let_staff_work(now);
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
        let (response, delivery) = match self.ordered.take() {
            Some(order) => self.fail(now, request, order),
            None => (self.carry_out(now, request), Delivery::Whole),
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
        self.pools = Endpoint::ALL.map(|endpoint| Pool::new(profile.pool(endpoint)));
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
        let carried_out = kind.is_applied().then(|| self.carry_out(now, request));
        let silence = Response { status: Status::OK, body: Body::Empty };
        (kind.answer().or(carried_out).unwrap_or(silence), kind.delivery())
    }

    fn answer(&mut self, now: Timestamp, request: &Request) -> Response {
        let organisation = &mut self.organisation;
        match request {
            Request::GetAccount(id) => match organisation.account(*id) {
                Some(account) => Response::ok(Body::Account(Box::new(account))),
                None => unknown_account(*id),
            },
            Request::PatchAccount(id, account) => {
                written(*id, organisation.patch(now, *id, account))
            }
            Request::PutAccount(id, account) => written(*id, organisation.put(now, *id, account)),
            Request::ListAccounts(list) => Response::ok(Body::Accounts(organisation.list(list))),
            Request::SearchAccounts(search) => {
                searched(organisation.search(search).map(Body::Search))
            }
            Request::SearchFields => Response::ok(Body::SearchFields(organisation.search_fields())),
            Request::OutputFields => Response::ok(Body::OutputFields(organisation.output_fields())),
            Request::ListCustomFields(category) => {
                Response::ok(Body::CustomFields(match category {
                    crate::api::Category::Account => organisation.definitions().clone(),
                    _ => std::sync::Arc::from([]),
                }))
            }
            Request::GetCustomField(id) => {
                let mut definitions = organisation.definitions().iter();
                definitions.find(|field| field.id == *id).map_or_else(
                    || {
                        let error = ApiError::new(51, format!("custom field {id} does not exist"));
                        Response::error(Status::NOT_FOUND, error)
                    },
                    |field| Response::ok(Body::CustomField(Box::new(field.clone()))),
                )
            }
        }
    }
}

fn unknown_account(id: AccountId) -> Response {
    Response::error(Status::NOT_FOUND, ApiError::new(1, format!("account {id} does not exist")))
}

fn written(id: AccountId, result: Result<(), WriteError>) -> Response {
    match result {
        Ok(()) => Response::ok(Body::AccountId(id)),
        Err(WriteError::UnknownAccount) => unknown_account(id),
        Err(error) => Response::error(Status::BAD_REQUEST, error.api_error()),
    }
}

fn searched(result: Result<Body, SearchError>) -> Response {
    match result {
        Ok(body) => Response::ok(body),
        Err(error) => Response::error(Status::BAD_REQUEST, error.api_error()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
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
