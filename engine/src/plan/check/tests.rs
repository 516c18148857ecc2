//! Each kind of mistake, in an organisation that has all it takes to make it.

use super::*;

const FIELDS: &str = r#"[
  {"id": "1", "name": "V-Skill", "displayType": "OneLineText"},
  {"id": "2", "name": "Skills", "displayType": "Checkbox",
   "optionValues": [{"id": "1", "name": "Cooking"}, {"id": "2", "name": "Driving"}]},
  {"id": "3", "name": "Level", "displayType": "Radio", "optionValues": [{"id": "3", "name": "Cooking"}]},
  {"id": "4", "name": "Notes", "displayType": "MultiLineText"},
  {"id": "5", "name": "Person", "displayType": "OneLineText", "accountSettings": {"accountType": "Individual"}},
  {"id": "6", "name": "Firm", "displayType": "OneLineText", "accountSettings": {"accountType": "Company"}},
  {"id": "7", "name": "Scan", "displayType": "File"},
  {"id": "8", "name": "Old", "displayType": "OneLineText", "status": "INACTIVE"},
  {"id": "9", "name": "Twin", "displayType": "OneLineText"},
  {"id": "10", "name": "Twin", "displayType": "OneLineText"}
]"#;

/// The level and code of each issue of a plan with these mappings, and all messages.
fn found(mappings: &[&str]) -> (Vec<(Level, &'static str)>, String) {
    let fields: Vec<CustomField> = serde_json::from_str(FIELDS).unwrap();
    let mappings: Vec<String> = mappings
        .iter()
        .map(|line| {
            let (fields, rest) = line.split_once(';').unwrap_or((line, ""));
            let [source, operation, target] =
                fields.split(' ').collect::<Vec<_>>().try_into().unwrap();
            format!(
                "[[mappings]]\nsource = \"{source}\"\ntarget = \"{target}\"\n\
                 operation = \"{operation}\"\n{rest}\n"
            )
        })
        .collect();
    let plan = Plan::from_toml("plan.toml", &format!("schema = 1\n{}", mappings.concat())).unwrap();
    let issues = check(&plan, &fields, &SampledTexts::new());
    let said: Vec<String> =
        issues.iter().map(|it| format!("{}: {}", it.place, it.message)).collect();
    (issues.iter().map(|it| (it.level, it.code)).collect(), said.join("\n"))
}

#[test]
fn a_plan_that_is_right_has_no_findings() {
    let map =
        "transform = [{ step = \"map\", values = { c = \"Cooking\" }, otherwise = \"skip\" }]";
    let (codes, said) =
        found(&[&format!("V-Skill add_option Skills;{map}"), "V-Skill merge Notes"]);
    assert_eq!(codes, [], "{said}");
}

#[test]
fn each_mistake_has_its_code_and_level() {
    use Level::{Error, Warning};
    let table: &[(&[&str], (Level, &str), &str)] = &[
        (&["V-Skil replace Notes"], (Error, "unknown_field"), "near it are `V-Skill`"),
        (&["Zzz replace Notes"], (Error, "unknown_field"), "plan.toml, line 2"),
        (&["Twin replace Notes"], (Error, "ambiguous_field"), "9, 10"),
        (&["Scan replace Notes"], (Error, "unsupported_type"), "File"),
        (&["Old replace Notes"], (Warning, "inactive_field"), "`Old`"),
        (&["V-Skill transform Notes"], (Error, "missing_transform"), "transform"),
        (&["V-Skill add_option Notes"], (Error, "type_mismatch"), "`Notes` holds text"),
        (&["V-Skill replace Skills"], (Warning, "type_mismatch"), "must name one"),
        (&["Skills merge Notes"], (Warning, "multi_value_mismatch"), "joined by `|`"),
        (&["Person replace Firm"], (Error, "account_type_mismatch"), "no account has both"),
        (&["Person replace Notes"], (Warning, "account_type_mismatch"), "skipped"),
        (&["Notes replace Notes"], (Warning, "self_mapping"), "onto itself"),
        (
            &["V-Skill replace Notes", "Old replace Notes"],
            (Warning, "duplicate_target"),
            "line 7: `Notes` is the target of `V-Skill` before",
        ),
        (
            &["V-Skill replace Notes", "Notes replace V-Skill"],
            (Error, "circular_mapping"),
            "circle",
        ),
        (
            &["V-Skill replace Skills;transform = [{ step = \"constant\", value = \"Sailing\" }]"],
            (Error, "unknown_option"),
            "no option `Sailing`, which the transform makes; it has `Cooking`, `Driving`",
        ),
        (&["Skills replace Level"], (Warning, "unknown_option"), "no option `Driving`"),
        (
            &["V-Skill replace Notes;preserve_source = false", "Old replace Notes"],
            (Warning, "cleared_source"),
            "the value is lost",
        ),
    ];
    for (mappings, expected, words) in table {
        let (codes, said) = found(mappings);
        assert!(codes.contains(expected), "{mappings:?}: {codes:?}\n{said}");
        assert!(said.contains(words), "{mappings:?}: {said}");
    }
}

#[test]
fn a_chain_is_no_circle_and_merges_share_a_target() {
    let (codes, said) =
        found(&["V-Skill merge Notes", "Old merge Notes", "Notes copy_if_empty Person"]);
    let wrong = ["circular_mapping", "duplicate_target"];
    assert!(codes.iter().all(|(_, code)| !wrong.contains(code)), "{said}");
}
