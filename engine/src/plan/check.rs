//! Checks a plan against an organisation, before anything is read or written. Pure.

mod values;

use super::task::FieldNames;
use super::{
    Mapping, Operation, Otherwise, Plan, PlanError, ResolvedPlan, Texts, TooLong, Transform,
};
use crate::near::nearest;
use compact_str::CompactString;
use neon_mock::api::{AccountKind, CustomField, FieldId, OptionStatus};
use serde::Serialize;
use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

/// Severity of an issue.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Level {
    /// The plan cannot be carried out, or not as it reads.
    Error,
    /// The plan can be carried out, with an effect that its author may not expect.
    Warning,
}

/// Something that is wrong with a plan.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct PlanIssue {
    /// Severity.
    pub level: Level,
    /// Kind of issue, for scripts.
    pub code: &'static str,
    /// Place of the mapping, such as `plan.toml, line 7`; empty for the plan as a whole.
    pub place: String,
    /// The fault, in words.
    pub message: String,
}

/// Codes of the issues for which a plan changes values again when it is applied again.
const NOT_REPEATABLE: [&str; 3] = ["self_mapping", "duplicate_mapping", "duplicate_target"];

/// Warnings of a `plan` that changes values again when it is applied again, for an organisation with `fields`.
pub fn repetition_warnings(plan: &Plan, fields: &[CustomField]) -> Vec<String> {
    let issues = check(plan, fields, &SampledTexts::new()).into_iter();
    let issues = issues.filter(|issue| NOT_REPEATABLE.contains(&issue.code));
    issues.map(|issue| format!("{issue}: applied again, the plan changes it again")).collect()
}

/// Code of the issue that a map has no entry for a value.
pub const UNMAPPED_VALUE: &str = "unmapped_value";

impl fmt::Display for PlanIssue {
    /// The fault with its place.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &*self.place {
            "" => f.write_str(&self.message),
            place => write!(f, "{place}: {}", self.message),
        }
    }
}

/// A mapping whose fields exist.
struct MappedFields<'a> {
    mapping: &'a Mapping,
    source: &'a CustomField,
    target: &'a CustomField,
}

/// Texts that a sample of accounts holds, by field; text fields alone, since options are known.
pub type SampledTexts = BTreeMap<FieldId, Vec<String>>;

/// All that is wrong with `plan` for an organisation with `fields`: errors first, then warnings,
/// each in the order of the mappings. The texts of a `sample` tell what a map has no entry for.
pub fn check(plan: &Plan, fields: &[CustomField], sample: &SampledTexts) -> Vec<PlanIssue> {
    let mut issues = PlanIssues(Vec::new());
    let mut all = Vec::new();
    let names = FieldNames::new(fields);
    for mapping in &plan.mappings {
        let source = issues.field("source", &mapping.source, mapping, &names);
        let target = issues.field("target", &mapping.target, mapping, &names);
        if let (Some(source), Some(target)) = (source, target) {
            let found = MappedFields { mapping, source, target };
            issues.types(&found);
            issues.account_types(&found);
            issues.options(&found);
            issues.lengths(&found, sample);
            issues.unmapped(&found, sample);
            issues.target_values(&found);
            all.push(found);
        }
    }
    issues.targets(&all);
    issues.circles(&all);
    if let Ok(task) = ResolvedPlan::resolve(plan, fields) {
        for message in task.warnings() {
            issues.push(Level::Warning, "cleared_source", "", message);
        }
    }
    let mut issues = issues.0;
    issues.sort_by_key(|issue| issue.level);
    issues
}

/// The findings so far.
struct PlanIssues(Vec<PlanIssue>);

impl PlanIssues {
    fn push(&mut self, level: Level, code: &'static str, place: &str, message: String) {
        self.0.push(PlanIssue { level, code, place: place.to_owned(), message });
    }

    fn error(&mut self, code: &'static str, of: &Mapping, message: String) {
        self.push(Level::Error, code, &of.place, message);
    }

    fn warning(&mut self, code: &'static str, of: &Mapping, message: String) {
        self.push(Level::Warning, code, &of.place, message);
    }

