//! What every strategy does with one account: look up, read, decide, write, land. How it is read
//! is in `reading`, and how its writes are noted and settled in `writing`.

use super::caller::{Caller, GivenUp};
use super::reading::Known;
use super::settings::{Reads, Settings};
use super::writing::{Begun, Heard, Write};
use super::{EngineError, Job, Stop};
use crate::clock::Clock;
use crate::decide::{Decision, Problem};
use crate::event::{AccountOutcome, Event, Failure, Outcome, SkipReason};
use crate::journal::AccountStatus;
use crate::plan::ResolvedPlan;
use crate::transport::Transport;
use neon_mock::api::{AccountId, Body, Category, Request};
use std::cell::OnceCell;
use std::rc::Rc;

/// Carries out a plan, account by account.
pub(super) struct Migrator<'a, T, C> {
    caller: Caller<'a, T, C>,
    job: Job<'a>,
    task: OnceCell<Rc<ResolvedPlan>>,
}

/// Why an account goes no further.
pub(super) enum Halt {
    /// It has ended.
    Landed(AccountOutcome),
    /// A write may have been carried out, and what stands on the account does not say so.
    Ambiguous(Failure),
    /// The whole run has.
    Run(EngineError),
}

impl From<EngineError> for Halt {
    fn from(error: EngineError) -> Self {
        Self::Run(error)
    }
}

/// What has happened to an account so far, or what some mappings do to it.
#[derive(Debug, Default)]
pub(super) struct Tally {
    applicable: bool,
    changed: bool,
    /// Boxed: it waits in memory with each account that is to be written, and is hardly ever there.
    failure: Option<Box<Failure>>,
}

impl Tally {
    /// That of an account on which an earlier run changed something or not, and found a problem
    /// or not.
    pub(super) fn of_earlier(changed: bool, problem: Option<String>) -> Self {
        let failure = problem.map(|message| Box::new(Failure { call: None, message, value: None }));
        Self { applicable: changed, changed, failure }
    }

    /// Adds a decision, which changes something or not.
    pub(super) fn add(&mut self, decision: &Decision, changes: bool) {
        let failure = |problem: &Problem| Failure {
            call: None,
            message: problem.in_words(),
            value: problem.value().map(str::to_owned),
        };
        let failure = decision.problems.first().map(failure).map(Box::new);
        self.join(Self { applicable: decision.applicable, changed: changes, failure });
    }

    /// Adds what happened after it.
    pub(super) fn join(&mut self, later: Self) {
        self.applicable |= later.applicable;
        self.changed |= later.changed;
        if self.failure.is_none() {
            self.failure = later.failure;
        }
    }

    /// Why the account fails, in words, if it does.
    pub(super) fn problem(&self) -> Option<&str> {
        self.failure.as_ref().map(|failure| failure.message.as_str())
    }

    pub(super) fn end(self) -> AccountOutcome {
        match self.failure {
            Some(failure) => AccountOutcome::Failed(*failure),
            None if self.changed => AccountOutcome::Migrated,
            None if self.applicable => AccountOutcome::Unchanged,
            None => AccountOutcome::Skipped(SkipReason::NotApplicable),
        }
    }
}

/// An account that was read and waits for its write.
pub(super) struct Pending {
    pub(super) id: AccountId,
    pub(super) write: Write,
    /// What happened to it before.
    pub(super) before: Tally,
    /// What the write does to it.
    pub(super) tally: Tally,
}

impl<'a, T: Transport, C: Clock> Migrator<'a, T, C> {
    pub(super) const fn new(caller: Caller<'a, T, C>, job: Job<'a>) -> Self {
        Self { caller, job, task: OnceCell::new() }
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

    pub(super) const fn job(&self) -> &Job<'a> {
        &self.job
    }

    /// Whether what a write changes has to be known.
    pub(super) fn journal_is_on(&self) -> bool {
        self.job.journal.is_on()
    }

