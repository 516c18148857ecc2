//! A mistake is named: the file, the line, the field and what would be right. Nothing is
//! printed or written then.

use super::place::Place;

const PLAN: &str = r#"schema = 1

[[mappings]]
source = "V-1"
target = "T-1"
operation = "replace"
"#;

const PROFILE: &str = r#"schema = 1

[limits]
pool = 5

[service]
get = { law = "constant", time = "200ms" }
patch = { law = "constant", time = "300ms" }
put = { law = "constant", time = "300ms" }
search = { law = "constant", time = "400ms" }
metadata = { law = "constant", time = "100ms" }
"#;

const SCENARIO: &str = "schema = 1\nresources = 10\nmappings = 2\n";

const DATASET: &str = r#"schema = 1

[[fields]]
name = "V-1"
type = "text"
filled = 1.0

[[fields]]
name = "T-1"
type = "text"
"#;

/// Tries `text`, with `right` replaced by `wrong`, as the file of `flag`.
fn refused(flag: &str, text: &str, [right, wrong]: [&str; 2], said: &[&str]) {
    assert!(text.contains(right), "{right} does not occur");
    let place = Place::new();
    place.file("given.toml", &text.replacen(right, wrong, 1));
    let line = format!("run --{flag} given.toml --resources 5");
    let said: Vec<&str> = ["given.toml"].iter().chain(said).copied().collect();
    place.refused(&line, 2, &said);
}

#[test]
fn names_that_do_not_exist_are_refused_with_those_that_do() {
    let place = Place::new();
    let table: &[(&str, &[&str])] = &[
        ("run --strategy fastest", &["fastest", "standard", "put_batch", "hybrid", "auto"]),
        ("run --profile fast", &["`fast`", "`documented`", "`constant`", "TOML file"]),
        ("run --dataset big", &["`big`", "`plain`", "`half-migrated`", "TOML file"]),
        ("run --scenario guide-9", &["`guide-9`", "`guide-1`", "`guide-3`", "TOML file"]),
        ("run --profile docmented", &["`docmented`; did you mean `documented`? built in are"]),
        ("profile show unlimitd", &["did you mean `unlimited`?"]),
        ("run --dataset Half-migratd", &["did you mean `half-migrated`?"]),
        ("run --scenario guide1", &["did you mean `guide-1`"]),
        ("run --write post", &["post", "patch", "put", "both"]),
        ("run --world real", &["real", "virtual", "http"]),
        ("run --metadata-cache maybe", &["maybe", "on", "off"]),
        ("run --log ]", &["--log", "`]`"]),
        ("run --speed 3", &["--speed"]),
        ("sprint", &["sprint"]),
    ];
    for (line, said) in table {
        place.refused(line, 2, said);
    }
}

#[test]
fn files_that_are_not_there_are_named() {
    let place = Place::new();
    for flag in ["plan", "profile", "dataset", "scenario"] {
        place.refused(
            &format!("run --{flag} missing.toml"),
            2,
            &["cannot read missing.toml", "No such file"],
        );
    }
    place.refused("run --resource-ids 1,@missing.txt", 2, &["cannot read missing.txt"]);
}

#[test]
fn figures_of_zero_and_less_are_refused_by_their_flag() {
    let place = Place::new();
    let table: &[(&str, &[&str])] = &[
        ("run --workers 0", &["--workers 0", "at least 1"]),
        ("run --batch-size 0", &["--batch-size 0", "at least 1"]),
        ("run --chunk-size 0", &["--chunk-size 0", "at least 1"]),
        ("run --resources 0", &["--resources 0", "at least 1"]),
        ("run --mappings 0", &["--mappings 0", "at least 1"]),
        ("run --sample 0", &["--sample 0", "at least 1"]),
        ("run --workers=-1", &["--workers", "-1"]),
        ("run --workers many", &["--workers", "many"]),
        ("run --seed x", &["--seed"]),
        ("run --chunk-size 5 --chunk-pause 3", &["--chunk-pause", "3"]),
        ("run --chunk-pause 1s", &["--chunk-size"]),
        ("benchmark --replicates 0", &["--replicates", "1..="]),
        ("compare --configs 3x50", &["`3x50`", "3/50"]),
        ("compare --configs 0/5", &["`0/5`", "from 1 to"]),
    ];
    for (line, said) in table {
        place.refused(line, 2, said);
    }
}

#[test]
fn ids_that_are_no_numbers_are_refused() {
    let place = Place::new();
    place.file("ids.txt", "1\n2\nthree\n");
    let table: &[(&str, &[&str])] = &[
        ("1,abc,3", &["`abc`", "whole number"]),
        ("1-x", &["`1-x`", "whole number"]),
        ("1.5", &["`1.5`"]),
        ("9-1", &["`9-1`", "backwards"]),
        ("4,1-5", &["account 4", "twice"]),
        ("1-99999999999", &["more than", "ids"]),
        ("@ids.txt", &["ids.txt, line 3", "`three`"]),
    ];
    for (ids, said) in table {
        place.refused(&format!("run --resource-ids {ids}"), 2, said);
    }
}

