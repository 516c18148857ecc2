//! Admin routes outside the API: `/__mock/…`.
//!
//! JSON in, JSON out, errors as arrays like Neon's. Only clients on this machine are answered, and
//! all but `health` and `openapi.json` ask for the mock's own token: `Authorization: Bearer TOKEN`.
//! Deliberately absent: the organisation's credentials, and headers of calls.

mod report;
mod route;

use super::body::{self, BodyError};
use super::response::{ResponseBody, respond_at_once};
use super::shared::Connection;
use crate::api::{ApiError, Response, Status};
use crate::fault::{Fault, FaultKind};
use crate::file::Member;
use crate::live::{Answer, MAX_SNAPSHOTS, caught};
use crate::neon::Neon;
use crate::profile::{BUILT_IN, Profile, WireFault};
use hyper::Request;
use hyper::body::Incoming;
use hyper::header::{AUTHORIZATION, CONNECTION, HeaderValue, WWW_AUTHENTICATE};
use route::Route;
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};
use std::borrow::Cow;
use std::net::SocketAddr;

/// Path prefix.
const BASE_PATH: &str = "/__mock/";

/// Default number of journal entries shown.
const JOURNAL_LIMIT: usize = 100;

/// Maximum number of faults per request.
const MAX_FAULTS: usize = 10_000;

/// True for paths of the admin routes.
pub(super) fn is_below(path: &str) -> bool {
    path.starts_with(BASE_PATH)
}

/// Answers an admin request, without delay.
pub(super) async fn answer(
    connection: &Connection,
    request: Request<Incoming>,
) -> hyper::Response<ResponseBody> {
    let (head, incoming) = request.into_parts();
    let body = match body::read(incoming, connection.shell.terms.patience).await {
        Ok(body) => body,
        Err(BodyError::Refused(refused)) => return refused.into_response(),
        Err(BodyError::Lost) => return refusal(400, "the body broke off"),
    };
    let path = head.uri.path();
    let ask = AdminRequest {
        verb: head.method.as_str(),
        path: &path[BASE_PATH.len()..],
        query: head.uri.query().unwrap_or_default(),
        token: head.headers.get(AUTHORIZATION).map(HeaderValue::as_bytes),
        body: &body,
    };
    let answered = match caught(|| ask.answer(connection)) {
        Ok(answered) => answered,
        Err(bug) => return respond_at_once(Answer::at_once(&bug)),
    };
    match answered {
        Ok(value) => {
            let mut response = json_response(200, value.to_string().into_bytes());
            if ask.path == Route::Shutdown.path() {
                // The connection ends with this answer, and the server with the connection.
                response.headers_mut().insert(CONNECTION, HeaderValue::from_static("close"));
            }
            response
        }
        Err((status, message)) => refusal(status, message),
    }
}

/// Status and message of an error.
type Refusal = (u16, String);

/// An admin request.
struct AdminRequest<'a> {
    verb: &'a str,
    /// Below the base path.
    path: &'a str,
    query: &'a str,
    token: Option<&'a [u8]>,
    body: &'a [u8],
}

/// `POST faults`: ways in which the next calls fail, and tables that choose calls by rule.
#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct OrderedFaults {
    kinds: Vec<FaultKind>,
    statuses: Vec<u16>,
    tables: Vec<WireFault>,
}

/// `POST profile`.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct ProfileByName {
    name: String,
}

/// `POST reset`.
#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct ResetOrder {
    seed: Option<u64>,
}

/// `POST snapshot` and `POST restore`.
#[derive(Deserialize)]
#[serde(deny_unknown_fields, default)]
struct Named {
    name: String,
}

impl Default for Named {
    fn default() -> Self {
        Self { name: "default".to_owned() }
    }
}

