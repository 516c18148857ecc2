//! Every built-in profile and dataset through every verb: no panic, and an exit code of the
//! contract.

use super::place::{Place, outcome};
use std::time::Duration;

/// Exit codes of a command that came to its end: all well, some accounts failed, nothing to do.
const ENDED: [i32; 3] = [0, 3, 4];

const PLAN: &str =
    "schema = 1\n[[mappings]]\nsource = \"V-1\"\ntarget = \"T-1\"\noperation = \"replace\"\n";

fn profiles() -> Vec<String> {
    let names = neon_mock::profile::BUILT_IN.iter();
    names.map(|(name, _)| format!("--profile {name}")).collect()
}

fn datasets() -> Vec<String> {
    let names = neon_mock::dataset::BUILT_IN.iter();
    names.map(|(name, _)| format!("--dataset {name}")).collect()
}

/// The names in flags as above.
fn names(flags: &[String]) -> Vec<String> {
    flags.iter().map(|flag| flag.split_once(' ').unwrap().1.to_owned()).collect()
}

/// Runs each line with each of `choices` behind it; each must end with a code of `codes`.
fn all_end(lines: &[&str], choices: &[String], codes: &[i32]) {
    let place = Place::new();
    place.file("plan.toml", PLAN);
    for line in lines {
        for choice in choices {
            let line = line.replace("CHOICE", choice);
            let said = outcome(place.command(&line).timeout(Duration::from_secs(120)));
            assert!(codes.contains(&said.code), "{line}: {said:?}");
            assert!(!said.stderr.contains("panicked"), "{line}: {said:?}");
        }
    }
}

#[test]
fn runs_and_their_configuration() {
    let choices = [profiles(), datasets()].concat();
    let lines = [
        "run CHOICE --resources 6 --mappings 2 --forecast --no-store",
        "run CHOICE --resources 6 --strategy pipelined --dry-run --json --no-store",
        "show-config CHOICE --resources 6",
    ];
    all_end(&lines, &choices, &ENDED);
}

#[test]
fn runs_side_by_side() {
    let choices = [profiles(), datasets()].concat();
    let lines = [
        "benchmark CHOICE --resources 6 --mappings 2 --sample-size 3 --replicates 2 --no-store",
        "compare CHOICE --resources 6 --mappings 2 --configs 1/2,3/3 --replicates 1 --no-store",
        "scalability CHOICE --sizes 2,6 --mappings 2 --replicates 1 --no-store",
    ];
    all_end(&lines, &choices, &ENDED);
}

/// A report simulates larger organisations too, and staff work in the whole of each: that alone takes
/// longer than all the others, and a run of `staff` is among the runs above.
#[test]
fn reports() {
    let mut choices = profiles();
    choices.retain(|choice| choice != "--profile staff");
    // A dataset changes a report by its plan alone: one that has other fields stands for all.
    choices.extend(datasets().pop());
    let line = "report CHOICE --resources 2 --mappings 1 --replicates 1 --no-store --out page";
    all_end(&[line], &choices, &ENDED);
}

#[test]
fn advice() {
    let choices = [profiles(), datasets()].concat();
    all_end(&["analyze CHOICE --resources 3 --mappings 2"], &choices, &ENDED);
    // A profile of faults may leave a probe with too few answers: then there is nothing to fit.
    all_end(
        &["probe CHOICE --resources 20", "probe CHOICE --resources 20 --sample 6"],
        &choices,
        &[0, 21],
    );
    all_end(
        &["probe CHOICE --resources 20"],
        &["--profile unlimited --world http".to_owned()],
        &[0],
    );
}

#[test]
fn files_of_each() {
    all_end(
        &["plan check plan.toml CHOICE", "plan preview plan.toml CHOICE --resources 6"],
        &datasets(),
        // A dataset without the plan's fields is refused.
        &[0, 2],
    );
    let lines = ["dataset describe CHOICE --resources 6", "dataset export CHOICE"];
    all_end(&lines, &names(&datasets()), &[0]);
    let place = Place::new();
    for name in names(&profiles()) {
        let shown = place.neonbench(&format!("profile show {name}"));
        place.file("mine.toml", &shown.stdout);
        let checked = place.neonbench("profile check mine.toml");
        assert_eq!((shown.code, checked.code), (0, 0), "{name}: {checked:?}");
    }
}

#[test]
fn a_client_that_calls_nothing() {
    let choices = [profiles(), datasets()].concat();
    all_end(&["judge CHOICE --resources 3 --no-store -- true"], &choices, &[11]);
}

#[test]
fn scenarios_of_all_are_evaluated() {
    let place = Place::new();
    std::fs::create_dir(place.path().join("all")).unwrap();
    // Each profile with a dataset, and each dataset with a profile: a scenario costs the same whatever is in it.
    let (profiles, datasets) = (names(&profiles()), names(&datasets()));
    for place_of in 0..profiles.len().max(datasets.len()) {
        let name_of = |names: &[String]| names[place_of % names.len()].clone();
        let (profile, dataset) = (name_of(&profiles), name_of(&datasets));
        let lines = format!("profile = \"{profile}\"\ndataset = \"{dataset}\"\n");
        let text = format!("schema = 1\nresources = 4\nmappings = 1\n{lines}");
        std::fs::write(place.path().join(format!("all/{profile}-{dataset}.toml")), text).unwrap();
    }
    let mut command = place.command("evaluate --scenarios all --json");
    let said = outcome(command.timeout(Duration::from_secs(120)));
    assert_eq!(said.code, 0, "{said:?}");
}
