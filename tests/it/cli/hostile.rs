//! Servers that misbehave, and the verbs that call a server: each ends in bounded time and memory, by a documented exit
//! code, and nothing is written by an answer of another account.
//!
//! Two verbs against each server here; every verb by
//! `cargo test --release --test it -- --ignored --nocapture every_verb_bears_every_server`.

use super::forwarder::Forwarder;
use super::journals::{digest, plain, served, started};
use super::place::Place;
use neon_mock::NeonMock;
use neonbench_engine::world::WallClock;
use std::io::{BufRead, BufReader, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;
use std::time::Duration;

const ACCOUNTS: u64 = 6;

/// Largest resident memory of a verb.
const MOST_KB: u64 = 256 << 10;

/// The misbehaviour of a server.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Misdeed {
    /// A body that never ends, in chunks.
    EndlessBody,
    /// A body of fifty gigabytes, as its length says.
    HugeBody,
    /// Headers that never end.
    EndlessHeaders,
    /// A million headers.
    MillionHeaders,
    /// A body that is shorter than its length says.
    ShortBody,
    /// A body that is longer than its length says.
    LongBody,
    /// A redirect to another server.
    Redirect,
    /// Zeros, packed by gzip.
    GzipBomb,
    /// Nothing that is HTTP.
    NoHttp,
    /// JSON, nested a million deep.
    DeepJson,
    /// An end before an answer.
    HangUp,
    /// The answer of another account.
    OtherAccount,
    /// Five more pages follow each, for ever.
    EndlessPages,
    /// The largest numbers of pages and results.
    HugeNumbers,
    /// Headers that never end, a byte per second.
    DripHead,
    /// A body that never ends, a byte per second.
    DripBody,
}

impl Misdeed {
    /// Longest time of a verb, on a machine that is busy with the others. Each call that drips is given up after half
    /// a minute.
    const fn most(self) -> Duration {
        Duration::from_secs(if matches!(self, Self::DripHead | Self::DripBody) { 180 } else { 60 })
    }
}

const DRIPS: [Misdeed; 2] = [Misdeed::DripHead, Misdeed::DripBody];

const MISDEEDS: [Misdeed; 14] = [
    Misdeed::EndlessBody,
    Misdeed::HugeBody,
    Misdeed::EndlessHeaders,
    Misdeed::MillionHeaders,
    Misdeed::ShortBody,
    Misdeed::LongBody,
    Misdeed::Redirect,
    Misdeed::GzipBomb,
    Misdeed::NoHttp,
    Misdeed::DeepJson,
    Misdeed::HangUp,
    Misdeed::OtherAccount,
    Misdeed::EndlessPages,
    Misdeed::HugeNumbers,
];

/// A server that passes calls on to the mock, but for those that it answers by its misdeed. Its threads end with the
/// test's process.
struct Hostile {
    addr: SocketAddr,
    /// Calls that came by a redirect.
    redirected: Arc<AtomicU64>,
}

impl Hostile {
    /// `only` is the part of a path whose calls are answered badly.
    fn start(misdeed: Misdeed, only: &'static str, upstream: SocketAddr) -> Self {
        let redirected = Arc::<AtomicU64>::default();
        let elsewhere = TcpListener::bind("127.0.0.1:0").unwrap();
        let location = elsewhere.local_addr().unwrap();
        let count = Arc::clone(&redirected);
        thread::spawn(move || {
            for _ in elsewhere.incoming() {
                count.fetch_add(1, Ordering::SeqCst);
            }
        });
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let addr = listener.local_addr().unwrap();
        thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let served = move || serve(stream, misdeed, only, upstream, location);
                thread::spawn(served);
            }
        });
        Self { addr, redirected }
    }
}

/// Head and body of a request or an answer.
fn message(from: &mut impl BufRead) -> Option<(String, Vec<u8>)> {
    let (mut head, mut length) = (String::new(), 0);
    loop {
        let before = head.len();
        if from.read_line(&mut head).ok()? == 0 {
            return None;
        }
        let line = head[before..].to_ascii_lowercase();
        if let Some(value) = line.strip_prefix("content-length:") {
            length = value.trim().parse().ok()?;
        }
        if line == "\r\n" {
            break;
        }
    }
    let mut body = vec![0; length];
    from.read_exact(&mut body).ok()?;
    Some((head, body))
}

