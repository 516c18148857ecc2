//! The mock inside a [`wiremock::MockServer`], next to a test's own expectations.
//!
//! Deliberately absent: the limit on the size of bodies, which wiremock reads before anything else.
//! wiremock also keeps every request it answers (a million of them take gigabytes), so that servers
//! and long runs are better off with [`NeonMock::base_url`].
//!
//! wiremock can neither reset a connection, nor drip, nor stay silent for ever. So a reset is a 502
//! without a body at the moment it is due, a slow body comes whole when its last drip would, and an
//! answer that never comes is an hour away.

use crate::fault::{Delivery, SLOW_BODY};
use crate::live::{Live, ReceivedCall, VERSION_HEADER};
use crate::neon_mock::NeonMock;
use crate::wall_clock;
use std::sync::Arc;
use std::time::{Duration, Instant};
use wiremock::http::HeaderValue;
use wiremock::matchers::path_regex;
use wiremock::{Mock, MockServer, Request, Respond, ResponseTemplate};

/// Above wiremock's default of 5: a test's own expectations come first, in whatever order mounted.
const PRIORITY: u8 = 100;

/// As close to "never" as wiremock comes.
const NEVER: Duration = Duration::from_secs(3_600);

/// Answers as a [`NeonMock`] does, with its state and its limits.
///
/// Lives on when the [`NeonMock`] is dropped.
#[derive(Clone)]
pub struct NeonResponder {
    live: Arc<Live>,
}

impl Respond for NeonResponder {
    fn respond(&self, request: &Request) -> ResponseTemplate {
        let answer = self.live.answer(&ReceivedCall {
            verb: request.method.as_str(),
            path: request.url.path(),
            query: request.url.query(),
            content_type: request.headers.get("content-type").map(HeaderValue::as_bytes),
            authorization: request.headers.get("authorization").map(HeaderValue::as_bytes),
            version: request.headers.get(VERSION_HEADER).map(HeaderValue::as_bytes),
            body: &request.body,
        });
        // Even a zero delay would wait for the next whole millisecond.
        let left = |ready_at: Instant| ready_at.checked_duration_since(wall_clock::now());
        let due = answer.ready_at.and_then(left).filter(|delay| !delay.is_zero());
        let retry_after_s = answer.retry_after_s();
        let challenge = answer.challenge();
        let (mut template, delay) = match answer.delivery {
            Delivery::Reset => return delayed(ResponseTemplate::new(502), due),
            Delivery::Never => (ResponseTemplate::new(answer.status.0), Some(NEVER)),
            Delivery::Slow => {
                let drips = due.unwrap_or_default() + SLOW_BODY;
                (ResponseTemplate::new(answer.status.0), Some(drips))
            }
            Delivery::Whole | Delivery::Empty | Delivery::Malformed | Delivery::Truncated => {
                (ResponseTemplate::new(answer.status.0), due)
            }
        };
        if let Some(content_type) = answer.content_type {
            template = template.set_body_raw(answer.body, content_type);
        }
        if let Some(challenge) = challenge {
            template = template.insert_header("www-authenticate", challenge);
        }
        if let Some(seconds) = retry_after_s {
            template = template.insert_header("retry-after", seconds.to_string());
        }
        delayed(template, delay)
    }
}

fn delayed(template: ResponseTemplate, delay: Option<Duration>) -> ResponseTemplate {
    match delay {
        Some(delay) => template.set_delay(delay),
        None => template,
    }
}

impl NeonMock {
    /// A responder for your own [`Mock`]s, such as one that counts calls.
    pub fn responder(&self) -> NeonResponder {
        NeonResponder { live: Arc::clone(self.live()) }
    }

    /// Serves everything below `/v2` of `server` from this mock: clients are to be given
    /// `{server.uri()}/v2`.
    ///
    /// Its priority is 100: expectations that the test mounts itself, whose default is 5, come
    /// first.
    pub async fn mount_on(&self, server: &MockServer) {
        Mock::given(path_regex("^/v2(/|$)"))
            .respond_with(self.responder())
            .with_priority(PRIORITY)
            .named("Neon CRM API v2")
            .mount(server)
            .await;
    }
}
