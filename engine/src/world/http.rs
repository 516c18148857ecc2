//! Transport over HTTP, to Neon or to the mock's server.

use super::executor::runtime;
use crate::transport::{TIMEOUT, Traffic, Transport, TransportError};
use hyper_util::client::legacy::connect::HttpInfo;
use hyper_util::client::proxy::matcher::Matcher;
use neon_mock::api::http::{encode, parse_response};
use neon_mock::api::{Body, Endpoint, Request, Response, Status};
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
    /// The addresses of its host, looked up once: the guard judges them, and calls go to them alone. None where the
    /// name is unknown here.
    addresses: Vec<SocketAddr>,
}

/// Path at which the mock says that it is one, from the root of its server.
pub const HEALTH_PATH: &str = "/__mock/health";

/// Time in which the mock says that it is one.
const HEALTH_TIMEOUT: Duration = Duration::from_secs(5);

/// The most bytes of that answer.
const MAX_HEALTH: usize = 64 << 10;

impl Target {
    /// The server at `base_url`, whose name is looked up now.
    ///
    /// Errors: [`HttpError::Url`], as of [`check_url`](Self::check_url).
    pub fn new(base_url: &str, org_id: &str, api_key: &str) -> Result<Self, HttpError> {
        let url = Self::check_url(base_url)?;
        let addresses = url.socket_addrs(|| None).unwrap_or_default();
        Ok(Self {
            base_url: base_url.trim_end_matches('/').to_owned(),
            org_id: org_id.to_owned(),
            api_key: api_key.to_owned(),
            addresses,
        })
    }

    /// Checks an address, without a call.
    ///
    /// Errors: [`HttpError::Url`]; the message does not repeat the address, which may hold a
    /// secret.
    pub fn check_url(base_url: &str) -> Result<Url, HttpError> {
        let url =
            Url::parse(base_url).map_err(|error| HttpError::Url { reason: error.to_string() })?;
        let wrong = |reason: &str| Err(HttpError::Url { reason: reason.to_owned() });
        if !matches!(url.scheme(), "http" | "https") || url.host_str().is_none() {
            return wrong("it needs http:// or https:// and a host");
        }
        if !url.username().is_empty() || url.password().is_some() {
            return wrong("credentials go into the organisation id and the API key");
        }
        if url.query().is_some() || url.fragment().is_some() {
            return wrong("paths are added to it, so that it has no ? and no #");
        }
        Ok(url)
    }

    fn url(&self) -> Url {
        Url::parse(&self.base_url).expect("it was checked when it was made")
    }

    /// True if the server is on this machine: it is named by a loopback address, or as `localhost` while that
    /// resolves to nothing else.
    pub fn is_loopback(&self) -> bool {
        let url = self.url();
        let host = url.host_str().unwrap_or_default().trim_matches(['[', ']']);
        let is_local = host == "localhost" || host.parse::<IpAddr>().is_ok();
        let mut ips = self.addresses.iter().map(SocketAddr::ip);
        is_local && !self.addresses.is_empty() && ips.all(|ip| ip.is_loopback())
    }

    /// True if calls go to another machine in clear text.
    pub fn is_plain_http(&self) -> bool {
        self.url().scheme() == "http" && !self.is_loopback()
    }

    /// The proxy of the environment that calls go through, without its credentials; none on this machine.
    pub fn proxy(&self) -> Option<String> {
        if self.is_loopback() {
            return None;
        }
        let proxy = Matcher::from_env().intercept(&self.base_url.parse().ok()?)?;
        let uri = proxy.uri();
        let host = uri.host()?;
        let port = uri.port().map_or_else(String::new, |port| format!(":{port}"));
        Some(format!("{}://{host}{port}", uri.scheme_str().unwrap_or("http")))
    }

    /// True if the server may be written to: `allowed` is its organisation's id, which a person has named for this
    /// purpose; or it is on this machine, and says that it is the mock. (A port of this machine may be forwarded to
    /// any other.)
    ///
    /// Errors: it is on this machine, and cannot be asked.
    /// Panics inside a tokio runtime.
    pub fn is_writable(&self, allowed: Option<&str>) -> Result<bool, TransportError> {
        if !self.org_id.is_empty() && allowed == Some(&*self.org_id) {
            return Ok(true);
        }
        if !self.is_loopback() {
            return Ok(false);
        }
        let broken = |reason: String| TransportError::Unreachable(reason);
        let runtime = runtime().map_err(|error| broken(error.to_string()))?;
        runtime.block_on(self.is_mock())
    }

    /// Asks the server, without credentials, whether it is the mock.
    async fn is_mock(&self) -> Result<bool, TransportError> {
        let client = self.client(HEALTH_TIMEOUT);
        let client = client.map_err(|error| TransportError::Unreachable(error.to_string()))?;
        let mut url = self.url();
        url.set_path(HEALTH_PATH);
        let answer = match client.get(url).send().await {
            Ok(answer) if answer.status().is_success() => answer,
            Err(error) if error.is_connect() => return Err(broken(&error)),
            _ => return Ok(false),
        };
        let Ok(body) = body_of(answer, MAX_HEALTH).await else { return Ok(false) };
        let health: serde_json::Value = serde_json::from_slice(&body).unwrap_or_default();
        Ok(health["status"] == "up" && health["up_s"].is_number() && health["version"].is_string())
    }

