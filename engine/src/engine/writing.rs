//! Writing accounts: each write is journalled before it is sent and confirmed after it.
//!
//! Invariant: a write that may have been carried out is never repeated blindly. The account is read
//! first: it holds the new values, or the old ones, or else somebody else wrote it and people must
//! decide.

use super::account::{
    AccountProgress, Confirmation, Halt, PreparedWrite, Prior, ResumePoint, changes, held,
};
use super::caller::{Attempts, DeliveryUnknown};
use super::error::EngineError;
use super::migrator::Migrator;
use super::settings::{Guard, WriteMode};
use crate::clock::Clock;
use crate::event::{AccountOutcome, Event, Failure, Outcome, SkipReason};
use crate::journal::{
    AccountStatus, FieldChange, Intent, LedgerEntry, Note, RetryScope, Settlement,
};
use crate::transport::Transport;
use neon_mock::api::{Account, AccountId, Body, CustomFieldItem, Request, Value};
use neon_mock::time::Timestamp;
use std::borrow::Cow;
use std::ops::Range;

/// A write as it is sent.
struct OutgoingWrite {
    request: Request,
    steps: Range<usize>,
    prior: Prior,
    read_at: Timestamp,
}

impl OutgoingWrite {
    /// The write as it is sent by `mode`; an account that was not read whole is patched.
    fn new(id: AccountId, write: PreparedWrite, mode: WriteMode) -> Self {
        let PreparedWrite { kind, items, steps, prior, read_at } = write;
        let (request, prior) = match (mode, prior) {
            (WriteMode::Put, Prior::Account(account)) => {
                let changes = changes(&items, |field| held(&account, field));
                let request = Request::PutAccount(id, replacement(*account, items));
                (request, Prior::Changes(changes))
            }
            (_, prior) => (Request::PatchAccount(id, Account::of_items(kind, items)), prior),
        };
        Self { request, steps, prior, read_at }
    }

    const fn mode(&self) -> WriteMode {
        match &self.request {
            Request::PutAccount(..) => WriteMode::Put,
            _ => WriteMode::Patch,
        }
    }

    fn account(&self) -> &Account {
        match &self.request {
            Request::PatchAccount(_, account) | Request::PutAccount(_, account) => account,
            _ => unreachable!("accounts are written by PATCH or PUT"),
        }
    }

    /// The account as it was read, if it was read whole.
    const fn whole_account(&self) -> Option<&Account> {
        match (&self.prior, &self.request) {
            (Prior::Account(account), _) => Some(account),
            (_, Request::PutAccount(_, account)) => Some(account),
            _ => None,
        }
    }

    /// True if `account`, read just now, differs from the state that the write was decided on.
    ///
    /// Neon's modification time has seconds only, and search rows lack it, so the changed fields
    /// are compared as well.
    fn is_stale(&self, account: &Account) -> bool {
        let changed = |account: &Account| {
            account.body.timestamps.as_ref().and_then(|times| times.last_modified_date_time)
        };
        let differs = |change: &FieldChange| held(account, change.field) != change.before;
        let other_time = match &self.prior {
            Prior::Account(before) => changed(before) != changed(account),
            Prior::Changes(_) => false,
        };
        other_time || self.changes().iter().any(differs)
    }

    /// The fields that it changes; none if their old values are unknown.
    fn changes(&self) -> Cow<'_, [FieldChange]> {
        match &self.prior {
            Prior::Changes(changes) => Cow::Borrowed(changes),
            Prior::Account(before) => {
                let items = self.account().body.account_custom_fields.as_deref();
                Cow::Owned(changes(items.unwrap_or_default(), |field| held(before, field)))
            }
        }
    }
}

/// The whole account as it was read, with the changes in it.
fn replacement(mut account: Account, changes: Vec<CustomFieldItem>) -> Account {
    let mut items = account.body.account_custom_fields.take().unwrap_or_default();
    items.retain(|item| changes.iter().all(|change| change.id != item.id));
    items.extend(changes);
    account.body.account_custom_fields = Some(items);
    account
}

