//! Takes back what a run wrote, and looks whether it still stands. Both go by the run's ledger.
//!
//! A field is restored only where it still holds what the run left there; what others wrote since
//! is theirs, and is listed. An undo that was killed is simply made again: what it restored already
//! holds what stood there first, and needs nothing.

use super::caller::{Caller, GivenUp, Unheard};
use super::error::EngineError;
use super::settings::Settings;
use super::stop::Stop;
use super::workers::side_by_side;
use super::writing::{Trace, held, trace};
use crate::clock::Clock;
use crate::event::{End, Event, Failure, Observer, Outcome};
use crate::journal::{Change, Entry, Intent, Journal, Ledger, Note};
use crate::transport::Transport;
use neon_mock::api::{
    Account, AccountBody, AccountId, Body, CustomFieldItem, FieldId, Request, Value,
};
use serde::Serialize;
use std::cell::RefCell;

/// A field that holds something else than the run left there.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Conflict {
    /// The account.
    pub id: AccountId,
    /// The field.
    pub field: FieldId,
    /// What stood there before the run.
    pub before: Option<Value>,
    /// What the run wrote, or was about to.
    pub written: Option<Value>,
    /// What stands there now.
    pub found: Option<Value>,
}

/// An account that could not be looked at or restored.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Unreached {
    /// The account.
    pub id: AccountId,
    /// Why, in words. Never a value.
    pub reason: String,
}

/// What an undo did; in a dry run, what it would do.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Undone {
    /// Accounts of which something was restored.
    pub restored: u64,
    /// Fields that were restored.
    pub restored_fields: u64,
    /// Accounts on which nothing of the run stands.
    pub unchanged: u64,
    /// Fields that others wrote since, in order of account and field; they were not touched.
    pub conflicts: Vec<Conflict>,
    /// Accounts that could not be read or written, in id order.
    pub unreached: Vec<Unreached>,
}

/// How what a run wrote compares with what stands there.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Verified {
    /// Accounts that hold what the run left on them.
    pub as_written: u64,
    /// Fields that hold something else, in order of account and field.
    pub differing: Vec<Conflict>,
    /// Accounts whose last write is open and was not carried out.
    pub not_written: Vec<AccountId>,
    /// Accounts that could not be read, in id order.
    pub unreached: Vec<Unreached>,
}

/// What is to be undone, or looked at, and how the calls are made.
#[derive(Clone, Copy)]
pub struct Review<'a> {
    /// Workers, seed, and whether nothing may be written.
    pub settings: &'a Settings,
    /// What the run noted.
    pub ledger: &'a Ledger,
    /// Where the undo's own writes are noted.
    pub journal: &'a dyn Journal,
    /// Says when to begin nothing more.
    pub stop: &'a Stop,
}

impl std::fmt::Debug for Review<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Review").field("settings", self.settings).finish_non_exhaustive()
    }
}

/// What is to become of the fields of one account.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Judgement {
    /// What must be written to take the run back.
    pub restore: Vec<Change>,
    /// What others wrote.
    pub conflicts: Vec<Conflict>,
}

/// What taking back `entry` needs on its account as it is now.
pub fn judge(id: AccountId, entry: &Entry, account: &Account) -> Judgement {
    let mut judgement = Judgement::default();
    let open = entry.open.as_ref().map_or(&[][..], |open| &open.changes);
    let is_known = |field: FieldId| entry.changes.iter().any(|known| known.field == field);
    let fields = entry.changes.iter().chain(open.iter().filter(|it| !is_known(it.field)));
    for first in fields {
        let field = first.field;
        let found = held(account, field);
        let open = open.iter().find(|open| open.field == field);
        let known = is_known(field).then_some(first);
        // Where others wrote between the run's writes, what they wrote is what must come back.
        let before = match (known, open) {
            (Some(known), Some(open)) if found == open.after && known.after != open.before => {
                &open.before
            }
            _ => &first.before,
        };
        let was_left = |change: &Change| change.after == found;
        if found == *before {
            continue;
        }
        if known.is_some_and(was_left) || open.is_some_and(was_left) {
            let has_options = first.has_options;
            let after = before.clone();
            judgement.restore.push(Change { field, has_options, before: found, after });
        } else {
            let (before, written) = (before.clone(), open.unwrap_or(first).after.clone());
            judgement.conflicts.push(Conflict { id, field, before, written, found });
        }
    }
    judgement.restore.sort_by_key(|change| change.field);
    judgement.conflicts.sort_by_key(|conflict| conflict.field);
    judgement
}

