//! Verify and undo: checks each field that a run wrote, or restores its old value.
//!
//! Both use the run's ledger alone, and the rule of [`Standing`]. Undo restores a field only if it still holds
//! the value that the run left; a field that somebody changed since is a conflict and is left alone. Verify and a
//! trial of undo read pages of accounts; an undo reads each account right before it writes it.

use super::caller::DeliveryUnknown;
use super::control::Control;
use super::error::EngineError;
use super::read_again::{AccountReader, AccountView, SuspectAccount, UnreadAccounts};
use super::rows::Columns;
use super::settings::Settings;
use super::stop::Stop;
use super::workers::side_by_side;
use crate::clock::Clock;
use crate::event::{Event, Observer};
use crate::journal::{Journal, Ledger, LedgerEntry, Standing};
use crate::plan::ResolvedPlan;
use crate::transport::Transport;
use neon_mock::api::{
    Account, AccountId, Body, CustomField, CustomFieldItem, FieldId, Request, Value,
};
use std::cell::RefCell;
use std::collections::BTreeSet;

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
    /// Fields that a write of unknown result was not seen to reach: it may be carried out yet.
    pub unsettled: u64,
    /// Fields that somebody else wrote since, in id order of their accounts.
    pub differences: Vec<FieldConflict>,
    /// Fields that hold again what stood there before the run, although it wrote them and nothing shows that
    /// somebody else wrote their accounts since; in id order.
    pub not_kept: Vec<FieldConflict>,
    /// Accounts that could not be read or written, with the reason.
    pub failed: Vec<(AccountId, String)>,
    /// Number of accounts that were left out, since the review was stopped.
    pub left_out: u64,
    /// Definitions of all fields, if there are differences to name.
    pub fields: Vec<CustomField>,
}

/// Reads accounts and adds up the results.
struct WriteReviewer<'a, T, C> {
    reader: AccountReader<'a, T, C>,
    ledger: &'a Ledger,
    found: RefCell<FoundWrites>,
    mode: ReviewMode,
}

/// The findings of a review so far.
#[derive(Default)]
struct FoundWrites {
    review: WriteReview,
    /// Accounts that hold what the run wrote, with the place of their last note.
    standing: Vec<(u64, AccountId)>,
    /// Accounts with fields as before the run.
    suspects: Vec<SuspectAccount>,
}

/// One account compared with its recorded writes.
#[derive(Default)]
struct ComparedWrites {
    as_written: u64,
    as_before: u64,
    unsettled: u64,
    theirs: Vec<FieldConflict>,
    /// Certain writes whose field is as before the run.
    as_if_not_written: Vec<FieldConflict>,
    /// Items that restore the account.
    items: Vec<CustomFieldItem>,
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
/// undo can be repeated, however an earlier one ended, and writes only as long as `journal` belongs to this
/// process. Every event goes to `observer`.
///
/// Errors: [`EngineError`] if the target cannot be reached or refuses the key.
pub async fn review<T: Transport, C: Clock>(
    transport: &T,
    clock: &C,
    settings: &Settings,
    ledger: &Ledger,
    (stop, control, journal, mode): (&Stop, &Control, &dyn Journal, ReviewMode),
    observer: &mut dyn Observer,
) -> Result<WriteReview, EngineError> {
    let reader = AccountReader::new(transport, clock, observer, settings, stop);
    let reader = reader.owned_by(journal).controlled_by(control);
    let found = RefCell::default();
    let reviewer = WriteReviewer { reader, ledger, found, mode };
    let ids: Vec<AccountId> = ledger.written().collect();
    let work = reviewer.reviewed(&ids, settings, stop);
    let (unread, fields) = reviewer.reader.under_control(work).await?;
    let mut found = reviewer.found.into_inner().review;
    found.differences.sort_by_key(|difference| (difference.id, difference.field));
    found.not_kept.sort_by_key(|difference| (difference.id, difference.field));
    found.failed.extend(unread.failed);
    found.failed.extend(unread.gone);
    found.failed.sort();
    found.accounts = ids.len() as u64 - unread.left_out;
    found.left_out = unread.left_out;
    found.fields = fields;
    Ok(found)
}

impl FoundWrites {
    /// Adds the result of one account, of which `restored` fields were restored, or would be.
    fn add(&mut self, suspect: SuspectAccount, seen: ComparedWrites, restored: u64) {
        if seen.theirs.is_empty() && seen.as_if_not_written.is_empty() {
            self.standing.push((suspect.order, suspect.id));
        }
        if !seen.as_if_not_written.is_empty() {
            self.suspects.push(suspect);
        }
        self.review.as_written += seen.as_written;
        self.review.as_before += seen.as_before;
        self.review.unsettled += seen.unsettled;
        self.review.differences.extend(seen.theirs);
        self.review.not_kept.extend(seen.as_if_not_written);
        self.review.restored += restored;
    }
}

impl<T: Transport, C: Clock> WriteReviewer<'_, T, C> {
    /// Compares or restores the accounts `ids`; those that were not read, and the fields to name.
    async fn reviewed(
        &self,
        ids: &[AccountId],
        settings: &Settings,
        stop: &Stop,
    ) -> Result<(UnreadAccounts, Vec<CustomField>), EngineError> {
        let unread = match self.mode {
            ReviewMode::Undo => self.undo(ids, settings, stop).await?,
            ReviewMode::Verify | ReviewMode::DryUndo => self.look_at_all(ids).await?,
        };
        self.told_apart().await?;
        match self.fields_to_name().await {
            Err(EngineError::Stopped) => Ok((unread, Vec::new())),
            fields => Ok((unread, fields?)),
        }
    }

