//! The journal of a run: each write, noted before it is sent, and its result.
//!
//! A journal is a sequence of [`Note`]s; a [`Ledger`] is their sum per account. Since an [`Intent`]
//! is noted before its write is sent, a run that was killed at any point knows which accounts it
//! may have touched, their old values and the values it meant to leave.
//!
//! Deliberately absent: where the notes are stored.

mod lease;
mod standing;

pub use lease::{BEAT_EVERY, Heartbeat, LeaseWatch, OwnerSign, SILENCE};
pub use standing::{RecordedWrite, Standing};

use crate::plan::{Plan, ResolvedPlan};
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
    /// True if the field holds options, false if text.
    pub has_options: bool,
    /// Value when the account was read; `None` if it was empty.
    pub before: Option<Value>,
    /// Value that the write leaves; `None` clears the field.
    pub after: Option<Value>,
}

/// A write that is about to be sent.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Intent {
    /// The account.
    pub id: AccountId,
    /// The account's kind, which a write must name.
    pub kind: AccountKind,
    /// Mappings of the plan that are done once the write is carried out.
    pub mappings_done: u32,
    /// The fields that it changes.
    pub changes: Vec<FieldChange>,
    /// Digest by which the account is recognised, if it was read whole.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub identity: Option<String>,
    /// Reason, if the account fails although it is written. Holds no value of the account.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub problem: Option<String>,
}

/// Status of an account after a run, as far as its journal knows.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum AccountStatus {
    /// Written; all that the plan demands is in place.
    Migrated,
    /// Nothing had to be written.
    Unchanged,
    /// Nothing was written, and a map left out a text for which it has no entry.
    Unmapped,
    /// Left alone.
    Skipped,
    /// Not, or not wholly, migrated.
    Failed,
    /// A write was sent, and its result is unknown.
    Ambiguous,
}

/// Accounts to try again in a resumed run, of those that an earlier run could not migrate.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum RetryScope {
    /// None: the resumed run skips them.
    #[default]
    Neither,
    /// Accounts that failed.
    Failed,
    /// Accounts with a write of unknown result.
    Ambiguous,
    /// Both.
    Both,
}

impl RetryScope {
    /// True if failed accounts are tried again.
    pub const fn takes_failed(self) -> bool {
        matches!(self, Self::Failed | Self::Both)
    }

    /// True if accounts with a write of unknown result are tried again.
    pub const fn takes_ambiguous(self) -> bool {
        matches!(self, Self::Ambiguous | Self::Both)
    }
}

/// The decision of a person about an account whose last write has an unknown result, where reading the account
/// does not tell either: somebody else wrote one of its fields since.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Settlement {
    /// The present values stay, and the mappings of the write count as done.
    Keep,
    /// The values that the run meant to leave are written over what stands there.
    Write,
}

/// Such decisions by account.
pub type Settlements = BTreeMap<AccountId, Settlement>;

/// Nobody decided anything.
pub const NO_SETTLEMENTS: &Settlements = &BTreeMap::new();

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
    /// Nobody can tell whether the last write that was intended for the account was carried out, and a person
    /// decided to keep what stands there: its mappings count as done.
    Kept {
        /// The account.
        id: AccountId,
        /// The changes whose new value stands there, so that they are the run's.
        changes: Vec<FieldChange>,
    },
    /// The account has ended.
    Landed {
        /// The account.
        id: AccountId,
        /// Its status.
        landing: AccountStatus,
        /// Reason, if there is one. Holds no value of the account.
        reason: String,
    },
}

impl Note {
    /// The account that it is about.
    pub const fn account(&self) -> AccountId {
        match self {
            Self::Intended(intent) => intent.id,
            Self::Written { id }
            | Self::NotWritten { id }
            | Self::Kept { id, .. }
            | Self::Landed { id, .. } => *id,
        }
    }
}

