//! The live page over raw sockets: who is let in, and what a stream of events loses.

use neon_mock::api::{AccountId, Endpoint};
use neon_mock::time::Timestamp;
use neonbench::live::{
    LiveCurve, LiveFold, LivePage, LiveSnapshot, LiveSource, LiveState, Mark, RunEnd, RunFacts,
    Webhooks,
};
use neonbench_engine::event::{
    AccountOutcome, Attempt, Event, FailedCall, Failure, Observer as _, Outcome,
};
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::TcpStream;
use std::sync::{Arc, Mutex};
use std::time::Duration;

/// A run that is made of a fold and nothing else.
struct Told(Mutex<LiveFold>);

impl Told {
    fn new() -> Arc<Self> {
        Arc::new(Self(Mutex::new(LiveFold::new(None))))
    }

    fn tell(&self, change: impl FnOnce(&mut LiveFold)) {
        change(&mut self.0.lock().unwrap());
    }
}

impl LiveSource for Told {
    fn facts(&self) -> RunFacts {
        RunFacts { strategy: "hybrid".to_owned(), ..RunFacts::default() }
    }

    fn look(&self) -> LiveSnapshot {
        self.0.lock().unwrap().snapshot(Timestamp::ZERO, 0)
    }

    fn marks_after(&self, after: u64) -> Vec<Mark> {
        self.0.lock().unwrap().marks_after(after)
    }

    fn line(&self) -> LiveCurve {
        self.0.lock().unwrap().line()
    }
}

/// A page, its port and its token.
fn served(source: Arc<Told>) -> (LivePage, u16, String) {
    let page = LivePage::start(None, 0, source).unwrap();
    let (address, token) = page.url().strip_prefix("http://").unwrap().split_once("/t/").unwrap();
    let port = address.rsplit(':').next().unwrap().parse().unwrap();
    let token = token.to_owned();
    assert_eq!(token.len(), 32);
    (page, port, token)
}

/// Sends `request` as it is; the answer, once the server has closed the connection.
pub(crate) fn answer(port: u16, request: &str) -> String {
    let mut stream = TcpStream::connect(("127.0.0.1", port)).unwrap();
    stream.set_read_timeout(Some(Duration::from_secs(60))).unwrap();
    stream.write_all(request.as_bytes()).unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    answer
}

pub(crate) fn status(answer: &str) -> u16 {
    answer.split(' ').nth(1).unwrap_or_default().parse().unwrap_or(0)
}

/// A request with the cookie, and more headers.
pub(crate) fn request(verb: &str, path: &str, (port, token): (u16, &str), more: &str) -> String {
    format!(
        "{verb} {path} HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nCookie: neonbench_live_{port}={token}\r\n{more}\
         Connection: close\r\n\r\n"
    )
}

const PATHS: [&str; 5] = ["/", "/state", "/history", "/events", "/nowhere"];

#[test]
fn the_token_becomes_a_cookie_and_every_answer_is_guarded() {
    let source = Told::new();
    let (_page, port, token) = served(Arc::clone(&source));
    let host = format!("Host: localhost:{port}\r\nConnection: close\r\n\r\n");
    let entered = answer(port, &format!("GET /t/{token} HTTP/1.1\r\n{host}"));
    assert_eq!(status(&entered), 303, "{entered}");
    let lower = entered.to_lowercase();
    assert!(lower.contains("location: /\r\n"), "{entered}");
    let cookie = format!("neonbench_live_{port}={token}; HttpOnly; SameSite=Strict; Path=/");
    assert!(entered.contains(&cookie), "{entered}");
    for path in ["/", "/state", "/history", "/nowhere"] {
        for verb in ["GET", "HEAD"] {
            let found = answer(port, &request(verb, path, (port, &token), ""));
            let expected = if path == "/nowhere" { 404 } else { 200 };
            assert_eq!(status(&found), expected, "{verb} {path}: {found}");
            let (head, body) = found.split_once("\r\n\r\n").unwrap();
            assert_eq!(body.is_empty(), verb == "HEAD", "{verb} {path}: {body}");
            let head = head.to_lowercase();
            for header in [
                "content-security-policy: default-src 'none'",
                "x-content-type-options: nosniff",
                "referrer-policy: no-referrer",
                "cache-control: no-store",
            ] {
                assert!(head.contains(header), "{path}: no {header} in {head}");
            }
            assert!(!head.contains("access-control"), "{head}");
        }
    }
}

#[test]
fn no_verb_but_get_and_head_is_answered_on_any_route() {
    let (_page, port, token) = served(Told::new());
    for verb in ["POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "BREW"] {
        for path in PATHS.into_iter().chain(["/t/", "*"]) {
            let body = "Content-Length: 2\r\n";
            let found = answer(port, &request(verb, path, (port, &token), body));
            let status = status(&found);
            assert!(matches!(status, 400 | 405), "{verb} {path}: {found}");
        }
    }
}

