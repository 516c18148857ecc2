//! Datasets from a saved answer of `GET /customFields`: your own fields, options and ids.

use super::definition::GROUP_ID;
use super::{FieldDefinition, FieldKind, WireOption};
use crate::api::{AccountType, CustomField, DisplayType, OptionDef};
use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;

/// A dataset file, and the fields left out of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Imported {
    /// The text of the file, which [`Dataset::from_toml`](super::Dataset::from_toml) reads.
    pub text: String,
    /// Number of fields.
    pub fields: usize,
    /// Fields left out, one sentence each with the reason.
    pub left_out: Vec<String>,
}

/// The head of the file: what the answer does not say, and the reader may want to change.
const HEAD: &str = "\
# Made from an answer of GET /customFields: fields and options are those of the answer, ids and all.
# What the answer does not say is made up, and yours to change:
#   filled  share of accounts on which the field is filled
#   values  of a text field: its vocabulary; without any, free text
schema = 1
description = \"custom fields of one's own\"
companies = 0.1                   # share of accounts that are companies
";

/// Makes a dataset file of `definitions`, in the order of their ids.
///
/// Left out and named: what is not migrated (passwords, files, links to accounts), what belongs to other
/// records, option fields without options, and ids that are taken.
pub fn import(definitions: &[CustomField]) -> Imported {
    let mut sorted: Vec<&CustomField> = definitions.iter().collect();
    sorted.sort_by_key(|field| field.id);
    let mut imported = Imported { text: HEAD.to_owned(), fields: 0, left_out: Vec::new() };
    let mut last = None;
    let mut others: BTreeMap<&str, Vec<&CustomField>> = BTreeMap::new();
    for field in sorted {
        if let Some(component) = field.component.as_deref().filter(|name| !is_of_accounts(name)) {
            others.entry(component).or_default().push(field);
            continue;
        }
        let kind = if last == Some(field.id) {
            Err("its id is there twice".to_owned())
        } else {
            kind(field)
        };
        match kind {
            Ok(kind) => {
                let options = distinct(field, &mut imported.left_out);
                push(&mut imported.text, field, kind, &options);
                imported.fields += 1;
                last = Some(field.id);
            }
            Err(reason) => {
                let (id, name) = (field.id, &field.name);
                imported.left_out.push(format!("field {id} `{name}` is left out: {reason}"));
            }
        }
    }
    imported
        .left_out
        .extend(others.into_iter().map(|(component, fields)| of_others(component, &fields)));
    imported
}

/// One sentence for the fields of other records, which may be hundreds.
fn of_others(component: &str, fields: &[&CustomField]) -> String {
    const NAMED: usize = 5;
    let names: Vec<String> =
        fields.iter().take(NAMED).map(|field| format!("`{}`", field.name)).collect();
    let more = match fields.len().saturating_sub(NAMED) {
        0 => String::new(),
        more => format!(" and {more} more"),
    };
    let names = names.join(", ");
    format!("fields of records of type {component} are left out: {names}{more}")
}

/// Type of the field; an error if datasets have no such field.
fn kind(field: &CustomField) -> Result<FieldKind, String> {
    let kind =
        FieldKind::ALL.into_iter().find(|kind| DisplayType::from(*kind) == field.display_type);
    let kind =
        kind.ok_or_else(|| format!("fields of type {:?} are not migrated", field.display_type))?;
    if field.display_type.has_options() && field.option_values.is_empty() {
        return Err("it has no options".to_owned());
    }
    Ok(kind)
}

fn is_of_accounts(component: &str) -> bool {
    ["account", "individual", "company"].iter().any(|own| component.eq_ignore_ascii_case(own))
}

/// The options whose ids are their own; the others are noted.
fn distinct<'a>(field: &'a CustomField, left_out: &mut Vec<String>) -> Vec<&'a OptionDef> {
    let mut kept: Vec<&OptionDef> = Vec::new();
    let mut seen = BTreeSet::new();
    for option in &field.option_values {
        if seen.insert(option.id) {
            kept.push(option);
        } else {
            let (id, of, name) = (option.id, &field.name, &option.name);
            left_out
                .push(format!("option {id} `{name}` of `{of}` is left out: its id is there twice"));
        }
    }
    kept
}

