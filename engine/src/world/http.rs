//! Transport over HTTP, to Neon or to the mock's server.

use crate::transport::{TIMEOUT, Traffic, Transport, TransportError};
use hyper_util::client::legacy::connect::HttpInfo;
use neon_mock::api::http::{encode, parse_response};
use neon_mock::api::{Request, Response, Status};
use reqwest::header::{ACCEPT, CONTENT_TYPE, DATE, HeaderMap, RETRY_AFTER};
use reqwest::redirect::Policy;
use reqwest::{Client, Method, Url};
use std::cell::{Cell, RefCell};
use std::collections::BTreeSet;
use std::net::{IpAddr, SocketAddr};
use std::time::{Duration, SystemTime};

/// An address and the credentials for it.
#[derive(Clone)]
pub struct Target {
    /// The address with its base path, without a slash at the end.
    pub base_url: String,
    /// User of Basic auth.
    pub org_id: String,
    /// Password of Basic auth. Never printed.
    pub api_key: String,
}

impl Target {
    /// Checks the address, without a call.
    ///
    /// Errors: [`HttpError::Url`]; the message does not repeat the address, which may hold a
    /// secret.
    pub fn check(&self) -> Result<(), HttpError> {
        let url = Url::parse(&self.base_url)
            .map_err(|error| HttpError::Url { reason: error.to_string() })?;
        let wrong = |reason: &str| Err(HttpError::Url { reason: reason.to_owned() });
        if !matches!(url.scheme(), "http" | "https") || url.host_str().is_none() {
            return wrong("it needs http:// or https:// and a host");
        }
        if !url.username().is_empty() || url.password().is_some() {
            return wrong("credentials go into the organisation id and the API key");
        }
        Ok(())
    }

    /// True if the address is on this machine; false if it cannot be parsed.
    pub fn is_loopback(&self) -> bool {
        let Ok(url) = Url::parse(&self.base_url) else { return false };
        let Some(host) = url.host_str() else { return false };
        let host = host.trim_start_matches('[').trim_end_matches(']');
        host == "localhost" || host.parse::<IpAddr>().is_ok_and(|address| address.is_loopback())
    }

    /// True if the server may be written to: it is on this machine, or `allowed` is its organisation's id, which a
    /// person has named for this purpose.
    pub fn is_writable(&self, allowed: Option<&str>) -> bool {
        self.is_loopback() || (!self.org_id.is_empty() && allowed == Some(&*self.org_id))
    }
}

impl std::fmt::Debug for Target {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Target").field("base_url", &self.base_url).finish_non_exhaustive()
    }
}

/// A target that cannot be called.
#[derive(Debug, thiserror::Error)]
#[allow(missing_docs, reason = "the messages say it")]
pub enum HttpError {
    #[error("the base URL is no address such as http://127.0.0.1:8080/v2: {reason}")]
    Url { reason: String },
    #[error("cannot set up the HTTP client")]
    Client(#[from] reqwest::Error),
}

/// Calls Neon over HTTP.
#[derive(Debug)]
pub struct HttpTransport {
    client: Client,
    target: Target,
    /// Local addresses of the connections used.
    local_ends: RefCell<BTreeSet<SocketAddr>>,
    body_bytes: Cell<u64>,
}

impl HttpTransport {
    /// A client of `target`. Connections are made on demand and reused.
    ///
    /// Errors: [`HttpError`] if the address is unusable or TLS cannot be set up.
    pub fn new(target: Target) -> Result<Self, HttpError> {
        Self::with_timeout(target, TIMEOUT)
    }

    pub(super) fn with_timeout(target: Target, timeout: Duration) -> Result<Self, HttpError> {
        target.check()?;
        // A process has one TLS provider; a second run finds it installed.
        rustls::crypto::ring::default_provider().install_default().ok();
        // No redirects: they would send the credentials elsewhere.
        let mut client =
            Client::builder().timeout(timeout).tcp_nodelay(true).redirect(Policy::none());
        if target.is_loopback() {
            client = client.no_proxy();
        }
        let client = client.build()?;
        let base_url = target.base_url.trim_end_matches('/').to_owned();
        let target = Target { base_url, ..target };
        Ok(Self { client, target, local_ends: RefCell::default(), body_bytes: Cell::new(0) })
    }

