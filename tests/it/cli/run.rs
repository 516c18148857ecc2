//! `neonbench run`: what it prints, and how it ends.

use super::place::{Place, outcome};
use serde_json::Value;

/// The members of the contract's object and what they hold.
const MEMBERS: &[(&str, &str)] = &[
    ("/schema", "number"),
    ("/strategy", "string"),
    ("/chosen_by", "string"),
    ("/reason", "string"),
    ("/world", "string"),
    ("/seed", "number"),
    ("/scenario", "string"),
    ("/profile", "string"),
    ("/profile_digest", "string"),
    ("/resources", "number"),
    ("/mappings", "number"),
    ("/workers", "number"),
    ("/batch_size", "number"),
    ("/dry_run", "boolean"),
    ("/makespan_s", "number"),
    ("/lower_bound_s", "number"),
    ("/efficiency", "number"),
    ("/wall_s", "number"),
    ("/audit_wall_s", "number"),
    ("/counted_by", "string"),
    ("/calls/total", "number"),
    ("/calls/record_reads", "number"),
    ("/calls/record_writes", "number"),
    ("/calls/searches", "number"),
    ("/calls/metadata", "number"),
    ("/calls/rejected", "number"),
    ("/calls/retries", "number"),
    ("/calls/failed", "number"),
    ("/records/total", "number"),
    ("/records/migrated", "number"),
    ("/records/unchanged", "number"),
    ("/records/skipped", "number"),
    ("/records/failed", "number"),
    ("/performance/resources_per_s", "number"),
    ("/performance/api_calls_per_s", "number"),
    ("/performance/avg_time_per_resource_s", "number"),
    ("/performance/avg_time_per_api_call_s", "number"),
    ("/performance/baseline_calls", "number"),
    ("/performance/api_call_reduction", "number"),
    ("/performance/peak_buffered_records", "number"),
    ("/performance/connections_opened", "number"),
    ("/audit/valid", "boolean"),
    ("/audit/by", "string"),
    ("/audit/mismatched", "number"),
    ("/audit/lost_updates", "number"),
    ("/audit/state_digest", "string"),
    ("/response_ms/get/count", "number"),
    ("/response_ms/get/p50", "number"),
    ("/response_ms/get/p90", "number"),
    ("/response_ms/get/p99", "number"),
    ("/response_ms/get/max", "number"),
    ("/response_ms/patch/count", "number"),
    ("/response_ms/patch/p50", "number"),
    ("/response_ms/search/count", "number"),
    ("/in_flight_mean", "number"),
    ("/errors_total", "number"),
    ("/errors", "array"),
    ("/warnings", "array"),
    ("/next_command", "string"),
];

const ERROR_MEMBERS: &[(&str, &str)] = &[
    ("/resource_id", "string"),
    ("/endpoint", "string"),
    ("/outcome", "string"),
    ("/status", "number"),
    ("/attempts", "number"),
    ("/hint", "string"),
];

fn kind(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "boolean",
        Value::Number(_) => "number",
        Value::String(_) => "string",
        Value::Array(_) => "array",
        Value::Object(_) => "object",
    }
}

fn assert_members(value: &Value, members: &[(&str, &str)]) {
    for (pointer, expected) in members {
        let found = value.pointer(pointer).map_or("missing", kind);
        assert_eq!(found, *expected, "{pointer} in {value:#}");
    }
}

