//! What every strategy does with one account: look up, read, decide, write, land.

use super::caller::{Caller, GivenUp};
use super::settings::{Settings, WriteMode};
use super::{EngineError, Job, Stop};
use crate::clock::Clock;
use crate::decide::{Decision, Problem, decide};
use crate::event::{End, Event, Failure, Outcome, SkipReason};
use crate::plan::Task;
use crate::transport::Transport;
use neon_mock::api::{Account, AccountBody, AccountId, Body, Category, CustomFieldItem, Request};
use std::cell::OnceCell;
use std::ops::Range;
use std::rc::Rc;

/// Carries out a plan, account by account.
pub(super) struct Migrator<'a, T, C> {
    caller: Caller<'a, T, C>,
    job: Job<'a>,
    task: OnceCell<Rc<Task>>,
}

/// Why an account goes no further.
enum Halt {
    /// It has ended.
    Landed(End),
    /// The whole run has.
    Run(EngineError),
}

/// What has happened to an account so far.
#[derive(Debug, Default)]
struct Tally {
    applicable: bool,
    changed: bool,
    problems: Vec<Problem>,
}

impl Tally {
    fn add(&mut self, decision: Decision) {
        self.applicable |= decision.applicable;
        self.changed |= !decision.items.is_empty();
        self.problems.extend(decision.problems);
    }

    fn end(self) -> End {
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

/// An account that was read and waits for its write.
struct Pending {
    id: AccountId,
    write: Request,
    tally: Tally,
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
        let mut tally = Tally::default();
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
                match self.read(id, steps, &mut tally).await? {
                    Some(write) => self.write(id, &write).await,
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
        let all = 0..self.job.plan.mappings.len();
        let mut pending = Vec::with_capacity(ids.len());
        for &id in ids {
            let mut tally = Tally::default();
            match self.read(id, all.clone(), &mut tally).await {
                Ok(Some(write)) => {
                    self.caller.emit(&Event::Buffered { records: 1 });
                    pending.push(Pending { id, write, tally });
                }
                Ok(None) => self.land(id, tally.end()),
                Err(Halt::Landed(end)) => self.land(id, end),
                Err(Halt::Run(error)) => return Err(error),
            }
        }
        for Pending { id, write, tally } in pending {
            let end = match self.write(id, &write).await {
                Ok(()) => tally.end(),
                Err(Halt::Landed(end)) => end,
                Err(Halt::Run(error)) => return Err(error),
            };
            self.caller.emit(&Event::Buffered { records: -1 });
            self.land(id, end);
        }
        Ok(())
    }

    /// Reads an account and decides `steps` on it; the write it needs, if any.
    async fn read(
        &self,
        id: AccountId,
        steps: Range<usize>,
        tally: &mut Tally,
    ) -> Result<Option<Request>, Halt> {
        let task = self.task().await.map_err(Halt::Run)?;
        let request = Request::GetAccount(id);
        let body = self.caller.call(&request).await.map_err(Halt::from)?;
        let Body::Account(account) = body else {
            return Err(Halt::Run(EngineError::wrong_body(request.endpoint())));
        };
        let mut decision = decide(&account, &task, &task.steps[steps]);
        let items = std::mem::take(&mut decision.items);
        let changes = !items.is_empty();
        tally.add(decision);
        tally.changed |= changes;
        if !changes || self.job.settings.dry_run {
            return Ok(None);
        }
        Ok(Some(match self.job.settings.write {
            WriteMode::Patch => Request::PatchAccount(id, patch(&account, items)),
            WriteMode::Put => Request::PutAccount(id, replacement(*account, items)),
        }))
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

    fn land(&self, id: AccountId, end: End) {
        self.caller.emit(&Event::Landed { at: self.caller.clock().now(), id, end });
    }
}

/// The changed fields alone, in the wrapper of the account's kind.
fn patch(account: &Account, items: Vec<CustomFieldItem>) -> Account {
    let body = AccountBody { account_custom_fields: Some(items), ..AccountBody::default() };
    Account { kind: account.kind, body }
}

/// The whole account as it was read, with the changes in it.
fn replacement(mut account: Account, changes: Vec<CustomFieldItem>) -> Account {
    let mut items = account.body.account_custom_fields.take().unwrap_or_default();
    items.retain(|item| changes.iter().all(|change| change.id != item.id));
    items.extend(changes);
    account.body.account_custom_fields = Some(items);
    account
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
