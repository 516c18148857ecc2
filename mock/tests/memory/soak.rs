//! A soak: ten million mixed requests with faults, well-formed and not, on connections that break. Memory and
//! descriptors stay flat, the counters are what was sent, and the pools are exact afterwards.

use super::raw::{LET_IN, connect, headers, receive};
use super::rss_kib;
use neon_mock::NeonMock;
use neon_mock::profile::Profile;
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::TcpStream;
use std::sync::Barrier;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;

/// Connections at once.
const CLIENTS: u64 = 16;

/// No service time but for lists of accounts, whose pool is looked at afterwards; one call in fifty goes wrong.
const PROFILE: &str = r#"
schema = 1
description = "a soak"
[limits]
pool = 5
reject_after = "0ms"
[service]
get = { law = "constant", time = "0ms" }
patch = { law = "constant", time = "0ms" }
put = { law = "constant", time = "0ms" }
search = { law = "constant", time = "0ms" }
metadata = { law = "constant", time = "0ms" }
[service.endpoints]
"GET /accounts" = { law = "constant", time = "5s" }
[[faults]]
share = 0.02
classes = ["get", "patch", "put", "search", "metadata"]
kinds = ["500", "502", "503", "504", "401", "reset-before", "reset-after", "empty", "malformed", "truncated", "errors-under-200", "429"]
"#;

/// Requests by what the mock makes of them.
#[derive(Default)]
struct Sent {
    /// Understood and with credentials: they reach the pools.
    valid: AtomicU64,
    unauthorized: AtomicU64,
    undecodable: AtomicU64,
    outside: AtomicU64,
    resets: AtomicU64,
}

impl Sent {
    fn total(&self) -> u64 {
        let all = [&self.valid, &self.unauthorized, &self.undecodable, &self.outside];
        all.into_iter().map(|count| count.load(Ordering::Relaxed)).sum()
    }
}

/// The requests of a round, each with its counter.
fn requests(sent: &Sent) -> Vec<(Vec<u8>, &AtomicU64)> {
    let ask = |verb: &str, path: &str, head: &str, body: &str| {
        let length = body.len();
        format!("{verb} {path} HTTP/1.1\r\nhost: x\r\ncontent-length: {length}\r\n{head}\r\n{body}")
            .into_bytes()
    };
    let mut all = Vec::new();
    for id in 1..=40_u64 {
        let account = format!("/v2/accounts/{id}");
        let item = |value: &str| {
            let item = format!("{{\"id\":\"86\",\"value\":\"{value}\"}}");
            format!("{{\"individualAccount\":{{\"accountCustomFields\":[{item}]}}}}")
        };
        let search = "{\"searchFields\":[{\"field\":\"Account ID\",\"operator\":\"NOT_BLANK\"}],\
                      \"outputFields\":[\"Account ID\"],\"pagination\":{\"currentPage\":0,\"pageSize\":5}}";
        for _ in 0..4 {
            all.push((ask("GET", &account, LET_IN, ""), &sent.valid));
        }
        all.push((ask("PATCH", &account, LET_IN, &item("a")), &sent.valid));
        all.push((ask("PATCH", &account, LET_IN, &item("b")), &sent.valid));
        all.push((ask("PUT", &account, LET_IN, &item("c")), &sent.valid));
        all.push((ask("POST", "/v2/accounts/search", LET_IN, search), &sent.valid));
        all.push((ask("GET", "/v2/customFields?category=Account", LET_IN, ""), &sent.valid));
        all.push((ask("GET", "/v2/accounts/99999", LET_IN, ""), &sent.valid));
        all.push((ask("GET", &account, "", ""), &sent.unauthorized));
        all.push((ask("GET", &account, "authorization: Basic eA==\r\n", ""), &sent.unauthorized));
        all.push((ask("PATCH", &account, LET_IN, "{\"individualAccount\":["), &sent.undecodable));
        all.push((ask("GET", &format!("/v2/accounts/{id}x"), LET_IN, ""), &sent.undecodable));
        all.push((ask("GET", &account[3..], LET_IN, ""), &sent.outside));
        let many = headers(50) + LET_IN;
        all.push((ask("GET", &account, &many, ""), &sent.valid));
    }
    all
}

