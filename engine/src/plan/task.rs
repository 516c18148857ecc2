//! A plan resolved against an organisation's field definitions.

use super::{Operation, Plan, PlanError, Transform};
use neon_mock::api::{AccountKind, AccountType, CustomField, FieldId, OptionId, Value};
use smallvec::SmallVec;
use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;
use std::sync::Arc;

/// A field that the plan reads or writes.
#[derive(Clone, Debug)]
pub struct ResolvedField {
    /// Id of the field, for reads and writes.
    pub id: FieldId,
    /// Name of the field, for messages.
    pub name: Arc<str>,
    /// The name of its column in search results; need not be unique.
    pub column: Arc<str>,
    /// True if the field holds options, false if text.
    pub has_options: bool,
    /// True if the field holds several options.
    pub is_multi_valued: bool,
    accounts: AccountType,
    by_name: BTreeMap<Arc<str>, OptionId>,
    by_id: BTreeMap<OptionId, Arc<str>>,
    /// True if an option's name contains the separator of search columns.
    has_bars: bool,
}

/// Separator of option names in search columns.
const BAR: char = '|';

/// A search result does not determine the value of a field.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Inconclusive;

impl ResolvedField {
    fn new(field: &CustomField) -> Self {
        let options = || field.option_values.iter();
        Self {
            id: field.id,
            name: Arc::clone(&field.name),
            column: Arc::clone(field.display_name.as_ref().unwrap_or(&field.name)),
            has_options: field.display_type.has_options(),
            is_multi_valued: field.display_type.is_multi_valued(),
            accounts: field.account_type(),
            by_name: options().map(|option| (Arc::clone(&option.name), option.id)).collect(),
            by_id: options().map(|option| (option.id, Arc::clone(&option.name))).collect(),
            has_bars: options().any(|option| option.name.contains(BAR)),
        }
    }

    /// The option of that name.
    pub fn option(&self, name: &str) -> Option<OptionId> {
        self.by_name.get(name).copied()
    }

    /// The name of that option.
    pub fn option_name(&self, id: OptionId) -> Option<&str> {
        self.by_id.get(&id).map(|name| &**name)
    }

    /// The value of the field whose search column shows `cell`; `None` if it is empty.
    ///
    /// Errors: [`Inconclusive`] if an option's name is unknown or not unique, or if a bar may be
    /// part of a name.
    pub fn shown(&self, cell: &str) -> Result<Option<Value>, Inconclusive> {
        if cell.is_empty() {
            return Ok(None);
        }
        if !self.has_options {
            return Ok(Some(Value::Text(cell.into())));
        }
        if self.has_bars && cell.contains(BAR) {
            return Err(Inconclusive);
        }
        let mut ids: SmallVec<[OptionId; 4]> = SmallVec::new();
        for name in cell.split(BAR) {
            ids.push(self.only_option(name).ok_or(Inconclusive)?);
        }
        Ok(Value::options(ids))
    }

    /// The option of that name, if there is no other.
    fn only_option(&self, name: &str) -> Option<OptionId> {
        let is_only = || self.by_id.values().filter(|other| &***other == name).count() == 1;
        let names_are_unique = self.by_id.len() == self.by_name.len();
        self.option(name).filter(|_| names_are_unique || is_only())
    }

    /// True if accounts of `kind` have this field.
    pub fn belongs_to(&self, kind: AccountKind) -> bool {
        self.accounts.includes(kind)
    }
}

/// One mapping with its fields as positions in [`ResolvedPlan::slots`].
#[derive(Clone, Debug)]
pub struct ResolvedMapping {
    /// Position of the source.
    pub source: usize,
    /// Position of the target.
    pub target: usize,
    /// The operation.
    pub operation: Operation,
    /// The steps that transform the value.
    pub transform: Vec<Transform>,
    /// True to fail an account if the target cannot hold its value.
    pub validation_required: bool,
    /// True to keep the source's value once it is in the target.
    pub preserve_source: bool,
}

/// A plan whose fields were found in an organisation.
#[derive(Clone, Debug)]
pub struct ResolvedPlan {
    /// The fields that occur, each once.
    pub slots: Vec<ResolvedField>,
    /// The mappings, in the order in which they apply.
    pub steps: Vec<ResolvedMapping>,
    /// Migrates nothing: of its mappings, those that do not preserve their source clear it where the target has its
    /// value.
    pub cleanup_only: bool,
}

impl Plan {
    /// True if applying the plan twice equals applying it once, by the names of its fields.
    pub fn is_repeatable(&self) -> bool {
        self.is_repeatable_by(|one, other| one == other)
    }

