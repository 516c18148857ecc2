//! Neon over HTTP: the real one, or the mock's server.

use crate::transport::{Transport, TransportError};
use hyper_util::client::legacy::connect::HttpInfo;
use neon_mock::api::http::{encode, parse_response};
use neon_mock::api::{Request, Response, Status};
use reqwest::header::{ACCEPT, CONTENT_TYPE};
use reqwest::{Client, Method, Url};
use std::cell::RefCell;
use std::collections::BTreeSet;
use std::net::SocketAddr;
use std::time::Duration;

/// How long an attempt may take before it counts as unanswered.
const TIMEOUT: Duration = Duration::from_secs(30);

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

impl std::fmt::Debug for Target {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Target").field("base_url", &self.base_url).finish_non_exhaustive()
    }
}

/// A target that cannot be called.
#[derive(Debug, thiserror::Error)]
#[allow(missing_docs, reason = "the messages say it")]
pub enum HttpError {
    #[error("`{url}` is no address such as http://127.0.0.1:8080/v2: {reason}")]
    Url { url: String, reason: String },
    #[error("cannot set up the HTTP client")]
    Client(#[from] reqwest::Error),
}

/// Calls Neon over HTTP.
#[derive(Debug)]
pub struct HttpTransport {
    client: Client,
    target: Target,
    /// Our own ends of the connections that answers came by.
    local_ends: RefCell<BTreeSet<SocketAddr>>,
}

impl HttpTransport {
    /// A client of `target`. Connections are made when they are needed, and kept.
    pub fn new(target: Target) -> Result<Self, HttpError> {
        let wrong = |reason: String| HttpError::Url { url: target.base_url.clone(), reason };
        let url = Url::parse(&target.base_url).map_err(|error| wrong(error.to_string()))?;
        if !matches!(url.scheme(), "http" | "https") || url.host_str().is_none() {
            return Err(wrong("expected http or https and a host".to_owned()));
        }
        // The first provider stays; a second run in this process finds it installed.
        rustls::crypto::ring::default_provider().install_default().ok();
        let client = Client::builder().timeout(TIMEOUT).tcp_nodelay(true).build()?;
        let base_url = target.base_url.trim_end_matches('/').to_owned();
        let target = Target { base_url, ..target };
        Ok(Self { client, target, local_ends: RefCell::default() })
    }

    /// Connections that answers came by so far.
    pub fn connections_opened(&self) -> u64 {
        self.local_ends.borrow().len() as u64
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
            http = http.header(CONTENT_TYPE, "application/json").body(body);
        }
        let answer = http.send().await.map_err(|error| broken(&error))?;
        if let Some(connection) = answer.extensions().get::<HttpInfo>() {
            self.local_ends.borrow_mut().insert(connection.local_addr());
        }
        let status = Status(answer.status().as_u16());
        let body = answer.bytes().await.map_err(|error| broken(&error))?;
        parse_response(request.endpoint(), status, &body)
            .map_err(|error| TransportError::Malformed(error.source.to_string()))
    }
}

/// What became of an attempt without an answer. The address is left out: it may hold secrets.
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
