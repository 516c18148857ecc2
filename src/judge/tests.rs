//! Final states that a client may leave, made by hand, and their verdicts.

use super::*;
use neon_mock::api::{
    Account, AccountBody, CustomFieldItem, FieldId, OptionItem, Request, Response,
};
use neon_mock::time::Timestamp;
use neonbench_engine::engine::{Settings, Strategy};
use neonbench_engine::event::Event;
use neonbench_engine::run::{RunSpec, World};
use neonbench_engine::scenario::{DatasetSource, Workload};

/// Four accounts with one text source `V-1` (field 85) and one checkbox `T-1` (field 86), of which
/// the plan adds the option that the source names.
fn scenario() -> Scenario {
    let dataset = Some(DatasetSource::BuiltIn("v-fields".to_owned()));
    let workload =
        Workload { dataset, mappings: Some(1), resources: Some(40), ..Workload::default() };
    Scenario::new(workload).unwrap()
}

/// The record of the state that `client` leaves; it is called with the values of each account.
fn judged(client: impl Fn(AccountId, &[(FieldId, Value)]) -> Vec<Request>) -> JudgeRecord {
    let scenario = scenario();
    let mut neon = scenario.neon(1);
    let mut now = Timestamp::ZERO;
    for id in (1..=scenario.accounts()).map(AccountId) {
        for request in client(id, &neon.organisation().values(id)) {
            let reply = neon.handle(now, &request);
            assert!(reply.response.status.is_success(), "{:?}", reply.response);
            now = reply.ready_at;
        }
    }
    case(&scenario).judge(&neon)
}

fn case(scenario: &Scenario) -> ClientUnderTest<'_> {
    ClientUnderTest {
        name: "by hand",
        scenario,
        seed: 1,
        command: CommandExit::default(),
        unauthorized: 0,
        undecodable: 0,
        mishaps: neon_mock::Mishaps::default(),
        show_values: false,
    }
}

/// The option that an account's source names, and those that stand in its target.
fn options(values: &[(FieldId, Value)]) -> Option<(OptionItem, Vec<OptionItem>)> {
    let scenario = scenario();
    let organisation = scenario.organisation(1);
    let target = &organisation.definitions()[1];
    let value = |id| values.iter().find(|(field, _)| *field == id).map(|(_, value)| value);
    let Some(Value::Text(text)) = value(FieldId(85)) else { return None };
    let new = target.option_values.iter().find(|option| *option.name == **text)?;
    let held = match value(FieldId(86)) {
        Some(Value::Options(ids)) => ids.iter().copied().map(OptionItem::by_id).collect(),
        _ => Vec::new(),
    };
    Some((OptionItem::by_id(new.id), held))
}

fn write(id: AccountId, options: Vec<OptionItem>) -> Request {
    let item = CustomFieldItem {
        id: Some(FieldId(86)),
        option_values: Some(options),
        ..CustomFieldItem::default()
    };
    let body = AccountBody { account_custom_fields: Some(vec![item]), ..AccountBody::default() };
    Request::PatchAccount(id, Account { kind: neon_mock::api::AccountKind::Individual, body })
}

fn union(values: &[(FieldId, Value)]) -> Option<Vec<OptionItem>> {
    let (new, mut held) = options(values)?;
    if held.contains(&new) {
        return None;
    }
    held.push(new);
    Some(held)
}

#[test]
fn the_union_of_options_is_correct_and_ranked() {
    let record =
        judged(|id, values| union(values).map(|options| write(id, options)).into_iter().collect());
    assert_eq!(record.verdict, ClientVerdict::Correct);
    assert_eq!((record.records.correct, record.records.total), (40, 40));
    assert_eq!((record.writes.repeated, record.writes.beyond_one), (0, 0));
    assert!(record.makespan_s > record.lower_bound_s && record.differences.is_empty());

    let scenario = scenario();
    let run = |strategy| {
        let order = RunSpec::new(&scenario, Settings::new(strategy));
        order.run(&World::Virtual, &mut |_: &Event| {}).unwrap().record
    };
    let ours = [run(Strategy::Standard), run(Strategy::Parallel)];
    assert_eq!(ours[0].audit.state_digest, record.audit.state_digest);
    let rows = league(&record, &ours);
    let ranks: Vec<Option<u32>> = rows.iter().map(|row| row.rank).collect();
    assert_eq!(ranks, [Some(1), Some(2), Some(3)]);
    let mut spoiled = record;
    spoiled.audit.valid = false;
    let rows = league(&spoiled, &ours);
    assert!(rows[2].judged && rows[2].rank.is_none(), "{rows:?}");
}