    /// The same, where `is_one` tells whether two texts of the plan name one field.
    pub fn is_repeatable_by(&self, is_one: impl Fn(&str, &str) -> bool) -> bool {
        let ends = self.mappings.iter().map(|it| (&*it.source, &*it.target));
        are_repeatable(&ends.collect::<Vec<_>>(), is_one)
    }

    /// The texts of the fields that it may write: its targets, and the sources that it clears.
    pub fn written(&self) -> BTreeSet<&str> {
        let ends = self.mappings.iter().map(|it| (&*it.source, &*it.target, it.preserve_source));
        written(ends, self.cleanup_only)
    }
}

/// The fields that mappings with these sources and targets may write, where a flag tells whether a source is preserved.
fn written<F: Ord>(ends: impl Iterator<Item = (F, F, bool)>, cleanup_only: bool) -> BTreeSet<F> {
    let fields = ends.flat_map(|(source, target, preserve_source)| {
        [(!preserve_source).then_some(source), (!cleanup_only).then_some(target)]
    });
    fields.flatten().collect()
}

/// True if mappings with these sources and targets can be applied again, where `is_one` tells whether two are one
/// field.
fn are_repeatable<F: Copy>(ends: &[(F, F)], is_one: impl Fn(F, F) -> bool) -> bool {
    ends.iter().enumerate().all(|(index, &(_, target))| {
        let is_read = ends.iter().any(|&(source, _)| is_one(source, target));
        let is_shared = ends[..index].iter().any(|&(_, other)| is_one(other, target));
        !is_read && !is_shared
    })
}

impl ResolvedPlan {
    /// Finds the fields of `plan` among `fields`.
    ///
    /// A field is found by its name, else by its display name, else by its id.
    /// Errors: a field that is unknown, ambiguous or of a type that is not migrated, and
    /// operations that its target cannot take.
    pub fn resolve(plan: &Plan, fields: &[CustomField]) -> Result<Self, PlanError> {
        let mut task =
            Self { slots: Vec::new(), steps: Vec::new(), cleanup_only: plan.cleanup_only };
        if plan.mappings.is_empty() {
            return Err(PlanError::NoMappings { place: String::new() });
        }
        let (fields, mut known) = (FieldNames::new(fields), BTreeMap::new());
        for mapping in &plan.mappings {
            let place = match mapping.place.as_str() {
                "" => String::new(),
                place => format!("{place}: "),
            };
            let mut slot = |role, name| {
                let field = migrated(role, name, &place, &fields)?;
                Ok(*known.entry(field.id).or_insert_with(|| {
                    task.slots.push(ResolvedField::new(field));
                    task.slots.len() - 1
                }))
            };
            let source = slot("source", &mapping.source)?;
            let target = slot("target", &mapping.target)?;
            if mapping.operation == Operation::AddOption && !task.slots[target].has_options {
                return Err(PlanError::AddOptionToText { place, name: mapping.target.clone() });
            }
            if mapping.operation == Operation::Transform && mapping.transform.is_empty() {
                return Err(PlanError::MissingTransform { place });
            }
            task.steps.push(ResolvedMapping {
                source,
                target,
                operation: mapping.operation,
                transform: mapping.transform.clone(),
                validation_required: mapping.validation_required,
                preserve_source: mapping.preserve_source,
            });
        }
        Ok(task)
    }

