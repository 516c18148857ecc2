//! Findings, history and gates, event lines, schemas, completions, and text that does nothing to a
//! terminal.

use crate::place::Place;
use serde_json::Value;

/// Panics unless `schema NAME` holds for `value`.
fn assert_valid(place: &Place, name: &str, value: &Value) {
    let schema = place.json(&format!("schema {name}"), 0);
    let validator = jsonschema::validator_for(&schema).unwrap();
    let wrong: Vec<String> = validator.iter_errors(value).map(|e| e.to_string()).collect();
    assert!(wrong.is_empty(), "{name}: {wrong:#?}");
    assert!(!validator.is_valid(&serde_json::json!({})), "{name}: an empty object passes");
}

#[test]
fn a_run_says_what_held_it_back_and_a_good_one_nothing() {
    let place = Place::new();
    let line = "run --resources 200 --strategy hybrid --batch-size 40 --no-store --workers";
    let bad = place.json(&format!("{line} 20 --json"), 0);
    let findings = bad["findings"].as_array().unwrap();
    assert_eq!(findings.len(), 1, "{findings:#?}");
    assert_eq!(findings[0]["cause"], "workers_exceed_pool");
    assert_eq!(findings[0]["flag"], "--limiter adaptive");
    let gain = |member: &str| findings[0]["gain"][member].as_f64().unwrap();
    assert!(gain("refused_after") < gain("refused_before") / 10.0, "{findings:#?}");
    assert_valid(&place, "run", &bad);
    let said = place.neonbench(&format!("{line} 20"));
    assert!(said.stdout.contains("finding   workers exceed the pool: 20 workers"), "{said:?}");
    assert!(said.stdout.contains("(--limiter adaptive)\n            simulated: "), "{said:?}");
    let good = place.json(&format!("{line} 5 --json"), 0);
    assert_eq!(good["findings"], serde_json::json!([]));
    assert!(!place.neonbench(&format!("{line} 5")).stdout.contains("finding"));
}

#[test]
fn stored_runs_are_listed_compared_and_gated() {
    let place = Place::new();
    for workers in [5, 2, 2] {
        place.json(
            &format!(
                "run --resources 100 --strategy hybrid --workers {workers} --replicates 8 --json"
            ),
            0,
        );
    }
    place.json("run --resources 100 --strategy hybrid --workers 2 --json", 0);
    let history = place.json("history --json", 0);
    let runs: Vec<_> = history["runs"].as_array().unwrap().iter().map(|run| &run["run"]).collect();
    assert_eq!(runs, [4, 3, 2, 1]);
    assert_eq!(history["runs"][3]["replicates"], 8);
    assert_valid(&place, "history", &history);
    let listed = place.neonbench("history --limit 2");
    assert_eq!(listed.stdout.lines().count(), 5, "{listed:?}");
    assert!(listed.stdout.ends_with("next: neonbench compare 3 4\n"), "{listed:?}");

    // Slower, faster, the same, and too few to tell.
    for (line, verdict, code) in [
        ("compare 1 2", "slower", 10),
        ("compare 2 1", "faster", 0),
        ("compare 2 3", "no_evidence", 0),
        ("compare 1 4", "too_noisy", 11),
    ] {
        let compared = place.json(&format!("{line} --json --fail-if-slower 5%"), code);
        assert_eq!(compared["delta"]["verdict"], verdict, "{line}");
        let without = place.json(&format!("{line} --json"), 0);
        assert_eq!(without["delta"]["verdict"], verdict, "{line}");
        assert_valid(&place, "compare", &compared);
    }
    assert_eq!(place.neonbench("compare 1 2 --fail-if-slower 900%").code, 0);
    let said = place.neonbench("compare 1 2 --fail-if-slower 5%");
    assert!(said.stdout.contains("95 % interval") && said.stdout.contains("): slower"), "{said:?}");
    assert!(said.stdout.contains("gate: at most 5 % slower: failed"), "{said:?}");
    assert_eq!(place.neonbench("compare 1 2 --fail-if-slower much").code, 2);
    assert_eq!(place.neonbench("compare 1 9").code, 2);
}

#[test]
fn other_work_passes_no_gate() {
    let place = Place::new();
    for resources in [20, 30] {
        place.json(&format!("run --resources {resources} --replicates 8 --json"), 0);
    }
    let compared = place.json("compare 2 1 --json --fail-if-slower 5%", 11);
    assert_eq!(compared["delta"]["incomparable"], "they did not do the same work");
}

#[test]
fn event_lines_end_with_the_record() {
    let place = Place::new();
    let said = place
        .neonbench("run --resources 3 --mappings 2 --profile constant --no-store --json-lines");
    assert_eq!(said.code, 0);
    let lines: Vec<Value> =
        said.stdout.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let (record, events) = lines.split_last().unwrap();
    let count = |name: &str| events.iter().filter(|event| event["event"] == name).count();
    assert_eq!((count("started"), count("landed")), (1, 3));
    assert_eq!(count("sent") as u64, record["calls"]["total"].as_u64().unwrap());
    assert_eq!(count("sent"), count("done"));
    assert_valid(&place, "run", record);
    assert_eq!(place.neonbench("run --json --json-lines").code, 2);
}

#[test]
fn benchmarks_are_as_their_schema_says_and_shells_get_completions() {
    let place = Place::new();
    let line = "benchmark --resources 10 --replicates 2 --no-store --json";
    assert_valid(&place, "benchmark", &place.json(line, 0));
    for shell in ["bash", "zsh", "fish"] {
        let script = place.neonbench(&format!("completions {shell}"));
        assert!(script.stdout.contains("neonbench") && script.stdout.contains("fail-if-slower"));
    }
    assert_eq!(place.neonbench("completions tcsh9").code, 2);
    assert_eq!(place.neonbench("schema nothing").code, 2);
}

#[test]
fn names_cannot_move_the_cursor_or_turn_text_round() {
    let place = Place::new();
    // In a plan's field name, as TOML's escapes bring it in, and it reaches an error.
    place.file(
        "plan.toml",
        "schema = 1\n[[mappings]]\nsource = \"<script>\\u001b[2J\\u202e'x\\\"\"\ntarget = \"T-1\"\noperation = \"replace\"\n",
    );
    let said = place.neonbench("run --plan plan.toml --dataset plain --resources 3 --no-store");
    assert_eq!(said.code, 2, "{said:?}");
    assert!(said.stderr.contains("<script>\\u{1b}[2J\\u{202e}'x\""), "{said:?}");
    assert!(!said.stderr.contains(['\u{1b}', '\u{202e}']), "{said:?}");
    // In a name that the summary and the history show.
    std::fs::copy(place.path().join("plan.toml"), place.path().join("other.toml")).unwrap();
    let name = "a\u{202e}<script>\"b.toml";
    place.file(name, "schema = 1\nresources = 3\n");
    let mut command = place.command("run --scenario");
    let said = crate::place::outcome(command.arg(name));
    assert_eq!(said.code, 0, "{said:?}");
    let shown = place.neonbench("history").stdout;
    assert!(shown.contains("a\\u{202e}<script>\"b.toml"), "{shown}");
    for text in [&said.stdout, &shown] {
        assert!(!text.contains('\u{202e}'), "{text}");
    }
}