fn push(text: &mut String, field: &CustomField, kind: FieldKind, options: &[&OptionDef]) {
    let (name, id) = (quoted(&field.name), field.id);
    let _ = write!(text, "\n[[fields]]\nname = {name}\nid = {id}\ntype = \"{kind}\"\n");
    let mut line = |name: &str, value: &str| {
        let _ = writeln!(text, "{name} = {value}");
    };
    if let Some(display_name) = field.display_name.as_ref().filter(|name| **name != field.name) {
        line("display_name", &quoted(display_name));
    }
    let of_component =
        |kind: &str| field.component.as_deref().is_some_and(|it| it.eq_ignore_ascii_case(kind));
    let stated = field.account_settings.map(|settings| settings.account_type);
    let implied = || match () {
        () if of_component("individual") => AccountType::Individual,
        () if of_component("company") => AccountType::Company,
        () => AccountType::Any,
    };
    match stated.unwrap_or_else(implied) {
        AccountType::Individual => line("for", "\"individual\""),
        AccountType::Company => line("for", "\"company\""),
        AccountType::Any => {}
    }
    let FieldDefinition { data_type, group, read_only, component, inactive } =
        FieldDefinition::of(field);
    let default = if kind == FieldKind::Text { "Text" } else { "" };
    if let Some(data_type) = data_type.filter(|it| it != default) {
        line("data_type", &quoted(&data_type));
    }
    if let Some(group) = group.filter(|it| it != GROUP_ID) {
        line("group", &quoted(&group));
    }
    if let Some(component) = component {
        line("component", &quoted(&component));
    }
    if read_only {
        line("read_only", "true");
    }
    if inactive {
        line("inactive", "true");
    }
    line("filled", "0.5");
    let values = vocabulary(field.data_type.as_deref());
    if field.display_type.has_options() {
        let tables = options.iter().map(|option| {
            let table =
                toml::Value::try_from(WireOption::from(*option)).expect("an option is TOML");
            format!("  {table},\n")
        });
        line("options", &format!("[\n{}]", tables.collect::<String>()));
    } else if !values.is_empty() {
        let values: Vec<String> = values.iter().map(|value| quoted(value)).collect();
        line("values", &format!("[{}]", values.join(", ")));
    }
}

/// Made-up texts that a field of that data type takes; none for any text.
fn vocabulary(data_type: Option<&str>) -> &'static [&'static str] {
    match data_type.unwrap_or_default() {
        "Date" => &["2016-09-01", "2019-04-17", "2021-11-30", "2024-02-08"],
        "Time" => &["08:30", "12:00", "17:45"],
        "Whole_Number" | "Integer" => &["1", "2", "12", "250"],
        "Decimal" | "Float" => &["0.5", "1.25", "12.75"],
        "Currency" | "Amount" => &["10.00", "25.00", "120.50"],
        "Boolean" => &["true", "false"],
        "Email" => &["ada@example.org", "grace@example.org", "alan@example.org"],
        "Phone" => &["555-0100", "555-0117", "555-0142"],
        "Area_Code" => &["206", "415", "617"],
        _ => &[],
    }
}