/// The fields of an account that do not hold what the run left there. Of a write that is open it
/// is not known whether it was carried out: its fields may hold either.
fn differing(id: AccountId, entry: &Entry, account: &Account) -> (Vec<Conflict>, bool) {
    let open = entry.open.as_ref().map_or(&[][..], |open| &open.changes);
    let was_not_written = !open.is_empty() && trace(account, open) == Trace::NotWritten;
    let mut expected: Vec<&Change> = open.iter().filter(|_| !was_not_written).collect();
    let is_open = |field| open.iter().any(|it| it.field == field);
    expected.extend(entry.changes.iter().filter(|it| was_not_written || !is_open(it.field)));
    expected.sort_by_key(|change| change.field);
    let differs = |change: &&&Change| held(account, change.field) != change.after;
    let conflict = |change: &&Change| Conflict {
        id,
        field: change.field,
        before: change.before.clone(),
        written: change.after.clone(),
        found: held(account, change.field),
    };
    (expected.iter().filter(differs).map(conflict).collect(), was_not_written)
}

/// Takes back what the ledger says was written, where it still stands; calls and ends go to
/// `observer`.
///
/// Errors: the undo could not go on, or a write could not be noted. It can be made again.
pub async fn undo<T: Transport, C: Clock>(
    transport: &T,
    clock: &C,
    review: Review<'_>,
    observer: &mut dyn Observer,
) -> Result<Undone, EngineError> {
    let caller = &Caller::new(transport, clock, observer, review.settings.seed);
    let written = begin(caller, review.ledger);
    let undone = &RefCell::new(Undone::default());
    let workers = (review.settings.workers.get() as usize).min(written.len());
    side_by_side(workers, review.stop, written.iter(), |&(id, entry)| async move {
        let end = match restore(caller, review, id, entry).await? {
            Ok(judgement) => undone.borrow_mut().add(judgement),
            Err(reason) => {
                undone.borrow_mut().unreached.push(Unreached { id, reason: reason.clone() });
                failed(reason)
            }
        };
        caller.emit(&Event::Landed { at: caller.clock().now(), id, end });
        Ok(())
    })
    .await?;
    let mut undone = undone.take();
    undone.conflicts.sort_by_key(|conflict| (conflict.id, conflict.field));
    undone.unreached.sort_by_key(|unreached| unreached.id);
    Ok(undone)
}

/// Reads back what the ledger says was written and compares; calls and ends go to `observer`.
///
/// Errors: it could not go on.
pub async fn verify<T: Transport, C: Clock>(
    transport: &T,
    clock: &C,
    review: Review<'_>,
    observer: &mut dyn Observer,
) -> Result<Verified, EngineError> {
    let caller = &Caller::new(transport, clock, observer, review.settings.seed);
    let written = begin(caller, review.ledger);
    let verified = &RefCell::new(Verified::default());
    let workers = (review.settings.workers.get() as usize).min(written.len());
    side_by_side(workers, review.stop, written.iter(), |&(id, entry)| async move {
        let read = read(caller, id).await?;
        let mut verified = verified.borrow_mut();
        let end = match read {
            Ok(account) => {
                let (differing, was_not_written) = differing(id, entry, &account);
                if was_not_written {
                    verified.not_written.push(id);
                } else if differing.is_empty() {
                    verified.as_written += 1;
                }
                let message = format!("{} fields hold something else", differing.len());
                let end = if differing.is_empty() { End::Unchanged } else { failed(message) };
                verified.differing.extend(differing);
                end
            }
            Err(reason) => {
                verified.unreached.push(Unreached { id, reason: reason.clone() });
                failed(reason)
            }
        };
        caller.emit(&Event::Landed { at: caller.clock().now(), id, end });
        Ok(())
    })
    .await?;
    let mut verified = verified.take();
    verified.differing.sort_by_key(|conflict| (conflict.id, conflict.field));
    verified.not_written.sort_unstable();
    verified.unreached.sort_by_key(|unreached| unreached.id);
    Ok(verified)
}

