//! Servers that slow down, fail altogether, or ask for odd waits; and runs of a few accounts.

use neon_mock::api::{Body, Request, Response, Status};
use neon_mock::profile::Profile;
use neonbench_engine::clock::Clock;
use neonbench_engine::engine::limiter::Limiter;
use neonbench_engine::engine::{self, Job, Reads, Settings, Stop, Strategy};
use neonbench_engine::event::{Attempt, Event, Observer as _, Outcome};
use neonbench_engine::measure::timeline::Timeline;
use neonbench_engine::record::RunRecord;
use neonbench_engine::run::{RunSpec, World};
use neonbench_engine::scenario::{Resources, Scenario, Workload};
use neonbench_engine::transport::{Transport, TransportError};
use neonbench_engine::world::{InProcess, VirtualClock};
use std::cell::Cell;
use std::time::Duration;

/// Neon's documented pools, and times of searches by their median and p99.
fn documented(search: &str, rest: &str) -> String {
    format!(
        "schema = 1\n[limits]\npool = 5\nreject_after = \"30ms\"\n[limits.endpoints]\n\
         \"POST /accounts/search\" = 1\n[service]\n\
         get = {{ law = \"log-normal\", median = \"250ms\", p99 = \"1s\" }}\n\
         patch = {{ law = \"log-normal\", median = \"350ms\", p99 = \"1400ms\" }}\n\
         put = {{ law = \"constant\", time = \"350ms\" }}\n\
         search = {{ law = \"log-normal\", {search} }}\n\
         metadata = {{ law = \"constant\", time = \"250ms\" }}\n{rest}"
    )
}

const USUAL: &str = "median = \"600ms\", p99 = \"2400ms\"";

fn scenario(profile: Profile, accounts: u64) -> Scenario {
    Scenario::new(Workload {
        profile: Some(profile),
        resources: Some(accounts),
        ..Workload::default()
    })
    .unwrap()
}

fn of_text(profile: &str, accounts: u64) -> Scenario {
    scenario(Profile::from_toml("hard-times", profile).unwrap(), accounts)
}

fn record(scenario: &Scenario, settings: Settings) -> RunRecord {
    let run = RunSpec::new(scenario, settings).run(&World::Virtual, &mut |_: &Event| {}).unwrap();
    assert!(run.record.audit.valid, "{:?}", run.record.audit.faults);
    run.record
}

#[test]
fn a_run_pauses_while_everything_fails_and_goes_on_after() {
    let without = of_text(&documented(USUAL, ""), 600);
    for kind in ["503", "errors-under-200", "timeout"] {
        let outage = format!("[[faults]]\nkind = \"{kind}\"\nfrom = \"10s\"\nuntil = \"50s\"\n");
        let with = of_text(&documented(USUAL, &outage), 600);
        for strategy in Strategy::ALL {
            let migrated = record(&with, Settings::new(strategy));
            assert!(migrated.records.failed <= 10, "{kind}, {strategy}: {:?}", migrated.records);
            if kind != "timeout" {
                let most_s = 40.0 + 1.2 * record(&without, Settings::new(strategy)).makespan_s;
                assert!(migrated.makespan_s <= most_s, "{kind}, {strategy}: over {most_s} s");
            }
        }
    }
}

#[test]
fn a_server_that_slows_down_is_held_at_its_knee_and_fails_nobody() {
    let congested = Scenario::profile("congested").unwrap();
    for (accounts, cap, most) in [(200, 7, 1.15), (1_000, 8, 1.08), (5_000, 8, 1.08)] {
        let scenario = scenario(congested.clone(), accounts);
        let own = record(&scenario, Settings::new(Strategy::Pipelined));
        let limiter: Limiter = format!("fixed:{cap}").parse().unwrap();
        let best = record(&scenario, Settings { limiter, ..Settings::new(Strategy::Pipelined) });
        assert_eq!(own.records.failed, 0);
        let ratio = own.makespan_s / best.makespan_s;
        assert!(ratio < most, "{accounts}: {} s, {ratio}", own.makespan_s);
    }
}

#[test]
fn a_pool_that_verbs_share_is_not_taken_for_a_rate() {
    let shared = documented(USUAL, "")
        .replace("pool = 5", "pool = 20\nscope = \"organisation\"")
        .replace("[limits.endpoints]\n\"POST /accounts/search\" = 1\n", "");
    let record = record(&of_text(&shared, 1_000), Settings::new(Strategy::Pipelined));
    assert!(record.efficiency > 0.85, "{}", record.efficiency);
    assert!(record.calls.rejected < 20, "{:?}", record.calls);
}

