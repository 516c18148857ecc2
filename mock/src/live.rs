//! The mock on the wall clock, shared by both HTTP shells.
//!
//! Base path, authentication, decoding and encoding are settled here, so that a call is answered
//! alike whichever shell it comes through. A shell does the waiting, and says when it has done it.

mod snapshots;

pub(crate) use snapshots::{MAX_SNAPSHOTS, TooManySnapshots};

use crate::api::http::{InvalidRequest, decode_by, response_body};
use crate::api::{ApiError, Endpoint, Request, Response, Status};
use crate::credentials::OrgCredentials;
use crate::fault::Delivery;
use crate::mishap::{MishapLog, Mishaps};
use crate::neon::Neon;
use crate::served::{Served, ServedCall, journal_path, journal_text};
use crate::time::Timestamp;
use crate::wall_clock;
use crate::webhooks::WebhookPost;
use compact_str::CompactString;
use snapshots::{NeonSnapshot, Snapshots};
use std::borrow::Cow;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

/// Base path of the API: `GET /v2/accounts/1`.
pub const BASE_PATH: &str = "/v2";

/// The challenge of a 401, without which some clients never send their credentials. Source: RFC 9110,
/// section 11.6.1.
const CHALLENGE: &str = "Basic realm=\"Neon CRM\"";

/// The header that names the version a client was written for.
pub(crate) const VERSION_HEADER: &str = "neon-api-version";

/// Latest minor version of API 2.
const LATEST_MINOR: u8 = 11;

/// Content type of all bodies but malformed ones.
const JSON: &str = "application/json";

/// The body of an answer that is no JSON: what a proxy in front of Neon would send.
const NO_JSON: &str = "<!DOCTYPE html>\n<html><head><title>Neon CRM</title></head>\
                       <body><h1>We'll be right back</h1></body></html>\n";

/// Hears of each call once it is answered.
pub(crate) type CallObserver = dyn Fn(&ServedCall) + Send + Sync;

/// One mock, its credentials, and the instant at which its time began.
pub(crate) struct Live {
    neon: Mutex<Neon>,
    /// The mock as it was at the start, for a reset.
    initial: Box<Neon>,
    snapshots: Mutex<Snapshots>,
    credentials: OrgCredentials,
    started: Instant,
    /// The mock's time at `started`: it may have answered calls in virtual time before.
    offset: Timestamp,
    served: Mutex<Served>,
    /// True if calls are noted for the journal or the observer.
    journals: bool,
    observer: Option<Arc<CallObserver>>,
    mishaps: Mutex<MishapLog>,
    unauthorized: AtomicU64,
    undecodable: AtomicU64,
}

/// A call as a shell receives it.
pub(crate) struct ReceivedCall<'a> {
    pub(crate) verb: &'a str,
    /// With the base path.
    pub(crate) path: &'a str,
    pub(crate) query: Option<&'a str>,
    pub(crate) authorization: Option<&'a [u8]>,
    pub(crate) content_type: Option<&'a [u8]>,
    /// Value of [`VERSION_HEADER`].
    pub(crate) version: Option<&'a [u8]>,
    pub(crate) body: &'a [u8],
}

/// An answer for a shell to send.
pub(crate) struct Answer {
    pub(crate) status: Status,
    /// Empty if there is none.
    pub(crate) body: Vec<u8>,
    /// Content type; `None` if the answer has no body.
    pub(crate) content_type: Option<&'static str>,
    /// When to send it; `None` at once.
    pub(crate) ready_at: Option<Instant>,
    /// Delivery; its effect on the body has been applied.
    pub(crate) delivery: Delivery,
    /// `Retry-After`.
    pub(crate) retry_after: Option<Duration>,
    /// Posts of webhooks that the call fired.
    pub(crate) posts: Vec<WebhookPost>,
    arrived_at: Instant,
    /// Endpoint of the call, if it was admitted.
    admitted: Option<Endpoint>,
    /// The request for the journal, if there is one.
    line: Option<Box<JournalLine>>,
}

