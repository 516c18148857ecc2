//! The steps that all strategies share for one account: look up, read, decide, write, end.
//!
//! Reading is in `reading`, and the journalling and confirmation of writes in `writing`.

use super::account::{
    AccountProgress, Confirmation, Halt, PendingAccount, PreparedWrite, ReadValues, ResumePoint,
};
use super::caller::Caller;
use super::error::EngineError;
use super::job::Job;
use super::settings::{Reads, Settings, WriteMode};
use super::stop::Stop;
use crate::clock::Clock;
use crate::event::{AccountOutcome, Event};
use crate::journal::AccountStatus;
use crate::plan::ResolvedPlan;
use crate::transport::Transport;
use neon_mock::api::{AccountId, Body, Category, Request};
use std::cell::{Cell, OnceCell};
use std::rc::Rc;

/// A read was refused, and gives way to the search that can read the account too.
pub(super) struct GaveWay;

/// An account on which all mappings were decided.
struct DecidedAccount {
    /// Progress of an earlier run.
    before: AccountProgress,
    progress: AccountProgress,
    /// The write that it needs.
    write: Option<PreparedWrite>,
}

/// Carries out a plan, account by account.
pub(super) struct Migrator<'a, T, C> {
    caller: Caller<'a, T, C>,
    job: Job<'a>,
    task: OnceCell<Rc<ResolvedPlan>>,
    /// Writes under way by PUT, less those by PATCH.
    put_lead: Cell<i32>,
}

impl<'a, T: Transport, C: Clock> Migrator<'a, T, C> {
    pub(super) const fn new(caller: Caller<'a, T, C>, job: Job<'a>) -> Self {
        Self { caller, job, task: OnceCell::new(), put_lead: Cell::new(0) }
    }

