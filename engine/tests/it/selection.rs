//! The accounts of a filter: one search after another, in part, and stopped.

use neon_mock::api::{AccountId, Body, Endpoint, Operator, Request, Response, SearchRow};
use neonbench_engine::engine::{
    AccountReader, AccountView, Columns, Settings, Stop, Strategy, UnreadAccounts,
};
use neonbench_engine::event::Event;
use neonbench_engine::plan::{Plan, ResolvedPlan, Selection};
use neonbench_engine::run::{RunContext, RunSpec, World};
use neonbench_engine::scenario::{Scenario, Workload};
use neonbench_engine::transport::{Transport, TransportError};
use neonbench_engine::world::{InProcess, VirtualClock};
use std::cell::RefCell;

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

/// The mock in process, which serves the last row of a full page again on the next, as one does where an account was
/// added before it meanwhile.
struct Shifting(InProcess, RefCell<Option<SearchRow>>);

impl Transport for Shifting {
    async fn call(&self, request: &Request) -> Result<Response, TransportError> {
        let mut response = self.0.call(request).await?;
        if let Body::Search(page) = &mut response.body {
            let moved = self.1.replace(page.search_results.last().cloned());
            page.search_results.splice(0..0, moved);
        }
        Ok(response)
    }
}

#[test]
fn an_account_on_two_pages_is_read_whole_and_once() {
    let scenario = scenario(None);
    let clock = VirtualClock::new();
    let mock = InProcess::new(scenario.neon(1), clock.clone());
    let (transport, seen) = (Shifting(mock, RefCell::default()), RefCell::new(Vec::new()));
    let Selection::Filter(criteria) = &scenario.plan.selection else { unreachable!() };
    let settings = Settings::new(Strategy::Pipelined);
    let mut sent = Vec::new();
    let mut observer = |event: &Event| {
        if let Event::Sent { endpoint, .. } = event {
            sent.push(*endpoint);
        }
    };
    let reader = AccountReader::new(&transport, &clock, &mut observer, &settings, Stop::NEVER);
    let read = clock.run(async {
        let fields = reader.definitions().await.unwrap();
        let task = ResolvedPlan::resolve(&scenario.plan, &fields).unwrap();
        let columns = Columns::new(&task, &[0, 1]);
        let settle = |id: AccountId, view: AccountView<'_>| {
            seen.borrow_mut().push((id, view.fields.is_none()));
            true
        };
        reader.matching(criteria, columns.as_ref(), &settle).await.unwrap()
    });
    drop(reader);
    let (ids, unread) = read.unwrap();
    assert_eq!((ids.len(), unread), (1_000, UnreadAccounts::default()));
    let mut seen = seen.into_inner();
    seen.sort_unstable();
    let is_moved = |id: u64| [200, 400, 600, 800].contains(&id);
    let expected = (1..=1_000).map(|id| (AccountId(id), is_moved(id)));
    assert!(seen.into_iter().eq(expected));
    assert_eq!(sent.iter().filter(|it| **it == Endpoint::SearchAccounts).count(), 5);
    assert_eq!(sent.iter().filter(|it| **it == Endpoint::GetAccount).count(), 4);
}
