//! Datasets that go in and out as files, with the ids of one's own organisation.

use super::place::{Place, outcome};
use serde_json::{Value, json};

/// A likely answer of `GET /customFields?category=Account`.
const ANSWER: &str = r#"[
  {"id": "1207", "name": "Skills", "displayName": "Volunteer skills", "displayType": "Checkbox",
   "component": "Account", "status": "ACTIVE", "groupId": "3", "constituentReadOnly": false,
   "optionValues": [{"id": "5510", "name": "Cooking"}, {"id": "88", "name": "First \"aid\""}],
   "accountSettings": {"accountType": "Any"}},
  {"id": "85", "name": "V-Skill", "displayName": "V-Skill", "displayType": "OneLineText",
   "dataType": "Text", "optionValues": [], "accountSettings": {"accountType": "Individual"}},
  {"id": "1300", "name": "Secret", "displayName": "Secret", "displayType": "Password"}
]"#;

const PLAN: &str = "schema = 1\n[[mappings]]\nsource = \"V-Skill\"\ntarget = \"Skills\"\n\
                    operation = \"add_option\"\n";

#[test]
fn an_imported_organisation_is_served_with_its_own_ids() {
    let place = Place::new();
    place.file("answer.json", ANSWER);
    place.file("plan.toml", PLAN);
    let imported = place.neonbench("dataset import --custom-fields answer.json --out own.toml");
    assert_eq!(imported.code, 0, "{imported:?}");
    assert!(imported.stdout.contains("written: own.toml, with 2 fields"), "{imported:?}");
    let left_out = "field 1300 `Secret` is left out: fields of type Password are not migrated";
    assert!(imported.stderr.contains(left_out), "{imported:?}");
    let described = place.neonbench("dataset describe own.toml --resources 20");
    assert!(described.code == 0 && described.stdout.contains("1207"), "{described:?}");

    // The mock's own answer makes a file again.
    let line = "judge --dataset own.toml --plan plan.toml --profile unlimited --no-store --";
    let ask = "curl -s -u $NEON_ORG_ID:$NEON_API_KEY -o served.json \
               \"$NEON_BASE_URL/customFields?category=Account\"";
    let judged = outcome(place.command(line).args(["bash", "-c", ask]));
    assert!(judged.code == 0 || judged.code == 5, "{judged:?}");
    let served = std::fs::read_to_string(place.path().join("served.json")).unwrap();
    let served: Value = serde_json::from_str(&served).unwrap();
    let part = |field: &Value, names: &[&str]| -> Value {
        names.iter().map(|&name| (name.to_owned(), field[name].clone())).collect()
    };
    let options = |field: &Value| -> Vec<Value> {
        let options = field["optionValues"].as_array().unwrap();
        options.iter().map(|option| part(option, &["id", "name"])).collect()
    };
    let names = ["id", "name", "displayName", "displayType", "accountSettings"];
    let saved: Value = serde_json::from_str(ANSWER).unwrap();
    for (served, saved) in [(0, 1), (1, 0)].map(|(a, b)| (&served[a], &saved[b])) {
        assert_eq!(part(served, &names), part(saved, &names));
        assert_eq!(options(served), options(saved));
    }
    assert_eq!(served.as_array().unwrap().len(), 2);

    // And our strategies migrate it, ids and all.
    let line = "run --plan plan.toml --dataset own.toml --resources 5 --json --no-store";
    let run = outcome(&mut place.command(line));
    let record: Value = serde_json::from_str(&run.stdout).unwrap();
    assert_eq!(record["audit"]["valid"], json!(true));
}

#[test]
fn what_is_no_such_answer_is_refused() {
    let place = Place::new();
    place.file("error.json", r#"[{"code": "10", "message": "Api key is required."}]"#);
    place.file("empty.json", "[]");
    place.file("text.json", "<html>");
    let import = |file: &str| format!("dataset import --custom-fields {file}");
    place.refused(
        &import("error.json"),
        2,
        &["error.json", "missing field `id`", "which is an array"],
    );
    place.refused(&import("text.json"), 2, &["text.json", "line 1", "which is an array"]);
    place.refused(&import("empty.json"), 2, &["empty.json", "no field"]);
    place.refused(&import("none.json"), 2, &["none.json"]);
}

#[test]
fn a_built_in_dataset_is_exported_as_the_file_that_it_is() {
    let place = Place::new();
    let exported = place.neonbench("dataset export dirty");
    assert_eq!(exported.code, 0);
    place.file("mine.toml", &exported.stdout);
    let line = |dataset: &str| {
        format!("run --dataset {dataset} --resources 10 --strategy hybrid --json --no-store")
    };
    let [mine, built_in] = ["mine.toml", "dirty"].map(|name| place.json(&line(name), 0));
    assert_eq!(mine["audit"]["state_digest"], built_in["audit"]["state_digest"]);
    place.refused("dataset export big", 2, &["`big`", "`plain`"]);
}
