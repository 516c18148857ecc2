//! Plan files: TOML or JSON as people write it, and the plan that it means.

use super::wire::{WireCriterion, WireMapping, WirePlan, step};
use super::{Hints, Mapping, Plan, Selection, Texts, parse_ids_beside};
use neon_mock::api::Criterion;
use neon_mock::bounds::{BATCH, Bounds, MAPPINGS, STEPS, VALUES, WORKERS};
use neon_mock::file::{FileError, Member, MemberPlaces};
use std::cell::OnceCell;
use std::fmt;
use std::num::NonZeroU32;
use std::path::Path;

/// Format of a plan file, by the extension of its name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum PlanFormat {
    Toml,
    Json,
}

/// A file that is being read: what it takes to name a place in it.
struct PlanText<'a> {
    origin: &'a str,
    text: &'a str,
    form: PlanFormat,
    places: OnceCell<MemberPlaces<'a>>,
}

impl<'a> PlanText<'a> {
    const fn new(origin: &'a str, text: &'a str, form: PlanFormat) -> Self {
        Self { origin, text, form, places: OnceCell::new() }
    }

    fn parse(&self) -> Result<WirePlan, FileError> {
        let Self { origin, text, form, .. } = *self;
        if form == PlanFormat::Toml {
            return toml::from_str(text).map_err(|error| FileError::toml(origin, text, &error));
        }
        let mut json = serde_json::Deserializer::from_str(text);
        let plan = serde_path_to_error::deserialize(&mut json).map_err(|error| {
            let member = match error.path().to_string().as_str() {
                "." => String::new(),
                path => format!("{path}: "),
            };
            FileError::json(origin, error.inner(), member + &without_place(error.inner()))
        })?;
        json.end()
            .map_err(|error| FileError::json(origin, &error, without_place(&error)))
            .map(|()| plan)
    }

    fn wrong(&self, member: &Member, reason: impl fmt::Display) -> FileError {
        FileError::placed(self.place(member), reason)
    }

    fn within<T: Copy + PartialOrd + fmt::Debug>(
        &self,
        bounds: &Bounds<T>,
        value: T,
        member: impl Fn() -> Member,
    ) -> Result<(), FileError> {
        let checked = bounds.check(value).map(|_| ());
        checked.map_err(|error| self.wrong(&member(), format_args!("{} {error}", member())))
    }

    /// The place of `member`; the text is parsed for it once.
    fn place(&self, member: &Member) -> String {
        let places = self.places.get_or_init(|| match self.form {
            PlanFormat::Toml => MemberPlaces::toml(self.text),
            PlanFormat::Json => MemberPlaces::json(self.text),
        });
        places.of(self.origin, member)
    }
}

/// The message, without the line and column at its end.
fn without_place(error: &serde_json::Error) -> String {
    let text = error.to_string();
    text.rsplit_once(" at line ").map_or(text.clone(), |(reason, _)| reason.to_owned())
}

impl Plan {
    /// Reads a plan file's `text`: JSON if its name ends in `.json`, else TOML.
    ///
    /// `origin` is the file's name: errors give it, and files of ids lie beside it.
    ///
    /// Errors: [`FileError`] with file, line and field.
    pub fn from_text(origin: &str, text: &str) -> Result<Self, FileError> {
        let is_json = Path::new(origin).extension().is_some_and(|it| it == "json");
        if is_json { Self::from_json(origin, text) } else { Self::from_toml(origin, text) }
    }

    /// Reads a plan in TOML; `origin` names it in errors.
    ///
    /// Errors: [`FileError`] with file, line and field.
    pub fn from_toml(origin: &str, text: &str) -> Result<Self, FileError> {
        plan(&PlanText::new(origin, text, PlanFormat::Toml))
    }

    /// Reads a plan in JSON, with the members of the TOML; `origin` names it in errors.
    ///
    /// Errors: [`FileError`] with file, line and field.
    pub fn from_json(origin: &str, text: &str) -> Result<Self, FileError> {
        plan(&PlanText::new(origin, text, PlanFormat::Json))
    }

    /// The plan as a TOML file.
    pub fn to_toml(&self) -> String {
        toml::to_string_pretty(&WirePlan::from(self)).expect("a plan is TOML")
    }

    /// The plan as a JSON file.
    pub fn to_json(&self) -> String {
        serde_json::to_string_pretty(&WirePlan::from(self)).expect("a plan is JSON") + "\n"
    }
}

fn plan(source: &PlanText<'_>) -> Result<Plan, FileError> {
    let wire = source.parse()?;
    if wire.schema != 1 {
        let reason = format!("schema = {}: this version reads schema 1", wire.schema);
        return Err(source.wrong(&Member::top("schema"), reason));
    }
    if wire.mappings.is_empty() {
        let one = match source.form {
            PlanFormat::Toml => "[[mappings]] table",
            PlanFormat::Json => "object in `mappings`",
        };
        let reason = format!("a plan needs at least one {one}");
        return Err(FileError::invalid(source.origin, reason));
    }
    let top = |name: &str| Member::top(name);
    source.within(&MAPPINGS, wire.mappings.len() as u32, || top("mappings"))?;
    let figure = |figure: Option<NonZeroU32>| figure.map_or(1, NonZeroU32::get);
    source.within(&WORKERS, figure(wire.max_workers), || top("max_workers"))?;
    source.within(&BATCH, figure(wire.batch_size), || top("batch_size"))?;
    let mut mappings = Vec::with_capacity(wire.mappings.len());
    for (index, mapping) in wire.mappings.into_iter().enumerate() {
        mappings.push(self::mapping(mapping, &Member::top("mappings").index(index), source)?);
    }
    Ok(Plan {
        description: wire.description,
        mappings,
        selection: selection(wire.resource_ids, wire.filter, source)?,
        cleanup_only: wire.cleanup_only,
        hints: Hints {
            smart_migration: wire.smart_migration,
            batch_size: wire.batch_size,
            max_workers: wire.max_workers,
            dry_run: wire.dry_run,
        },
    })
}