/// Conclusion from reading an account after an unconfirmed write.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Trace {
    /// Carried out: each field has its new value.
    Written,
    /// Not carried out: each field has its old value.
    NotWritten,
    /// Neither: somebody else wrote one of the fields.
    Foreign,
}

/// The fate of a write that an earlier run had left open.
enum Settled {
    /// It is carried out.
    Written,
    /// It was not carried out.
    NotWritten,
    /// Its mappings count as done, with what stands there.
    Kept,
}

/// Concludes from `account` whether a write with these `changes` was carried out.
pub(super) fn trace(account: &Account, changes: &[FieldChange]) -> Trace {
    let all = |of: fn(&FieldChange) -> &Option<Value>| {
        changes.iter().all(|change| held(account, change.field) == *of(change))
    };
    if all(|change| &change.after) {
        Trace::Written
    } else if all(|change| &change.before) {
        Trace::NotWritten
    } else {
        Trace::Foreign
    }
}

impl<T: Transport, C: Clock> Migrator<'_, T, C> {
    /// The accounts of `ids` that are still to be migrated. Accounts that an earlier run ended are
    /// reported with their outcome.
    pub(super) fn outstanding<'i>(&self, ids: &'i [AccountId]) -> Cow<'i, [AccountId]> {
        if self.job().ledger.is_empty() {
            return Cow::Borrowed(ids);
        }
        let mut rest = Vec::new();
        for &id in ids {
            match self.job().ledger.get(id).and_then(|entry| ended(entry, self.job().again)) {
                Some(end) => self.caller().emit(&Event::LandedBefore { id, end }),
                None => rest.push(id),
            }
        }
        Cow::Owned(rest)
    }

    /// Settles the open write of an earlier run, and returns where to resume the account.
    pub(super) async fn begin(&self, id: AccountId) -> Result<ResumePoint, Halt> {
        let Some(entry) = self.job().ledger.get(id) else { return Ok(ResumePoint::default()) };
        let (mut done, mut changed) = (entry.mappings_done, !entry.changes.is_empty());
        let mut problem = entry.problem.as_ref();
        if let Some(open) = &entry.open {
            match self.settle(id, open).await? {
                Settled::Written => {
                    (done, changed, problem) = (open.mappings_done, true, open.problem.as_ref());
                }
                Settled::Kept => done = open.mappings_done,
                Settled::NotWritten => {}
            }
        }
        let has_failed = matches!(entry.landed, Some((AccountStatus::Failed, _)));
        if has_failed
            && problem.is_some()
            && self.task().await?.is_repeatable()
            && self.stands(id, entry).await?
        {
            // The value may fit now, for example after an option was added.
            return Ok(ResumePoint {
                from: 0,
                progress: AccountProgress::of_earlier(changed, None),
            });
        }
        let progress = AccountProgress::of_earlier(changed, problem.cloned());
        Ok(ResumePoint { from: done as usize, progress })
    }

    /// Finds out what became of the open write of an earlier run, and notes it.
    ///
    /// Errors: the account does not tell, and nobody decided.
    async fn settle(&self, id: AccountId, open: &Intent) -> Result<Settled, Halt> {
        let settlement = self.job().settlements.get(&id).copied();
        let account = match self.look_back(id).await {
            Ok((account, _)) => account,
            // An account that cannot be read any more would be in doubt for ever.
            Err(Halt::Ambiguous(_)) if settlement == Some(Settlement::Keep) => {
                self.note(|| Note::Kept { id, changes: Vec::new() })?;
                return Ok(Settled::Kept);
            }
            Err(halt) => return Err(halt),
        };
        let is_ours = |change: &FieldChange| held(&account, change.field) == change.after;
        match (trace(&account, &open.changes), settlement) {
            (Trace::Written, _) => self.note(|| Note::Written { id })?,
            (Trace::NotWritten, _) => {
                self.note(|| Note::NotWritten { id })?;
                return Ok(Settled::NotWritten);
            }
            (Trace::Foreign, None) => return Err(foreign()),
            (Trace::Foreign, Some(Settlement::Keep)) => {
                let stands = |it: &&FieldChange| it.after != it.before && is_ours(it);
                let changes = open.changes.iter().filter(stands).cloned().collect();
                self.note(|| Note::Kept { id, changes })?;
                return Ok(Settled::Kept);
            }
            (Trace::Foreign, Some(Settlement::Write)) => {
                self.write_again(id, open, &account).await?;
            }
        }
        Ok(Settled::Written)
    }

    /// Writes what an open write meant to leave, over what stands on `account`. Undo restores what others wrote.
    ///
    /// Errors: it is in doubt again if it is not confirmed.
    async fn write_again(
        &self,
        id: AccountId,
        open: &Intent,
        account: &Account,
    ) -> Result<(), Halt> {
        let mut changes = open.changes.clone();
        let mut items = Vec::new();
        for change in &mut changes {
            let now = held(account, change.field);
            if now != change.after {
                let FieldChange { field, has_options, .. } = *change;
                change.before = now;
                items.push(CustomFieldItem::to_write(field, has_options, change.after.as_ref()));
            }
        }
        self.note(|| Note::Intended(Intent { changes, ..open.clone() }))?;
        let request = Request::PatchAccount(id, Account::of_items(account.kind, items));
        let mut attempts = self.caller().attempts();
        let read_at = attempts.sent_at();
        match self.caller().write(&request, &mut attempts).await {
            Ok(Body::AccountId(written)) if written != id => Err(wrong_account(&request, written)),
            Ok(_) => {
                self.note(|| Note::Written { id })?;
                self.caller().emit(&Event::Written { at: attempts.sent_at(), read_at });
                Ok(())
            }
            Err(error) => Err(match Halt::from(error) {
                Halt::Landed(AccountOutcome::Failed(failure)) => Halt::Ambiguous(failure),
                halt => halt,
            }),
        }
    }

    /// True if all fields that an earlier run wrote still hold its values, so that writing the
    /// account again undoes nobody's work. Fields of an open write are not considered: it is
    /// settled before.
    async fn stands(&self, id: AccountId, entry: &LedgerEntry) -> Result<bool, Halt> {
        let open = entry.open.as_ref().map_or(&[][..], |open| &open.changes);
        let is_open = |field| open.iter().any(|change| change.field == field);
        let mut changes = entry.changes.iter().filter(|change| !is_open(change.field)).peekable();
        if changes.peek().is_none() {
            return Ok(true);
        }
        let (account, _) = self.read(id).await?;
        Ok(changes.all(|change| held(&account, change.field) == change.after))
    }

    /// Carries out a write by `mode`: noted in the journal before it is sent, settled after it.
    ///
    /// `before` is the account's progress until then and `progress` that of this write; it is
    /// replaced where the write has to be decided again.
    pub(super) async fn write(
        &self,
        id: AccountId,
        write: PreparedWrite,
        mode: WriteMode,
        before: &AccountProgress,
        progress: &mut AccountProgress,
    ) -> Result<Confirmation, Halt> {
        let mode = match (mode, &write.prior) {
            (WriteMode::Both, Prior::Account(_)) if self.put_lead().get() < 0 => WriteMode::Put,
            (WriteMode::Both, _) => WriteMode::Patch,
            (WriteMode::Patch | WriteMode::Put, _) => mode,
        };
        let outgoing = OutgoingWrite::new(id, write, mode);
        let lead = if outgoing.mode() == WriteMode::Put { 1 } else { -1 };
        self.put_lead().update(|now| now + lead);
        let written = self.deliver(id, outgoing, before, progress).await;
        self.put_lead().update(|now| now - lead);
        written
    }

    /// The rest of [`write`](Self::write).
    async fn deliver(
        &self,
        id: AccountId,
        mut outgoing: OutgoingWrite,
        before: &AccountProgress,
        progress: &mut AccountProgress,
    ) -> Result<Confirmation, Halt> {
        let mut confirmation = Confirmation::Response;
        if self.settings().guard == Guard::Reread {
            match self.reread(id, outgoing, &mut confirmation, progress).await? {
                Some(next) => outgoing = next,
                None => return Ok(confirmation),
            }
        }
        let mut attempts = self.caller().attempts();
        loop {
            attempts.decided_at(outgoing.read_at);
            self.note(|| intended(id, &outgoing, before, progress))?;
            let error = match self.caller().write(&outgoing.request, &mut attempts).await {
                Ok(Body::AccountId(written)) if written != id => {
                    return Err(wrong_account(&outgoing.request, written));
                }
                Ok(_) => {
                    self.wrote(id, &outgoing, &attempts)?;
                    return Ok(confirmation);
                }
                Err(error) => error,
            };
            if error.delivery_unknown == DeliveryUnknown::No {
                if is_certain_refusal(error.call.outcome) {
                    self.note(|| Note::NotWritten { id })?;
                }
                return Err(Halt::from(error));
            }
            if error.delivery_unknown == DeliveryUnknown::Aged {
                self.note(|| Note::NotWritten { id })?;
                match self.reread(id, outgoing, &mut confirmation, progress).await? {
                    Some(next) => outgoing = next,
                    None => return Ok(confirmation),
                }
                continue;
            }
            let changes = outgoing.changes();
            if changes.is_empty() {
                // The old values are unknown: like the guide's engine, write again.
                match error.delivery_unknown {
                    DeliveryUnknown::Retryable => continue,
                    _ => return Err(Halt::from(error)),
                }
            }
            let (account, read_at) = self.look_back(id).await?;
            match trace(&account, &changes) {
                Trace::Written => {
                    self.wrote(id, &outgoing, &attempts)?;
                    return Ok(Confirmation::ReadBack);
                }
                Trace::NotWritten => self.note(|| Note::NotWritten { id })?,
                Trace::Foreign => return Err(foreign()),
            }
            if error.delivery_unknown == DeliveryUnknown::Exhausted {
                return Err(Halt::from(error));
            }
            confirmation = Confirmation::ReadBack;
            match self.decide_again(id, account, read_at, outgoing, progress).await? {
                Some(next) => outgoing = next,
                None => return Ok(confirmation),
            }
        }
    }

    /// Reads the account again, and decides the write on it; `None` if none is needed any more.
    async fn reread(
        &self,
        id: AccountId,
        outgoing: OutgoingWrite,
        confirmation: &mut Confirmation,
        progress: &mut AccountProgress,
    ) -> Result<Option<OutgoingWrite>, Halt> {
        let (account, read_at) = self.read(id).await?;
        let is_changed = outgoing.is_stale(&account);
        self.caller().emit(&Event::Reread { is_changed });
        if is_changed {
            *confirmation = Confirmation::ReadBack;
        }
        self.decide_again(id, account, read_at, outgoing, progress).await
    }

    /// Decides the write again on `account`, read at `read_at`; `None` if none is needed any more.
    async fn decide_again(
        &self,
        id: AccountId,
        account: Box<Account>,
        read_at: Timestamp,
        outgoing: OutgoingWrite,
        progress: &mut AccountProgress,
    ) -> Result<Option<OutgoingWrite>, Halt> {
        *progress = AccountProgress::default();
        let task = self.task().await?;
        let mode = outgoing.mode();
        let write = self.decide_read(account, read_at, &task, outgoing.steps, progress);
        Ok(write.map(|write| OutgoingWrite::new(id, write, mode)))
    }

    /// Records that a write was carried out.
    fn wrote(
        &self,
        id: AccountId,
        outgoing: &OutgoingWrite,
        attempts: &Attempts,
    ) -> Result<(), EngineError> {
        self.note(|| Note::Written { id })?;
        let (at, read_at) = (attempts.sent_at(), outgoing.read_at);
        self.caller().emit(&Event::Written { at, read_at });
        Ok(())
    }

    /// Reads an account whole; also returns when the call was sent.
    pub(super) async fn read(&self, id: AccountId) -> Result<(Box<Account>, Timestamp), Halt> {
        let request = Request::GetAccount(id);
        match self.caller().read(&request).await.map_err(Halt::from)? {
            (Body::Account(account), read_at) => Ok((account, read_at)),
            _ => Err(EngineError::WrongBody(request.endpoint()).into()),
        }
    }

    /// Reads an account after a write of unknown result.
    async fn look_back(&self, id: AccountId) -> Result<(Box<Account>, Timestamp), Halt> {
        match self.read(id).await {
            Err(Halt::Landed(AccountOutcome::Failed(failure))) => {
                let message = format!("a write may have been carried out, and {}", failure.message);
                Err(Halt::Ambiguous(Failure { message, ..failure }))
            }
            read => read,
        }
    }

    /// Notes that an account has ended; a dry run ends none.
    pub(super) fn note_landed(
        &self,
        id: AccountId,
        landing: AccountStatus,
        reason: &str,
    ) -> Result<(), EngineError> {
        if self.settings().dry_run {
            return Ok(());
        }
        self.note(|| Note::Landed { id, landing, reason: reason.to_owned() })
    }

    fn note(&self, note: impl FnOnce() -> Note) -> Result<(), EngineError> {
        if self.journal_is_on() {
            self.job().journal.keep(&note())?;
        }
        Ok(())
    }
}

