//! The way without API writes: the files that `plan export --neon-import` makes, applied by a model of the importer.

mod importer;
mod old_values;

use super::journals::{digest, served};
use super::place::{Place, outcome};
use importer::{Effects, Importer};
use neon_mock::api::{AccountId, Class};
use neon_mock::dataset::BUILT_IN;
use neon_mock::org::Organisation;
use neonbench::neon_import::{ImportBuilder, Separator};
use neonbench_engine::engine::{Settings, Strategy};
use neonbench_engine::event::Event;
use neonbench_engine::plan::{LetterCase, Operation, Plan, ResolvedPlan, Transform};
use neonbench_engine::run::{RunSpec, World};
use neonbench_engine::scenario::{DatasetSource, Scenario, Workload};
use std::path::Path;

const IMPORTER: Importer = Importer { separator: '|', trims: false };

/// The texts of the files in `folder` whose names begin with `start`, in the order of their names.
fn files(folder: &Path, start: &str) -> Vec<(String, String)> {
    let mut files: Vec<(String, String)> = std::fs::read_dir(folder)
        .unwrap()
        .map(|entry| {
            let path = entry.unwrap().path();
            let name = path.file_name().unwrap().to_string_lossy().into_owned();
            (name, std::fs::read_to_string(&path).unwrap())
        })
        .filter(|(name, _)| name.starts_with(start))
        .collect();
    files.sort();
    files
}

/// Imports the files of `folder` as its guide says, and checks what each does; the effects of those that set
/// values, and of those that clear fields.
fn import(folder: &Path, organisation: &mut Organisation) -> [Effects; 2] {
    let before = organisation.digest();
    for (name, text) in [files(folder, "trial.csv"), files(folder, "trial-undo.csv")].concat() {
        IMPORTER.import(organisation, &text).unwrap_or_else(|error| panic!("{name}: {error}"));
        assert_eq!(organisation.digest() == before, name == "trial-undo.csv", "{name}");
    }
    let mut all = [Effects::default(); 2];
    for (name, text) in files(folder, "import-") {
        let done = IMPORTER.import(organisation, &text);
        let done = done.unwrap_or_else(|error| panic!("{name}: {error}"));
        let clears = name.ends_with("-clears.csv");
        let blank = if clears { done.cells } else { 0 };
        assert_eq!((done.blank, done.wiped), (blank, blank), "{name}: {done:?}");
        assert!(done.rows > 0 && done.cells >= done.rows, "{name}: {done:?}");
        let of = &mut all[usize::from(clears)];
        of.rows += done.rows;
        of.cells += done.cells;
    }
    all
}

/// Imports the undo files of `folder`, the last first.
fn undo(folder: &Path, organisation: &mut Organisation) {
    for (name, text) in files(folder, "undo-").into_iter().rev() {
        IMPORTER.import(organisation, &text).unwrap_or_else(|error| panic!("{name}: {error}"));
    }
}

/// The digest that the engine leaves, by a run that passed its audit.
fn audited(scenario: &Scenario, seed: u64) -> String {
    let settings = Settings { seed, ..Settings::new(Strategy::Hybrid) };
    let order = RunSpec::new(scenario, settings);
    let record = order.run(&World::Virtual, &mut |_: &Event| {}).unwrap().record;
    assert!(record.audit.valid, "{:?}", record.audit);
    record.audit.state_digest
}

/// A workload on a built-in dataset, without a plan.
fn workload(dataset: &str, accounts: u64) -> Workload {
    Workload {
        dataset: Some(DatasetSource::BuiltIn(dataset.to_owned())),
        resources: Some(accounts),
        profile: Some(Scenario::profile("unlimited").unwrap()),
        ..Workload::default()
    }
}

/// A scenario of 500 accounts and 8 mappings on a dataset, whose sources are kept or cleared in turn.
fn scenario(dataset: &str) -> Scenario {
    let made = Workload { mappings: Some(8), ..workload(dataset, 500) };
    let mut plan = Scenario::new(made).unwrap().plan;
    for mapping in plan.mappings.iter_mut().step_by(2) {
        mapping.preserve_source = false;
    }
    Scenario::new(Workload { plan: Some(plan), ..workload(dataset, 500) }).unwrap()
}

