//! A plan resolved against an organisation's field definitions.

use super::{Operation, Plan, PlanError, Transform};
use neon_mock::api::{AccountKind, AccountType, CustomField, FieldId, OptionId};
use std::collections::BTreeMap;
use std::sync::Arc;

/// A field that the plan reads or writes.
#[derive(Clone, Debug)]
pub struct Slot {
    /// Its id; reads and writes go by it.
    pub id: FieldId,
    /// Its name, for messages.
    pub name: Arc<str>,
    /// Whether it holds options rather than text.
    pub has_options: bool,
    /// Whether it holds more than one option.
    pub is_multi_valued: bool,
    accounts: AccountType,
    by_name: BTreeMap<Arc<str>, OptionId>,
    by_id: BTreeMap<OptionId, Arc<str>>,
}

impl Slot {
    fn new(field: &CustomField) -> Self {
        let options = || field.option_values.iter();
        Self {
            id: field.id,
            name: Arc::clone(&field.name),
            has_options: field.display_type.has_options(),
            is_multi_valued: field.display_type.is_multi_valued(),
            accounts: field.account_type(),
            by_name: options().map(|option| (Arc::clone(&option.name), option.id)).collect(),
            by_id: options().map(|option| (option.id, Arc::clone(&option.name))).collect(),
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

    /// Whether accounts of `kind` have this field.
    pub fn belongs_to(&self, kind: AccountKind) -> bool {
        self.accounts.includes(kind)
    }
}

/// One mapping with its fields as positions in [`Task::slots`].
#[derive(Clone, Debug)]
pub struct Step {
    /// Position of the source.
    pub source: usize,
    /// Position of the target.
    pub target: usize,
    /// What is done.
    pub operation: Operation,
    /// What is done to the value on the way.
    pub transform: Vec<Transform>,
    /// Whether a value that the target cannot hold fails the account.
    pub validation_required: bool,
    /// Whether the source keeps a value that now stands in the target.
    pub preserve_source: bool,
}

/// What to do with each account: a plan whose fields were found.
#[derive(Clone, Debug)]
pub struct Task {
    /// The fields that occur, each once.
    pub slots: Vec<Slot>,
    /// The mappings, in the order in which they apply.
    pub steps: Vec<Step>,
    /// Only clears sources whose value already stands in the target.
    pub cleanup_only: bool,
}

impl Task {
    /// Finds the fields of `plan` among `fields`.
    ///
    /// A field is found by its name, else by its display name.
    /// Errors: a field that is unknown, ambiguous or of a type that is not migrated, and
    /// operations that its target cannot take.
    pub fn resolve(plan: &Plan, fields: &[CustomField]) -> Result<Self, PlanError> {
        let mut task =
            Self { slots: Vec::new(), steps: Vec::new(), cleanup_only: plan.cleanup_only };
        if plan.mappings.is_empty() {
            return Err(PlanError::NoMappings { place: String::new() });
        }
        for mapping in &plan.mappings {
            let place = match mapping.place.as_str() {
                "" => String::new(),
                place => format!("{place}: "),
            };
            let source = task.slot("source", &mapping.source, &place, fields)?;
            let target = task.slot("target", &mapping.target, &place, fields)?;
            if mapping.operation == Operation::AddOption && !task.slots[target].has_options {
                return Err(PlanError::AddOptionToText { place, name: mapping.target.clone() });
            }
            if mapping.operation == Operation::Transform && mapping.transform.is_empty() {
                return Err(PlanError::MissingTransform { place });
            }
            task.steps.push(Step {
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

    /// Whether a mapping reads what one before it writes.
    pub fn is_chained(&self) -> bool {
        self.steps.iter().enumerate().any(|(index, step)| {
            self.steps[..index].iter().any(|before| before.target == step.source)
        })
    }

    /// What a person should know before carrying it out: sources that are cleared although their
    /// value does not last, or is still needed.
    pub fn warnings(&self) -> Vec<String> {
        let mut warnings = Vec::new();
        for (index, step) in self.steps.iter().enumerate().filter(|(_, s)| !s.preserve_source) {
            let (source, target) = (&self.slots[step.source].name, &self.slots[step.target].name);
            let later = &self.steps[index + 1..];
            let overwrites = |later: &&Step| {
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

    fn slot(
        &mut self,
        role: &'static str,
        name: &str,
        place: &str,
        fields: &[CustomField],
    ) -> Result<usize, PlanError> {
        let field = find(role, name, place, fields)?;
        if !field.display_type.has_options() && !field.display_type.is_text() {
            return Err(PlanError::UnsupportedType {
                place: place.to_owned(),
                role,
                name: name.to_owned(),
                kind: format!("{:?}", field.display_type),
            });
        }
        if let Some(known) = self.slots.iter().position(|slot| slot.id == field.id) {
            return Ok(known);
        }
        self.slots.push(Slot::new(field));
        Ok(self.slots.len() - 1)
    }
}

fn find<'a>(
    role: &'static str,
    name: &str,
    place: &str,
    fields: &'a [CustomField],
) -> Result<&'a CustomField, PlanError> {
    let by_name: Vec<&CustomField> = fields.iter().filter(|field| &*field.name == name).collect();
    let found = if by_name.is_empty() {
        fields.iter().filter(|field| field.display_name.as_deref() == Some(name)).collect()
    } else {
        by_name
    };
    match found.as_slice() {
        [field] => Ok(field),
        [] => Err(PlanError::UnknownField {
            place: place.to_owned(),
            role,
            name: name.to_owned(),
            known: known(fields),
        }),
        several => Err(PlanError::AmbiguousField {
            place: place.to_owned(),
            role,
            name: name.to_owned(),
            ids: several.iter().map(|field| field.id.to_string()).collect::<Vec<_>>().join(", "),
        }),
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
