//! The course of a run: when its accounts landed, and its latest calls.

use crate::stats::mean;
use neon_mock::time::Timestamp;
use neonbench_engine::event::{Attempt, Event, Observer};
use neonbench_engine::measure::PausedTime;
use std::collections::VecDeque;

/// Most landings that are kept: of more, every second, every fourth, and so on.
const MOST_POINTS: usize = 1_024;

/// Latest calls that are kept.
const MOST_CALLS: usize = 1_000;

/// Slices that the pace is looked at in, and the fewest landings of one.
const SLICES: usize = 48;
const LEAST_SLICE: usize = 5;

/// Slices before a change that it is compared with at least.
const LEAST_BEFORE: usize = 6;

/// Slices after a change in which a run finds the new limits: what changes then is no change of the server.
const SETTLED: usize = 8;

/// A change of the pace: the least one, as a logarithm, and the least in standard errors.
const LEAST_CHANGE: f64 = 0.18;
const LEAST_ERRORS: f64 = 5.0;

/// Landings and latest calls of a run so far, by a clock that stands still while it is held: a fold of its events, of
/// bounded size.
#[derive(Clone, Debug, Default)]
pub struct Course {
    began: Timestamp,
    resources: Option<u64>,
    landed: u64,
    landed_before: u64,
    /// Each how many landings are kept.
    stride: u64,
    points: Vec<Timestamp>,
    calls: VecDeque<Attempt>,
    paused: PausedTime,
}

impl Observer for Course {
    fn observe(&mut self, event: &Event) {
        self.paused.add(event);
        match event {
            Event::Started { at } => self.began = *at,
            Event::Enumerated { resources } => self.resources = Some(*resources),
            Event::LandedBefore { .. } => self.landed_before += 1,
            Event::Landed { at, .. } => self.land(self.paused.own_time(*at)),
            Event::Done(call) => {
                if self.calls.len() == MOST_CALLS {
                    self.calls.pop_front();
                }
                self.calls.push_back(self.by_own_clock(call));
            }
            _ => {}
        }
    }
}

impl Course {
    fn land(&mut self, at: Timestamp) {
        self.landed += 1;
        self.stride = self.stride.max(1);
        if self.landed.is_multiple_of(self.stride) {
            self.points.push(at);
        }
        if self.points.len() == MOST_POINTS {
            let mut place = 0;
            self.points.retain(|_| {
                place += 1;
                place % 2 == 0
            });
            self.stride *= 2;
        }
    }

    /// `at` by the clock of the course, which stands still while the run is held.
    pub fn own_time(&self, at: Timestamp) -> Timestamp {
        self.paused.own_time(at)
    }

    /// A call as it was, shifted to when it was sent: calls in flight go on while the run is held.
    fn by_own_clock(&self, call: &Attempt) -> Attempt {
        let sent_at = self.own_time(call.sent_at);
        let done_at = sent_at + call.done_at.since(call.sent_at);
        Attempt { due_at: self.own_time(call.due_at).min(sent_at), sent_at, done_at, ..*call }
    }

    /// Accounts that this process has ended.
    pub const fn landed(&self) -> u64 {
        self.landed
    }

    /// Accounts that have not ended; `None` while it is unknown which the run is for.
    pub fn left(&self) -> Option<u64> {
        Some(self.resources?.saturating_sub(self.landed + self.landed_before))
    }

    /// When so many accounts had landed; a few more, in a long run.
    pub(super) fn at(&self, landed: u64) -> Timestamp {
        match (landed / self.stride.max(1)) as usize {
            0 => self.began,
            points => self.points[points - 1],
        }
    }

    /// The latest calls, in the order in which they were sent.
    pub(super) fn sent_calls(&self) -> Vec<Attempt> {
        let mut calls: Vec<Attempt> = self.calls.iter().copied().collect();
        calls.sort_by_key(|call| call.sent_at);
        calls
    }

    /// The latest calls, in the order of their answers.
    pub(super) fn calls(&self) -> impl Iterator<Item = &Attempt> {
        self.calls.iter()
    }

    /// Accounts that had landed when the pace last changed; 0 if it never did.
    pub(super) fn steady_since(&self) -> u64 {
        let slice = (self.points.len() / SLICES).max(LEAST_SLICE);
        let ends = std::iter::once(self.began)
            .chain(self.points.iter().skip(slice - 1).step_by(slice).copied());
        let ends: Vec<Timestamp> = ends.collect();
        let paces: Vec<f64> =
            ends.windows(2).map(|ends| (ends[1].nanos_since(ends[0]).max(1) as f64).ln()).collect();
        let mut since = 0;
        while let Some(change) = last_change(&paces[since..], if since == 0 { 2 } else { SETTLED })
        {
            since += change;
        }
        (since * slice) as u64 * self.stride.max(1)
    }
}