#[test]
fn the_importer_reaches_the_audited_state_of_six_datasets_and_undo_restores_it() {
    for (dataset, _) in BUILT_IN {
        let (place, scenario) = (Place::new(), scenario(dataset));
        let mock = served(&scenario, 1);
        place.file("plan.toml", &scenario.plan.to_toml());
        let line = format!(
            "plan export plan.toml --neon-import out --json --base-url {}",
            mock.base_url()
        );
        let outcome = place.neonbench(&line);
        assert!([0, 3].contains(&outcome.code), "{dataset}: {outcome:?}");
        let said: serde_json::Value = serde_json::from_str(&outcome.stdout).unwrap();
        // Nothing is written, and 500 accounts of 8 mappings are read by one look-up and three pages.
        let calls = mock.calls();
        assert_eq!((calls.admitted(Class::Metadata), calls.admitted(Class::Search)), (1, 3));
        assert_eq!((calls.total(), said["cost"]["calls"].as_u64()), (4, Some(4)), "{dataset}");
        assert_eq!(said["left_out"], 0, "{dataset}: {said}");
        let mut organisation = mock.with_neon(|neon| neon.organisation().clone());
        let before = digest(&mock);
        let folder = place.path().join("out");
        let [set, cleared] = import(&folder, &mut organisation);
        assert!(set.cells > 500 && cleared.cells > 100, "{dataset}: {set:?}, {cleared:?}");
        assert_eq!(organisation.digest(), audited(&scenario, 1), "{dataset}");
        undo(&folder, &mut organisation);
        assert_eq!(organisation.digest(), before, "{dataset}");
        // Where the importer trims, no file that sets values wipes either.
        let trims = Importer { trims: true, ..IMPORTER };
        for (name, text) in files(&folder, "import-") {
            let done = trims.import(&mut organisation, &text).unwrap();
            assert!(
                done.wiped == 0 || name.ends_with("-clears.csv"),
                "{dataset}, {name}: {done:?}"
            );
        }
    }
}

/// The scenario of `seed` on a dataset: 150 accounts, and operations, cleared sources and checks as the seed has them.
fn drawn(dataset: &str, seed: u64) -> Scenario {
    let mut scenario = scenario(dataset);
    let mut bits = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15);
    for mapping in &mut scenario.plan.mappings {
        let mut draw = |below: u64| {
            bits = bits.rotate_left(13).wrapping_mul(0xd129_0f3b_97a1_5c6d) ^ seed;
            (bits >> 32) % below
        };
        let operations = [Operation::Replace, Operation::Merge, Operation::CopyIfEmpty];
        mapping.operation = match draw(4) {
            3 => mapping.operation,
            drawn => operations[drawn as usize],
        };
        mapping.preserve_source = draw(2) == 0;
        mapping.validation_required = draw(2) == 0;
        let upper = Transform::Case(LetterCase::Upper);
        mapping.transform = if draw(3) == 0 { vec![upper] } else { Vec::new() };
    }
    scenario.plan.cleanup_only = seed.is_multiple_of(7);
    let workload = Workload { plan: Some(scenario.plan.clone()), ..workload(dataset, 150) };
    Scenario::new(Workload { seed: Some(seed), ..workload }).unwrap()
}

#[test]
fn whatever_the_plan_files_and_run_agree() {
    let mut changed = 0;
    for (dataset, seed) in BUILT_IN.iter().flat_map(|(name, _)| (1..=12).map(move |it| (*name, it)))
    {
        let scenario = drawn(dataset, seed);
        let mut organisation = scenario.organisation(seed);
        let before = organisation.digest();
        let fields = organisation.definitions().to_vec();
        let task = ResolvedPlan::resolve(&scenario.plan, &fields).unwrap();
        let mut builder = ImportBuilder::new(&task, &fields, Separator::Comma).unwrap();
        for id in scenario.selected(&organisation) {
            builder.add(id, organisation.kind(id), &organisation.values(id));
        }
        let set = builder.finish(40);
        assert_eq!(set.figures.left_out, 0, "{dataset} {seed}: {:?}", set.left_out);
        changed += set.figures.changed;
        let importer = Importer { separator: ',', ..IMPORTER };
        for file in &set.files {
            let done = importer.import(&mut organisation, &file.table.import_csv()).unwrap();
            let blank = if file.table.clears { done.cells } else { 0 };
            assert_eq!(
                (done.blank, done.wiped),
                (blank, blank),
                "{dataset} {seed}: {}",
                file.import
            );
        }
        assert_eq!(organisation.digest(), audited(&scenario, seed), "{dataset} {seed}");
        for file in set.files.iter().rev() {
            importer.import(&mut organisation, &file.table.undo_csv()).unwrap();
        }
        assert_eq!(organisation.digest(), before, "{dataset} {seed}");
    }
    assert!(changed > 5_000, "{changed}");
}

