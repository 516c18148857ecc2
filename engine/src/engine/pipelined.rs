//! Pipelined: reads and writes overlap, each with as many calls in flight as its endpoint takes.
//!
//! A search reads a page of accounts while the page before it is written; accounts that a row does
//! not settle are read by GET. The next page is requested when the waiting accounts last for a few
//! searches, and at most a page of them waits. So at most two pages are in memory, however long the
//! plan, and reads stay fresh.
//!
//! While writes wait for a search, the last accounts of its page are read by GET: at the start, and
//! wherever searches are slow beside them. The search does not read these again, and is given up once
//! none is left to it. Few accounts are not searched at all.

use super::account::PendingAccount;
use super::error::EngineError;
use super::migrator::Migrator;
use super::reading::PageResult;
use super::settings::{Reads, Settings, WriteMode};
use crate::clock::Clock;
use crate::event::Event;
use crate::transport::Transport;
use futures_util::stream::{FuturesUnordered, StreamExt};
use neon_mock::api::{AccountId, Endpoint, MAX_PAGE_SIZE};
use std::cell::Cell;
use std::collections::VecDeque;
use std::rc::Rc;

/// Accounts per page.
const PAGE: usize = MAX_PAGE_SIZE as usize;

/// Searches that the waiting accounts must outlast: one in a hundred takes four times as long as
/// most.
const SEARCHES_AHEAD: usize = 4;

/// Waiting accounts at which the second page is requested, before the speed of writes is known.
const AT_FIRST: usize = PAGE / 4;

/// Lower end of that number.
const LEAST: usize = 8;

/// Accounts for each GET in flight that are not worth a search: it takes about as long as so many GETs.
const GETS_PER_SEARCH: usize = 2;

/// Accounts that may wait per slot of the busier endpoint, where all are read by GET.
const GETS_AHEAD: usize = 2;

/// The most calls of an endpoint that wait in its queue.
const MOST_AT_A_GATE: usize = 64;

/// Capacity of an endpoint, in calls.
#[derive(Clone, Copy)]
struct Places {
    /// Calls in flight.
    in_flight: usize,
    /// Calls in flight and in the queue: a limit that grows finds calls waiting.
    in_all: usize,
}

impl Places {
    /// The capacity of an endpoint with this limit; without one, the workers count.
    fn new(limit: Option<u32>, settings: &Settings) -> Self {
        let in_flight = limit.unwrap_or(settings.workers.get()) as usize;
        let waiting = limit.map_or(0, |_| in_flight.min(MOST_AT_A_GATE));
        Self { in_flight, in_all: in_flight + waiting }
    }
}

/// The capacity for writes and for GETs at some moment.
#[derive(Clone, Copy)]
struct Room {
    writes: Places,
    gets: Places,
}

impl Room {
    fn now<T: Transport, C: Clock>(migrator: &Migrator<'_, T, C>) -> Self {
        let settings = migrator.settings();
        let write = match settings.write {
            WriteMode::Patch => Endpoint::PatchAccount,
            WriteMode::Put => Endpoint::PutAccount,
        };
        let places = |endpoint| Places::new(migrator.caller().limit(endpoint), settings);
        Self { writes: places(write), gets: places(Endpoint::GetAccount) }
    }
}

/// A step to start beside those under way.
enum PipelineStep<'i> {
    /// Read a page: so many of its accounts are left to the search.
    Search(&'i [AccountId], Rc<Cell<usize>>),
    /// Read one account.
    Get(AccountId),
    /// Write one account.
    Write(PendingAccount),
}

/// The result of a step.
enum StepResult {
    Searched(PageResult),
    Got(Option<PendingAccount>),
    Written,
}

/// The accounts under way, by the step that they wait for.
struct Line<'i> {
    settings: &'i Settings,
    unread: &'i [AccountId],
    /// To be read by GET.
    single: VecDeque<AccountId>,
    /// To be written.
    pending: VecDeque<PendingAccount>,
    /// The page that is being searched, and how many of its accounts are left to the search.
    searching: Option<(&'i [AccountId], Rc<Cell<usize>>)>,
    getting: usize,
    writing: usize,
    /// Accounts written since the last search began.
    written: usize,
    /// The most waiting accounts at which the next page is requested.
    enough: usize,
}

impl<'i> Line<'i> {
    const fn new(settings: &'i Settings, ids: &'i [AccountId]) -> Self {
        Self {
            settings,
            unread: ids,
            single: VecDeque::new(),
            pending: VecDeque::new(),
            searching: None,
            getting: 0,
            writing: 0,
            written: 0,
            enough: AT_FIRST,
        }
    }

