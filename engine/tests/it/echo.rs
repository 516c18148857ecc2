//! The echo of a migration: integrations that answer its webhooks, and the room that a run leaves for them.

use neon_mock::NeonMock;
use neon_mock::api::{Endpoint, Request, Trigger, Webhook};
use neon_mock::integration::Echo;
use neon_mock::profile::{BUILT_IN, Profile};
use neonbench_engine::engine::limiter::{ExpectedEcho, Limiter, Manners};
use neonbench_engine::engine::{AuditDepth, Settings, Strategy};
use neonbench_engine::event::Event;
use neonbench_engine::run::{RunSpec, World, target_of};
use neonbench_engine::scenario::{Scenario, Workload};
use neonbench_engine::transport::Transport as _;
use neonbench_engine::world::{HttpTransport, runtime};
use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::num::NonZeroU32;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;
use std::time::Duration;

/// Seeds of each row of the table.
const SEEDS: u64 = 20;

/// The profile `documented` with `integration`, the members of its table.
fn documented(integration: &str) -> Profile {
    let (_, documented) = BUILT_IN.iter().find(|(name, _)| *name == "documented").unwrap();
    let text = format!("{documented}\n[integration]\n{integration}\n");
    Profile::from_toml("echo.toml", &text).unwrap()
}

/// 150 accounts × 4 mappings.
fn scenario(profile: Profile) -> Scenario {
    Scenario::new(Workload {
        profile: Some(profile),
        resources: Some(150),
        mappings: Some(4),
        ..Workload::default()
    })
    .unwrap()
}

fn adaptive(echo: &str) -> Limiter {
    let echo = (!echo.is_empty()).then(|| echo.parse().unwrap());
    Limiter::Adaptive { headroom: 0, manners: Manners::Polite, echo }
}

fn fixed(calls: u32) -> Limiter {
    Limiter::Fixed(NonZeroU32::new(calls).unwrap())
}

/// Mean makespan in seconds, and the echo of all runs.
#[derive(Clone, Copy, Debug)]
struct Row {
    makespan_s: f64,
    echo: Echo,
}

impl Row {
    fn new(scenario: &Scenario, settings: &Settings, seeds: u64) -> Self {
        let runs = (1..=seeds).map(|seed| {
            let settings = Settings { seed, ..settings.clone() };
            let run = RunSpec::new(scenario, settings).run(&World::Virtual, &mut |_: &Event| {});
            let record = run.unwrap().record;
            assert!(record.audit.valid, "{:?}", record.audit.faults);
            if std::env::var_os("SAY").is_some() {
                println!(
                    "{seed} {:.1} {:?} {:?} {:?}",
                    record.makespan_s, record.echo, record.calls, record.service_ms.get
                );
            }
            record
        });
        let (mut makespan_s, mut echo) = (0.0, Echo::default());
        for record in runs {
            makespan_s += record.makespan_s / seeds as f64;
            echo = echo.plus(record.echo);
        }
        Self { makespan_s, echo }
    }

    fn print(&self, name: &str) {
        let percent = 100.0 * self.echo.refused_share();
        println!("| {name} | {:.1} s | {percent:.1} % |", self.makespan_s);
    }
}

fn with(strategy: Strategy, limiter: Limiter) -> Settings {
    Settings { limiter, ..Settings::new(strategy) }
}

const INTEGRATION: &str = "calls = 1\ndelay = \"500ms\"";

/// The largest load in Erlang of which `places` refuse the share `borne`, where calls come at random. Source:
/// Erlang's loss formula B.
fn erlang_b(places: u32, borne: f64) -> f64 {
    let refused = |load: f64| {
        (1..=places).fold(1.0, |less, place| load * less / (f64::from(place) + load * less))
    };
    let (mut low, mut high) = (0.0, f64::from(places));
    for _ in 0..60 {
        let middle = f64::midpoint(low, high);
        if refused(middle) <= borne { low = middle } else { high = middle }
    }
    low
}

