//! Datasets that go in and out as files, with the ids of one's own organisation.

use super::place::{Place, outcome};
use super::verbs::Served;
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

/// An answer with the members of recordings: types, groups, flags, nulls, two fields of one name.
const RECORDED: &str = r#"[
  {"id": "91", "name": "Badge number", "displayName": "Badge number", "status": "ACTIVE", "groupId": "5",
   "displayType": "OneLineText", "dataType": "Name", "constituentReadOnly": true, "component": "Account",
   "optionValues": null, "accountSettings": {"accountType": "Any"},
   "eventSettings": null, "membershipSettings": null, "productSettings": null},
  {"id": "92", "name": "Kiln course", "displayName": "Kiln course", "status": "ACTIVE", "groupId": "3",
   "displayType": "Checkbox", "dataType": null, "constituentReadOnly": false, "component": "Account",
   "optionValues": [
     {"id": "19", "name": "Attended", "status": "INACTIVE", "code": "", "visibleOnPublicForms": false,
      "visibleOnConstituentForms": false},
     {"id": "55", "name": "Passed", "status": null, "code": "P1", "visibleOnPublicForms": true,
      "visibleOnConstituentForms": true}],
   "accountSettings": {"accountType": "Any"},
   "eventSettings": null, "membershipSettings": null, "productSettings": null},
  {"id": "93", "name": "Joined on", "displayName": "Joined on", "status": "ACTIVE", "groupId": null,
   "displayType": "OneLineText", "dataType": "Date", "constituentReadOnly": false, "component": "Account",
   "optionValues": null, "accountSettings": {"accountType": "Individual"},
   "eventSettings": null, "membershipSettings": null, "productSettings": null},
  {"id": "94", "name": "Headcount", "displayName": "Headcount", "status": "ACTIVE", "groupId": null,
   "displayType": "OneLineText", "dataType": "Whole_Number", "constituentReadOnly": false,
   "component": "Account", "optionValues": null, "accountSettings": {"accountType": "Company"},
   "eventSettings": null, "membershipSettings": null, "productSettings": null},
  {"id": "95", "name": "Remarks", "displayName": "Remarks", "status": "ACTIVE", "groupId": null,
   "displayType": "MultiLineText", "dataType": null, "constituentReadOnly": false, "component": "Account",
   "optionValues": null, "accountSettings": {"accountType": "Any"},
   "eventSettings": null, "membershipSettings": null, "productSettings": null},
  {"id": "75", "name": "Key active", "displayName": "Key active", "status": "ACTIVE", "groupId": null,
   "displayType": "Radio", "dataType": null, "constituentReadOnly": false, "component": "Account",
   "optionValues": [{"id": "1", "name": "Yes "}, {"id": "2", "name": "No"}],
   "accountSettings": {"accountType": "Any"},
   "eventSettings": null, "membershipSettings": null, "productSettings": null},
  {"id": "76", "name": "Key active", "displayName": "Key active", "status": "ACTIVE", "groupId": null,
   "displayType": "OneLineText", "dataType": "Text", "constituentReadOnly": false, "component": "Account",
   "optionValues": null, "accountSettings": {"accountType": "Any"},
   "eventSettings": null, "membershipSettings": null, "productSettings": null}
]"#;

/// A place with that answer, imported.
fn imported() -> Place {
    let place = Place::new();
    place.file("answer.json", RECORDED);
    let imported = place.neonbench("dataset import --custom-fields answer.json --out own.toml");
    assert_eq!((imported.code, &*imported.stderr), (0, ""), "{imported:?}");
    assert!(imported.stdout.contains("with 7 fields"), "{imported:?}");
    place
}

