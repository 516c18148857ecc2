//! Verify and undo: checks each field that a run wrote, or restores its old value.
//!
//! Both use the run's ledger alone. Undo restores a field only if it still holds the value that the
//! run left; a field that somebody changed since is a conflict and is left alone.

use super::account::held;
use super::caller::{CallError, Caller, DeliveryUnknown};
use super::error::EngineError;
use super::settings::Settings;
use super::stop::Stop;
use super::workers::side_by_side;
use crate::clock::Clock;
use crate::event::{Event, Outcome};
use crate::journal::{FieldChange, Ledger, LedgerEntry};
use crate::transport::Transport;
use neon_mock::api::{
    Account, AccountId, Body, Category, CustomField, CustomFieldItem, FieldId, Request, Value,
};
use std::cell::{Cell, RefCell};

/// A field whose value is not the one that a run left.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FieldConflict {
    /// The account.
    pub id: AccountId,
    /// The field.
    pub field: FieldId,
    /// The value that the run left; `None` if it cleared the field.
    pub expected: Option<Value>,
    /// The value now; `None` if the field is empty.
    pub found: Option<Value>,
}

/// Result of verifying or undoing a run's writes.
#[derive(Clone, Debug, Default)]
pub struct WriteReview {
    /// Accounts that the run wrote or may have written, and that were read.
    pub accounts: u64,
    /// Fields that hold the value the run left.
    pub as_written: u64,
    /// Fields that hold the value from before the run.
    pub as_before: u64,
    /// Fields that were restored, or would be in a dry run.
    pub restored: u64,
    /// Fields that hold another value, in id order of their accounts.
    pub differences: Vec<FieldConflict>,
    /// Accounts that could not be read or written, with the reason.
    pub failed: Vec<(AccountId, String)>,
    /// Definitions of all fields, if there are differences to name.
    pub fields: Vec<CustomField>,
}

/// The writes of a run to one field, from its ledger.
#[derive(Clone, Debug, PartialEq, Eq)]
struct RecordedWrite {
    field: FieldId,
    has_options: bool,
    /// Values that the run left or may have left, in the order of its writes.
    left: Vec<Option<Value>>,
    /// The value before the run.
    before: Option<Value>,
    /// False if the run may not have written the field at all.
    is_certain: bool,
}

/// The fields that a run wrote, or may have written, on one account.
fn recorded_writes(entry: &LedgerEntry) -> Vec<RecordedWrite> {
    let recorded = |change: &FieldChange, is_certain| RecordedWrite {
        field: change.field,
        has_options: change.has_options,
        left: vec![change.after.clone()],
        before: change.before.clone(),
        is_certain,
    };
    let mut recorded_writes: Vec<RecordedWrite> =
        entry.changes.iter().map(|change| recorded(change, true)).collect();
    for change in entry.open.iter().flat_map(|intent| &intent.changes) {
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

/// Reads accounts side by side and adds up the results.
struct WriteReviewer<'a, T, C> {
    caller: Caller<'a, T, C>,
    found: RefCell<WriteReview>,
    mode: ReviewMode,
}

/// Purpose of a review.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ReviewMode {
    /// To compare each field that the run wrote with the value that it left.
    Verify,
    /// To restore the old value of each field that still holds what the run left.
    Undo,
    /// To find out what an undo would write.
    DryUndo,
}

/// Reads every account that the run of `ledger` wrote, and does to its fields what `mode` says. An
/// undo can be repeated, however an earlier one ended.
///
/// Errors: [`EngineError`] if the target cannot be reached or refuses the key.
pub async fn review<T: Transport, C: Clock>(
    transport: &T,
    clock: &C,
    settings: &Settings,
    ledger: &Ledger,
    stop: &Stop,
    mode: ReviewMode,
) -> Result<WriteReview, EngineError> {
    let mut nobody = |_: &Event| {};
    let caller =
        Caller::new(transport, clock, &mut nobody, settings, &settings.limiter, Stop::NEVER);
    let reviewer = WriteReviewer { caller, found: RefCell::default(), mode };
    let touched =
        ledger.iter().filter(|(_, entry)| !entry.changes.is_empty() || entry.open.is_some());
    let begun = Cell::new(0_u64);
    side_by_side(settings.workers.get() as usize, stop, touched, |(id, entry)| {
        begun.set(begun.get() + 1);
        reviewer.look_at(id, entry)
    })
    .await?;
    let fields = reviewer.fields_to_name().await?;
    let mut found = reviewer.found.into_inner();
    found.differences.sort_by_key(|difference| (difference.id, difference.field));
    found.failed.sort();
    found.accounts = begun.get();
    found.fields = fields;
    Ok(found)
}

impl WriteReview {
    /// Adds the result of one account, of which `restored` fields were restored, or would be.
    fn add(&mut self, seen: Self, restored: u64) {
        self.as_written += seen.as_written;
        self.as_before += seen.as_before;
        self.differences.extend(seen.differences);
        self.restored += restored;
    }
}

