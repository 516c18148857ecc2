//! Datasets made for a plan, and plans made for a dataset.

use crate::plan::{
    Mapping, Operation, Plan, ResolvedPlan, SampledTexts, Selection, Texts, Transform,
    UNMAPPED_VALUE, check,
};
use neon_mock::api::{AccountId, AccountType, Criterion, CustomField, DisplayType, Value};
use neon_mock::dataset::{Dataset, FieldDefinition, FieldKind, FieldSpec};
use neon_mock::org::{Organisation, SearchError};

/// Values of a source whose target has options that the plan does not state.
const OPTIONS: [&str; 4] = ["Bronze", "Silver", "Gold", "Platinum"];

/// Share of accounts on which a made target already holds something.
const TARGETS_FILLED: f64 = 0.2;

/// Accounts whose texts a check of the plan looks at.
const SAMPLE: u64 = 200;

/// The texts that maps of `plan` look up on the first accounts of `organisation`.
pub fn sampled_texts(plan: &Plan, organisation: &Organisation) -> SampledTexts {
    let Ok(task) = ResolvedPlan::resolve(plan, organisation.definitions()) else {
        return SampledTexts::new();
    };
    let mut sample: SampledTexts = task.looked_up().map(|field| (field, Vec::new())).collect();
    if sample.is_empty() {
        return sample;
    }
    for id in 1..=organisation.accounts().min(SAMPLE) {
        for (field, value) in organisation.values(AccountId(id)) {
            if let (Value::Text(text), Some(texts)) = (value, sample.get_mut(&field)) {
                texts.push(text.into());
            }
        }
    }
    sample
}

/// Warnings of the values that `fields` and a `sample` show and a map of `plan` has no entry for.
pub fn unmapped_warnings(
    plan: &Plan,
    fields: &[CustomField],
    sample: &SampledTexts,
) -> Vec<String> {
    let issues = check(plan, fields, sample);
    let unmapped = issues.into_iter().filter(|issue| issue.code == UNMAPPED_VALUE);
    unmapped.map(|issue| issue.to_string()).collect()
}

/// Share of accounts on which a field of the plan's filter holds something.
const FILTERED_FILLED: f64 = 0.8;

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

/// A synthetic organisation for `plan`: every field that its mappings and its filter name, of the type that it
/// states or implies, with values that it can carry.
pub(super) fn dataset_for(plan: &Plan) -> Dataset {
    let mut names: Vec<&str> = Vec::new();
    for name in plan.mappings.iter().flat_map(|mapping| [&mapping.source, &mapping.target]) {
        if !names.contains(&name.as_str()) {
            names.push(name);
        }
    }
    let fields = names.into_iter().map(|name| field(plan, name)).collect();
    let mut dataset = Dataset { companies: 0.0, dirty: 0.0, unicode: 0.0, merged: 0.0, fields };
    if let Selection::Filter(criteria) = &plan.selection {
        for criterion in criteria {
            let organisation = Organisation::new(&dataset, 1, 1);
            let found = organisation.check_criteria(std::slice::from_ref(criterion));
            if matches!(found, Err(SearchError::UnknownField(_))) {
                dataset.fields.push(filtered(criterion));
            }
        }
    }
    dataset
}

/// A field that only the filter of a plan names: filled on most accounts, often with the values asked for.
fn filtered(criterion: &Criterion) -> FieldSpec {
    let Criterion { field, value, value_list, .. } = criterion;
    let mut values = Vec::new();
    let asked = value.iter().chain(value_list.iter().flatten()).cloned();
    for value in asked.chain(OPTIONS.map(str::to_owned)) {
        push(&mut values, value);
    }
    spec(field, FieldKind::Text, FILTERED_FILLED, values)
}

fn spec(name: &str, kind: FieldKind, filled: f64, values: Vec<String>) -> FieldSpec {
    FieldSpec {
        name: name.to_owned(),
        id: None,
        display_name: None,
        kind,
        accounts: AccountType::Any,
        filled,
        values,
        option_ids: Vec::new(),
        options: Vec::new(),
        definition: FieldDefinition::default(),
        skew: 1.0,
        mirrors: None,
    }
}

fn field(plan: &Plan, name: &str) -> FieldSpec {
    let is_source = plan.mappings.iter().any(|mapping| mapping.source == name);
    let kind = kind(plan, name);
    // A field may be target of one mapping and source of another: it holds what either gives.
    let mut values = if is_source { vocabulary(plan, name) } else { Vec::new() };
    if has_options(kind) {
        for value in carried_into(plan, name) {
            push(&mut values, value);
        }
        if values.is_empty() {
            values = OPTIONS.map(str::to_owned).to_vec();
        }
    }
    spec(name, kind, if is_source { 1.0 } else { TARGETS_FILLED }, values)
}

