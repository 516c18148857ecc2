//! Findings, history and gates, event lines, schemas, completions, and text that does nothing to a
//! terminal.

use super::place::Place;
use serde_json::{Value, json};

/// The faults of `values` by `schema NAME`.
fn wrong_by_schema(place: &Place, name: &str, values: &[Value]) -> Vec<Option<String>> {
    let (mut compiler, mut schemas) = (boon::Compiler::new(), boon::Schemas::new());
    compiler.add_resource("schema.json", place.json(&format!("schema {name}"), 0)).unwrap();
    let schema = compiler.compile("schema.json", &mut schemas).unwrap();
    let wrong = |value| schemas.validate(value, schema).err().map(|error| format!("{error:#}"));
    values.iter().map(wrong).collect()
}

/// Panics unless `schema NAME` holds for `value`.
pub(crate) fn assert_valid(place: &Place, name: &str, value: &Value) {
    let wrong = wrong_by_schema(place, name, &[value.clone(), json!({})]);
    assert_eq!(wrong[0], None, "{name}");
    assert!(wrong[1].is_some(), "{name}: an empty object passes");
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

/// A plan of one mapping.
const ONE_MAPPING: &str =
    "schema = 1\n[[mappings]]\nsource = \"V-1\"\ntarget = \"T-1\"\noperation = \"replace\"\n";

#[test]
fn what_others_script_against_is_as_its_schema_says() {
    let place = Place::new();
    for (name, line) in [
        ("analyze", "analyze --resources 20 --json"),
        ("scalability", "scalability --sizes 5,10 --strategy hybrid --json"),
        ("history", "history --json"),
        ("show-config", "show-config --json"),
    ] {
        assert_valid(&place, name, &place.json(line, 0));
    }
    std::fs::create_dir(place.path().join("few")).unwrap();
    place.file(
        "few/small.toml",
        "schema = 1\nresources = 8\nmappings = 2\nprofile = \"constant\"\n",
    );
    let judged = place.json("evaluate --scenarios few --json", 0);
    assert_valid(&place, "evaluate", &judged);
    assert_valid(&place, "calibrate", &judged);
    place.file("plan.toml", ONE_MAPPING);
    let checked = place.json("preflight --plan plan.toml --only faults,memory --json", 0);
    assert_valid(&place, "preflight", &checked);
    place.neonbench("report --resources 5 --mappings 1 --replicates 2 --out page --no-store");
    let page = std::fs::read_to_string(place.path().join("page/report.json")).unwrap();
    assert_valid(&place, "decision", &serde_json::from_str(&page).unwrap());
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
    let said = super::place::outcome(command.arg(name));
    assert_eq!(said.code, 0, "{said:?}");
    let shown = place.neonbench("history").stdout;
    assert!(shown.contains("a\\u{202e}<script>\"b.toml"), "{shown}");
    for text in [&said.stdout, &shown] {
        assert!(!text.contains('\u{202e}'), "{text}");
    }
}

#[test]
fn a_short_run_without_a_terminal_says_nothing_beside_its_result() {
    let place = Place::new();
    for line in ["run --resources 20 --no-store", "-q run --resources 20 --no-store"] {
        let said = place.neonbench(line);
        assert_eq!((said.code, said.stderr.as_str()), (0, ""), "{said:?}");
        assert!(!said.stdout.is_empty());
    }
}

/// The value, origin and source of a setting.
fn setting<'a>(config: &'a Value, name: &str) -> (&'a Value, &'a str, Option<&'a str>) {
    let all = config["settings"].as_array().unwrap();
    let found = all.iter().find(|setting| setting["name"] == name).unwrap();
    (&found["value"], found["origin"].as_str().unwrap(), found["from"].as_str())
}

