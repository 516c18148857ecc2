//! Access to a live page: a request is judged by its head alone.
//!
//! Other pages in the same browser, other machines and other users of this machine can all send requests to a port of
//! this machine. The address must be ours by its `Host`, a script of another page is told by `Origin` and
//! `Sec-Fetch-Site`, and the token, once in the address and then in a cookie, keeps other users out.

use crate::digest::sha256;
use hyper::header::{COOKIE, HOST, ORIGIN};
use hyper::{Method, Request, StatusCode};
use std::net::SocketAddr;

/// The way of a request that is let in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Entry {
    /// It has the cookie.
    Known,
    /// It has the token in its address, and gets the cookie.
    WithToken,
}

/// A request that is turned away: the status, and why.
pub(super) type TurnedAway = (StatusCode, &'static str);

/// The gate of one page.
#[derive(Clone, Debug)]
pub(super) struct PageAccess {
    /// Hosts with port that are ours.
    hosts: Vec<String>,
    token: String,
    cookie: String,
}

/// Path below which the token stands.
const TOKEN_PATH: &str = "/t/";

impl PageAccess {
    /// The gate of a page at `addr`, whose viewers know `token`.
    pub(super) fn new(addr: SocketAddr, token: String) -> Self {
        let port = addr.port();
        let mut hosts: Vec<String> =
            ["127.0.0.1", "localhost", "[::1]"].map(|host| format!("{host}:{port}")).into();
        if !addr.ip().is_loopback() {
            hosts.push(addr.to_string());
        }
        // Cookies know no ports: another page of this machine must not overwrite it.
        Self { hosts, token, cookie: format!("neonbench_live_{port}") }
    }

    /// The path that lets a browser in once.
    pub(super) fn entrance(&self) -> String {
        format!("{TOKEN_PATH}{}", self.token)
    }

    /// The cookie that lets it in from then on.
    pub(super) fn cookie(&self) -> String {
        format!("{}={}; HttpOnly; SameSite=Strict; Path=/", self.cookie, self.token)
    }

    /// Judges a request.
    ///
    /// Errors: it is turned away.
    pub(super) fn judge<B>(&self, head: &Request<B>) -> Result<Entry, TurnedAway> {
        let host = only(head, HOST.as_str()).filter(|host| self.is_ours(host));
        let asks_here = match (head.uri().authority(), host) {
            (_, None) => false,
            (Some(authority), Some(_)) => self.is_ours(authority.as_str()),
            (None, Some(_)) => true,
        };
        if !asks_here {
            return Err((StatusCode::MISDIRECTED_REQUEST, "this address is not served here"));
        }
        if ![Method::GET, Method::HEAD].contains(head.method()) {
            return Err((StatusCode::METHOD_NOT_ALLOWED, "the page is read only: GET and HEAD"));
        }
        if head.headers().contains_key(ORIGIN) {
            let origin = only(head, ORIGIN.as_str()).and_then(|it| it.strip_prefix("http://"));
            if !origin.is_some_and(|host| self.is_ours(host)) {
                return Err((StatusCode::FORBIDDEN, "another page asks"));
            }
        }
        if head.headers().contains_key("sec-fetch-site")
            && !matches!(only(head, "sec-fetch-site"), Some("same-origin" | "none"))
        {
            return Err((StatusCode::FORBIDDEN, "another page asks"));
        }
        if let Some(token) = head.uri().path().strip_prefix(TOKEN_PATH) {
            return if self.is_token(token) { Ok(Entry::WithToken) } else { Err(NOT_KNOWN) };
        }
        let cookies = head.headers().get_all(COOKIE).iter().filter_map(|it| it.to_str().ok());
        let mut tokens = cookies
            .flat_map(|cookies| cookies.split(';'))
            .filter_map(|cookie| cookie.trim().split_once('='))
            .filter_map(|(name, token)| (name == self.cookie).then_some(token));
        if tokens.any(|token| self.is_token(token)) { Ok(Entry::Known) } else { Err(NOT_KNOWN) }
    }

    fn is_ours(&self, host: &str) -> bool {
        self.hosts.iter().any(|ours| ours.eq_ignore_ascii_case(host))
    }

    /// By digests: the time of the comparison tells nothing of the token.
    fn is_token(&self, token: &str) -> bool {
        sha256(token.as_bytes()) == sha256(self.token.as_bytes())
    }
}

const NOT_KNOWN: TurnedAway =
    (StatusCode::UNAUTHORIZED, "open the address that the command printed: it has the token");

/// The value of a header that is there once.
fn only<'a, B>(head: &'a Request<B>, name: &str) -> Option<&'a str> {
    let mut values = head.headers().get_all(name).iter();
    let value = values.next()?.to_str().ok()?;
    values.next().is_none().then_some(value)
}

