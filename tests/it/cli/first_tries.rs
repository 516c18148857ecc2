//! The first tries of a new user that go wrong: the error says what to do instead.

use super::place::Place;

const PLAN: &str =
    "schema = 1\n[[mappings]]\nsource = \"V-Skills\"\ntarget = \"T-1\"\noperation = \"replace\"\n";

#[test]
fn a_verb_that_is_none_is_answered_with_one_that_is() {
    let place = Place::new();
    let table: &[(&str, &[&str])] = &[
        ("rnu", &["'rnu'", "tip: did you mean `neonbench run`?"]),
        ("benchmrak", &["benchmark"]),
        ("version", &["did you mean `neonbench --version`?"]),
        ("migrate", &["did you mean `neonbench run`?"]),
        ("sprint", &["tip: ", "neonbench"]),
        ("xyzzy", &["`neonbench --help` lists the commands"]),
    ];
    for (line, said) in table {
        place.refused(line, 2, said);
        assert_eq!(place.neonbench(line).stderr.matches("tip:").count(), 1, "{line}");
    }
    assert!(!place.neonbench("version").stderr.contains("verify"));
}

#[test]
fn a_figure_that_is_none_is_named_by_its_flag() {
    let place = Place::new();
    let whole = "expected a whole number, such as 1000";
    let table: &[(&str, &[&str])] = &[
        ("run --workers -3", &["'-3'", "--workers", whole]),
        ("run --resources 1e6", &["'1e6'", "--resources", whole]),
        ("run --resources abc", &["'abc'", "--resources", whole]),
        ("run --resources 99999999999999999999999", &["too large"]),
        ("run --resources 0", &["--resources 0: at least 1 is needed"]),
        ("run --mappings 0", &["--mappings 0: at least 1 is needed"]),
        ("run --sample 0", &["--sample 0: at least 1 is needed"]),
        ("serve --addr 127.0.0.1", &["an IP address and a port, such as 127.0.0.1:8080"]),
        ("history --limit few", &["--limit", whole]),
    ];
    for (line, said) in table {
        place.refused(line, 2, said);
    }
}

#[test]
fn a_file_that_is_no_plan_is_answered_with_one_that_is() {
    let place = Place::new();
    place.file("plan.csv", "source,target\nV-1,T-1\n");
    place.file("empty.toml", "\n");
    place.file("plan.toml", &PLAN.replace("replace", "add_optoin"));
    std::fs::create_dir(place.path().join("folder")).unwrap();
    let table: &[(&str, &[&str])] = &[
        (
            "run --plan plan.csv",
            &["plan.csv: a plan is a TOML or JSON file, such as examples/plan.toml"],
        ),
        ("run --plan empty.toml", &["empty.toml: the file is empty; examples/plan.toml is a plan"]),
        ("run --plan plan.toml", &["line 5", "`add_optoin`", "did you mean `add_option`?"]),
        ("run --plan folder", &["cannot read folder: Is a directory"]),
        ("plan check plan.toml", &["tip: a plan is checked against", "such as --dataset v-fields"]),
        ("fit plan.toml", &["plan.toml is no HAR file"]),
    ];
    for (line, said) in table {
        place.refused(line, 2, said);
    }
    assert!(!place.neonbench("run --plan folder").stderr.contains("os error"));
}

#[test]
fn a_folder_that_cannot_be_made_is_said_to_be_one() {
    let place = Place::new();
    place.file("taken", "a file where a folder would have to be");
    place.refused("report --out taken/page", 2, &["cannot create folder taken/page"]);
}

#[test]
fn a_plan_and_a_scenario_do_not_both_bring_an_organisation() {
    let place = Place::new();
    let plan = PLAN.replace("V-Skills", "Shoe size").replace("T-1", "Shoes");
    place.file("plan.toml", &plan);
    let said = ["`Shoe size`", "--scenario brings an organisation without the plan's fields"];
    place.refused("run --plan plan.toml --scenario guide-1", 2, &said);
    assert_eq!(place.neonbench("run --plan plan.toml --resources 3 --no-store").code, 0);
}