/// Reads one answer to its end; false if the connection ended instead.
fn is_answered(stream: &mut BufReader<TcpStream>, line: &mut String) -> bool {
    let mut length = 0;
    loop {
        line.clear();
        if !matches!(stream.read_line(line), Ok(1..)) {
            return false;
        }
        if let Some(text) = line.strip_prefix("content-length: ") {
            length = text.trim().parse().unwrap();
        }
        if line == "\r\n" {
            return std::io::copy(&mut stream.take(length), &mut std::io::sink())
                .is_ok_and(|it| it == length);
        }
    }
}

/// Sends `count` requests in turn, on a new connection after each one that broke.
fn send(mock: &NeonMock, sent: &Sent, first: usize, count: u64) {
    let requests = requests(sent);
    let mut stream = BufReader::new(connect(mock));
    let mut line = String::new();
    for place in 0..count as usize {
        let (bytes, counter) = &requests[(first + place) % requests.len()];
        stream.get_mut().write_all(bytes).unwrap();
        counter.fetch_add(1, Ordering::Relaxed);
        if !is_answered(&mut stream, &mut line) {
            sent.resets.fetch_add(1, Ordering::Relaxed);
            stream = BufReader::new(connect(mock));
        }
    }
}

fn descriptors() -> usize {
    std::fs::read_dir("/proc/self/fd").unwrap().count()
}

/// Statuses of `count` lists of accounts that are asked for at once, in order.
fn lists(mock: &NeonMock, count: usize) -> Vec<u16> {
    let list = format!("GET /v2/accounts HTTP/1.1\r\nhost: x\r\n{LET_IN}\r\n");
    let mut streams: Vec<TcpStream> = (0..count).map(|_| connect(mock)).collect();
    for stream in &mut streams {
        stream.write_all(list.as_bytes()).unwrap();
    }
    let mut statuses: Vec<u16> =
        streams.iter_mut().map(|stream| receive(stream).unwrap().unwrap().status).collect();
    statuses.sort_unstable();
    statuses
}

#[tokio::test]
#[ignore = "ten million requests; .ci/long runs it"]
async fn ten_million_requests_leave_nothing_behind() {
    let requests: u64 =
        std::env::var("NEONBENCH_REQUESTS").map_or(10_000_000, |text| text.parse().unwrap());
    let profile = Profile::from_toml("soak", PROFILE).unwrap();
    let mock = NeonMock::builder().profile(profile.clone()).accounts(500).start().await;
    let (sent, before) = (Sent::default(), descriptors());
    let each = requests / CLIENTS;
    let warm = Barrier::new(CLIENTS as usize + 1);
    let grown_kib = thread::scope(|scope| {
        for client in 0..CLIENTS {
            let (mock, sent, warm) = (&mock, &sent, &warm);
            scope.spawn(move || {
                send(mock, sent, client as usize * 37, each / 5);
                warm.wait();
                warm.wait();
                send(mock, sent, client as usize * 41, each - each / 5);
                warm.wait();
                // Threads hold their memory until all have been measured.
                warm.wait();
            });
        }
        warm.wait();
        let of_second_million = rss_kib();
        warm.wait();
        warm.wait();
        let grown = rss_kib().saturating_sub(of_second_million);
        warm.wait();
        grown
    });
    let (total, resets) = (sent.total(), sent.resets.load(Ordering::Relaxed));
    println!(
        "{total} requests, {resets} connections broken, {grown_kib} KiB grown since the second fifth"
    );
    assert!(grown_kib <= 1 << 10, "{grown_kib} KiB");
    assert_eq!(
        mock.calls().total(),
        sent.valid.load(Ordering::Relaxed),
        "calls that reach the pools"
    );
    assert_eq!(mock.unauthorized(), sent.unauthorized.load(Ordering::Relaxed));
    assert_eq!(mock.undecodable(), sent.undecodable.load(Ordering::Relaxed));
    assert_eq!(mock.mishaps().outside, sent.outside.load(Ordering::Relaxed));
    assert!(resets > 0 && mock.in_flight() == 0);
    // The server notices on its own time that a client hung up.
    while descriptors() > before {
        thread::yield_now();
    }
    let calm = PROFILE.split("[[faults]]").next().unwrap();
    mock.set_profile(Profile::from_toml("calm", calm).unwrap());
    assert_eq!(lists(&mock, 5), [200; 5]);
    assert_eq!(lists(&mock, 6), [200, 200, 200, 200, 200, 429]);
    assert_eq!(lists(&mock, 10), [[200; 5], [429; 5]].concat());
}