#[cfg(test)]
mod tests {
    use super::*;
    use hyper::Request;

    /// Verb, address and headers of a request, and the status that it gets.
    type Case<'a> = (&'a str, &'a str, &'a [(&'a str, &'a str)], u16);

    const TOKEN: &str = "0123456789abcdef0123456789abcdef";

    fn judged(verb: &str, uri: &str, headers: &[(&str, &str)]) -> Result<Entry, u16> {
        let gate = PageAccess::new("127.0.0.1:4000".parse().unwrap(), TOKEN.to_owned());
        let mut request = Request::builder().method(verb).uri(uri);
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        gate.judge(&request.body(()).unwrap()).map_err(|(status, _)| status.as_u16())
    }

    #[test]
    fn who_has_the_token_is_let_in() {
        let entrance = format!("/t/{TOKEN}");
        for host in ["127.0.0.1:4000", "localhost:4000", "LOCALHOST:4000", "[::1]:4000"] {
            assert_eq!(judged("GET", &entrance, &[("host", host)]), Ok(Entry::WithToken));
        }
        let cookie = format!("theme=dark; neonbench_live_4000={TOKEN}");
        let known = [("host", "127.0.0.1:4000"), ("cookie", &*cookie)];
        assert_eq!(judged("HEAD", "/events", &known), Ok(Entry::Known));
        let own = [("origin", "http://127.0.0.1:4000"), ("sec-fetch-site", "same-origin")];
        assert_eq!(judged("GET", "/", &[known.as_slice(), &own].concat()), Ok(Entry::Known));
    }

    #[test]
    fn everybody_else_is_turned_away() {
        let entrance = format!("/t/{TOKEN}");
        let cookie = format!("neonbench_live_4000={TOKEN}");
        let (host, cookie) = (("host", "127.0.0.1:4000"), ("cookie", &*cookie));
        let cases: &[Case<'_>] = &[
            ("GET", &entrance, &[], 421),
            ("GET", &entrance, &[("host", "127.0.0.1")], 421),
            ("GET", &entrance, &[("host", "127.0.0.1:4001")], 421),
            ("GET", &entrance, &[("host", "evil.example:4000")], 421),
            ("GET", &entrance, &[host, host], 421),
            ("GET", "http://evil.example:4000/", &[host, cookie], 421),
            ("POST", "/", &[host, cookie], 405),
            ("DELETE", &entrance, &[host], 405),
            ("OPTIONS", "/", &[host, cookie], 405),
            ("GET", "/", &[host, cookie, ("origin", "http://evil.example")], 403),
            ("GET", "/", &[host, cookie, ("origin", "null")], 403),
            ("GET", "/", &[host, cookie, ("origin", "http://127.0.0.1:4001")], 403),
            ("GET", "/", &[host, cookie, ("origin", "https://127.0.0.1:4000")], 403),
            ("GET", "/", &[host, cookie, ("sec-fetch-site", "same-site")], 403),
            ("GET", &entrance, &[host, ("sec-fetch-site", "cross-site")], 403),
            ("GET", "/", &[host], 401),
            ("GET", "/t/", &[host, cookie], 401),
            ("GET", "/t/0123", &[host, cookie], 401),
            ("GET", "/", &[host, ("cookie", "neonbench_live_4000=0")], 401),
            (
                "GET",
                "/",
                &[host, ("cookie", "neonbench_live_4001=0123456789abcdef0123456789abcdef")],
                401,
            ),
        ];
        for (verb, uri, headers, status) in cases {
            assert_eq!(judged(verb, uri, headers), Err(*status), "{verb} {uri} {headers:?}");
        }
    }
}