    /// The next step that has room; `None` until a step ends.
    fn next(&mut self, room: Room) -> Option<PipelineStep<'i>> {
        if self.writing < room.writes.in_all
            && let Some(account) = self.pending.pop_front()
        {
            self.writing += 1;
            return Some(PipelineStep::Write(account));
        }
        if self.getting < room.gets.in_all
            && let Some(id) = self.next_single(room)
        {
            self.getting += 1;
            return Some(PipelineStep::Get(id));
        }
        if let Some(page) = self.next_page(room) {
            return Some(page);
        }
        let id = self.overtake(room)?;
        self.getting += 1;
        Some(PipelineStep::Get(id))
    }

    /// The next search, if it is time for one.
    fn next_page(&mut self, room: Room) -> Option<PipelineStep<'i>> {
        let ahead = self.ahead(room) + self.single.len();
        let searches = self.settings.reads_in_force() == Reads::Search;
        let few = self.unread.len() <= GETS_PER_SEARCH * room.gets.in_flight;
        if !searches || self.searching.is_some() || ahead > self.enough || few {
            return None;
        }
        self.written = 0;
        let (page, rest) = self.unread.split_at(self.unread.len().min(PAGE));
        self.unread = rest;
        let left = Rc::new(Cell::new(page.len()));
        self.searching = Some((page, Rc::clone(&left)));
        Some(PipelineStep::Search(page, left))
    }

    /// An account to read by GET in place of a search, since writes have nothing to do meanwhile.
    fn overtake(&mut self, room: Room) -> Option<AccountId> {
        if self.getting >= room.gets.in_all || self.ahead(room) >= room.writes.in_flight {
            return None;
        }
        if let Some((page, left)) = &self.searching {
            left.set(left.get().checked_sub(1)?);
            return Some(page[left.get()]);
        }
        self.next_unread()
    }

    /// The next account to read by GET.
    fn next_single(&mut self, room: Room) -> Option<AccountId> {
        let enough = GETS_AHEAD * room.writes.in_flight.max(room.gets.in_flight);
        match self.settings.reads_in_force() {
            Reads::Search => self.single.pop_front(),
            Reads::Get if self.ahead(room) >= enough => None,
            Reads::Get => self.next_unread(),
        }
    }

    fn next_unread(&mut self) -> Option<AccountId> {
        let (&id, rest) = self.unread.split_first()?;
        self.unread = rest;
        Some(id)
    }

    /// Accounts that are being read, or wait to be written.
    fn ahead(&self, room: Room) -> usize {
        let waiting = self.writing.saturating_sub(room.writes.in_flight);
        self.pending.len() + self.getting + waiting
    }

    /// True if only a search is under way, which has nothing to find any more.
    fn has_ended(&self) -> bool {
        let idle = self.writing + self.getting + self.pending.len() + self.single.len() == 0;
        let in_vain = self.searching.as_ref().is_some_and(|(_, left)| left.get() == 0);
        idle && in_vain && self.unread.is_empty()
    }

    /// Records the result of a step.
    fn take(&mut self, done: StepResult) {
        match done {
            StepResult::Searched(page) => {
                self.searching = None;
                if self.written > 0 {
                    // A mean that forgets: one long search is not all searches.
                    let enough = (3 * self.enough + SEARCHES_AHEAD * self.written) / 4;
                    self.enough = enough.clamp(LEAST, PAGE);
                }
                self.single.extend(page.unsettled);
                self.pending.extend(page.pending);
            }
            StepResult::Got(account) => {
                self.getting -= 1;
                self.pending.extend(account);
            }
            StepResult::Written => {
                self.writing -= 1;
                self.written += 1;
            }
        }
    }
}

pub(super) async fn run<T: Transport, C: Clock>(
    migrator: &Migrator<'_, T, C>,
    ids: &[AccountId],
) -> Result<(), EngineError> {
    let mut line = Line::new(migrator.settings(), ids);
    let mut running = FuturesUnordered::new();
    let mut first = Ok(());
    loop {
        while first.is_ok()
            && !migrator.stop().is_set()
            && let Some(step) = line.next(Room::now(migrator))
        {
            running.push(carry_out(migrator, step));
        }
        if line.has_ended() {
            break;
        }
        match running.next().await {
            Some(Ok(done)) => line.take(done),
            // Steps under way are finished, so that nothing is lost.
            Some(Err(error)) => first = first.and(Err(error)),
            None => break,
        }
    }
    // Read but not written; a resumed run reads them again.
    for _ in line.pending {
        migrator.caller().emit(&Event::Buffered { records: -1 });
    }
    first
}

async fn carry_out<T: Transport, C: Clock>(
    migrator: &Migrator<'_, T, C>,
    step: PipelineStep<'_>,
) -> Result<StepResult, EngineError> {
    Ok(match step {
        PipelineStep::Search(ids, left) => StepResult::Searched(migrator.page(ids, &left).await?),
        PipelineStep::Get(id) => StepResult::Got(migrator.prepare(id, Reads::Get).await?),
        PipelineStep::Write(account) => {
            migrator.finish(account).await?;
            StepResult::Written
        }
    })
}
