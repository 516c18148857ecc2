//! Counts of a run under way, and an estimate of the time left.

use super::super::control::local_minute;
use super::escape_controls;
use super::forecaster::Outlook;
use neon_mock::api::Endpoint;
use neon_mock::time::Timestamp;
use neonbench::text::{count, duration, plural};
use neonbench_engine::event::{Event, Outcome};
use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::Arc;
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
    resources: Option<u64>,
    /// Accounts that this process has ended, or read again.
    landed: u64,
    /// Accounts that earlier processes of the run had ended.
    landed_before: u64,
    /// True once accounts are read again.
    reads_again: bool,
    answered: u64,
    in_flight: InFlight,
    limits: BTreeMap<Endpoint, u32>,
    called: BTreeSet<Endpoint>,
    refused: u64,
    slices: VecDeque<RateSlice>,
    /// Start of the current slice, and the accounts done by then.
    began: (Duration, u64),
    /// The holds of the run in words: by whom, why and since when.
    holds: Vec<(Arc<str>, String)>,
    /// The time left, if it is estimated by simulations.
    outlook: Option<Outlook>,
}

/// Calls in flight, by the run's own clock: a look at them right after an answer would miss the next call,
/// which is sent at the same moment.
#[derive(Default)]
struct InFlight {
    now: u64,
    /// Calls × ns since the last look.
    area: f64,
    looked_at: Timestamp,
    changed_at: Timestamp,
}

impl InFlight {
    fn change(&mut self, at: Timestamp, change: i64) {
        // Answers are told in the order in which they come, and may bear an earlier stamp.
        let at = at.max(self.changed_at);
        self.area += self.now as f64 * at.nanos_since(self.changed_at) as f64;
        self.now = self.now.saturating_add_signed(change);
        self.changed_at = at;
    }

    /// The mean since the last look, or the calls in flight now if nothing has changed.
    fn look(&mut self) -> f64 {
        let ns = self.changed_at.nanos_since(self.looked_at);
        let mean = if ns > 0 { self.area / ns as f64 } else { self.now as f64 };
        (self.area, self.looked_at) = (0.0, self.changed_at);
        mean
    }
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

impl Left {
    fn in_words(self) -> String {
        let Self { expected, least, most } = self;
        match most {
            Some(most) => {
                let [expected, least, most] = [expected, least, most].map(duration);
                format!("{expected} left ({least} to {most})")
            }
            None => format!("at least {} left", duration(least)),
        }
    }
}

impl RunProgress {
    /// Counts of a run that begins `now`, in wall time since the command began.
    pub(super) fn starting(now: Duration) -> Self {
        Self { began: (now, 0), ..Self::default() }
    }

    /// The same for a run whose time left is estimated by simulations.
    pub(super) fn forecast(now: Duration) -> Self {
        Self { outlook: Some(Outlook::default()), ..Self::starting(now) }
    }

    pub(super) const fn outlook(&self) -> Option<&Outlook> {
        self.outlook.as_ref()
    }

    pub(super) const fn outlook_mut(&mut self) -> Option<&mut Outlook> {
        self.outlook.as_mut()
    }

    /// Takes an event that happens `now`, in wall time since the command began.
    pub(super) fn take(&mut self, event: &Event, now: Duration) {
        if let Some(outlook) = &mut self.outlook {
            outlook.take(event, now);
        }
        match event {
            Event::Enumerated { resources } => self.resources = Some(*resources),
            Event::Landed { .. } => self.landed += 1,
            Event::LandedBefore { .. } => self.landed_before += 1,
            Event::ReadingAgain { accounts, .. } => {
                let began = (self.began.0, 0);
                let (resources, holds) = (Some(*accounts), std::mem::take(&mut self.holds));
                *self = Self { resources, began, holds, reads_again: true, ..Self::default() };
            }
            Event::ReadAgain { accounts } => self.landed += accounts,
            Event::Sent { at, endpoint, .. } => {
                self.called.insert(*endpoint);
                self.in_flight.change(*at, 1);
            }
            Event::Done(call) => {
                self.in_flight.change(call.done_at, -1);
                self.answered += 1;
                self.refused += u64::from(call.outcome == Outcome::Rejected);
            }
            Event::Paused { by, why, .. } => {
                let (name, since) = (escape_controls(by), local_minute());
                let why = if why.is_empty() { String::new() } else { format!(", {why}") };
                let words = format!("paused by {name} since {since}{why}");
                self.holds.push((Arc::clone(by), words));
            }
            Event::WentOn { left: 0, .. } => self.holds.clear(),
            Event::WentOn { lifted, .. } => self.holds.retain(|(by, _)| by != lifted),
            Event::Limited { endpoint, limit, .. } => {
                self.limits.insert(*endpoint, *limit);
            }
            _ => {}
        }
    }

    /// Ends the slice if it is due at `now`, in wall time since the command began.
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

    /// The time left in words.
    fn left_in_words(&self, now: Duration) -> Option<String> {
        match &self.outlook {
            Some(outlook) => outlook.left_s(now).map(|[least, expected, most]| {
                Left { expected, least, most: Some(most) }.in_words()
            }),
            None => self.left().map(Left::in_words),
        }
    }