#[test]
fn every_value_of_the_configuration_says_where_it_is_from() {
    let place = Place::new();
    place.file(
        "plan.toml",
        "schema = 1\nbatch_size = 7\ndry_run = true\nmax_workers = 9\n[[mappings]]\nsource = \"V-1\"\ntarget = \"T-1\"\noperation = \"replace\"\n",
    );
    place.file(
        "mine.toml",
        "schema = 1\nplan = \"plan.toml\"\nprofile = \"constant\"\nresources = 30\nworkers = 4\nseed = 8\n",
    );
    let before = place.entries();
    let line = "show-config --scenario mine.toml --strategy hybrid --seed 5 --no-journal --json";
    let mut command = place.command(line);
    command.env("NEON_ORG_ID", "org-7").env("NEON_API_KEY", "secret-key");
    let said = super::place::outcome(&mut command);
    assert_eq!(said.code, 0, "{said:?}");
    assert!(!said.stdout.contains("secret-key"), "{said:?}");
    let config: Value = serde_json::from_str(&said.stdout).unwrap();
    assert_valid(&place, "show-config", &config);
    let is = |name: &str, value: Value, origin: &str, from: Option<&str>| {
        assert_eq!(setting(&config, name), (&value, origin, from), "{name}");
    };
    is("strategy", "hybrid".into(), "flag", Some("--strategy"));
    is("seed", 5.into(), "flag", Some("--seed"));
    is("journal", false.into(), "flag", Some("--no-journal"));
    is("org-id", "org-7".into(), "environment", Some("NEON_ORG_ID"));
    is("api-key", "set, not shown".into(), "environment", Some("NEON_API_KEY"));
    is("workers", 4.into(), "scenario", Some("mine.toml"));
    is("resources", 30.into(), "scenario", Some("mine.toml"));
    is("profile", "constant".into(), "scenario", Some("mine.toml"));
    is("batch-size", 7.into(), "plan", Some("plan.toml"));
    is("dry-run", true.into(), "plan", Some("plan.toml"));
    is("mappings", 1.into(), "plan", Some("plan.toml"));
    is("chunk-size", Value::Null, "default", None);
    is("call-deadline", "10m".into(), "default", None);
    // As a table, with the selector's choice.
    let afar = place.json(
        "show-config --base-url http://127.0.0.1:9/v2 --resource-ids 1 --strategy hybrid --json",
        0,
    );
    let settings = afar["settings"].as_array().unwrap();
    let world = settings.iter().find(|setting| setting["name"] == "world").unwrap();
    assert_eq!((&world["value"], &world["from"]), (&json!("http"), &json!("--base-url")));
    let said = place.neonbench("show-config --resources 50 --workers 3 --strategy auto");
    assert_eq!((said.code, said.stderr.as_str()), (0, ""), "{said:?}");
    let row = |name: &str| -> Vec<&str> {
        let line = said.stdout.lines().find(|line| line.starts_with(&format!("{name} "))).unwrap();
        line.split_whitespace().collect()
    };
    assert_eq!(row("workers"), ["workers", "3", "flag", "--workers"]);
    assert_eq!(row("strategy")[2..], ["selector", "auto"]);
    assert_eq!(row("profile"), ["profile", "documented", "default"]);
    assert_eq!(place.entries(), before, "nothing is written");
    place.refused("show-config --workers 0", 2, &["--workers 0"]);
}

#[test]
fn plan_files_are_as_their_schema_says() {
    let place = Place::new();
    let examples = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("examples");
    let text = |name: &str| std::fs::read_to_string(examples.join(name)).unwrap();
    let json: Value = serde_json::from_str(&text("plan.json")).unwrap();
    let toml: toml::Value = toml::from_str(&text("plan.toml")).unwrap();
    let toml = serde_json::to_value(toml).unwrap();
    assert_valid(&place, "plan", &json);
    assert_valid(&place, "plan", &toml);
    let mut wrong = Vec::new();
    for (pointer, value) in [
        ("/mappings/0/operation", "replaces"),
        ("/mappings/1/target_type", "txt"),
        ("/mappings/0/transform/0/step", "trims"),
    ] {
        let mut plan = toml.clone();
        *plan.pointer_mut(pointer).unwrap() = value.into();
        wrong.push(plan);
    }
    let mut plan = toml;
    plan["speed"] = 3.into();
    wrong.push(plan);
    for (plan, wrong) in wrong.iter().zip(wrong_by_schema(&place, "plan", &wrong)) {
        assert!(wrong.is_some(), "{plan:#}");
    }
}
