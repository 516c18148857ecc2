//! Reports of the admin routes.

use crate::api::Endpoint;
use crate::live::Live;
use crate::served::ServedCall;
use crate::server::shared::Shell;
use crate::time::Timestamp;
use crate::wall_clock;
use hdrhistogram::Histogram;
use hdrhistogram::serialization::V2DeflateSerializer;
use hdrhistogram::serialization::interval_log::{IntervalLogWriterBuilder, Tag};
use serde_json::{Map, Value, json};
use std::sync::atomic::Ordering;
use std::time::Duration;

/// Quantiles of response times that are shown.
const QUANTILES: [(&str, f64); 4] =
    [("p50_ns", 0.5), ("p90_ns", 0.9), ("p99_ns", 0.99), ("p999_ns", 0.999)];

pub(super) fn in_flight(shell: &Shell) -> u64 {
    shell.in_flight.load(Ordering::Relaxed)
}

/// That it lives, and since when.
pub(super) fn health(shell: &Shell) -> Value {
    let up = wall_clock::now() - shell.started;
    json!({ "status": "up", "up_s": up.as_secs_f64(), "version": env!("CARGO_PKG_VERSION") })
}

/// The organisation. Its digest takes a walk over all of it.
pub(super) fn state(live: &Live) -> Value {
    let neon = live.neon();
    let organisation = neon.organisation();
    json!({
        "digest": organisation.digest(),
        "accounts": organisation.accounts(),
        "changed_accounts": organisation.changed_accounts(),
        "profile": neon.profile().name(),
    })
}

/// The calls as the server counted them.
pub(super) fn counters(shell: &Shell) -> Value {
    let calls = *shell.live.neon().calls();
    let by_endpoint: Map<String, Value> = Endpoint::ALL
        .into_iter()
        .map(|endpoint| {
            let of = calls.of(endpoint);
            let counts = json!({
                "admitted": of.admitted, "rejected": of.rejected, "failed": of.failed,
            });
            (endpoint.name().to_owned(), counts)
        })
        .collect();
    json!({
        "total": calls.total(),
        "rejected": calls.rejected(),
        "failed": calls.failed(),
        "unauthorized": shell.live.unauthorized(),
        "undecodable": shell.live.undecodable(),
        "in_flight": in_flight(shell),
        "calls": by_endpoint,
    })
}

/// Response times of admitted calls, from arrival to hand-over.
pub(super) fn histograms(live: &Live) -> Value {
    let now = live.now();
    let served = live.served();
    let by_endpoint: Map<String, Value> = Endpoint::ALL
        .into_iter()
        .filter_map(|endpoint| {
            let times = served.times(endpoint)?;
            Some((endpoint.name().to_owned(), histogram(endpoint, times, now)))
        })
        .collect();
    json!({ "response": by_endpoint })
}

fn histogram(endpoint: Endpoint, times: &Histogram<u64>, now: Timestamp) -> Value {
    let mut shown: Map<String, Value> = QUANTILES
        .into_iter()
        .map(|(name, quantile)| (name.to_owned(), times.value_at_quantile(quantile).into()))
        .collect();
    shown.insert("count".to_owned(), times.len().into());
    shown.insert("max_ns".to_owned(), times.max().into());
    shown.insert("hdr_log".to_owned(), log_line(endpoint, times, now).into());
    Value::Object(shown)
}

/// A line of an HDR histogram log, version 2, that other tools read: from the mock's time zero
/// until now.
fn log_line(endpoint: Endpoint, times: &Histogram<u64>, now: Timestamp) -> String {
    // A tag holds no space.
    let tag = endpoint.name().replace(' ', "_");
    let mut serializer = V2DeflateSerializer::new();
    let mut log = Vec::new();
    let mut writer = IntervalLogWriterBuilder::new()
        .with_max_value_divisor(1e6)
        .begin_log_with(&mut log, &mut serializer)
        .expect("writing to memory");
    let until = now.since(Timestamp::ZERO);
    writer
        .write_histogram(times, Duration::ZERO, until, Tag::new(&tag))
        .expect("writing to memory");
    let text = String::from_utf8(log).expect("a log is ASCII");
    text.lines().filter(|line| !line.starts_with('#')).collect()
}

/// The latest calls, the newest first.
pub(super) fn journal(live: &Live, limit: usize, shows_values: bool) -> Value {
    let served = live.served();
    let calls = served.journal().rev().take(limit).map(|call| entry(call, shows_values));
    json!({ "calls": calls.collect::<Vec<_>>() })
}

fn entry(call: &ServedCall, shows_values: bool) -> Value {
    let ns = |time: Duration| u64::try_from(time.as_nanos()).unwrap_or(u64::MAX);
    let shown = |text: &str| if shows_values { json_or_text(text) } else { hidden_body(text) };
    let query = call.query.as_deref();
    json!({
        "at_ns": call.at.as_nanos(),
        "verb": call.verb.as_str(),
        "path": call.path.as_str(),
        "query": query.map(|it| if shows_values { it.to_owned() } else { hidden_query(it) }),
        "body": call.body.as_deref().map(shown),
        "error": call.error.as_deref().map(json_or_text),
        "status": call.status.map(|status| status.0),
        "drawn_ns": call.drawn.map(ns),
        "served_ns": ns(call.served),
    })
}

/// In place of a value that is not to be shown.
const HIDDEN: &str = "…";

/// A query without its values.
fn hidden_query(query: &str) -> String {
    let names =
        form_urlencoded::parse(query.as_bytes()).map(|(name, _)| format!("{name}={HIDDEN}"));
    names.collect::<Vec<_>>().join("&")
}

/// A body with its members and without their values.
fn hidden_body(text: &str) -> Value {
    fn hide(value: &mut Value) {
        match value {
            Value::Object(members) => members.values_mut().for_each(hide),
            Value::Array(items) => items.iter_mut().for_each(hide),
            Value::Null | Value::Bool(_) => {}
            Value::String(_) | Value::Number(_) => *value = HIDDEN.into(),
        }
    }
    let Ok(mut body) = serde_json::from_str(text) else { return HIDDEN.into() };
    hide(&mut body);
    body
}

/// JSON as such, and other text as a text.
fn json_or_text(text: &str) -> Value {
    serde_json::from_str(text).unwrap_or_else(|_| text.into())
}
