//! The engine: one strategy, one future, two worlds.
//!
//! Generic over [`Transport`] and [`Clock`]; spawns nothing; reports everything as [`Event`]s.
//! Deliberately absent: the meaning of values (`decide`) and the verdict on a run (`audit`).

mod account;
mod admission;
mod caller;
mod error;
mod hybrid;
mod job;
pub mod limiter;
mod migrator;
mod outage;
mod parallel;
mod pipelined;
mod put_batch;
mod read_again;
mod reading;
mod retry;
mod rows;
mod settings;
mod standard;
mod stop;
mod verify_undo;
mod workers;
mod writing;

pub use caller::outcome_of;
pub use error::EngineError;
pub use job::{AccountSource, Job};
pub use read_again::{AccountReader, AccountView, Settle, SuspectAccount, UnreadAccounts};
pub use rows::{Columns, account_of, criteria, ids_of};
pub use settings::{
    AuditDepth, DEFAULT_BATCH_SIZE, DEFAULT_WORKERS, Guard, MAX_HYBRID_BATCH, Reads, Settings,
    Strategy, WriteMode,
};
pub use stop::Stop;
pub use verify_undo::{FieldConflict, ReviewMode, WriteReview, review};
pub use writing::is_certain_refusal;

use crate::clock::Clock;
use crate::event::{Event, Observer};
use crate::transport::Transport;
use caller::Caller;
use migrator::Migrator;
use neon_mock::api::{Account, AccountId, Body, Criterion, Request};
use rows::ACCOUNT_ID;
use std::cell::RefCell;
use std::collections::BTreeMap;
use workers::side_by_side;

/// Runs `job` and reports every event to `observer`.
///
/// Each account ends in exactly one [`AccountOutcome`](crate::event::AccountOutcome). Once the job
/// is stopped, accounts under way still end, and no others begin.
///
/// Errors: [`EngineError`] if the run cannot go on. Accounts that ended before have been reported.
pub async fn run<T: Transport, C: Clock>(
    transport: &T,
    clock: &C,
    job: Job<'_>,
    observer: &mut dyn Observer,
) -> Result<(), EngineError> {
    let settings = job.settings;
    let limits = job.limits.unwrap_or(&settings.limiter);
    let caller = Caller::new(transport, clock, observer, settings, limits, job.stop);
    let migrator = Migrator::new(caller, job);
    migrator.caller().emit(&Event::Started { at: clock.now() });
    let found;
    let ids = match job.resources {
        AccountSource::Ids(ids) => ids,
        AccountSource::Search(criteria) => {
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
            job.stop.sleep_until(clock, clock.now() + settings.chunk_pause).await;
        }
        if job.stop.is_set() {
            break;
        }
    }
    Ok(())
}

/// The ids of all accounts that meet `criteria`. All pages are read before the first write, since
/// writes may change which rows a search finds.
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
            return Err(EngineError::WrongBody(request.endpoint()));
        };
        for row in &page.search_results {
            let id = row.get(ACCOUNT_ID).and_then(|id| id.parse().ok());
            ids.push(id.ok_or_else(|| EngineError::WrongBody(request.endpoint()))?);
        }
        if page.pagination.is_last() {
            break;
        }
    }
    Ok(ids)
}

/// Reads the accounts `ids` whole, with the retries and workers of a run. Accounts that cannot be
/// read are left out. The result is in id order.
///
/// Errors: never because of a single account, which is left out instead.
pub async fn read_accounts<T: Transport, C: Clock>(
    transport: &T,
    clock: &C,
    settings: &Settings,
    ids: &[AccountId],
) -> Result<Vec<(AccountId, Account)>, EngineError> {
    let mut nobody = |_: &Event| {};
    let caller =
        Caller::new(transport, clock, &mut nobody, settings, &settings.limiter, Stop::NEVER);
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