fn intended(
    id: AccountId,
    outgoing: &OutgoingWrite,
    before: &AccountProgress,
    progress: &AccountProgress,
) -> Note {
    Note::Intended(Intent {
        id,
        kind: outgoing.account().kind,
        mappings_done: outgoing.steps.end as u32,
        changes: outgoing.changes().into_owned(),
        identity: outgoing.whole_account().map(Account::identity),
        problem: before.problem().or(progress.problem()).map(str::to_owned),
    })
}

/// The outcome of an account in an earlier run; `None` if it is to be tried again.
fn ended(entry: &LedgerEntry, again: RetryScope) -> Option<AccountOutcome> {
    let (landing, reason) = entry.landed.as_ref()?;
    let failed =
        || AccountOutcome::Failed(Failure { call: None, message: reason.clone(), value: None });
    match landing {
        AccountStatus::Migrated => Some(AccountOutcome::Migrated),
        AccountStatus::Unchanged => Some(AccountOutcome::Unchanged),
        AccountStatus::Unmapped => Some(AccountOutcome::Unmapped),
        AccountStatus::Skipped => Some(AccountOutcome::Skipped(SkipReason::from_words(reason))),
        AccountStatus::Failed => (!again.takes_failed()).then(failed),
        AccountStatus::Ambiguous => (!again.takes_ambiguous()).then(failed),
    }
}

/// True if a write with this outcome certainly changed nothing. A target that refuses one value may
/// have taken those before it, and a merged account may have passed the write on.
pub const fn is_certain_refusal(outcome: Outcome) -> bool {
    matches!(
        outcome,
        Outcome::Rejected
            | Outcome::Unreachable
            | Outcome::Unauthorized
            | Outcome::Forbidden
            | Outcome::NotFound
    )
}

fn foreign() -> Halt {
    let message = "a write may have been carried out, and somebody else wrote one of its fields \
                   since: look at the account, and decide which value to keep";
    Halt::Ambiguous(Failure { call: None, message: message.to_owned(), value: None })
}

fn wrong_account(request: &Request, written: AccountId) -> Halt {
    let message = format!("{} answered for account {written}", request.endpoint().name());
    Halt::Landed(AccountOutcome::Failed(Failure { call: None, message, value: None }))
}