fn serve(
    stream: TcpStream,
    misdeed: Misdeed,
    only: &str,
    upstream: SocketAddr,
    location: SocketAddr,
) {
    let mut reader = BufReader::new(stream.try_clone().unwrap());
    let mut out = stream;
    while let Some((head, body)) = message(&mut reader) {
        let path = head.split(' ').nth(1).unwrap_or_default().to_owned();
        let is_bad = path.contains(only) && !path.contains("/__mock/");
        let is_search = path.ends_with("/search");
        let answer = || {
            let mut server = TcpStream::connect(upstream).ok()?;
            server.write_all(head.as_bytes()).ok()?;
            server.write_all(&body).ok()?;
            message(&mut BufReader::new(server))
        };
        let is_done = match misdeed {
            _ if !is_bad => pass_on(&mut out, answer()),
            Misdeed::OtherAccount if !is_search => {
                let other = answer().map(|(head, body)| (head, of_another(&body)));
                pass_on(&mut out, other)
            }
            Misdeed::EndlessPages if is_search => {
                pass_on(&mut out, answer().map(|(head, body)| (head, with_more_pages(&body))))
            }
            Misdeed::HugeNumbers if is_search => {
                pass_on(&mut out, answer().map(|(head, body)| (head, with_huge_numbers(&body))))
            }
            Misdeed::OtherAccount | Misdeed::EndlessPages | Misdeed::HugeNumbers => {
                pass_on(&mut out, answer())
            }
            _ => misbehave(&mut out, misdeed, location),
        };
        if is_done.is_none() {
            return;
        }
    }
}

/// Sends an answer with its length; `None` if the connection is to end.
fn pass_on(out: &mut TcpStream, answer: Option<(String, Vec<u8>)>) -> Option<()> {
    let (head, body) = answer?;
    let status = head.lines().next()?;
    let length = body.len();
    let head =
        format!("{status}\r\ncontent-type: application/json\r\ncontent-length: {length}\r\n\r\n");
    out.write_all(head.as_bytes()).ok()?;
    out.write_all(&body).ok()
}

fn of_another(body: &[u8]) -> Vec<u8> {
    let text = String::from_utf8_lossy(body).into_owned();
    (1..=ACCOUNTS)
        .fold(text, |text, id| {
            text.replace(&format!("\"accountId\":\"{id}\""), "\"accountId\":\"999\"")
        })
        .into_bytes()
}

fn with_more_pages(body: &[u8]) -> Vec<u8> {
    let mut page: serde_json::Value = serde_json::from_slice(body).unwrap_or_default();
    let number = page["pagination"]["currentPage"].as_u64().unwrap_or(0);
    page["pagination"]["totalPages"] = (number + 5).into();
    page.to_string().into_bytes()
}

fn with_huge_numbers(body: &[u8]) -> Vec<u8> {
    let mut page: serde_json::Value = serde_json::from_slice(body).unwrap_or_default();
    for (member, most) in [("currentPage", u64::from(u32::MAX)), ("totalResults", u64::MAX)] {
        page["pagination"][member] = most.into();
    }
    page["pagination"]["totalPages"] = u32::MAX.into();
    page.to_string().into_bytes()
}

