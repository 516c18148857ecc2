//! Plan files: in two forms, checked and previewed, and exchanged with the Python engine.

use super::place::Place;
use neon_mock::NeonMock;
use neon_mock::api::Class;
use serde_json::Value;

const PLAN: &str = "schema = 1\nresource_ids = \"1-20\"\nbatch_size = 7\nmax_workers = 2\n\
                    [[mappings]]\nsource = \"V-1\"\ntarget = \"T-1\"\noperation = \"replace\"\n\
                    preserve_source = false\n";

const PYTHON: &str = "plan:\n  mappings:\n  - source_field: V-1\n    target_field: T-1\n    \
                      strategy: add_option\n    transform_function: {has_function: true, \
                      function_name: to_skill}\n  resource_ids: [1, 2, 3]\n  dry_run: false\n";

fn mock() -> NeonMock {
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    runtime.block_on(NeonMock::builder().profile("unlimited").accounts(20).start())
}

#[test]
fn a_plan_in_json_runs_as_the_same_in_toml() {
    let place = Place::new();
    place.file("plan.toml", PLAN);
    let mapping =
        r#"{"source": "V-1", "target": "T-1", "operation": "replace", "preserve_source": false}"#;
    let json = format!(
        r#"{{"schema": 1, "resource_ids": "1-20", "batch_size": 7, "max_workers": 2, "mappings": [{mapping}]}}"#
    );
    place.file("plan.json", &json);
    let run = |plan: &str| {
        place.json(&format!("run --plan {plan} --strategy hybrid --json --no-store"), 0)
    };
    let [toml, json] = ["plan.toml", "plan.json"].map(run);
    assert_eq!(toml["audit"]["state_digest"], json["audit"]["state_digest"]);
    // The plan's hints are in force, and flags win.
    assert_eq!((&json["batch_size"], &json["workers"]), (&7.into(), &2.into()));
    let flags = place.json("run --plan plan.json --workers 3 --json --no-store", 0);
    assert_eq!(flags["workers"], 3);
    place.file(
        "wrong.json",
        "{\"schema\": 1,\n\"mappings\": [\n{\"source\": \"a\",\n\"target\": 3}]}",
    );
    place.refused(
        "run --plan wrong.json",
        2,
        &["wrong.json, line 4", "mappings[0].target", "string"],
    );
}

#[test]
fn a_plan_that_asks_for_a_dry_run_writes_nothing() {
    let place = Place::new();
    place.file("plan.toml", &PLAN.replace("schema = 1", "schema = 1\ndry_run = true"));
    let run = place.json("run --plan plan.toml --json --no-store", 0);
    assert_eq!((&run["dry_run"], &run["calls"]["record_writes"]), (&true.into(), &0.into()));
}

#[test]
fn a_check_names_what_is_wrong_and_ends_with_2() {
    let (place, mock) = (Place::new(), mock());
    place.file("plan.toml", PLAN);
    let right = place.json("plan check plan.toml --dataset plain --json", 0);
    assert_eq!((&right["errors"], &right["warnings"]), (&0.into(), &0.into()), "{right}");
    place.file("wrong.toml", &PLAN.replace("T-1", "T-l"));
    let saved = r#"[{"id": "1", "name": "V-1", "displayType": "OneLineText"},
                    {"id": "2", "name": "T-1", "displayType": "OneLineText"}]"#;
    place.file("saved.json", saved);
    let url = format!("--base-url {}", mock.base_url());
    for organisation in ["--dataset plain", "--custom-fields saved.json", &url] {
        let wrong = place.json(&format!("plan check wrong.toml {organisation} --json"), 2);
        assert_eq!(wrong["findings"][0]["code"], "unknown_field");
        assert_eq!(wrong["findings"][0]["place"], "wrong.toml, line 5");
        assert!(wrong["findings"][0]["message"].as_str().unwrap().contains("near it are `T-1`"));
        let said = place.neonbench(&format!("plan check wrong.toml {organisation}"));
        assert!(said.code == 2 && said.stdout.contains("error: wrong.toml, line 5"), "{said:?}");
    }
    let calls = mock.calls();
    assert_eq!(calls.admitted(Class::Metadata), calls.total());
    place.refused("plan check plan.toml", 2, &["--dataset", "--custom-fields"]);
    place.refused("plan check plan.toml --base-url http://127.0.0.1:1/v2", 21, &["cannot read"]);
}

#[test]
fn a_preview_shows_what_the_run_then_does() {
    let place = Place::new();
    place.file("plan.toml", PLAN);
    let preview = place.json("plan preview plan.toml --dataset plain --sample 3 --json", 0);
    let accounts = preview["accounts"].as_array().unwrap();
    assert_eq!(accounts.len(), 3);
    for account in accounts {
        assert_eq!(account["outcome"], "migrated");
        let change = |field: &str| -> &Value {
            let changes = account["changes"].as_array().unwrap();
            changes.iter().find(|change| change["field"] == field).unwrap()
        };
        assert_eq!(change("V-1")["after"], "(empty)");
        assert_eq!(change("T-1")["before"], "(empty)");
        assert_eq!(change("T-1")["after"], change("V-1")["before"]);
    }
    let said = place.neonbench("plan preview plan.toml --dataset plain --sample 3").stdout;
    assert!(said.contains("3 accounts") && said.contains("T-1: (empty) -> \""), "{said}");
}

#[test]
fn a_servers_values_are_hidden_unless_asked_for() {
    let (place, mock) = (Place::new(), mock());
    place.file("plan.toml", PLAN);
    let account = mock.account(1).unwrap();
    let held = account.body.custom_field("V-1").and_then(|item| item.value.clone()).unwrap();
    let line = format!("plan preview plan.toml --sample 2 --base-url {}", mock.base_url());
    let hidden = place.neonbench(&line);
    assert_eq!(hidden.code, 0, "{hidden:?}");
    assert!(!hidden.stdout.contains(held.as_str()), "{hidden:?}");
    assert!(hidden.stdout.contains("T-1: (empty) -> (text,"), "{hidden:?}");
    let shown = place.neonbench(&format!("{line} --show-values"));
    assert!(shown.stdout.contains(held.as_str()), "{shown:?}");
    assert_eq!(mock.calls().admitted(Class::Patch) + mock.calls().admitted(Class::Put), 0);
}

#[test]
fn plans_of_the_python_engine_come_and_go() {
    let place = Place::new();
    place.file("theirs.yaml", PYTHON);
    let imported = place.neonbench("plan import theirs.yaml --to ours.json");
    assert_eq!(imported.code, 3, "{imported:?}");
    assert_eq!(imported.stderr.lines().count(), 1, "{imported:?}");
    assert!(imported.stderr.contains("`to_skill` is code"), "{imported:?}");
    let run = place.json("run --plan ours.json --json --no-store", 0);
    assert_eq!((&run["resources"], &run["records"]["failed"]), (&3.into(), &0.into()));
    let exported = place.neonbench("plan export ours.json --to back.yml");
    assert_eq!((exported.code, exported.stderr.as_str()), (0, ""), "{exported:?}");
    let again = place.neonbench("plan import back.yml");
    assert!(again.code == 0 && again.stdout.contains("operation = \"add_option\""), "{again:?}");
    // A file that cannot be read leaves nothing behind.
    place.file("broken.yaml", "plan: [");
    place.refused("plan import broken.yaml --to new.toml", 2, &["broken.yaml"]);
    place.refused("plan import theirs.yaml --to new.csv", 2, &["new.csv", ".toml, .json"]);
    place.refused("plan export ours.json --to new.toml", 2, &["new.toml", ".yaml"]);
}
