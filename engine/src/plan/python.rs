//! Plan files of the Python engine, in YAML or JSON, to and from plans of ours.
//!
//! The format has no version; its members are read as that engine writes them. Whatever a plan
//! cannot express is listed, never dropped silently. The files are other people's: nesting, aliases
//! and size are limited before anything is built.

use super::csv::records;
use super::{Hints, Mapping, Operation, Plan, Selection, Transform, WirePlan};
use neon_mock::api::{AccountId, Criterion, Operator};
use serde_json::{Map, Value, json};
use std::num::NonZeroU32;

/// The result of a conversion, and a sentence for each thing that could not be converted.
#[derive(Clone, Debug)]
pub struct Carried<T> {
    /// The result.
    pub made: T,
    /// Sentences for people, one per thing that is missing from the result.
    pub left_out: Vec<String>,
}

/// The file is no plan of the Python engine, or it would mean something else here.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct PythonError(String);

fn wrong<T>(reason: impl Into<String>) -> Result<T, PythonError> {
    Err(PythonError(reason.into()))
}

/// The target that templates of that engine name until somebody has chosen one.
pub(super) const TODO_TARGET: &str = "TODO_SPECIFY_TARGET";

/// The deepest nesting that a YAML file may have; the format itself needs 5.
const MAX_DEPTH: usize = 32;

/// The most YAML nodes in a file: a plan with a million account ids.
const MAX_NODES: usize = 2_000_000;

/// The most YAML events that aliases of a file may expand to.
const MAX_ALIASED: usize = 100_000;

/// Parses a YAML file of the Python engine.
///
/// Scalars are read by YAML 1.2: `yes` and `no` are texts, and so are dates, numbers with leading
/// zeros and numbers with underscores. Merge keys (`<<`) are expanded, as in that engine.
///
/// Errors: with line and column, text that is no YAML, a key that occurs twice in a mapping, and a
/// file beyond the limits of nesting, size or alias expansion.
pub fn parse_yaml(text: &str) -> Result<Value, PythonError> {
    let options = serde_saphyr::options! {
        budget: serde_saphyr::budget! {
            max_depth: MAX_DEPTH,
            flow_nesting_limit: MAX_DEPTH,
            max_nodes: MAX_NODES,
            max_events: 2 * MAX_NODES,
        },
        alias_limits: serde_saphyr::alias_limits! { max_total_replayed_events: MAX_ALIASED },
        strict_booleans: true,
        leading_zero_numbers_as_strings: true,
        underscored_numbers_as_strings: true,
        with_snippet: false,
    };
    serde_saphyr::from_str_with_options(text, options)
        .map_err(|error| PythonError(error.to_string()))
}

/// Writes `file` as YAML that the Python engine reads.
pub fn to_yaml(file: &Value) -> String {
    serde_saphyr::to_string(file).expect("JSON is YAML")
}

/// The members of an object, removed as they are read; the rest was not understood.
struct Members<'a> {
    of: String,
    left: Map<String, Value>,
    left_out: &'a mut Vec<String>,
}

impl Members<'_> {
    /// The member, unless it is absent or null.
    fn take(&mut self, name: &str) -> Option<Value> {
        self.left.remove(name).filter(|value| !value.is_null())
    }

    fn text(&mut self, name: &str) -> Result<String, PythonError> {
        match self.take(name) {
            Some(Value::String(text)) => Ok(text),
            Some(other) => wrong(format!("{}.{name} is {other}: expected a text", self.of)),
            None => wrong(format!("{}.{name} is missing", self.of)),
        }
    }

    fn flag(&mut self, name: &str, default: bool) -> Result<bool, PythonError> {
        match self.take(name) {
            None => Ok(default),
            Some(Value::Bool(flag)) => Ok(flag),
            Some(other) => wrong(format!("{}.{name} is {other}: expected true or false", self.of)),
        }
    }

    fn figure(&mut self, name: &str) -> Option<NonZeroU32> {
        let given = self.take(name)?;
        let figure = given.as_u64().and_then(|it| u32::try_from(it).ok()).and_then(NonZeroU32::new);
        if figure.is_none() {
            self.left_out.push(format!("{}.{name} = {given} is no figure above 0", self.of));
        }
        figure
    }
}

impl Drop for Members<'_> {
    fn drop(&mut self) {
        for name in self.left.keys() {
            self.left_out.push(format!("{}.{name} has no counterpart", self.of));
        }
    }
}