/// A request as the journal keeps it.
struct JournalLine {
    verb: CompactString,
    path: CompactString,
    query: Option<Box<str>>,
    body: Option<Box<str>>,
    /// Body of an answer that is no success.
    error: Option<Box<str>>,
}

impl JournalLine {
    fn new(call: &ReceivedCall<'_>) -> Self {
        Self {
            verb: call.verb.into(),
            path: journal_path(call.path),
            query: call.query.and_then(|query| journal_text(query.as_bytes())),
            body: journal_text(call.body),
            error: None,
        }
    }
}

impl Answer {
    /// `response`, at once.
    pub(crate) fn at_once(response: &Response) -> Self {
        Self::of_json(response.status, response_body(response))
    }

    /// `status` with a body that is JSON already, at once.
    pub(crate) fn of_json(status: Status, body: Vec<u8>) -> Self {
        Self {
            status,
            content_type: (!body.is_empty()).then_some(JSON),
            body,
            ready_at: None,
            delivery: Delivery::Whole,
            retry_after: None,
            posts: Vec::new(),
            arrived_at: wall_clock::now(),
            admitted: None,
            line: None,
        }
    }

    /// The value of the WWW-Authenticate header, if there is one.
    pub(crate) fn challenge(&self) -> Option<&'static str> {
        (self.status == Status::UNAUTHORIZED).then_some(CHALLENGE)
    }

    /// The value of the Retry-After header, in whole seconds.
    pub(crate) fn retry_after_s(&self) -> Option<u64> {
        self.retry_after.map(|wait| wait.as_secs() + u64::from(wait.subsec_nanos() > 0))
    }
}

impl Live {
    /// Starts the clock of `neon`, with a journal of `journal` calls.
    pub(crate) fn new(
        neon: Neon,
        credentials: OrgCredentials,
        journal: usize,
        observer: Option<Arc<CallObserver>>,
    ) -> Self {
        Self {
            offset: neon.last_call_at(),
            initial: Box::new(neon.clone()),
            snapshots: Mutex::default(),
            neon: Mutex::new(neon),
            credentials,
            started: wall_clock::now(),
            served: Mutex::new(Served::new(journal)),
            journals: journal > 0 || observer.is_some(),
            observer,
            mishaps: Mutex::default(),
            unauthorized: AtomicU64::new(0),
            undecodable: AtomicU64::new(0),
        }
    }

    /// Answers `call`, which arrives now.
    ///
    /// Only a call that is authenticated and makes sense reaches the pools. A panic, which is a bug of ours, answers
    /// 500.
    pub(crate) fn answer(&self, call: &ReceivedCall<'_>) -> Answer {
        caught(|| self.answered(call)).unwrap_or_else(|bug| Answer::at_once(&bug))
    }

    fn answered(&self, call: &ReceivedCall<'_>) -> Answer {
        let line = self.journals.then(|| Box::new(JournalLine::new(call)));
        let request = match self.request(call) {
            Ok(request) => request,
            Err(response) => {
                self.note_refused(call, &response);
                return Answer { line, ..Answer::at_once(&response) };
            }
        };
        let mut neon = self.neon();
        // The mock takes calls in order of time, so the clock is read under its lock.
        let arrived_at = wall_clock::now();
        let reply = neon.handle(self.offset + (arrived_at - self.started), &request);
        let posts = neon.take_posts();
        drop(neon);
        self.mishap_log().answered(&request, &reply.response);
        let refused = reply.response.status == Status::TOO_MANY_REQUESTS;
        let (body, content_type) = delivered(response_body(&reply.response), reply.delivery);
        Answer {
            status: reply.response.status,
            body,
            content_type,
            ready_at: Some(self.instant(reply.ready_at)),
            delivery: reply.delivery,
            retry_after: reply.response.retry_after,
            posts,
            arrived_at,
            admitted: (!refused).then_some(request.endpoint()),
            line,
        }
    }

    fn note_refused(&self, call: &ReceivedCall<'_>, response: &Response) {
        let mut log = self.mishap_log();
        if below_base(&single_slashes(call.path)).is_some() {
            log.refused(call.verb, call.path, response);
        } else {
            log.outside(call.verb, call.path);
        }
    }