    /// Connections and bytes so far.
    pub fn traffic(&self) -> Traffic {
        Traffic {
            connections_opened: self.local_ends.borrow().len() as u64,
            request_body_bytes: Some(self.body_bytes.get()),
        }
    }
}

impl Transport for HttpTransport {
    async fn call(&self, request: &Request) -> Result<Response, TransportError> {
        let call = encode(request);
        let method = Method::from_bytes(call.verb.as_bytes()).expect("a verb of the contract");
        let url = format!("{}{}", self.target.base_url, call.target);
        let mut http = self
            .client
            .request(method, url)
            .basic_auth(&self.target.org_id, Some(&self.target.api_key))
            .header(ACCEPT, "application/json");
        if let Some(body) = call.body {
            self.body_bytes.set(self.body_bytes.get() + body.len() as u64);
            http = http.header(CONTENT_TYPE, "application/json").body(body);
        }
        let answer = http.send().await.map_err(|error| broken(&error))?;
        if let Some(connection) = answer.extensions().get::<HttpInfo>() {
            self.local_ends.borrow_mut().insert(connection.local_addr());
        }
        let status = Status(answer.status().as_u16());
        let retry_after = retry_after(answer.headers());
        let body = answer.bytes().await.map_err(|error| broken(&error))?;
        parse_response(request.endpoint(), status, &body)
            .map(|response| Response { retry_after, ..response })
            .map_err(|error| TransportError::Malformed(error.source.to_string()))
    }
}

/// Delay that Retry-After asks for: seconds, or a date by the server's own clock (by ours if it
/// sends no Date). Anything else is ignored. Source: RFC 9110, 10.2.3.
fn retry_after(headers: &HeaderMap) -> Option<Duration> {
    let text = |name| headers.get(name)?.to_str().ok();
    let wait = text(RETRY_AFTER)?.trim();
    if let Ok(seconds) = wait.parse() {
        return Some(Duration::from_secs(seconds));
    }
    let date = httpdate::parse_http_date(wait).ok()?;
    let now = text(DATE).and_then(|date| httpdate::parse_http_date(date).ok());
    #[expect(clippy::disallowed_methods, reason = "a date on the wire is the calendar's")]
    let now = now.unwrap_or_else(SystemTime::now);
    Some(date.duration_since(now).unwrap_or_default())
}

/// Classifies an attempt without an answer. The address is left out: it may hold secrets.
fn broken(error: &reqwest::Error) -> TransportError {
    let mut reason: &dyn std::error::Error = error;
    while let Some(source) = reason.source() {
        reason = source;
    }
    if error.is_timeout() {
        TransportError::Timeout
    } else if error.is_connect() {
        TransportError::Unreachable(reason.to_string())
    } else {
        TransportError::Interrupted(reason.to_string())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn retry_after_is_seconds_or_a_date() {
        let wait = |retry: &str, date: &str| {
            let mut headers = HeaderMap::new();
            headers.insert(RETRY_AFTER, retry.parse().unwrap());
            headers.insert(DATE, date.parse().unwrap());
            retry_after(&headers)
        };
        let now = "Tue, 24 Nov 2026 10:00:00 GMT";
        assert_eq!(wait(" 7 ", now), Some(Duration::from_secs(7)));
        let later = "Tue, 24 Nov 2026 10:01:30 GMT";
        assert_eq!(wait(later, now), Some(Duration::from_secs(90)));
        assert_eq!(wait(now, later), Some(Duration::ZERO));
        assert_eq!(wait("soon", now), None);
        assert_eq!(wait("-1", now), None);
        assert_eq!(retry_after(&HeaderMap::new()), None);
    }
}
