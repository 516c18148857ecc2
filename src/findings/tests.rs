//! Each cause is planted, and exactly its finding is wanted; a good run has none.

use super::*;
use neon_mock::profile::Profile;
use neonbench_engine::event::Event;
use neonbench_engine::run::{RunSpec, World};
use neonbench_engine::scenario::{Scenario, Workload};

const SERVICE: &str = r#"
[service]
get = { law = "log-normal", median = "250ms", p99 = "1s" }
patch = { law = "log-normal", median = "350ms", p99 = "1400ms" }
put = { law = "log-normal", median = "350ms", p99 = "1400ms" }
search = { law = "log-normal", median = "600ms", p99 = "2400ms" }
metadata = { law = "log-normal", median = "250ms", p99 = "1s" }
"#;

fn profile(limits: &str, service: &str, faults: &str) -> Profile {
    let text = format!("schema = 1\n[limits]\nreject_after = \"30ms\"\n{limits}{service}{faults}");
    Profile::from_toml("planted", &text).unwrap()
}

fn documented() -> Profile {
    Profile::built_in("documented").unwrap()
}

fn scenario(accounts: u64, profile: Profile) -> Scenario {
    let (resources, profile) = (Some(accounts), Some(profile));
    Scenario::new(Workload { profile, resources, ..Workload::default() }).unwrap()
}

fn settings(strategy: Strategy, workers: u32, batch_size: u32) -> Settings {
    let mut settings = Settings::new(strategy);
    settings.workers = NonZeroU32::new(workers).unwrap();
    settings.batch_size = NonZeroU32::new(batch_size).unwrap();
    settings
}

fn found(scenario: &Scenario, settings: Settings) -> Vec<RunFinding> {
    let order = RunSpec::new(scenario, settings);
    let record = order.run(&World::Virtual, &mut |_: &Event| {}).unwrap().record;
    assert!(record.audit.valid);
    findings(&record)
}

/// Plants a cause, and wants exactly its finding, with figures; what its advice changes.
fn planted(cause: FindingCause, scenario: &Scenario, settings: &Settings) -> Option<Gain> {
    let found = found(scenario, settings.clone());
    assert_eq!(
        found.iter().map(|finding| finding.cause).collect::<Vec<_>>(),
        [cause],
        "{found:#?}"
    );
    let [finding] = &*found else { unreachable!("one was found") };
    assert!(!finding.evidence.is_empty() && !finding.advice.is_empty());
    assert!(finding.evidence.iter().all(|evidence| evidence.value > 0.0), "{finding:#?}");
    let gain = gain(&RunSpec::new(scenario, settings.clone()), finding, 3).unwrap();
    assert_eq!(gain.is_some(), finding.setting.is_some());
    gain
}

#[test]
fn good_runs_have_no_findings() {
    let scenario = scenario(300, documented());
    for strategy in Strategy::ALL {
        let found = found(&scenario, Settings::new(strategy));
        assert_eq!(found, [], "{strategy}");
    }
}

#[test]
fn workers_that_exceed_the_pool_are_found() {
    let hybrid = settings(Strategy::Hybrid, 20, 40);
    let gain =
        planted(FindingCause::WorkersExceedPool, &scenario(300, documented()), &hybrid).unwrap();
    assert!(gain.refused_before > 0.3 && gain.refused_after < 0.03, "{gain:?}");
    assert!(gain.makespan_s_after < gain.makespan_s_before, "{gain:?}");
}

#[test]
fn a_rate_that_makes_calls_wait_is_found_and_pacing_cures_it() {
    let scenario = scenario(300, Profile::built_in("per-second").unwrap());
    let hybrid = settings(Strategy::Hybrid, 10, 50);
    let gain = planted(FindingCause::BackoffDominates, &scenario, &hybrid).unwrap();
    assert!(gain.refused_after < gain.refused_before / 3.0, "{gain:?}");
}

