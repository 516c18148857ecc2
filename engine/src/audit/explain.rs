//! Explains how an account differs from what the plan demands: which fields, and how badly.

use super::{ExpectedState, Mismatch};
use crate::decide::{SlotValues, state_of_values};
use neon_mock::api::{FieldId, Value};

/// Kinds of mismatch, from harmless to grave.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Amiss {
    /// It should have changed and is as it was.
    Untouched,
    /// It changed, but not as the plan demands.
    Wrong,
    /// A value that should have stayed is gone.
    Lost,
}

/// Part of an account that differs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MismatchSite {
    /// This custom field.
    Field(FieldId),
    /// Name and contact, which no plan changes.
    Identity,
}

/// One field that is not as the plan demands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FieldDifference {
    /// Where.
    pub place: MismatchSite,
    /// Kind of the mismatch.
    pub amiss: Amiss,
    /// Expected value; `None` if the field should be empty, or for name and contact.
    pub expected: Option<Value>,
    /// Value found; `None` if the field is empty, or for name and contact.
    pub found: Option<Value>,
}

impl Mismatch<'_> {
    /// The differences, field by field; name and contact come last.
    pub fn differences(&self) -> Vec<FieldDifference> {
        let expected = self.demand.map(|demand| demand.demanded(self.before));
        let planned = self.demand.map_or(&[][..], |demand| &demand.task.slots[..]);
        let mut places: Vec<FieldId> = planned.iter().map(|slot| slot.id).collect();
        places.extend(self.before.iter().chain(self.now).map(|(id, _)| *id));
        places.sort_unstable();
        places.dedup();
        let mut differences = Vec::new();
        for id in places {
            let (before, found) = (held(self.before, id), held(self.now, id));
            let slot = planned.iter().position(|slot| slot.id == id);
            let expected = match (slot, &expected) {
                (Some(slot), Some(state)) => state[slot].as_ref(),
                _ => before,
            };
            if let Some(amiss) = amiss(before, expected, found) {
                let (expected, found) = (expected.cloned(), found.cloned());
                differences.push(FieldDifference {
                    place: MismatchSite::Field(id),
                    amiss,
                    expected,
                    found,
                });
            }
        }
        self.mark_values_that_left(&mut differences);
        if !self.same_identity {
            let (expected, found) = (None, None);
            let amiss = Amiss::Lost;
            differences.push(FieldDifference {
                place: MismatchSite::Identity,
                amiss,
                expected,
                found,
            });
        }
        differences
    }

    /// A source that was cleared although its target did not get the value has lost it.
    fn mark_values_that_left(&self, differences: &mut [FieldDifference]) {
        let Some(ExpectedState { task, .. }) = self.demand else { return };
        for step in &task.steps {
            let (source, target) = (task.slots[step.source].id, task.slots[step.target].id);
            let was_cleared =
                held(self.before, source).is_some() && held(self.now, source).is_none();
            let of_target =
                |difference: &&mut FieldDifference| difference.place == MismatchSite::Field(target);
            if let Some(difference) = differences.iter_mut().find(of_target)
                && was_cleared
                && source != target
            {
                difference.amiss = Amiss::Lost;
            }
        }
    }
}

impl ExpectedState<'_> {
    /// The state that the plan demands of an account that held `before`.
    fn demanded(&self, before: &[(FieldId, Value)]) -> SlotValues {
        let start = state_of_values(before, self.task);
        if self.dry_run { start } else { self.after(&start, 0..self.task.steps.len()) }
    }
}

fn held(values: &[(FieldId, Value)], id: FieldId) -> Option<&Value> {
    values.iter().find(|(field, _)| *field == id).map(|(_, value)| value)
}

/// The mismatch of one field; `None` if it is as expected.
fn amiss(before: Option<&Value>, expected: Option<&Value>, found: Option<&Value>) -> Option<Amiss> {
    if found == expected {
        return None;
    }
    let lost = match (before, expected) {
        (Some(Value::Text(before)), Some(Value::Text(expected))) => {
            let kept = |text: &Value| matches!(text, Value::Text(text) if text.contains(&**before));
            expected.contains(&**before) && !found.is_some_and(kept)
        }
        (Some(Value::Options(before)), Some(Value::Options(expected))) => {
            let kept = |id| matches!(found, Some(Value::Options(ids)) if ids.contains(id));
            before.iter().any(|id| expected.contains(id) && !kept(id))
        }
        _ => false,
    };
    Some(match lost {
        true => Amiss::Lost,
        false if found == before => Amiss::Untouched,
        false => Amiss::Wrong,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use neon_mock::api::OptionId;

    #[test]
    fn what_was_there_and_should_still_be_is_lost_all_else_is_wrong() {
        let text = |text: &str| Some(Value::Text(text.into()));
        let options = |ids: &[u32]| Value::options(ids.iter().copied().map(OptionId));
        let of = |before: &Option<Value>, expected: &Option<Value>, found: &Option<Value>| {
            amiss(before.as_ref(), expected.as_ref(), found.as_ref())
        };
        // Options: the union is demanded.
        let union = options(&[1, 2, 3]);
        assert_eq!(of(&options(&[1, 2]), &union, &union), None);
        assert_eq!(of(&options(&[1, 2]), &union, &options(&[3])), Some(Amiss::Lost));
        assert_eq!(of(&options(&[1, 2]), &union, &options(&[1, 2, 4])), Some(Amiss::Wrong));
        assert_eq!(of(&options(&[1, 2]), &union, &options(&[1, 2])), Some(Amiss::Untouched));
        assert_eq!(of(&None, &options(&[3]), &None), Some(Amiss::Untouched));
        // Text: a merge keeps what stood there, a replacement does not.
        assert_eq!(of(&text("old"), &text("old new"), &text("new")), Some(Amiss::Lost));
        assert_eq!(of(&text("old"), &text("new"), &text("else")), Some(Amiss::Wrong));
        assert_eq!(of(&text("old"), &text("new"), &text("old")), Some(Amiss::Untouched));
        assert_eq!(of(&text("kept"), &text("kept"), &None), Some(Amiss::Lost));
        assert_eq!(of(&text("moved"), &None, &text("moved")), Some(Amiss::Untouched));
    }
}
