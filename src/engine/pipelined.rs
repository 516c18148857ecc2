//! Pipelined: reads and writes overlap, each as many side by side as its endpoint takes.
//!
//! A search reads a page of accounts while those of the page before it are written. What a row does
//! not settle is read singly. The next page is asked for once a page or less waits, so that about
//! two pages are in memory, however long the plan is.

use super::EngineError;
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

/// Accounts read singly that may wait for each write in flight.
const GETS_AHEAD: usize = 2;

/// How many writes are in flight at most.
const fn writes_side_by_side(settings: &Settings) -> usize {
    settings.workers.get() as usize
}

/// How many single reads are in flight at most.
const fn gets_side_by_side(settings: &Settings) -> usize {
    settings.workers.get() as usize
}

/// Something to be done, beside whatever else is being done.
enum Step<'i> {
    /// Read a page.
    Search(&'i [AccountId]),
    /// Read one account.
    Get(AccountId),
    /// Write one account.
    Write(Box<Pending>),
}

/// Something that was done.
enum Done {
    Searched(Page),
    Got(Option<Box<Pending>>),
    Written,
}

/// The accounts on their way, by what they wait for.
struct Line<'i> {
    settings: &'i Settings,
    unread: &'i [AccountId],
    /// To be read singly.
    single: VecDeque<AccountId>,
    /// To be written.
    pending: VecDeque<Box<Pending>>,
    searching: bool,
    getting: usize,
    writing: usize,
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
        }
    }

    /// What can be begun now; `None` until something is done.
    fn next(&mut self) -> Option<Step<'i>> {
        if self.writing < writes_side_by_side(self.settings)
            && let Some(account) = self.pending.pop_front()
        {
            self.writing += 1;
            return Some(Step::Write(account));
        }
        if self.getting < gets_side_by_side(self.settings)
            && let Some(id) = self.next_single()
        {
            self.getting += 1;
            return Some(Step::Get(id));
        }
        let ahead = self.pending.len() + self.single.len() + self.getting;
        let searches = self.settings.reads_in_force() == Reads::Search;
        if !searches || self.searching || self.unread.is_empty() || ahead > PAGE {
            return None;
        }
        self.searching = true;
        let (page, rest) = self.unread.split_at(self.unread.len().min(PAGE));
        self.unread = rest;
        Some(Step::Search(page))
    }

    /// The account to read singly next.
    fn next_single(&mut self) -> Option<AccountId> {
        let ahead = self.pending.len() + self.getting;
        match self.settings.reads_in_force() {
            Reads::Search => self.single.pop_front(),
            Reads::Get if ahead >= GETS_AHEAD * writes_side_by_side(self.settings) => None,
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
                self.single.extend(page.unsettled);
                self.pending.extend(page.pending.into_iter().map(Box::new));
            }
            Done::Got(account) => {
                self.getting -= 1;
                self.pending.extend(account);
            }
            Done::Written => self.writing -= 1,
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
        Step::Get(id) => Done::Got(migrator.prepare(id, Reads::Get).await?.map(Box::new)),
        Step::Write(account) => {
            migrator.finish(*account).await?;
            Done::Written
        }
    })
}