#[test]
fn a_blank_cell_that_slips_in_is_found() {
    let (place, scenario) = (Place::new(), scenario("plain"));
    place.file("plan.toml", &scenario.plan.to_toml());
    let line = "plan export plan.toml --neon-import out --dataset half-migrated --resources 50";
    assert_eq!(place.neonbench(line).code, 0);
    let (_, text) = files(&place.path().join("out"), "import-").swap_remove(0);
    let half = DatasetSource::BuiltIn("half-migrated".to_owned()).load(8).unwrap();
    let mut organisation = Organisation::new(&half, 50, 1);
    // The first of the changed fields is set for account 1 by the file, and blanked by the bug.
    let first = text.lines().nth(1).unwrap();
    let blank = format!("{},", first.split(',').next().unwrap());
    let spoilt = text.replacen(first, &blank, 1);
    IMPORTER.import(&mut organisation, &text).unwrap();
    let whole = organisation.digest();
    let done = IMPORTER.import(&mut organisation, &spoilt).unwrap();
    assert_eq!(done.wiped, 1);
    assert_ne!(organisation.digest(), whole);
}

/// Every kind of mapping on fields of every type, with texts that CSV and spreadsheets trip over.
const DATASET: &str = r#"
schema = 1
companies = 0.3
dirty = 0.2
unicode = 0.2

[[fields]]
name = "Level"
type = "text"
filled = 0.9
values = ["gold", "silver", "unknown code", "=SUM(A1)", "+1 555", "-x", "@home"]

[[fields]]
name = "Rank"
type = "dropdown"
filled = 0.3
values = ["Gold", "Silver", "Bronze"]

[[fields]]
name = "Tags"
type = "text"
filled = 0.7
values = ["red;blue", "red; green", " blue ", "none", "a \"quoted\" word, and a comma"]

[[fields]]
name = "Colours"
type = "checkbox"
filled = 0.5
values = ["Red", "Blue", "Green", "Violet"]

[[fields]]
name = "Notes"
type = "multiline"
filled = 0.5

[[fields]]
name = "Formula"
type = "text"
filled = 0.2

[[fields]]
name = "Firm"
type = "text"
for = "company"
filled = 0.6

[[fields]]
name = "Sector"
type = "text"
for = "company"
filled = 0.2

[[fields]]
name = "Shades"
type = "checkbox"
filled = 0.2
values = ["Red", "Blue", "Green", "Violet"]
"#;

const PLAN: &str = r#"
schema = 1
[[mappings]]
source = "Level"
target = "Rank"
operation = "transform"
validation_required = false
transform = [{ step = "map", values = { gold = "Gold", silver = "Silver", "-x" = "Nowhere" } }]

[[mappings]]
source = "Level"
target = "Formula"
operation = "replace"

[[mappings]]
source = "Tags"
target = "Colours"
operation = "merge"
validation_required = false
transform = [{ step = "split", separator = ";" }, { step = "trim" }, { step = "case", to = "title" }]

[[mappings]]
source = "Tags"
target = "Notes"
operation = "merge"
transform = [{ step = "regex_replace", pattern = "[;,]", with = "\n" }]
preserve_source = false

[[mappings]]
source = "Firm"
target = "Sector"
operation = "copy_if_empty"
preserve_source = false

[[mappings]]
source = "Colours"
target = "Shades"
operation = "add_option"
"#;