    fn mishap_log(&self) -> MutexGuard<'_, MishapLog> {
        recovered(&self.mishaps)
    }

    /// The mishaps so far, by cause.
    pub(crate) fn mishaps(&self) -> Mishaps {
        self.mishap_log().found()
    }

    fn request(&self, call: &ReceivedCall<'_>) -> Result<Request, Response> {
        let path = single_slashes(call.path);
        let path = below_base(&path).ok_or_else(|| outside_base(call.path))?;
        self.credentials.check(call.authorization).inspect_err(|_| {
            self.unauthorized.fetch_add(1, Ordering::Relaxed);
        })?;
        let strictness = self.neon().profile().behaviour().strictness();
        let decoded = check_version(call.version)
            .and_then(|()| decode_by(strictness, call.verb, path, call.query, call.body));
        readable(call, decoded).map_err(|refused| {
            self.undecodable.fetch_add(1, Ordering::Relaxed);
            refused.into()
        })
    }

    /// Notes that `answer` is handed over now, or that its call is now left without one. Where an observer panics,
    /// the answer becomes a 500.
    pub(crate) fn hand_over(&self, answer: &mut Answer) {
        if let Err(bug) = caught(|| self.handed_over(answer)) {
            *answer = Answer::at_once(&bug);
        }
    }

    fn handed_over(&self, answer: &mut Answer) {
        let served = wall_clock::now() - answer.arrived_at;
        let silent = matches!(answer.delivery, Delivery::Reset | Delivery::Never);
        if let Some(line) = answer.line.as_mut().filter(|_| !silent && !answer.status.is_success())
        {
            line.error = journal_text(&answer.body);
        }
        let call = answer.line.take().map(|line| {
            let JournalLine { verb, path, query, body, error } = *line;
            ServedCall {
                at: self.offset + (answer.arrived_at - self.started),
                verb,
                path,
                query,
                body,
                error,
                status: (!silent).then_some(answer.status),
                drawn: answer.ready_at.map(|ready_at| ready_at - answer.arrived_at),
                served,
            }
        });
        if let (Some(observer), Some(call)) = (&self.observer, &call) {
            observer(call);
        }
        let mut log = self.served();
        if let Some(endpoint) = answer.admitted.filter(|_| !silent) {
            log.time(endpoint, served);
        }
        if let Some(call) = call {
            log.call(call);
        }
    }

    /// Organisation, counters, limits and records as they were at the start, or as they would have been with another
    /// `seed`. Calls in flight hold no slot any more. The seed in force.
    pub(crate) fn reset(&self, seed: Option<u64>) -> u64 {
        let neon = match seed.filter(|&seed| seed != self.initial.seed()) {
            Some(seed) => self.initial.reseeded(seed),
            None => (*self.initial).clone(),
        };
        let seed = neon.seed();
        self.go_back_to(NeonSnapshot { neon, unauthorized: 0, undecodable: 0 });
        seed
    }

    /// Keeps the mock as it is now under `name`.
    pub(crate) fn keep_snapshot(&self, name: &str) -> Result<(), TooManySnapshots> {
        let neon = self.neon().clone();
        let (unauthorized, undecodable) = (self.unauthorized(), self.undecodable());
        let snapshot = NeonSnapshot { neon, unauthorized, undecodable };
        recovered(&self.snapshots).keep(name, snapshot)
    }

    /// Goes back to the snapshot `name`. Journal and response times begin anew.
    ///
    /// Errors: the names that there are.
    pub(crate) fn restore(&self, name: &str) -> Result<(), Vec<String>> {
        let snapshots = recovered(&self.snapshots);
        let snapshot = snapshots.get(name).ok_or_else(|| snapshots.names())?;
        drop(snapshots);
        self.go_back_to(snapshot);
        Ok(())
    }

    fn go_back_to(&self, NeonSnapshot { neon, unauthorized, undecodable }: NeonSnapshot) {
        let mut now = self.neon();
        // The former state is freed once the calls go on.
        let former = std::mem::replace(&mut *now, neon);
        self.unauthorized.store(unauthorized, Ordering::Relaxed);
        self.undecodable.store(undecodable, Ordering::Relaxed);
        *self.mishap_log() = MishapLog::default();
        self.served().clear();
        drop(now);
        drop(former);
    }

    /// The mock itself, locked: calls wait meanwhile.
    pub(crate) fn neon(&self) -> MutexGuard<'_, Neon> {
        recovered(&self.neon)
    }

    /// The memory of the calls served, locked.
    pub(crate) fn served(&self) -> MutexGuard<'_, Served> {
        recovered(&self.served)
    }

    /// The wall clock at a moment of the mock's time.
    pub(crate) fn instant(&self, at: Timestamp) -> Instant {
        self.started + at.since(self.offset)
    }

    /// The mock's time now.
    pub(crate) fn now(&self) -> Timestamp {
        self.offset + (wall_clock::now() - self.started)
    }

    pub(crate) const fn credentials(&self) -> &OrgCredentials {
        &self.credentials
    }

    pub(crate) fn unauthorized(&self) -> u64 {
        self.unauthorized.load(Ordering::Relaxed)
    }

    pub(crate) fn undecodable(&self) -> u64 {
        self.undecodable.load(Ordering::Relaxed)
    }
}

