//! Plans written out again, in the form that plan files have.

use super::{Case, Mapping, Operation, Plan, Selection, Transform};
use neon_mock::api::{AccountId, Criterion, Operator};
use neon_mock::dataset::FieldKind;
use serde::Serialize;
use std::collections::BTreeMap;

/// `WirePlan`, as it is written.
#[derive(Serialize)]
struct Written<'a> {
    schema: u32,
    cleanup_only: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    resource_ids: Option<String>,
    filter: Vec<WrittenCriterion<'a>>,
    mappings: Vec<WrittenMapping<'a>>,
}

#[derive(Serialize)]
struct WrittenCriterion<'a> {
    field: &'a str,
    operator: Operator,
    #[serde(skip_serializing_if = "Option::is_none")]
    value: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    values: Option<&'a [String]>,
}

#[derive(Serialize)]
struct WrittenMapping<'a> {
    source: &'a str,
    target: &'a str,
    operation: Operation,
    transform: Vec<WrittenStep<'a>>,
    validation_required: bool,
    preserve_source: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    source_type: Option<FieldKind>,
    #[serde(skip_serializing_if = "Option::is_none")]
    target_type: Option<FieldKind>,
    #[serde(skip_serializing_if = "<[String]>::is_empty")]
    target_options: &'a [String],
}

#[derive(Serialize)]
#[serde(tag = "step", rename_all = "snake_case")]
enum WrittenStep<'a> {
    Constant {
        value: &'a str,
    },
    Map {
        values: BTreeMap<&'a str, &'a str>,
        #[serde(skip_serializing_if = "Option::is_none")]
        default: Option<&'a str>,
    },
    Trim,
    Case {
        to: Case,
    },
    Split {
        separator: &'a str,
    },
    RegexReplace {
        pattern: &'a str,
        with: &'a str,
    },
    Template {
        template: &'a str,
    },
}

impl Plan {
    /// The plan as the text of a plan file, which means the same when it is read. Comments and
    /// places of the file that it came from are gone.
    pub fn to_toml(&self) -> String {
        // Every member is named: one that is added and not written would be lost unseen.
        let Self { mappings, selection, cleanup_only } = self;
        let written = Written {
            schema: 1,
            cleanup_only: *cleanup_only,
            resource_ids: match selection {
                Selection::Ids(ids) => Some(id_ranges(ids)),
                Selection::All | Selection::Filter(_) => None,
            },
            filter: match selection {
                Selection::Filter(criteria) => criteria.iter().map(criterion).collect(),
                Selection::All | Selection::Ids(_) => Vec::new(),
            },
            mappings: mappings.iter().map(mapping).collect(),
        };
        toml::to_string(&written).expect("texts, numbers and tables are TOML")
    }
}

fn criterion(criterion: &Criterion) -> WrittenCriterion<'_> {
    WrittenCriterion {
        field: &criterion.field,
        operator: criterion.operator,
        value: criterion.value.as_deref(),
        values: criterion.value_list.as_deref(),
    }
}

fn mapping(mapping: &Mapping) -> WrittenMapping<'_> {
    let Mapping {
        source,
        target,
        operation,
        transform,
        validation_required,
        preserve_source,
        source_type,
        target_type,
        target_options,
        place: _,
    } = mapping;
    WrittenMapping {
        source,
        target,
        operation: *operation,
        transform: transform.iter().map(step).collect(),
        validation_required: *validation_required,
        preserve_source: *preserve_source,
        source_type: *source_type,
        target_type: *target_type,
        target_options,
    }
}

fn step(step: &Transform) -> WrittenStep<'_> {
    match step {
        Transform::Constant(value) => WrittenStep::Constant { value },
        Transform::Map { values, default } => WrittenStep::Map {
            values: values.iter().map(|(from, to)| (from.as_str(), to.as_str())).collect(),
            default: default.as_deref(),
        },
        Transform::Trim => WrittenStep::Trim,
        Transform::Case(to) => WrittenStep::Case { to: *to },
        Transform::Split(separator) => WrittenStep::Split { separator },
        Transform::RegexReplace { pattern, with } => {
            WrittenStep::RegexReplace { pattern: pattern.as_str(), with }
        }
        Transform::Template(template) => WrittenStep::Template { template },
    }
}

/// `ids` as people write them, in their order: `1-500,12001`.
pub fn id_ranges(ids: &[AccountId]) -> String {
    let runs = ids.chunk_by(|a, b| a.0.checked_add(1) == Some(b.0));
    let text = |run: &[AccountId]| match run {
        [id] => id.to_string(),
        run => format!("{}-{}", run[0], run[run.len() - 1]),
    };
    runs.map(text).collect::<Vec<_>>().join(",")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plan::parse_ids;

    const PLAN: &str = r#"
schema = 1
cleanup_only = true

[[filter]]
field = "V-1"
operator = "NOT_BLANK"

[[filter]]
field = "First Name"
operator = "IN_RANGE"
values = ["a", "b \"quoted\" €"]

[[mappings]]
source = "V-1"
target = "T-1"
operation = "transform"
validation_required = false
preserve_source = false
source_type = "text"
target_type = "checkbox"
target_options = ["One", "Two"]
transform = [
  { step = "constant", value = "x\ny" },
  { step = "trim" },
  { step = "case", to = "title" },
  { step = "split", separator = ";" },
  { step = "regex_replace", pattern = '^(\d+)\s', with = '${1}y' },
  { step = "template", template = "<{value}>" },
  { step = "map", values = { "a b" = "A", "" = "B" }, default = "C" },
  { step = "map", values = { x = "y" } },
]

[[mappings]]
source = "V-2"
target = "T-2"
operation = "merge"
"#;

    /// Without places, which name another file.
    fn meaning(plan: &Plan) -> String {
        let mut plan = plan.clone();
        plan.mappings.iter_mut().for_each(|mapping| mapping.place.clear());
        format!("{plan:?}")
    }

    #[test]
    fn a_plan_that_is_written_out_means_the_same_when_it_is_read() {
        let plan = Plan::from_toml("plan.toml", PLAN).unwrap();
        let again = Plan::from_toml("again.toml", &plan.to_toml()).unwrap();
        assert_eq!(meaning(&again), meaning(&plan));
        let mut listed = plan;
        listed.selection = Selection::Ids([7, 1, 2, 3, 9].map(AccountId).to_vec());
        let again = Plan::from_toml("again.toml", &listed.to_toml()).unwrap();
        assert_eq!(meaning(&again), meaning(&listed));
    }

    #[test]
    fn ids_are_written_in_ranges_and_in_their_order() {
        let ids = [1, 2, 3, 9, 5, 6, u64::MAX].map(AccountId);
        assert_eq!(id_ranges(&ids), "1-3,9,5-6,18446744073709551615");
        assert_eq!(parse_ids("1-3,9,5-6").unwrap(), ids[..6]);
        assert_eq!(id_ranges(&[]), "");
    }
}