/// Exports `plan` on 400 accounts of the dataset above, and holds the import against a run of the same plan.
fn as_a_run_does(plan: &str) -> (Place, serde_json::Value) {
    let place = Place::new();
    place.file("plan.toml", plan);
    place.file("own.toml", DATASET);
    let common = "--dataset own.toml --resources 400 --json";
    let ran = place.neonbench(&format!(
        "run --plan plan.toml {common} --strategy hybrid --profile unlimited --no-store"
    ));
    assert!([0, 3].contains(&ran.code), "{ran:?}");
    let ran: serde_json::Value = serde_json::from_str(&ran.stdout).unwrap();
    assert_eq!(ran["audit"]["valid"], true);
    let made = place.neonbench(&format!("plan export plan.toml {common} --neon-import out"));
    assert!([0, 3].contains(&made.code), "{made:?}");
    let made: serde_json::Value = serde_json::from_str(&made.stdout).unwrap();
    assert_eq!(made["left_out"], 0, "{made}");
    for of_run in ["failed", "unchanged", "skipped"] {
        assert_eq!(made[of_run], ran["records"][of_run], "{of_run}: {made} {ran}");
    }
    let source = DatasetSource::File { origin: "own.toml".to_owned(), text: DATASET.to_owned() };
    let mut organisation = Organisation::new(&source.load(6).unwrap(), 400, 1);
    let (before, folder) = (organisation.digest(), place.path().join("out"));
    import(&folder, &mut organisation);
    assert_eq!(organisation.digest(), ran["audit"]["state_digest"], "{made}");
    undo(&folder, &mut organisation);
    assert_eq!(organisation.digest(), before);
    (place, made)
}

/// The rows of a CSV file, without its header.
fn csv_rows(text: &str) -> Vec<Vec<String>> {
    let mut reader = csv::Reader::from_reader(text.as_bytes());
    let row = |row: csv::StringRecord| row.iter().map(str::to_owned).collect();
    reader.records().map(|it| row(it.unwrap())).collect()
}

#[test]
fn every_kind_of_mapping_comes_to_what_a_run_leaves() {
    let (place, made) = as_a_run_does(PLAN);
    // The map has no entry for some codes: they are counted by the rule of runs.
    let ran = place.neonbench(
        "run --plan plan.toml --dataset own.toml --resources 400 --json --strategy hybrid --profile unlimited --no-store",
    );
    let ran: serde_json::Value = serde_json::from_str(&ran.stdout).unwrap();
    assert_eq!(made["unmapped_values"], ran["unmapped"], "{made}");
    assert!(made["unmapped_values"]["accounts"].as_u64().unwrap() > 100, "{made}");
    let folder = place.path().join("out");
    let all: String = files(&folder, "import-").into_iter().map(|(_, text)| text).collect();
    // Text stands as it is: a guard before a formula would be written into the account.
    assert!(all.contains(",=SUM(A1)\r\n") && !all.contains("'=SUM"), "{all}");
    let guide = std::fs::read_to_string(folder.join("README.txt")).unwrap();
    for said in ["would be formulas", "hold line breaks", "CLEARS", "cells have `|`", "(companies)"]
    {
        assert!(guide.contains(said), "no `{said}` in {guide}");
    }
    // It names codes that several accounts share, as a run does, and nothing that one account alone has.
    let alone = csv_rows(&files(&folder, "undo-04").swap_remove(0).1);
    let notes: Vec<&String> =
        alone.iter().map(|row| &row[1]).filter(|it| it.contains('\n')).collect();
    assert!(notes.len() > 10 && notes.iter().all(|text| !guide.contains(*text)), "{guide}");
    for otherwise in ["keep", "fail", "skip"] {
        let hole = format!("\"Nowhere\" }}, otherwise = \"{otherwise}\" }}");
        let plan = PLAN.replace("\"Nowhere\" } }", &hole);
        assert_ne!(plan, PLAN);
        as_a_run_does(&plan);
    }
    as_a_run_does(&format!("cleanup_only = true\n{PLAN}"));
}

/// Options that no cell can hold, each on some accounts.
const AWKWARD: &str = r#"
schema = 1
[[fields]]
name = "Source"
id = 10
type = "text"
filled = 1.0
values = ["Fine", "A|B", "Old", "Twin"]

[[fields]]
name = "Kinds"
id = 11
type = "checkbox"
filled = 0.3
options = [
  { id = 1, name = "Fine" }, { id = 2, name = "A|B" }, { id = 3, name = "Old", status = "INACTIVE" },
  { id = 4, name = "Twin" }, { id = 5, name = "twin" },
]

[[fields]]
name = "Course"
id = 12
display_name = "Course (first)"
type = "text"
filled = 0.5

[[fields]]
name = "Course"
id = 13
display_name = "Course (second)"
type = "text"

[[fields]]
name = "Same"
id = 14
type = "text"

