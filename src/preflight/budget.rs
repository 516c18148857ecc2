//! The calls that a preflight may make at its target, and those that it made.

use super::item::{Item, ItemStage, SampleCost, allowance, own_reads};
use super::server::SPARE_READS;
use neon_mock::api::{Endpoint, MAX_PAGE_SIZE};
use neonbench_engine::engine::Stop;
use neonbench_engine::event::{Event, Observer, Outcome};
use std::cell::Cell;
use std::ops::Add;

/// A number of calls, refused ones included.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct CallAllowance {
    /// Reads: accounts, searches, look-ups.
    pub reads: u64,
    /// Writes.
    pub writes: u64,
}

impl CallAllowance {
    /// That many reads.
    pub const fn reads(reads: u64) -> Self {
        Self { reads, writes: 0 }
    }
}

impl Add for CallAllowance {
    type Output = Self;

    fn add(self, other: Self) -> Self {
        Self { reads: self.reads + other.reads, writes: self.writes + other.writes }
    }
}

/// The calls that a preflight makes at most.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CallBudget {
    /// Calls of the reader: definitions, accounts, and those of the items.
    pub own: u64,
    /// Calls of the sample run, its verification and its undo.
    pub sample: CallAllowance,
    /// True if the number of accounts is not known: each 200 of them need another read then.
    pub is_open: bool,
}

impl CallBudget {
    /// The budget of the items `chosen` on a plan of `accounts` accounts, as far as their number is known, with a
    /// sample of that many, if one is written.
    pub fn new(chosen: &[&Item], accounts: Option<u64>, sample: u64, cost: SampleCost) -> Self {
        let is_called = chosen.iter().any(|item| item.stage != ItemStage::Free || item.is_sized);
        let pages = accounts.map_or(1, |accounts| accounts.div_ceil(u64::from(MAX_PAGE_SIZE)));
        let shared = if is_called { 1 + pages + SPARE_READS } else { 0 };
        let own = shared + chosen.iter().map(|item| item.reads).sum::<u64>();
        match sample {
            0 => Self { own, sample: CallAllowance::default(), is_open: accounts.is_none() },
            sample => Self {
                own: own + own_reads(sample),
                sample: allowance(sample, cost),
                is_open: accounts.is_none(),
            },
        }
    }

    /// All of them.
    pub fn total(&self) -> CallAllowance {
        CallAllowance::reads(self.own) + self.sample
    }
}

/// Counts the calls of a run where they are sent, and stops the run once its allowance is used up.
#[derive(Debug)]
pub struct CallMeter<'a> {
    allowed: CallAllowance,
    sent: Cell<CallAllowance>,
    is_used_up: Cell<bool>,
    has_unanswered: Cell<bool>,
    stop: &'a Stop,
}

impl<'a> CallMeter<'a> {
    /// A meter of a run that `stop` stops.
    pub const fn new(allowed: CallAllowance, stop: &'a Stop) -> Self {
        let sent = Cell::new(CallAllowance { reads: 0, writes: 0 });
        let [is_used_up, has_unanswered] = [const { Cell::new(false) }; 2];
        Self { allowed, sent, is_used_up, has_unanswered, stop }
    }

    /// The calls so far.
    pub const fn sent(&self) -> CallAllowance {
        self.sent.get()
    }

    /// True if it stopped the run.
    pub const fn is_used_up(&self) -> bool {
        self.is_used_up.get()
    }

    /// True if a write was sent whose answer does not tell whether it was carried out.
    pub const fn has_unanswered(&self) -> bool {
        self.has_unanswered.get()
    }

    fn count(&self, endpoint: Endpoint) {
        let is_write = endpoint.class().is_write();
        let one = CallAllowance { reads: u64::from(!is_write), writes: u64::from(is_write) };
        let sent = self.sent.get() + one;
        self.sent.set(sent);
        let CallAllowance { reads, writes } = self.allowed;
        if (is_write && sent.writes >= writes) || (!is_write && sent.reads >= reads) {
            self.is_used_up.set(true);
            self.stop.set();
        }
    }
}

/// True if a call that ended so may be carried out yet.
const fn may_come(outcome: Outcome) -> bool {
    matches!(
        outcome,
        Outcome::Abandoned
            | Outcome::Timeout
            | Outcome::Interrupted
            | Outcome::Malformed
            | Outcome::ServerError
    )
}

impl Observer for &CallMeter<'_> {
    fn observe(&mut self, event: &Event) {
        match event {
            Event::Sent { endpoint, .. } => self.count(*endpoint),
            Event::Done(call) if call.endpoint.class().is_write() && may_come(call.outcome) => {
                self.has_unanswered.set(true);
            }
            _ => {}
        }
    }
}
