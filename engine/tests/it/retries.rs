//! Refusals, errors and wrong credentials in virtual time.

use neon_mock::Neon;
use neon_mock::api::AccountId;
use neon_mock::profile::Profile;
use neonbench_engine::clock::Clock as _;
use neonbench_engine::engine::{self, EngineError, Job, Settings, Strategy};
use neonbench_engine::event::{AccountOutcome, Event, Failure, Outcome};
use neonbench_engine::measure::Measure;
use neonbench_engine::scenario::{Resources, Scenario, Workload};
use neonbench_engine::world::{InProcess, VirtualClock};
use std::collections::BTreeMap;
use std::num::NonZeroU32;
use std::time::Duration;

const SERVICE: &str = r#"
[service]
get = { law = "uniform", low = "20ms", high = "60ms" }
patch = { law = "uniform", low = "30ms", high = "90ms" }
put = { law = "uniform", low = "30ms", high = "90ms" }
search = { law = "constant", time = "80ms" }
metadata = { law = "constant", time = "20ms" }
"#;

fn scenario(limits: &str, rest: &str) -> Scenario {
    let text = format!("schema = 1\n[limits]\nreject_after = \"5ms\"\n{limits}{SERVICE}{rest}");
    Scenario::new(Workload {
        profile: Some(Profile::from_toml("retries", &text).unwrap()),
        resources: Some(60),
        mappings: Some(3),
        ..Workload::default()
    })
    .unwrap()
}

fn settings(strategy: Strategy) -> Settings {
    Settings { workers: NonZeroU32::new(8).unwrap(), ..Settings::new(strategy) }
}

struct Over {
    result: Result<(), EngineError>,
    neon: Neon,
    measure: Measure,
    ends: BTreeMap<AccountId, AccountOutcome>,
    /// Attempts that were sent and not answered.
    unanswered: i64,
    /// Virtual time at its end.
    took: Duration,
}

fn run(scenario: &Scenario, settings: &Settings) -> Over {
    let clock = VirtualClock::new();
    let transport = InProcess::new(scenario.neon(settings.seed), clock.clone());
    let (mut measure, mut ends, mut unanswered) = (Measure::default(), BTreeMap::new(), 0);
    let Resources::Ids(ids) = &scenario.resources else { unreachable!("the plain workload") };
    let job = Job::new(&scenario.plan, settings, engine::AccountSource::Ids(ids));
    let mut observer = |event: &Event| {
        neonbench_engine::event::Observer::observe(&mut measure, event);
        match event {
            Event::Sent { .. } => unanswered += 1,
            Event::Done(_) => unanswered -= 1,
            Event::Landed { id, end, .. } => assert!(ends.insert(*id, end.clone()).is_none()),
            _ => {}
        }
    };
    let result = clock.run(engine::run(&transport, &clock, job, &mut observer)).unwrap();
    let took = clock.now().since(neon_mock::time::Timestamp::ZERO);
    Over { result, neon: transport.into_neon(), measure, ends, unanswered, took }
}

#[test]
fn a_call_is_given_up_by_its_deadline_and_says_so() {
    let scenario = scenario("", "[[faults]]\nkind = \"503\"\nrecords = [3, 17]\n");
    let call_deadline = Duration::from_millis(700);
    for strategy in Strategy::ALL {
        let over = run(&scenario, &Settings { call_deadline, ..settings(strategy) });
        over.result.unwrap();
        let failed: Vec<AccountId> = over
            .ends
            .iter()
            .filter(
                |(_, end)| matches!(end, AccountOutcome::Failed(failure) if says_deadline(failure)),
            )
            .map(|(id, _)| *id)
            .collect();
        assert_eq!(failed, [AccountId(3), AccountId(17)], "{strategy}: {:?}", over.ends);
    }
}

fn says_deadline(failure: &Failure) -> bool {
    failure.message.contains("after its deadline of 700ms")
}

#[test]
fn a_dead_server_is_not_hammered_and_failures_say_why() {
    let dead = "[[faults]]\nkind = \"503\"\nfrom = \"150ms\"\nclasses = [\"get\", \"patch\"]\n";
    let scenario = scenario("", dead);
    let workers = NonZeroU32::new(60).unwrap();
    let over = run(&scenario, &Settings { workers, ..settings(Strategy::Parallel) });
    over.result.unwrap();
    let answered = over.measure.count_all(Outcome::Ok);
    // In its patience, one trial every two seconds.
    let trials = settings(Strategy::Parallel).max_outage.as_secs() / 2 + 5;
    let (retries, allowed) = (over.measure.retries(), 100 + answered / 2 + trials);
    // A write of unknown result spends budget too, and is looked for before it is repeated.
    assert!((50..=allowed).contains(&retries), "{retries} retries, {answered} answered");
    let says = |end: &&AccountOutcome| matches!(end, AccountOutcome::Failed(it) if it.message.contains("budget of retries"));
    assert!(over.ends.values().filter(says).count() > 30, "{:?}", over.ends);
}

/// Where nothing works any more, accounts by which nothing is wrong do not fail.
#[test]
fn a_server_that_is_gone_ends_the_run() {
    for kind in ["503", "timeout", "reset-before"] {
        let gone = format!("[[faults]]\nkind = \"{kind}\"\nfrom = \"150ms\"\n");
        let scenario = scenario("", &gone);
        for strategy in Strategy::ALL {
            let over = run(&scenario, &settings(strategy));
            let what = format!("{kind}, {strategy}: {:?}", over.result);
            assert!(matches!(over.result, Err(EngineError::Outage(_))), "{what}");
            let failed = over.ends.values().filter(|end| matches!(end, AccountOutcome::Failed(_)));
            // Until several accounts in a row have failed, one alone may be to blame.
            assert!(failed.count() <= 2, "{what}");
            // The patience of a minute, the calls that were in flight, the last trial and the proof.
            let took = over.took;
            assert!(took < Duration::from_secs(200), "{took:?}, {what}");
        }
    }
}

#[test]
fn wrong_credentials_end_a_run_and_nothing_is_lost_that_was_under_way() {
    let revoked = "[[faults]]\nkind = \"401\"\nfrom = \"900ms\"\n";
    let scenario = scenario("pool = 4\n", revoked);
    for strategy in Strategy::ALL {
        let over = run(&scenario, &settings(strategy));
        assert!(matches!(over.result, Err(EngineError::Unauthorized(_))), "{strategy}");
        assert_eq!(over.unanswered, 0, "{strategy}");
        // The last write of each changed account was confirmed, and the account has ended.
        let changed = (1..=60).map(AccountId).filter(|id| over.neon.organisation().is_changed(*id));
        let by_account =
            matches!(strategy, Strategy::PutBatch | Strategy::Hybrid | Strategy::Pipelined);
        for id in changed.filter(|_| by_account) {
            assert_eq!(over.ends.get(&id), Some(&AccountOutcome::Migrated), "{strategy}: {id}");
        }
    }
}
