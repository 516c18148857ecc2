//! Pipelined: reads and writes overlap, each with as many calls in flight as its endpoint takes.
//!
//! A search reads a page of accounts while the page before it is written; accounts that a row does
//! not settle are read by GET. The next page is requested when the waiting accounts last for a few
//! searches, and at most a page of them waits. So at most two pages are in memory, however long the
//! plan.
//!
//! Reads stay fresh, since others may edit an account between its row and its write: a page is as large as is
//! written in ten seconds, or while a few searches last, and rows that are older are read again.
//!
//! While writes wait for a search, the last accounts of its page are read by GET: at the start, and
//! wherever searches are slow beside them. The search does not read these again, and is given up once
//! none is left to it. Few accounts are not searched at all.
//!
//! A run by both verbs reads accounts whole to put them, beside the search or in place of the last rows,
//! once enough are being patched. Where calls share a limit, a PUT only takes a GET more than a PATCH: it
//! gets a place that PATCH leaves, and none where calls per second are shared.

use super::account::PendingAccount;
use super::error::EngineError;
use super::migrator::{GaveWay, Migrator};
use super::reading::PageResult;
use super::settings::{Reads, Settings, WriteMode};
use crate::clock::Clock;
use crate::event::Event;
use crate::transport::Transport;
use futures_util::stream::{FuturesUnordered, StreamExt};
use neon_mock::api::{AccountId, Endpoint, MAX_PAGE_SIZE};
use neon_mock::time::Timestamp;
use std::cell::RefCell;
use std::collections::VecDeque;
use std::rc::Rc;
use std::time::Duration;

/// The most accounts per page, and those of the first, while the speed of writes is not known.
const PAGE: usize = MAX_PAGE_SIZE as usize;

/// Time after which a row is read again, since others may have edited its account, and that the writes of a page
/// are to take.
const FRESH: Duration = Duration::from_secs(10);

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

/// Time without further GETs in place of a search after one was refused; doubled by each further one in a row.
const BACKOFF: Duration = Duration::from_millis(50);

/// Capacity of an endpoint, in calls.
#[derive(Clone, Copy)]
struct Places {
    /// Calls in flight.
    in_flight: usize,
    /// Calls in flight and in the queue: a limit that grows finds calls waiting.
    in_all: usize,
}

impl Places {
    const NONE: Self = Self { in_flight: 0, in_all: 0 };

    /// The capacity of an endpoint with this limit; without one, the workers count.
    fn new(limit: Option<u32>, settings: &Settings) -> Self {
        let in_flight = limit.unwrap_or(settings.workers.get()) as usize;
        let waiting = limit.map_or(0, |_| in_flight.min(MOST_AT_A_GATE));
        Self { in_flight, in_all: in_flight + waiting }
    }

    fn at_most(self, in_flight: usize) -> Self {
        if self.in_flight <= in_flight {
            return self;
        }
        Self { in_flight, in_all: in_flight }
    }
}

/// The capacity for writes by each verb and for GETs at some moment.
#[derive(Clone, Copy)]
struct Room {
    patches: Places,
    puts: Places,
    gets: Places,
    /// The time from which GETs may be sent: earlier refusals make them wait until then.
    gets_deferred: Timestamp,
}

impl Room {
    fn now<T: Transport, C: Clock>(migrator: &Migrator<'_, T, C>) -> Self {
        let settings = migrator.settings();
        let places = |endpoint| Places::new(migrator.caller().limit(endpoint), settings);
        let (mut patches, mut puts) =
            (places(Endpoint::PatchAccount), places(Endpoint::PutAccount));
        match settings.write {
            WriteMode::Patch => puts = Places::NONE,
            WriteMode::Put => patches = Places::NONE,
            WriteMode::Both if settings.dry_run => puts = Places::NONE,
            WriteMode::Both => {
                puts = puts.at_most(migrator.caller().beside(Endpoint::PatchAccount) as usize);
            }
        }
        let gets_deferred = migrator.caller().deferred_until(Endpoint::GetAccount);
        Self { patches, puts, gets: places(Endpoint::GetAccount), gets_deferred }
    }

    /// Writes that may be in flight.
    const fn writes(&self) -> usize {
        self.patches.in_flight + self.puts.in_flight
    }
}

/// A step to start beside those under way.
enum PipelineStep {
    /// Read a page: so many of its accounts are left to the search.
    Search(SearchedPage),
    /// Read one account.
    Get(AccountId),
    /// Read one account that a search can read too.
    Overtake(AccountId),
    /// Wait until GETs that a search can replace may be sent again.
    AwaitGets(Timestamp),
    /// Drop an account's row, and read it whole.
    GetInstead(PendingAccount),
    /// Write one account, by PATCH or by PUT.
    Write(PendingAccount, WriteMode),
}