#[test]
fn a_run_prints_the_contracts_object() {
    let place = Place::new();
    let run = place.json(
        "run --resources 30 --mappings 4 --profile constant --strategy hybrid --workers 5 \
         --batch-size 50 --json --no-store",
        0,
    );
    assert_members(&run, MEMBERS);
    for (pointer, expected) in [
        ("/schema", Value::from(1)),
        ("/strategy", "hybrid".into()),
        ("/chosen_by", "user".into()),
        ("/world", "virtual".into()),
        ("/seed", 1.into()),
        ("/profile", "constant".into()),
        ("/resources", 30.into()),
        ("/mappings", 4.into()),
        ("/workers", 5.into()),
        ("/batch_size", 50.into()),
        ("/dry_run", false.into()),
        ("/counted_by", "server".into()),
        ("/calls/total", 61.into()),
        ("/records/migrated", 30.into()),
        ("/audit/valid", true.into()),
        ("/audit/by", "server".into()),
        ("/performance/baseline_calls", 240.into()),
        ("/performance/api_call_reduction", 0.75.into()),
        ("/errors", Value::Array(Vec::new())),
    ] {
        assert_eq!(run.pointer(pointer), Some(&expected), "{pointer}");
    }
    // Three batches of ten on five workers: 100 ms, and ten accounts in a row.
    assert_eq!(run["makespan_s"], 5.1);
    assert_eq!(place.entries().len(), 0, "nothing is kept with --no-store");
}

#[test]
fn two_runs_with_one_seed_print_the_same_bytes() {
    let place = Place::new();
    let line = "run --resources 60 --mappings 3 --strategy parallel --workers 8 --seed 4 --json";
    let bytes = |line: &str| {
        let outcome = place.neonbench(line);
        assert_eq!(outcome.code, 0, "{outcome:?}");
        let is_wall =
            |line: &&str| line.contains("\"wall_s\"") || line.contains("\"audit_wall_s\"");
        assert_eq!(outcome.stdout.lines().filter(is_wall).count(), 2);
        outcome.stdout.lines().filter(|line| !is_wall(line)).collect::<Vec<_>>().join("\n")
    };
    let first = bytes(&format!("{line} --no-store"));
    assert_eq!(first, bytes(&format!("{line} --no-store")));
    // The command that follows keeps to the same store; nothing else tells that there is one.
    let kept = bytes(&format!("{line} --store kept.sqlite"));
    assert_eq!(first, kept.replace("--store kept.sqlite", "--no-store"));
    assert_ne!(first, bytes(&format!("{line} --no-store --seed 5").replace("--seed 4 ", "")));
}

#[test]
fn without_json_it_is_said_in_words() {
    let place = Place::new();
    let outcome = place.neonbench("run --resources 12 --no-store");
    assert_eq!(outcome.code, 0, "{outcome:?}");
    for words in ["time ", "12 migrated", "audit", "valid", "next: neonbench "] {
        assert!(outcome.stdout.contains(words), "no {words} in {}", outcome.stdout);
    }
    assert_eq!(outcome.stderr, "", "no progress bar where there is no terminal");
}

#[test]
fn auto_says_why_it_chose() {
    let place = Place::new();
    let run = place.json("run --resources 20 --mappings 2 --json --no-store", 0);
    assert_eq!(run["chosen_by"], "selector");
    assert!(run["reason"].as_str().unwrap().len() > 20, "{}", run["reason"]);
    let explicit =
        place.json("run --resources 20 --mappings 2 --strategy auto --json --no-store", 0);
    assert_eq!(explicit["strategy"], run["strategy"]);
}

#[test]
fn an_id_that_the_server_does_not_know_fails_by_that_name() {
    let place = Place::new();
    for strategy in ["standard", "parallel", "put_batch", "hybrid"] {
        let line = format!(
            "run --resources 3 --resource-ids 1-3,99 --strategy {strategy} --json --no-store"
        );
        let run = place.json(&line, 3);
        assert_eq!(run["records"]["failed"], 1);
        assert_eq!(run["records"]["migrated"], 3);
        assert_eq!(run["audit"]["valid"], true, "{}", run["audit"]);
        let error = &run["errors"][0];
        assert_members(error, ERROR_MEMBERS);
        assert_eq!(error["resource_id"], "99");
        assert_eq!((&error["outcome"], &error["status"]), (&"not_found".into(), &404.into()));
        assert_eq!(error["endpoint"], "GET /accounts/{id}");
        assert_eq!(error["attempts"], 1);
        assert!(run["next_command"].as_str().unwrap().contains("--resource-ids 99"));
    }
}

