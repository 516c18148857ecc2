//! A plan as its file has it, in TOML or JSON.

use super::{Hints, LetterCase, Mapping, Operation, Plan, Selection, Transform, list_ids};
use compact_str::CompactString;
use neon_mock::api::{Criterion, Operator};
use neon_mock::dataset::FieldKind;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::num::NonZeroU32;

/// Names of `FieldKind` in the schema, and null; the type is the mock's.
fn kinds() -> Vec<Option<&'static str>> {
    FieldKind::ALL.iter().map(|kind| Some(kind.name())).chain([None]).collect()
}

/// A plan as its file has it.
#[derive(Clone, Debug, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(deny_unknown_fields)]
#[allow(missing_docs, reason = "the members of `Plan`, and examples/plan.toml explains them")]
pub struct WirePlan {
    pub schema: u32,
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub description: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub resource_ids: Option<String>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub filter: Vec<WireCriterion>,
    #[serde(default, skip_serializing_if = "is_no")]
    pub cleanup_only: bool,
    #[serde(default, skip_serializing_if = "is_no")]
    pub smart_migration: bool,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub batch_size: Option<NonZeroU32>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max_workers: Option<NonZeroU32>,
    #[serde(default, skip_serializing_if = "is_no")]
    pub dry_run: bool,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub mappings: Vec<WireMapping>,
}

/// One mapping of a plan file.
#[derive(Clone, Debug, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(deny_unknown_fields)]
#[allow(missing_docs, reason = "the members of `Mapping`")]
pub struct WireMapping {
    pub source: String,
    pub target: String,
    pub operation: Operation,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub transform: Vec<WireStep>,
    #[serde(default = "yes", skip_serializing_if = "is_yes")]
    pub validation_required: bool,
    #[serde(default = "yes", skip_serializing_if = "is_yes")]
    pub preserve_source: bool,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Option<String>", extend("enum" = kinds()))]
    pub source_type: Option<FieldKind>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Option<String>", extend("enum" = kinds()))]
    pub target_type: Option<FieldKind>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub target_options: Vec<String>,
}

const fn yes() -> bool {
    true
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde hands members over by reference")]
const fn is_yes(it: &bool) -> bool {
    *it
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde hands members over by reference")]
const fn is_no(it: &bool) -> bool {
    !*it
}

/// One criterion of a plan file's filter.
#[derive(Clone, Debug, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(deny_unknown_fields)]
#[allow(missing_docs, reason = "the members of `Criterion`")]
pub struct WireCriterion {
    pub field: String,
    #[schemars(with = "String", extend("enum" = Operator::ALL.map(Operator::name)))]
    pub operator: Operator,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub value: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub values: Option<Vec<String>>,
}

/// One step of a transform: which, and its figures.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(deny_unknown_fields)]
#[allow(missing_docs, reason = "the figures of the step that `step` names")]
pub struct WireStep {
    pub step: StepName,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Option<String>")]
    pub value: Option<CompactString>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Option<BTreeMap<String, String>>")]
    pub values: Option<BTreeMap<CompactString, CompactString>>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Option<String>")]
    pub default: Option<CompactString>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub to: Option<LetterCase>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub separator: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pattern: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub with: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub template: Option<String>,
}

/// The steps that a file can name.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema,
)]
#[serde(rename_all = "snake_case")]
#[allow(missing_docs, reason = "the variants of `Transform`")]
pub enum StepName {
    Constant,
    Map,
    #[default]
    Trim,
    Case,
    Split,
    RegexReplace,
    Template,
}

impl StepName {
    /// The members that the step takes, in words.
    const fn figures(self) -> &'static str {
        match self {
            Self::Constant => "`value`",
            Self::Map => "`values`, and `default` if others are to be kept,",
            Self::Trim => "nothing else",
            Self::Case => "`to`",
            Self::Split => "`separator`",
            Self::RegexReplace => "`pattern` and `with`",
            Self::Template => "`template`",
        }
    }
}

/// The transform that a step means; else what it takes.
pub(super) fn step(wire: WireStep) -> Result<Transform, String> {
    let given = wire.clone();
    let WireStep { step, value, values, default, to, separator, pattern, with, template } = wire;
    let wrong = || format!("step {step:?} takes {} and no other figures", step.figures());
    let made =
        match step {
            StepName::Constant => Transform::Constant(value.ok_or_else(wrong)?),
            StepName::Map => Transform::Map { values: values.ok_or_else(wrong)?, default },
            StepName::Trim => Transform::Trim,
            StepName::Case => Transform::Case(to.ok_or_else(wrong)?),
            StepName::Split => Transform::split(&separator.ok_or_else(wrong)?)
                .map_err(|error| error.to_string())?,
            StepName::RegexReplace => {
                let (pattern, with) = pattern.zip(with).ok_or_else(wrong)?;
                Transform::regex_replace(&pattern, &with).map_err(|error| error.to_string())?
            }
            StepName::Template => Transform::template(&template.ok_or_else(wrong)?)
                .map_err(|error| error.to_string())?,
        };
    // A figure that the step does not take is lost on the way.
    if WireStep::from(&made) == given { Ok(made) } else { Err(wrong()) }
}

impl From<&Plan> for WirePlan {
    fn from(plan: &Plan) -> Self {
        let (resource_ids, filter) = match &plan.selection {
            Selection::All => (None, Vec::new()),
            Selection::Ids(ids) => (Some(list_ids(ids)), Vec::new()),
            Selection::Filter(criteria) => (None, criteria.iter().map(criterion).collect()),
        };
        let Hints { smart_migration, batch_size, max_workers, dry_run } = plan.hints;
        Self {
            schema: 1,
            description: plan.description.clone(),
            resource_ids,
            filter,
            cleanup_only: plan.cleanup_only,
            smart_migration,
            batch_size,
            max_workers,
            dry_run,
            mappings: plan.mappings.iter().map(WireMapping::from).collect(),
        }
    }
}

fn criterion(criterion: &Criterion) -> WireCriterion {
    let Criterion { field, operator, value, value_list } = criterion.clone();
    WireCriterion { field, operator, value, values: value_list }
}

impl From<&Mapping> for WireMapping {
    fn from(mapping: &Mapping) -> Self {
        let Mapping { source, target, operation, transform, place: _, .. } = mapping;
        Self {
            source: source.clone(),
            target: target.clone(),
            operation: *operation,
            transform: transform.iter().map(WireStep::from).collect(),
            validation_required: mapping.validation_required,
            preserve_source: mapping.preserve_source,
            source_type: mapping.source_type,
            target_type: mapping.target_type,
            target_options: mapping.target_options.clone(),
        }
    }
}

impl From<&Transform> for WireStep {
    fn from(transform: &Transform) -> Self {
        let named = |step| Self { step, ..Self::default() };
        match transform {
            Transform::Constant(value) => {
                Self { value: Some(value.clone()), ..named(StepName::Constant) }
            }
            Transform::Map { values, default } => Self {
                values: Some(values.clone()),
                default: default.clone(),
                ..named(StepName::Map)
            },
            Transform::Trim => named(StepName::Trim),
            Transform::Case(to) => Self { to: Some(*to), ..named(StepName::Case) },
            Transform::Split(separator) => {
                Self { separator: Some(separator.to_string()), ..named(StepName::Split) }
            }
            Transform::RegexReplace { pattern, with } => Self {
                pattern: Some(pattern.as_str().to_owned()),
                with: Some(with.clone()),
                ..named(StepName::RegexReplace)
            },
            Transform::Template(template) => {
                Self { template: Some(template.clone()), ..named(StepName::Template) }
            }
        }
    }
}