impl<T: Transport, C: Clock> WriteReviewer<'_, T, C> {
    async fn look_at(&self, id: AccountId, entry: &LedgerEntry) -> Result<(), EngineError> {
        let request = Request::GetAccount(id);
        let mut attempts = self.caller.attempts();
        let mut restored = 0;
        // After a write of unknown result, the account is read again first.
        loop {
            let account = match self.caller.call(&request).await {
                Ok(Body::Account(account)) => account,
                Ok(_) => return Err(EngineError::WrongBody(request.endpoint())),
                Err(error) => return self.failed(id, error),
            };
            let (items, seen) = self.compare(id, entry, &account);
            if items.is_empty() || self.mode != ReviewMode::Undo {
                let restored = if items.is_empty() { restored } else { items.len() as u64 };
                self.found.borrow_mut().add(seen, restored);
                return Ok(());
            }
            restored = items.len() as u64;
            let write = Request::PatchAccount(id, Account::of_items(account.kind, items));
            match self.caller.write(&write, &mut attempts).await {
                Ok(Body::AccountId(written)) if written != id => {
                    let message = format!("account {written} was written in its place");
                    self.found.borrow_mut().failed.push((id, message));
                    return Ok(());
                }
                Ok(_) => {
                    self.found.borrow_mut().add(seen, restored);
                    return Ok(());
                }
                Err(error) if error.delivery_unknown == DeliveryUnknown::Retryable => {}
                Err(error) => return self.failed(id, error),
            }
        }
    }

    /// Compares an account with its recorded writes; also returns the items that restore it.
    fn compare(
        &self,
        id: AccountId,
        entry: &LedgerEntry,
        account: &Account,
    ) -> (Vec<CustomFieldItem>, WriteReview) {
        let mut found = WriteReview::default();
        let mut items = Vec::new();
        for recorded in recorded_writes(entry) {
            let now = held(account, recorded.field);
            let (is_ours, is_before) = (recorded.left.contains(&now), now == recorded.before);
            let undoes = self.mode != ReviewMode::Verify;
            if is_before && (undoes || (!recorded.is_certain && !is_ours)) {
                found.as_before += 1;
            } else if is_ours {
                found.as_written += 1;
                if undoes {
                    let before = recorded.before.as_ref();
                    items.push(CustomFieldItem::to_write(
                        recorded.field,
                        recorded.has_options,
                        before,
                    ));
                }
            } else {
                let expected = recorded.left.last().cloned().flatten();
                let field = recorded.field;
                found.differences.push(FieldConflict { id, field, expected, found: now });
            }
        }
        (items, found)
    }

    fn failed(&self, id: AccountId, error: CallError) -> Result<(), EngineError> {
        match error.call.outcome {
            // Every account to come would fail alike.
            Outcome::Unauthorized | Outcome::Unreachable => Err(EngineError::from_call(error)),
            _ => {
                self.found.borrow_mut().failed.push((id, error.message));
                Ok(())
            }
        }
    }

    /// The field definitions, if there are differences to name.
    async fn fields_to_name(&self) -> Result<Vec<CustomField>, EngineError> {
        if self.found.borrow().differences.is_empty() {
            return Ok(Vec::new());
        }
        let request = Request::ListCustomFields(Category::Account);
        match self.caller.call(&request).await.map_err(EngineError::from_call)? {
            Body::CustomFields(fields) => Ok(fields.to_vec()),
            _ => Err(EngineError::WrongBody(request.endpoint())),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::journal::{Intent, Note};
    use neon_mock::api::AccountKind;

    fn text(text: &str) -> Value {
        Value::Text(text.into())
    }

    fn intended(field: u32, before: Option<Value>, after: Value) -> Note {
        let field = FieldId(field);
        Note::Intended(Intent {
            id: AccountId(7),
            kind: AccountKind::Individual,
            mappings_done: 1,
            changes: vec![FieldChange { field, has_options: false, before, after: Some(after) }],
            problem: None,
        })
    }

    #[test]
    fn a_write_of_which_nothing_is_known_may_have_left_either() {
        let id = AccountId(7);
        let ledger = Ledger::new([
            intended(1, Some(text("a")), text("b")),
            Note::Written { id },
            intended(1, Some(text("b")), text("c")),
        ]);
        let of_one = recorded_writes(ledger.get(id).unwrap());
        assert_eq!(of_one.len(), 1);
        assert_eq!(
            (&of_one[0].left, &of_one[0].before),
            (&["b", "c"].map(|it| Some(text(it))).to_vec(), &Some(text("a")))
        );
        assert!(of_one[0].is_certain);

        let open = recorded_writes(Ledger::new([intended(2, None, text("x"))]).get(id).unwrap());
        assert_eq!((&open[0].left, &open[0].before), (&vec![Some(text("x"))], &None));
        assert!(!open[0].is_certain);

        let foreign = Ledger::new([
            intended(1, Some(text("a")), text("b")),
            Note::Written { id },
            intended(1, Some(text("theirs")), text("c")),
        ]);
        let of_one = recorded_writes(foreign.get(id).unwrap());
        let expected = (&vec![Some(text("c"))], &Some(text("theirs")));
        assert_eq!((&of_one[0].left, &of_one[0].before), expected);

        let not_written = [intended(2, None, text("x")), Note::NotWritten { id }];
        assert_eq!(recorded_writes(Ledger::new(not_written).get(id).unwrap()), []);
    }
}
