//! Values for which a map has no entry: counted by value, whatever the strategy, and never cleared.

use neon_mock::api::Value;
use neon_mock::org::Organisation;
use neonbench_engine::engine::{Settings, Strategy};
use neonbench_engine::event::Event;
use neonbench_engine::plan::{Operation, Otherwise, Plan, Transform};
use neonbench_engine::record::RunRecord;
use neonbench_engine::run::{RunSpec, World};
use neonbench_engine::scenario::{DatasetSource, Scenario, Workload};
use std::collections::BTreeMap;

const ACCOUNTS: u64 = 300;

const DATASET: &str = r#"
schema = 1
fields = [
  { name = "Chapter", type = "dropdown", values = ["N", "S", "HQ"], filled = 0.8 },
  { name = "Region", type = "dropdown", values = ["North", "South"] },
  { name = "Drives", type = "text", values = ["yes", "Yes", "no"], filled = 0.5 },
  { name = "Skills", type = "checkbox", values = ["Driving"] },
]
"#;

/// Both sources are cleared once their values are in the targets.
const PLAN: &str = r#"
schema = 1
[[mappings]]
source = "Chapter"
target = "Region"
operation = "replace"
preserve_source = false
transform = [{ step = "map", values = { N = "North", S = "South" } }]
[[mappings]]
source = "Drives"
target = "Skills"
operation = "add_option"
preserve_source = false
transform = [{ step = "map", values = { yes = "Driving" } }]
"#;

fn scenario(plan: Plan) -> Scenario {
    let (origin, text) = ("own.toml".to_owned(), DATASET.to_owned());
    Scenario::new(Workload {
        plan: Some(plan),
        dataset: Some(DatasetSource::File { origin, text }),
        resources: Some(ACCOUNTS),
        ..Workload::default()
    })
    .unwrap()
}

fn run(scenario: &Scenario, settings: Settings) -> RunRecord {
    let spec = RunSpec::new(scenario, settings);
    let record = spec.run(&World::Virtual, &mut |_: &Event| {}).unwrap().record;
    assert!(record.audit.valid, "{:?}", record.audit.faults);
    record
}

fn plan(otherwise: Option<Otherwise>) -> Plan {
    let mut plan = Plan::from_toml("plan.toml", PLAN).unwrap();
    for step in plan.mappings.iter_mut().flat_map(|mapping| &mut mapping.transform) {
        let Transform::Map { otherwise: of_step, .. } = step else { panic!("{step:?}") };
        *of_step = otherwise;
    }
    plan
}

/// The text or the option's name that account `id` holds in `field`.
fn held(organisation: &Organisation, id: u64, field: &str) -> Option<String> {
    let definition = organisation.definitions().iter().find(|it| &*it.name == field).unwrap();
    let values = organisation.values(neon_mock::api::AccountId(id));
    let (_, value) = values.into_iter().find(|(id, _)| *id == definition.id)?;
    Some(match value {
        Value::Text(text) => text.to_string(),
        Value::Options(ids) => {
            let is_it = |option: &&neon_mock::api::OptionDef| option.id == ids[0];
            definition.option_values.iter().find(is_it).unwrap().name.to_string()
        }
    })
}

#[test]
fn every_strategy_counts_them_by_value_and_apart_from_unchanged_accounts() {
    let scenario = scenario(plan(None));
    let organisation = scenario.organisation(1);
    let mut expected: BTreeMap<(&str, String), u64> = BTreeMap::new();
    let (mut accounts, mut left_alone) = (0, 0);
    for id in 1..=ACCOUNTS {
        let [chapter, drives] = ["Chapter", "Drives"].map(|field| held(&organisation, id, field));
        let is_mapped =
            [chapter.as_deref().is_some_and(|it| it != "HQ"), drives.as_deref() == Some("yes")];
        let lost = [
            ("Chapter", chapter.filter(|it| it == "HQ")),
            ("Drives", drives.filter(|it| it != "yes")),
        ];
        let has_lost = lost.iter().any(|(_, value)| value.is_some());
        accounts += u64::from(has_lost);
        left_alone += u64::from(has_lost && is_mapped == [false, false]);
        for (field, value) in lost.into_iter().filter_map(|(field, value)| Some((field, value?))) {
            *expected.entry((field, value)).or_default() += 1;
        }
    }
    assert!(expected.len() == 3 && left_alone > 20, "{expected:?}, {left_alone}");
    let warned = scenario.unmapped().join("\n");
    for value in ["`HQ`", "`Yes`", "`no`"] {
        assert!(warned.contains(value), "{warned}");
    }
    for strategy in Strategy::ALL {
        for dry_run in [false, true] {
            let record = run(&scenario, Settings { dry_run, ..Settings::new(strategy) });
            let rows = record.unmapped.values.iter();
            let found: BTreeMap<_, _> =
                rows.map(|row| ((&*row.source, row.value.clone()), row.accounts)).collect();
            assert_eq!(found, expected, "{strategy}");
            assert_eq!((record.unmapped.accounts, record.unmapped.not_listed), (accounts, 0));
            let counts = record.records;
            assert_eq!(counts.unmapped, left_alone, "{strategy}: {counts:?}");
            let ended = counts.migrated + counts.unchanged + counts.unmapped;
            assert_eq!(ended, ACCOUNTS, "{strategy}: {counts:?}");
        }
    }
}