impl Undone {
    /// Adds what was done to one account; how it ended.
    fn add(&mut self, judgement: Judgement) -> End {
        let Judgement { restore, conflicts } = judgement;
        self.restored += u64::from(!restore.is_empty());
        self.restored_fields += restore.len() as u64;
        self.unchanged += u64::from(restore.is_empty() && conflicts.is_empty());
        let message = format!("others wrote {} of its fields since", conflicts.len());
        let end = match (conflicts.is_empty(), restore.is_empty()) {
            (false, _) => failed(message),
            (true, false) => End::Migrated,
            (true, true) => End::Unchanged,
        };
        self.conflicts.extend(conflicts);
        end
    }
}

/// The accounts that the run wrote or may have written.
fn begin<'l, T: Transport, C: Clock>(
    caller: &Caller<'_, T, C>,
    ledger: &'l Ledger,
) -> Vec<(AccountId, &'l Entry)> {
    let may_be_written = |entry: &Entry| !entry.changes.is_empty() || entry.open.is_some();
    let written: Vec<_> = ledger.iter().filter(|(_, entry)| may_be_written(entry)).collect();
    caller.emit(&Event::Started { at: caller.clock().now() });
    caller.emit(&Event::Enumerated { resources: written.len() as u64 });
    written
}

const fn failed(message: String) -> End {
    End::Failed(Failure { call: None, message, value: None })
}

/// Restores one account by one write, if it needs any; what was restored and what was not, or why
/// nothing could be done. A write that nobody heard of is looked for before it is made again.
async fn restore<T: Transport, C: Clock>(
    caller: &Caller<'_, T, C>,
    review: Review<'_>,
    id: AccountId,
    entry: &Entry,
) -> Result<Result<Judgement, String>, EngineError> {
    let note = |note: Note| match review.journal.is_on() {
        true => review.journal.keep(&note),
        false => Ok(()),
    };
    let mut tries = caller.tries();
    let mut unheard: Option<(Vec<Change>, Option<GivenUp>)> = None;
    loop {
        let account = match read(caller, id).await? {
            Ok(account) => account,
            Err(reason) => return Ok(Err(reason)),
        };
        let mut judgement = judge(id, entry, &account);
        if let Some((changes, given_up)) = unheard.take() {
            match trace(&account, &changes) {
                Trace::Written => {
                    note(Note::Written { id })?;
                    judgement.restore = changes;
                    return Ok(Ok(judgement));
                }
                Trace::NotWritten => note(Note::NotWritten { id })?,
                Trace::Foreign => {}
            }
            if let Some(given_up) = given_up {
                return Ok(Err(given_up.message));
            }
        }
        if judgement.restore.is_empty() || review.settings.dry_run {
            return Ok(Ok(judgement));
        }
        let changes = judgement.restore.clone();
        let kind = account.kind;
        note(Note::Intended(Intent { id, kind, mappings_done: 0, changes, problem: None }))?;
        let request = Request::PatchAccount(id, patch(&account, &judgement.restore));
        let given_up = match caller.write(&request, &mut tries).await {
            Ok(_) => {
                note(Note::Written { id })?;
                return Ok(Ok(judgement));
            }
            Err(given_up) => given_up,
        };
        match given_up.unheard {
            Unheard::Again => unheard = Some((judgement.restore, None)),
            Unheard::Over => unheard = Some((judgement.restore, Some(given_up))),
            Unheard::No => return reason(given_up).map(Err),
        }
    }
}

async fn read<T: Transport, C: Clock>(
    caller: &Caller<'_, T, C>,
    id: AccountId,
) -> Result<Result<Account, String>, EngineError> {
    let request = Request::GetAccount(id);
    match caller.call(&request).await {
        Ok(Body::Account(account)) => Ok(Ok(*account)),
        Ok(_) => Err(EngineError::wrong_body(request.endpoint())),
        Err(given_up) => reason(given_up).map(Err),
    }
}

/// Why a call was given up; an error if no other call can do better.
fn reason(given_up: GivenUp) -> Result<String, EngineError> {
    match given_up.call.outcome {
        Outcome::Unauthorized => Err(EngineError::from_call(given_up)),
        _ => Ok(given_up.message),
    }
}

fn patch(account: &Account, restore: &[Change]) -> Account {
    let item = |change: &Change| {
        CustomFieldItem::to_write(change.field, change.has_options, change.after.as_ref())
    };
    let items = restore.iter().map(item).collect();
    let body = AccountBody { account_custom_fields: Some(items), ..AccountBody::default() };
    Account { kind: account.kind, body }
}

#[cfg(test)]
mod tests;