#[test]
fn few_accounts_do_not_wait_for_a_slow_search() {
    let slow = documented("median = \"6s\", p99 = \"24s\"", "");
    for profile in [slow, documented(USUAL, "")] {
        for accounts in [5, 20, 60] {
            let scenario = of_text(&profile, accounts);
            let total_s = |reads| -> f64 {
                let of_seed = |seed| Settings { seed, reads, ..Settings::new(Strategy::Pipelined) };
                (1..=5).map(|seed| record(&scenario, of_seed(seed)).makespan_s).sum()
            };
            let (ours_s, singly_s) = (total_s(Reads::Search), total_s(Reads::Get));
            assert!(ours_s < 1.1 * singly_s, "{accounts}: {ours_s} s, singly {singly_s} s");
        }
    }
}

/// Answers every so many calls with 429 and an odd Retry-After.
struct Odd {
    inner: InProcess,
    every: u64,
    calls: Cell<u64>,
    asks: Duration,
}

impl Transport for Odd {
    async fn call(&self, request: &Request) -> Result<Response, TransportError> {
        self.calls.set(self.calls.get() + 1);
        if self.calls.get().is_multiple_of(self.every) {
            return Ok(Response {
                status: Status::TOO_MANY_REQUESTS,
                body: Body::Errors(Vec::new()),
                retry_after: Some(self.asks),
            });
        }
        self.inner.call(request).await
    }
}

/// Runs 100 accounts against a server that asks every so many calls for a wait, and is stopped in time.
/// Virtual time at its end, and the events.
fn odd(every: u64, asks: Duration, stop_at: Option<Duration>) -> (Duration, Vec<Event>) {
    let scenario = of_text(&documented(USUAL, ""), 100);
    let Resources::Ids(ids) = &scenario.resources else { unreachable!("the plain workload") };
    let (clock, stop) = (VirtualClock::new(), Stop::default());
    let inner = InProcess::new(scenario.neon(1), clock.clone());
    let transport = Odd { inner, every, calls: Cell::new(0), asks };
    let settings = Settings::new(Strategy::Pipelined);
    let mut events = Vec::new();
    let mut keep = |event: &Event| events.push(event.clone());
    let began = clock.now();
    let job = Job {
        stop: if stop_at.is_some() { &stop } else { Stop::NEVER },
        ..Job::new(&scenario.plan, &settings, engine::AccountSource::Ids(ids))
    };
    let stopper = async {
        if let Some(stop_at) = stop_at {
            clock.sleep_until(began + stop_at).await;
            stop.set();
        }
    };
    let run = engine::run(&transport, &clock, job, &mut keep);
    clock.run(futures_util::future::join(run, stopper)).unwrap().0.unwrap();
    (clock.now().since(began), events)
}

#[test]
fn an_odd_retry_after_is_named_and_costs_next_to_nothing() {
    let hour = Duration::from_secs(3_600);
    let (took, events) = odd(25, hour, None);
    assert!(took < Duration::from_secs(30), "{took:?}");
    let doubted = |event: &&Event| matches!(event, Event::Doubted { asked, .. } if *asked == hour);
    assert!(events.iter().filter(doubted).count() >= 4);
    // One that may be meant is obeyed.
    let (took, events) = odd(100, Duration::from_secs(20), None);
    assert!(took > Duration::from_secs(20));
    assert_eq!(events.iter().filter(|event| matches!(event, Event::Doubted { .. })).count(), 0);
}

#[test]
fn a_stop_ends_waits_at_once() {
    let long = Duration::from_secs(55);
    let (took, events) = odd(40, long, Some(Duration::from_secs(10)));
    assert!(took < Duration::from_secs(11), "{took:?}");
    let sent = events.iter().filter(|event| matches!(event, Event::Sent { .. })).count();
    let done = events.iter().filter(|event| matches!(event, Event::Done(_))).count();
    assert_eq!(sent, done);
    let failed = |event: &&Event| matches!(event, Event::Done(call) if !matches!(call.outcome, Outcome::Ok | Outcome::Rejected));
    assert_eq!(events.iter().filter(failed).count(), 0);
}

#[test]
fn a_call_without_an_answer_in_time_is_a_failed_call_everywhere() {
    let scenario = scenario(Scenario::profile("congested").unwrap(), 200);
    // Far above what the server bears, so that it answers some calls after half a minute.
    let limiter = Limiter::Fixed(60.try_into().unwrap());
    let settings = Settings { limiter, ..Settings::new(Strategy::Pipelined) };
    let (mut late, mut timeline) = (0_u64, Timeline::default());
    let observer = &mut |event: &Event| {
        timeline.observe(event);
        let is_late = |call: &Attempt| call.outcome == Outcome::Timeout;
        late += u64::from(matches!(event, Event::Done(call) if is_late(call)));
    };
    let record = RunSpec::new(&scenario, settings).run(&World::Virtual, observer).unwrap().record;
    assert!(late > 5, "{late}");
    assert_eq!(record.calls.failed, late);
    assert_eq!(timeline.slices.iter().map(|slice| slice.failed).sum::<u64>(), late);
}