#[test]
fn a_slow_server_is_found_and_fewer_calls_help() {
    let slow = SERVICE.replace("250ms", "3s").replace("\"1s\"", "\"12s\"");
    let profile =
        profile("pool = 5\n[limits.endpoints]\n\"POST /accounts/search\" = 1\n", &slow, "");
    let hybrid = settings(Strategy::Hybrid, 5, 50);
    let gain = planted(FindingCause::SlowServer, &scenario(300, profile), &hybrid).unwrap();
    assert!(gain.makespan_s_after < gain.makespan_s_before / 2.0, "{gain:?}");
}

#[test]
fn bursty_latency_is_found() {
    let bursty = SERVICE.replace("p99 = \"1s\"", "p99 = \"6s\"");
    let scenario = scenario(400, profile("pool = 5\n", &bursty, ""));
    assert_eq!(
        planted(FindingCause::BurstyLatency, &scenario, &settings(Strategy::Hybrid, 5, 50)),
        None
    );
}

#[test]
fn a_retry_storm_is_found() {
    let faults = "[[faults]]\nshare = 0.4\nkinds = [\"500\", \"503\"]\n";
    let scenario = scenario(300, profile("pool = 5\n", SERVICE, faults));
    let found = found(&scenario, settings(Strategy::Hybrid, 5, 50));
    assert_eq!(
        found.iter().map(|finding| finding.cause).collect::<Vec<_>>(),
        [FindingCause::RetryStorm]
    );
}

#[test]
fn high_memory_is_found_and_smaller_batches_cure_it() {
    let put_batch = settings(Strategy::PutBatch, 5, 2_000);
    let gain =
        planted(FindingCause::HighMemory, &scenario(2_000, documented()), &put_batch).unwrap();
    assert!(gain.buffered_before > 1_900.0 && gain.buffered_after < 51.0, "{gain:?}");
}

#[test]
fn batches_that_are_too_small_are_found() {
    planted(
        FindingCause::BatchTooSmall,
        &scenario(300, documented()),
        &settings(Strategy::Hybrid, 5, 2),
    );
    let mut chunks = settings(Strategy::Hybrid, 5, 50);
    chunks.chunk_size = NonZeroU32::new(20);
    let gain = planted(FindingCause::BatchTooSmall, &scenario(300, documented()), &chunks).unwrap();
    assert!(gain.makespan_s_after < gain.makespan_s_before, "{gain:?}");
}

#[test]
fn batches_that_are_too_large_are_found() {
    let idle = settings(Strategy::Hybrid, 5, 200);
    let gain = planted(FindingCause::BatchTooLarge, &scenario(60, documented()), &idle).unwrap();
    assert!(gain.makespan_s_after < gain.makespan_s_before * 0.8, "{gain:?}");
    let stale = settings(Strategy::PutBatch, 5, 500);
    planted(FindingCause::BatchTooLarge, &scenario(600, documented()), &stale).unwrap();
}

#[test]
fn a_server_that_slows_under_load_is_not_past_tuning() {
    use neonbench_engine::engine::limiter::Limiter;
    let scenario = scenario(201, Profile::built_in("congested").unwrap());
    let limited = |limiter| Settings { limiter, ..Settings::new(Strategy::Pipelined) };
    let many = limited(Limiter::Fixed(NonZeroU32::new(31).unwrap()));
    let gain = planted(FindingCause::SlowServer, &scenario, &many).unwrap();
    assert!(gain.makespan_s_after < gain.makespan_s_before / 2.0, "{gain:?}");
    // Where the advice is in force already, nothing is gained by it, and nothing is said to be.
    let finding = found(&scenario, many.clone()).remove(0);
    assert_eq!(finding.flag.as_deref(), Some("--limiter adaptive"));
    let adaptive = RunSpec::new(&scenario, limited(Limiter::adaptive(0)));
    assert_eq!(super::gain(&adaptive, &finding, 1).unwrap(), None);
}

#[test]
fn one_account_is_not_too_large_a_batch() {
    let one = scenario(1, documented());
    assert_eq!(found(&one, Settings::new(Strategy::Hybrid)), []);
    let three = found(&scenario(3, documented()), Settings::new(Strategy::Hybrid));
    assert_eq!(three[0].message, "3 accounts make 1 batch, so that 4 of 5 workers idle");
}
