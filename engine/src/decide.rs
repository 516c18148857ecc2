//! Semantics of a migration: the write that an account needs, given its fields.
//!
//! Pure, and the only place where operations have a meaning: every strategy calls [`decide`], and
//! the audit calls [`apply`] on the organisation as it was before the run.
//!
//! Invariants: a blank value (empty or white space) is never carried, and counts as empty in a
//! target. A source is cleared only if its whole value is in the target.

use crate::event::UnmappedValue;
use crate::plan::{
    Operation, ResolvedField, ResolvedMapping, ResolvedPlan, Texts, TooLong, Transform,
};
use compact_str::CompactString;
use neon_mock::api::{Account, AccountKind, CustomFieldItem, FieldId, OptionId, Value};
use neon_mock::bounds::TEXT_BYTES;
use smallvec::SmallVec;
use std::sync::Arc;

/// Values of the plan's fields on one account, by position in [`ResolvedPlan::slots`].
pub type SlotValues = Vec<Option<Value>>;

/// Why a mapping could not be applied to an account.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Problem {
    /// The value names no option of the target.
    #[error("field `{field}` has no option `{option}`")]
    UnknownOption {
        /// The target.
        field: String,
        /// The value that was looked for.
        option: String,
    },
    /// The target holds one option, and the value names several.
    #[error("field `{field}` holds one option, not several")]
    SeveralOptions {
        /// The target.
        field: String,
    },
    /// The target holds one option, and already another.
    #[error("field `{field}` holds one option and already has another")]
    Occupied {
        /// The target.
        field: String,
    },
    /// A transform or a merge makes more of the value than a field holds.
    #[error("what field `{field}` would become has more than {} bytes", TEXT_BYTES.most())]
    TooLong {
        /// The target.
        field: String,
    },
    /// A map with `otherwise = "fail"` has no entry for the value.
    #[error("the map of field `{field}` has no entry for `{text}`")]
    Unmapped {
        /// The source.
        field: String,
        /// The value that was looked up.
        text: String,
    },
}

impl Problem {
    /// The fault, without the value, which may be personal.
    pub fn in_words(&self) -> String {
        match self {
            Self::UnknownOption { field, .. } => {
                format!("field `{field}` has no option of the value's name")
            }
            Self::Unmapped { field, .. } => {
                format!("the map of field `{field}` has no entry for the value")
            }
            Self::SeveralOptions { .. } | Self::Occupied { .. } | Self::TooLong { .. } => {
                self.to_string()
            }
        }
    }

    /// The value that it is about.
    pub fn value(&self) -> Option<&str> {
        match self {
            Self::UnknownOption { option: value, .. } | Self::Unmapped { text: value, .. } => {
                Some(value)
            }
            Self::SeveralOptions { .. } | Self::Occupied { .. } | Self::TooLong { .. } => None,
        }
    }
}

/// Result of applying some steps of a plan to one account.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct AccountDecision {
    /// The items to write; empty if nothing changes.
    pub items: Vec<CustomFieldItem>,
    /// Steps that could not be applied; any of them fails the account.
    pub problems: Vec<Problem>,
    /// Texts that a map left out, each once per mapping.
    pub unmapped: Vec<UnmappedValue>,
    /// True if the account has the fields of at least one step.
    pub applicable: bool,
}

/// Applies `steps` of `task` to `account`, which was read whole.
pub fn decide(
    account: &Account,
    task: &ResolvedPlan,
    steps: &[ResolvedMapping],
) -> AccountDecision {
    let items = account.body.account_custom_fields.as_deref().unwrap_or_default();
    let item_of = |slot: &ResolvedField| items.iter().find(|item| item.id == Some(slot.id));
    let held = |slot: &ResolvedField| item_of(slot).and_then(CustomFieldItem::held);
    let mut state = SlotValues::with_capacity(task.slots.len());
    for slot in &task.slots {
        state.push(held(slot));
    }
    let mut decision = AccountDecision::default();
    apply(&mut state, account.kind, task, steps, &mut decision);
    for (slot, after) in task.slots.iter().zip(&state) {
        let after = after.as_ref();
        let stands = item_of(slot).map_or(after.is_none(), |item| item.holds(after));
        if !stands {
            let item = CustomFieldItem::to_write(slot.id, slot.has_options, after);
            decision.items.push(item);
        }
    }
    decision
}

