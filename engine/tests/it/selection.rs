//! The accounts of a filter: one search after another, in part, and stopped.

use neon_mock::api::{Endpoint, Operator};
use neonbench_engine::engine::{Settings, Stop, Strategy};
use neonbench_engine::event::Event;
use neonbench_engine::plan::{Plan, Selection};
use neonbench_engine::run::{RunContext, RunSpec, World};
use neonbench_engine::scenario::{Scenario, Workload};

/// 1,000 accounts, all of which a search has to find.
fn scenario(sample: Option<u64>) -> Scenario {
    let mut plan = Plan::plain(1);
    plan.selection = Selection::All.at_server();
    let Selection::Filter(criteria) = &plan.selection else { panic!("{plan:?}") };
    assert_eq!(criteria[0].operator, Operator::NotBlank);
    Scenario::new(Workload {
        plan: Some(plan),
        resources: Some(1_000),
        sample,
        ..Workload::default()
    })
    .unwrap()
}

#[test]
fn a_sample_of_a_filter_is_its_first_accounts() {
    for (sample, searches) in [(None, 5), (Some(20), 1), (Some(200), 1), (Some(350), 2)] {
        let scenario = scenario(sample);
        let settings = Settings { dry_run: true, ..Settings::new(Strategy::Hybrid) };
        let spec = RunSpec::new(&scenario, settings);
        let mut landed = Vec::new();
        let record = spec
            .run(&World::Virtual, &mut |event: &Event| {
                if let Event::Landed { id, .. } = event {
                    landed.push(id.0);
                }
            })
            .unwrap()
            .record;
        landed.sort_unstable();
        let expected = sample.unwrap_or(1_000);
        assert_eq!(landed, (1..=expected).collect::<Vec<_>>());
        assert_eq!((record.resources, record.calls.searches), (expected, searches));
        assert!(record.audit.valid, "{:?}", record.audit.faults);
        assert_eq!(scenario.expected_resources(), expected);
    }
}

#[test]
fn a_stop_ends_the_search_and_no_account_begins() {
    let scenario = scenario(None);
    let stop = Stop::default();
    let session = RunContext { stop: &stop, ..RunContext::STANDALONE };
    let spec = RunSpec { session, ..RunSpec::new(&scenario, Settings::new(Strategy::Pipelined)) };
    let mut sent = Vec::new();
    let run = spec.run(&World::Virtual, &mut |event: &Event| match event {
        Event::Sent { endpoint, .. } => sent.push(*endpoint),
        Event::Done(_) => stop.set(),
        Event::Landed { .. } | Event::Enumerated { .. } => panic!("{event:?}"),
        _ => {}
    });
    let record = run.unwrap().record;
    assert_eq!(sent, [Endpoint::SearchAccounts]);
    assert!(record.stopped && record.records.total == 0, "{record:?}");
}
