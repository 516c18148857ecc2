//! A plan as people have it: a filter, a map with a hole, a regex, a merge, a source that is cleared.

use super::journals::FAST;
use super::place::Place;
use neon_mock::api::{AccountId, Class, Endpoint, Value as OptionValue};
use neon_mock::dataset::Dataset;
use neon_mock::org::Organisation;
use neon_mock::profile::Profile;
use neon_mock::{Neon, NeonMock};
use serde_json::Value;
use std::path::PathBuf;

/// Fields of an organisation as an import makes them, with vocabularies filled in.
const DATASET: &str = r#"
schema = 1
companies = 0.1
fields = [
  { name = "Old interests", type = "checkbox", filled = 0.8, values = ["Art", "Dance", "Music"] },
  { name = "Interests", type = "checkbox", filled = 0.2, values = ["Art", "Dance", "Music", "Film"] },
  { name = "Chapter (old)", type = "dropdown", filled = 0.9, values = ["N", "S", "E", "W", "HQ"] },
  { name = "Region", type = "dropdown", values = ["North", "South", "East", "West"] },
  { name = "Phone (old)", type = "text", filled = 0.7, values = ["(01) 234", "+44 55", "777"] },
  { name = "Second phone", type = "text" },
  { name = "Notes (old)", type = "multiline", filled = 0.5 },
  { name = "Notes", type = "multiline", filled = 0.3 },
]
"#;

const PLAN: &str = r#"
schema = 1

[[filter]]
field = "Old interests"
operator = "NOT_BLANK"

[[mappings]]
source = "Old interests"
target = "Interests"
operation = "merge"

[[mappings]]
source = "Chapter (old)"
target = "Region"
operation = "replace"
transform = [{ step = "map", values = { N = "North", S = "South", E = "East", W = "West" } }]

[[mappings]]
source = "Phone (old)"
target = "Second phone"
operation = "replace"
transform = [{ step = "regex_replace", pattern = "[^0-9+]", with = "" }]

[[mappings]]
source = "Notes (old)"
target = "Notes"
operation = "merge"
preserve_source = false
"#;

/// The organisation's accounts under seed 1, and those that the filter selects.
const ACCOUNTS: u64 = 3_200;

fn place() -> Place {
    let place = Place::new();
    place.file("own.toml", DATASET);
    place.file("plan.toml", PLAN);
    place
}

fn organisation(accounts: u64) -> Organisation {
    Organisation::new(&Dataset::from_toml("own.toml", DATASET, 0).unwrap(), accounts, 1)
}

/// Of so many accounts under seed 1 those that the filter selects, and those among them with the option `HQ`.
fn expected(accounts: u64) -> (Vec<u64>, u64) {
    let organisation = organisation(accounts);
    let field =
        |name: &str| organisation.definitions().iter().find(|field| &*field.name == name).unwrap();
    let (interests, chapter) = (field("Old interests"), field("Chapter (old)"));
    let hq = chapter.option_values.iter().find(|option| &*option.name == "HQ").unwrap().id;
    let (mut selected, mut unmapped) = (Vec::new(), 0);
    for id in 1..=accounts {
        let values = organisation.values(AccountId(id));
        let held = |id| values.iter().find(|(field, _)| *field == id).map(|(_, value)| value);
        if held(interests.id).is_some() {
            selected.push(id);
            unmapped += u64::from(held(chapter.id) == OptionValue::options([hq]).as_ref());
        }
    }
    assert!(unmapped * 10 > selected.len() as u64, "{selected:?}, {unmapped}");
    (selected, unmapped)
}

/// A server with that organisation.
fn server(accounts: u64, profile: &str) -> NeonMock {
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    let profile = Profile::built_in(profile).unwrap();
    let neon = Neon::new(profile, organisation(accounts), 1);
    runtime.block_on(NeonMock::builder().neon(neon).start())
}

fn unmapped_of(run: &Value) -> (&str, u64) {
    let row = &run["unmapped"]["values"][0];
    assert_eq!((&row["source"], &row["target"]), (&"Chapter (old)".into(), &"Region".into()));
    (row["value"].as_str().unwrap(), row["accounts"].as_u64().unwrap())
}