/// The accounts of a search, and those of them that are left to it: the others are read by GET.
#[derive(Clone)]
struct SearchedPage {
    ids: Rc<[AccountId]>,
    left: Rc<RefCell<Vec<AccountId>>>,
}

/// The result of a step.
enum StepResult {
    Searched(PageResult),
    Got(Option<PendingAccount>),
    /// The GET was refused: the account is left to a search.
    GaveWay(AccountId),
    /// GETs may be sent again.
    Waited,
    Written(WriteMode),
}

/// The accounts under way, by the step that they wait for.
struct Line<'i> {
    settings: &'i Settings,
    unread: &'i [AccountId],
    /// To be read again before the others: their rows were old.
    again: VecDeque<AccountId>,
    /// To be read by GET.
    single: VecDeque<AccountId>,
    /// To be patched.
    pending: VecDeque<PendingAccount>,
    /// Read whole, and to be put.
    whole: VecDeque<PendingAccount>,
    searching: Option<SearchedPage>,
    /// When GETs may overtake a search again, how often they were refused in a row, and whether a step waits for that.
    gets_from: Timestamp,
    gets_refused: u32,
    awaits_gets: bool,
    getting: usize,
    patching: usize,
    putting: usize,
    /// When the last search began, how long searches take, and the accounts written since it began.
    searched_at: Option<Timestamp>,
    search_takes: Option<Duration>,
    written: usize,
    /// Accounts of the last page, and how many of them had to be written.
    last_page: (usize, usize),
    /// The most waiting accounts at which the next page is requested.
    enough: usize,
}

impl<'i> Line<'i> {
    const fn new(settings: &'i Settings, ids: &'i [AccountId]) -> Self {
        Self {
            settings,
            unread: ids,
            again: VecDeque::new(),
            single: VecDeque::new(),
            pending: VecDeque::new(),
            whole: VecDeque::new(),
            searching: None,
            gets_from: Timestamp::ZERO,
            gets_refused: 0,
            awaits_gets: false,
            getting: 0,
            patching: 0,
            putting: 0,
            searched_at: None,
            search_takes: None,
            written: 0,
            last_page: (1, 1),
            enough: AT_FIRST,
        }
    }

    /// The next step that has room; `None` until a step ends.
    fn next(&mut self, room: Room, now: Timestamp) -> Option<PipelineStep> {
        if let Some(write) = self.next_write(room) {
            return Some(write);
        }
        if self.getting < room.gets.in_all
            && let Some(id) = self.next_single(room)
        {
            self.getting += 1;
            return Some(PipelineStep::Get(id));
        }
        if let Some(page) = self.next_page(room, now) {
            return Some(page);
        }
        let step = match self.overtake(room, now) {
            Some(PipelineStep::AwaitGets(until)) => return Some(PipelineStep::AwaitGets(until)),
            Some(step) => step,
            None => self.next_whole(room)?,
        };
        self.getting += 1;
        Some(step)
    }

    /// The next write that has room: in flight, or else in a queue.
    fn next_write(&mut self, room: Room) -> Option<PipelineStep> {
        if room.puts.in_all == 0 {
            // The limit turned out to be shared.
            self.pending.extend(self.whole.drain(..));
        }
        for room_of in [|places: Places| places.in_flight, |places: Places| places.in_all] {
            if self.patching < room_of(room.patches)
                && let Some(account) = self.pending.pop_front().or_else(|| self.whole.pop_front())
            {
                self.patching += 1;
                return Some(PipelineStep::Write(account, WriteMode::Patch));
            }
            if self.putting < room_of(room.puts)
                && let Some(account) = self.whole.pop_front()
            {
                self.putting += 1;
                return Some(PipelineStep::Write(account, WriteMode::Put));
            }
        }
        None
    }

    /// An account to read whole for PUTs that would have nothing to do.
    fn next_whole(&mut self, room: Room) -> Option<PipelineStep> {
        let waiting = self.putting.saturating_sub(room.puts.in_flight);
        let ahead = self.whole.len() + self.getting + waiting;
        if self.settings.write != WriteMode::Both
            || self.getting >= room.gets.in_all
            || self.patching < room.patches.in_flight
            || ahead >= GETS_AHEAD * room.puts.in_flight
        {
            return None;
        }
        if let Some(id) = self.next_unread().or_else(|| self.next_of_search()) {
            return Some(PipelineStep::Get(id));
        }
        // The last row is patched later than it would be read and put.
        let patched = (self.pending.len() + self.patching) * room.puts.in_flight;
        let put = (ahead + room.puts.in_flight) * room.patches.in_flight;
        if patched <= put {
            return None;
        }
        self.pending.pop_back().map(PipelineStep::GetInstead)
    }

