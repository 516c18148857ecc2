//! Pipelined: reads and writes overlap, each as many side by side as its endpoint takes.
//!
//! A search reads a page of accounts while those of the page before it are written. What a row does
//! not settle is read singly. The next page is asked for when so many wait as are written during a
//! few searches, and a page at most: never are more than two pages in memory, however long the plan
//! is, and what is read does not go stale for longer than it must.

use super::EngineError;
use super::limiter::Limiter;
use super::migrator::{Migrator, Pending};
use super::reading::Page;
use super::settings::{Reads, Settings};
use crate::clock::Clock;
use crate::event::Event;
use crate::transport::Transport;
use futures_util::stream::{FuturesUnordered, StreamExt};
use neon_mock::api::{AccountId, MAX_PAGE_SIZE};
use std::collections::VecDeque;

/// Accounts that a page holds.
const PAGE: usize = MAX_PAGE_SIZE as usize;

/// Searches for which the accounts that wait have to last: one in a hundred takes four times as
/// long as most.
const SEARCHES_AHEAD: usize = 4;

/// Accounts that wait when the second page is asked for: nobody knows yet how fast they go.
const AT_FIRST: usize = PAGE / 4;

/// The fewest accounts that have to wait.
const LEAST: usize = 8;

/// Accounts read singly that may wait for each write in flight.
const GETS_AHEAD: usize = 2;

/// Calls of an endpoint that wait for its limiter at most, or are in flight.
const AT_THE_GATE: usize = 64;

/// How many writes, and how many single reads, are under way at most.
const fn side_by_side(settings: &Settings) -> usize {
    match settings.limiter {
        Limiter::None => settings.workers.get() as usize,
        Limiter::Fixed(_) | Limiter::Aimd | Limiter::Adaptive { .. } => AT_THE_GATE,
    }
}

/// Something to be done, beside whatever else is being done.
enum Step<'i> {
    /// Read a page.
    Search(&'i [AccountId]),
    /// Read one account.
    Get(AccountId),
    /// Write one account.
    Write(Pending),
}

/// Something that was done.
enum Done {
    Searched(Page),
    Got(Option<Pending>),
    Written,
}

/// The accounts on their way, by what they wait for.
struct Line<'i> {
    settings: &'i Settings,
    unread: &'i [AccountId],
    /// To be read singly.
    single: VecDeque<AccountId>,
    /// To be written.
    pending: VecDeque<Pending>,
    searching: bool,
    getting: usize,
    writing: usize,
    /// Accounts written since the last search began.
    written: usize,
    /// How many may wait when the next page is asked for.
    enough: usize,
}

impl<'i> Line<'i> {
    const fn new(settings: &'i Settings, ids: &'i [AccountId]) -> Self {
        Self {
            settings,
            unread: ids,
            single: VecDeque::new(),
            pending: VecDeque::new(),
            searching: false,
            getting: 0,
            writing: 0,
            written: 0,
            enough: AT_FIRST,
        }
    }

    /// What can be begun now; `None` until something is done.
    fn next(&mut self) -> Option<Step<'i>> {
        if self.writing < side_by_side(self.settings)
            && let Some(account) = self.pending.pop_front()
        {
            self.writing += 1;
            return Some(Step::Write(account));
        }
        if self.getting < side_by_side(self.settings)
            && let Some(id) = self.next_single()
        {
            self.getting += 1;
            return Some(Step::Get(id));
        }
        let ahead = self.pending.len() + self.single.len() + self.getting;
        let searches = self.settings.reads_in_force() == Reads::Search;
        if !searches || self.searching || self.unread.is_empty() || ahead > self.enough {
            return None;
        }
        (self.searching, self.written) = (true, 0);
        let (page, rest) = self.unread.split_at(self.unread.len().min(PAGE));
        self.unread = rest;
        Some(Step::Search(page))
    }

    /// The account to read singly next.
    fn next_single(&mut self) -> Option<AccountId> {
        let ahead = self.pending.len() + self.getting;
        match self.settings.reads_in_force() {
            Reads::Search => self.single.pop_front(),
            Reads::Get if ahead >= GETS_AHEAD * side_by_side(self.settings) => None,
            Reads::Get => {
                let (&id, rest) = self.unread.split_first()?;
                self.unread = rest;
                Some(id)
            }
        }
    }

    /// Takes in what was done.
    fn take(&mut self, done: Done) {
        match done {
            Done::Searched(page) => {
                self.searching = false;
                if self.written > 0 {
                    // A mean that forgets: one long search is not all searches.
                    let enough = (3 * self.enough + SEARCHES_AHEAD * self.written) / 4;
                    self.enough = enough.clamp(LEAST, PAGE);
                }
                self.single.extend(page.unsettled);
                self.pending.extend(page.pending);
            }
            Done::Got(account) => {
                self.getting -= 1;
                self.pending.extend(account);
            }
            Done::Written => {
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
    loop {
        while !migrator.stop().is_set()
            && let Some(step) = line.next()
        {
            running.push(carry_out(migrator, step));
        }
        match running.next().await {
            Some(done) => line.take(done?),
            None => break,
        }
    }
    // Nothing of these was written: a run that goes on reads them again.
    for _ in line.pending {
        migrator.caller().emit(&Event::Buffered { records: -1 });
    }
    Ok(())
}

async fn carry_out<T: Transport, C: Clock>(
    migrator: &Migrator<'_, T, C>,
    step: Step<'_>,
) -> Result<Done, EngineError> {
    Ok(match step {
        Step::Search(ids) => Done::Searched(migrator.page(ids).await?),
        Step::Get(id) => Done::Got(migrator.prepare(id, Reads::Get).await?),
        Step::Write(account) => {
            migrator.finish(account).await?;
            Done::Written
        }
    })
}
