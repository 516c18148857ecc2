//! Counts of a run under way, and an estimate of the time left.

use crate::cli::output::{count, duration};
use neon_mock::api::Endpoint;
use neonbench_engine::event::{Event, Outcome};
use std::collections::{BTreeMap, VecDeque};
use std::fmt::Write as _;
use std::time::Duration;

/// Least length of a slice of wall time.
const SLICE: Duration = Duration::from_secs(1);

/// Most slices that the rate is taken over.
const MAX_SLICES: usize = 30;

/// Fewest slices for an estimate of the spread.
const MIN_SLICES: usize = 6;

/// Standard errors in a 95 % interval; Student's factor for the fewest slices, too wide for more.
const ERRORS: f64 = 2.57;

/// Counts of a run, and its rate over the last slices of wall time.
#[derive(Default)]
pub(super) struct RunProgress {
    pub(super) resources: Option<u64>,
    pub(super) landed: u64,
    in_flight: BTreeMap<Endpoint, u64>,
    limits: BTreeMap<Endpoint, u32>,
    refused: u64,
    slices: VecDeque<RateSlice>,
    /// Start of the current slice, and the accounts done by then.
    began: (Duration, u64),
}

#[derive(Clone, Copy)]
struct RateSlice {
    s: f64,
    landed: u64,
}

/// Seconds left: a point estimate and a 95 % prediction interval.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Left {
    expected: f64,
    least: f64,
    /// `None`: the rate varies too much to tell.
    most: Option<f64>,
}

impl RunProgress {
    pub(super) fn take(&mut self, event: &Event) {
        match event {
            Event::Enumerated { resources } => self.resources = Some(*resources),
            Event::Landed { .. } => self.landed += 1,
            Event::Sent { endpoint, .. } => *self.in_flight.entry(*endpoint).or_default() += 1,
            Event::Done(call) => {
                let in_flight = self.in_flight.entry(call.endpoint).or_default();
                *in_flight = in_flight.saturating_sub(1);
                self.refused += u64::from(call.outcome == Outcome::Rejected);
            }
            Event::Limited { endpoint, limit, .. } => {
                self.limits.insert(*endpoint, *limit);
            }
            _ => {}
        }
    }

    /// Ends the slice if it is due at `now`, in wall time since the run began.
    pub(super) fn pass(&mut self, now: Duration) {
        let (began, landed) = self.began;
        let passed = now.saturating_sub(began);
        if passed < SLICE {
            return;
        }
        if self.slices.len() == MAX_SLICES {
            self.slices.pop_front();
        }
        let s = passed.as_secs_f64();
        self.slices.push_back(RateSlice { s, landed: self.landed - landed });
        self.began = (now, self.landed);
    }

    /// Accounts per second of wall time over the last slices.
    fn rate(&self) -> Option<f64> {
        let (s, landed) = self
            .slices
            .iter()
            .fold((0.0, 0), |(s, landed), slice| (s + slice.s, landed + slice.landed));
        (landed > 0).then(|| landed as f64 / s)
    }

    /// Seconds left if the rate stays as it was, with a 95 % prediction interval from the spread of the
    /// slices: the error of the mean, and that of the slices to come.
    fn left(&self) -> Option<Left> {
        let rest = self.resources?.saturating_sub(self.landed) as f64;
        let mean = self.rate()?;
        let slices = self.slices.len();
        if slices < MIN_SLICES {
            return None;
        }
        let expected = rest / mean;
        let each_s = self.slices.iter().map(|slice| slice.s).sum::<f64>() / slices as f64;
        let squares =
            self.slices.iter().map(|slice| (slice.landed as f64 / slice.s - mean).powi(2));
        let variance = squares.sum::<f64>() / (slices - 1) as f64;
        let to_come = (expected / each_s).max(1.0);
        let error = ERRORS * (variance * (1.0 / slices as f64 + 1.0 / to_come)).sqrt();
        let most = (error < mean).then(|| rest / (mean - error));
        Some(Left { expected, least: rest / (mean + error), most })
    }

