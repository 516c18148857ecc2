//! What every strategy does with one account: look up, read, decide, write, land. How it is read
//! is in `reading`.

use super::caller::{Caller, GivenUp};
use super::reading::Known;
use super::settings::{Reads, Settings};
use super::{EngineError, Job, Stop};
use crate::clock::Clock;
use crate::decide::{Decision, Problem};
use crate::event::{End, Event, Failure, Outcome, SkipReason};
use crate::journal::Change;
use crate::plan::Task;
use crate::transport::Transport;
use neon_mock::api::{AccountId, Body, Category, Request};
use std::cell::OnceCell;
use std::rc::Rc;

/// Carries out a plan, account by account.
pub(super) struct Migrator<'a, T, C> {
    caller: Caller<'a, T, C>,
    job: Job<'a>,
    task: OnceCell<Rc<Task>>,
}

/// Why an account goes no further.
pub(super) enum Halt {
    /// It has ended.
    Landed(End),
    /// The whole run has.
    Run(EngineError),
}

/// What has happened to an account so far.
#[derive(Debug, Default)]
pub(super) struct Tally {
    applicable: bool,
    changed: bool,
    problems: Vec<Problem>,
}

impl Tally {
    /// Adds a decision, which changes something or not.
    pub(super) fn add(&mut self, decision: Decision, changes: bool) {
        self.applicable |= decision.applicable;
        self.changed |= changes;
        self.problems.extend(decision.problems);
    }

    pub(super) fn end(self) -> End {
        match self.problems.first() {
            Some(problem) => End::Failed(Failure {
                call: None,
                message: problem.in_words(),
                value: problem.value().map(str::to_owned),
            }),
            None if self.changed => End::Migrated,
            None if self.applicable => End::Unchanged,
            None => End::Skipped(SkipReason::NotApplicable),
        }
    }
}

/// A write that an account needs.
#[expect(dead_code, reason = "what it changes is for the journal, which is not kept yet")]
pub(super) struct Write {
    pub(super) request: Request,
    /// How many mappings stand on the account once it is carried out.
    pub(super) mappings_done: u32,
    /// The fields that it changes; none without a journal.
    pub(super) changes: Vec<Change>,
}

/// An account that was read and waits for its write.
pub(super) struct Pending {
    pub(super) id: AccountId,
    pub(super) write: Write,
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

    /// Whether what a write changes has to be known.
    pub(super) fn journal_is_on(&self) -> bool {
        self.job.journal.is_on()
    }

    /// Whether no earlier run touched the account.
    pub(super) fn is_new(&self, id: AccountId) -> bool {
        self.job.ledger.get(id).is_none()
    }

    /// The plan's fields, looked up once with the cache on and again for each use without it.
    pub(super) async fn task(&self) -> Result<Rc<Task>, EngineError> {
        if let Some(task) = self.task.get() {
            return Ok(Rc::clone(task));
        }
        let request = Request::ListCustomFields(Category::Account);
        let body = self.caller.call(&request).await.map_err(EngineError::from_call)?;
        let Body::CustomFields(fields) = body else {
            return Err(EngineError::wrong_body(request.endpoint()));
        };
        let task = Rc::new(Task::resolve(self.job.plan, &fields)?);
        if self.job.settings.metadata_cache {
            // Only one look-up is in flight while the cache is empty, so this cannot fail.
            self.task.set(Rc::clone(&task)).ok();
        }
        Ok(task)
    }

    /// Migrates one account mapping by mapping: a read and a write for each.
    pub(super) async fn by_mapping(&self, id: AccountId) -> Result<(), EngineError> {
        let (mut tally, mut known) = (Tally::default(), Known::default());
        let reads = self.settings().reads_in_force();
        for index in 0..self.job.plan.mappings.len() {
            // A dry run writes nothing that the next read could see, so it decides all mappings
            // so far on what it reads.
            let steps = if self.job.settings.dry_run {
                tally = Tally::default();
                0..index + 1
            } else {
                index..index + 1
            };
            let step = async {
                match self.read(id, steps, reads, &mut known, &mut tally).await? {
                    Some(write) => self.write(id, &write.request).await,
                    None => Ok(()),
                }
            };
            match step.await {
                Ok(()) => {}
                Err(Halt::Landed(end)) => {
                    self.land(id, end);
                    return Ok(());
                }
                Err(Halt::Run(error)) => return Err(error),
            }
        }
        self.land(id, tally.end());
        Ok(())
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
        let all = 0..self.job.plan.mappings.len();
        let mut tally = Tally::default();
        match self.read(id, all, reads, &mut Known::default(), &mut tally).await {
            Ok(Some(write)) => {
                self.caller.emit(&Event::Buffered { records: 1 });
                return Ok(Some(Pending { id, write, tally }));
            }
            Ok(None) => self.land(id, tally.end()),
            Err(Halt::Landed(end)) => self.land(id, end),
            Err(Halt::Run(error)) => return Err(error),
        }
        Ok(None)
    }

    /// Makes the write of an account that was read, whereupon it has landed.
    pub(super) async fn finish(&self, account: Pending) -> Result<(), EngineError> {
        let Pending { id, write, tally } = account;
        let end = match self.write(id, &write.request).await {
            Ok(()) => tally.end(),
            Err(Halt::Landed(end)) => end,
            Err(Halt::Run(error)) => return Err(error),
        };
        self.caller.emit(&Event::Buffered { records: -1 });
        self.land(id, end);
        Ok(())
    }

    /// Writes account `id`, and makes sure that no other was written in its place.
    async fn write(&self, id: AccountId, request: &Request) -> Result<(), Halt> {
        match self.caller.call(request).await.map_err(Halt::from)? {
            Body::AccountId(written) if written != id => {
                let name = request.endpoint().name();
                let message = format!("{name} answered for account {written}");
                Err(Halt::Landed(End::Failed(Failure { call: None, message, value: None })))
            }
            _ => Ok(()),
        }
    }

    pub(super) fn land(&self, id: AccountId, end: End) {
        self.caller.emit(&Event::Landed { at: self.caller.clock().now(), id, end });
    }
}

impl From<GivenUp> for Halt {
    fn from(given_up: GivenUp) -> Self {
        match given_up.call.outcome {
            Outcome::Merged => Self::Landed(End::Skipped(SkipReason::Merged {
                into: survivor(given_up.body.as_ref()),
            })),
            // A wrong key fails every account to come: stop before it does.
            Outcome::Unauthorized => Self::Run(EngineError::from_call(given_up)),
            _ => Self::Landed(End::Failed(Failure {
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