#[test]
fn a_value_that_does_not_fit_fails_its_account_with_a_reason() {
    let place = Place::new();
    place.file(
        "plan.toml",
        "schema = 1\n[[mappings]]\nsource = \"V-1\"\ntarget = \"T-1\"\noperation = \"replace\"\n",
    );
    // Texts without a vocabulary, into options: no value fits.
    place.file(
        "data.toml",
        "schema = 1\n[[fields]]\nname = \"V-1\"\ntype = \"text\"\nfilled = 1.0\n\
         [[fields]]\nname = \"T-1\"\ntype = \"radio\"\nvalues = [\"Yes\", \"No\"]\n",
    );
    let line = "run --plan plan.toml --dataset data.toml --resources 5 --json --no-store";
    let run = place.json(line, 3);
    assert_eq!(run["records"]["failed"], 5);
    assert_eq!(run["errors_total"], 5);
    let message = run["errors"][0]["message"].as_str().unwrap();
    assert!(message.contains("field `T-1` has no option of"), "{message}");
    // The value is for those who ask for it, and never for the store or the log.
    assert_eq!(run["errors"][0].get("value"), None);
    let shown = place.json(
        "run --plan plan.toml --dataset data.toml --resources 5 --json --show-values --store s.sqlite",
        3,
    );
    let value = shown["errors"][0]["value"].as_str().unwrap();
    assert!(value.len() > 3, "{shown:#}");
    let is_in = |bytes: &[u8]| bytes.windows(value.len()).any(|part| part == value.as_bytes());
    assert!(!is_in(&std::fs::read(place.path().join("s.sqlite")).unwrap()));
    let said = place
        .neonbench("-vvv run --plan plan.toml --dataset data.toml --resources 5 --json --no-store");
    assert!(!is_in(said.stderr.as_bytes()) && !is_in(said.stdout.as_bytes()), "{said:?}");
    assert_eq!(run["calls"]["record_writes"], 0);
    assert_eq!(run["audit"]["valid"], true);
}

#[test]
fn nothing_to_do_has_a_code_of_its_own() {
    let place = Place::new();
    place.file(
        "plan.toml",
        "schema = 1\n[[filter]]\nfield = \"T-1\"\noperator = \"NOT_BLANK\"\n\
         [[mappings]]\nsource = \"V-1\"\ntarget = \"T-1\"\noperation = \"replace\"\n",
    );
    let run =
        place.json("run --plan plan.toml --dataset plain --resources 40 --json --no-store", 4);
    assert_eq!((&run["resources"], &run["records"]["total"]), (&0.into(), &0.into()));
    assert_eq!(run["calls"]["searches"], 1);
    assert_eq!(run["audit"]["valid"], true);
}

#[test]
fn a_dry_run_writes_nothing_and_proposes_the_real_one() {
    let place = Place::new();
    let dry = place.json("run --resources 15 --strategy put_batch --dry-run --json --no-store", 0);
    assert_eq!((&dry["dry_run"], &dry["audit"]["valid"]), (&true.into(), &true.into()));
    assert_eq!(
        (&dry["calls"]["record_writes"], &dry["records"]["migrated"]),
        (&0.into(), &15.into())
    );
    let next = dry["next_command"].as_str().unwrap();
    let real = next.strip_prefix("neonbench ").expect("a command of ours");
    assert!(!real.contains("--dry-run"), "{real}");
    let real = place.json(&format!("{real} --json"), 0);
    assert_eq!((&real["dry_run"], &real["records"]["migrated"]), (&false.into(), &15.into()));
    assert_ne!(real["audit"]["state_digest"], dry["audit"]["state_digest"]);
}