    /// Counts, rate and time left in one line. `now` is in wall time since the run began.
    pub(super) fn words(&self, now: Duration) -> String {
        let mut words = count(self.landed);
        if let Some(resources) = self.resources {
            let _ = write!(words, "/{}", count(resources));
        }
        words.push_str(" accounts");
        if let Some(rate) = self.rate() {
            let _ = write!(words, ", {rate:.1}/s");
        }
        match self.left() {
            Some(Left { expected, least, most: Some(most) }) => {
                let [expected, least, most] = [expected, least, most].map(duration);
                let _ = write!(words, ", {expected} left ({least} to {most})");
            }
            Some(Left { least, most: None, .. }) => {
                let _ = write!(words, ", at least {} left", duration(least));
            }
            None => {
                let _ = write!(words, ", for {}", duration(now.as_secs_f64()));
            }
        }
        let _ = write!(words, ", {} in flight", self.in_flight.values().sum::<u64>());
        for (index, (endpoint, limit)) in self.limits.iter().enumerate() {
            let in_flight = self.in_flight.get(endpoint).copied().unwrap_or(0);
            let before = if index == 0 { " (" } else { ", " };
            let _ = write!(words, "{before}{} {in_flight}/{limit}", endpoint.class().name());
        }
        words.push_str(if self.limits.is_empty() { "" } else { ")" });
        if self.refused > 0 {
            let _ = write!(words, ", {} refused", count(self.refused));
        }
        words
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use neon_mock::api::AccountId;
    use neon_mock::time::Timestamp;
    use neonbench_engine::event::{AccountOutcome, Attempt};

    const AT: Timestamp = Timestamp::ZERO;

    fn land(progress: &mut RunProgress, accounts: u64) {
        for id in 0..accounts {
            progress.take(&Event::Landed {
                at: AT,
                id: AccountId(id + 1),
                end: AccountOutcome::Unchanged,
            });
        }
    }

    /// After slices of a second each, in which so many accounts landed, of 1,000 in all.
    fn after(slices: &[u64]) -> RunProgress {
        let mut progress = RunProgress::default();
        progress.take(&Event::Enumerated { resources: 1_000 });
        for (index, &accounts) in slices.iter().enumerate() {
            land(&mut progress, accounts);
            progress.pass(Duration::from_secs(index as u64 + 1));
        }
        progress
    }

    #[test]
    fn an_even_rate_leaves_no_doubt() {
        let left = after(&[10; 10]).left().unwrap();
        assert_eq!(left, Left { expected: 90.0, least: 90.0, most: Some(90.0) });
    }

    #[test]
    fn the_interval_grows_with_the_spread_until_nobody_can_tell() {
        let even = after(&[9, 11, 9, 11, 9, 11, 9, 11]).left().unwrap();
        let uneven = after(&[5, 15, 5, 15, 5, 15, 5, 15]).left().unwrap();
        assert!((even.expected - 92.0).abs() < 1e-9 && (uneven.expected - 92.0).abs() < 1e-9);
        assert!(even.least < 92.0 && even.most.unwrap() > 92.0, "{even:?}");
        assert!(uneven.least < even.least && uneven.most > even.most, "{even:?} {uneven:?}");
        let wild = after(&[0, 0, 0, 0, 0, 60]).left().unwrap();
        assert_eq!(wild.most, None);
    }

    #[test]
    fn too_little_says_nothing_of_the_time_left() {
        assert_eq!(after(&[10; MIN_SLICES - 1]).left(), None);
        assert_eq!(after(&[0; 10]).left(), None);
        assert_eq!(
            RunProgress::default().words(Duration::ZERO),
            "0 accounts, for 0 ms, 0 in flight"
        );
    }

    #[test]
    fn the_line_has_rate_time_left_calls_in_flight_limits_and_refusals() {
        let mut progress = after(&[10; 10]);
        let endpoint = Endpoint::ALL[0];
        for _ in 0..3 {
            let nothing = Duration::ZERO;
            progress.take(&Event::Sent { at: AT, endpoint, queued: nothing, paced: nothing });
        }
        progress.take(&Event::Done(Attempt {
            endpoint,
            attempt: 1,
            due_at: AT,
            sent_at: AT,
            done_at: AT,
            outcome: Outcome::Rejected,
        }));
        progress.take(&Event::Limited { at: AT, endpoint, limit: 4 });
        let words = progress.words(Duration::from_secs(10));
        let in_flight = format!("2 in flight ({} 2/4), 1 refused", endpoint.class().name());
        assert_eq!(
            words,
            format!(
                "100/1,000 accounts, 10.0/s, 1 min 30 s left (1 min 30 s to 1 min 30 s), {in_flight}"
            )
        );
    }
}
