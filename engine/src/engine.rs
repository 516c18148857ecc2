//! The engine: one strategy, one future, two worlds.
//!
//! Generic over [`Transport`] and [`Clock`]; spawns nothing; reports everything as [`Event`]s.
//! Deliberately absent: the meaning of values (`decide`) and the verdict on a run (`audit`).

mod account;
mod admission;
mod caller;
mod control;
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
mod recognise;
mod retry;
mod rows;
mod settings;
mod standard;
mod stop;
mod verify_undo;
mod workers;
mod writing;

pub use caller::outcome_of;
pub use control::{Control, Hold, HoldSource, LiftedHold};
pub use error::EngineError;
pub use job::{AccountSource, Job};
pub use read_again::{
    AccountReader, AccountView, ClearedSuspects, Settle, SuspectAccount, UnreadAccounts,
};
pub use recognise::{Recognition, recognise};
pub use rows::{ACCOUNT_ID, Columns, account_of, criteria, ids_of};
pub use settings::{
    AuditDepth, DEFAULT_BATCH_SIZE, DEFAULT_MAX_OUTAGE, DEFAULT_WORKERS, Guard, MAX_HYBRID_BATCH,
    Reads, Settings, Strategy, WriteMode,
};
pub use stop::Stop;
pub use verify_undo::{FieldConflict, ReviewMode, WriteReview, review};
pub use writing::is_certain_refusal;

use crate::clock::Clock;
use crate::event::{Event, Observer};
use crate::transport::Transport;
use caller::Caller;
use migrator::Migrator;
use neon_mock::api::{
    Account, AccountId, Body, Criterion, Endpoint, MAX_PAGE_SIZE, Request, SearchAccounts,
    SearchRow,
};
use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};
use workers::side_by_side;

/// Runs `job` and reports every event to `observer`.
///
/// Each account ends in exactly one [`AccountOutcome`](crate::event::AccountOutcome). Once the job
/// is stopped, nothing more is sent: an account ends if it needs no other call, and all others are left to whoever
/// resumes the run.
///
/// Errors: [`EngineError`] if the run cannot go on. Accounts that ended before have been reported.
pub async fn run<T: Transport, C: Clock>(
    transport: &T,
    clock: &C,
    job: Job<'_>,
    observer: &mut dyn Observer,
) -> Result<(), EngineError> {
    match carry_out(transport, clock, job, observer).await {
        Err(EngineError::Stopped) => Ok(()),
        end => end,
    }
}

async fn carry_out<T: Transport, C: Clock>(
    transport: &T,
    clock: &C,
    job: Job<'_>,
    observer: &mut dyn Observer,
) -> Result<(), EngineError> {
    let settings = job.settings;
    let limits = job.limits.unwrap_or(&settings.limiter);
    let caller = Caller::new(transport, clock, observer, settings, limits, job.stop);
    let caller = caller.owned_by(job.journal).controlled_by(job.control);
    let migrator = Migrator::new(caller, job);
    migrator.caller().emit(&Event::Started { at: clock.now() });
    migrator.caller().under_control(migrated(&migrator, clock)).await
}

