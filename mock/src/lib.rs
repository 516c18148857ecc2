//! A faithful, configurable mock of the Neon CRM API v2, for tests of its clients.
//!
//! It serves the accounts and custom fields of a synthetic organisation, with Neon's limits, error
//! codes and service times. The same seed gives the same organisation.
//!
//! # A test of your client
//!
//! ```
//! use neon_mock::{NeonMock, profile::Profile};
//!
//! # /*
//! #[tokio::test]
//! # */
//! async fn my_client_meets_a_small_pool_and_a_fault() {
//!     // Reads of 200 ms, two at a time; the first one fails.
//!     let profile = Profile::built_in("constant").unwrap().with_pool(2.try_into().unwrap());
//!     let neon = NeonMock::builder().profile(profile).accounts(50).seed(1).start().await;
//!     neon.fail_next(503);
//!
//!     // The client under test: `base_url` is http://127.0.0.1:PORT/v2.
//!     let (org_id, api_key) = neon.credentials();
//!     let client = MyClient::new(neon.base_url(), org_id, api_key);
//!     let names = client.names(&[1, 2, 3]).await;
//!
//!     // Its result, and how it got it.
//!     assert_eq!(names.len(), 3);
//!     let calls = neon.calls();
//!     assert_eq!((calls.failed(), calls.rejected()), (1, 0), "it kept to two at a time");
//!     assert_eq!(calls.total(), 4, "it repeated the call that failed, and no other");
//! }
//! # struct MyClient { base_url: String, org_id: String, api_key: String }
//! # impl MyClient {
//! #     fn new(base_url: String, org_id: &str, api_key: &str) -> Self {
//! #         Self { base_url, org_id: org_id.to_owned(), api_key: api_key.to_owned() }
//! #     }
//! #     async fn name(&self, id: u64) -> String {
//! #         let url = format!("{}/accounts/{id}", self.base_url);
//! #         loop {
//! #             let call = reqwest::Client::new().get(&url).basic_auth(&self.org_id, Some(&self.api_key));
//! #             let answer = call.send().await.unwrap();
//! #             if answer.status() == 200 { return answer.text().await.unwrap(); }
//! #         }
//! #     }
//! #     async fn names(&self, ids: &[u64]) -> Vec<String> {
//! #         let (one, two) = tokio::join!(self.name(ids[0]), self.name(ids[1]));
//! #         vec![one, two, self.name(ids[2]).await]
//! #     }
//! # }
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() {
//! #     rustls::crypto::ring::default_provider().install_default().ok();
//! #     my_client_meets_a_small_pool_and_a_fault().await;
//! # }
//! ```
//!
//! # What a test can look at
//!
//! The mock is the organisation as well: a test reads the accounts themselves, whatever the client was answered.
//!
//! ```
//! use neon_mock::NeonMock;
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), reqwest::Error> {
//! # rustls::crypto::ring::default_provider().install_default().ok();
//! let neon = NeonMock::builder().profile("unlimited").accounts(50).seed(1).start().await;
//! let (org_id, api_key) = neon.credentials();
//!
//! // The code under test writes to `neon.base_url()`, which is http://127.0.0.1:PORT/v2.
//! let answer = reqwest::Client::new()
//!     .patch(format!("{}/accounts/7", neon.base_url()))
//!     .basic_auth(org_id, Some(api_key))
//!     .body(r#"{"individualAccount": {"accountCustomFields": [{"id": "88", "value": "new"}]}}"#)
//!     .send()
//!     .await?;
//! assert_eq!(answer.status(), 200);
//!
//! // The test looks at the result.
//! let account = neon.account(7).expect("there are fifty");
//! let target = account.body.custom_field("T-1").expect("it was filled");
//! assert_eq!(target.value.as_deref(), Some("new"));
//! assert_eq!(neon.calls().total(), 1);
//! # Ok(())
//! # }
//! // Dropping `neon` stops the server and cuts calls in flight.
//! ```
//!
//! Calls without the credentials are answered 401 and counted by [`NeonMock::unauthorized`]; the
//! defaults are `demo` and `demo`.
//!
//! # Limits
//!
//! Neon limits the calls in flight per endpoint. The default profile `documented` has the limits of
//! Neon's documentation and log-normal service times; `per-second` reads the same page as calls per
//! second; `constant` has the limits of `documented` and constant times, for exact tests: the sixth
//! GET in flight is refused.
//!
//! ```
//! use neon_mock::NeonMock;
//! use neon_mock::api::Endpoint;
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() {
//! # rustls::crypto::ring::default_provider().install_default().ok();
//! let neon = NeonMock::builder().profile("constant").start().await;
//! let client = reqwest::Client::new();
//! let status = async |id: u64| {
//!     let request = client.get(format!("{}/accounts/{id}", neon.base_url()));
//!     request.basic_auth("demo", Some("demo")).send().await.unwrap().status().as_u16()
//! };
//! let answers =
//!     tokio::join!(status(1), status(2), status(3), status(4), status(5), status(6));
//! let refused = <[u16; 6]>::from(answers).iter().filter(|&&status| status == 429).count();
//! assert_eq!(refused, 1);
//! assert_eq!(neon.calls().of(Endpoint::GetAccount).rejected, 1);
//!
//! // The profile can be changed while the mock runs.
//! neon.set_profile("unlimited");
//! # }
//! ```
//!
//! # A profile of your own
//!
//! A profile is TOML, like the commented built-in ones in [`profile::BUILT_IN`]: here pools of two
//! calls, and one fault.
//!
//! ```
//! use neon_mock::NeonMock;
//! use neon_mock::profile::Profile;
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() {
//! # rustls::crypto::ring::default_provider().install_default().ok();
//! let text = r#"
//! schema = 1
//!
//! [limits]
//! pool = 2                  # calls in flight that each endpoint admits
//!
//! [service]                 # how long a call takes
//! get = { law = "constant", time = "100ms" }
//! patch = { law = "log-normal", median = "150ms", p99 = "600ms", max = "2s" }
//! put = { law = "constant", time = "100ms" }
//! search = { law = "constant", time = "100ms" }
//! metadata = { law = "constant", time = "100ms" }
//!
//! [[faults]]                # the first read of account 3 is answered 503
//! status = 503
//! endpoints = ["GET /accounts/{id}"]
//! records = [3]
//! first = 1
//! "#;
//! let profile = Profile::from_toml("two.toml", text).expect("it is a profile");
//! let neon = NeonMock::builder().profile(profile).start().await;
//!
//! let client = reqwest::Client::new();
//! let status = async |id: u64| {
//!     let request = client.get(format!("{}/accounts/{id}", neon.base_url()));
//!     request.basic_auth("demo", Some("demo")).send().await.unwrap().status().as_u16()
//! };
//! // The third of three at once is one too many.
//! let mut answers = <[u16; 3]>::from(tokio::join!(status(1), status(1), status(2)));
//! answers.sort_unstable();
//! assert_eq!(answers, [200, 200, 429]);
//! assert_eq!([status(3).await, status(3).await], [503, 200]);
//! # }
//! ```
//!
//! # Failures
//!
//! ```
//! # use neon_mock::NeonMock;
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), reqwest::Error> {
//! # rustls::crypto::ring::default_provider().install_default().ok();
//! let neon = NeonMock::builder().profile("unlimited").start().await;
//! neon.fail_next(503);
//! let url = format!("{}/accounts/1", neon.base_url());
//! let get = || reqwest::Client::new().get(&url).basic_auth("demo", Some("demo")).send();
//! assert_eq!(get().await?.status(), 503);
//! assert_eq!(get().await?.status(), 200);
//! # Ok(())
//! # }
//! ```
//!
//! Beyond statuses, [`NeonMock::fault_next`] spoils the delivery of an answer: the connection is
//! reset, the body is empty, truncated, malformed or slow, or no answer comes (the connection is held
//! for two minutes, or for as long as [`behaviour::Behaviour::timeout_hold`] says). See
//! [`fault::FaultKind`].
//!
//! [`NeonMock::add_fault`] fails calls by rule, such as the first two writes of account 7:
//!
//! ```
//! # use neon_mock::NeonMock;
//! use neon_mock::profile::WireFault;
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() {
//! let neon = NeonMock::builder().profile("unlimited").start().await;
//! neon.add_fault(&WireFault {
//!     status: Some(429),
//!     endpoints: vec!["PATCH /accounts/{id}".to_owned()],
//!     records: vec![7],
//!     first: Some(2),
//!     ..WireFault::default()
//! });
//! # }
//! ```
//!
//! The same tables are part of a profile. The profile `flaky` fails one call in fifty, in every way
//! from a 500 to a truncated body, and [`Neon::faults`] counts faults by kind.
//!
//! # While it runs
//!
//! Clients on the same machine can inspect and control the mock below `/__mock/`, with
//! `Authorization: Bearer` and [`NeonMock::admin_token`]. Requests and answers are JSON; errors are
//! arrays like Neon's.
//!
//! | route | does |
//! |---|---|
//! | `GET health` | liveness and uptime; needs no token |
//! | `GET state` | digest of the organisation, accounts, changed accounts, profile |
//! | `GET counters` | calls by endpoint as the server counted them: admitted, rejected, failed; beside them unauthorized, undecodable, in flight |
//! | `GET histograms` | response times of admitted calls from arrival to hand-over, by endpoint: quantiles in ns, and a line of an HDR histogram log (version 2) |
//! | `GET journal?limit=N` | the latest calls, newest first: time, verb, path, query, body, status, error, drawn and measured response time; values of queries and bodies only with `&values=true` |
//! | `GET openapi.json` | these routes in OpenAPI 3.1; needs no token |
//! | `POST reset` | organisation, profile, counters and limits as at the start; `{"seed": 7}`: as another seed makes them |
//! | `POST snapshot` | keeps the state, under a name: `{"name": "full"}`; at most 16 |
//! | `POST restore` | goes back to a snapshot; journal and response times begin anew |
//! | `POST faults` | `{"kinds": ["timeout", …]}` or `{"statuses": [503, …]}`: how the next calls go wrong; `{"tables": [{"status": 429, "endpoints": ["PATCH /accounts/{id}"], "records": [7], "first": 2}]}`: calls that go wrong by rule, as `[[faults]]` of a profile |
//! | `POST profile` | `{"name": "constant"}`, a built-in profile, or any other as TOML, from now on |
//! | `POST shutdown` | stops the server; calls in flight are cut ([`NeonMock::stopped`]) |
//!
//! # Clients that misbehave
//!
//! Bodies above 1 MiB are answered 413, writes with another content type than JSON 415, malformed
//! JSON 400, heads above 32 KiB or 100 headers 431. A head that does not arrive within
//! [`NeonMockBuilder::patience`] ends the connection; a body that does not is answered 408.
//! At most 8,192 connections are open at once; more wait.
//!
//! # Beside your own expectations
//!
//! With the feature `wiremock` the same mock answers from within a `wiremock::MockServer`. The test's
//! own expectations take precedence.
//!
//! ```
//! use neon_mock::NeonMock;
//! use wiremock::matchers::{method, path};
//! use wiremock::{Mock, MockServer, ResponseTemplate};
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), reqwest::Error> {
//! # rustls::crypto::ring::default_provider().install_default().ok();
//! let server = MockServer::start().await;
//! let neon = NeonMock::builder().profile("unlimited").start().await;
//! neon.mount_on(&server).await;
//! Mock::given(method("POST"))
//!     .and(path("/hook"))
//!     .respond_with(ResponseTemplate::new(202))
//!     .expect(1)
//!     .mount(&server)
//!     .await;
//!
//! let client = reqwest::Client::new();
//! let account = client.get(format!("{}/v2/accounts/1", server.uri()));
//! assert_eq!(account.basic_auth("demo", Some("demo")).send().await?.status(), 200);
//! assert_eq!(client.post(format!("{}/hook", server.uri())).send().await?.status(), 202);
//! # Ok(())
//! # }
//! ```
//!
//! # Without HTTP
//!
//! [`Neon`] is the whole mock as a pure function of time: it takes the time of each call and returns
//! the answer and its time. It opens no socket, reads no clock and never sleeps, so an hour of calls
//! takes milliseconds, and the same calls at the same times get the same answers.
//!
//! ```
//! use neon_mock::Neon;
//! use neon_mock::api::{AccountId, Request, Status};
//! use neon_mock::dataset::Dataset;
//! use neon_mock::org::Organisation;
//! use neon_mock::profile::Profile;
//! use neon_mock::time::Timestamp;
//! use std::time::Duration;
//!
//! let dataset = Dataset::built_in("plain", 3).expect("a built-in dataset");
//! let profile = Profile::built_in("constant").expect("a built-in profile");
//! let mut neon = Neon::new(profile, Organisation::new(&dataset, 1_000_000, 1), 1);
//!
//! let now = Timestamp::ZERO + Duration::from_secs(3600);
//! let reply = neon.handle(now, &Request::GetAccount(AccountId(900_000)));
//! assert_eq!(reply.response.status, Status::OK);
//! assert_eq!(reply.ready_at.since(now), Duration::from_millis(200));
//! ```
//!
//! # Features
//!
//! | feature | gives | brings |
//! |---|---|---|
//! | `server` (default) | [`NeonMock`]: the mock over HTTP | hyper, tokio |
//! | `wiremock` | `NeonMock::mount_on`, `NeonResponder` | wiremock, and `server` |
//! | neither | [`Neon`] and the wire types | no tokio, no hyper, no HTTP client |
//!
//! # Deliberately absent
//!
//! - Writes to anything but accounts and webhooks: custom fields, their options and groups, and properties are
//!   read-only look-ups, which clients make when they start (`OPERATIONS.md` lists
//!   every operation).
//! - Deleting accounts; contacts below accounts; linking people to companies.
//! - Other record types: donations, events, memberships and so on.
//! - OAuth, TLS, answers as versions before 2.11 had them.
//! - Rate-limit headers: none were ever seen from Neon. A profile can add `Retry-After`.
//! - Any knowledge of what its callers are doing.

// The front page is about the server; without it some of its links lead nowhere.
#![cfg_attr(not(feature = "server"), allow(rustdoc::broken_intra_doc_links))]

pub mod api;
pub mod behaviour;
pub mod bounds;
#[cfg(feature = "server")]
mod builder;
#[cfg(feature = "server")]
mod credentials;
pub mod dataset;
pub mod fault;
pub mod file;
pub mod integration;
pub mod limit;
#[cfg(feature = "server")]
mod live;
#[cfg(feature = "server")]
mod mishap;
mod named;
mod neon;
#[cfg(feature = "server")]
mod neon_mock;
pub mod org;
pub mod profile;
pub mod rng;
#[cfg(feature = "server")]
mod served;
#[cfg(feature = "server")]
mod server;
pub mod service;
pub mod staff;
pub mod time;
#[cfg(feature = "server")]
mod wall_clock;
pub mod webhooks;
#[cfg(feature = "wiremock")]
mod wiremock;

#[cfg(feature = "server")]
pub use builder::{BuiltInOr, NeonMockBuilder, StartError};
#[cfg(feature = "server")]
pub use live::BASE_PATH;
#[cfg(feature = "server")]
pub use mishap::{Mishap, Mishaps};
pub use neon::{Calls, EndpointCalls, Neon, Reply};
#[cfg(feature = "server")]
pub use neon_mock::NeonMock;
#[cfg(feature = "server")]
pub use served::ServedCall;
#[cfg(feature = "server")]
pub use server::ServeError;
#[cfg(feature = "wiremock")]
pub use wiremock::NeonResponder;
