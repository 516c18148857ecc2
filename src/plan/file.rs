//! Plan files: TOML as people write it, and the plan that it means.

use super::{Case, Mapping, Operation, Plan, Selection, Transform, parse_ids};
use compact_str::CompactString;
use neon_mock::api::{Criterion, Operator};
use neon_mock::dataset::FieldKind;
use neon_mock::file::{FileError, Member};
use serde::Deserialize;
use std::collections::BTreeMap;
use toml::Spanned;

/// A plan as its file has it.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
#[allow(missing_docs, reason = "the members of `Plan`, and examples/plan.toml explains them")]
pub struct WirePlan {
    pub schema: u32,
    #[serde(default)]
    pub description: String,
    #[serde(default)]
    pub resource_ids: Option<Spanned<String>>,
    #[serde(default)]
    pub filter: Vec<WireCriterion>,
    #[serde(default)]
    pub cleanup_only: bool,
    #[serde(default)]
    pub mappings: Vec<Spanned<WireMapping>>,
}

/// One mapping of a plan file.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
#[allow(missing_docs, reason = "the members of `Mapping`")]
pub struct WireMapping {
    pub source: String,
    pub target: String,
    pub operation: Operation,
    #[serde(default)]
    pub transform: Vec<Spanned<WireStep>>,
    #[serde(default = "yes")]
    pub validation_required: bool,
    #[serde(default = "yes")]
    pub preserve_source: bool,
    #[serde(default)]
    pub source_type: Option<FieldKind>,
    #[serde(default)]
    pub target_type: Option<FieldKind>,
    #[serde(default)]
    pub target_options: Vec<String>,
}

const fn yes() -> bool {
    true
}

/// One criterion of a plan file's filter.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
#[allow(missing_docs, reason = "the members of `Criterion`")]
pub struct WireCriterion {
    pub field: String,
    pub operator: Operator,
    #[serde(default)]
    pub value: Option<String>,
    #[serde(default)]
    pub values: Option<Vec<String>>,
}

/// One step of a transform: which, and its figures.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
#[allow(missing_docs, reason = "the figures of the step that `step` names")]
pub struct WireStep {
    pub step: StepName,
    #[serde(default)]
    pub value: Option<CompactString>,
    #[serde(default)]
    pub values: Option<BTreeMap<CompactString, CompactString>>,
    #[serde(default)]
    pub default: Option<CompactString>,
    #[serde(default)]
    pub to: Option<Case>,
    #[serde(default)]
    pub separator: Option<String>,
    #[serde(default)]
    pub pattern: Option<String>,
    #[serde(default)]
    pub with: Option<String>,
    #[serde(default)]
    pub template: Option<String>,
}

/// The steps that a file can name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
#[allow(missing_docs, reason = "the variants of `Transform`")]
pub enum StepName {
    Constant,
    Map,
    Trim,
    Case,
    Split,
    RegexReplace,
    Template,
}

