//! The engine: one strategy, one future, two worlds.
//!
//! It is generic over [`Transport`] and [`Clock`], spawns nothing, and says all that happens as
//! [`Event`]s. It decides nothing about values (that is `decide`) and judges nothing (that is
//! `audit`).

mod aftermath;
mod caller;
mod error;
mod gate;
mod hybrid;
pub mod limiter;
mod migrator;
mod parallel;
mod pipelined;
mod put_batch;
mod reading;
mod retry;
mod rows;
mod settings;
mod standard;
mod stop;
mod workers;
mod writing;

pub use aftermath::{Aftermath, Difference, undo, verify};
pub use caller::outcome_of;
pub use error::EngineError;
pub use rows::{Columns, account_of, criteria, ids_of};
pub use settings::{
    DEFAULT_BATCH_SIZE, DEFAULT_WORKERS, Guard, MAX_HYBRID_BATCH, Reads, Settings, Strategy,
    WriteMode,
};
pub use stop::Stop;

use crate::clock::Clock;
use crate::event::{Event, Observer};
use crate::journal::{Journal, Ledger, NoJournal, RetryScope};
use crate::plan::Plan;
use crate::transport::Transport;
use caller::Caller;
use limiter::Rules;
use migrator::Migrator;
use neon_mock::api::{Account, AccountId, Body, Criterion, Request};
use rows::ACCOUNT_ID;
use std::cell::RefCell;
use std::collections::BTreeMap;
use workers::side_by_side;

/// Which accounts a run is for.
#[derive(Clone, Copy, Debug)]
pub enum Resources<'a> {
    /// These, in this order.
    Ids(&'a [AccountId]),
    /// Those that a search for these criteria finds before anything is written.
    Search(&'a [Criterion]),
}

/// What a run is to do.
#[derive(Clone, Copy)]
pub struct Job<'a> {
    /// What to migrate.
    pub plan: &'a Plan,
    /// How to make the calls.
    pub settings: &'a Settings,
    /// For which accounts.
    pub resources: Resources<'a>,
    /// Where writes are noted before they are sent.
    pub journal: &'a dyn Journal,
    /// What an earlier run that this one resumes noted.
    pub ledger: &'a Ledger,
    /// Which of the accounts that it could not migrate are taken up again.
    pub again: RetryScope,
    /// Says when to begin nothing more.
    pub stop: &'a Stop,
    /// Limits the calls in flight in place of the settings' limiter.
    pub rules: Option<&'a dyn Rules>,
}

impl<'a> Job<'a> {
    /// A job from the beginning to the end, without a journal.
    pub const fn new(plan: &'a Plan, settings: &'a Settings, resources: Resources<'a>) -> Self {
        Self {
            plan,
            settings,
            resources,
            journal: &NoJournal,
            ledger: Ledger::EMPTY,
            again: RetryScope::Neither,
            stop: Stop::NEVER,
            rules: None,
        }
    }
}

impl std::fmt::Debug for Job<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Job").field("settings", self.settings).finish_non_exhaustive()
    }
}

/// Carries out `job`; everything that happens goes to `observer`.
///
/// Each account ends in exactly one [`AccountOutcome`](crate::event::End), unless the job is stopped: what was
/// not begun then does not end, and what was begun does.
/// Errors: the run could not go on; accounts that landed before have landed.
pub async fn run<T: Transport, C: Clock>(
    transport: &T,
    clock: &C,
    job: Job<'_>,
    observer: &mut dyn Observer,
) -> Result<(), EngineError> {
    let settings = job.settings;
    let rules = job.rules.unwrap_or(&settings.limiter);
    let caller = Caller::new(transport, clock, observer, settings, rules);
    let migrator = Migrator::new(caller, job);
    migrator.caller().emit(&Event::Started { at: clock.now() });
    let found;
    let ids = match job.resources {
        Resources::Ids(ids) => ids,
        Resources::Search(criteria) => {
            found = search(migrator.caller(), criteria).await?;
            job.journal.enumerated(&found)?;
            &found
        }
    };
    migrator.caller().emit(&Event::Enumerated { resources: ids.len() as u64 });
    let ids = &*migrator.outstanding(ids);
    if settings.metadata_cache && !ids.is_empty() {
        migrator.task().await?;
    }
    let chunk_size = settings.chunk_size.map_or(usize::MAX, |size| size.get() as usize);
    let chunks = ids.chunks(chunk_size).len() as u64;
    for (chunk, ids) in (1..).zip(ids.chunks(chunk_size)) {
        match settings.strategy {
            Strategy::Standard => standard::run(&migrator, ids).await?,
            Strategy::Parallel => parallel::run(&migrator, ids).await?,
            Strategy::PutBatch => put_batch::run(&migrator, ids).await?,
            Strategy::Hybrid => hybrid::run(&migrator, ids).await?,
            Strategy::Pipelined => pipelined::run(&migrator, ids).await?,
        }
        if job.stop.is_set() {
            break;
        }
        migrator.caller().emit(&Event::ChunkDone { at: clock.now(), chunk, chunks });
        if chunk < chunks {
            clock.sleep_until(clock.now() + settings.chunk_pause).await;
        }
    }
    Ok(())
}

/// The ids of all accounts that meet `criteria`, found page by page before anything is written:
/// paging while the migration changes what is searched for would skip rows.
async fn search<T: Transport, C: Clock>(
    caller: &Caller<'_, T, C>,
    criteria: &[Criterion],
) -> Result<Vec<AccountId>, EngineError> {
    let mut ids = Vec::new();
    for current_page in 0.. {
        let mut search = ids_of(criteria.to_vec());
        search.pagination.current_page = current_page;
        let request = Request::SearchAccounts(search);
        let body = caller.call(&request).await.map_err(EngineError::from_call)?;
        let Body::Search(page) = body else {
            return Err(EngineError::wrong_body(request.endpoint()));
        };
        for row in &page.search_results {
            let id = row.get(ACCOUNT_ID).and_then(|id| id.parse().ok());
            ids.push(id.ok_or_else(|| EngineError::wrong_body(request.endpoint()))?);
        }
        if page.pagination.is_last() {
            break;
        }
    }
    Ok(ids)
}

/// Reads `ids` again, with the retries and the workers of a run; accounts that cannot be read are
/// left out. In id order if `ids` are.
pub async fn read_accounts<T: Transport, C: Clock>(
    transport: &T,
    clock: &C,
    settings: &Settings,
    ids: &[AccountId],
) -> Result<Vec<(AccountId, Account)>, EngineError> {
    let mut nobody = |_: &Event| {};
    let caller = Caller::new(transport, clock, &mut nobody, settings, &settings.limiter);
    let read = &RefCell::new(BTreeMap::new());
    let caller = &caller;
    let workers = (settings.workers.get() as usize).min(ids.len());
    side_by_side(workers, Stop::NEVER, ids.iter(), |&id| async move {
        if let Ok(Body::Account(account)) = caller.call(&Request::GetAccount(id)).await {
            read.borrow_mut().insert(id, *account);
        }
        Ok(())
    })
    .await?;
    Ok(read.take().into_iter().collect())
}