#[test]
fn a_hole_in_a_map_is_named_wherever_a_plan_goes() {
    let place = place();
    let (ids, unmapped) = expected(ACCOUNTS);
    let selected = ids.len();
    let on = format!("--dataset own.toml --resources {ACCOUNTS} --strategy pipelined --no-store");
    let check = place.json("plan check plan.toml --dataset own.toml --json", 0);
    let found = &check["findings"][0];
    assert_eq!((&found["code"], &check["warnings"]), (&"unmapped_value".into(), &1.into()));
    assert!(found["message"].as_str().unwrap().contains("`HQ`"), "{check}");
    let preview = place.neonbench(&format!(
        "plan preview plan.toml --dataset own.toml --resources {ACCOUNTS} --sample 30"
    ));
    assert!(preview.stdout.contains("no entry for HQ"), "{preview:?}");
    assert!(preview.stdout.contains("unmapped: `HQ` on "), "{preview:?}");
    for dry_run in ["--dry-run", ""] {
        let run = place.json(&format!("run --plan plan.toml {on} {dry_run} --json"), 0);
        assert_eq!(unmapped_of(&run), ("HQ", unmapped));
        assert_eq!(run["resources"], selected);
    }
    let ids = place
        .json(&format!("plan ids plan.toml --dataset own.toml --resources {ACCOUNTS} --json"), 0);
    assert_eq!(ids["accounts"], selected);
    // Under each seed the filter selects others, and the strategies are compared seed by seed.
    let (few, _) = expected(60);
    for command in [
        "run",
        "benchmark --replicates 3",
        "benchmark --replicates 3 --sample-size 20",
        "compare --replicates 3",
        "scalability --sizes 30,60 --replicates 3",
        "report --replicates 5",
        "analyze",
    ] {
        let on = if command.starts_with("scalability") { "" } else { "--resources 60" };
        let line = format!("{command} --plan plan.toml --dataset own.toml {on}");
        let said = place.neonbench(&line);
        assert_eq!(said.code, 0, "{line}: {said:?}");
        assert!(said.stdout.contains("`HQ`"), "{line}: {said:?}");
        let accounts = format!("{} accounts", few.len());
        assert!(
            command.starts_with("compare")
                || command.starts_with("scala")
                || said.stdout.contains(&accounts),
            "{line}: {said:?}"
        );
    }
}

#[test]
fn a_server_is_searched_for_the_accounts_of_a_filter() {
    let (place, accounts) = (place(), 500);
    let (ids, unmapped) = expected(accounts);
    let selected = ids.len() as u64;
    let mock = server(accounts, "unlimited");
    let at = format!("--base-url {}", mock.base_url());
    let listed = place.neonbench(&format!("plan ids plan.toml {at}"));
    let found: Vec<u64> = listed.stdout.lines().map(|line| line.parse().unwrap()).collect();
    assert_eq!(found, ids);
    // Three pages, one after another, and nothing else.
    let calls = mock.calls();
    assert_eq!((calls.total(), calls.admitted(Class::Search)), (3, 3));
    let first = place.neonbench(&format!("plan ids plan.toml {at} --sample 3"));
    assert_eq!(first.stdout.lines().count(), 3);
    assert_eq!(mock.calls().total() - calls.total(), 1);
    let check = place.json(&format!("plan check plan.toml {at} --json"), 0);
    assert_eq!(check["findings"][0]["code"], "unmapped_value");
    let preview = place.json(&format!("plan preview plan.toml {at} --sample 30 --json"), 0);
    assert_eq!(preview["accounts"].as_array().unwrap().len(), 30);
    assert_eq!(unmapped_of(&preview).0, "HQ");

    let run = |flags: &str| {
        let line = format!("run --plan plan.toml {at} --dry-run --no-store --json {flags}");
        place.json(&line, 0)
    };
    let (sample, whole) = (run("--sample 20"), run(""));
    assert_eq!((&sample["resources"], &whole["resources"]), (&20.into(), &selected.into()));
    assert_eq!(unmapped_of(&whole), ("HQ", unmapped));
    let counted = run("--profile constant");
    let reason = counted["reason"].as_str().unwrap();
    assert!(reason.contains(&format!("{selected} accounts")), "{reason}");
    // The search that counted them is among the calls that the record counts.
    assert_eq!(
        counted["calls"]["searches"].as_u64(),
        whole["calls"]["searches"].as_u64().map(|it| it + 1)
    );

    let line = format!("benchmark --plan plan.toml {at} --sample-size 20 --dry-run --json");
    let benchmark = place.json(&line, 0);
    assert!(benchmark["runs"].as_array().unwrap().iter().all(|run| run["resources"] == 20));
    assert!(benchmark["forecast"].as_array().unwrap().iter().all(|it| it["resources"] == selected));
    assert_eq!(mock.calls().admitted(Class::Patch), 0);
    let real = place.json(&format!("run --plan plan.toml {at} --sample 20 --json"), 0);
    assert_eq!(
        (&real["resources"], mock.calls().of(Endpoint::PatchAccount).admitted),
        (&20.into(), real["calls"]["record_writes"].as_u64().unwrap())
    );
}

