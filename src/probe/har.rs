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
use serde::Deserialize;
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
    /// Number of entries that are not calls of Neon's API.
    pub passed_over: usize,
}

/// The reasons why a file cannot be read as HAR.
#[derive(Debug, thiserror::Error)]
#[allow(missing_docs, reason = "the messages say it")]
pub enum HarError {
    #[error("{origin}: {member}: {source}")]
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
    time: f64,
    request: WireRequest,
    response: WireResponse,
    #[serde(default)]
    timings: WireTimings,
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

/// In ms; −1 where a phase did not happen.
#[derive(Default, Deserialize)]
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
            let member = error.path().to_string();
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
        for (place, entry) in entries.iter().enumerate() {
            let Some(endpoint) = endpoint(&entry.request) else { continue };
            let outcome = entry.outcome().map_err(|error| wrong(place, error))?;
            let (sent_ns, took) = entry.times().map_err(|error| wrong(place, error))?;
            timed.push(TimedEntry { place, endpoint, outcome, sent_ns, took });
        }
        let Some(first_ns) = timed.iter().map(|timed| timed.sent_ns).min() else {
            return Err(HarError::NoCalls { origin: origin.to_owned(), count });
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
        let passed_over = count - calls.len();
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
    fn outcome(&self) -> Result<Outcome, InvalidMember> {
        let status = self.response.status;
        // Browsers write 0 if no response arrived.
        if status == 0 {
            return Ok(Outcome::Interrupted);
        }
        let known = u16::try_from(status).ok().filter(|status| (100..=599).contains(status));
        let wrong = || ("response.status", format!("{status} is no HTTP status, from 100 to 599"));
        let status = Status(known.ok_or_else(wrong)?);
        Ok(outcome_of(&Ok(Response::new(status, Body::Empty))))
    }

    /// The time of sending in ns since 1970, and the duration until the response was complete.
    fn times(&self) -> Result<(i128, Duration), InvalidMember> {
        let started =
            OffsetDateTime::parse(&self.started_date_time, &Rfc3339).map_err(|error| {
                let text = &self.started_date_time;
                (
                    "startedDateTime",
                    format!("{text:?} is no time such as 2026-01-31T09:30:00.000Z: {error}"),
                )
            })?;
        let within = |member, ms: f64| {
            if (0.0..=MOST_MS).contains(&ms) {
                return Ok(ms);
            }
            Err((member, format!("{ms} is no time in ms, from 0 to {MOST_MS}")))
        };
        let phase =
            |member, ms: Option<f64>| within(member, ms.filter(|ms| *ms >= 0.0).unwrap_or(0.0));
        let WireTimings { blocked, dns, connect, send, wait, receive } = self.timings;
        let before = phase("timings.blocked", blocked)?
            + phase("timings.dns", dns)?
            + phase("timings.connect", connect)?;
        let took = match wait {
            // The phases before it are the client's own queue and connection.
            Some(_) => {
                phase("timings.send", send)?
                    + phase("timings.wait", wait)?
                    + phase("timings.receive", receive)?
            }
            None => within("time", self.time)?,
        };
        let before = Duration::from_secs_f64(before / 1e3);
        let sent_ns = started.unix_timestamp_nanos() + before.as_nanos().cast_signed();
        Ok((sent_ns, Duration::from_secs_f64(took / 1e3)))
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