    /// The last account that is left to the search under way, which does not read it any more.
    fn next_of_search(&mut self) -> Option<AccountId> {
        self.searching.as_ref()?.left.borrow_mut().pop()
    }

    /// The next search, if it is time for one.
    fn next_page(&mut self, room: Room, now: Timestamp) -> Option<PipelineStep> {
        let ahead = self.ahead(room) + self.single.len();
        let searches = self.settings.reads_in_force() == Reads::Search;
        let unread = self.again.len() + self.unread.len();
        let few = unread <= GETS_PER_SEARCH * room.gets.in_flight;
        if !searches || self.searching.is_some() || ahead > self.enough_at(room, now) || few {
            return None;
        }
        let size = unread.min(self.page_size(room, now));
        (self.searched_at, self.written) = (Some(now), 0);
        let ids: Rc<[AccountId]> = std::iter::from_fn(|| self.next_unread()).take(size).collect();
        let page = SearchedPage { left: Rc::new(RefCell::new(ids.to_vec())), ids };
        self.searching = Some(page.clone());
        Some(PipelineStep::Search(page))
    }

    /// The most waiting accounts at which the next page is requested: no more than are written in a few searches, once
    /// the writes since the last one tell their speed, and no fewer than keep them busy.
    fn enough_at(&self, room: Room, now: Timestamp) -> usize {
        let (Some(searched_at), Some(takes)) = (self.searched_at, self.search_takes) else {
            return self.enough;
        };
        if self.written < LEAST {
            return self.enough;
        }
        let per_s = self.written as f64 / now.since(searched_at).as_secs_f64();
        let of_searches = SEARCHES_AHEAD as f64 * per_s * takes.as_secs_f64();
        let least = LEAST.max(2 * room.writes());
        self.enough.min((of_searches.ceil() as usize).max(least))
    }

    /// Accounts of the next page: their writes take as long as a row stays fresh, or a few searches.
    fn page_size(&self, room: Room, now: Timestamp) -> usize {
        let Some(searched_at) = self.searched_at else { return PAGE };
        let elapsed_s = now.since(searched_at).as_secs_f64();
        let (read, to_write) = self.last_page;
        let enough = self.enough_at(room, now);
        let writes = (self.written as f64 / elapsed_s * FRESH.as_secs_f64()).max(enough as f64);
        // Without a write, the page is the largest.
        let page = writes * read as f64 / to_write as f64;
        (page as usize).clamp(LEAST, PAGE)
    }

    /// An account to read by GET in place of a search, since writes have nothing to do meanwhile.
    fn overtake(&mut self, room: Room, now: Timestamp) -> Option<PipelineStep> {
        if self.getting >= room.gets.in_all || self.ahead(room) > room.writes() {
            return None;
        }
        let Some(page) = &self.searching else {
            return self.next_unread().map(PipelineStep::Get);
        };
        let until = self.gets_from.max(room.gets_deferred);
        if until > now {
            let waits = !page.left.borrow().is_empty() && !self.awaits_gets;
            self.awaits_gets |= waits;
            return waits.then_some(PipelineStep::AwaitGets(until));
        }
        self.next_of_search().map(PipelineStep::Overtake)
    }

    /// The next account to read by GET.
    fn next_single(&mut self, room: Room) -> Option<AccountId> {
        let enough = GETS_AHEAD * room.writes().max(room.gets.in_flight);
        match self.settings.reads_in_force() {
            Reads::Search => self.single.pop_front(),
            Reads::Get if self.ahead(room) >= enough => None,
            Reads::Get => self.next_unread(),
        }
    }

    fn next_unread(&mut self) -> Option<AccountId> {
        if let Some(id) = self.again.pop_front() {
            return Some(id);
        }
        let (&id, rest) = self.unread.split_first()?;
        self.unread = rest;
        Some(id)
    }

    /// Drops rows that have grown old, but for those that are written while the others are read again; their number.
    fn drop_old_rows(&mut self, room: Room, now: Timestamp) -> usize {
        let is_old = |row: &PendingAccount| now.since(row.write.read_at) > FRESH;
        let old = self.pending.partition_point(is_old);
        let reads_rows = self.settings.reads_in_force() == Reads::Search;
        let enough = self.enough_at(room, now);
        // Fewer are written before they would be read again.
        let is_few = old < enough + enough.max(AT_FIRST);
        if !reads_rows || self.searching.is_some() || is_few {
            return 0;
        }
        let dropped = self.pending.drain(enough..old);
        let before = self.again.len();
        self.again.extend(dropped.map(|row| row.id));
        self.again.len() - before
    }

