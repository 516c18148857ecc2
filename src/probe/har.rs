//! Reads the calls to Neon from HAR files, in which browsers and proxies record traffic.
//!
//! Pure: the caller reads the file. Only verb, path, status and times are used; bodies, headers and
//! queries, which may be personal or secret, are ignored.
//! Source: HTTP Archive 1.2.

use super::ProbeTrace;
use neon_mock::api::{Body, Endpoint, Response, Status};
use neon_mock::time::Timestamp;
use neonbench_engine::engine::outcome_of;
use neonbench_engine::event::{Attempt, Outcome};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::time::Duration;
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

/// The most entries that are read.
const MOST_ENTRIES: usize = 10_000;

/// The longest phase of a call, in ms: a day.
const MOST_MS: f64 = 86_400_000.0;

/// The longest time from the first call to the last, in ns: a year.
const MOST_NS: u64 = 366 * 86_400 * 1_000_000_000;

/// The calls to Neon in a HAR file.
#[derive(Clone, Debug)]
pub struct Har {
    /// The calls, in the order of sending.
    pub trace: ProbeTrace,
    /// Entries that are no measurements of Neon's API.
    pub passed_over: PassedOver,
}

/// Entries of a HAR file that are passed over, by the reason.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, schemars::JsonSchema)]
pub struct PassedOver {
    /// Calls of other APIs, and pages.
    pub foreign: usize,
    /// Answered from a cache of the client.
    pub cached: usize,
    /// Without an answer: the client gave them up, or had no connection.
    pub unanswered: usize,
    /// Without a time.
    pub untimed: usize,
}

impl PassedOver {
    /// The reasons with their entries, in words; none without entries.
    pub fn in_words(&self) -> Vec<String> {
        let Self { foreign, cached, unanswered, untimed } = *self;
        let reasons = [
            (foreign, "no call of Neon's API"),
            (cached, "answered from a cache"),
            (unanswered, "without an answer"),
            (untimed, "without a time"),
        ];
        let is_any = reasons.into_iter().filter(|(entries, _)| *entries > 0);
        is_any.map(|(entries, reason)| format!("{entries} {reason}")).collect()
    }
}

/// The reasons why a file cannot be read as HAR.
#[derive(Debug, thiserror::Error)]
#[allow(missing_docs, reason = "the messages say it")]
pub enum HarError {
    #[error("{origin}: {member}{source}")]
    Form { origin: String, member: String, source: serde_json::Error },
    #[error("{origin}: log.entries[{entry}].{member}: {reason}")]
    Entry { origin: String, entry: usize, member: &'static str, reason: String },
    #[error(
        "{origin}: log.entries: {count} entries; at most {MOST_ENTRIES} are read: cut the recording"
    )]
    TooMany { origin: String, count: usize },
    #[error(
        "{origin}: none of the {count} entries is a call of Neon's API, such as GET …/accounts/1"
    )]
    NoCalls { origin: String, count: usize },
    #[error("{origin}: none of the {count} entries is a measurement: {reasons}")]
    NoMeasurements { origin: String, count: usize, reasons: String },
}

#[derive(Deserialize)]
struct WireHar {
    log: WireLog,
}