fn misbehave(out: &mut TcpStream, misdeed: Misdeed, location: SocketAddr) -> Option<()> {
    let json = "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\n";
    let mut say = |text: &str| out.write_all(text.as_bytes()).ok();
    let spaces = " ".repeat(64 << 10);
    match misdeed {
        Misdeed::EndlessBody => {
            say(&format!("{json}transfer-encoding: chunked\r\n\r\n"))?;
            loop {
                say(&format!("{:x}\r\n{spaces}\r\n", spaces.len()))?;
            }
        }
        Misdeed::HugeBody => {
            say(&format!("{json}content-length: 50000000000\r\n\r\n["))?;
            loop {
                say(&spaces)?;
            }
        }
        Misdeed::EndlessHeaders => {
            say("HTTP/1.1 200 OK\r\nx: ")?;
            loop {
                say(&spaces)?;
            }
        }
        Misdeed::MillionHeaders => {
            say(json)?;
            (0..1_000_000).try_for_each(|number| say(&format!("x-{number}: y\r\n")))?;
            say("\r\n")
        }
        Misdeed::ShortBody => {
            say(&format!("{json}content-length: 1000\r\n\r\n[]"))?;
            None
        }
        Misdeed::LongBody => say(&format!("{json}content-length: 1\r\n\r\n[]garbage")),
        Misdeed::Redirect => say(&format!(
            "HTTP/1.1 307 Temporary Redirect\r\nlocation: http://{location}/v2\r\ncontent-length: 0\r\n\r\n"
        )),
        Misdeed::GzipBomb => {
            // The head of a gzip stream: nobody unpacks it.
            say(&format!("{json}content-encoding: gzip\r\ncontent-length: 1000\r\n\r\n"))?;
            out.write_all(&[&[0x1f, 0x8b, 8, 0][..], &[0; 996]].concat()).ok()
        }
        Misdeed::NoHttp => say("SSH-2.0-OpenSSH_9.9\r\n").and(None),
        Misdeed::DeepJson => {
            let deep = "[".repeat(1_000_000);
            say(&format!("{json}content-length: {}\r\n\r\n{deep}", deep.len()))
        }
        Misdeed::DripHead | Misdeed::DripBody => {
            let head = misdeed == Misdeed::DripHead;
            let length = "content-length: 1000000\r\n\r\n[";
            say(&format!("{json}{}", if head { "x: " } else { length }))?;
            loop {
                thread::park_timeout(Duration::from_secs(1));
                say(" ")?;
            }
        }
        Misdeed::HangUp | Misdeed::OtherAccount | Misdeed::EndlessPages | Misdeed::HugeNumbers => {
            None
        }
    }
}

/// Verbs that call a server; those of the second list go on with a run that is in the store.
const VERBS: [&str; 9] = [
    "run --base-url URL --resources 6 --strategy hybrid --no-store --max-outage 1s --call-deadline 2s",
    "run --base-url URL --resources 6 --strategy pipelined --max-outage 1s --call-deadline 2s --no-store --dry-run",
    "run --base-url URL --plan filter.toml --dataset plain --strategy hybrid --no-store --max-outage 1s --call-deadline 2s",
    "benchmark --base-url URL --resources 6 --dry-run --no-store --max-outage 1s --call-deadline 2s",
    "analyze --base-url URL --resources 6 --no-store",
    "probe --base-url URL --resources 6 --no-store",
    "plan check filter.toml --base-url URL",
    "plan preview filter.toml --base-url URL --resource-ids 1-2",
    "plan ids filter.toml --base-url URL",
];
const OF_A_RUN: [&str; 4] = ["verify 1", "retry 1", "undo 1 --dry-run", "undo 1"];

/// Runs a verb, and holds its time, memory and exit code against their bounds.
fn bears(place: &Place, line: &str, misdeed: Misdeed, only: &str) {
    let (what, bound) = (format!("{misdeed:?} at {only}"), misdeed.most());
    let mut child = started(place, line);
    let (clock, mut kb) = (WallClock::start(), 0);
    let status = format!("/proc/{}/status", child.id());
    while child.try_wait().unwrap().is_none() {
        let text = std::fs::read_to_string(&status).unwrap_or_default();
        let most = text.lines().find_map(|line| line.strip_prefix("VmHWM:"));
        kb = most.and_then(|it| it.trim().trim_end_matches(" kB").parse().ok()).unwrap_or(kb);
        if clock.elapsed() > bound {
            child.kill().unwrap();
            panic!("{what}: {line} goes on after {bound:?}");
        }
        thread::park_timeout(Duration::from_millis(3));
    }
    let took = clock.elapsed();
    let output = child.wait_with_output().unwrap();
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    let code = output.status.code();
    let documented = [0, 2, 3, 4, 5, 11, 20, 21].map(Some);
    assert!(documented.contains(&code), "{what}: {line} ended with {:?}: {said}", output.status);
    assert!(kb < MOST_KB, "{what}: {line} took {kb} kB");
    println!("{what:32} {code:?} {took:>8.1?} {:>4} MiB  {line}", kb >> 10);
}

