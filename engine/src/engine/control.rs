//! The control of a run under way by others: held for a while, or slowed.
//!
//! Any thread may give an order. The engine takes the orders itself, in its own thread, so that their events stand in
//! order with the others: nothing is sent between [`Event::Paused`] and [`Event::WentOn`].

use super::stop::Stop;
use crate::event::Event;
use futures_util::future::select;
use neon_mock::time::Timestamp;
use std::cell::Cell;
use std::pin::pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tokio::sync::Notify;
use tokio::sync::futures::Notified;

/// Length of a pause from which on what was read before it is read again before it is written: others may have edited
/// it. The pipelined strategy takes its rows for fresh for as long.
const FRESH: Duration = Duration::from_secs(10);

/// The source of a hold. A run has at most one hold of each.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum HoldSource {
    /// A person, by a command.
    Person,
    /// A file that is there.
    File,
    /// The hours of the day.
    Hours,
}

/// A reason to send nothing for a while.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Hold {
    /// The kind of its source.
    pub source: HoldSource,
    /// The name of its source.
    pub by: Arc<str>,
    /// The reason, or the end; may be empty.
    pub why: Arc<str>,
}

/// The result of lifting a hold.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LiftedHold {
    /// The hold; `None` if there was none of its source.
    pub lifted: Option<Hold>,
    /// The holds that remain: the run goes on once there are none.
    pub left: Vec<Hold>,
}

/// Orders to a run under way: holds, and places that are left to others.
///
/// While anything holds the run, it sends nothing; calls in flight end, and a [`Stop`] ends the wait. A pause of ten
/// seconds or more makes what was read before it old: it is read again before it is written.
#[derive(Debug, Default)]
pub struct Control {
    state: Mutex<ControlState>,
    changed: Notify,
}

#[derive(Debug)]
struct ControlState {
    holds: Vec<Hold>,
    headroom: u32,
    /// Orders that the engine has not taken yet.
    news: Vec<Order>,
}

impl Default for ControlState {
    fn default() -> Self {
        Self::new()
    }
}

impl ControlState {
    const fn new() -> Self {
        Self { holds: Vec::new(), headroom: 0, news: Vec::new() }
    }
}

#[derive(Debug)]
enum Order {
    Hold(Hold),
    Lift { by: Arc<str>, lifted: Arc<str>, left: u32 },
    Slow { headroom: u32, by: Arc<str> },
    Stop { by: Arc<str> },
}

impl Order {
    fn event(self, at: Timestamp) -> Event {
        match self {
            Self::Hold(Hold { by, why, .. }) => Event::Paused { at, by, why },
            Self::Lift { by, lifted, left } => Event::WentOn { at, by, lifted, left },
            Self::Slow { headroom, by } => Event::Slowed { at, headroom, by },
            Self::Stop { by } => Event::StopAsked { at, by },
        }
    }
}

/// The orders since the last look, and the state that they led to.
pub(super) struct TakenOrders {
    pub(super) events: Vec<Event>,
    pub(super) is_held: bool,
    pub(super) headroom: u32,
}

impl Control {
    /// The control of a run that nobody controls.
    pub const NEVER: &'static Self = &NEVER;

    fn state(&self) -> MutexGuard<'_, ControlState> {
        // Each change is one assignment or push, so that a panic leaves nothing half done.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Holds the run; the hold of the same source that it has already, in which case nothing changes.
    pub fn hold(&self, hold: Hold) -> Option<Hold> {
        let mut state = self.state();
        if let Some(held) = state.holds.iter().find(|held| held.source == hold.source) {
            return Some(held.clone());
        }
        state.holds.push(hold.clone());
        state.news.push(Order::Hold(hold));
        drop(state);
        self.changed.notify_waiters();
        None
    }