    /// The field of that name, if it is there and can be migrated.
    fn field<'a>(
        &mut self,
        role: &'static str,
        name: &str,
        mapping: &Mapping,
        fields: &FieldNames<'a>,
    ) -> Option<&'a CustomField> {
        match fields.find(role, name, "") {
            Ok(field) => {
                let kind = field.display_type;
                if field.status == Some(OptionStatus::Inactive) {
                    let message = format!("{role} field `{name}` is inactive");
                    self.warning("inactive_field", mapping, message);
                }
                if kind.has_options() || kind.is_text() {
                    return Some(field);
                }
                let message = format!(
                    "{role} field `{name}` is of type {kind:?}, which holds neither text nor options"
                );
                self.error("unsupported_type", mapping, message);
            }
            Err(PlanError::UnknownField { .. }) => {
                // Comparing all names with all others takes a while, and nobody reads it.
                let is_few = self.0.iter().filter(|it| it.code == "unknown_field").count() < NAMED;
                let near = if is_few { hint(name, fields.fields()) } else { String::new() };
                let message = format!("{role} field `{name}` is unknown{near}");
                self.error("unknown_field", mapping, message);
            }
            Err(error) => self.error("ambiguous_field", mapping, error.to_string()),
        }
        None
    }

    fn types(&mut self, found: &MappedFields<'_>) {
        let MappedFields { mapping, source, target } = *found;
        let (from, to) = (source.display_type, target.display_type);
        let [from_name, to_name] = [&mapping.source, &mapping.target];
        if mapping.operation == Operation::Transform && mapping.transform.is_empty() {
            let message = "operation `transform` needs a `transform`".to_owned();
            self.error("missing_transform", mapping, message);
        }
        if mapping.operation == Operation::AddOption && !to.has_options() {
            let message =
                format!("add_option needs a target with options, and `{to_name}` holds text");
            self.error("type_mismatch", mapping, message);
        }
        if mapping.operation == Operation::AddOption && to.has_options() && !to.is_multi_valued() {
            let message = format!(
                "`{to_name}` holds one option: add_option fails each account that has another there"
            );
            self.warning("multi_value_mismatch", mapping, message);
        }
        // Texts that come from a map or a constant are checked against the options below.
        if from.is_text() && to.has_options() && made(found).is_none() {
            let message = format!(
                "`{from_name}` is text and `{to_name}` has options: each text must name one of \
                 them; a `map` step says which"
            );
            self.warning("type_mismatch", mapping, message);
        }
        if from.is_multi_valued() && to.has_options() && !to.is_multi_valued() {
            let message = format!(
                "`{from_name}` holds several options and `{to_name}` one: accounts with several fail"
            );
            self.warning("multi_value_mismatch", mapping, message);
        }
        if from.is_multi_valued() && to.is_text() {
            let message = format!(
                "`{from_name}` holds several options and `{to_name}` text: they are joined by `|`"
            );
            self.warning("multi_value_mismatch", mapping, message);
        }
    }

    fn account_types(&mut self, found: &MappedFields<'_>) {
        let MappedFields { mapping, source, target } = *found;
        let (from, to) = (source.account_type(), target.account_type());
        let both = |kind| from.includes(kind) && to.includes(kind);
        let either = |kind| from.includes(kind) || to.includes(kind);
        let kinds = [AccountKind::Individual, AccountKind::Company];
        let names = format!(
            "`{}` belongs to {from:?} accounts and `{}` to {to:?}",
            mapping.source, mapping.target
        );
        if !kinds.into_iter().any(both) {
            let message = format!("{names}: no account has both");
            self.error("account_type_mismatch", mapping, message);
        } else if kinds.into_iter().any(|kind| either(kind) && !both(kind)) {
            let message = format!("{names}: accounts without both are skipped");
            self.warning("account_type_mismatch", mapping, message);
        }
    }

    /// Options that the mapping can carry and the target does not have.
    fn options(&mut self, found: &MappedFields<'_>) {
        let MappedFields { mapping, source, target } = *found;
        if !target.display_type.has_options() {
            return;
        }
        let names: BTreeSet<&str> = target.option_values.iter().map(|it| &*it.name).collect();
        let has = |name: &str| names.contains(name);
        let known = || quoted(target.option_values.iter().map(|option| &*option.name));
        if let Some(texts) = made(found) {
            let missing: Vec<&str> = texts.iter().map(|it| &**it).filter(|it| !has(it)).collect();
            if !missing.is_empty() {
                let message = format!(
                    "`{}` has no option {}, which the transform makes; it has {}",
                    mapping.target,
                    quoted(missing.into_iter()),
                    known()
                );
                self.error("unknown_option", mapping, message);
            }
        } else if source.display_type.has_options() {
            let options = source.option_values.iter().map(|option| &*option.name);
            let carried = all_through(&mapping.transform, options);
            let missing = || carried.iter().map(|it| &**it).filter(|it| !has(it));
            if missing().next().is_some() {
                let message = format!(
                    "`{}` has no option {}, which `{}` has; it has {}",
                    mapping.target,
                    quoted(missing()),
                    mapping.source,
                    known()
                );
                let all = carried.iter().all(|it| !has(it));
                let level = if all { Level::Error } else { Level::Warning };
                self.push(level, "unknown_option", &mapping.place, message);
            }
        }
        let stated = mapping.target_options.iter().map(|it| &**it).filter(|it| !has(it));
        if stated.clone().next().is_some() {
            let message = format!(
                "`{}` has no option {}, which target_options lists",
                mapping.target,
                quoted(stated)
            );
            self.warning("unknown_option", mapping, message);
        }
    }

    /// Mappings into their own source, and several into one target.
    fn targets(&mut self, all: &[MappedFields<'_>]) {
        let combines = |it: &MappedFields<'_>| {
            matches!(it.mapping.operation, Operation::Merge | Operation::AddOption)
        };
        for (index, found) in all.iter().enumerate() {
            let MappedFields { mapping, source, target } = found;
            if source.id == target.id {
                let message = format!("`{}` is mapped onto itself", mapping.source);
                self.warning("self_mapping", mapping, message);
            }
            let Some(before) = all[..index].iter().find(|other| other.target.id == target.id)
            else {
                continue;
            };
            if before.source.id == source.id {
                let message =
                    format!("`{}` is mapped into `{}` twice", mapping.source, mapping.target);
                self.warning("duplicate_mapping", mapping, message);
            } else if !(combines(found) && combines(before)) {
                let message = format!(
                    "`{}` is the target of `{}` before: {} and {} do not add up",
                    mapping.target,
                    before.mapping.source,
                    before.mapping.operation,
                    mapping.operation
                );
                self.warning("duplicate_target", mapping, message);
            }
        }
    }

    /// Mappings that lead back to where they began; each circle is named once.
    fn circles(&mut self, all: &[MappedFields<'_>]) {
        let mut left: Vec<&MappedFields<'_>> =
            all.iter().filter(|it| it.source.id != it.target.id).collect();
        // A field without a way in or a way out is on no circle.
        loop {
            let before = left.len();
            let sources: BTreeSet<FieldId> = left.iter().map(|it| it.source.id).collect();
            let targets: BTreeSet<FieldId> = left.iter().map(|it| it.target.id).collect();
            left.retain(|it| sources.contains(&it.target.id) && targets.contains(&it.source.id));
            if left.len() == before {
                break;
            }
        }
        if let Some(first) = left.first() {
            let steps =
                left.iter().map(|it| format!("`{}` → `{}`", it.mapping.source, it.mapping.target));
            let steps: Vec<String> = steps.collect();
            let message = format!("mappings lead in a circle: {}", steps.join(", "));
            self.error("circular_mapping", first.mapping, message);
        }
    }
}