fn has_options(kind: FieldKind) -> bool {
    DisplayType::from(kind).has_options()
}

/// The type that any mapping states for a field, else the one that its use implies.
fn kind(plan: &Plan, name: &str) -> FieldKind {
    let stated = plan.mappings.iter().find_map(|mapping| {
        let as_source = mapping.source_type.filter(|_| mapping.source == name);
        as_source.or(mapping.target_type.filter(|_| mapping.target == name))
    });
    let takes_options = |mapping: &Mapping| {
        mapping.target == name
            && (mapping.operation == Operation::AddOption || !mapping.target_options.is_empty())
    };
    stated.unwrap_or_else(|| {
        if plan.mappings.iter().any(takes_options) { FieldKind::Checkbox } else { FieldKind::Text }
    })
}

/// The values that a source draws from; none means free text.
fn vocabulary(plan: &Plan, name: &str) -> Vec<String> {
    let mut values = Vec::new();
    for mapping in plan.mappings.iter().filter(|mapping| mapping.source == name) {
        let map = mapping.transform.iter().find_map(|step| match step {
            Transform::Map { values, .. } => Some(values),
            _ => None,
        });
        let drawn: Vec<String> = match map {
            Some(map) => map.keys().map(ToString::to_string).collect(),
            None if !has_options(kind(plan, &mapping.target)) => Vec::new(),
            None if mapping.target_options.is_empty() => OPTIONS.map(str::to_owned).to_vec(),
            None => mapping.target_options.clone(),
        };
        for value in drawn {
            push(&mut values, value);
        }
    }
    values
}

/// All that mappings can carry into a field: what its plan names, and what transforms make.
fn carried_into(plan: &Plan, name: &str) -> Vec<String> {
    let mut values = Vec::new();
    for mapping in plan.mappings.iter().filter(|mapping| mapping.target == name) {
        for option in &mapping.target_options {
            push(&mut values, option.clone());
        }
        for value in vocabulary(plan, &mapping.source) {
            let start: Texts = [value.into()].into_iter().collect();
            let made = mapping.transform.iter().try_fold(start, |texts, step| step.apply(&texts));
            // What is too long for a field is no option.
            for text in &made.unwrap_or_default() {
                push(&mut values, text.to_string());
            }
        }
    }
    values
}

fn push(values: &mut Vec<String>, value: String) {
    if !values.contains(&value) {
        values.push(value);
    }
}

#[cfg(test)]
mod tests {
    use crate::engine::{Settings, Strategy};
    use crate::event::Event;
    use crate::plan::Plan;
    use crate::run::{RunSpec, World};
    use crate::scenario::{Scenario, Workload};

    /// Number of accounts that fail when the mappings run on an organisation made for them.
    fn failed(mappings: &str) -> u64 {
        let plan = Plan::from_toml("plan.toml", &format!("schema = 1\n{mappings}")).unwrap();
        let workload = Workload { plan: Some(plan), ..Workload::default() };
        let scenario = Scenario::new(workload).unwrap();
        let order = RunSpec::new(&scenario, Settings::new(Strategy::Hybrid));
        let record = order.run(&World::Virtual, &mut |_: &Event| {}).unwrap().record;
        assert!(record.audit.valid && record.records.migrated > 0);
        record.records.failed
    }

    #[test]
    fn a_users_own_plan_runs_on_the_organisation_made_for_it() {
        let mapping = |source, target, operation, rest: &str| {
            format!(
                "[[mappings]]\nsource = \"{source}\"\ntarget = \"{target}\"\n\
                 operation = \"{operation}\"\n{rest}\n"
            )
        };
        let upper = "transform = [{ step = \"case\", to = \"upper\" }]";
        assert_eq!(failed(&mapping("V", "T", "add_option", upper)), 0);
        let yes = mapping("V", "T1", "add_option", "target_options = [\"Yes\"]");
        let no = mapping("V", "T2", "add_option", "target_options = [\"No\"]");
        assert_eq!(failed(&(yes + &no)), 0);
        let notes = mapping("Skills", "Notes", "replace", "");
        assert_eq!(failed(&(notes + &mapping("V", "Skills", "add_option", ""))), 0);
    }
}