/// Strategies and settings against the echo: printed, with the bars that they must keep.
#[test]
#[ignore = "20 seeds of each row"]
fn the_table_of_strategies_and_settings() {
    let scenario = scenario(documented(INTEGRATION));
    let row = |name: &str, settings: &Settings| {
        let row = Row::new(&scenario, settings, SEEDS);
        row.print(name);
        row
    };
    let mut plain = None;
    for strategy in Strategy::ALL {
        let without = row(strategy.name(), &Settings::new(strategy));
        plain = (strategy == Strategy::Pipelined).then_some(without).or(plain);
    }
    let plain = plain.unwrap();
    for strategy in [Strategy::Pipelined, Strategy::Hybrid] {
        for headroom in [1, 2] {
            let settings = with(strategy, Limiter::adaptive(headroom));
            row(&format!("{strategy}, --headroom {headroom}"), &settings);
        }
        let fixed: Vec<Row> = (1..=5)
            .map(|calls| row(&format!("{strategy}, fixed:{calls}"), &with(strategy, fixed(calls))))
            .collect();
        for echo in ["1x500ms<0.5%", "1x500ms", "1x500ms<2%", "1x500ms<3%", "1x500ms<5%"] {
            let ours = row(&format!("{strategy}, --echo {echo}"), &with(strategy, adaptive(echo)));
            let dominates = |it: &Row| {
                it.makespan_s <= ours.makespan_s
                    && it.echo.refused_share() <= ours.echo.refused_share()
            };
            assert!(!fixed.iter().any(dominates), "{strategy}, {echo}: {fixed:?}");
            if strategy == Strategy::Pipelined && echo == "1x500ms<3%" {
                assert!(ours.echo.refused_share() <= 0.02, "{ours:?}");
                assert!(ours.makespan_s <= 1.5 * plain.makespan_s, "{ours:?}, {plain:?}");
            }
            if strategy == Strategy::Pipelined && echo == "1x500ms" {
                let get_s = scenario.profile.law(Endpoint::GetAccount).mean().as_secs_f64();
                let at_random_s = 150.0 * get_s / erlang_b(5, 0.01);
                println!(
                    "1 % by Erlang B: {at_random_s:.1} s; by --echo: {:.1} s",
                    ours.makespan_s
                );
                assert!((erlang_b(5, 0.01) - 1.361).abs() < 0.001, "the table of Erlang B");
                assert!(ours.makespan_s < 0.75 * at_random_s && ours.echo.refused_share() < 0.013);
            }
        }
    }
}

/// Two seeds, without a table: a run that leaves room has a tenth of the refusals, and costs less than twice the time.
#[test]
fn room_for_integrations_is_kept() {
    let scenario = scenario(documented(INTEGRATION));
    let run = |echo: &str| Row::new(&scenario, &with(Strategy::Pipelined, adaptive(echo)), 2);
    let (without, room) = (run(""), run("1x500ms"));
    assert!(without.echo.refused_share() > 0.05, "{without:?}");
    assert!(room.echo.refused_share() < 0.3 * without.echo.refused_share(), "{room:?}");
    assert!(room.makespan_s < 2.0 * without.makespan_s, "{room:?}, {without:?}");
    assert_eq!((room.echo.deliveries, room.echo.lost), (300, room.echo.refused));
}

/// However small the pool is, and however long the echo, a run that leaves room ends.
#[test]
fn a_run_ends_whatever_the_echo() {
    let (_, documented) = BUILT_IN.iter().find(|(name, _)| *name == "documented").unwrap();
    for pool in [1, 2, 5] {
        let text = documented.replace("pool = 5 ", &format!("pool = {pool} "));
        let text = format!("{text}\n[integration]\ncalls = 3\npatience = 3\n");
        let profile = Profile::from_toml("echo.toml", &text).unwrap();
        assert_eq!(profile.pool(Endpoint::GetAccount), Some(pool));
        let workload =
            Workload { profile: Some(profile), resources: Some(40), ..Workload::default() };
        let scenario = Scenario::new(workload).unwrap();
        for strategy in Strategy::ALL {
            Row::new(&scenario, &with(strategy, adaptive("3x0s<0.1%")), 1);
        }
    }
}

#[test]
fn an_echo_is_named_as_it_is_read() {
    for name in ["1x500ms", "3x0s<0.5%", "2x1s<20%"] {
        assert_eq!(name.parse::<ExpectedEcho>().unwrap().to_string(), name);
    }
    for wrong in
        ["", "1", "x1s", "0x1s", "4x1s", "1x1", "1x2days", "1x1s<101%", "1x1s<1", "1x1s<NaN%"]
    {
        assert!(wrong.parse::<ExpectedEcho>().is_err(), "{wrong}");
    }
}