#[test]
fn an_analysis_counts_what_the_server_has() {
    let (place, accounts) = (place(), 40);
    let (ids, _) = expected(accounts);
    let mock = server(accounts, "unlimited");
    let at = format!("--base-url {}", mock.base_url());
    let all = PLAN.replace("[[filter]]\nfield = \"Old interests\"\noperator = \"NOT_BLANK\"\n", "");
    assert!(!all.contains("filter"));
    place.file("all.toml", &all);
    for (plan, selected) in [("plan.toml", ids.len() as u64), ("all.toml", accounts)] {
        let said = place.neonbench(&format!("analyze --plan {plan} {at} --probe"));
        assert_eq!(said.code, 0, "{said:?}");
        let size = format!("{selected} accounts × 4 mappings");
        assert!(said.stdout.starts_with(&size), "{said:?}");
        assert!(said.stdout.contains("`HQ`"), "{said:?}");
        let next = said.stdout.lines().find(|line| line.starts_with("next: ")).unwrap();
        assert!(next.contains("--dry-run") && next.contains(&at), "{next}");
        let listed = place.json(&format!("plan ids {plan} {at} --json"), 0);
        assert_eq!(listed["accounts"], selected);
    }
    let run = place.json(&format!("run --plan all.toml {at} --json"), 0);
    assert_eq!(run["resources"], accounts);
    assert_eq!(
        mock.calls().admitted(Class::Patch),
        run["calls"]["record_writes"].as_u64().unwrap()
    );
}

#[test]
fn a_filter_may_name_fields_that_no_mapping_has() {
    let place = place();
    let plan = PLAN.replace(
        "\"Old interests\"\noperator = \"NOT_BLANK\"",
        "\"Member since\"\noperator = \"EQUAL\"\nvalue = \"2019\"",
    );
    place.file("plan.toml", &plan);
    let run = place.json("run --plan plan.toml --resources 200 --no-store --json", 0);
    let selected = run["resources"].as_u64().unwrap();
    assert!((30..150).contains(&selected), "{selected}");
}

/// Accounts that fail are one warning per reason, with their number; a report of them ends with 3.
#[test]
fn accounts_that_fail_are_one_warning_per_reason_and_a_report_ends_with_3() {
    let place = Place::new();
    let faults =
        "[[faults]]\nkind = \"500\"\nrecords = [3, 5, 7]\nclasses = [\"patch\", \"put\"]\n";
    place.file("sick.toml", &format!("{FAST}{faults}"));
    let line = "run --resources 12 --resource-ids 1-12,98,99 --profile sick.toml --strategy hybrid --no-store";
    let run = place.neonbench(line);
    assert_eq!(run.code, 3, "{run:?}");
    let warnings = run.stderr.lines().filter(|line| line.contains("WARN"));
    let mut counts: Vec<&str> = warnings
        .map(|line| line.split("accounts=").nth(1).unwrap().split(' ').next().unwrap())
        .collect();
    counts.sort_unstable();
    assert_eq!(counts, ["2", "3"], "{run:?}");
    let report =
        place.json("report --resources 12 --profile sick.toml --replicates 1 --no-store --json", 3);
    let league = report["decision"]["league"].as_array().unwrap();
    assert!(league.len() >= 5, "{league:?}");
    for row in league {
        assert!(row["failed"].as_f64().unwrap() > 0.0, "{row:#}");
    }
}

/// `evaluate` reads the scenarios that it exports, and has nothing to say of the files that they name.
#[test]
fn an_export_of_scenarios_is_read_without_complaint() {
    let place = Place::new();
    assert_eq!(place.neonbench("evaluate --export-scenarios held").code, 0);
    let held = place.path().join("held");
    let few = place.path().join("few");
    std::fs::create_dir(&few).unwrap();
    // The smallest of all: each is judged over its whole grid.
    let mut scenarios: Vec<(u64, PathBuf, String)> = Vec::new();
    for path in place.entries() {
        let text = std::fs::read_to_string(&path).unwrap_or_default();
        let member = |name: &str| {
            let line = text.lines().find_map(|line| line.strip_prefix(&format!("{name} = ")));
            line.map(|value| value.trim_matches('"').to_owned())
        };
        if let (Some(resources), Some(profile)) = (member("resources"), member("profile"))
            && path.starts_with(&held)
        {
            scenarios.push((resources.parse().unwrap(), path, profile));
        }
    }
    scenarios.sort();
    for (_, scenario, profile) in &scenarios[..3] {
        std::fs::copy(scenario, few.join(scenario.file_name().unwrap())).unwrap();
        std::fs::copy(held.join(profile), few.join(profile)).unwrap();
    }
    let judged = place.neonbench("evaluate --scenarios few --json");
    assert_eq!((judged.code, judged.stderr.as_str()), (0, ""), "{judged:?}");
    let judged: Value = serde_json::from_str(&judged.stdout).unwrap();
    assert_eq!(judged["scenarios"], 3);
}