/// A note could not be stored. The run must not send the write then.
#[derive(Debug, thiserror::Error)]
#[error("the journal cannot be written")]
pub struct JournalError(#[source] pub Box<dyn std::error::Error + Send + Sync>);

/// Stores notes.
pub trait Journal {
    /// False if notes are discarded, so that nobody needs to make them.
    fn is_on(&self) -> bool {
        true
    }

    /// Stores `note` after those before it. A stored note survives the process.
    ///
    /// Errors: [`JournalError`] if it is not stored.
    fn keep(&self, note: &Note) -> Result<(), JournalError>;

    /// Stores the accounts that the run's search found, so that a resumed run need not search
    /// again.
    ///
    /// Errors: [`JournalError`] if they are not stored.
    fn enumerated(&self, _: &[AccountId]) -> Result<(), JournalError> {
        Ok(())
    }

    /// Stores the fields of the organisation that `plan` was found to name, so that two plans that name one field in
    /// two ways can be told apart from two fields. Called each time the definitions were read.
    ///
    /// Errors: [`JournalError`] if they are not stored, or another run is in the way on these fields.
    fn resolved(&self, _plan: &Plan, _fields: &ResolvedPlan) -> Result<(), JournalError> {
        Ok(())
    }

    /// Called right before a write of account `id` is sent, and again before each repetition.
    ///
    /// Errors: [`JournalError`] if another process has taken the run over; the write is not sent then.
    fn sending(&self, _: AccountId) -> Result<(), JournalError> {
        Ok(())
    }

    /// Called once that write is answered, or the transport has given it up.
    fn answered(&self, _: AccountId) {}
}

/// Stores nothing, for runs in virtual time.
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

/// Stores notes in memory.
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

/// The notes on one account, added up.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct LedgerEntry {
    /// The write that was intended and of which nothing more is known.
    pub open: Option<Intent>,
    /// The kind of the account, once a write was intended.
    pub kind: Option<AccountKind>,
    /// Digest by which the account is recognised, if it was read whole before its first write.
    pub identity: Option<String>,
    /// Mappings of the plan that are certainly done.
    pub mappings_done: u32,
    /// Why the account fails although it was written, if it does.
    pub problem: Option<String>,
    /// Changes that were carried out, one per field: `after` of the last write to it, and `before`
    /// of the first write since which no other client wrote it.
    pub changes: Vec<FieldChange>,
    /// Status of the account and the reason, once it has ended.
    pub landed: Option<(AccountStatus, String)>,
    /// Place of its last note in the journal.
    pub order: u64,
}

/// The notes of a journal, added up per account.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Ledger {
    entries: BTreeMap<AccountId, LedgerEntry>,
    /// Number of notes.
    notes: u64,
}

impl Ledger {
    /// Nothing was noted yet.
    pub const EMPTY: &'static Self = &Self { entries: BTreeMap::new(), notes: 0 };

    /// The sum of `notes`, in their order.
    pub fn new(notes: impl IntoIterator<Item = Note>) -> Self {
        let mut ledger = Self::default();
        for note in notes {
            ledger.add(note);
        }
        ledger
    }

    /// True without any note.
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// True if an account was written, or may have been.
    pub fn has_writes(&self) -> bool {
        self.written().next().is_some()
    }

    /// The accounts that were written, or may have been, in id order.
    pub fn written(&self) -> impl Iterator<Item = AccountId> {
        let is_written = |entry: &LedgerEntry| !entry.changes.is_empty() || entry.open.is_some();
        self.iter().filter(move |(_, entry)| is_written(entry)).map(|(id, _)| id)
    }

    /// The state of account `id`; `None` if it was never noted.
    pub fn get(&self, id: AccountId) -> Option<&LedgerEntry> {
        self.entries.get(&id)
    }

    /// The accounts that were noted, in id order.
    pub fn iter(&self) -> impl Iterator<Item = (AccountId, &LedgerEntry)> {
        self.entries.iter().map(|(&id, entry)| (id, entry))
    }

    /// Adds one note more.
    pub fn add(&mut self, note: Note) {
        let id = note.account();
        self.notes += 1;
        let entry = self.entries.entry(id).or_default();
        entry.order = self.notes;
        entry.add(note);
    }
}

impl LedgerEntry {
    /// Adds a note on this account.
    pub(crate) fn add(&mut self, note: Note) {
        match note {
            Note::Intended(intent) => {
                self.kind = Some(intent.kind);
                if self.identity.is_none() {
                    self.identity.clone_from(&intent.identity);
                }
                self.landed = None;
                self.open = Some(intent);
            }
            Note::Written { .. } => {
                let Some(intent) = self.open.take() else { return };
                self.mappings_done = intent.mappings_done;
                self.problem = intent.problem;
                self.changed(intent.changes);
            }
            Note::Kept { changes, .. } => {
                let Some(intent) = self.open.take() else { return };
                self.mappings_done = intent.mappings_done;
                self.changed(changes);
            }
            Note::NotWritten { .. } => self.open = None,
            Note::Landed { landing, reason, .. } => self.landed = Some((landing, reason)),
        }
    }

    /// Adds changes that were carried out.
    fn changed(&mut self, changes: Vec<FieldChange>) {
        for change in changes {
            match self.changes.iter_mut().find(|known| known.field == change.field) {
                // Another client wrote this field meanwhile; undo must restore their value.
                Some(known) if known.after != change.before => *known = change,
                Some(known) => known.after = change.after,
                None => self.changes.push(change),
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
            identity: None,
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