/// Over HTTP, with a real receiver of webhooks that reads each account back after half a second.
#[test]
#[ignore = "three runs by the wall clock, of a quarter to half a minute"]
fn over_http_the_integrations_fare_as_in_virtual_time() {
    let modelled = scenario(documented(INTEGRATION));
    let cases =
        [("none", adaptive("")), ("fixed:3", fixed(3)), ("1x500ms<2%", adaptive("1x500ms<2%"))];
    for (name, limiter) in cases {
        let settings = with(Strategy::Pipelined, limiter);
        let virtually = Row::new(&modelled, &settings, SEEDS).echo.refused_share();
        let (makespan_s, calls, refused) = real_echo(&settings);
        let share = refused as f64 / calls as f64;
        println!(
            "| {name} | {makespan_s:.1} s | {:.1} % (virtual {:.1} %) |",
            100.0 * share,
            100.0 * virtually
        );
        assert_eq!(calls, 150, "{name}");
        // Of 150 calls, chance alone makes a percent or two.
        let chance = 2.0 * (virtually * (1.0 - virtually) / 150.0).sqrt();
        assert!((share - virtually).abs() <= chance.max(0.02), "{name}: {share} for {virtually}");
    }
}

/// Makespan in seconds, calls of the receiver, and those refused.
#[expect(clippy::disallowed_methods, reason = "the receiver of webhooks lives by the wall clock")]
fn real_echo(settings: &Settings) -> (f64, u64, u64) {
    let scenario = scenario(Profile::built_in("documented").unwrap());
    let runtime = runtime().unwrap();
    let builder = NeonMock::builder().neon(scenario.neon(settings.seed));
    let mock = runtime.block_on(builder.try_start()).unwrap();
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let hook = Webhook {
        name: Some("doors".to_owned()),
        url: Some(format!("http://{}/", listener.local_addr().unwrap())),
        trigger: Some(Trigger::UpdateAccount),
        ..Webhook::default()
    };
    let target = target_of(&mock);
    let transport = HttpTransport::new(target.clone()).unwrap();
    let made = runtime.block_on(transport.call(&Request::CreateWebhook(Box::new(hook))));
    assert!(made.unwrap().status.is_success());
    let (calls, refused) = (Arc::new(AtomicU64::new(0)), Arc::new(AtomicU64::new(0)));
    let (of_calls, of_refused) = (Arc::clone(&calls), Arc::clone(&refused));
    let addr = mock.addr();
    thread::spawn(move || {
        for stream in listener.incoming() {
            let (calls, refused) = (Arc::clone(&of_calls), Arc::clone(&of_refused));
            thread::spawn(move || {
                let status = receive(stream.unwrap(), addr);
                refused.fetch_add(u64::from(status == 429), Ordering::Relaxed);
                calls.fetch_add(1, Ordering::Relaxed);
            });
        }
    });
    let settings = Settings { audit: AuditDepth::None, ..settings.clone() };
    let run =
        RunSpec::new(&scenario, settings).run(&World::ForeignHttp(target), &mut |_: &Event| {});
    let record = run.unwrap().record;
    assert_eq!(record.records.migrated, 150);
    // The last of them come after the run.
    thread::sleep(Duration::from_secs(4));
    (record.makespan_s, calls.load(Ordering::Relaxed), refused.load(Ordering::Relaxed))
}

/// Takes one post, and reads the account that it names half a second later; the status of that.
#[expect(clippy::disallowed_methods, reason = "the receiver of webhooks lives by the wall clock")]
fn receive(mut stream: TcpStream, mock: SocketAddr) -> u16 {
    let mut post = String::new();
    while !post.contains("\"accountId\":\"") || !post.ends_with('}') {
        let mut buffer = [0; 4096];
        let read = stream.read(&mut buffer).unwrap();
        post.push_str(std::str::from_utf8(&buffer[..read]).unwrap());
    }
    stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n").unwrap();
    let (_, rest) = post.split_once("\"accountId\":\"").unwrap();
    let (id, _) = rest.split_once('"').unwrap();
    thread::sleep(Duration::from_millis(500));
    let mut to_mock = TcpStream::connect(mock).unwrap();
    let head = format!(
        "GET /v2/accounts/{id} HTTP/1.1\r\nhost: mock\r\nauthorization: Basic ZGVtbzpkZW1v\r\n\
         connection: close\r\n\r\n"
    );
    to_mock.write_all(head.as_bytes()).unwrap();
    let mut answer = Vec::new();
    to_mock.read_to_end(&mut answer).unwrap();
    String::from_utf8_lossy(&answer)[9..12].parse().unwrap()
}