#[derive(Deserialize)]
struct WireLog {
    entries: Vec<WireEntry>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct WireEntry {
    started_date_time: String,
    #[serde(default)]
    time: Option<f64>,
    request: WireRequest,
    response: WireResponse,
    #[serde(default)]
    timings: Option<WireTimings>,
    /// Chrome's mark of an answer from its cache: `memory` or `disk`.
    #[serde(rename = "_fromCache", default)]
    from_cache: Option<Value>,
    /// Safari's mark of where an answer is from: `Memory Cache`, `Disk Cache`, `Network Load`, …
    #[serde(rename = "_fetchType", default)]
    fetch_type: Option<String>,
    /// Chrome's mark of an answer from a service worker.
    #[serde(rename = "_fetchedViaServiceWorker", default)]
    is_by_worker: Option<bool>,
}

#[derive(Deserialize)]
struct WireRequest {
    method: String,
    url: String,
}

#[derive(Deserialize)]
struct WireResponse {
    status: i64,
}

/// In ms; −1, null or absent where a phase does not apply, or is not known.
#[derive(Clone, Copy, Default, Deserialize)]
struct WireTimings {
    blocked: Option<f64>,
    dns: Option<f64>,
    connect: Option<f64>,
    send: Option<f64>,
    wait: Option<f64>,
    receive: Option<f64>,
}

impl Har {
    /// Reads the `text` of a file; `origin` names it in errors.
    ///
    /// Errors: the text is not HAR, has too many entries, or holds no call of Neon's API.
    pub fn read(origin: &str, text: &str) -> Result<Self, HarError> {
        let reader = &mut serde_json::Deserializer::from_str(text);
        let har: WireHar = serde_path_to_error::deserialize(reader).map_err(|error| {
            let member = match error.path().to_string().as_str() {
                "." | "?" => String::new(),
                member => format!("{member}: "),
            };
            HarError::Form { origin: origin.to_owned(), member, source: error.into_inner() }
        })?;
        let entries = har.log.entries;
        let count = entries.len();
        if count > MOST_ENTRIES {
            return Err(HarError::TooMany { origin: origin.to_owned(), count });
        }
        let wrong = |entry: usize, (member, reason): InvalidMember| HarError::Entry {
            origin: origin.to_owned(),
            entry,
            member,
            reason,
        };
        let mut timed = Vec::new();
        let mut passed_over = PassedOver::default();
        for (place, entry) in entries.iter().enumerate() {
            let Some(endpoint) = endpoint(&entry.request) else {
                passed_over.foreign += 1;
                continue;
            };
            if entry.is_cached() {
                passed_over.cached += 1;
                continue;
            }
            let Some(outcome) = entry.outcome().map_err(|error| wrong(place, error))? else {
                passed_over.unanswered += 1;
                continue;
            };
            let Some((sent_ns, took)) = entry.times().map_err(|error| wrong(place, error))? else {
                passed_over.untimed += 1;
                continue;
            };
            timed.push(TimedEntry { place, endpoint, outcome, sent_ns, took });
        }
        let Some(first_ns) = timed.iter().map(|timed| timed.sent_ns).min() else {
            return Err(match passed_over.in_words() {
                _ if passed_over.foreign == count => {
                    HarError::NoCalls { origin: origin.to_owned(), count }
                }
                reasons => {
                    let reasons = reasons.join(", ");
                    HarError::NoMeasurements { origin: origin.to_owned(), count, reasons }
                }
            });
        };
        timed.sort_by_key(|timed| timed.sent_ns);
        let mut calls = Vec::with_capacity(timed.len());
        for TimedEntry { place, endpoint, outcome, sent_ns, took } in timed {
            let after_ns = sent_ns - first_ns;
            let Some(after_ns) = u64::try_from(after_ns).ok().filter(|ns| *ns <= MOST_NS) else {
                let late = "it lies more than a year after the first".to_owned();
                return Err(wrong(place, ("startedDateTime", late)));
            };
            let sent_at = Timestamp::from_nanos(after_ns);
            let done_at = sent_at + took;
            calls.push(Attempt {
                endpoint,
                attempt: 1,
                due_at: sent_at,
                sent_at,
                done_at,
                outcome,
            });
        }
        Ok(Self { trace: ProbeTrace { calls, ..ProbeTrace::default() }, passed_over })
    }
}

/// An entry that is a call of Neon's API.
struct TimedEntry {
    place: usize,
    endpoint: Endpoint,
    outcome: Outcome,
    /// In ns since 1970, UTC.
    sent_ns: i128,
    took: Duration,
}

/// A member of an entry, with the reason why it is invalid.
type InvalidMember = (&'static str, String);

impl WireEntry {
    /// True if no server answered: a cache or a worker of the client did. Firefox writes no phases then.
    fn is_cached(&self) -> bool {
        let by_mark = self
            .from_cache
            .as_ref()
            .is_some_and(|it| !matches!(it, Value::Null | Value::Bool(false)));
        let by_safari = self.fetch_type.as_deref().is_some_and(|it| it.ends_with("Cache"));
        let phases = self.timings.unwrap_or_default();
        let no_phase =
            [phases.blocked, phases.dns, phases.connect, phases.send, phases.wait, phases.receive]
                .into_iter()
                .all(|phase| phase.is_none());
        let by_firefox = no_phase && self.time == Some(0.0) && self.response.status > 0;
        by_mark || by_safari || by_firefox || self.is_by_worker == Some(true)
    }

    /// Outcome of the call; `None` if no response arrived, for which browsers write 0 or −1.
    fn outcome(&self) -> Result<Option<Outcome>, InvalidMember> {
        let status = self.response.status;
        if status == 0 || status == -1 {
            return Ok(None);
        }
        let known = u16::try_from(status).ok().filter(|status| (100..=599).contains(status));
        let wrong = || ("response.status", format!("{status} is no HTTP status, from 100 to 599"));
        let status = Status(known.ok_or_else(wrong)?);
        Ok(Some(outcome_of(&Ok(Response::new(status, Body::Empty)))))
    }

    /// The time of sending in ns since 1970, and the duration until the response was complete; `None` where the
    /// entry does not tell.
    fn times(&self) -> Result<Option<(i128, Duration)>, InvalidMember> {
        let started =
            OffsetDateTime::parse(&self.started_date_time, &Rfc3339).map_err(|error| {
                let text = &self.started_date_time;
                (
                    "startedDateTime",
                    format!("{text:?} is no time such as 2026-01-31T09:30:00.000Z: {error}"),
                )
            })?;
        // A time that is not known is written as −1.
        let known = |member, ms: Option<f64>| match ms.filter(|ms| *ms >= 0.0 || ms.is_nan()) {
            Some(ms) if !(0.0..=MOST_MS).contains(&ms) => {
                Err((member, format!("{ms} is no time in ms, from 0 to {MOST_MS}")))
            }
            known => Ok(known),
        };
        let phase = |member, ms| known(member, ms).map(Option::unwrap_or_default);
        let WireTimings { blocked, dns, connect, send, wait, receive } =
            self.timings.unwrap_or_default();
        // The phases before it are the client's own queue and connection.
        let before_ms = phase("timings.blocked", blocked)?
            + phase("timings.dns", dns)?
            + phase("timings.connect", connect)?;
        let took_ms = match known("timings.wait", wait)? {
            Some(wait) => {
                Some(phase("timings.send", send)? + wait + phase("timings.receive", receive)?)
            }
            // The whole is the sum of the phases.
            None => known("time", self.time)?.map(|whole| whole - before_ms),
        };
        // No server answers in no time.
        let Some(took_ms) = took_ms.filter(|took_ms| *took_ms > 0.0) else { return Ok(None) };
        let before = Duration::from_secs_f64(before_ms / 1e3);
        let sent_ns = started.unix_timestamp_nanos() + before.as_nanos().cast_signed();
        Ok(Some((sent_ns, Duration::from_secs_f64(took_ms / 1e3))))
    }
}

/// The endpoint of `request`, below any base path.
fn endpoint(request: &WireRequest) -> Option<Endpoint> {
    let (_, after) = request.url.split_once("://")?;
    let path = after.split(['?', '#']).next()?;
    let path: Vec<&str> = path.split('/').skip(1).filter(|segment| !segment.is_empty()).collect();
    let fits = |endpoint: &Endpoint| {
        let (verb, template) = endpoint.name().split_once(' ').unwrap_or_default();
        let template: Vec<&str> = template.split('/').skip(1).collect();
        let is_place = |(wanted, found): (&&str, &&str)| {
            if wanted.starts_with('{') {
                !found.is_empty() && found.bytes().all(|byte| byte.is_ascii_digit())
            } else {
                wanted == found
            }
        };
        verb.eq_ignore_ascii_case(&request.method)
            && path.len() >= template.len()
            && template.iter().zip(&path[path.len() - template.len()..]).all(is_place)
    };
    // The longest template wins: `/accounts/1/contacts` also ends like a list of contacts.
    Endpoint::ALL.into_iter().filter(fits).max_by_key(|endpoint| endpoint.name().len())
}