#[test]
fn a_plan_of_ones_own_runs_without_a_dataset() {
    let place = Place::new();
    place.file(
        "plan.toml",
        "schema = 1\n[[mappings]]\nsource = \"Old notes\"\ntarget = \"Skills\"\n\
         operation = \"add_option\"\npreserve_source = false\n\
         transform = [{ step = \"map\", values = { cook = \"Cooking\", drive = \"Driving\" } }]\n",
    );
    let run = place.json("run --plan plan.toml --resources 25 --json --no-store", 0);
    assert_eq!(run["records"]["failed"], 0);
    assert!(run["records"]["migrated"].as_u64().unwrap() > 0);
    assert_eq!(run["audit"]["valid"], true);
}

#[test]
fn ids_come_from_ranges_and_files() {
    let place = Place::new();
    place.file("ids.txt", "# the board\n7\n\n9-10\n");
    let line = "run --resources 20 --resource-ids 1-3,@ids.txt --json --no-store";
    assert_eq!(place.json(line, 0)["resources"], 6);
    let sample = "run --resources 20 --sample 4 --json --no-store";
    assert_eq!(place.json(sample, 0)["resources"], 4);
    // With ids alone the organisation has as many accounts as the largest.
    let run = place.json("run --resource-ids 5,8 --json --no-store", 0);
    assert_eq!((&run["resources"], &run["records"]["migrated"]), (&2.into(), &2.into()));
}

#[test]
fn the_guides_scenarios_and_flag_names_are_known() {
    let place = Place::new();
    let run = place.json("run --scenario guide-3 --strategy put_batch --json --no-store", 0);
    assert_eq!((&run["scenario"], &run["workers"]), (&"guide-3".into(), &3.into()));
    assert_eq!(run["calls"]["record_reads"], 25);
    let line = "run --resources 10 --mapping-count 2 --max-workers 3 --json --no-store";
    let run = place.json(line, 0);
    assert_eq!((&run["mappings"], &run["workers"]), (&2.into(), &3.into()));
}

#[test]
fn worlds_agree_on_calls_and_state() {
    let place = Place::new();
    let line =
        "run --resources 20 --mappings 2 --profile unlimited --dataset v-fields --json --no-store";
    for strategy in ["standard", "parallel", "put_batch", "hybrid"] {
        let line = format!("{line} --strategy {strategy} --world");
        let in_virtual = place.json(&format!("{line} virtual"), 0);
        let over_http = place.json(&format!("{line} http"), 0);
        assert_eq!(over_http["world"], "http");
        // Instant answers: no quantile lies above the largest.
        let of_get = |member: &str| in_virtual["response_ms"]["get"][member].as_f64();
        assert!(of_get("p50") <= of_get("max") && of_get("p99") <= of_get("max"), "{in_virtual:#}");
        for pointer in ["/audit/state_digest", "/calls", "/records", "/resources"] {
            assert_eq!(in_virtual.pointer(pointer), over_http.pointer(pointer), "{strategy}");
        }
        assert!(over_http["performance"]["connections_opened"].as_u64().unwrap() >= 1);
    }
}

#[test]
fn put_and_patch_end_in_the_same_state() {
    let place = Place::new();
    let line = "run --resources 20 --dataset dirty --strategy hybrid --json --no-store --write";
    let patched = place.json(&format!("{line} patch"), 0);
    let replaced = place.json(&format!("{line} put"), 0);
    assert_eq!(patched["audit"]["state_digest"], replaced["audit"]["state_digest"]);
    assert!(replaced["response_ms"]["put"]["count"].as_u64().unwrap() > 0);
    assert_eq!(replaced["response_ms"]["patch"]["count"], 0);
    assert_eq!([&patched["write"], &replaced["write"]], ["patch", "put"]);
}