    /// A client that connects to the addresses that were looked up, and follows no redirect: it would take the
    /// credentials elsewhere.
    fn client(&self, timeout: Duration) -> Result<Client, HttpError> {
        // A process has one TLS provider; a second run finds it installed.
        rustls::crypto::ring::default_provider().install_default().ok();
        let mut client =
            Client::builder().timeout(timeout).tcp_nodelay(true).redirect(Policy::none());
        if self.is_loopback() {
            client = client.no_proxy();
            if self.url().scheme() == "http" {
                // No TLS, not even to a proxy, and to read the system's certificates takes longer than a short run.
                client = client.tls_certs_only([]);
            }
        }
        if let Some(host) = self.url().domain()
            && !self.addresses.is_empty()
        {
            client = client.resolve_to_addrs(host, &self.addresses);
        }
        Ok(client.build()?)
    }
}

impl std::fmt::Debug for Target {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Target").field("base_url", &self.base_url).finish_non_exhaustive()
    }
}

/// An answer as it came.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PlainAnswer {
    /// The HTTP status.
    pub status: u16,
    /// The server's calendar (`Date`), in seconds since 1970, UTC.
    pub date_unix_s: Option<u64>,
    /// The body.
    pub body: Vec<u8>,
}

/// The most bytes of such an answer.
const MAX_PLAIN: usize = 4 << 20;

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
        let client = target.client(timeout)?;
        Ok(Self { client, target, local_ends: RefCell::default(), body_bytes: Cell::new(0) })
    }

    /// The answer to a GET of `path` below the base path, whatever its status: for calls that are no part of a
    /// migration. It is not tried again.
    ///
    /// Errors: [`TransportError`] if there is no whole answer.
    pub async fn get(&self, path: &str) -> Result<PlainAnswer, TransportError> {
        let url = format!("{}{path}", self.target.base_url);
        let http = self.client.get(url).basic_auth(&self.target.org_id, Some(&self.target.api_key));
        let answer =
            http.header(ACCEPT, "application/json").send().await.map_err(|error| broken(&error))?;
        let date = answer.headers().get(DATE).and_then(|date| date.to_str().ok());
        let date = date.and_then(|date| httpdate::parse_http_date(date).ok());
        let since = date.and_then(|date| date.duration_since(SystemTime::UNIX_EPOCH).ok());
        let (status, date_unix_s) = (answer.status().as_u16(), since.map(|it| it.as_secs()));
        Ok(PlainAnswer { status, date_unix_s, body: body_of(answer, MAX_PLAIN).await? })
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
        let body = body_of(answer, max_body(request.endpoint())).await?;
        let response = parse_response(request.endpoint(), status, &body)
            .map_err(|error| TransportError::Malformed(error.source.to_string()))?;
        if let (Request::GetAccount(id), Body::Account(account)) = (request, &response.body)
            && let Some(other) = account.body.account_id.filter(|other| other != id)
            && status != Status::MERGED
        {
            return Err(TransportError::Malformed(format!("it is of account {other}")));
        }
        Ok(Response { retry_after, ..response })
    }
}

/// The most bytes that an answer may have: many times what the largest organisation needs, so that a server
/// cannot fill the memory.
const fn max_body(endpoint: Endpoint) -> usize {
    match endpoint {
        Endpoint::ListCustomFields => 64 << 20,
        Endpoint::SearchAccounts => 16 << 20,
        _ => 4 << 20,
    }
}

/// The body of an answer, of at most `most` bytes. Compressed bodies are not asked for, and not unpacked.
async fn body_of(mut answer: reqwest::Response, most: usize) -> Result<Vec<u8>, TransportError> {
    let mut body = Vec::new();
    while let Some(chunk) = answer.chunk().await.map_err(|error| broken(&error))? {
        if body.len() + chunk.len() > most {
            let most = most >> 10;
            return Err(TransportError::Malformed(format!("it has more than {most} KiB")));
        }
        body.extend_from_slice(&chunk);
    }
    Ok(body)
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

    /// Whatever a name is called, its addresses decide; and a name of this machine that is not `localhost` may be
    /// another's tomorrow.
    #[test]
    fn the_guard_looks_at_the_address() {
        let at = |host: &str, addresses: &[&str]| {
            let target = Target::new(&format!("http://{host}:1/v2"), "org", "key").unwrap();
            let addresses = addresses.iter().map(|ip| SocketAddr::new(ip.parse().unwrap(), 1));
            Target { addresses: addresses.collect(), ..target }.is_loopback()
        };
        assert!(at("localhost", &["127.0.0.1"]) && at("localhost", &["::1", "127.0.0.1"]));
        assert!(at("127.0.0.1", &["127.0.0.1"]) && at("[::1]", &["::1"]));
        // A line in /etc/hosts.
        assert!(!at("localhost", &["10.9.9.9"]) && !at("localhost", &["127.0.0.1", "10.9.9.9"]));
        assert!(!at("localhost", &[]) && !at("example.org", &["127.0.0.1"]));
        for elsewhere in ["10.9.9.9", "0.0.0.0", "[::]", "[::ffff:10.9.9.9]", "localhost."] {
            let target = Target::new(&format!("http://{elsewhere}:1/v2"), "org", "key").unwrap();
            assert!(!target.is_loopback() && target.is_plain_http(), "{elsewhere}");
            assert!(matches!(target.is_writable(Some("other")), Ok(false)), "{elsewhere}");
        }
        for wrong in ["http://127.0.0.1/v2?x", "http://127.0.0.1/v2#x", "http://u@127.0.0.1/v2"] {
            assert!(Target::new(wrong, "org", "key").is_err(), "{wrong}");
        }
    }

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