[[fields]]
name = "Same"
id = 15
type = "text"

[[fields]]
name = "Gone"
id = 16
type = "text"
inactive = true
"#;

fn mapping(source: &str, target: &str) -> String {
    format!("[[mappings]]\nsource = \"{source}\"\ntarget = \"{target}\"\noperation = \"replace\"\n")
}

#[test]
fn accounts_that_no_cell_can_hold_are_listed_and_left_alone() {
    let place = Place::new();
    place.file("own.toml", AWKWARD);
    place.file("plan.toml", &format!("schema = 1\n{}", mapping("Source", "Kinds")));
    let line = "plan export plan.toml --dataset own.toml --resources 100 --json";
    let by_bar = place.json(&format!("{line} --neon-import bar"), 3);
    let by_comma = place.json(&format!("{line} --neon-import comma --separator ,"), 3);
    let [left_by_bar, left_by_comma] = ["bar", "comma"]
        .map(|it| std::fs::read_to_string(place.path().join(it).join("left-out.csv")).unwrap());
    let count = |text: &str, reason: &str| text.matches(reason).count() as u64;
    for (made, left) in [(&by_bar, &left_by_bar), (&by_comma, &left_by_comma)] {
        assert!(count(left, "inactive option") > 0 && count(left, "another option shares") > 0);
        let rows = left.lines().count() as u64 - 1;
        assert_eq!((made["left_out"].as_u64(), made["accounts"].as_u64()), (Some(rows), Some(100)));
        let number = |name: &str| made[name].as_u64().unwrap();
        assert_eq!(number("changed") + number("unchanged") + rows, 100, "{made}");
        assert!(!left.contains("A|B"), "values are personal: {left}");
    }
    assert!(count(&left_by_bar, "contains the separator") > 10);
    assert_eq!(count(&left_by_comma, "contains the separator"), 0);
    assert!(by_comma["changed"].as_u64() > by_bar["changed"].as_u64());
    assert!(count(&left_by_comma, "the old value could not be restored: it holds an inactive") > 0);
    // The files are imported, and the accounts left out are as they were.
    let source = DatasetSource::File { origin: "own.toml".to_owned(), text: AWKWARD.to_owned() };
    let mut organisation = Organisation::new(&source.load(1).unwrap(), 100, 1);
    let importer = Importer { separator: ',', trims: true };
    for (_, text) in files(&place.path().join("comma"), "import-") {
        importer.import(&mut organisation, &text).unwrap();
    }
    assert_eq!(organisation.changed_accounts() as u64, by_comma["changed"].as_u64().unwrap());
    // An inactive field, and what cannot be restored, are listed too.
    place.file("gone.toml", &format!("schema = 1\n{}", mapping("Source", "Gone")));
    let gone = place.json(
        &line.replace("plan.toml", "gone.toml").replace("--json", "--json --neon-import gone"),
        3,
    );
    assert_eq!((&gone["left_out"], &gone["folder"]), (&100.into(), &serde_json::Value::Null));
    assert!(!place.path().join("gone").exists());
}

#[test]
fn accounts_that_are_not_there_are_listed() {
    let place = Place::new();
    let text = format!("{AWKWARD}\n").replacen("schema = 1", "schema = 1\nmerged = 0.1", 1);
    let source = DatasetSource::File { origin: "own.toml".to_owned(), text };
    let ids = Some((1..=100).map(AccountId).collect());
    let workload = Workload { dataset: Some(source), ids, ..Workload::default() };
    let plan = format!("schema = 1\n{}", mapping("Source", "13"));
    place.file("plan.toml", &plan);
    let plan = Some(Plan::from_toml("plan.toml", &plan).unwrap());
    let mock = served(&Scenario::new(Workload { plan, ..workload }).unwrap(), 1);
    let there = mock.with_neon(|neon| neon.organisation().ids().count()) as u64;
    let line = format!("plan export plan.toml --json --base-url {}", mock.base_url());
    let listed = place.json(&format!("{line} --neon-import listed --resource-ids 1-100,999"), 3);
    assert!(there < 100 && listed["left_out"] == 101 - there, "{listed}");
    let left = std::fs::read_to_string(place.path().join("listed/left-out.csv")).unwrap();
    assert_eq!(left.matches("could not be read").count() as u64, 101 - there, "{left}");
    // A search finds those that exist, and the files are the same.
    let found = place.json(&format!("{line} --neon-import found"), 0);
    assert_eq!((found["accounts"].as_u64(), &found["cost"]["calls"]), (Some(there), &2.into()));
    let [listed, found] = ["listed", "found"].map(|it| files(&place.path().join(it), "import-"));
    assert_eq!(listed, found);
}