#[test]
fn a_plan_goes_through_every_command_of_the_tutorial_and_the_python_page() {
    walk(40, 1);
}

/// As above, with the size that the accounts of an organisation have.
#[test]
#[ignore = "minutes in a debug build; .ci/long runs it"]
fn a_plan_of_3200_accounts_goes_through_every_command() {
    walk(ACCOUNTS, 2);
}

/// Takes the plan through the commands of the tutorial and of the page for Python: no refusal, the accounts that
/// the filter selects, and the hole of the map wherever values are read.
fn walk(accounts: u64, replicates: u32) {
    let place = place();
    let (ids, unmapped) = expected(accounts);
    let selected = ids.len() as u64;
    let mock = server(accounts, "unlimited");
    let (at, local) = (
        format!("--base-url {}", mock.base_url()),
        format!("--plan plan.toml --dataset own.toml --resources {accounts}"),
    );
    let said = |line: &str, codes: &[i32], words: &[&str]| {
        let said = place.neonbench_within(line, 600);
        assert!(codes.contains(&said.code), "{line}: {said:?}");
        for word in words {
            let all = format!("{}{}", said.stdout, said.stderr);
            assert!(all.contains(word), "{line}: no {word} in {said:?}");
        }
        said.stdout
    };
    let answer = serde_json::to_string(organisation(1).definitions()).unwrap();
    place.file("answer.json", &answer);
    said("dataset import --custom-fields answer.json --out imported.toml", &[0], &["8 fields"]);
    said("dataset describe imported.toml", &[0], &["Chapter (old)"]);
    // A map and a regex are code to the Python engine, and are named.
    said("plan export plan.toml --to theirs.yaml", &[0, 3], &[]);
    said("plan import theirs.yaml --to ours.toml", &[0, 3], &["4 mappings"]);
    said("plan check plan.toml --dataset own.toml", &[0], &["`HQ`"]);
    said("plan check plan.toml --custom-fields answer.json", &[0], &["`HQ`"]);
    said(&format!("plan check plan.toml {at}"), &[0], &["`HQ`"]);
    said(
        &format!("plan preview plan.toml --dataset own.toml --resources {accounts} --sample 30"),
        &[0],
        &["HQ"],
    );
    said(&format!("plan preview plan.toml {at} --sample 30"), &[0], &["HQ"]);
    let size = neonbench::text::count(selected);
    let counted = format!("{size} accounts");
    said(
        &format!("report {local} --replicates {replicates} --out page"),
        &[0],
        &["`HQ`", &counted],
    );
    said(&format!("probe {at} --resource-ids 1-100 --write mine.toml"), &[0], &["mine.toml"]);
    said("profile check mine.toml", &[0], &[]);
    said(&format!("analyze {local} --profile mine.toml"), &[0], &["`HQ`", &counted]);
    said(&format!("analyze --plan plan.toml {at} --probe"), &[0], &["`HQ`", &counted]);
    said(&format!("benchmark {local} --replicates {replicates}"), &[0], &["`HQ`", &counted]);
    said(
        &format!(
            "compare {local} --configs 1/50,5/50,10/50 --strategy hybrid --reads search --replicates {replicates}"
        ),
        &[0, 3],
        &["`HQ`", &size],
    );
    if accounts == ACCOUNTS {
        let rule = ["def _choose_optimal_strategy"];
        said("calibrate --reads search --export python", &[0], &rule);
    }
    let script = format!(
        "#!/bin/sh\nexec {} run --plan plan.toml --no-store -q --base-url \"$NEON_BASE_URL\"\n",
        env!("CARGO_BIN_EXE_neonbench")
    );
    place.file("own.sh", &script);
    said(&format!("judge {local} --profile unlimited -- sh own.sh"), &[0], &[&size]);
    let tried = said(
        &format!("run --plan plan.toml {at} --sample 20 --dry-run"),
        &[0],
        &["`HQ`", "20 accounts"],
    );
    assert!(tried.contains("dry run"), "{tried}");
    said(&format!("run --plan plan.toml {at} --sample 20 --no-store"), &[0], &["20 accounts"]);
    let run: Value = serde_json::from_str(&said(
        &format!("run --plan plan.toml {at} --guard reread --changes changes.csv --json"),
        &[0],
        &[],
    ))
    .unwrap();
    assert_eq!(run["resources"], selected);
    assert_eq!(unmapped_of(&run), ("HQ", unmapped));
    let id = &run["run"];
    said(&format!("verify {id}"), &[0], &["verified"]);
    said(&format!("report --runs {id} --out made"), &[0], &[]);
    said("history", &[0], &["filter × 4"]);
    said(&format!("undo {id} --dry-run"), &[0], &["would restore"]);
    said(&format!("undo {id}"), &[0], &["restored"]);
}
