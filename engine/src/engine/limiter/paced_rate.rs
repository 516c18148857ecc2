//! A limit on calls per second: an estimate, creeping up and stepping down, and trials of twice the rate.

use super::limit::CallFeedback;
use neon_mock::time::{Timestamp, nanos};
use std::collections::VecDeque;
use std::time::Duration;

/// Calls whose times are remembered.
const REMEMBERED: usize = 64;

/// Factor on the rate after a refusal.
const RATE_DOWN: f64 = 0.95;

/// Factor on the rate after a round without refusals: before the first refusal, and after it.
const RATE_UP_FIRST: f64 = 1.1;
const RATE_UP: f64 = 1.0025;

/// The least rate that is assumed, in calls per second: a window is one of seconds, and a few verbs may share it.
/// Colleagues who hold a pool for minutes are no rate.
const LEAST_PER_S: f64 = 0.25;

/// Calls in a round.
const ROUND: u32 = 16;

/// Factor on the rate in a trial, refusals that end it, and seconds' worth of calls that show that no rate limits:
/// a window lets one second's calls through at once.
const TRIAL_RATE: f64 = 2.0;
pub(super) const TRIAL_REFUSALS: u32 = 2;
const TRIAL_S: f64 = 3.0;

/// Throughput of a trial, as a multiple of the rate, from which the rate limits nothing.
const TRIAL_FASTER: f64 = 1.25;

/// A rate this much above the throughput limits nothing.
const IDLE: f64 = 1.5;

/// A rate that falls below this share of the best throughput is not what limits. A burst of one
/// second's calls lets a round through at 1.5 times the rate.
const NO_RATE: f64 = 0.6;

/// A rate limit, in calls per second.
#[derive(Clone, Copy, Debug)]
pub(super) struct PacedRate {
    per_s: f64,
    /// True once the rate was refused.
    found: bool,
    /// The most that went through.
    best_per_s: f64,
    /// Calls taken in this round.
    taken: u32,
    round_from: Timestamp,
    /// Calls taken since the last trial.
    since_trial: u32,
    trial: Option<RateTrial>,
}

/// A moment at a higher rate.
#[derive(Clone, Copy, Debug)]
struct RateTrial {
    from: Timestamp,
    taken: u32,
    refused: u32,
}

/// The calls that were taken last.
#[derive(Clone, Debug, Default)]
pub(super) struct RecentCalls {
    /// Times of sending.
    sent: VecDeque<Timestamp>,
}

impl RecentCalls {
    pub(super) fn add(&mut self, taken: &CallFeedback) {
        if self.sent.len() == REMEMBERED {
            self.sent.pop_front();
        }
        self.sent.push_back(taken.sent_at);
    }

    /// The least rate of a bucket that holds one second's calls, in calls per second: up to a call at `at` with
    /// `in_flight` others in flight, no stretch of time can have had more than it holds and what flowed in meanwhile.
    /// It is the rate itself if the bucket was empty then.
    pub(super) fn bucket_per_s(&self, at: Timestamp, in_flight: u32) -> f64 {
        let in_flight = f64::from(in_flight);
        let before = self.sent.iter().enumerate().filter(|(_, sent)| **sent <= at);
        let since = before.map(|(place, sent)| {
            let taken = (self.sent.len() - place) as f64 + in_flight;
            taken / (1.0 + nanos(at.since(*sent)) as f64 / 1e9)
        });
        since.fold(in_flight, f64::max)
    }

    /// When a bucket that holds one second's calls, `per_s`, has room for one more after these.
    pub(super) fn room_at(&self, per_s: f64) -> Timestamp {
        let share = Duration::from_secs_f64(1.0 / per_s);
        let burst = Duration::from_secs_f64((1.0 - 1.0 / per_s).max(0.0));
        let mut sent: Vec<Timestamp> = self.sent.iter().copied().collect();
        sent.sort_unstable();
        let full_at = sent.into_iter().fold(Timestamp::ZERO, |full_at, at| full_at.max(at) + share);
        Timestamp::from_nanos(full_at.as_nanos().saturating_sub(nanos(burst)))
    }
}

impl PacedRate {
    pub(super) fn new(per_s: f64, now: Timestamp) -> Self {
        let per_s = per_s.max(LEAST_PER_S);
        Self {
            per_s,
            found: false,
            best_per_s: per_s,
            taken: 0,
            round_from: now,
            since_trial: 0,
            trial: None,
        }
    }

    /// The rate is at least `per_s`, unless it was refused.
    pub(super) const fn is_at_least(&mut self, per_s: f64) {
        if !self.found {
            self.per_s = self.per_s.max(per_s);
        }
    }