    /// The fields alone, without any mapping: for their columns in search results.
    pub fn of_fields<'f>(fields: impl IntoIterator<Item = &'f CustomField>) -> Self {
        let slots = fields.into_iter().map(ResolvedField::new).collect();
        Self { slots, steps: Vec::new(), cleanup_only: false }
    }

    /// True if a mapping reads a field that an earlier one writes.
    pub fn is_chained(&self) -> bool {
        self.steps.iter().enumerate().any(|(index, step)| {
            self.steps[..index].iter().any(|before| before.target == step.source)
        })
    }

    /// True if applying the plan twice equals applying it once: no mapping reads a field that
    /// another writes, and no two write one field.
    pub fn is_repeatable(&self) -> bool {
        let ends: Vec<_> = self.steps.iter().map(|step| (step.source, step.target)).collect();
        are_repeatable(&ends, |one, other| one == other)
    }

    /// Positions of the fields that it may write: its targets, and the sources that it clears.
    pub fn written(&self) -> BTreeSet<usize> {
        let ends = self.steps.iter().map(|step| (step.source, step.target, step.preserve_source));
        written(ends, self.cleanup_only)
    }

    /// The text fields that a map looks up.
    pub fn looked_up(&self) -> impl Iterator<Item = FieldId> {
        let has_map = |step: &&ResolvedMapping| {
            step.transform.iter().any(|it| matches!(it, Transform::Map { .. }))
        };
        let sources = self.steps.iter().filter(has_map).map(|step| &self.slots[step.source]);
        sources.filter(|slot| !slot.has_options).map(|slot| slot.id)
    }

    /// The slots that the result of some steps depends on, each once: their sources, and targets
    /// whose old value matters. With `targets`, also targets that are overwritten in any case.
    pub fn needed(&self, steps: Range<usize>, targets: bool) -> SmallVec<[usize; 8]> {
        let mut slots = SmallVec::new();
        let mut push = |slot| {
            if !slots.contains(&slot) {
                slots.push(slot);
            }
        };
        for step in &self.steps[steps] {
            push(step.source);
            let overwrites = matches!(step.operation, Operation::Replace | Operation::Transform);
            if targets || self.cleanup_only || !overwrites {
                push(step.target);
            }
        }
        slots
    }

    /// Warnings for people: sources that are cleared although their value is lost or needed later.
    pub fn warnings(&self) -> Vec<String> {
        let mut warnings = Vec::new();
        for (index, step) in self.steps.iter().enumerate().filter(|(_, s)| !s.preserve_source) {
            let (source, target) = (&self.slots[step.source].name, &self.slots[step.target].name);
            let later = &self.steps[index + 1..];
            let overwrites = |later: &&ResolvedMapping| {
                let keeps = [Operation::Merge, Operation::AddOption, Operation::CopyIfEmpty];
                later.target == step.target && !keeps.contains(&later.operation)
            };
            if later.iter().any(|later| overwrites(&later)) {
                warnings.push(format!(
                    "`{source}` is cleared once its value stands in `{target}`, which a later \
                     mapping overwrites: the value is lost"
                ));
            }
            if later.iter().any(|later| later.source == step.source) {
                warnings.push(format!(
                    "`{source}` is cleared by a mapping before another that reads it: the later \
                     one finds it blank"
                ));
            }
        }
        warnings
    }
}

/// The field of that name, if it is of a type that is migrated.
fn migrated<'a>(
    role: &'static str,
    name: &str,
    place: &str,
    fields: &FieldNames<'a>,
) -> Result<&'a CustomField, PlanError> {
    let field = fields.find(role, name, place)?;
    if !field.display_type.has_options() && !field.display_type.is_text() {
        return Err(PlanError::UnsupportedType {
            place: place.to_owned(),
            role,
            name: name.to_owned(),
            kind: format!("{:?}", field.display_type),
        });
    }
    Ok(field)
}

/// The fields of an organisation by all that a plan can call them.
pub(super) struct FieldNames<'a> {
    fields: &'a [CustomField],
    by_name: BTreeMap<&'a str, Vec<&'a CustomField>>,
    by_display_name: BTreeMap<&'a str, Vec<&'a CustomField>>,
    by_id: BTreeMap<u32, Vec<&'a CustomField>>,
}

impl<'a> FieldNames<'a> {
    pub(super) fn new(fields: &'a [CustomField]) -> Self {
        let (by_name, by_display_name, by_id) = Default::default();
        let mut names = Self { fields, by_name, by_display_name, by_id };
        for field in fields {
            names.by_name.entry(&*field.name).or_default().push(field);
            if let Some(name) = &field.display_name {
                names.by_display_name.entry(&**name).or_default().push(field);
            }
            names.by_id.entry(field.id.0).or_default().push(field);
        }
        names
    }

    /// All fields.
    pub(super) const fn fields(&self) -> &'a [CustomField] {
        self.fields
    }

    /// The field of that name, else of that display name, else of that id.
    pub(super) fn find(
        &self,
        role: &'static str,
        name: &str,
        place: &str,
    ) -> Result<&'a CustomField, PlanError> {
        let of_id = || self.by_id.get(&name.parse().ok()?);
        let found = self.by_name.get(name).or_else(|| self.by_display_name.get(name));
        match found.or_else(of_id).map(Vec::as_slice) {
            Some([field]) => Ok(field),
            None | Some([]) => Err(PlanError::UnknownField {
                place: place.to_owned(),
                role,
                name: name.to_owned(),
                known: known(self.fields),
            }),
            Some(several) => Err(PlanError::AmbiguousField {
                place: place.to_owned(),
                role,
                name: name.to_owned(),
                ids: several.iter().map(|it| it.id.to_string()).collect::<Vec<_>>().join(", "),
            }),
        }
    }
}

/// The fields that there are, as far as a sentence can hold them.
fn known(fields: &[CustomField]) -> String {
    const SHOWN: usize = 20;
    if fields.is_empty() {
        return "the organisation has no custom fields for accounts".to_owned();
    }
    let names: Vec<String> =
        fields.iter().take(SHOWN).map(|field| format!("`{}`", field.name)).collect();
    let more = match fields.len().saturating_sub(SHOWN) {
        0 => String::new(),
        more => format!(" and {more} more"),
    };
    format!("the organisation has {}{more}", names.join(", "))
}