impl Plan {
    /// Converts a file of the Python engine, parsed from YAML or JSON.
    ///
    /// Accepts the form of the builders too, `{source: "TODO" | {field, option}}`.
    ///
    /// Errors: [`PythonError`] if the file is no such plan, or if it selects accounts by a filter
    /// that has no counterpart: without the filter, all accounts would be migrated.
    pub fn from_python(file: Value) -> Result<Carried<Self>, PythonError> {
        let Value::Object(mut top) = file else {
            return wrong("expected an object with `plan`, or one that maps sources");
        };
        let mut left_out = Vec::new();
        let made = match top.remove("plan") {
            Some(Value::Object(plan)) => {
                top.remove("metadata");
                for name in ["conflicts", "validation_results"] {
                    if top.remove(name).is_some_and(|it| !is_nothing(&it)) {
                        left_out.push(format!(
                            "`{name}` is what was found at the time; `neonbench plan check` finds anew"
                        ));
                    }
                }
                left_out.extend(top.keys().map(|name| format!("`{name}` has no counterpart")));
                plan_of(plan, &mut left_out)?
            }
            Some(_) => return wrong("`plan` is no object"),
            None => builders(top, &mut left_out)?,
        };
        if made.mappings.is_empty() {
            return wrong("there is no mapping in it");
        }
        Ok(Carried { made, left_out })
    }

    /// Converts a CSV file of the Python engine: a row per mapping, and below them its figures in comments.
    ///
    /// Errors: [`PythonError`] if the file has no such rows.
    pub fn from_python_csv(text: &str) -> Result<Carried<Self>, PythonError> {
        let (mut mappings, mut dry_run) = (Vec::new(), true);
        let mut left_out = Vec::new();
        let mut columns: Vec<String> = Vec::new();
        for (line, fields) in records(text, &[',']) {
            if let Some(comment) = fields[0].strip_prefix('#') {
                let value = fields.get(1).map(|value| value.to_lowercase());
                if comment.trim() == "Dry run:" {
                    dry_run = value.as_deref() != Some("false");
                }
            } else if columns.is_empty() {
                columns = fields;
            } else {
                let row = csv_row(&columns, fields, line)?;
                mappings.push(mapping_of(mappings.len(), row, &mut left_out)?);
            }
        }
        if mappings.is_empty() {
            return wrong(
                "there is no mapping in it: expected rows of source_field, target_field and strategy",
            );
        }
        left_out.push("the mappings name no accounts: here that means all".into());
        let hints = Hints { dry_run: Some(dry_run), ..Hints::default() };
        let description = "from a plan of the Python engine".to_owned();
        let made = Self { description, mappings, hints, ..Self::default() };
        Ok(Carried { made, left_out })
    }

    /// The plan as the Python engine writes it.
    pub fn to_python(&self) -> Carried<Value> {
        let mut left_out = Vec::new();
        let mappings: Vec<Value> =
            self.mappings.iter().map(|mapping| to_mapping(mapping, &mut left_out)).collect();
        let (ids, filter) = match &self.selection {
            Selection::All => {
                left_out
                    .push("the Python engine needs resource_ids, and this plan has none".into());
                (Value::Null, Value::Null)
            }
            Selection::Ids(ids) => {
                (json!(ids.iter().map(|id| id.0).collect::<Vec<_>>()), Value::Null)
            }
            Selection::Filter(filter) => {
                left_out.push(
                    "the Python engine runs a filter under no strategy but standard; give it ids"
                        .into(),
                );
                (Value::Null, equalities(filter, &mut left_out))
            }
        };
        let Hints { smart_migration, batch_size, max_workers, dry_run } = self.hints;
        if self.cleanup_only {
            left_out
                .push("the Python engine's bulk strategies ignore cleanup_only and migrate".into());
        }
        let plan = json!({
            "mappings": mappings,
            "resource_filter": filter,
            "resource_ids": ids,
            "cleanup_only": self.cleanup_only,
            "smart_migration": smart_migration,
            "batch_size": batch_size.map_or(100, NonZeroU32::get),
            "max_workers": max_workers.map_or(5, NonZeroU32::get),
            // That engine has no guard but this flag.
            "dry_run": dry_run.unwrap_or(true),
        });
        let metadata = json!({ "plan_summary": self.description });
        Carried { made: json!({ "metadata": metadata, "plan": plan }), left_out }
    }
}