/// The result of `work`, or the answer to a call during which it panicked.
pub(crate) fn caught<T>(work: impl FnOnce() -> T) -> Result<T, Response> {
    // Whatever it left half done is the mock's own state, which a reset makes anew.
    catch_unwind(AssertUnwindSafe(work)).map_err(|_| {
        let message = "the mock panicked, which is a bug in it; its log has the place";
        Response::error(Status(500), ApiError::new(1, message))
    })
}

/// The value that `mutex` guards, locked. A call that panicked is answered 500 and is a bug of ours; it must not take the calls
/// after it along.
fn recovered<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// The body as `delivery` leaves it, and what it then is.
fn delivered(mut body: Vec<u8>, delivery: Delivery) -> (Vec<u8>, Option<&'static str>) {
    let content_type = (!body.is_empty()).then_some(JSON);
    match delivery {
        Delivery::Whole | Delivery::Slow | Delivery::Reset | Delivery::Never => {}
        Delivery::Empty => body.clear(),
        Delivery::Malformed => return (NO_JSON.as_bytes().to_vec(), Some("text/html")),
        Delivery::Truncated => body.truncate(body.len() / 2),
    }
    (body, content_type)
}

/// `decoded`, unless the body of a write says that it is no JSON: then 415.
///
/// A write without a content type is taken, since many a client sends none.
fn readable(
    call: &ReceivedCall<'_>,
    decoded: Result<Request, InvalidRequest>,
) -> Result<Request, InvalidRequest> {
    let no_json = call.content_type.is_some_and(|content_type| !is_json(content_type));
    let judges_body = match &decoded {
        Ok(_) => true,
        Err(refused) => refused.status == Status::BAD_REQUEST,
    };
    if !(no_json && judges_body && matches!(call.verb, "POST" | "PUT" | "PATCH")) {
        return decoded;
    }
    let error = ApiError::new(1, "a body must have the content type application/json");
    Err(InvalidRequest { status: Status(415), error })
}

/// True for the content types of JSON: `application/json` and `…+json`, in any case.
fn is_json(content_type: &[u8]) -> bool {
    let essence = content_type.split(|&byte| byte == b';').next().unwrap_or_default();
    let essence = essence.trim_ascii();
    let suffix = essence.get(essence.len().saturating_sub(5)..).unwrap_or_default();
    essence.eq_ignore_ascii_case(JSON.as_bytes()) || suffix.eq_ignore_ascii_case(b"+json")
}