impl StepName {
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

impl Plan {
    /// Reads a plan file's `text`; `origin` names it in errors.
    pub fn from_toml(origin: &str, text: &str) -> Result<Self, FileError> {
        let wire: WirePlan =
            toml::from_str(text).map_err(|error| FileError::toml(origin, text, &error))?;
        let at = |start: usize, reason: String| FileError::at(origin, text, start, reason);
        if wire.schema != 1 {
            let reason = format!("schema = {}: this version reads schema 1", wire.schema);
            return Err(FileError::member(origin, text, &Member::top("schema"), reason));
        }
        if wire.mappings.is_empty() {
            let reason = "a plan needs at least one [[mappings]] table";
            return Err(FileError::invalid(origin, reason));
        }
        let mut mappings = Vec::with_capacity(wire.mappings.len());
        for mapping in wire.mappings {
            let place = FileError::place_of(origin, text, mapping.span().start);
            mappings.push(self::mapping(mapping.into_inner(), place, &at)?);
        }
        Ok(Self {
            mappings,
            selection: selection(wire.resource_ids, wire.filter, &at)?,
            cleanup_only: wire.cleanup_only,
        })
    }
}

/// Makes an error with its place: (offset in the file, reason).
type At<'a> = dyn Fn(usize, String) -> FileError + 'a;

fn selection(
    ids: Option<Spanned<String>>,
    filter: Vec<WireCriterion>,
    at: &At<'_>,
) -> Result<Selection, FileError> {
    // As in the guide's plans, ids decide where both are given.
    if let Some(ids) = ids {
        let start = ids.span().start;
        let ids = parse_ids(ids.get_ref()).map_err(|error| at(start, error.to_string()))?;
        return Ok(Selection::Ids(ids));
    }
    if filter.is_empty() {
        return Ok(Selection::All);
    }
    let criterion = |wire: WireCriterion| Criterion {
        field: wire.field,
        operator: wire.operator,
        value: wire.value,
        value_list: wire.values,
    };
    Ok(Selection::Filter(filter.into_iter().map(criterion).collect()))
}

fn mapping(wire: WireMapping, place: String, at: &At<'_>) -> Result<Mapping, FileError> {
    let mut transform = Vec::with_capacity(wire.transform.len());
    for step in wire.transform {
        let start = step.span().start;
        transform.push(self::step(step.into_inner()).map_err(|reason| at(start, reason))?);
    }
    Ok(Mapping {
        source: wire.source,
        target: wire.target,
        operation: wire.operation,
        transform,
        validation_required: wire.validation_required,
        preserve_source: wire.preserve_source,
        source_type: wire.source_type,
        target_type: wire.target_type,
        target_options: wire.target_options,
        place,
    })
}

fn step(wire: WireStep) -> Result<Transform, String> {
    let WireStep { step, value, values, default, to, separator, pattern, with, template } = wire;
    let wrong = format!("step {step:?} takes {} and no other figures", step.figures());
    // How many figures are there; each step below takes a known number of them.
    let given = [
        value.is_some(),
        values.is_some(),
        default.is_some(),
        to.is_some(),
        separator.is_some(),
        pattern.is_some(),
        with.is_some(),
        template.is_some(),
    ];
    let given = given.into_iter().filter(|&given| given).count();
    let expect = |count: usize| if given == count { Ok(()) } else { Err(wrong.clone()) };
    let made = match step {
        StepName::Constant => {
            expect(1)?;
            Transform::Constant(value.ok_or(wrong)?)
        }
        StepName::Map => {
            expect(1 + usize::from(default.is_some()))?;
            Transform::Map { values: values.ok_or(wrong)?, default }
        }
        StepName::Trim => {
            expect(0)?;
            Transform::Trim
        }
        StepName::Case => {
            expect(1)?;
            Transform::Case(to.ok_or(wrong)?)
        }
        StepName::Split => {
            expect(1)?;
            Transform::split(&separator.ok_or(wrong)?).map_err(|error| error.to_string())?
        }
        StepName::RegexReplace => {
            expect(2)?;
            let (pattern, with) = pattern.zip(with).ok_or(wrong)?;
            Transform::regex_replace(&pattern, &with).map_err(|error| error.to_string())?
        }
        StepName::Template => {
            expect(1)?;
            Transform::template(&template.ok_or(wrong)?).map_err(|error| error.to_string())?
        }
    };
    Ok(made)
}

#[cfg(test)]
mod tests {
    use super::*;

    const PLAN: &str = r#"
schema = 1
resource_ids = "1-3,9"

[[mappings]]
source = "V-Notes"
target = "Skills"
operation = "add_option"
preserve_source = false
transform = [
  { step = "trim" },
  { step = "map", values = { "cook" = "Cooking" }, default = "Other" },
]
"#;

    #[test]
    fn a_plan_file_means_what_it_says() {
        let plan = Plan::from_toml("plan.toml", PLAN).unwrap();
        let mapping = &plan.mappings[0];
        assert_eq!((mapping.operation, mapping.preserve_source), (Operation::AddOption, false));
        assert_eq!(mapping.transform.len(), 2);
        assert_eq!(mapping.place, "plan.toml, line 5");
        assert!(matches!(plan.selection, Selection::Ids(ids) if ids.len() == 4));
    }

    #[test]
    fn mistakes_are_named_with_file_line_and_allowed_values() {
        let error = |from: &str, to: &str| {
            assert!(PLAN.contains(from));
            Plan::from_toml("plan.toml", &PLAN.replace(from, to)).unwrap_err().to_string()
        };
        let operation = error("add_option", "add_options");
        assert!(
            operation.contains("line 8") && operation.contains("`copy_if_empty`"),
            "{operation}"
        );
        let ids = error("1-3,9", "1-3,nine");
        assert!(ids.contains("line 3") && ids.contains("`nine`"), "{ids}");
        let step = error("{ step = \"trim\" }", "{ step = \"trim\", value = \"x\" }");
        assert!(step.contains("line 11") && step.contains("nothing else"), "{step}");
        let field = error("preserve_source", "preserve_sources");
        assert!(field.contains("line 9") && field.contains("unknown field"), "{field}");
        assert!(
            Plan::from_toml("p", "schema = 1").unwrap_err().to_string().contains("[[mappings]]")
        );
    }
}