#[test]
fn foreign_requests_are_refused() {
    let (_page, port, token) = served(Told::new());
    let known = (port, &*token);
    let other = format!("Origin: http://127.0.0.1:{}\r\n", port.wrapping_add(1));
    let cookie = format!("Cookie: neonbench_live_{port}={token}\r\n");
    for path in PATHS {
        let cases = [
            (request("GET", path, known, "Origin: https://evil.example\r\n"), 403),
            (request("GET", path, known, "Origin: null\r\n"), 403),
            // A page on another port of this machine.
            (request("GET", path, known, &other), 403),
            (request("GET", path, known, "Sec-Fetch-Site: same-site\r\n"), 403),
            (request("GET", path, known, "Sec-Fetch-Site: cross-site\r\n"), 403),
            (request("GET", path, (port, "0".repeat(32).as_str()), ""), 401),
            (
                format!(
                    "GET {path} HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nConnection: close\r\n\r\n"
                ),
                401,
            ),
            (
                format!(
                    "GET {path} HTTP/1.1\r\nHost: rebound.example:{port}\r\n{cookie}Connection: close\r\n\r\n"
                ),
                421,
            ),
            (format!("GET {path} HTTP/1.0\r\n{cookie}\r\n"), 421),
            (
                format!(
                    "GET http://evil.example{path} HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\n{cookie}Connection: close\r\n\r\n"
                ),
                421,
            ),
        ];
        for (request, expected) in cases {
            let found = answer(port, &request);
            assert_eq!(status(&found), expected, "{request}{found}");
            assert!(!found.contains("hybrid"), "{found}");
        }
    }
    // Both loopback addresses are served, and no other.
    assert!(TcpStream::connect(("::1", port)).is_ok());
    let mut stream = TcpStream::connect(("127.0.0.2", port));
    assert!(stream.as_mut().is_err(), "all of 127/8 is listened on");
}

/// Reads events of a stream that goes on after mark `after`, until `until` says so of the line that came.
pub(crate) fn read_events(
    port: u16,
    token: &str,
    after: Option<u64>,
    mut until: impl FnMut(&str) -> bool,
) {
    let mut stream = TcpStream::connect(("127.0.0.1", port)).unwrap();
    stream.set_read_timeout(Some(Duration::from_secs(60))).unwrap();
    let after = after.map_or_else(String::new, |id| format!("Last-Event-ID: {id}\r\n"));
    stream.write_all(request("GET", "/events", (port, token), &after).as_bytes()).unwrap();
    for line in BufReader::new(stream).lines() {
        if until(&line.unwrap()) {
            return;
        }
    }
    panic!("the stream ended");
}

#[test]
fn twenty_cut_connections_lose_no_mark() {
    let source = Told::new();
    let (_page, port, token) = served(Arc::clone(&source));
    let mut seen: Vec<u64> = Vec::new();
    let order = Event::Slowed { at: Timestamp::ZERO, headroom: 1, by: "somebody".into() };
    for round in 0..20_u64 {
        for _ in 0..5 {
            source.tell(|fold| fold.observe(&order));
        }
        // Cut after one to five marks, wherever that is in the stream.
        let wanted = 1 + round % 5;
        let last = seen.last().copied();
        let mut came = 0;
        read_events(port, &token, last, |line| {
            if let Some(id) = line.strip_prefix("id: ") {
                seen.push(id.parse().unwrap());
                came += 1;
            }
            came == wanted
        });
    }
    let last = seen.last().copied();
    while seen.last() < Some(&100) {
        read_events(port, &token, last, |line| {
            seen.extend(line.strip_prefix("id: ").map(|id| id.parse::<u64>().unwrap()));
            seen.last() >= Some(&100)
        });
    }
    assert_eq!(seen, (1..=100).collect::<Vec<_>>());
}

#[test]
fn the_end_is_told_and_closes_the_stream() {
    let source = Told::new();
    let (page, port, token) = served(Arc::clone(&source));
    assert!(!page.is_viewed());
    let mut names = Vec::new();
    read_events(port, &token, None, |line| {
        names.extend(line.strip_prefix("event: ").map(str::to_owned));
        if names.len() == 2 {
            let verdict = RunEnd {
                exit_code: Some(3),
                words: "2 accounts failed".to_owned(),
                next: "neonbench retry 7".to_owned(),
                report: None,
            };
            source.tell(|fold| fold.end(Timestamp::ZERO, verdict));
        }
        names.last().is_some_and(|name| name == "end") && line.contains("2 accounts failed")
    });
    assert_eq!(names[0], "hello");
    assert!(names[1..].iter().any(|name| name == "tick"), "{names:?}");
    while !page.is_end_seen() {
        std::thread::yield_now();
    }
    // Whoever comes later is told the end, too, and the stream ends.
    let late = answer(port, &request("GET", "/events", (port, &token), ""));
    assert!(late.contains("event: end\n") && late.contains("2 accounts failed"), "{late}");
}

