//! A plan as people have it: a filter, a map with a hole, a regex, a merge, a source that is cleared.

use super::place::Place;
use serde_json::Value;

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

/// Accounts that the filter selects under seed 1, and those among them with the option `HQ`.
fn expected() -> (u64, u64) {
    use neon_mock::api::AccountId;
    let dataset = neon_mock::dataset::Dataset::from_toml("own.toml", DATASET, 0).unwrap();
    let organisation = neon_mock::org::Organisation::new(&dataset, ACCOUNTS, 1);
    let field =
        |name: &str| organisation.definitions().iter().find(|field| &*field.name == name).unwrap();
    let (interests, chapter) = (field("Old interests"), field("Chapter (old)"));
    let hq = chapter.option_values.iter().find(|option| &*option.name == "HQ").unwrap().id;
    let (mut selected, mut unmapped) = (0, 0);
    for id in 1..=ACCOUNTS {
        let values = organisation.values(AccountId(id));
        let held = |id| values.iter().find(|(field, _)| *field == id).map(|(_, value)| value);
        if held(interests.id).is_some() {
            selected += 1;
            unmapped +=
                u64::from(held(chapter.id) == neon_mock::api::Value::options([hq]).as_ref());
        }
    }
    assert!(selected > 2_400 && unmapped > 300, "{selected}, {unmapped}");
    (selected, unmapped)
}

fn unmapped_of(run: &Value) -> (&str, u64) {
    let row = &run["unmapped"]["values"][0];
    assert_eq!((&row["source"], &row["target"]), (&"Chapter (old)".into(), &"Region".into()));
    (row["value"].as_str().unwrap(), row["accounts"].as_u64().unwrap())
}

#[test]
fn a_hole_in_a_map_is_named_wherever_a_plan_goes() {
    let place = place();
    let (selected, unmapped) = expected();
    let on = format!("--dataset own.toml --resources {ACCOUNTS} --no-store");
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
    let benchmark =
        place.json(&format!("benchmark --plan plan.toml {on} --replicates 1 --json"), 0);
    for run in benchmark["runs"].as_array().unwrap() {
        assert_eq!((unmapped_of(run), &run["resources"]), (("HQ", unmapped), &selected.into()));
    }
    for command in ["run", "benchmark --replicates 1", "compare --replicates 1", "analyze"] {
        let on = "--dataset own.toml --resources 60 --workers 5";
        let said = place.neonbench(&format!("{command} --plan plan.toml {on}"));
        assert_eq!(said.code, 0, "{command}: {said:?}");
        assert!(said.stdout.contains("`HQ`"), "{command}: {said:?}");
    }
}
