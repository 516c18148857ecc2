//! The fields that a run wrote, compared with what stands there now: the one rule by which the audit,
//! verify and undo tell a run's own values from those of others.

use super::{FieldChange, LedgerEntry};
use neon_mock::api::{FieldId, Value};

/// The writes of a run to one field, from its ledger.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RecordedWrite {
    /// The field.
    pub field: FieldId,
    /// True if the field holds options, false if text.
    pub has_options: bool,
    /// Values that the run left or may have left, in the order of its writes.
    pub left: Vec<Option<Value>>,
    /// The value before the run.
    pub before: Option<Value>,
    /// False if the run may not have written the field at all.
    pub is_certain: bool,
}

/// Whose value a field holds that a run wrote.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Standing {
    /// The run's.
    Ours,
    /// The one from before the run: the write was not kept, or somebody restored the old value since. The
    /// values alone do not tell which.
    Before,
    /// Another: somebody else wrote it since.
    Theirs,
}

impl RecordedWrite {
    /// Whose value the field holds, if it holds `now`.
    pub fn standing(&self, now: &Option<Value>) -> Standing {
        if self.left.contains(now) {
            Standing::Ours
        } else if *now == self.before {
            Standing::Before
        } else {
            Standing::Theirs
        }
    }
}

impl LedgerEntry {
    /// The writes of `field`, if the run wrote it or may have written it.
    pub fn recorded_write(&self, field: FieldId) -> Option<RecordedWrite> {
        self.recorded_writes().into_iter().find(|write| write.field == field)
    }

    /// The fields that the run wrote, or may have written, on the account.
    pub fn recorded_writes(&self) -> Vec<RecordedWrite> {
        let recorded = |change: &FieldChange, is_certain| RecordedWrite {
            field: change.field,
            has_options: change.has_options,
            left: vec![change.after.clone()],
            before: change.before.clone(),
            is_certain,
        };
        let mut recorded_writes: Vec<RecordedWrite> =
            self.changes.iter().map(|change| recorded(change, true)).collect();
        for change in self.open.iter().flat_map(|intent| &intent.changes) {
            match recorded_writes.iter_mut().find(|known| known.field == change.field) {
                // Another client wrote this field meanwhile; undo must restore their value.
                Some(known) if known.left.last() != Some(&change.before) => {
                    *known = recorded(change, false);
                }
                Some(known) => known.left.push(change.after.clone()),
                None => recorded_writes.push(recorded(change, false)),
            }
        }
        recorded_writes
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::journal::{Intent, Ledger, Note};
    use neon_mock::api::{AccountId, AccountKind};

    const ID: AccountId = AccountId(7);

    fn text(text: &str) -> Value {
        Value::Text(text.into())
    }

    fn intended(field: u32, before: Option<Value>, after: Value) -> Note {
        let field = FieldId(field);
        Note::Intended(Intent {
            id: ID,
            kind: AccountKind::Individual,
            mappings_done: 1,
            changes: vec![FieldChange { field, has_options: false, before, after: Some(after) }],
            identity: None,
            problem: None,
        })
    }

    fn writes(notes: impl IntoIterator<Item = Note>) -> Vec<RecordedWrite> {
        Ledger::new(notes).get(ID).unwrap().recorded_writes()
    }

    #[test]
    fn a_write_of_which_nothing_is_known_may_have_left_either() {
        let of_one = writes([
            intended(1, Some(text("a")), text("b")),
            Note::Written { id: ID },
            intended(1, Some(text("b")), text("c")),
        ]);
        assert_eq!(of_one.len(), 1);
        assert_eq!(
            (&of_one[0].left, &of_one[0].before),
            (&["b", "c"].map(|it| Some(text(it))).to_vec(), &Some(text("a")))
        );
        assert!(of_one[0].is_certain);
        let standing = |now: &str| of_one[0].standing(&Some(text(now)));
        assert_eq!(
            ["a", "b", "c", "d"].map(standing),
            [Standing::Before, Standing::Ours, Standing::Ours, Standing::Theirs]
        );

        let open = writes([intended(2, None, text("x"))]);
        assert_eq!((&open[0].left, &open[0].before), (&vec![Some(text("x"))], &None));
        assert!(!open[0].is_certain);
        assert_eq!(open[0].standing(&None), Standing::Before);

        let foreign = writes([
            intended(1, Some(text("a")), text("b")),
            Note::Written { id: ID },
            intended(1, Some(text("theirs")), text("c")),
        ]);
        let expected = (&vec![Some(text("c"))], &Some(text("theirs")));
        assert_eq!((&foreign[0].left, &foreign[0].before), expected);

        assert_eq!(writes([intended(2, None, text("x")), Note::NotWritten { id: ID }]), []);
    }
}