#[test]
fn a_plan_that_is_wrong_is_refused_with_its_line() {
    let wrong = |change, said: &[&str]| refused("plan", PLAN, change, said);
    wrong(["[[mappings]]", "[[mappings]"], &["line 3"]);
    wrong(["\"replace\"", "\"replaces\""], &["line 6", "`replaces`", "`merge`", "`copy_if_empty`"]);
    wrong(["source =", "sauce ="], &["line 4", "`sauce`", "`source`"]);
    wrong(["target = \"T-1\"\n", ""], &["line 3", "`target`"]);
    wrong(["source = \"V-1\"", "source = 1"], &["line 4", "string"]);
    wrong(["schema = 1", "schema = 7"], &["schema = 7", "schema 1"]);
    wrong(["schema = 1\n", "schema = 1\nresource_ids = \"1-x\"\n"], &["line 2", "`1-x`"]);
    wrong(
        ["\"replace\"", "\"replace\"\ntransform = [{ step = \"trims\" }]"],
        &["line 7", "`trims`", "`regex_replace`"],
    );
    wrong(
        [
            "\"replace\"",
            "\"replace\"\ntransform = [{ step = \"regex_replace\", pattern = \"(\", with = \"\" }]",
        ],
        &["line 7", "regular expression"],
    );
    wrong(
        [
            "\"replace\"",
            "\"replace\"\ntransform = [{ step = \"regex_replace\", pattern = \"a\", with = \"$1y\" }]",
        ],
        &["line 7", "`1y`", "${1}y"],
    );
    wrong(["\"replace\"", "\"transform\""], &["line 3", "needs a `transform`"]);
    wrong(
        ["\"replace\"", "\"add_option\"\ntarget_type = \"text\""],
        &["line 3", "add_option", "`T-1`"],
    );
}

#[test]
fn a_field_that_the_organisation_does_not_have_is_named_with_its_line_and_the_others() {
    let place = Place::new();
    for (wrong, role) in [("V-1", "source"), ("T-1", "target")] {
        let plan = PLAN.replace(wrong, "Shoe size");
        place.file("given.toml", &plan);
        place.refused(
            "run --plan given.toml --dataset plain",
            2,
            &["given.toml, line 3", role, "`Shoe size`", "unknown", "`V-1`", "`T-1`"],
        );
    }
}

#[test]
fn a_profile_that_is_wrong_is_refused_with_its_line() {
    let wrong = |change, said: &[&str]| refused("profile", PROFILE, change, said);
    wrong(["[limits]", "[limits"], &["line 3"]);
    wrong(["pool = 5", "pool = 0"], &["line 4", "limits.pool = 0"]);
    wrong(["pool = 5", "pools = 5"], &["line 4", "`pools`", "`pool`"]);
    wrong(["\"200ms\"", "200"], &["line 7", "250ms"]);
    wrong(["\"200ms\"", "\"200\""], &["line 7", "`200`", "250ms"]);
    wrong(["\"constant\"", "\"pareto\""], &["line 7", "`pareto`", "`log-normal`"]);
    wrong(["time = \"200ms\"", "median = \"200ms\""], &["line 7", "service.get", "time"]);
    wrong(["put = { law = \"constant\", time = \"300ms\" }\n", ""], &["`put`"]);
    wrong(
        ["[service]", "[limits.endpoints]\n\"GET /account\" = 1\n[service]"],
        &["line 7", "limits.endpoints.\"GET /account\"", "GET /accounts/{id}"],
    );
}

#[test]
fn a_scenario_that_is_wrong_is_refused_with_its_line() {
    let wrong = |change, said: &[&str]| refused("scenario", SCENARIO, change, said);
    wrong(["resources = 10", "resources = ten"], &["line 2"]);
    wrong(["resources = 10", "resource = 10"], &["line 2", "`resource`", "`resources`"]);
    wrong(["schema = 1", "schema = 2"], &["line 1", "schema = 2"]);
    wrong(["mappings = 2", "mappings = -2"], &["line 3", "-2"]);
    let place = Place::new();
    place.file("given.toml", "schema = 1\nworkers = 0\n");
    place.refused("run --scenario given.toml", 2, &["line 2", "nonzero"]);
    place.file("given.toml", "schema = 1\nprofile = \"fast\"\n");
    place.refused("run --scenario given.toml", 2, &["`fast`", "`documented`"]);
    place.file("given.toml", "schema = 1\nprofile = \"constnt\"\n");
    place.refused("run --scenario given.toml", 2, &["did you mean `constant`?"]);
    place.file("given.toml", "schema = 1\nplan = \"missing.toml\"\n");
    place.refused("run --scenario given.toml", 2, &["missing.toml"]);
}

#[test]
fn a_dataset_that_is_wrong_is_refused_with_its_line() {
    let wrong = |change, said: &[&str]| refused("dataset", DATASET, change, said);
    wrong(["[[fields]]", "[[fields"], &["line 3"]);
    wrong(["\"text\"", "\"txt\""], &["line 5", "`txt`", "`checkbox`"]);
    wrong(
        ["filled = 1.0", "filled = 1.5"],
        &["line 6", "fields[0].filled = 1.5", "between 0 and 1"],
    );
    wrong(["filled =", "full ="], &["line 6", "`full`", "`filled`"]);
    wrong(["\"T-1\"", "\"V-1\""], &["line 9", "two fields `V-1`"]);
    wrong(["\"text\"", "\"radio\""], &["line 5", "fields[0].type", "needs `values`"]);
}

#[test]
fn flags_that_contradict_each_other_are_refused() {
    let place = Place::new();
    place.file("plan.toml", PLAN);
    place.refused("run --plan plan.toml --mappings 4", 2, &["--mappings", "plan"]);
    place.refused("-q -v run", 2, &["--quiet", "--verbose"]);
    place.refused(
        "run --base-url http://127.0.0.1:1/v2 --resources 3 --world virtual",
        2,
        &["--base-url", "--world http"],
    );
}