#[test]
fn an_address_is_read_before_the_accounts_are_asked_for() {
    let place = Place::new();
    let said = ["the base URL is no address such as http://127.0.0.1:8080/v2"];
    place.refused("run --base-url api.neoncrm.com", 2, &said);
    let said = ["--base-url needs the accounts to migrate", "--resource-ids"];
    place.refused("run --base-url http://127.0.0.1:9/v2", 2, &said);
}

#[test]
fn a_store_that_is_not_here_may_be_elsewhere() {
    let place = Place::new();
    place.refused("resume 7", 2, &["there is no store", "here", "--store"]);
    place.refused("history", 2, &["make a run first"]);
    let said = place.neonbench("resume");
    assert!(said.stderr.contains("`neonbench history` lists the runs"), "{said:?}");
}

#[test]
fn a_run_that_read_by_searches_is_not_fitted() {
    let place = Place::new();
    place.json("run --resources 30 --strategy hybrid --reads search --json", 0);
    let said = place.neonbench("fit --run 1");
    assert_eq!(said.code, 2, "{said:?}");
    assert!(said.stderr.contains("run 1 read its accounts by searches"), "{said:?}");
}

#[test]
fn a_sample_of_the_whole_plan_is_no_sample() {
    let place = Place::new();
    let line = "benchmark --resources 10 --replicates 2 --no-store --sample-size";
    let said = place.neonbench(&format!("{line} 20000"));
    assert_eq!(said.code, 0, "{said:?}");
    assert!(
        said.stdout.contains("note: --sample-size is ignored: the plan has 10 accounts"),
        "{said:?}"
    );
    assert!(!said.stdout.contains("forecast:"), "{said:?}");
    let said = place.neonbench(&format!("{line} 5"));
    assert!(said.stdout.contains("for all 10 accounts"), "{said:?}");
}

#[test]
fn flags_that_do_nothing_in_a_verb_are_refused_and_not_listed() {
    let place = Place::new();
    for (line, flag) in [
        ("scalability --resources 50", "--resources"),
        ("serve --sample 5", "--sample"),
        ("benchmark --thresholds mine.toml", "--thresholds"),
    ] {
        place.refused(line, 2, &[flag, "does nothing"]);
        let verb = line.split(' ').next().unwrap();
        let help = place.neonbench(&format!("{verb} --help")).stdout;
        assert!(!help.contains(&format!("{flag} <")), "{help}");
    }
}

#[test]
fn configurations_without_flags_differ() {
    let place = Place::new();
    let times = |line: &str| {
        let record = place
            .json(&format!("compare --resources 60 --replicates 1 --no-store {line} --json"), 0);
        let runs = record["runs"].as_array().unwrap().clone();
        let of =
            |run: &serde_json::Value| (run["workers"].clone(), run["makespan_s"].as_f64().unwrap());
        runs.iter().map(of).collect::<Vec<_>>()
    };
    let all = times("");
    assert_eq!(all.len(), 5);
    assert!(all.windows(2).all(|pair| (pair[0].1 - pair[1].1).abs() > 0.1), "{all:?}");
    // A given value stays the same: batch sizes are compared then.
    let same = times("--workers 4");
    assert!(same.len() > 1 && same.iter().all(|(workers, _)| *workers == 4), "{same:?}");
    place.refused("compare --workers 4 --configs 1/2", 2, &["--configs", "--workers"]);
}

#[test]
fn one_of_a_kind_is_no_plural() {
    let place = Place::new();
    for line in [
        "run --resources 1 --mappings 1 --strategy hybrid --workers 1 --batch-size 1 --no-store",
        "run --resources 1 --mappings 1 --no-store",
        "benchmark --resources 1 --mappings 1 --workers 1 --replicates 1 --no-store",
        "analyze --resources 1 --mappings 1",
        "judge --resources 1 --mappings 1 --no-store -- true",
        "scalability --sizes 1 --mappings 1 --no-store",
        "report --resources 1 --mappings 1 --replicates 1 --no-store --out page",
    ] {
        let said = place.neonbench(line);
        let text = format!(" {} {}", said.stdout, said.stderr).replace('\n', " ");
        for noun in
            ["accounts", "mappings", "workers", "calls", "reads", "writes", "searches", "runs"]
        {
            // "11 accounts" and "3.1 calls" are right.
            let wrong = text.find(&format!(" 1 {noun}"));
            assert_eq!(wrong, None, "{line}: {text}");
        }
    }
}