/// The texts that a transform can make of any source: the values of its last map or constant, after
/// the steps that follow; `None` if they depend on the source.
fn made(found: &MappedFields<'_>) -> Option<Vec<CompactString>> {
    let steps = &found.mapping.transform;
    let last = steps
        .iter()
        .rposition(|it| matches!(it, Transform::Map { .. } | Transform::Constant(_)))?;
    let after = &steps[last + 1..];
    let starts: Vec<&str> = match &steps[last] {
        Transform::Constant(value) => vec![value],
        Transform::Map { otherwise: Some(Otherwise::Keep), .. } => return None,
        Transform::Map { values, default, .. } => {
            values.values().chain(default).map(|value| &**value).collect()
        }
        _ => return None,
    };
    let mut made = all_through(after, starts.into_iter());
    made.sort();
    made.dedup();
    Some(made)
}

/// `text` after all `steps`.
///
/// Errors: it would be longer than a field holds; [`PlanIssues::lengths`] says so once.
fn through(steps: &[Transform], text: &str) -> Result<Texts, TooLong> {
    let start: Texts = [text.into()].into_iter().collect();
    steps.iter().try_fold(start, |texts, step| step.apply(&texts))
}

/// All texts that steps make of `texts`.
fn all_through<'a>(
    steps: &[Transform],
    texts: impl Iterator<Item = &'a str>,
) -> Vec<CompactString> {
    texts.flat_map(|text| through(steps, text).unwrap_or_default()).collect()
}

/// Values that one sentence names; the others are counted.
const NAMED: usize = 20;

fn quoted<'a>(mut names: impl Iterator<Item = &'a str>) -> String {
    let first: Vec<String> = names.by_ref().take(NAMED).map(|name| format!("`{name}`")).collect();
    let more = match names.count() {
        0 => String::new(),
        more => format!(" and {more} more"),
    };
    first.join(", ") + &more
}

/// The nearest names, if any are near.
fn hint(name: &str, fields: &[CustomField]) -> String {
    match nearest(name, fields.iter().map(|field| &*field.name)) {
        near if near.is_empty() => String::new(),
        near => format!("; near it are {}", quoted(near.into_iter())),
    }
}

#[cfg(test)]
mod tests;