#[test]
fn fields_of_one_name_go_by_a_name_of_their_own_or_are_refused() {
    let place = Place::new();
    place.file("own.toml", AWKWARD);
    place.file("plan.toml", &format!("schema = 1\n{}", mapping("12", "13")));
    let line = "plan export plan.toml --dataset own.toml --resources 20 --neon-import out";
    assert_eq!(place.neonbench(line).code, 0);
    let (_, text) = files(&place.path().join("out"), "import-").swap_remove(0);
    assert!(text.starts_with("Account ID,Course (second)\r\n"), "{text}");
    place.file("same.toml", &format!("schema = 1\n{}", mapping("12", "14")));
    let line = line.replace("plan.toml", "same.toml").replace("out", "other");
    place.refused(&line, 2, &["`Same`", "14 and 15", "rename one"]);
    // A field that is only read needs no column.
    place.file("read.toml", &format!("schema = 1\n{}", mapping("15", "13")));
    let line = line.replace("same.toml", "read.toml");
    assert_eq!(place.neonbench(&line).code, 4, "the source is empty everywhere");
}

#[test]
fn a_folder_appears_whole_for_its_owner_alone_or_not_at_all() {
    use std::os::unix::fs::PermissionsExt as _;
    let (place, scenario) = (Place::new(), scenario("plain"));
    place.file("plan.toml", &scenario.plan.to_toml());
    let line = "plan export --plan plan.toml --neon-import out --dataset plain --resources 300";
    // A full disk leaves nothing: files of more than 512 bytes cannot be written.
    let script = format!("ulimit -f 1 && exec {} {line}", env!("CARGO_BIN_EXE_neonbench"));
    let mut limited = assert_cmd::Command::new("sh");
    let said = outcome(limited.current_dir(place.path()).args(["-c", &script]));
    assert_ne!(said.code, 0, "{said:?}");
    assert_eq!(files(place.path(), "out").len(), 0);
    assert!(!place.path().join("out").exists(), "{said:?}");
    std::fs::create_dir(place.path().join("out")).unwrap();
    assert_eq!(place.neonbench(line).code, 0, "an empty folder is as good as none");
    let mode = |path: &Path| path.metadata().unwrap().permissions().mode() & 0o777;
    assert_eq!(mode(&place.path().join("out")), 0o700);
    for path in place.entries().iter().filter(|path| path.parent().unwrap().ends_with("out")) {
        assert_eq!(mode(path), 0o600, "{}", path.display());
    }
    place.refused(line, 2, &["out exists", "a new folder"]);
    place.refused("plan export plan.toml --separator | --to x.yaml", 2, &["--separator", "--to"]);
    place.refused("plan export plan.toml", 2, &["--to"]);
    place.refused("plan export plan.toml --neon-import o --separator ;", 2, &["| or ,"]);
    // A server that fails in the middle leaves none either.
    let mock = served(&scenario, 1);
    mock.fail_next(401);
    let line = format!("plan export plan.toml --neon-import new --base-url {}", mock.base_url());
    place.refused(&line, 21, &[]);
}

#[test]
fn a_file_may_be_held_to_a_number_of_rows() {
    let (place, scenario) = (Place::new(), scenario("plain"));
    place.file("plan.toml", &scenario.plan.to_toml());
    let line = "plan export plan.toml --neon-import out --dataset plain --resources 250 --most-rows 100 --json";
    let made = place.json(line, 0);
    let rows: Vec<u64> = made["files"]
        .as_array()
        .unwrap()
        .iter()
        .map(|it| it["accounts"].as_u64().unwrap())
        .collect();
    assert_eq!(rows, [100, 100, 50, 100, 100, 50]);
    let plan = Some(scenario.plan.clone());
    let part = Scenario::new(Workload { plan, ..workload("plain", 250) });
    let part = part.unwrap();
    let mut organisation = part.organisation(1);
    import(&place.path().join("out"), &mut organisation);
    assert_eq!(organisation.digest(), audited(&part, 1));
}