/// Applies `steps` of `task` to an account of `kind` whose fields hold `before`.
pub fn decide_on(
    before: &SlotValues,
    kind: AccountKind,
    task: &ResolvedPlan,
    steps: &[ResolvedMapping],
) -> AccountDecision {
    let mut state = before.clone();
    let mut decision = AccountDecision::default();
    apply(&mut state, kind, task, steps, &mut decision);
    for ((slot, before), after) in task.slots.iter().zip(before).zip(&state) {
        if before != after {
            let item = CustomFieldItem::to_write(slot.id, slot.has_options, after.as_ref());
            decision.items.push(item);
        }
    }
    decision
}

/// The values of the plan's fields among all `values` of an account.
pub fn state_of_values(values: &[(FieldId, Value)], task: &ResolvedPlan) -> SlotValues {
    let held = |slot: &ResolvedField| {
        values.iter().find(|(id, _)| *id == slot.id).map(|(_, value)| value.clone())
    };
    task.slots.iter().map(held).collect()
}

/// Applies `steps` to `state` in order, each on the result of those before it.
///
/// Problems, unmapped texts and applicability are added to `decision`; its items are unchanged.
pub fn apply(
    state: &mut SlotValues,
    kind: AccountKind,
    task: &ResolvedPlan,
    steps: &[ResolvedMapping],
    decision: &mut AccountDecision,
) {
    // One for all steps, filled in place: moving it from hand to hand was a tenth of a run.
    let mut texts = Texts::new();
    for step in steps {
        let (source, target) = (&task.slots[step.source], &task.slots[step.target]);
        if !source.belongs_to(kind) || !target.belongs_to(kind) {
            continue;
        }
        decision.applicable = true;
        let Some(value) = &state[step.source] else { continue };
        let is_whole =
            match carry(value, [source, target], step, &mut texts, &mut decision.unmapped) {
                Ok(is_whole) => is_whole,
                Err(problem) => {
                    if !task.cleanup_only {
                        decision.problems.push(problem);
                    }
                    continue;
                }
            };
        if texts.is_empty() {
            continue;
        }
        let made = match made(step, state[step.target].as_ref(), &mut texts, target) {
            Ok(made) => made,
            // A clean-up carries nothing, so a value that the target cannot hold is not in it.
            Err(problem) => {
                if step.validation_required && !task.cleanup_only {
                    decision.problems.push(problem);
                }
                continue;
            }
        };
        let stands = if task.cleanup_only {
            made.stands && made.value.is_none()
        } else {
            if let Some(value) = made.value {
                state[step.target] = Some(value);
            }
            made.stands
        };
        if stands && is_whole && !step.preserve_source && step.source != step.target {
            state[step.source] = None;
        }
    }
}

/// True if the text is empty or white space.
fn is_blank(text: &str) -> bool {
    // Nearly every text begins with a letter or a digit.
    !text.starts_with(|c: char| c.is_ascii_alphanumeric()) && text.chars().all(char::is_whitespace)
}

/// Fills `texts` with the source's value after the transform; none if nothing is carried. Returns
/// false if a part of the value was dropped, for want of an entry in a map: `unmapped` names it.
///
/// Errors: [`Problem::Unmapped`] if the map fails such an account, [`Problem::TooLong`].
fn carry(
    value: &Value,
    [source, target]: [&ResolvedField; 2],
    step: &ResolvedMapping,
    texts: &mut Texts,
    unmapped: &mut Vec<UnmappedValue>,
) -> Result<bool, Problem> {
    texts.clear();
    let mut is_whole = true;
    match value {
        Value::Text(text) if is_blank(text) => {}
        Value::Text(text) => texts.push(text.clone()),
        Value::Options(ids) => {
            let names = ids.iter().filter_map(|&id| source.option_name(id));
            texts.extend(names.map(CompactString::from));
            is_whole = texts.len() == ids.len();
            texts.retain(|text| !is_blank(text));
        }
    }
    for transform in &step.transform {
        if texts.is_empty() {
            break;
        }
        let before = texts.len();
        let others = texts.iter().filter(|text| transform.leaves_out(text));
        for text in others {
            let left_out = UnmappedValue {
                source: Arc::clone(&source.name),
                target: Arc::clone(&target.name),
                text: text.clone(),
                is_option: source.has_options,
            };
            if !unmapped.contains(&left_out) {
                unmapped.push(left_out);
            }
            if transform.fails_others() {
                let (field, text) = (source.name.to_string(), text.to_string());
                return Err(Problem::Unmapped { field, text });
            }
        }
        *texts = transform
            .apply(texts)
            .map_err(|TooLong| Problem::TooLong { field: target.name.to_string() })?;
        is_whole &= texts.len() >= before || matches!(transform, Transform::Constant(_));
    }
    Ok(is_whole)
}