#[test]
fn both_verbs_end_in_the_same_state_and_auto_keeps_them_only_if_asked() {
    let place = Place::new();
    let line = "run --resources 60 --dataset dirty --json --no-store";
    let asked_for_none = place.json(line, 0);
    assert_eq!(asked_for_none["write"], "patch");
    assert_eq!(asked_for_none["response_ms"]["put"]["count"], 0);
    for strategy in ["auto", "hybrid", "pipelined --reads search", "pipelined --reads get"] {
        let both = place.json(&format!("{line} --write both --strategy {strategy}"), 0);
        let count = |verb: &str| both["response_ms"][verb]["count"].as_u64().unwrap();
        assert_eq!(both["write"], "both", "{strategy}");
        assert!(count("patch") > 0 && count("put") > 0, "{strategy}: {}", both["response_ms"]);
        let digests = [&asked_for_none, &both].map(|run| &run["audit"]["state_digest"]);
        assert_eq!(digests[0], digests[1], "{strategy}");
        assert_eq!(both["lower_bound_s"], both["lower_bound_any_client_s"], "{strategy}");
    }
    let said = place.neonbench("run --resources 5 --write both --strategy pipelined --no-store");
    assert!(said.stdout.contains("writes by PATCH and PUT"), "{said:?}");
}

/// Accounts that were merged away answer 222: every strategy leaves them and their survivors alone.
#[test]
fn merged_accounts_are_skipped_and_the_run_is_valid() {
    let place = Place::new();
    let dataset = place.file(
        "merged.toml",
        "schema = 1\nmerged = 0.1\ncompanies = 0.3\n\
         [[fields]]\nname = \"V-#\"\ntype = \"text\"\nfilled = 1.0\n\
         [[fields]]\nname = \"T-#\"\ntype = \"text\"\n",
    );
    let mut digests = Vec::new();
    for strategy in ["standard", "parallel", "put_batch", "hybrid"] {
        for world in ["virtual", "http --profile unlimited"] {
            let line = format!(
                "run --resources 100 --mappings 2 --dataset {dataset} --strategy {strategy} \
                 --world {world} --json --no-store"
            );
            let run = place.json(&line, 0);
            assert_eq!(run["audit"]["valid"], true, "{run:#}");
            let of = |member: &str| run["records"][member].as_u64().unwrap();
            assert!((3..=20).contains(&of("skipped")), "{run:#}");
            assert_eq!((of("migrated") + of("skipped"), of("failed")), (100, 0));
            digests.push(run["audit"]["state_digest"].clone());
        }
    }
    digests.dedup();
    assert_eq!(digests.len(), 1);
}

#[test]
fn runs_are_kept_and_a_store_that_cannot_be_written_undoes_none() {
    let place = Place::new();
    for strategy in ["standard", "hybrid"] {
        let line = format!("run --resources 10 --strategy {strategy} --store kept.sqlite");
        let outcome = place.neonbench(&line);
        assert_eq!(outcome.code, 0, "{outcome:?}");
        assert!(outcome.stdout.contains("as run "), "{outcome:?}");
    }
    let compared = place.json("compare 1 2 --store kept.sqlite --json", 0);
    assert_eq!(compared["runs"].as_array().unwrap().len(), 2);

    place.file("taken", "a file where a folder would have to be");
    let outcome = place.neonbench("run --resources 10 --json --store taken/kept.sqlite");
    assert_eq!(outcome.code, 0, "{outcome:?}");
    assert!(outcome.stderr.contains("warning: the run is not saved"), "{outcome:?}");
    serde_json::from_str::<Value>(&outcome.stdout).unwrap();
}

#[test]
fn log_lines_go_to_standard_error() {
    let place = Place::new();
    let talkative = place.neonbench("-vv run --resources 5 --json --no-store");
    serde_json::from_str::<Value>(&talkative.stdout).unwrap();
    assert!(talkative.stderr.contains("DEBUG"), "{}", talkative.stderr);
    let quiet = place.neonbench("-q run --resources 3 --resource-ids 1,99 --json --no-store");
    assert_eq!((quiet.code, quiet.stderr.as_str()), (3, ""));
    let named = outcome(
        place
            .command("run --resources 5 --json --no-store")
            .env("NEONBENCH_LOG", "neonbench::migration=debug"),
    );
    assert!(named.stderr.contains("neonbench::migration"), "{named:?}");
}