fn place() -> Place {
    let place = Place::new();
    let plan = "schema = 1\n[[filter]]\nfield = \"V-1\"\noperator = \"NOT_BLANK\"\n\
        [[mappings]]\nsource = \"V-1\"\ntarget = \"T-1\"\noperation = \"replace\"\n";
    place.file("filter.toml", plan);
    place
}

/// All of `verbs` against one server; nothing is written that is not of its account.
fn against(misdeed: Misdeed, only: &'static str, verbs: &[&str]) {
    let mock: NeonMock = served(&plain(ACCOUNTS), 1);
    let hostile = Hostile::start(misdeed, only, mock.addr());
    let (place, before) = (place(), digest(&mock));
    for verb in verbs {
        let line = verb.replace("URL", &format!("http://{}/v2", hostile.addr));
        bears(&place, &line, misdeed, only);
        if misdeed == Misdeed::OtherAccount {
            assert_eq!(digest(&mock), before, "{verb} wrote");
        }
    }
    assert_eq!(
        hostile.redirected.load(Ordering::SeqCst),
        0,
        "{misdeed:?}: a redirect was followed"
    );
}

/// The verbs of a run that was made while the server was good.
fn against_a_run(misdeed: Misdeed, only: &'static str, verbs: &[&str]) {
    let mock = served(&plain(ACCOUNTS), 1);
    let network = Forwarder::to(mock.addr());
    let (place, url) = (place(), network.base_url());
    place.json(
        &format!("run --base-url {url} --resources 6 --max-outage 1s --call-deadline 2s --json"),
        0,
    );
    let hostile = Hostile::start(misdeed, only, mock.addr());
    network.turns_to(hostile.addr);
    for verb in verbs {
        bears(&place, verb, misdeed, only);
    }
}

fn side_by_side(jobs: Vec<Box<dyn FnOnce() + Send>>) {
    let running: Vec<_> = jobs.into_iter().map(thread::spawn).collect();
    let ended: Vec<_> = running.into_iter().map(thread::JoinHandle::join).collect();
    assert!(ended.iter().all(Result::is_ok), "see above");
}

#[test]
fn hostile_servers_are_borne() {
    let job = |misdeed| -> Box<dyn FnOnce() + Send> {
        Box::new(move || {
            against(misdeed, "/accounts", &VERBS[..1]);
            against_a_run(misdeed, "/", &OF_A_RUN[..1]);
        })
    };
    side_by_side(MISDEEDS.map(job).into());
    for misdeed in [Misdeed::EndlessPages, Misdeed::HugeNumbers] {
        against(misdeed, "/", &VERBS[2..3]);
    }
}

#[test]
#[ignore = "fourteen servers, each against every verb: minutes"]
fn every_verb_bears_every_server() {
    every_verb_bears(&MISDEEDS, &["/", "/accounts"]);
}

#[test]
#[ignore = "two servers that drip, each against every verb: minutes, all of it waiting"]
fn every_verb_bears_drips() {
    // Where only accounts drip, a verb takes half a minute for each.
    every_verb_bears(&DRIPS, &["/"]);
}

fn every_verb_bears(misdeeds: &[Misdeed], places: &[&'static str]) {
    for &only in places {
        let job = move |misdeed| -> Box<dyn FnOnce() + Send> {
            Box::new(move || {
                against(misdeed, only, &VERBS);
                against_a_run(misdeed, only, &OF_A_RUN);
            })
        };
        side_by_side(misdeeds.iter().copied().map(job).collect());
    }
}