#[test]
fn an_organisation_is_served_as_its_answer_says_without_a_mapping() {
    let place = imported();
    let line = "serve --addr 127.0.0.1:0 --dataset own.toml --resources 50 --profile unlimited";
    let served = Served::start(&place, line);
    let url = format!("{}/customFields?category=Account", served.url);
    let curl = std::process::Command::new("curl").args(["-s", "-u", "demo:demo", &url]).output();
    let mut answer: Vec<Value> = serde_json::from_slice(&curl.unwrap().stdout).unwrap();
    let mut saved: Vec<Value> = serde_json::from_str(RECORDED).unwrap();
    for fields in [&mut answer, &mut saved] {
        fields.sort_by_key(|field| field["id"].as_str().unwrap().parse::<u32>().unwrap());
    }
    assert_eq!(answer.len(), 7);
    for (served, saved) in answer.iter().zip(&saved) {
        for (member, value) in saved.as_object().unwrap().iter().filter(|it| it.0 != "optionValues")
        {
            assert_eq!(&served[member], value, "{member} of {served}");
        }
        let options = |field: &Value| field["optionValues"].as_array().cloned().unwrap_or_default();
        assert_eq!(served["optionValues"].is_null(), saved["optionValues"].is_null());
        assert_eq!(options(served).len(), options(saved).len());
        // A member that an answer leaves out is served as null.
        for (served, saved) in options(served).iter().zip(options(saved)) {
            for member in [
                "id",
                "name",
                "status",
                "code",
                "visibleOnPublicForms",
                "visibleOnConstituentForms",
            ] {
                assert_eq!(served[member], saved[member], "{member} of {served}");
            }
        }
    }
    let none = Served::start(&place, "serve --addr 127.0.0.1:0 --mappings 0 --resources 3");
    assert!(none.url.ends_with("/v2"));
}

#[test]
fn a_check_warns_of_what_a_field_does_not_take() {
    let place = imported();
    let mapping = |source: &str, target: &str, more: &str| {
        format!(
            "[[mappings]]\nsource = \"{source}\"\ntarget = \"{target}\"\noperation = \"replace\"\n{more}\n"
        )
    };
    let step = |values: &str| {
        format!(
            "transform = [{{ step = \"map\", values = {{ a = \"{values}\" }}, otherwise = \"skip\" }}]"
        )
    };
    let plan = [
        mapping("Remarks", "Joined on", ""),
        mapping("Remarks", "Headcount", ""),
        mapping("Remarks", "Badge number", ""),
        mapping("Remarks", "Joined on", &step("next tuesday")),
        mapping("Remarks", "Joined on", &step("2024-02-08")),
        mapping("Remarks", "Kiln course", &step("Attended")),
        mapping("76", "Remarks", ""),
    ];
    place.file("plan.toml", &format!("schema = 1\n{}", plan.concat()));
    for organisation in ["--custom-fields answer.json", "--dataset own.toml"] {
        let checked = place.json(&format!("plan check plan.toml {organisation} --json"), 0);
        let found = checked["findings"].as_array().unwrap();
        let place_of = |mapping: &str| {
            let places = found.iter().filter(|it| it["code"] == mapping);
            places.map(|it| it["place"].as_str().unwrap().to_owned()).collect::<Vec<_>>()
        };
        let line = |number: u32| format!("plan.toml, line {number}");
        assert_eq!(place_of("data_type_mismatch"), [2, 7, 17].map(line), "{checked}");
        assert_eq!(place_of("read_only_target"), [line(12)], "{checked}");
        assert_eq!(place_of("inactive_option"), [line(27)], "{checked}");
    }
}

#[test]
fn a_field_is_named_by_its_id_where_its_name_is_not_its_own() {
    let place = imported();
    let plan = |source: &str| {
        format!(
            "schema = 1\n[[mappings]]\nsource = \"{source}\"\ntarget = \"Remarks\"\noperation = \"merge\"\n"
        )
    };
    place.file("name.toml", &plan("Key active"));
    place.file("id.toml", &plan("76"));
    for organisation in ["--custom-fields answer.json", "--dataset own.toml"] {
        let said = place.neonbench(&format!("plan check name.toml {organisation}"));
        assert!(said.code == 2 && said.stdout.contains("ids 75, 76 share the name"), "{said:?}");
        assert_eq!(place.neonbench(&format!("plan check id.toml {organisation}")).code, 0);
    }
    let line = "run --plan id.toml --dataset own.toml --resources 60 --strategy pipelined --json --no-store";
    let run = place.json(line, 0);
    assert!(run["records"]["migrated"].as_u64().unwrap() > 10, "{run}");
    assert_eq!(run["audit"]["valid"], true);
}

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
        // A text field has null for options.
        let options = field["optionValues"].as_array();
        options.into_iter().flatten().map(|option| part(option, &["id", "name"])).collect()
    };
    let names = ["id", "name", "displayName", "displayType", "accountSettings"];
    let saved: Value = serde_json::from_str(ANSWER).unwrap();
    // Both are in the order of the names.
    for (served, saved) in [0, 1].map(|at| (&served[at], &saved[at])) {
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