fn selection(
    ids: Option<String>,
    filter: Vec<WireCriterion>,
    source: &PlanText<'_>,
) -> Result<Selection, FileError> {
    // As in the guide's plans, ids decide where both are given.
    if let Some(ids) = ids {
        let beside = Path::new(source.origin).parent().unwrap_or(Path::new(""));
        let ids = parse_ids_beside(&ids, beside).map_err(|error| {
            let reason = match std::error::Error::source(&error) {
                Some(cause) => format!("{error}: {cause}"),
                None => error.to_string(),
            };
            source.wrong(&Member::top("resource_ids"), reason)
        })?;
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

fn mapping(
    wire: WireMapping,
    member: &Member,
    source: &PlanText<'_>,
) -> Result<Mapping, FileError> {
    source.within(&STEPS, wire.transform.len(), || member.clone().key("transform"))?;
    let mut transform = Vec::with_capacity(wire.transform.len());
    for (index, wire) in wire.transform.into_iter().enumerate() {
        let step = step(wire).map_err(|reason| {
            source.wrong(&member.clone().key("transform").index(index), reason)
        })?;
        transform.push(step);
    }
    // Whatever multiplies a single letter beyond bounds does so with every value.
    let letter: Texts = ["x".into()].into_iter().collect();
    if let Err(error) = transform.iter().try_fold(letter, |texts, step| step.apply(&texts)) {
        let member = member.clone().key("transform");
        return Err(source.wrong(&member, format_args!("{member}: {error} of a single letter")));
    }
    source.within(&VALUES, wire.target_options.len(), || member.clone().key("target_options"))?;
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
        place: source.place(member),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plan::Operation;

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

    const EVERYTHING: &str = r#"
schema = 1
description = "all there is"
cleanup_only = true
smart_migration = true
batch_size = 25
max_workers = 3
dry_run = true

[[filter]]
field = "V-A"
operator = "IN_RANGE"
values = ["1", "2"]

[[mappings]]
source = "V-A"
target = "T"
operation = "add_option"
preserve_source = false
validation_required = false
source_type = "multiline"
target_type = "checkbox"
target_options = ["x", "y"]
transform = [
  { step = "constant", value = "c" },
  { step = "map", values = { "a" = "b" }, default = "d" },
  { step = "trim" },
  { step = "case", to = "title" },
  { step = "split", separator = ";" },
  { step = "regex_replace", pattern = "(a)", with = "$1" },
  { step = "template", template = "<{value}>" },
]
"#;

    #[test]
    fn a_plan_comes_back_from_both_forms_as_it_was() {
        for text in [PLAN, EVERYTHING] {
            let plan = Plan::from_toml("plan.toml", text).unwrap();
            let json = plan.to_json();
            let from_json = Plan::from_text("plan.json", &json).unwrap();
            let from_toml = Plan::from_text("plan.toml", &plan.to_toml()).unwrap();
            assert_eq!(from_json.to_json(), json);
            assert_eq!(from_toml.to_json(), json);
            assert_eq!(from_toml.selection, plan.selection);
            assert_eq!((from_json.hints, &from_json.description), (plan.hints, &plan.description));
        }
        let members = ["batch_size", "description", "values", "template", "target_options"];
        let json = Plan::from_toml("plan.toml", EVERYTHING).unwrap().to_json();
        assert!(members.iter().all(|member| json.contains(member)), "{json}");
    }

    #[test]
    fn mistakes_in_json_are_named_as_well() {
        let json = Plan::from_toml("plan.toml", PLAN).unwrap().to_json();
        let error = |from: &str, to: &str| {
            assert!(json.contains(from), "{json}");
            Plan::from_json("plan.json", &json.replacen(from, to, 1)).unwrap_err().to_string()
        };
        let operation = error("add_option", "add_options");
        for said in ["plan.json, line 8", "mappings[0].operation", "`copy_if_empty`"] {
            assert!(operation.contains(said), "{operation}");
        }
        let ids = error("1-3,9", "1-3,nine");
        assert!(ids.contains("line 3") && ids.contains("`nine`"), "{ids}");
        let kind = error("\"V-Notes\"", "7");
        assert!(kind.contains("line 6") && kind.contains("mappings[0].source"), "{kind}");
        let step = error("\"step\": \"trim\"", "\"step\": \"trim\", \"to\": \"upper\"");
        assert!(step.contains("line 10") && step.contains("nothing else"), "{step}");
        assert!(error("\"schema\": 1", "\"schema\": 2").contains("line 2"));
        let unknown = error("preserve_source", "preserve_sources");
        assert!(unknown.contains("line 21") && unknown.contains("unknown field"), "{unknown}");
    }

    #[test]
    fn files_of_ids_lie_beside_the_plan() {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("ids.txt"), "4\n7-8\n").unwrap();
        let origin = folder.path().join("plan.toml").display().to_string();
        let plan = Plan::from_text(&origin, &PLAN.replace("1-3,9", "1,@ids.txt")).unwrap();
        assert_eq!(
            plan.selection,
            Selection::Ids([1, 4, 7, 8].map(neon_mock::api::AccountId).into())
        );
        let error = Plan::from_toml("plan.toml", &PLAN.replace("1-3,9", "@gone.txt")).unwrap_err();
        assert!(
            error.to_string().contains("line 3: cannot read gone.txt: No such file"),
            "{error}"
        );
    }
}
