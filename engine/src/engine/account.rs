//! State of one account between its first call and its end, shared by reading and writing.
//!
//! Plain data: no calls are made here.

use super::caller::CallError;
use super::error::EngineError;
use crate::decide::{AccountDecision, Problem};
use crate::event::{AccountOutcome, Failure, Outcome, SkipReason, UnmappedValue};
use crate::journal::FieldChange;
use neon_mock::api::{Account, AccountId, AccountKind, Body, CustomFieldItem, FieldId, Value};
use neon_mock::time::Timestamp;
use std::ops::Range;

/// Reason to stop working on an account.
pub(super) enum Halt {
    /// The account has ended.
    Landed(AccountOutcome),
    /// A write may have been carried out, and reading the account does not tell.
    Ambiguous(Failure),
    /// The run was stopped while a call waited: the account has not ended.
    Stopped,
    /// It was to be read in place of a search, and that reads it after all: the account has not ended.
    GaveWay,
    /// The whole run fails.
    Run(EngineError),
}

impl From<EngineError> for Halt {
    fn from(error: EngineError) -> Self {
        match error {
            EngineError::Stopped => Self::Stopped,
            error => Self::Run(error),
        }
    }
}

impl From<CallError> for Halt {
    fn from(error: CallError) -> Self {
        match error.call.outcome {
            // An error that every account to come would meet ends the run before they fail.
            _ if error.ends_run() => Self::Run(EngineError::from_call(error)),
            Outcome::Merged => Self::Landed(AccountOutcome::Skipped(SkipReason::Merged {
                into: survivor(error.body.as_ref()),
            })),
            Outcome::Abandoned => Self::Stopped,
            _ => Self::Landed(AccountOutcome::Failed(Failure {
                call: Some(error.call),
                message: error.message,
                value: None,
            })),
        }
    }
}

/// The account that a merged id was merged into, if the answer names it.
fn survivor(body: Option<&Body>) -> Option<AccountId> {
    match body? {
        Body::Account(account) => account.body.account_id,
        Body::AccountId(id) => Some(*id),
        _ => None,
    }
}

/// The result of an account so far, or of some of its mappings.
#[derive(Debug, Default)]
pub(super) struct AccountProgress {
    applicable: bool,
    changed: bool,
    /// Boxed: one progress waits in memory with each account to be written, and few have failed.
    failure: Option<Box<Failure>>,
    unmapped: Vec<UnmappedValue>,
}

impl AccountProgress {
    /// The progress that an earlier run made: `changed` if it wrote the account, and `problem` if a
    /// value did not fit.
    pub(super) fn of_earlier(changed: bool, problem: Option<String>) -> Self {
        let failure = problem.map(|message| Box::new(Failure { call: None, message, value: None }));
        Self { applicable: changed, changed, failure, unmapped: Vec::new() }
    }

    /// Adds a decision; `changes` if it changes a field.
    pub(super) fn add(&mut self, decision: &AccountDecision, changes: bool) {
        let failure = |problem: &Problem| Failure {
            call: None,
            message: problem.in_words(),
            value: problem.value().map(str::to_owned),
        };
        let failure = decision.problems.first().map(failure).map(Box::new);
        let AccountDecision { applicable, ref unmapped, .. } = *decision;
        self.join(Self { applicable, changed: changes, failure, unmapped: unmapped.clone() });
    }

    /// Adds the progress of later mappings; the first failure is kept.
    pub(super) fn join(&mut self, later: Self) {
        self.applicable |= later.applicable;
        self.changed |= later.changed;
        if self.failure.is_none() {
            self.failure = later.failure;
        }
        for text in later.unmapped {
            if !self.unmapped.contains(&text) {
                self.unmapped.push(text);
            }
        }
    }

    /// The failure in words, if there is one.
    pub(super) fn problem(&self) -> Option<&str> {
        self.failure.as_ref().map(|failure| failure.message.as_str())
    }

    /// The texts that maps left out, each once per mapping.
    pub(super) fn unmapped(&self) -> &[UnmappedValue] {
        &self.unmapped
    }

    /// The outcome of an account that ends with this progress.
    pub(super) fn end(self) -> AccountOutcome {
        match self.failure {
            Some(failure) => AccountOutcome::Failed(*failure),
            None if self.changed => AccountOutcome::Migrated,
            None if !self.unmapped.is_empty() => AccountOutcome::Unmapped,
            None if self.applicable => AccountOutcome::Unchanged,
            None => AccountOutcome::Skipped(SkipReason::NotApplicable),
        }
    }
}

/// An account that was read and waits to be written.
pub(super) struct PendingAccount {
    pub(super) id: AccountId,
    pub(super) write: PreparedWrite,
    /// Progress before the write.
    pub(super) before: AccountProgress,
    /// Progress that the write makes.
    pub(super) progress: AccountProgress,
}

/// A write that an account needs. The request is built when it is sent: this takes less memory.
pub(super) struct PreparedWrite {
    pub(super) kind: AccountKind,
    /// The changed fields with their new values.
    pub(super) items: Vec<CustomFieldItem>,
    /// The mappings that the write carries out.
    pub(super) steps: Range<usize>,
    pub(super) prior: Prior,
    /// When the call was sent that read the state the write was decided on.
    pub(super) read_at: Timestamp,
}

/// The state of an account before a write.
pub(super) enum Prior {
    /// The whole account. The changed fields are looked up on demand: without a journal, few writes
    /// need them.
    Account(Box<Account>),
    /// The changed fields alone; none where the account was read value by value without a journal,
    /// since overwritten targets are not read then.
    Changes(Vec<FieldChange>),
}

/// The values of an account that is read by one search per value.
#[derive(Debug, Default)]
pub(super) struct ReadValues {
    /// One entry per slot of the plan; `None` until it is read.
    pub(super) values: Vec<Option<SearchedValue>>,
    /// Fields that this run wrote. Searches may lag behind writes, so these are read by GET.
    pub(super) written: Vec<FieldId>,
}

/// One value from a search, with the kind of its account.
#[derive(Clone, Debug)]
pub(super) struct SearchedValue {
    pub(super) kind: AccountKind,
    pub(super) value: Option<Value>,
    /// When the search was sent.
    pub(super) read_at: Timestamp,
}

/// Evidence that a write was carried out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Confirmation {
    /// The response said so.
    Response,
    /// The account was read after the write.
    ReadBack,
}

/// Where work on an account starts.
#[derive(Debug, Default)]
pub(super) struct ResumePoint {
    /// Index of the first mapping to carry out.
    pub(super) from: usize,
    /// Progress of the earlier run.
    pub(super) progress: AccountProgress,
}

/// The value of `field` on an account that was read whole; `None` if it is empty.
pub(super) fn held(account: &Account, field: FieldId) -> Option<Value> {
    let mut items = account.body.account_custom_fields.iter().flatten();
    items.find(|item| item.id == Some(field)).and_then(CustomFieldItem::held)
}

/// The change that each of `items` makes; `held` returns the current value of a field.
pub(super) fn changes(
    items: &[CustomFieldItem],
    held: impl Fn(FieldId) -> Option<Value>,
) -> Vec<FieldChange> {
    let change = |item: &CustomFieldItem| {
        let field = item.id?;
        let has_options = item.option_values.is_some();
        Some(FieldChange { field, has_options, before: held(field), after: item.held() })
    };
    items.iter().filter_map(change).collect()
}
