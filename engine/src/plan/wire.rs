//! A plan as its file has it, in TOML or JSON.

use super::{
    Hints, LetterCase, Mapping, Operation, Otherwise, Plan, Selection, Transform, list_ids,
};
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
pub struct WirePlan {
    /// Version of the form: 1.
    pub schema: u32,
    /// Description, one sentence.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub description: String,
    /// Accounts, as ids, ranges and files: `1-200,250,@ids.txt`. They win over a filter.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub resource_ids: Option<String>,
    /// Criteria that select accounts; an account has to meet all of them.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub filter: Vec<WireCriterion>,
    /// Migrates nothing: of the mappings, those with `preserve_source = false` clear their source where the target
    /// has its value.
    #[serde(default, skip_serializing_if = "is_no")]
    #[schemars(extend("default" = false))]
    pub cleanup_only: bool,
    /// Accepted for plans of the Python engine, without effect: a value that is in place is never
    /// written again.
    #[serde(default, skip_serializing_if = "is_no")]
    #[schemars(extend("default" = false))]
    pub smart_migration: bool,
    /// Accounts read into memory before they are written; a flag wins over it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub batch_size: Option<NonZeroU32>,
    /// Concurrent workers; a flag wins over it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max_workers: Option<NonZeroU32>,
    /// Reads and decides, and never writes, whatever the flags leave out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(extend("default" = false))]
    pub dry_run: Option<bool>,
    /// Mappings, in the order in which they apply.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub mappings: Vec<WireMapping>,
}

/// One mapping: from a source field to a target field.
#[derive(Clone, Debug, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct WireMapping {
    /// Name of the field that is read, or its id, which tells fields of one name apart.
    pub source: String,
    /// Name of the field that is written, or its id.
    pub target: String,
    /// Operation on the target.
    pub operation: Operation,
    /// Steps that change the value on its way; each works on the result of the one before.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub transform: Vec<WireStep>,
    /// True: an account fails if the target cannot hold its value. False: that value is left out.
    #[serde(default = "yes", skip_serializing_if = "is_yes")]
    #[schemars(extend("default" = true))]
    pub validation_required: bool,
    /// False: the source is cleared once its value is in the target.
    #[serde(default = "yes", skip_serializing_if = "is_yes")]
    #[schemars(extend("default" = true))]
    pub preserve_source: bool,
    /// Type of the source in a synthetic organisation.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Option<String>", extend("enum" = kinds()))]
    pub source_type: Option<FieldKind>,
    /// Type of the target in a synthetic organisation.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Option<String>", extend("enum" = kinds()))]
    pub target_type: Option<FieldKind>,
    /// Options of the target in a synthetic organisation.
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

/// One criterion of a filter: a field, a comparison, and a value.
#[derive(Clone, Debug, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct WireCriterion {
    /// Name of a field, or the id of a custom field.
    pub field: String,
    /// Comparison with the value.
    #[schemars(with = "String", extend("enum" = Operator::ALL.map(Operator::name)))]
    pub operator: Operator,
    /// Value to compare with; `BLANK` and `NOT_BLANK` take none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub value: Option<String>,
    /// Values, for an operator that takes several.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub values: Option<Vec<String>>,
}

/// One step of a transform: its name, and the members that this step takes.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct WireStep {
    /// Name of the step; it takes the members that its line names, and no others.
    pub step: StepName,
    /// Text that `constant` gives.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Option<String>")]
    pub value: Option<CompactString>,
    /// Table of `map`: replacement by text.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Option<BTreeMap<String, String>>")]
    pub values: Option<BTreeMap<CompactString, CompactString>>,
    /// Replacement by `map` of a text without an entry; it excludes `otherwise`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Option<String>")]
    pub default: Option<CompactString>,
    /// The treatment of a text without an entry by `map`. Without `default` and `otherwise` it skips such a text,
    /// and `plan check` warns.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub otherwise: Option<Otherwise>,
    /// Letter case that `case` gives.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub to: Option<LetterCase>,
    /// Text between the parts that `split` makes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub separator: Option<String>,
    /// Regular expression that `regex_replace` looks for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pattern: Option<String>,
    /// Replacement by `regex_replace`; `$1` or `${1}` inserts a group.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub with: Option<String>,
    /// Text of `template`, with `{value}` where the value goes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub template: Option<String>,
}

/// The steps that a file can name.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema,
)]
#[serde(rename_all = "snake_case")]
pub enum StepName {
    /// Any value becomes `value`.
    Constant,
    /// Each text is looked up in `values`; a text without an entry becomes `default`, or goes by `otherwise`.
    Map,
    /// White space around each text goes.
    #[default]
    Trim,
    /// Each text changes its case to `to`.
    Case,
    /// Each text becomes its parts between `separator`.
    Split,
    /// Each match of `pattern` becomes `with`.
    RegexReplace,
    /// Each text is inserted into `template`.
    Template,
}

impl StepName {
    /// The members that the step takes, in words.
    const fn figures(self) -> &'static str {
        match self {
            Self::Constant => "`value`",
            Self::Map => "`values`, and `default` or `otherwise` for other texts,",
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
    let WireStep {
        step,
        value,
        values,
        default,
        otherwise,
        to,
        separator,
        pattern,
        with,
        template,
    } = wire;
    let wrong = || format!("step {step:?} takes {} and no other figures", step.figures());
    let made =
        match step {
            StepName::Constant => Transform::Constant(value.ok_or_else(wrong)?),
            StepName::Map => {
                if default.is_some() && otherwise.is_some() {
                    return Err("a map takes `default` or `otherwise`, not both".to_owned());
                }
                Transform::Map { values: values.ok_or_else(wrong)?, default, otherwise }
            }
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
            Transform::Map { values, default, otherwise } => Self {
                values: Some(values.clone()),
                default: default.clone(),
                otherwise: *otherwise,
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