#[test]
fn the_new_option_alone_loses_those_that_stood_there() {
    let record = judged(|id, values| {
        let new = union(values).and_then(|_| options(values)).map(|(new, _)| new);
        new.map(|new| write(id, vec![new])).into_iter().collect()
    });
    assert_eq!(record.verdict, ClientVerdict::DataLost);
    assert!(record.records.lost > 0 && record.records.correct > 0);
    assert_eq!(record.records.wrong + record.records.untouched + record.records.stray, 0);
    let first = &record.differences[0];
    assert_eq!((&*first.field, &*first.amiss, &*first.found), ("T-1", "lost", "1 option"));
}

#[test]
fn writing_every_account_twice_is_counted() {
    let record = judged(|id, values| {
        let twice = |options: Vec<OptionItem>| [write(id, options.clone()), write(id, options)];
        union(values).map(twice).into_iter().flatten().collect()
    });
    assert_eq!(record.verdict, ClientVerdict::Correct);
    assert!(record.writes.total > 0);
    assert_eq!(record.writes.repeated * 2, record.writes.total);
    assert_eq!(record.writes.beyond_one * 2, record.writes.total);
}

#[test]
fn half_of_it_is_incomplete_none_of_it_nothing_written() {
    let record = judged(|id, values| {
        let options = union(values).filter(|_| id.0 <= 20);
        options.map(|options| write(id, options)).into_iter().collect()
    });
    assert_eq!(record.verdict, ClientVerdict::Incomplete);
    assert!(record.records.untouched > 0);
    let record = judged(|id, _| vec![Request::GetAccount(id)]);
    assert_eq!((record.verdict, record.writes.total), (ClientVerdict::NothingWritten, 0));
    let record = judged(|_, _| Vec::new());
    assert_eq!((record.verdict, record.makespan_s), (ClientVerdict::NoCalls, 0.0));
}

#[test]
fn a_put_of_one_field_wipes_the_account() {
    let record = judged(|id, values| {
        let Some(Request::PatchAccount(id, account)) =
            union(values).map(|options| write(id, options))
        else {
            return Vec::new();
        };
        vec![Request::PutAccount(id, account)]
    });
    assert_eq!(record.verdict, ClientVerdict::DataLost);
    assert!(record.differences.iter().any(|difference| difference.field == "name and contact"));
    let source = record.differences.iter().find(|difference| difference.field == "V-1").unwrap();
    assert_eq!((&*source.amiss, &*source.found), ("lost", "nothing"));
}

#[test]
fn another_option_is_wrong_and_values_are_shown_only_if_asked_for() {
    let scenario = scenario();
    let mut neon = scenario.neon(1);
    let empty = |id: &AccountId| {
        let values = neon.organisation().values(*id);
        options(&values).is_some_and(|(new, held)| held.is_empty() && new.id.unwrap().0 != 305)
    };
    let id = (1..=40).map(AccountId).find(empty).unwrap();
    let other = OptionItem::by_id(neon_mock::api::OptionId(305));
    let Response { status, .. } = neon.handle(Timestamp::ZERO, &write(id, vec![other])).response;
    assert!(status.is_success());
    let hidden = case(&scenario).judge(&neon);
    assert_eq!((hidden.verdict, hidden.records.wrong), (ClientVerdict::WrongData, 1));
    let of = |record: &JudgeRecord| {
        let of_account = |d: &&DifferenceRecord| d.resource_id == id.to_string();
        record.differences.iter().find(of_account).unwrap().found.clone()
    };
    let shown = ClientUnderTest { show_values: true, ..case(&scenario) }.judge(&neon);
    assert_eq!((&*of(&hidden), &*of(&shown)), ("1 option", "`Fundraising`"));
}