/// A filter as that engine has it: values by field, each of which is to be equal. Null where a criterion has no
/// counterpart, since the others alone would select more accounts.
fn equalities(filter: &[Criterion], left_out: &mut Vec<String>) -> Value {
    let mut fields = Map::new();
    for criterion in filter {
        let Criterion { field, operator, value, value_list } = criterion;
        let value = match (operator, value, value_list) {
            (Operator::Equal, Some(value), None) if !fields.contains_key(field) => value,
            _ => {
                left_out.push(format!(
                    "the filter is left out: `{field} {}` is no comparison of that engine; give it the ids that \
                     `neonbench plan ids` lists",
                    operator.name()
                ));
                return Value::Null;
            }
        };
        fields.insert(field.clone(), json!(value));
    }
    Value::Object(fields)
}

fn is_nothing(value: &Value) -> bool {
    match value {
        Value::Null => true,
        Value::Array(items) => items.is_empty(),
        Value::Object(members) => members.is_empty(),
        _ => false,
    }
}

fn plan_of(plan: Map<String, Value>, left_out: &mut Vec<String>) -> Result<Plan, PythonError> {
    let mut members = Members { of: "plan".to_owned(), left: plan, left_out };
    let Some(Value::Array(listed)) = members.take("mappings") else {
        return wrong("plan.mappings is missing or no list");
    };
    let selection = selection(&mut members)?;
    let made = Plan {
        description: "from a plan of the Python engine".to_owned(),
        selection,
        cleanup_only: members.flag("cleanup_only", false)?,
        hints: Hints {
            smart_migration: members.flag("smart_migration", false)?,
            batch_size: members.figure("batch_size"),
            max_workers: members.figure("max_workers"),
            // As in that engine, a plan is a dry run by default.
            dry_run: Some(members.flag("dry_run", true)?),
        },
        mappings: Vec::new(),
    };
    drop(members);
    let mut mappings = Vec::with_capacity(listed.len());
    for (index, mapping) in listed.into_iter().enumerate() {
        mappings.push(mapping_of(index, mapping, left_out)?);
    }
    Ok(Plan { mappings, ..made })
}

fn selection(members: &mut Members<'_>) -> Result<Selection, PythonError> {
    let ids = members.take("resource_ids").filter(|ids| !is_nothing(ids));
    let filter = members.take("resource_filter").filter(|filter| !is_nothing(filter));
    if let Some(ids) = ids {
        if filter.is_some() {
            members.left_out.push("plan.resource_filter is ignored where there are ids".into());
        }
        let Value::Array(ids) = ids else { return wrong("plan.resource_ids is no list") };
        let id = |id: &Value| match id {
            Value::Number(number) => number.as_u64(),
            Value::String(text) => text.trim().parse().ok(),
            _ => None,
        };
        let read = ids.iter().map(|given| {
            let read = id(given).map(AccountId);
            read.ok_or_else(|| PythonError(format!("plan.resource_ids: {given} is no account id")))
        });
        return Ok(Selection::Ids(read.collect::<Result<_, _>>()?));
    }
    if let Some(filter) = filter {
        return Ok(Selection::Filter(criteria(filter)?));
    }
    members.left_out.push(
        "the plan names no accounts; the Python engine guesses at values, here it means all".into(),
    );
    Ok(Selection::All)
}

/// The criteria of a filter: that engine's values by field, or our own list.
fn criteria(filter: Value) -> Result<Vec<Criterion>, PythonError> {
    let unfit = |reason: String| {
        wrong(format!(
            "plan.resource_filter cannot be carried over ({reason}), and without it the plan would be for all \
             accounts; expected {{field: value}}, or a list of {{field, operator, value}}"
        ))
    };
    let Value::Object(fields) = filter else {
        return serde_json::from_value(filter).or_else(|error| unfit(error.to_string()));
    };
    let text = |value: &Value| match value {
        Value::String(text) => Some(text.clone()),
        Value::Number(number) => Some(number.to_string()),
        Value::Bool(flag) => Some(flag.to_string()),
        _ => None,
    };
    let mut criteria = Vec::with_capacity(fields.len());
    for (field, value) in fields {
        let Some(value) = text(&value) else {
            return unfit(format!("`{field}` is {value}, and not one value"));
        };
        let (operator, value) = (Operator::Equal, Some(value));
        criteria.push(Criterion { field, operator, value, value_list: None });
    }
    Ok(criteria)
}

/// A row of a CSV file as the object that the other formats have.
fn csv_row(columns: &[String], fields: Vec<String>, line: usize) -> Result<Value, PythonError> {
    let mut mapping = Map::new();
    for (column, field) in columns.iter().zip(fields) {
        let value = match (column.as_str(), field.to_lowercase().as_str()) {
            ("has_transform_function", "true") => {
                mapping.insert("transform_function".to_owned(), json!({ "has_function": true }));
                continue;
            }
            (_, "") | ("has_transform_function" | "notes", _) => continue,
            ("preserve_source" | "validation_required", flag @ ("true" | "false")) => {
                json!(flag == "true")
            }
            _ => json!(field),
        };
        mapping.insert(column.clone(), value);
    }
    if mapping.contains_key("source_field") {
        return Ok(Value::Object(mapping));
    }
    wrong(format!("line {line}: a mapping needs a source_field"))
}