/// Finds the accounts of a run, and migrates them.
async fn migrated<T: Transport, C: Clock>(
    migrator: &Migrator<'_, T, C>,
    clock: &C,
) -> Result<(), EngineError> {
    let (job, settings) = (migrator.job(), migrator.settings());
    let found;
    let ids = match job.resources {
        AccountSource::Ids(ids) => ids,
        AccountSource::Search { criteria, most } => {
            let most = most.map_or(usize::MAX, |most| most as usize);
            // A selection in part is no selection: whoever resumes the run searches again.
            found = search(migrator.caller(), criteria, most).await?;
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
            Strategy::Standard => standard::run(migrator, ids).await?,
            Strategy::Parallel => parallel::run(migrator, ids).await?,
            Strategy::PutBatch => put_batch::run(migrator, ids).await?,
            Strategy::Hybrid => hybrid::run(migrator, ids).await?,
            Strategy::Pipelined => pipelined::run(migrator, ids).await?,
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

/// The most pages of a search: five million accounts on full ones.
const MAX_PAGES: u32 = 25_000;

/// The ids of the accounts that meet `criteria`, the first `most` by id. All pages are read before the first write,
/// since writes may change which rows a search finds.
///
/// Errors: as those of [`search_pages`].
async fn search<T: Transport, C: Clock>(
    caller: &Caller<'_, T, C>,
    criteria: &[Criterion],
    most: usize,
) -> Result<Vec<AccountId>, EngineError> {
    let mut first = ids_of(criteria.to_vec());
    first.pagination.page_size = most.min(MAX_PAGE_SIZE as usize) as u32;
    search_pages(caller, first, most, &mut |_, _| {}).await
}

/// The ids of the accounts on the page `search` and those that follow it, the first `most` by id. Each row is
/// handed to `see`: one that moves to the next page meanwhile, twice.
///
/// Errors: the search was stopped before its end, or the server does not serve it to its end.
async fn search_pages<T: Transport, C: Clock>(
    caller: &Caller<'_, T, C>,
    mut search: SearchAccounts,
    most: usize,
    see: &mut dyn FnMut(AccountId, &SearchRow),
) -> Result<Vec<AccountId>, EngineError> {
    // Others write meanwhile, so that a row may move to the next page and be served twice.
    let mut ids = BTreeSet::new();
    let wrong_body = || EngineError::WrongBody(Endpoint::SearchAccounts);
    for current_page in 0..MAX_PAGES {
        search.pagination.current_page = current_page;
        let body = caller.call(&Request::SearchAccounts(search.clone())).await;
        let Body::Search(page) = body.map_err(EngineError::from_call)? else {
            return Err(wrong_body());
        };
        let before = ids.len();
        for row in &page.search_results {
            let id = account_of(row).map_err(|_| wrong_body())?;
            ids.insert(id);
            see(id, row);
        }
        if page.pagination.is_last() || ids.len() >= most {
            return Ok(ids.into_iter().take(most).collect());
        }
        if ids.len() == before {
            return Err(EngineError::EndlessSearch(format!(
                "page {} brings no account that the pages before it had not, and the server says that more follow",
                current_page + 1
            )));
        }
    }
    Err(EngineError::EndlessSearch(format!("it has more than {MAX_PAGES} pages")))
}

/// The ids of the accounts that meet `criteria`, the first `most` by id, with the retries of a run; every event goes
/// to `observer`.
///
/// Errors: the target does not serve the search, or it was stopped.
pub async fn find_accounts<T: Transport, C: Clock>(
    transport: &T,
    clock: &C,
    settings: &Settings,
    (criteria, most): (&[Criterion], Option<u64>),
    stop: &Stop,
    observer: &mut dyn Observer,
) -> Result<Vec<AccountId>, EngineError> {
    let caller = Caller::new(transport, clock, observer, settings, &settings.limiter, stop);
    let most = most.map_or(usize::MAX, |most| most as usize);
    search(&caller, criteria, most).await
}

/// The number of accounts that meet `criteria`, by one search of which every event goes to `observer`.
///
/// Errors: the target does not serve the search.
pub async fn count_accounts<T: Transport, C: Clock>(
    transport: &T,
    clock: &C,
    settings: &Settings,
    criteria: &[Criterion],
    observer: &mut dyn Observer,
) -> Result<u64, EngineError> {
    let caller = Caller::new(transport, clock, observer, settings, &settings.limiter, Stop::NEVER);
    let mut search = ids_of(criteria.to_vec());
    search.pagination.page_size = 1;
    let body = caller.call(&Request::SearchAccounts(search)).await;
    let Body::Search(page) = body.map_err(EngineError::from_call)? else {
        return Err(EngineError::WrongBody(Endpoint::SearchAccounts));
    };
    Ok(page.pagination.total_results)
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
