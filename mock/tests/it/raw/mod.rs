//! A client of bytes: it sends what no HTTP client would, and shows what came back.

#![allow(dead_code, reason = "each test takes what it needs")]

use neon_mock::NeonMock;
use std::io::{self, Read as _, Write as _};
use std::net::TcpStream;
use std::time::Duration;

/// Valid credentials.
pub(crate) const LET_IN: &str = "authorization: Basic ZGVtbzpkZW1v\r\n";

/// The first complete answer of a server.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) head: String,
    pub(crate) body: Vec<u8>,
}

impl Answer {
    /// The body's JSON.
    pub(crate) fn json(&self) -> serde_json::Value {
        serde_json::from_slice(&self.body).unwrap_or_else(|error| panic!("{error}: {self:?}"))
    }

    /// Panics unless it is this status with one error like Neon's.
    pub(crate) fn assert_refused(&self, status: u16) {
        assert_eq!(self.status, status, "{self:?}");
        assert!(self.json()[0]["code"].is_string(), "{self:?}");
    }
}

/// A connection that gives up reading after 20 s.
pub(crate) fn connect(mock: &NeonMock) -> TcpStream {
    let stream = TcpStream::connect(mock.addr()).unwrap();
    stream.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
    stream.set_write_timeout(Some(Duration::from_secs(20))).unwrap();
    stream.set_nodelay(true).unwrap();
    stream
}

/// One answer from `stream`; `Ok(None)` if the server closed it without one.
pub(crate) fn receive(stream: &mut TcpStream) -> io::Result<Option<Answer>> {
    let mut bytes = Vec::new();
    let mut byte = [0];
    while !bytes.ends_with(b"\r\n\r\n") {
        if stream.read(&mut byte)? == 0 {
            return Ok(None);
        }
        bytes.push(byte[0]);
    }
    let head = String::from_utf8(bytes).unwrap();
    let status = head.split(' ').nth(1).unwrap().parse().unwrap();
    let length = head.lines().find_map(|line| line.strip_prefix("content-length: "));
    let mut body = vec![0; length.map_or(0, |length| length.parse().unwrap())];
    stream.read_exact(&mut body)?;
    Ok(Some(Answer { status, head, body }))
}

/// The answer to `request` on a connection of its own.
pub(crate) fn ask(mock: &NeonMock, request: &[u8]) -> Answer {
    try_ask(mock, request).expect("an answer")
}

/// The same; `None` if the connection ended without one.
pub(crate) fn try_ask(mock: &NeonMock, request: &[u8]) -> Option<Answer> {
    let mut stream = connect(mock);
    // A server that has seen enough may close while the rest is on its way.
    let _ = stream.write_all(request);
    receive(&mut stream).ok().flatten()
}

/// A request with these headers and this body, and its length.
pub(crate) fn with_body(verb: &str, path: &str, headers: &str, body: &[u8]) -> Vec<u8> {
    let length = body.len();
    let head = format!(
        "{verb} {path} HTTP/1.1\r\nhost: x\r\n{LET_IN}{headers}content-length: {length}\r\n\r\n"
    );
    [head.as_bytes(), body].concat()
}

/// A GET of an account.
pub(crate) fn get(id: u64) -> Vec<u8> {
    format!("GET /v2/accounts/{id} HTTP/1.1\r\nhost: x\r\n{LET_IN}\r\n").into_bytes()
}

/// Panics unless the next client is answered.
pub(crate) fn assert_lives(mock: &NeonMock) {
    let answer = ask(mock, &get(1));
    assert_eq!(answer.status, 200, "{answer:?}");
}

/// So many headers.
pub(crate) fn headers(count: u32) -> String {
    (0..count).map(|n| format!("x-{n}: y\r\n")).collect::<Vec<_>>().concat()
}