fn quoted(text: &str) -> String {
    toml::Value::String(text.to_owned()).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::api::{AccountId, FieldId, Value};
    use crate::dataset::Dataset;
    use crate::org::Organisation;

    const ANSWER: &str = r#"[
      {"id": "412", "name": "Skills", "displayName": "Volunteer \"skills\"", "displayType": "Checkbox",
       "component": "Account", "status": "ACTIVE",
       "optionValues": [{"id": "990", "name": "Cooking"}, {"id": "17", "name": "First aid"},
                        {"id": "991", "name": "Cooking"}, {"id": "17", "name": "Driving"}],
       "accountSettings": {"accountType": "Individual"}},
      {"id": "91", "name": "Notes", "displayName": "Notes", "displayType": "MultiLineText",
       "optionValues": null, "accountSettings": {"accountType": "Any"}},
      {"id": "92", "name": "Scan", "displayType": "File"},
      {"id": "93", "name": "Level", "displayType": "Radio", "optionValues": []},
      {"id": "94", "name": "Old", "displayType": "OneLineText", "status": "INACTIVE"},
      {"id": "95", "name": "Fund", "displayType": "OneLineText", "component": "Donation"},
      {"id": "500", "name": "Notes", "displayType": "OneLineText"}
    ]"#;

    fn definitions() -> Vec<CustomField> {
        serde_json::from_str(ANSWER).unwrap()
    }

    #[test]
    fn what_is_imported_is_served_with_its_own_ids() {
        let imported = import(&definitions());
        let dataset = Dataset::from_toml("own.toml", &imported.text, 1).unwrap();
        let organisation = Organisation::new(&dataset, 50, 1);
        let served = organisation.definitions();
        assert_eq!((imported.fields, served.len()), (4, 4));
        let (notes, skills) = (&served[0], &served[2]);
        assert_eq!((notes.id, &*notes.name, notes.option_values.len()), (FieldId(91), "Notes", 0));
        assert_eq!((skills.id, &*skills.name), (FieldId(412), "Skills"));
        assert_eq!(skills.display_name.as_deref(), Some("Volunteer \"skills\""));
        assert_eq!(skills.account_type(), AccountType::Individual);
        let options: Vec<(u32, &str)> =
            skills.option_values.iter().map(|option| (option.id.0, &*option.name)).collect();
        assert_eq!(options, [(990, "Cooking"), (17, "First aid"), (991, "Cooking")]);
        // Fields of one name hold values of their own.
        let held = |id: u32| -> Vec<Option<Value>> {
            let of = |account| organisation.values(AccountId(account));
            let held = |account| of(account).into_iter().find(|(field, _)| field.0 == id);
            (1..=50).map(|account| held(account).map(|(_, value)| value)).collect()
        };
        assert_ne!(held(91), held(500));
    }

    /// Every member of an answer, in the forms that recordings have: the import serves the same.
    #[test]
    fn an_answer_is_served_as_it_was_saved() {
        let answer = r#"[
          {"id": "7", "name": "Badge #", "displayName": "Badge #", "status": "ACTIVE", "groupId": "5",
           "displayType": "OneLineText", "dataType": "Name", "constituentReadOnly": true,
           "component": "Individual", "optionValues": null, "accountSettings": {"accountType": "Individual"}},
          {"id": "8", "name": "Course", "displayName": "Course", "status": "INACTIVE", "groupId": null,
           "displayType": "Checkbox", "dataType": null, "constituentReadOnly": false, "component": "Account",
           "optionValues": [
             {"id": "3", "name": "Old", "status": "INACTIVE", "code": "P1", "visibleOnPublicForms": false,
              "visibleOnConstituentForms": true},
             {"id": "9", "name": "New", "status": null, "code": "", "visibleOnPublicForms": null,
              "visibleOnConstituentForms": false}],
           "accountSettings": {"accountType": "Any"}},
          {"id": "9", "name": "Joined", "displayName": "Joined on", "status": "ACTIVE", "groupId": "12",
           "displayType": "OneLineText", "dataType": "Date", "constituentReadOnly": false,
           "component": "Account", "optionValues": null, "accountSettings": {"accountType": "Company"}},
          {"id": "10", "name": "Note", "displayName": "Note", "status": "ACTIVE", "groupId": null,
           "displayType": "OneLineText", "dataType": null, "constituentReadOnly": false,
           "component": "Account", "optionValues": null, "accountSettings": {"accountType": "Any"}}]"#;
        let mut saved: Vec<CustomField> = serde_json::from_str(answer).unwrap();
        let imported = import(&saved);
        assert_eq!((imported.fields, &*imported.left_out), (4, &[][..]));
        let dataset = Dataset::from_toml("own.toml", &imported.text, 1).unwrap();
        let mut served = Organisation::new(&dataset, 1, 1).definitions().to_vec();
        served.sort_by_key(|field| field.id);
        saved.sort_by_key(|field| field.id);
        assert_eq!(served, saved);
    }

    #[test]
    fn what_is_left_out_is_named() {
        let left_out = import(&definitions()).left_out.join("\n");
        for (name, reason) in [
            ("`Scan`", "type File are not migrated"),
            ("`Level`", "no options"),
            ("`Fund`", "records of type Donation"),
            ("option 17 `Driving`", "there twice"),
        ] {
            let line = left_out.lines().find(|line| line.contains(name)).unwrap_or_default();
            assert!(line.contains(reason), "{name}: {left_out}");
        }
    }
}
