//! Orders that a run was given, and the time for which it was held.

use crate::event::Event;
use neon_mock::time::Timestamp;
use std::time::Duration;

/// Orders that are kept: others may give as many as they like.
const MOST_ORDERS: usize = 1_000;

/// The time for which a run was held: a fold of its events.
#[derive(Clone, Copy, Debug, Default)]
pub struct PausedTime {
    /// Begin and end of the last pause, and the time of those before it; the end is open during a pause.
    last: Option<(Timestamp, Option<Timestamp>, Duration)>,
}

impl PausedTime {
    /// Takes an event.
    pub fn add(&mut self, event: &Event) {
        match (event, &mut self.last) {
            (Event::Paused { .. }, Some((_, None, _))) => {}
            (Event::Paused { at, .. }, _) => self.last = Some((*at, None, self.before(*at))),
            (Event::WentOn { at, left: 0, .. }, Some((_, end, _))) => *end = end.or(Some(*at)),
            _ => {}
        }
    }

    /// True during a pause.
    pub const fn is_on(&self) -> bool {
        matches!(self.last, Some((_, None, _)))
    }

    /// The time of all pauses before `at`, which is not before the end of the last pause but one.
    pub fn before(&self, at: Timestamp) -> Duration {
        self.last.map_or(Duration::ZERO, |(begin, end, earlier)| {
            earlier + end.unwrap_or(at).min(at).since(begin.min(at))
        })
    }

    /// `at` by a clock that stands still in each pause; of times before the last pause, as [`before`](Self::before).
    pub fn own_time(&self, at: Timestamp) -> Timestamp {
        let running = at.since(Timestamp::ZERO).saturating_sub(self.before(at));
        Timestamp::ZERO + running
    }
}

/// The orders so far.
#[derive(Clone, Debug, Default)]
pub(super) struct OrdersTaken {
    pub(super) first: Vec<Event>,
    paused: PausedTime,
    /// Time of all pauses until the last account landed.
    pub(super) paused_before_landing: Duration,
}

impl OrdersTaken {
    /// Takes the event of an order.
    pub(super) fn add(&mut self, event: &Event) {
        if self.first.len() < MOST_ORDERS {
            self.first.push(event.clone());
        }
        self.paused.add(event);
    }

    /// An account has landed.
    pub(super) fn land(&mut self, at: Timestamp) {
        self.paused_before_landing = self.paused.before(at);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn time_stands_still_in_pauses_alone() {
        let at = |s| Timestamp::ZERO + Duration::from_secs(s);
        let pause = |s| Event::Paused { at: at(s), by: "a".into(), why: "".into() };
        let go = |s, left| Event::WentOn { at: at(s), by: "a".into(), lifted: "a".into(), left };
        let mut paused = PausedTime::default();
        assert_eq!(paused.own_time(at(7)), at(7));
        for event in [pause(10), pause(12), go(15, 1)] {
            paused.add(&event);
        }
        assert!(paused.is_on());
        assert_eq!([8, 10, 30].map(|s| paused.own_time(at(s))), [at(8), at(10), at(10)]);
        paused.add(&go(30, 0));
        assert_eq!([10, 20, 30, 31].map(|s| paused.own_time(at(s))), [10, 10, 10, 11].map(at));
        paused.add(&pause(40));
        paused.add(&go(45, 0));
        assert_eq!([35, 42, 50].map(|s| paused.own_time(at(s))), [15, 20, 25].map(at));
    }
}