    /// Seconds left if the rate stays as it was, with a 95 % prediction interval from the spread of the
    /// slices: the error of the mean, and that of the slices to come.
    fn left(&self) -> Option<Left> {
        let rest = self.resources?.saturating_sub(self.landed + self.landed_before) as f64;
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

    /// Counts, rate and time left, the most telling first. `now` is in wall time since the command began, and
    /// `afterwards` is what goes on when all accounts have landed.
    pub(super) fn words(&mut self, now: Duration, afterwards: &str) -> Vec<String> {
        self.pass(now);
        let all = self.landed + self.landed_before;
        let landed = match self.resources {
            Some(resources) => format!("{}/{} accounts", count(all), count(resources)),
            None => plural(all, "account"),
        };
        let held = self.holds.first().map(|(_, words)| words.clone());
        let mut words: Vec<String> = held.into_iter().chain([landed]).collect();
        let is_over = self.resources == Some(all);
        if is_over || self.reads_again {
            words.extend(Some(afterwards.to_owned()).filter(|it| !it.is_empty()));
        }
        if is_over {
            return words;
        }
        if self.reads_again {
            words.extend(self.left_in_words(now));
            return words;
        }
        words.push(format!("{:.1} in flight", self.in_flight.look()));
        words.extend(self.left_in_words(now));
        if self.refused > 0 {
            words.push(format!("{} refused", count(self.refused)));
        }
        words.push(format!("{} answered", plural(self.answered, "call")));
        words.extend(self.rate().map(|rate| format!("{rate:.1} accounts/s")));
        let mut limits: BTreeMap<&str, u32> = BTreeMap::new();
        for (endpoint, limit) in &self.limits {
            if self.called.contains(endpoint) {
                let least = limits.entry(endpoint.class().name()).or_insert(*limit);
                *least = (*least).min(*limit);
            }
        }
        if !limits.is_empty() {
            let limits: Vec<String> =
                limits.iter().map(|(class, limit)| format!("{class} ≤ {limit}")).collect();
            words.push(format!("limits {}", limits.join(", ")));
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
            let (id, end) = (AccountId(id + 1), AccountOutcome::Unchanged);
            progress.take(&Event::Landed { at: AT, id, end }, Duration::ZERO);
        }
    }

    /// After slices of a second each, in which so many accounts landed, of 1,000 in all.
    fn after(slices: &[u64]) -> RunProgress {
        let mut progress = RunProgress::default();
        progress.take(&Event::Enumerated { resources: 1_000 }, Duration::ZERO);
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
        let words = RunProgress::default().words(Duration::ZERO, "");
        assert_eq!(words, ["0 accounts", "0.0 in flight", "0 calls answered"]);
    }

    fn sent(ms: u64) -> Event {
        let at = AT + Duration::from_millis(ms);
        Event::Sent {
            at,
            endpoint: Endpoint::ALL[0],
            queued: Duration::ZERO,
            paced: Duration::ZERO,
        }
    }

    #[test]
    fn a_run_that_is_simulated_says_no_time_by_its_rate() {
        let mut progress = after(&[10; 10]);
        progress.outlook = Some(Outlook::default());
        let words = progress.words(Duration::from_secs(10), "");
        assert!(!words.iter().any(|word| word.contains("left")), "{words:?}");
    }

    fn answered(ms: u64, outcome: Outcome) -> Event {
        let done_at = AT + Duration::from_millis(ms);
        let endpoint = Endpoint::ALL[0];
        Event::Done(Attempt { endpoint, attempt: 1, due_at: AT, sent_at: AT, done_at, outcome })
    }

    #[test]
    fn the_line_has_time_left_refusals_limits_and_the_true_calls_in_flight() {
        let mut progress = after(&[10; 10]);
        let endpoint = Endpoint::ALL[0];
        // Two calls at a time, the next sent when one is answered: two in flight, also right after an answer.
        progress.take(&sent(0), Duration::ZERO);
        progress.take(&sent(0), Duration::ZERO);
        for ms in [500, 1_000] {
            progress.take(&answered(ms, Outcome::Rejected), Duration::ZERO);
            progress.take(&sent(ms), Duration::ZERO);
        }
        progress.take(&answered(1_000, Outcome::Rejected), Duration::ZERO);
        progress.take(&Event::Limited { at: AT, endpoint, limit: 4 }, Duration::ZERO);
        let words = progress.words(Duration::from_secs(10), "reading back");
        let limits = format!("limits {} ≤ 4", endpoint.class().name());
        let left = "1 min 30 s left (1 min 30 s to 1 min 30 s)";
        let expected = [
            "100/1,000 accounts",
            "2.0 in flight",
            left,
            "3 refused",
            "3 calls answered",
            "10.0 accounts/s",
            &limits,
        ];
        assert_eq!(words, expected);
        land(&mut progress, 900);
        let words = progress.words(Duration::from_secs(11), "reading back");
        assert_eq!(words, ["1,000/1,000 accounts", "reading back"]);
    }
}
