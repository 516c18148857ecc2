//! What a run is about to write, noted before it is sent, and what became of it.
//!
//! A journal is a list of [`Note`]s in the order in which they were made; a [`Ledger`] is what they
//! add up to. An engine notes an [`Intent`] before it sends a write, so that a run that was killed
//! anywhere knows which accounts it may have touched, what stood there before and what it meant to
//! leave there. Where the notes are kept is the journal's own affair.

use neon_mock::api::{AccountId, AccountKind, FieldId, Value};
use serde::{Deserialize, Serialize};
use std::cell::RefCell;
use std::collections::BTreeMap;

/// One field of one account, before and after a write.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FieldChange {
    /// The field.
    pub field: FieldId,
    /// Whether it holds options rather than text.
    pub has_options: bool,
    /// What stood there when the account was read; `None` if it was empty.
    pub before: Option<Value>,
    /// What the write leaves there; `None` clears it.
    pub after: Option<Value>,
}

/// A write that is about to be sent.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Intent {
    /// The account.
    pub id: AccountId,
    /// Its kind, which a write names.
    pub kind: AccountKind,
    /// How many of the plan's mappings stand on the account once the write is carried out.
    pub mappings_done: u32,
    /// The fields that it changes.
    pub changes: Vec<FieldChange>,
    /// Why the account fails although it is written, in words, if it does. Never a value.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub problem: Option<String>,
}

/// How an account stands after a run, as far as its journal knows.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum AccountStatus {
    /// Something was written, and all that the plan demands stands.
    Migrated,
    /// Nothing had to be written.
    Unchanged,
    /// Left alone.
    Skipped,
    /// Not, or not wholly, migrated.
    Failed,
    /// A write was sent, and nobody knows whether it was carried out.
    Ambiguous,
}

/// Which of the accounts that an earlier run could not migrate are taken up again.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum RetryScope {
    /// None: a run that is resumed goes on behind them.
    #[default]
    Neither,
    /// Those that failed.
    Failed,
    /// Those of which a write is open.
    Ambiguous,
    /// Both.
    Both,
}

impl RetryScope {
    /// Whether accounts that failed are taken up.
    pub const fn takes_failed(self) -> bool {
        matches!(self, Self::Failed | Self::Both)
    }

    /// Whether accounts of which a write is open are taken up.
    pub const fn takes_ambiguous(self) -> bool {
        matches!(self, Self::Ambiguous | Self::Both)
    }
}

/// One line of a journal.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum Note {
    /// A write is about to be sent.
    Intended(Intent),
    /// The last write that was intended for the account was carried out.
    Written {
        /// The account.
        id: AccountId,
    },
    /// The last write that was intended for the account was certainly not carried out.
    NotWritten {
        /// The account.
        id: AccountId,
    },
    /// The account has ended.
    Landed {
        /// The account.
        id: AccountId,
        /// How.
        landing: AccountStatus,
        /// Why, in words, where there is a reason. Never a value.
        reason: String,
    },
}

/// A note that could not be kept. A run must not send what it could not note.
#[derive(Debug, thiserror::Error)]
#[error("the journal cannot be written")]
pub struct JournalError(#[source] pub Box<dyn std::error::Error + Send + Sync>);

/// Keeps notes. A note that was taken survives the process.
pub trait Journal {
    /// Whether notes are kept at all: if not, nobody needs to make them.
    fn is_on(&self) -> bool {
        true
    }

    /// Keeps `note` behind those before it.
    ///
    /// Errors: it is not kept.
    fn keep(&self, note: &Note) -> Result<(), JournalError>;

    /// Keeps the accounts that a search found, for which the run is: it is not made again.
    ///
    /// Errors: they are not kept.
    fn enumerated(&self, _: &[AccountId]) -> Result<(), JournalError> {
        Ok(())
    }
}

/// Keeps nothing: virtual time cannot be killed by accident.
#[derive(Clone, Copy, Debug, Default)]
pub struct NoJournal;

impl Journal for NoJournal {
    fn is_on(&self) -> bool {
        false
    }

    fn keep(&self, _: &Note) -> Result<(), JournalError> {
        Ok(())
    }
}

/// Keeps notes in memory.
#[derive(Debug, Default)]
pub struct MemoryJournal(RefCell<Vec<Note>>);

impl MemoryJournal {
    /// The notes so far.
    pub fn notes(&self) -> Vec<Note> {
        self.0.borrow().clone()
    }
}

impl Journal for MemoryJournal {
    fn keep(&self, note: &Note) -> Result<(), JournalError> {
        self.0.borrow_mut().push(note.clone());
        Ok(())
    }
}

/// What a journal knows of one account.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct LedgerEntry {
    /// The write that was intended and of which nothing more is known.
    pub open: Option<Intent>,
    /// The kind of the account, once a write was intended.
    pub kind: Option<AccountKind>,
    /// How many of the plan's mappings certainly stand on the account.
    pub mappings_done: u32,
    /// Why the account fails although it was written, if it does.
    pub problem: Option<String>,
    /// What was carried out: each field once, `after` of the last write to it, and `before` of the
    /// first of those since which nobody else wrote it.
    pub changes: Vec<FieldChange>,
    /// How the account ended, and why.
    pub landed: Option<(AccountStatus, String)>,
}