    /// Compares the accounts `ids` with the run's writes, and writes nothing.
    async fn look_at_all(&self, ids: &[AccountId]) -> Result<UnreadAccounts, EngineError> {
        let written: BTreeSet<FieldId> = self
            .ledger
            .iter()
            .flat_map(|(_, entry)| entry.recorded_writes())
            .map(|write| write.field)
            .collect();
        let mut fields = Vec::new();
        if AccountReader::<T, C>::is_searched(ids.len()) {
            fields = match self.reader.definitions().await {
                Err(EngineError::Stopped) => Vec::new(),
                fields => fields?,
            };
        }
        let task = ResolvedPlan::of_fields(fields.iter().filter(|it| written.contains(&it.id)));
        let slots: Vec<usize> = (0..task.slots.len()).collect();
        let columns = Columns::new(&task, &slots).filter(|_| !fields.is_empty());
        self.found.borrow_mut().review.fields = fields;
        self.begin(ids.len(), AccountReader::<T, C>::calls(ids.len(), columns.as_ref()));
        self.reader
            .each(ids, columns.as_ref(), &|id, view| {
                let Some(entry) = self.ledger.get(id) else { return true };
                let seen = self.compare(id, entry, &view);
                let is_row = view.fields.is_some();
                let is_plain = seen.as_before == 0 && seen.theirs.is_empty();
                // A search may lag behind a write, so that only a whole account tells of a difference.
                if is_row && !(is_plain && seen.as_if_not_written.is_empty()) {
                    return false;
                }
                let restored = seen.items.len() as u64;
                self.found.borrow_mut().add(suspect(id, entry, &view), seen, restored);
                true
            })
            .await
    }

    fn begin(&self, accounts: usize, calls: usize) {
        let (accounts, calls) = (accounts as u64, calls as u64);
        self.reader.caller().emit(&Event::ReadingAgain { accounts, calls, takes: None });
    }

    /// Restores the accounts `ids`.
    async fn undo(
        &self,
        ids: &[AccountId],
        settings: &Settings,
        stop: &Stop,
    ) -> Result<UnreadAccounts, EngineError> {
        self.begin(ids.len(), 2 * ids.len());
        let unread = RefCell::new(UnreadAccounts::default());
        let begun = std::cell::Cell::new(0_u64);
        side_by_side(settings.workers.get() as usize, stop, ids.iter(), |&id| {
            begun.set(begun.get() + 1);
            self.restore(id, &unread)
        })
        .await?;
        let mut unread = unread.into_inner();
        unread.left_out += ids.len() as u64 - begun.get();
        Ok(unread)
    }