impl AdminRequest<'_> {
    fn answer(&self, connection: &Connection) -> Result<Value, Refusal> {
        if !is_own_machine(connection.peer) {
            return Err((403, "only clients on the mock's own machine".to_owned()));
        }
        let shell = &*connection.shell;
        let route = Route::of(self.verb, self.path);
        if !route.is_some_and(Route::is_open) {
            self.check_token(&shell.terms.admin_token)?;
        }
        match route.ok_or_else(|| self.unknown())? {
            Route::Health => Ok(report::health(shell)),
            Route::OpenApi => Ok(route::description()),
            Route::State => Ok(report::state(&shell.live)),
            Route::Counters => Ok(report::counters(shell)),
            Route::Histograms => Ok(report::histograms(&shell.live)),
            Route::Journal => {
                let shows_values = self.parameter("values").is_some_and(|text| text == "true");
                Ok(report::journal(&shell.live, self.limit()?, shows_values))
            }
            Route::Reset => {
                let ResetOrder { seed } = self.json_if_any()?;
                Ok(json!({ "seed": shell.live.reset(seed) }))
            }
            Route::Snapshot => {
                let Named { name } = self.json_if_any()?;
                let kept = shell.live.keep_snapshot(&name);
                kept.map_err(|_| (400, format!("at most {MAX_SNAPSHOTS} snapshots are kept")))?;
                Ok(json!({ "snapshot": name }))
            }
            Route::Restore => {
                let Named { name } = self.json_if_any()?;
                shell.live.restore(&name).map_err(|known| unknown_snapshot(&name, &known))?;
                Ok(json!({ "snapshot": name }))
            }
            Route::Faults => self.json::<OrderedFaults>()?.order(&mut shell.live.neon()),
            Route::Profile => {
                let profile = self.profile()?;
                let name = profile.name().to_owned();
                shell.live.neon().set_profile(profile);
                Ok(json!({ "profile": name }))
            }
            Route::Shutdown => {
                connection.shut_down_after();
                Ok(json!({ "in_flight": report::in_flight(shell) }))
            }
        }
    }

    /// A built-in profile by `{"name": …}`, or any other as TOML.
    fn profile(&self) -> Result<Profile, Refusal> {
        if self.body.trim_ascii_start().starts_with(b"{") {
            let ProfileByName { name } = self.json()?;
            return Profile::built_in(&name).ok_or_else(|| unknown_profile(&name));
        }
        let text =
            std::str::from_utf8(self.body).map_err(|error| (400, format!("body: {error}")))?;
        Profile::from_toml("posted", text).map_err(|error| (400, in_full(&error)))
    }

    fn check_token(&self, token: &str) -> Result<(), Refusal> {
        let given = self.token.and_then(|header| header.strip_prefix(b"Bearer "));
        if given == Some(token.as_bytes()) {
            return Ok(());
        }
        Err((401, "the admin token is required: Authorization: Bearer TOKEN".to_owned()))
    }

    /// The parameter `wanted` of the query.
    fn parameter(&self, wanted: &str) -> Option<Cow<'_, str>> {
        let mut parameters = form_urlencoded::parse(self.query.as_bytes());
        parameters.find(|(name, _)| name == wanted).map(|(_, text)| text)
    }

    fn limit(&self) -> Result<usize, Refusal> {
        let Some(text) = self.parameter("limit") else { return Ok(JOURNAL_LIMIT) };
        text.parse().map_err(|_| (400, format!("parameter limit cannot be `{text}`")))
    }

    fn json<T: DeserializeOwned>(&self) -> Result<T, Refusal> {
        serde_json::from_slice(self.body).map_err(|error| (400, format!("body: {error}")))
    }

    /// The body as JSON; the default where there is none.
    fn json_if_any<T: DeserializeOwned + Default>(&self) -> Result<T, Refusal> {
        if self.body.trim_ascii().is_empty() { Ok(T::default()) } else { self.json() }
    }

    fn unknown(&self) -> Refusal {
        if Route::ALL.into_iter().any(|route| route.path() == self.path) {
            return (405, format!("{BASE_PATH}{} does not take {}", self.path, self.verb));
        }
        let paths = |verb: &str| {
            let routes = Route::ALL.into_iter().filter(|route| route.verb() == verb);
            routes.map(Route::path).collect::<Vec<_>>().join(", ")
        };
        let (get, post) = (paths("GET"), paths("POST"));
        (404, format!("nothing at {BASE_PATH}{}: GET {get}; POST {post}", self.path))
    }
}

impl OrderedFaults {
    /// Checks all, then orders all of `neon`.
    fn order(self, neon: &mut Neon) -> Result<Value, Refusal> {
        let Self { kinds, statuses, tables } = self;
        let ordered = kinds.len() + statuses.len();
        if ordered + tables.len() > MAX_FAULTS {
            return Err((400, format!("at most {MAX_FAULTS} faults at once")));
        }
        if let Some(status) = statuses.iter().find(|status| !(200..=999).contains(*status)) {
            return Err((400, format!("a call cannot be answered with status {status}")));
        }
        let checked = tables
            .iter()
            .enumerate()
            .map(|(position, table)| table.checked(&Member::top("tables").index(position)));
        let checked: Vec<Fault> =
            checked.collect::<Result<_, _>>().map_err(|error| (400, in_full(&error)))?;
        for kind in kinds {
            neon.fail_next(kind);
        }
        for status in statuses {
            neon.fail_next(Status(status));
        }
        for fault in checked {
            neon.add_fault(fault);
        }
        Ok(json!({ "ordered": ordered, "tables": tables.len() }))
    }
}

/// An error with its causes.
fn in_full(error: &dyn std::error::Error) -> String {
    let causes = std::iter::successors(error.source(), |cause| cause.source());
    causes.fold(error.to_string(), |text, cause| format!("{text}: {cause}"))
}

/// True for clients on this machine, also with IPv4-mapped IPv6 addresses.
fn is_own_machine(peer: SocketAddr) -> bool {
    peer.ip().to_canonical().is_loopback()
}

fn unknown_profile(name: &str) -> Refusal {
    let known: Vec<String> = BUILT_IN.iter().map(|(name, _)| format!("`{name}`")).collect();
    (400, format!("there is no built-in profile `{name}`; there are {}", known.join(", ")))
}

fn unknown_snapshot(name: &str, known: &[String]) -> Refusal {
    let known: Vec<String> = known.iter().map(|name| format!("`{name}`")).collect();
    let known = if known.is_empty() { "none".to_owned() } else { known.join(", ") };
    (404, format!("there is no snapshot `{name}`; there are {known}"))
}

fn refusal(status: u16, message: impl Into<String>) -> hyper::Response<ResponseBody> {
    let response = Response::error(Status(status), ApiError::new(1, message));
    let mut response = respond_at_once(Answer::at_once(&response));
    if let Some(challenge) = response.headers_mut().get_mut(WWW_AUTHENTICATE) {
        // The organisation's credentials are no help here.
        *challenge = HeaderValue::from_static("Bearer");
    }
    response
}

fn json_response(status: u16, body: Vec<u8>) -> hyper::Response<ResponseBody> {
    respond_at_once(Answer::of_json(Status(status), body))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_this_machine_is_this_machine() {
        for (peer, own) in [
            ("127.0.0.1:1", true),
            ("127.8.9.1:1", true),
            ("[::1]:1", true),
            ("[::ffff:127.0.0.1]:1", true),
            ("192.168.0.7:1", false),
            ("[::ffff:10.0.0.1]:1", false),
            ("[2001:db8::1]:1", false),
        ] {
            assert_eq!(is_own_machine(peer.parse().unwrap()), own, "{peer}");
        }
    }
}