    pub(super) const fn caller(&self) -> &Caller<'a, T, C> {
        &self.caller
    }

    pub(super) const fn settings(&self) -> &Settings {
        self.job.settings
    }

    pub(super) const fn stop(&self) -> &Stop {
        self.job.stop
    }

    pub(super) const fn put_lead(&self) -> &Cell<i32> {
        &self.put_lead
    }

    pub(super) const fn job(&self) -> &Job<'a> {
        &self.job
    }

    /// True if writes are journalled, so that the old values of changed fields must be known.
    pub(super) fn journal_is_on(&self) -> bool {
        self.job.journal.is_on()
    }

    /// True if no earlier run noted the account.
    pub(super) fn is_new(&self, id: AccountId) -> bool {
        self.job.ledger.get(id).is_none()
    }

    /// The plan's fields, looked up once with the cache on and again for each use without it.
    pub(super) async fn task(&self) -> Result<Rc<ResolvedPlan>, EngineError> {
        if let Some(task) = self.task.get() {
            return Ok(Rc::clone(task));
        }
        let request = Request::ListCustomFields(Category::Account);
        let body = self.caller.call(&request).await.map_err(EngineError::from_call)?;
        let Body::CustomFields(fields) = body else {
            return Err(EngineError::WrongBody(request.endpoint()));
        };
        let task = Rc::new(ResolvedPlan::resolve(self.job.plan, &fields)?);
        self.job.journal.resolved(self.job.plan, &task)?;
        if self.job.settings.metadata_cache {
            // Only one look-up is in flight while the cache is empty, so this cannot fail.
            self.task.set(Rc::clone(&task)).ok();
        }
        Ok(task)
    }

    /// Migrates one account mapping by mapping: a read and a write for each.
    pub(super) async fn by_mapping(&self, id: AccountId) -> Result<(), EngineError> {
        match self.each_mapping(id).await {
            Ok(progress) => self.land_progress(id, progress),
            Err(halt) => self.halt(id, halt),
        }
    }

    async fn each_mapping(&self, id: AccountId) -> Result<AccountProgress, Halt> {
        let ResumePoint { from, progress: mut before } = self.begin(id).await?;
        let mut known = ReadValues::default();
        let mut reads = self.settings().reads_in_force();
        for index in from..self.job.plan.mappings.len() {
            // A dry run writes nothing that the next read could see, so it decides all mappings
            // so far on what it reads.
            let steps = if self.job.settings.dry_run {
                before = AccountProgress::default();
                from..index + 1
            } else {
                index..index + 1
            };
            let mut progress = AccountProgress::default();
            let write = match reads {
                Reads::Get => self.get(id, steps, &mut progress).await?,
                Reads::Search => self.values(id, steps, &mut known, &mut progress).await?,
            };
            if let Some(write) = write
                && self.write(id, write, self.settings().write, &before, &mut progress).await?
                    == Confirmation::ReadBack
            {
                // A search may lag behind a write that was not the one first decided.
                reads = Reads::Get;
            }
            before.join(progress);
        }
        Ok(before)
    }

    /// Migrates a batch: reads and decides all of its accounts, then writes those that change.
    pub(super) async fn batch(&self, ids: &[AccountId]) -> Result<(), EngineError> {
        let reads = self.settings().reads_in_force();
        let mut pending = Vec::with_capacity(ids.len());
        for &id in ids {
            pending.extend(self.prepare(id, reads).await?);
        }
        for account in pending {
            self.finish(account, self.settings().write).await?;
        }
        Ok(())
    }

    /// Reads one account and decides all mappings on it. If it needs no write it has landed.
    pub(super) async fn prepare(
        &self,
        id: AccountId,
        reads: Reads,
    ) -> Result<Option<PendingAccount>, EngineError> {
        match self.decide_all(id, reads, false).await {
            Ok(decided) => self.prepared(id, decided),
            Err(halt) => self.halt(id, halt).map(|()| None),
        }
    }

    /// The same, in place of a search that can read the account too.
    ///
    /// Errors: the inner [`GaveWay`], if the GET was refused; the account has not ended then.
    pub(super) async fn overtake(
        &self,
        id: AccountId,
    ) -> Result<Result<Option<PendingAccount>, GaveWay>, EngineError> {
        match self.decide_all(id, Reads::Get, true).await {
            Ok(decided) => self.prepared(id, decided).map(Ok),
            Err(Halt::GaveWay) => Ok(Err(GaveWay)),
            Err(halt) => self.halt(id, halt).map(|()| Ok(None)),
        }
    }

    /// The account if it is to be written; otherwise it has landed.
    fn prepared(
        &self,
        id: AccountId,
        DecidedAccount { mut before, progress, write }: DecidedAccount,
    ) -> Result<Option<PendingAccount>, EngineError> {
        let Some(write) = write else {
            before.join(progress);
            return self.land_progress(id, before).map(|()| None);
        };
        self.caller.emit(&Event::Buffered { records: 1 });
        Ok(Some(PendingAccount { id, write, before, progress }))
    }

    async fn decide_all(
        &self,
        id: AccountId,
        reads: Reads,
        gives_way: bool,
    ) -> Result<DecidedAccount, Halt> {
        let ResumePoint { from, progress: before } = self.begin(id).await?;
        let steps = from..self.job.plan.mappings.len();
        let mut progress = AccountProgress::default();
        if steps.is_empty() {
            return Ok(DecidedAccount { before, progress, write: None });
        }
        let write = match reads {
            Reads::Get if gives_way => self.get_unless_refused(id, steps, &mut progress).await?,
            Reads::Get => self.get(id, steps, &mut progress).await?,
            Reads::Search => {
                self.values(id, steps, &mut ReadValues::default(), &mut progress).await?
            }
        };
        Ok(DecidedAccount { before, progress, write })
    }

    /// Writes an account that was read by `mode`, whereupon it has landed.
    pub(super) async fn finish(
        &self,
        account: PendingAccount,
        mode: WriteMode,
    ) -> Result<(), EngineError> {
        let PendingAccount { id, write, mut before, mut progress } = account;
        let written = self.write(id, write, mode, &before, &mut progress).await;
        self.caller.emit(&Event::Buffered { records: -1 });
        match written {
            Ok(_) => {
                before.join(progress);
                self.land_progress(id, before)
            }
            Err(halt) => self.halt(id, halt),
        }
    }

    /// Ends an account that goes no further.
    ///
    /// Errors: the whole run does not, or how it ended cannot be noted.
    pub(super) fn halt(&self, id: AccountId, halt: Halt) -> Result<(), EngineError> {
        match halt {
            Halt::Landed(end) => self.land(id, end),
            Halt::Ambiguous(failure) => {
                self.note_landed(id, AccountStatus::Ambiguous, &failure.message)?;
                self.emit_landed(id, AccountOutcome::Failed(failure));
                Ok(())
            }
            Halt::Stopped | Halt::GaveWay => Ok(()),
            Halt::Run(error) => Err(error),
        }
    }

    /// Ends an account on which all mappings were decided.
    ///
    /// Errors: it cannot be noted.
    pub(super) fn land_progress(
        &self,
        id: AccountId,
        progress: AccountProgress,
    ) -> Result<(), EngineError> {
        for value in progress.unmapped() {
            self.caller.emit(&Event::Unmapped(value.clone()));
        }
        self.land(id, progress.end())
    }

    /// Ends an account.
    ///
    /// Errors: it cannot be noted.
    pub(super) fn land(&self, id: AccountId, end: AccountOutcome) -> Result<(), EngineError> {
        match &end {
            AccountOutcome::Migrated => self.note_landed(id, AccountStatus::Migrated, ""),
            AccountOutcome::Unchanged => self.note_landed(id, AccountStatus::Unchanged, ""),
            AccountOutcome::Unmapped => self.note_landed(id, AccountStatus::Unmapped, ""),
            AccountOutcome::Skipped(reason) if self.journal_is_on() => {
                self.note_landed(id, AccountStatus::Skipped, &reason.to_string())
            }
            AccountOutcome::Skipped(_) => Ok(()),
            AccountOutcome::Failed(failure) => {
                self.note_landed(id, AccountStatus::Failed, &failure.message)
            }
        }?;
        self.emit_landed(id, end);
        Ok(())
    }

    pub(super) fn emit_landed(&self, id: AccountId, end: AccountOutcome) {
        self.caller.emit(&Event::Landed { at: self.caller.clock().now(), id, end });
    }
}