    async fn restore(
        &self,
        id: AccountId,
        unread: &RefCell<UnreadAccounts>,
    ) -> Result<(), EngineError> {
        let Some(entry) = self.ledger.get(id) else { return Ok(()) };
        let caller = self.reader.caller();
        let request = Request::GetAccount(id);
        let mut attempts = caller.attempts();
        let mut restored = 0;
        // After a write of unknown result, or one that was not sent before a long pause, it is read again first.
        loop {
            let account = match caller.read(&request).await {
                Ok((Body::Account(account), read_at)) => {
                    attempts.decided_at(read_at);
                    account
                }
                Ok(_) => return Err(EngineError::WrongBody(request.endpoint())),
                Err(error) => break unread.borrow_mut().add(id, error)?,
            };
            let view = AccountView::of(&account);
            let mut seen = self.compare(id, entry, &view);
            let items = std::mem::take(&mut seen.items);
            let suspect = suspect(id, entry, &view);
            if items.is_empty() {
                break self.found.borrow_mut().add(suspect, seen, restored);
            }
            restored = items.len() as u64;
            let write = Request::PatchAccount(id, Account::of_items(account.kind, items));
            match caller.write(&write, &mut attempts).await {
                Ok(Body::AccountId(written)) if written != id => {
                    let message = format!("account {written} was written in its place");
                    unread.borrow_mut().failed.push((id, message));
                    break;
                }
                Ok(_) => break self.found.borrow_mut().add(suspect, seen, restored),
                Err(error)
                    if matches!(
                        error.delivery_unknown,
                        DeliveryUnknown::Retryable | DeliveryUnknown::Aged
                    ) => {}
                Err(error) => break unread.borrow_mut().add(id, error)?,
            }
        }
        self.reader.read(1);
        Ok(())
    }

    /// Compares an account with its recorded writes.
    fn compare(
        &self,
        id: AccountId,
        entry: &LedgerEntry,
        view: &AccountView<'_>,
    ) -> ComparedWrites {
        let mut seen = ComparedWrites::default();
        let undoes = self.mode != ReviewMode::Verify;
        for recorded in entry.recorded_writes() {
            let field = recorded.field;
            let now = view.held(field);
            let open = entry.open.iter().flat_map(|intent| &intent.changes);
            let is_unseen = open.filter(|it| it.field == field).any(|it| it.after != now);
            seen.unsettled += u64::from(is_unseen);
            let conflict = || FieldConflict {
                id,
                field,
                expected: recorded.left.last().cloned().flatten(),
                found: now.clone(),
            };
            match recorded.standing(&now) {
                _ if !view.shows(field) => seen.theirs.push(conflict()),
                _ if undoes && now == recorded.before => seen.as_before += 1,
                Standing::Ours => {
                    seen.as_written += 1;
                    if undoes {
                        let before = recorded.before.as_ref();
                        let item = CustomFieldItem::to_write(field, recorded.has_options, before);
                        seen.items.push(item);
                    }
                }
                Standing::Before if recorded.is_certain => seen.as_if_not_written.push(conflict()),
                Standing::Before => seen.as_before += 1,
                Standing::Theirs => seen.theirs.push(conflict()),
            }
        }
        seen
    }

    /// Moves those fields that are as before to the edits of others whose accounts somebody changed since, and to
    /// the failures where that cannot be found out.
    async fn told_apart(&self) -> Result<(), EngineError> {
        let (suspects, mut standing) = {
            let mut found = self.found.borrow_mut();
            (std::mem::take(&mut found.suspects), std::mem::take(&mut found.standing))
        };
        standing.sort_unstable();
        let cleared = self.reader.changed_since(&suspects, &standing).await?;
        let review = &mut self.found.borrow_mut().review;
        for it in std::mem::take(&mut review.not_kept) {
            if cleared.changed.contains(&it.id) {
                review.differences.push(it);
            } else if !cleared.unknown.contains(&it.id) {
                review.not_kept.push(it);
            }
        }
        let why = "it holds what stood there before the run; who wrote that cannot be found out";
        review.failed.extend(cleared.unknown.into_iter().map(|id| (id, why.to_owned())));
        Ok(())
    }

    /// The field definitions, if there are differences to name.
    async fn fields_to_name(&self) -> Result<Vec<CustomField>, EngineError> {
        let (has_differences, known) = {
            let review = &mut self.found.borrow_mut().review;
            let differences = review.differences.len() + review.not_kept.len();
            (differences > 0, std::mem::take(&mut review.fields))
        };
        if has_differences && known.is_empty() {
            self.reader.definitions().await
        } else {
            Ok(known)
        }
    }
}

fn suspect(id: AccountId, entry: &LedgerEntry, view: &AccountView<'_>) -> SuspectAccount {
    SuspectAccount { id, order: entry.order, changed_at_unix_s: view.changed_at_unix_s }
}