    /// Accounts that are being read, or wait to be written.
    fn ahead(&self, room: Room) -> usize {
        let waiting = self.patching.saturating_sub(room.patches.in_flight)
            + self.putting.saturating_sub(room.puts.in_flight);
        self.pending.len() + self.whole.len() + self.getting + waiting
    }

    /// True if no call is under way but perhaps a search that has nothing to find any more, and none is to come:
    /// nothing is left to do, or the run `breaks_off`.
    fn has_ended(&self, breaks_off: bool) -> bool {
        let under_way = self.patching + self.putting + self.getting;
        let in_vain = self.searching.as_ref().is_none_or(|page| page.left.borrow().is_empty());
        let waiting = self.pending.len() + self.whole.len() + self.single.len();
        let unread = self.unread.len() + self.again.len();
        under_way == 0 && in_vain && (breaks_off || waiting + unread == 0)
    }

    /// Records the result of a step.
    fn take(&mut self, done: StepResult, now: Timestamp) {
        match done {
            StepResult::Searched(page) => {
                self.searching = None;
                if let Some(searched_at) = self.searched_at {
                    let took = now.since(searched_at);
                    // A mean that forgets: one long search is not all searches.
                    self.search_takes =
                        Some(self.search_takes.map_or(took, |mean| (mean + took) / 2));
                }
                if page.read > 0 {
                    self.last_page = (page.read, page.unsettled.len() + page.pending.len());
                }
                if self.written > 0 {
                    let enough = usize::midpoint(self.enough, SEARCHES_AHEAD * self.written);
                    self.enough = enough.clamp(LEAST, PAGE);
                }
                self.single.extend(page.unsettled);
                self.pending.extend(page.pending);
            }
            StepResult::Got(account) => {
                self.getting -= 1;
                self.gets_refused = 0;
                match self.settings.write {
                    WriteMode::Patch => self.pending.extend(account),
                    WriteMode::Put | WriteMode::Both => self.whole.extend(account),
                }
            }
            StepResult::GaveWay(id) => {
                self.getting -= 1;
                self.gets_from = now + BACKOFF.saturating_mul(1 << self.gets_refused.min(4));
                self.gets_refused += 1;
                match &self.searching {
                    Some(page) if page.ids.contains(&id) => page.left.borrow_mut().push(id),
                    _ => self.single.push_back(id),
                }
            }
            StepResult::Waited => self.awaits_gets = false,
            StepResult::Written(mode) => {
                match mode {
                    WriteMode::Put => self.putting -= 1,
                    WriteMode::Patch | WriteMode::Both => self.patching -= 1,
                }
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
        let now = migrator.caller().clock().now();
        for _ in 0..line.drop_old_rows(Room::now(migrator), now) {
            migrator.caller().emit(&Event::Buffered { records: -1 });
        }
        let breaks_off = first.is_err() || migrator.stop().is_set();
        while !breaks_off && let Some(step) = line.next(Room::now(migrator), now) {
            running.push(carry_out(migrator, step));
        }
        if line.has_ended(breaks_off) {
            break;
        }
        match running.next().await {
            Some(Ok(done)) => line.take(done, migrator.caller().clock().now()),
            // Steps under way are finished, so that nothing is lost.
            Some(Err(error)) => first = first.and(Err(error)),
            None => break,
        }
    }
    // Read but not written; a resumed run reads them again.
    for _ in line.pending.iter().chain(&line.whole) {
        migrator.caller().emit(&Event::Buffered { records: -1 });
    }
    first
}

async fn carry_out<T: Transport, C: Clock>(
    migrator: &Migrator<'_, T, C>,
    step: PipelineStep,
) -> Result<StepResult, EngineError> {
    Ok(match step {
        PipelineStep::Search(page) => {
            StepResult::Searched(migrator.page(&page.ids, || page.left.take()).await?)
        }
        PipelineStep::AwaitGets(until) => {
            migrator.caller().sleep_until(until).await;
            StepResult::Waited
        }
        PipelineStep::Get(id) => StepResult::Got(migrator.prepare(id, Reads::Get).await?),
        PipelineStep::Overtake(id) => match migrator.overtake(id).await? {
            Ok(account) => StepResult::Got(account),
            Err(GaveWay) => StepResult::GaveWay(id),
        },
        PipelineStep::GetInstead(row) => {
            migrator.caller().emit(&Event::Buffered { records: -1 });
            StepResult::Got(migrator.prepare(row.id, Reads::Get).await?)
        }
        PipelineStep::Write(account, mode) => {
            migrator.finish(account, mode).await?;
            StepResult::Written(mode)
        }
    })
}