    /// The time between two calls.
    pub(super) fn spacing(&self) -> Duration {
        let factor = if self.trial.is_some() { TRIAL_RATE } else { 1.0 };
        Duration::from_secs_f64(1.0 / (factor * self.per_s))
    }

    pub(super) const fn is_on_trial(&self) -> bool {
        self.trial.is_some()
    }

    /// True if it has fallen so far that it cannot be the limit.
    pub(super) fn is_refuted(&self) -> bool {
        self.per_s < NO_RATE * self.best_per_s
    }

    /// Adds a refused call to the trial; true if that ends it.
    pub(super) fn fails_trial(&mut self, call: &CallFeedback) -> bool {
        let Some(trial) = &mut self.trial else { return false };
        trial.refused += u32::from(call.sent_at >= trial.from);
        let fails = trial.refused >= TRIAL_REFUSALS;
        if fails {
            self.trial = None;
        }
        fails
    }

    /// Adds a call that was taken to a trial, or begins one after `trial_after` calls; says at the end of a trial
    /// whether more went through than the rate allows.
    pub(super) fn is_refuted_by(&mut self, call: &CallFeedback, trial_after: u32) -> Option<bool> {
        if let Some(trial) = &mut self.trial {
            trial.taken += u32::from(call.sent_at >= trial.from);
            let allowed = TRIAL_S * self.per_s;
            if f64::from(trial.taken) <= allowed {
                return None;
            }
            // By the times of sending: how long a call takes is no matter of the rate.
            let elapsed_s = nanos(call.sent_at.since(trial.from)) as f64 / 1e9;
            self.trial = None;
            return Some(TRIAL_FASTER * elapsed_s * self.per_s < allowed);
        }
        self.since_trial += 1;
        if self.since_trial >= trial_after && call.queue_waiting {
            self.since_trial = 0;
            self.trial = Some(RateTrial { from: call.done_at, taken: 0, refused: 0 });
        }
        None
    }

    /// Adds a call that was taken; true if the rate no longer limits anything.
    pub(super) fn is_idle_after(&mut self, call: &CallFeedback) -> bool {
        self.taken += 1;
        if self.taken < ROUND {
            return false;
        }
        let elapsed_s = nanos(call.done_at.since(self.round_from.min(call.done_at))) as f64 / 1e9;
        let through_per_s = f64::from(self.taken) / elapsed_s.max(1e-9);
        self.best_per_s = self.best_per_s.max(through_per_s);
        let idle = call.queue_waiting && self.per_s > IDLE * through_per_s;
        if call.queue_waiting {
            self.per_s *= if self.found { RATE_UP } else { RATE_UP_FIRST };
        }
        self.taken = 0;
        self.round_from = call.done_at;
        idle
    }

    /// Counts calls anew from `at` on, if it is later: nothing could go through before.
    pub(super) fn begin_round(&mut self, at: Timestamp) {
        if at > self.round_from {
            (self.taken, self.round_from) = (0, at);
        }
    }

    pub(super) fn step_down(&mut self, call: &CallFeedback) {
        self.per_s = (self.per_s * RATE_DOWN).max(LEAST_PER_S);
        self.found = true;
        self.taken = 0;
        self.round_from = call.done_at;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::event::Outcome;
    use neon_mock::api::Endpoint;

    fn at(at_s: f64) -> Timestamp {
        Timestamp::ZERO + Duration::from_secs_f64(at_s)
    }

    fn taken(at_s: f64) -> CallFeedback {
        let at = at(at_s);
        CallFeedback {
            endpoint: Endpoint::PatchAccount,
            sent_at: at,
            done_at: at,
            in_flight: 0,
            unanswered: 0,
            in_flight_all: 0,
            taken_of_all: 0,
            outcome: Outcome::Ok,
            queue_waiting: true,
            spare_refusals: 5,
        }
    }

    #[test]
    fn a_bucket_is_known_from_the_burst_and_from_the_stream_that_emptied_it() {
        let mut burst = RecentCalls::default();
        (0..3).for_each(|_| burst.add(&taken(10.0)));
        assert!((burst.bucket_per_s(at(10.0), 0) - 3.0).abs() < 1e-9);
        // Ten per second into a bucket of five that loses five per second: empty after one second.
        let mut stream = RecentCalls::default();
        (0..10).for_each(|call| stream.add(&taken(f64::from(call) / 10.0)));
        assert!((stream.bucket_per_s(at(1.0), 0) - 5.0).abs() < 1e-9);
        // Slow calls long before say nothing against it.
        let mut both = RecentCalls::default();
        both.add(&taken(0.0));
        (0..3).for_each(|_| both.add(&taken(60.0)));
        assert!((both.bucket_per_s(at(60.0), 0) - 3.0).abs() < 1e-9);
    }
}