    /// Whether no earlier run touched the account.
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
            return Err(EngineError::wrong_body(request.endpoint()));
        };
        let task = Rc::new(ResolvedPlan::resolve(self.job.plan, &fields)?);
        if self.job.settings.metadata_cache {
            // Only one look-up is in flight while the cache is empty, so this cannot fail.
            self.task.set(Rc::clone(&task)).ok();
        }
        Ok(task)
    }

    /// Migrates one account mapping by mapping: a read and a write for each.
    pub(super) async fn by_mapping(&self, id: AccountId) -> Result<(), EngineError> {
        match self.each_mapping(id).await {
            Ok(tally) => self.land(id, tally.end()),
            Err(halt) => self.halt(id, halt),
        }
    }

    async fn each_mapping(&self, id: AccountId) -> Result<Tally, Halt> {
        let Begun { from, tally: mut before } = self.begin(id).await?;
        let mut known = Known::default();
        let mut reads = self.settings().reads_in_force();
        for index in from..self.job.plan.mappings.len() {
            // A dry run writes nothing that the next read could see, so it decides all mappings
            // so far on what it reads.
            let steps = if self.job.settings.dry_run {
                before = Tally::default();
                from..index + 1
            } else {
                index..index + 1
            };
            let mut tally = Tally::default();
            let write = match reads {
                Reads::Get => self.get(id, steps, &mut tally).await?,
                Reads::Search => self.values(id, steps, &mut known, &mut tally).await?,
            };
            if let Some(write) = write
                && self.write(id, write, &before, &mut tally).await? == Heard::ByReading
            {
                // A search may lag behind a write that was not the one first decided.
                reads = Reads::Get;
            }
            before.join(tally);
        }
        Ok(before)
    }

    /// Migrates a batch: reads all of its accounts and decides, then writes those that change.
    pub(super) async fn batch(&self, ids: &[AccountId]) -> Result<(), EngineError> {
        let reads = self.settings().reads_in_force();
        let mut pending = Vec::with_capacity(ids.len());
        for &id in ids {
            pending.extend(self.prepare(id, reads).await?);
        }
        for account in pending {
            self.finish(account).await?;
        }
        Ok(())
    }

    /// Reads one account and decides all mappings on it. If it needs no write it has landed.
    pub(super) async fn prepare(
        &self,
        id: AccountId,
        reads: Reads,
    ) -> Result<Option<Pending>, EngineError> {
        match self.decide_all(id, reads).await {
            Ok((before, tally, Some(write))) => {
                self.caller.emit(&Event::Buffered { records: 1 });
                return Ok(Some(Pending { id, write, before, tally }));
            }
            Ok((mut before, tally, None)) => {
                before.join(tally);
                self.land(id, before.end())?;
            }
            Err(halt) => self.halt(id, halt)?,
        }
        Ok(None)
    }

    async fn decide_all(
        &self,
        id: AccountId,
        reads: Reads,
    ) -> Result<(Tally, Tally, Option<Write>), Halt> {
        let Begun { from, tally: before } = self.begin(id).await?;
        let steps = from..self.job.plan.mappings.len();
        let mut tally = Tally::default();
        if steps.is_empty() {
            return Ok((before, tally, None));
        }
        let write = match reads {
            Reads::Get => self.get(id, steps, &mut tally).await?,
            Reads::Search => self.values(id, steps, &mut Known::default(), &mut tally).await?,
        };
        Ok((before, tally, write))
    }

    /// Makes the write of an account that was read, whereupon it has landed.
    pub(super) async fn finish(&self, account: Pending) -> Result<(), EngineError> {
        let Pending { id, write, mut before, mut tally } = account;
        let written = self.write(id, write, &before, &mut tally).await;
        self.caller.emit(&Event::Buffered { records: -1 });
        match written {
            Ok(_) => {
                before.join(tally);
                self.land(id, before.end())
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
            Halt::Run(error) => Err(error),
        }
    }

    /// Ends an account.
    ///
    /// Errors: it cannot be noted.
    pub(super) fn land(&self, id: AccountId, end: AccountOutcome) -> Result<(), EngineError> {
        match &end {
            AccountOutcome::Migrated => self.note_landed(id, AccountStatus::Migrated, ""),
            AccountOutcome::Unchanged => self.note_landed(id, AccountStatus::Unchanged, ""),
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

impl From<GivenUp> for Halt {
    fn from(given_up: GivenUp) -> Self {
        match given_up.call.outcome {
            Outcome::Merged => Self::Landed(AccountOutcome::Skipped(SkipReason::Merged {
                into: survivor(given_up.body.as_ref()),
            })),
            // A wrong key fails every account to come: stop before it does.
            Outcome::Unauthorized => Self::Run(EngineError::from_call(given_up)),
            _ => Self::Landed(AccountOutcome::Failed(Failure {
                call: Some(given_up.call),
                message: given_up.message,
                value: None,
            })),
        }
    }
}

/// The account that a merged id was merged into.
fn survivor(body: Option<&Body>) -> Option<AccountId> {
    match body? {
        Body::Account(account) => account.body.account_id,
        Body::AccountId(id) => Some(*id),
        _ => None,
    }
}
