//! Datasets made for a plan, and plans made for a dataset.

use crate::plan::{Mapping, Operation, Plan, Transform};
use neon_mock::api::AccountType;
use neon_mock::dataset::{Dataset, FieldKind, FieldSpec};

/// Options of a target for which neither plan nor transform names any.
const OPTIONS: [&str; 4] = ["Bronze", "Silver", "Gold", "Platinum"];

/// Share of accounts on which a made target already holds something.
const TARGETS_FILLED: f64 = 0.2;

/// Each source of `dataset` into its target: options are added to checkboxes, all else replaced.
pub(super) fn plan_for(dataset: &Dataset, mappings: u32) -> Plan {
    let mut plan = Plan::plain(mappings);
    for mapping in &mut plan.mappings {
        let target = dataset.position(&mapping.target).map(|position| &dataset.fields[position]);
        if target.is_some_and(|target| target.kind == FieldKind::Checkbox) {
            mapping.operation = Operation::AddOption;
        }
    }
    plan
}

/// An organisation with every field that `plan` names, of the type that it says or implies.
pub(super) fn dataset_for(plan: &Plan) -> Dataset {
    let mut dataset = Dataset { companies: 0.0, dirty: 0.0, unicode: 0.0, fields: Vec::new() };
    for mapping in &plan.mappings {
        let target_kind = mapping.target_type.unwrap_or(match mapping.operation {
            Operation::AddOption => FieldKind::Checkbox,
            _ => FieldKind::Text,
        });
        let options = options(mapping);
        let has_options = neon_mock::api::DisplayType::from(target_kind).has_options();
        // Texts that name options must be among them, or every account would fail.
        let vocabulary = if has_options { source_values(mapping, &options) } else { Vec::new() };
        let source_kind = mapping.source_type.unwrap_or(FieldKind::Text);
        add(&mut dataset, &mapping.source, source_kind, &vocabulary, 1.0);
        add(&mut dataset, &mapping.target, target_kind, &options, TARGETS_FILLED);
    }
    dataset
}

/// Adds a field, or what a second mapping of it adds to its values.
fn add(dataset: &mut Dataset, name: &str, kind: FieldKind, values: &[String], filled: f64) {
    let has_options = neon_mock::api::DisplayType::from(kind).has_options();
    let fallback: Vec<String> = OPTIONS.iter().map(|&option| option.to_owned()).collect();
    let values = if has_options && values.is_empty() { &fallback } else { values };
    let values = if has_options || filled >= 1.0 { values } else { &[] };
    if let Some(position) = dataset.position(name) {
        let field = &mut dataset.fields[position];
        field.filled = field.filled.max(filled);
        for value in values {
            if !field.values.contains(value) {
                field.values.push(value.clone());
            }
        }
        return;
    }
    dataset.fields.push(FieldSpec {
        name: name.to_owned(),
        kind,
        accounts: AccountType::Any,
        filled,
        values: values.to_vec(),
        skew: 1.0,
        mirrors: None,
    });
}

/// The options of a mapping's target: as the plan says, else what its transform can make.
fn options(mapping: &Mapping) -> Vec<String> {
    if !mapping.target_options.is_empty() {
        return mapping.target_options.clone();
    }
    let mut made = Vec::new();
    for step in &mapping.transform {
        match step {
            Transform::Constant(value) => made = vec![value.to_string()],
            Transform::Map { values, default } => {
                made = values.values().chain(default).map(ToString::to_string).collect();
            }
            _ => {}
        }
    }
    made.sort_unstable();
    made.dedup();
    if made.is_empty() { OPTIONS.iter().map(|&option| option.to_owned()).collect() } else { made }
}

/// Texts for a source whose values must end up among `options`.
fn source_values(mapping: &Mapping, options: &[String]) -> Vec<String> {
    match mapping.transform.iter().find(|step| matches!(step, Transform::Map { .. })) {
        Some(Transform::Map { values, .. }) => values.keys().map(ToString::to_string).collect(),
        _ => options.to_vec(),
    }
}