fn mapping_of(
    index: usize,
    mapping: Value,
    left_out: &mut Vec<String>,
) -> Result<Mapping, PythonError> {
    let of = format!("plan.mappings[{index}]");
    let Value::Object(left) = mapping else { return wrong(format!("{of} is no object")) };
    let mut members = Members { of: of.clone(), left, left_out };
    let strategy = members.text("strategy")?;
    // That engine's own template writes capitals, which its importer then refuses.
    let operation = serde_json::from_value(Value::String(strategy.to_lowercase()));
    let Ok(operation) = operation else {
        return wrong(format!(
            "{of}.strategy = `{strategy}`; expected replace, merge, add_option, copy_if_empty or \
             transform"
        ));
    };
    let source = members.text("source_field")?;
    let target = members.text("target_field")?;
    if target == TODO_TARGET {
        members.left_out.push(format!(
            "{of}: `{TODO_TARGET}` is no target; say into which field `{source}` goes before you run the plan"
        ));
    }
    let mut made = Mapping::new(source, target, operation);
    made.validation_required = members.flag("validation_required", true)?;
    made.preserve_source = members.flag("preserve_source", true)?;
    match members.take("transform_function") {
        None => {
            if operation == Operation::Transform {
                members.left_out.push(format!("{of} has no transform: add one, or it is refused"));
            }
        }
        Some(function) if function["has_function"] == Value::Bool(false) => {}
        Some(function) => {
            let name = function["function_name"].as_str().unwrap_or("unnamed");
            members.left_out.push(format!(
                "{of}: its transform function `{name}` is code and not in the file; without a \
                 `transform` in its place the raw value is written"
            ));
        }
    }
    Ok(made)
}

/// The builders' form: `{source: "TODO" | {field, option}}`.
fn builders(top: Map<String, Value>, left_out: &mut Vec<String>) -> Result<Plan, PythonError> {
    let mut made = Plan {
        description: "from mappings of the Python engine".to_owned(),
        hints: Hints { dry_run: Some(true), ..Hints::default() },
        ..Plan::default()
    };
    for (source, target) in top {
        let Value::Object(left) = target else {
            if target == "TODO" {
                left_out.push(format!("`{source}` is still to do, and left out"));
                continue;
            }
            return wrong(format!(
                "`{source}` maps to {target}: expected \"TODO\" or {{field, option}}; or else a \
                 file with `plan`"
            ));
        };
        let mut members = Members { of: format!("`{source}`"), left, left_out };
        let target = members.text("field")?;
        // With an option, that option is added wherever the source is filled.
        made.mappings.push(match members.take("option") {
            None => Mapping::new(source.clone(), target, Operation::CopyIfEmpty),
            Some(Value::String(option)) => Mapping {
                transform: vec![Transform::Constant(option.into())],
                ..Mapping::new(source.clone(), target, Operation::AddOption)
            },
            Some(other) => return wrong(format!("`{source}`.option is {other}: expected a text")),
        });
    }
    left_out.push("the mappings name no accounts: here that means all".into());
    Ok(made)
}

fn to_mapping(mapping: &Mapping, left_out: &mut Vec<String>) -> Value {
    let Mapping { source, target, operation, transform, .. } = mapping;
    let function = (!transform.is_empty()).then(|| {
        left_out.push(format!(
            "`{source}` → `{target}`: the Python engine restores no transform and writes the raw value"
        ));
        json!({ "has_function": true, "function_name": null, "note": steps(mapping) })
    });
    if mapping.source_type.is_some() || mapping.target_type.is_some() {
        left_out.push(format!("`{source}` → `{target}`: its types have no counterpart"));
    }
    json!({
        "source_field": source,
        "target_field": target,
        "strategy": operation,
        "transform_function": function,
        "validation_required": mapping.validation_required,
        "preserve_source": mapping.preserve_source,
    })
}

/// The steps of a transform, for people to read.
fn steps(mapping: &Mapping) -> String {
    let plan = Plan { mappings: vec![mapping.clone()], ..Plan::default() };
    let wire = WirePlan::from(&plan);
    json!(wire.mappings[0].transform).to_string()
}

#[cfg(test)]
mod tests;