/// The place in `paces`, from the `first` on, at which their mean changes most, if it does.
fn last_change(paces: &[f64], first: usize) -> Option<usize> {
    let mut found = (LEAST_ERRORS, None);
    for place in first..paces.len().saturating_sub(1) {
        let (before, after) = paces.split_at(place);
        // As much before as after: what was earlier may have changed, too.
        let before = &before[place.saturating_sub(after.len().max(LEAST_BEFORE))..];
        let means = [before, after].map(|part| mean(part.iter().copied()));
        let squares: f64 = [(before, means[0]), (after, means[1])]
            .map(|(part, mean)| part.iter().map(|pace| (pace - mean).powi(2)).sum::<f64>())
            .iter()
            .sum();
        let variance = squares / (before.len() + after.len() - 2).max(1) as f64;
        let error = (variance * (1.0 / before.len() as f64 + 1.0 / after.len() as f64)).sqrt();
        let change = (means[1] - means[0]).abs();
        let errors = change / error.max(1e-9);
        if change >= LEAST_CHANGE && errors > found.0 {
            found = (errors, Some(place));
        }
    }
    found.1
}

#[cfg(test)]
mod tests {
    use super::*;
    use neon_mock::api::AccountId;
    use neonbench_engine::event::AccountOutcome;
    use std::time::Duration;

    fn at(ms: u64) -> Timestamp {
        Timestamp::ZERO + Duration::from_millis(ms)
    }

    /// A run whose accounts land so many milliseconds after one another.
    fn course(apart_ms: impl IntoIterator<Item = u64>) -> Course {
        let mut course = Course::default();
        course.observe(&Event::Enumerated { resources: 1_000_000 });
        let mut now = 0;
        for ms in apart_ms {
            now += ms;
            let (id, end) = (AccountId(1), AccountOutcome::Migrated);
            course.observe(&Event::Landed { at: at(now), id, end });
        }
        course
    }

    #[test]
    fn a_long_run_keeps_some_of_its_landings_and_knows_when_the_others_were() {
        let course = course(vec![10; 100_000]);
        assert!(course.points.len() < MOST_POINTS && course.landed() == 100_000);
        assert_eq!(course.at(0), at(0));
        let middle = course.at(50_000);
        assert!(middle >= at(499_000) && middle <= at(500_000), "{middle:?}");
        assert_eq!(course.left(), Some(900_000));
    }

    /// Landings each 10 ms, with a pause of an hour after so many.
    fn held_after(accounts: usize) -> Course {
        let mut course = course(vec![10; accounts]);
        let held = at(10 * accounts as u64 + 5);
        course.observe(&Event::Paused { at: held, by: "ada".into(), why: "".into() });
        let go = held + Duration::from_secs(3_600);
        let (by, lifted) = ("ada".into(), "ada".into());
        course.observe(&Event::WentOn { at: go, by, lifted, left: 0 });
        for account in 1..=accounts as u64 {
            let (id, end) = (AccountId(1), AccountOutcome::Migrated);
            let at = go + Duration::from_millis(10 * account - 5);
            course.observe(&Event::Landed { at, id, end });
        }
        course
    }

    #[test]
    fn a_pause_is_no_change_of_the_pace() {
        let held = held_after(200);
        assert_eq!(held.steady_since(), 0);
        assert_eq!(held.points, course(vec![10; 400]).points);
    }

    #[test]
    fn a_pace_that_changes_is_found_where_it_changes() {
        let jitter = |account: u64| (account * 7_919) % 5;
        let even = course((0..400).map(|account| 10 + jitter(account)));
        assert_eq!(even.steady_since(), 0);
        let slower = course((0..400).map(|account| (1 + account / 200) * (10 + jitter(account))));
        assert!((190..=210).contains(&slower.steady_since()), "{}", slower.steady_since());
        let mended = course((0..600).map(|account| {
            let times = if (200..400).contains(&account) { 3 } else { 1 };
            times * (10 + jitter(account))
        }));
        assert!((390..=410).contains(&mended.steady_since()), "{}", mended.steady_since());
    }
}