/// Refuses a version other than 2.0 to the latest. A client need not name one.
fn check_version(version: Option<&[u8]>) -> Result<(), InvalidRequest> {
    let Some(version) = version.map(<[u8]>::trim_ascii).filter(|version| !version.is_empty())
    else {
        return Ok(());
    };
    let minor = version.strip_prefix(b"2.").and_then(|minor| std::str::from_utf8(minor).ok());
    let minor = minor.filter(|minor| minor.bytes().all(|byte| byte.is_ascii_digit()));
    if minor.and_then(|minor| minor.parse::<u8>().ok()).is_some_and(|minor| minor <= LATEST_MINOR) {
        return Ok(());
    }
    let message = format!(
        "NEON-API-VERSION cannot be `{}`: there are 2.0 to 2.{LATEST_MINOR}",
        String::from_utf8_lossy(version)
    );
    Err(InvalidRequest { status: Status::BAD_REQUEST, error: ApiError::new(1, message) })
}

/// `path` with one slash where clients that join addresses leave several.
fn single_slashes(path: &str) -> Cow<'_, str> {
    if !path.contains("//") {
        return Cow::Borrowed(path);
    }
    let mut single = String::with_capacity(path.len());
    for letter in path.chars() {
        if letter != '/' || !single.ends_with('/') {
            single.push(letter);
        }
    }
    Cow::Owned(single)
}

fn below_base(path: &str) -> Option<&str> {
    path.strip_prefix(BASE_PATH).filter(|below| below.is_empty() || below.starts_with('/'))
}

fn outside_base(path: &str) -> Response {
    let message = format!("nothing at {path}: the API begins at {BASE_PATH}");
    Response::error(Status::NOT_FOUND, ApiError::new(1, message))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::dataset::Dataset;
    use crate::org::Organisation;
    use crate::profile::Profile;

    #[test]
    fn json_is_known_by_its_names() {
        for json in ["application/json", "Application/JSON; charset=utf-8", "application/x+json"] {
            assert!(is_json(json.as_bytes()), "{json}");
        }
        for other in ["text/plain", "", "application/x-www-form-urlencoded", "json", "+jso"] {
            assert!(!is_json(other.as_bytes()), "{other}");
        }
    }

    #[test]
    fn versions_from_2_0_to_the_latest_are_known() {
        for known in [None, Some(&b""[..]), Some(b"2.0"), Some(b"2.1"), Some(b" 2.11 ")] {
            assert_eq!(check_version(known), Ok(()), "{known:?}");
        }
        for other in ["2.12", "9.9", "1.0", "2", "2.", "abc", "2.+1", "2.1.0", "v2.1"] {
            assert!(check_version(Some(other.as_bytes())).is_err(), "{other}");
        }
    }

    #[test]
    fn retry_after_is_rounded_up() {
        let after = |ms| {
            let wait = Some(Duration::from_millis(ms));
            let empty = Response::new(Status(429), crate::api::Body::Empty);
            Answer { retry_after: wait, ..Answer::at_once(&empty) }.retry_after_s()
        };
        assert_eq!(
            (after(0), after(1), after(1000), after(1001)),
            (Some(0), Some(1), Some(1), Some(2))
        );
    }

    #[test]
    fn a_panic_is_answered_and_takes_no_later_call_along() {
        let organisation = Organisation::new(&Dataset::built_in("plain", 1).unwrap(), 3, 1);
        let neon = Neon::new(Profile::built_in("unlimited").unwrap(), organisation, 1);
        let credentials = OrgCredentials::new("demo".to_owned(), "demo".to_owned()).unwrap();
        let live = Live::new(neon, credentials, 0, None);
        let bug = caught(|| {
            let _held = (live.neon(), live.served(), live.mishap_log());
            panic!("planted: all locks are held");
        });
        assert_eq!(bug.map(|()| 0).unwrap_err().status, Status(500));
        let call = ReceivedCall {
            verb: "GET",
            path: "/v2/accounts/1",
            query: None,
            authorization: Some(b"Basic ZGVtbzpkZW1v"),
            content_type: None,
            version: None,
            body: b"",
        };
        let mut answer = live.answer(&call);
        live.hand_over(&mut answer);
        assert_eq!(answer.status, Status::OK);
    }
}
