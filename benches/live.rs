//! CPU time of the engine's thread with a live page and three viewers, against the same run without: interleaved
//! pairs over real HTTP, against a mock of this process.
//!
//! Must not be read as the speed of a migration: the mock and the page have threads of their own, and a server that
//! thinks for 250 ms leaves the engine idle.

mod support;

use neon_mock::profile::Profile;
use neonbench::live::{
    LiveCurve, LiveFold, LivePage, LiveSnapshot, LiveSource, Mark, RunFacts, SharedFold,
};
use neonbench::stats::mean_interval;
use neonbench_engine::engine::{Settings, Strategy};
use neonbench_engine::event::Event;
use neonbench_engine::run::{RunSpec, World};
use neonbench_engine::scenario::{Scenario, Workload};
use rustix::time::{ClockId, clock_gettime};
use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::sync::Arc;
use support::{headline, sized};

/// Viewers of the page.
const VIEWERS: usize = 3;

/// More CPU time that the page may cost, as a share: the upper end of the interval of 95 %.
const BAR: f64 = 0.02;

const PROFILE: &str = "schema = 1\n[limits]\npool = 10\n[service]\n\
    get = { law = \"constant\", time = \"5ms\" }\npatch = { law = \"constant\", time = \"5ms\" }\n\
    put = { law = \"constant\", time = \"5ms\" }\nsearch = { law = \"constant\", time = \"5ms\" }\n\
    metadata = { law = \"constant\", time = \"5ms\" }\n";

/// The run as its page asks for it.
struct Shown(SharedFold);

impl LiveSource for Shown {
    fn facts(&self) -> RunFacts {
        RunFacts::default()
    }

    fn look(&self) -> LiveSnapshot {
        let mut fold = self.0.look();
        let now = fold.heard();
        fold.snapshot(now, 0)
    }

    fn marks_after(&self, after: u64) -> Vec<Mark> {
        self.0.look().marks_after(after)
    }

    fn line(&self) -> LiveCurve {
        self.0.look().line()
    }
}

/// Opens a stream of events, and reads it on a thread of its own until it ends.
fn view(page: &LivePage) -> std::thread::JoinHandle<u64> {
    let rest = page.url().strip_prefix("http://").expect("an address");
    let (host, token) = rest.split_once("/t/").expect("it has the token");
    let port = host.rsplit(':').next().expect("it has a port");
    let request = format!(
        "GET /events HTTP/1.1\r\nHost: {host}\r\nCookie: neonbench_live_{port}={token}\r\nConnection: close\r\n\r\n"
    );
    let mut stream = TcpStream::connect(host).expect("the page answers");
    stream.write_all(request.as_bytes()).expect("the page reads");
    std::thread::spawn(move || {
        let mut read = Vec::new();
        stream.read_to_end(&mut read).map_or(0, |bytes| bytes as u64)
    })
}

/// Seconds of CPU time of this thread, which the engine of a run over HTTP has.
fn own_cpu_s() -> f64 {
    let time = clock_gettime(ClockId::ThreadCPUTime);
    time.tv_sec as f64 + time.tv_nsec as f64 / 1e9
}

/// Seconds of CPU time that the engine's thread takes for a run, with a page or without.
fn run(scenario: &Scenario, has_page: bool) -> f64 {
    let shown = Arc::new(Shown(SharedFold::new(LiveFold::new(None))));
    let page = has_page.then(|| LivePage::start(None, 0, Arc::clone(&shown) as _).expect("a page"));
    let viewers: Vec<_> =
        page.iter().flat_map(|page| (0..VIEWERS).map(move |_| view(page))).collect();
    let order = RunSpec::new(scenario, Settings::new(Strategy::Pipelined));
    let began = own_cpu_s();
    let made = if has_page {
        let mut observer = |event: &Event| shown.0.put(event);
        order.run(&World::EmbeddedHttp, &mut observer)
    } else {
        order.run(&World::EmbeddedHttp, &mut |_: &Event| {})
    };
    let took = own_cpu_s() - began;
    assert!(made.expect("a run over HTTP").record.audit.valid);
    drop(page);
    for viewer in viewers {
        assert!(viewer.join().expect("it reads") > 0, "a viewer was told nothing");
    }
    took
}

fn main() {
    let pairs = sized(30, 1);
    let scenario = Scenario::new(Workload {
        resources: Some(sized(3_000, 20)),
        profile: Some(Profile::from_toml("bench", PROFILE).expect("a profile")),
        ..Workload::default()
    })
    .expect("a scenario");
    let pair = |place: usize| {
        // Each is the first of its pair as often as the other.
        let first = place.is_multiple_of(2);
        let (a, b) = (run(&scenario, first), run(&scenario, !first));
        if first { a / b } else { b / a }
    };
    let ratios: Vec<f64> = (0..pairs).map(|place| pair(place).ln()).collect();
    if pairs < 2 {
        return;
    }
    let [low, high] = mean_interval(&ratios, 0.95).map(f64::exp);
    let mean = (ratios.iter().sum::<f64>() / ratios.len() as f64).exp();
    headline(&format!(
        "live page, {VIEWERS} viewers: {mean:.4} times the CPU time of the engine's thread \
         ({low:.4} to {high:.4}, {pairs} pairs; {})",
        support::at_most(1.0 + BAR, high)
    ));
}