/// Effect of a mapping on its target.
struct MappingResult {
    /// The target's new value; `None` leaves it as it is.
    value: Option<Value>,
    /// True if the target holds the carried value afterwards.
    stands: bool,
}

impl MappingResult {
    const STANDS_ALREADY: Self = Self { value: None, stands: true };
    const KEPT: Self = Self { value: None, stands: false };

    fn becomes(value: Value, old: Option<&Value>) -> Self {
        if old == Some(&value) {
            Self::STANDS_ALREADY
        } else {
            Self { value: Some(value), stands: true }
        }
    }
}

/// Computes the effect of a mapping on its target; may consume `texts`.
fn made(
    step: &ResolvedMapping,
    old: Option<&Value>,
    texts: &mut Texts,
    target: &ResolvedField,
) -> Result<MappingResult, Problem> {
    if target.has_options {
        let old = match old {
            Some(Value::Options(ids)) => ids.as_slice(),
            _ => &[],
        };
        made_options(step.operation, old, texts, target)
    } else {
        let field = || target.name.to_string();
        made_text(step.operation, old, texts).map_err(|TooLong| Problem::TooLong { field: field() })
    }
}

fn made_text(
    operation: Operation,
    old: Option<&Value>,
    texts: &mut Texts,
) -> Result<MappingResult, TooLong> {
    // Several values share a text as search columns show them.
    let text = match texts.len() {
        1 => texts.swap_remove(0),
        _ => texts.join("|").into(),
    };
    let blank = match old {
        Some(Value::Text(old)) => is_blank(old),
        _ => true,
    };
    Ok(match (operation, old) {
        (Operation::Merge, Some(Value::Text(old))) if !blank => {
            if holds(old, &text) {
                MappingResult::STANDS_ALREADY
            } else if old.len() + text.len() >= TEXT_BYTES.most() {
                return Err(TooLong);
            } else {
                MappingResult {
                    value: Some(Value::Text(format!("{old} {text}").into())),
                    stands: true,
                }
            }
        }
        (Operation::CopyIfEmpty, Some(old)) if !blank => {
            if *old == Value::Text(text) {
                MappingResult::STANDS_ALREADY
            } else {
                MappingResult::KEPT
            }
        }
        _ => MappingResult::becomes(Value::Text(text), old),
    })
}

/// True if `text` contains `part` as whole words, which is how a merge appends it.
fn holds(text: &str, part: &str) -> bool {
    // `match_indices` skips overlaps, so test every position.
    text.char_indices().any(|(start, _)| {
        let before = text[..start].chars().next_back();
        let rest = text[start..].strip_prefix(part);
        before.is_none_or(char::is_whitespace)
            && rest.is_some_and(|rest| rest.chars().next().is_none_or(char::is_whitespace))
    })
}

fn made_options(
    operation: Operation,
    old: &[OptionId],
    texts: &Texts,
    target: &ResolvedField,
) -> Result<MappingResult, Problem> {
    let field = || target.name.to_string();
    let mut wanted: SmallVec<[OptionId; 4]> = SmallVec::new();
    for text in texts {
        let id = target
            .option(text)
            .ok_or_else(|| Problem::UnknownOption { field: field(), option: text.to_string() })?;
        if !wanted.contains(&id) {
            wanted.push(id);
        }
    }
    if wanted.len() > 1 && !target.is_multi_valued {
        return Err(Problem::SeveralOptions { field: field() });
    }
    let all_there = wanted.iter().all(|id| old.contains(id));
    match operation {
        Operation::CopyIfEmpty if !old.is_empty() => {
            let same = all_there && wanted.len() == old.len();
            Ok(if same { MappingResult::STANDS_ALREADY } else { MappingResult::KEPT })
        }
        Operation::Merge | Operation::AddOption if all_there => Ok(MappingResult::STANDS_ALREADY),
        Operation::Merge | Operation::AddOption => {
            if !target.is_multi_valued && !old.is_empty() {
                return Err(Problem::Occupied { field: field() });
            }
            wanted.extend_from_slice(old);
            Ok(MappingResult { value: Value::options(wanted), stands: true })
        }
        Operation::Replace | Operation::Transform | Operation::CopyIfEmpty => {
            if all_there && wanted.len() == old.len() {
                return Ok(MappingResult::STANDS_ALREADY);
            }
            Ok(MappingResult { value: Value::options(wanted), stands: true })
        }
    }
}

#[cfg(test)]
mod tests;
