//! Datasets from a saved answer of `GET /customFields`: your own fields, options and ids.

use super::FieldKind;
use crate::api::{AccountType, CustomField, DisplayType, OptionDef, OptionStatus};
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
# Made from an answer of GET /customFields. Fields and options have the ids that they have there.
# What the answer does not say is made up, and yours to change:
#   filled  share of accounts on which the field is filled
#   values  of a text field: its vocabulary; without any, free text
schema = 1
description = \"custom fields of one's own\"
companies = 0.1                   # share of accounts that are companies
";

/// Makes a dataset file of `definitions`, in the order of their ids.
///
/// Left out and named: what is not migrated (passwords, files, links to accounts), what is inactive
/// or belongs to other records, option fields without options, and names that are taken.
pub fn import(definitions: &[CustomField]) -> Imported {
    let mut sorted: Vec<&CustomField> = definitions.iter().collect();
    sorted.sort_by_key(|field| field.id);
    let mut imported = Imported { text: HEAD.to_owned(), fields: 0, left_out: Vec::new() };
    let mut kept: Vec<&CustomField> = Vec::new();
    for field in sorted {
        match kind(field).and_then(|kind| unlike(field, &kept).map(|()| kind)) {
            Ok(kind) => {
                let options = distinct(field, &mut imported.left_out);
                push(&mut imported.text, field, kind, &options);
                imported.fields += 1;
                kept.push(field);
            }
            Err(reason) => {
                let (id, name) = (field.id, &field.name);
                imported.left_out.push(format!("field {id} `{name}` is left out: {reason}"));
            }
        }
    }
    imported
}

/// Type of the field; an error if datasets have no such field.
fn kind(field: &CustomField) -> Result<FieldKind, String> {
    if let Some(component) = field.component.as_deref().filter(|name| !is_of_accounts(name)) {
        return Err(format!("it belongs to records of type {component}"));
    }
    if field.status == Some(OptionStatus::Inactive) {
        return Err("it is inactive".to_owned());
    }
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

/// Refuses an id or a name that a field in `kept` has: a plan could not tell them apart.
fn unlike(field: &CustomField, kept: &[&CustomField]) -> Result<(), String> {
    if field.name.contains('#') {
        return Err("in a dataset `#` stands for a number".to_owned());
    }
    match kept.iter().find(|other| other.id == field.id || other.name == field.name) {
        Some(other) if other.id == field.id => Err("its id is there twice".to_owned()),
        Some(other) => Err(format!("field {} has the same name", other.id)),
        None => Ok(()),
    }
}

/// The options whose names and ids are their own; the others are noted.
fn distinct<'a>(field: &'a CustomField, left_out: &mut Vec<String>) -> Vec<&'a OptionDef> {
    let mut kept: Vec<&OptionDef> = Vec::new();
    for option in &field.option_values {
        if kept.iter().any(|other| other.name == option.name || other.id == option.id) {
            let (id, of) = (option.id, &field.name);
            let name = &option.name;
            left_out.push(format!(
                "option {id} `{name}` of `{of}` is left out: its name or id is there twice"
            ));
        } else {
            kept.push(option);
        }
    }
    kept
}

fn push(text: &mut String, field: &CustomField, kind: FieldKind, options: &[&OptionDef]) {
    let _ = write!(
        text,
        "\n[[fields]]\nname = {}\nid = {}\ntype = \"{kind}\"\n",
        quoted(&field.name),
        field.id
    );
    if let Some(display_name) = field.display_name.as_ref().filter(|name| **name != field.name) {
        let _ = writeln!(text, "display_name = {}", quoted(display_name));
    }
    match field.account_type() {
        AccountType::Any => {}
        AccountType::Individual => text.push_str("for = \"individual\"\n"),
        AccountType::Company => text.push_str("for = \"company\"\n"),
    }
    text.push_str("filled = 0.5\n");
    if field.display_type.has_options() {
        let names: Vec<String> = options.iter().map(|option| quoted(&option.name)).collect();
        let ids: Vec<String> = options.iter().map(|option| option.id.to_string()).collect();
        let _ = writeln!(text, "values = [{}]", names.join(", "));
        let _ = writeln!(text, "option_ids = [{}]", ids.join(", "));
    }
}

fn quoted(text: &str) -> String {
    toml::Value::String(text.to_owned()).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::api::FieldId;
    use crate::dataset::Dataset;
    use crate::org::Organisation;

    const ANSWER: &str = r#"[
      {"id": "412", "name": "Skills", "displayName": "Volunteer \"skills\"", "displayType": "Checkbox",
       "component": "Account", "status": "ACTIVE",
       "optionValues": [{"id": "990", "name": "Cooking"}, {"id": "17", "name": "First aid"},
                        {"id": "991", "name": "Cooking"}],
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
        assert_eq!((imported.fields, served.len()), (2, 2));
        let (notes, skills) = (&served[0], &served[1]);
        assert_eq!((notes.id, &*notes.name, notes.option_values.len()), (FieldId(91), "Notes", 0));
        assert_eq!((skills.id, &*skills.name), (FieldId(412), "Skills"));
        assert_eq!(skills.display_name.as_deref(), Some("Volunteer \"skills\""));
        assert_eq!(skills.account_type(), AccountType::Individual);
        let options: Vec<(u32, &str)> =
            skills.option_values.iter().map(|option| (option.id.0, &*option.name)).collect();
        assert_eq!(options, [(990, "Cooking"), (17, "First aid")]);
    }

    #[test]
    fn what_is_left_out_is_named() {
        let left_out = import(&definitions()).left_out.join("\n");
        for (name, reason) in [
            ("`Scan`", "type File are not migrated"),
            ("`Level`", "no options"),
            ("`Old`", "inactive"),
            ("`Fund`", "records of type Donation"),
            ("field 500 `Notes`", "field 91 has the same name"),
            ("option 991 `Cooking`", "there twice"),
        ] {
            let line = left_out.lines().find(|line| line.contains(name)).unwrap_or_default();
            assert!(line.contains(reason), "{name}: {left_out}");
        }
    }
}