    /// Lifts the hold of `source`, as `by` wants it.
    pub fn lift(&self, source: HoldSource, by: &str) -> LiftedHold {
        let mut state = self.state();
        let place = state.holds.iter().position(|held| held.source == source);
        let lifted = place.map(|place| state.holds.remove(place));
        let left = state.holds.clone();
        if let Some(Hold { by: held_by, .. }) = &lifted {
            let (lifted, left) = (Arc::clone(held_by), left.len() as u32);
            state.news.push(Order::Lift { by: by.into(), lifted, left });
            drop(state);
            self.changed.notify_waiters();
        }
        LiftedHold { lifted, left }
    }

    /// Leaves `headroom` places of each endpoint's limit to others, as `by` wants it; the number that was left before.
    pub fn slow(&self, headroom: u32, by: &str) -> u32 {
        let mut state = self.state();
        let before = std::mem::replace(&mut state.headroom, headroom);
        state.news.push(Order::Slow { headroom, by: by.into() });
        drop(state);
        self.changed.notify_waiters();
        before
    }

    /// Makes it known that `by` is about to stop the run.
    pub fn announce_stop(&self, by: &str) {
        self.state().news.push(Order::Stop { by: by.into() });
        self.changed.notify_waiters();
    }

    /// The holds of the run, the oldest first.
    pub fn holds(&self) -> Vec<Hold> {
        self.state().holds.clone()
    }

    /// Places of each endpoint's limit that are left to others.
    pub fn headroom(&self) -> u32 {
        self.state().headroom
    }

    /// True if no order can come.
    pub(super) fn is_never(&self) -> bool {
        std::ptr::eq(self, Self::NEVER)
    }

    /// Ends with the next order after this call.
    pub(super) fn changed(&self) -> Notified<'_> {
        self.changed.notified()
    }

    /// Takes the orders since the last look, as events at `at`.
    pub(super) fn take(&self, at: Timestamp) -> TakenOrders {
        let mut state = self.state();
        TakenOrders {
            events: state.news.drain(..).map(|order| order.event(at)).collect(),
            is_held: !state.holds.is_empty(),
            headroom: state.headroom,
        }
    }
}

static NEVER: Control =
    Control { state: Mutex::new(ControlState::new()), changed: Notify::const_new() };

/// The pauses of a run, as its engine has made them.
#[derive(Debug, Default)]
pub(super) struct Pauses {
    since: Cell<Option<Timestamp>>,
    /// Time of all that have ended.
    ended: Cell<Duration>,
    /// The end of the last long one: what was read before is old.
    fresh_from: Cell<Timestamp>,
    over: Notify,
}

impl Pauses {
    /// Begins or ends one; the length of a pause that ends.
    pub(super) fn set(&self, is_held: bool, now: Timestamp) -> Option<Duration> {
        if is_held {
            self.since.set(self.since.get().or(Some(now)));
            return None;
        }
        let length = now.since(self.since.take()?);
        self.ended.set(self.ended.get() + length);
        if length >= FRESH {
            self.fresh_from.set(now);
        }
        self.over.notify_waiters();
        Some(length)
    }

    /// True during a pause.
    pub(super) fn is_on(&self) -> bool {
        self.since.get().is_some()
    }

    /// Time of all pauses until `now`.
    pub(super) fn total(&self, now: Timestamp) -> Duration {
        let under_way = self.since.get().map_or(Duration::ZERO, |since| now.since(since));
        self.ended.get() + under_way
    }

    /// True if what was read by a call sent at `read_at` is old, since a long pause came after it.
    pub(super) fn has_aged(&self, read_at: Timestamp) -> bool {
        read_at < self.fresh_from.get()
    }

    /// Waits for the end of the pause, if there is one, or for a stop.
    pub(super) async fn over(&self, stop: &Stop) {
        while self.is_on() && !stop.is_set() {
            // One thread sets and awaits it, so that no end is missed.
            select(pin!(self.over.notified()), pin!(stop.raised())).await;
        }
    }
}
