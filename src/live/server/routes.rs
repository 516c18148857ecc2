//! The routes of a live page. Each only reads.

use super::Shared;
use super::events::PageBody;
use crate::live::gate::Entry;
use crate::live::view;
use hyper::body::{Bytes, Incoming};
use hyper::header::{
    ALLOW, CACHE_CONTROL, CONTENT_SECURITY_POLICY, CONTENT_TYPE, HeaderName, HeaderValue, LOCATION,
    REFERRER_POLICY, RETRY_AFTER, SET_COOKIE, X_CONTENT_TYPE_OPTIONS,
};
use hyper::{Method, Request, Response, StatusCode};

const HTML: &str = "text/html; charset=utf-8";
const JSON: &str = "application/json";
const TEXT: &str = "text/plain; charset=utf-8";
const EVENTS: &str = "text/event-stream";

type PageResponse = Response<PageBody>;

/// Answers a request. Its body is never read.
pub(super) fn answer(shared: &Shared, request: &Request<Incoming>) -> PageResponse {
    let mut answer = match shared.gate.judge(request) {
        Err((status, why)) => turned_away(status, why),
        Ok(Entry::WithToken) => let_in(shared),
        Ok(Entry::Known) => route(shared, request),
    };
    if *request.method() == Method::HEAD {
        *answer.body_mut() = PageBody::Whole(Bytes::new());
    }
    guarded(answer)
}

fn route(shared: &Shared, request: &Request<Incoming>) -> PageResponse {
    match request.uri().path() {
        "/" => {
            let source = &shared.source;
            let snapshot = source.look();
            shared.asked(snapshot.state);
            let marks = source.marks_after(0);
            respond(HTML, view::page(&source.facts(), &snapshot, &marks, &source.line()))
        }
        "/events" => events(shared, request),
        "/state" => respond(JSON, json(&shared.source.look())),
        "/history" => respond(JSON, json(&shared.source.line())),
        _ => turned_away(StatusCode::NOT_FOUND, "there is /, /events, /state and /history"),
    }
}

fn events(shared: &Shared, request: &Request<Incoming>) -> PageResponse {
    if *request.method() == Method::HEAD {
        return respond(EVENTS, String::new());
    }
    let last = request.headers().get("last-event-id").and_then(|id| id.to_str().ok()?.parse().ok());
    let stream = shared.viewers.add(last.unwrap_or(0), &shared.latest(), &*shared.source);
    if let Some(body) = stream {
        let mut answer = Response::new(body);
        set(&mut answer, CONTENT_TYPE, EVENTS);
        return answer;
    }
    let mut answer = turned_away(StatusCode::SERVICE_UNAVAILABLE, "too many viewers");
    set(&mut answer, RETRY_AFTER, "5");
    answer
}

/// The token becomes a cookie, so that it leaves the address.
fn let_in(shared: &Shared) -> PageResponse {
    let mut answer = respond(TEXT, String::new());
    *answer.status_mut() = StatusCode::SEE_OTHER;
    set(&mut answer, SET_COOKIE, &shared.gate.cookie());
    set(&mut answer, LOCATION, "/");
    answer
}

fn turned_away(status: StatusCode, why: &str) -> PageResponse {
    let mut answer = respond(TEXT, format!("{why}\n"));
    *answer.status_mut() = status;
    if status == StatusCode::METHOD_NOT_ALLOWED {
        set(&mut answer, ALLOW, "GET, HEAD");
    }
    answer
}

fn respond(kind: &'static str, body: String) -> PageResponse {
    let mut answer = Response::new(PageBody::Whole(Bytes::from(body)));
    set(&mut answer, CONTENT_TYPE, kind);
    answer
}

fn json(value: &impl serde::Serialize) -> String {
    serde_json::to_string(value).expect("plain data")
}

/// With the headers that every answer has. There is none that lets other pages read it.
fn guarded(mut answer: PageResponse) -> PageResponse {
    set(&mut answer, CONTENT_SECURITY_POLICY, &view::content_security_policy());
    set(&mut answer, X_CONTENT_TYPE_OPTIONS, "nosniff");
    set(&mut answer, REFERRER_POLICY, "no-referrer");
    set(&mut answer, CACHE_CONTROL, "no-store");
    set(&mut answer, HeaderName::from_static("cross-origin-resource-policy"), "same-origin");
    answer
}

fn set(answer: &mut PageResponse, name: HeaderName, value: &str) {
    let value = HeaderValue::from_str(value).expect("our own text");
    answer.headers_mut().insert(name, value);
}