#[test]
fn viewers_are_bounded() {
    let (page, port, token) = served(Told::new());
    let mut open = Vec::new();
    for _ in 0..16 {
        let mut stream = TcpStream::connect(("127.0.0.1", port)).unwrap();
        stream.write_all(request("GET", "/events", (port, &token), "").as_bytes()).unwrap();
        let mut first = [0; 12];
        stream.read_exact(&mut first).unwrap();
        assert_eq!(&first, b"HTTP/1.1 200");
        open.push(stream);
    }
    let refused = answer(port, &request("GET", "/events", (port, &token), ""));
    assert_eq!(status(&refused), 503, "{refused}");
    assert!(page.is_viewed());
    drop(open);
    // Their places are free again once the server has seen that they are gone.
    let is_free = || {
        let mut stream = TcpStream::connect(("127.0.0.1", port)).unwrap();
        stream.write_all(request("GET", "/events", (port, &token), "").as_bytes()).unwrap();
        let mut first = [0; 12];
        stream.read_exact(&mut first).unwrap();
        &first == b"HTTP/1.1 200"
    };
    while !is_free() {
        std::thread::yield_now();
    }
}

/// Events of a large run at `now`: each endpoint called, each outcome met.
fn everything_at(fold: &mut LiveFold, now: Timestamp) {
    for endpoint in Endpoint::ALL {
        fold.observe(&Event::Limited { at: now, endpoint, limit: u32::MAX });
        for outcome in Outcome::ALL {
            let (queued, paced) = (Duration::ZERO, Duration::from_millis(17));
            fold.observe(&Event::Sent { at: now, endpoint, queued, paced });
            fold.observe(&Event::Done(Attempt {
                endpoint,
                attempt: 1,
                due_at: now,
                sent_at: now,
                done_at: now + Duration::from_micros(123_457),
                outcome,
            }));
            let call = FailedCall { endpoint, outcome, status: None, attempts: 5 };
            let failure = Failure { call: Some(call), message: "said".to_owned(), value: None };
            let (id, end) = (AccountId(1), AccountOutcome::Failed(failure));
            fold.observe(&Event::Landed { at: now, id, end });
            fold.observe(&Event::Written { at: now, read_at: now });
        }
    }
}

#[test]
fn a_snapshot_of_the_largest_run_is_small() {
    let mut fold = LiveFold::new(Some(Webhooks { per_write: 3.0 }));
    fold.observe(&Event::Started { at: Timestamp::ZERO });
    fold.observe(&Event::Enumerated { resources: u64::MAX });
    let mut now = Timestamp::ZERO;
    for _ in 0..700 {
        now = now + Duration::from_secs(1);
        everything_at(&mut fold, now);
    }
    fold.set_left(now, [1.0 / 3.0, 1e6 / 3.0, 1e9 / 3.0]);
    fold.set_regime(now, "change ".repeat(20), "advice ".repeat(60));
    let snapshot = fold.snapshot(now, i64::MAX);
    assert_eq!(snapshot.state, LiveState::Running);
    let json = serde_json::to_string(&snapshot).unwrap();
    assert!(json.len() <= 4_096, "{} bytes: {json}", json.len());
    assert!(fold.line().points.len() <= 600);
    assert!(fold.marks_after(0).len() <= 1_000);
}

/// Eight hours of a run, looked at once a second. Run it alone: `.ci/long` does.
#[test]
#[ignore = "half a minute; .ci/long runs it"]
fn eight_hours_take_no_more_memory_than_three() {
    let mut fold = LiveFold::new(None);
    fold.observe(&Event::Started { at: Timestamp::ZERO });
    fold.observe(&Event::Enumerated { resources: 1_000_000 });
    let mut when_full = 0;
    for second in 0..8 * 3_600_u64 {
        let now = Timestamp::ZERO + Duration::from_secs(second);
        everything_at(&mut fold, now);
        let json = serde_json::to_string(&fold.snapshot(now, 0)).unwrap();
        assert!(json.len() <= 4_096);
        assert!(fold.line().points.len() <= 600);
        // The ring of marks is full by then.
        if second == 3 * 3_600 {
            when_full = resident_kib();
        }
    }
    let grown = resident_kib().saturating_sub(when_full);
    println!("{when_full} KiB after three hours, {grown} KiB more after eight");
    assert!(grown <= 1_024, "{grown} KiB more than after three hours");
}

/// The memory that this process holds, on Linux.
fn resident_kib() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    line.and_then(|it| it.split_whitespace().next()?.parse().ok()).unwrap_or(0)
}