#[test]
fn a_map_says_what_happens_to_other_texts() {
    // Kept, `HQ` names no option of the target, and the account fails as one that a map fails.
    let run = |otherwise| run(&scenario(plan(otherwise)), Settings::new(Strategy::Pipelined));
    let [skip, keep, fail] = [Otherwise::Skip, Otherwise::Keep, Otherwise::Fail].map(Some).map(run);
    let silent = run(None);
    assert_eq!((skip.records, &skip.unmapped), (silent.records, &silent.unmapped));
    assert_eq!(keep.records.failed, silent.unmapped.accounts);
    assert_eq!(keep.unmapped.accounts, 0);
    assert_eq!(fail.records.failed, silent.unmapped.accounts);
    assert_eq!(fail.unmapped, silent.unmapped);
    assert!(fail.errors.iter().all(|error| error.outcome == "invalid_value"));
    assert!(fail.errors.iter().all(|error| !error.message.contains("HQ")), "{:?}", fail.errors);
    let warned = |otherwise| scenario(plan(otherwise)).unmapped().len();
    assert_eq!([None, Some(Otherwise::Skip), Some(Otherwise::Fail)].map(warned), [2, 0, 0]);
    // `keep` writes the text itself into a text field.
    let text = PLAN.replace("\"add_option\"", "\"replace\"").replace("\"Skills\"", "\"Note\"");
    let mut kept = Plan::from_toml("plan.toml", &text).unwrap();
    kept.mappings.remove(0);
    let Transform::Map { otherwise, .. } = &mut kept.mappings[0].transform[0] else { panic!() };
    *otherwise = Some(Otherwise::Keep);
    assert_eq!(kept.mappings[0].operation, Operation::Replace);
    let dataset = DATASET.replace(
        "name = \"Skills\", type = \"checkbox\", values = [\"Driving\"]",
        "name = \"Note\", type = \"text\"",
    );
    let (origin, text) = ("own.toml".to_owned(), dataset);
    let scenario = Scenario::new(Workload {
        plan: Some(kept),
        dataset: Some(DatasetSource::File { origin, text }),
        resources: Some(ACCOUNTS),
        ..Workload::default()
    });
    let record = self::run(&scenario.unwrap(), Settings::new(Strategy::Pipelined));
    assert_eq!((record.records.unmapped, record.records.failed), (0, 0));
    assert!(record.records.migrated > 100, "{:?}", record.records);
}

#[test]
fn a_text_that_one_account_alone_has_is_not_named_unasked() {
    let rare = DATASET.replace("[\"yes\", \"Yes\", \"no\"]", "[]");
    let (origin, text) = ("own.toml".to_owned(), rare);
    let scenario = Scenario::new(Workload {
        plan: Some(plan(None)),
        dataset: Some(DatasetSource::File { origin, text }),
        resources: Some(40),
        ..Workload::default()
    })
    .unwrap();
    let spec = RunSpec::new(&scenario, Settings::new(Strategy::Pipelined));
    let mut run = spec.run(&World::Virtual, &mut |_: &Event| {}).unwrap();
    let named = |record: &RunRecord, field: &str| {
        record.unmapped.values.iter().filter(|row| row.source == field).count() as u64
    };
    assert_eq!((named(&run.record, "Chapter"), named(&run.record, "Drives")), (1, 0));
    let hidden = run.record.unmapped.not_listed;
    assert!(hidden > 5, "{hidden}");
    run.record.show_values(&run.measure);
    assert_eq!((named(&run.record, "Drives"), run.record.unmapped.not_listed), (hidden, 0));
}