/// What the notes of a journal add up to, by account.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Ledger(BTreeMap<AccountId, LedgerEntry>);

impl Ledger {
    /// Nothing was noted yet.
    pub const EMPTY: &'static Self = &Self(BTreeMap::new());

    /// The sum of `notes`, in their order.
    pub fn new(notes: impl IntoIterator<Item = Note>) -> Self {
        let mut ledger = Self::default();
        for note in notes {
            ledger.add(note);
        }
        ledger
    }

    /// Whether nothing was noted.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// What is known of account `id`; `None` if it was never noted.
    pub fn get(&self, id: AccountId) -> Option<&LedgerEntry> {
        self.0.get(&id)
    }

    /// The accounts that were noted, in id order.
    pub fn iter(&self) -> impl Iterator<Item = (AccountId, &LedgerEntry)> {
        self.0.iter().map(|(&id, entry)| (id, entry))
    }

    /// Adds one note more.
    pub fn add(&mut self, note: Note) {
        match note {
            Note::Intended(intent) => {
                let entry = self.0.entry(intent.id).or_default();
                entry.kind = Some(intent.kind);
                entry.landed = None;
                entry.open = Some(intent);
            }
            Note::Written { id } => {
                let entry = self.0.entry(id).or_default();
                let Some(intent) = entry.open.take() else { return };
                entry.mappings_done = intent.mappings_done;
                entry.problem = intent.problem;
                for change in intent.changes {
                    match entry.changes.iter_mut().find(|known| known.field == change.field) {
                        // What others wrote in between is theirs, and is what must come back.
                        Some(known) if known.after != change.before => *known = change,
                        Some(known) => known.after = change.after,
                        None => entry.changes.push(change),
                    }
                }
            }
            Note::NotWritten { id } => self.0.entry(id).or_default().open = None,
            Note::Landed { id, landing, reason } => {
                self.0.entry(id).or_default().landed = Some((landing, reason));
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn intent(before: Option<&str>, after: Option<&str>, mappings_done: u32) -> Note {
        let text = |text: &str| Value::Text(text.into());
        Note::Intended(Intent {
            id: AccountId(7),
            kind: AccountKind::Individual,
            mappings_done,
            changes: vec![FieldChange {
                field: FieldId(85),
                has_options: false,
                before: before.map(text),
                after: after.map(text),
            }],
            problem: None,
        })
    }

    #[test]
    fn a_field_written_twice_goes_back_to_what_stood_there_first() {
        let id = AccountId(7);
        let notes = [
            intent(None, Some("a"), 1),
            Note::Written { id },
            intent(Some("a"), Some("b"), 2),
            Note::Written { id },
            intent(Some("b"), Some("c"), 3),
        ];
        let ledger = Ledger::new(notes.clone());
        let entry = ledger.get(id).unwrap();
        assert_eq!(entry.mappings_done, 2);
        assert_eq!(entry.changes[0].before, None);
        assert_eq!(entry.changes[0].after, Some(Value::Text("b".into())));
        assert!(entry.open.is_some() && entry.landed.is_none());

        let foreign = [intent(Some("x"), Some("d"), 4), Note::Written { id }];
        let ledger = Ledger::new(notes.iter().cloned().chain(foreign));
        let changes = &ledger.get(id).unwrap().changes;
        assert_eq!(changes[0].before, Some(Value::Text("x".into())));

        let json = serde_json::to_string(&notes[0]).unwrap();
        assert_eq!(serde_json::from_str::<Note>(&json).unwrap(), notes[0]);
    }
}
