//! Adaptive limit: finds the pool of an endpoint with few refusals, or its rate where calls per
//! second are limited.
//!
//! A pool of p slots refuses a call if and only if p others are in flight, so the first refusal
//! shows the pool exactly: it is the number of calls in flight when the refused one was sent. Until
//! then, each success raises the limit by one. From then on the limit is constant, except that now
//! and then one more call is admitted, to find out whether the pool has grown. Each failure doubles
//! the time until the next attempt.
//!
//! A pool that was found for one endpoint is tried first for the others. Where refusals cost only their time
//! ([`Manners::Pushing`]), calls go on for a while at a level that the pool took before and now refuses.
//!
//! A pool that refuses what it took a moment ago is shared with other clients, or the server limits
//! calls per second. After repeated contradictions calls are spaced too, at the rate that was taken
//! meanwhile. The rate creeps up, and steps down at each refusal. Now and then twice the rate is tried for
//! some seconds: where that goes through, other clients of a pool were taken for a rate.

use super::Manners;
use super::knee::MOST;
use super::limit::{CallFeedback, ConcurrencyLimit};
use neon_mock::time::{Timestamp, nanos};
use std::time::Duration;

/// Calls in flight at the start: the pool that Neon documents; more where refusals cost only their time.
const START: u32 = 5;
const START_PUSHING: u32 = 8;

/// Refusals in a row of what was taken before after which it is given up, where refusals cost only
/// their time.
const PATIENCE: u32 = 32;

/// Successes before the first attempt at one more call; doubled after each failure.
const PROBE_AFTER: u32 = 128;

/// The same, if a higher level was taken before.
const RECOVER_AFTER: u32 = 8;

/// Upper end of the same where refusals cost only their time, and the share of the successes since the
/// limit changed that raises it: a pool that has grown is missed for a sixteenth of a run.
const PROBE_PUSHING_AFTER: u32 = 16;
const PROBE_PUSHING_SHARE: u32 = 16;

/// Upper end of the number of successes between two attempts.
const PROBE_AFTER_MOST: u32 = 4_096;

/// Times that a level must be refused, taken and refused again before a rate is assumed.
const TURNS: u32 = 2;

/// The shortest time over which a rate is measured.
const MEASURED: Duration = Duration::from_secs(1);

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

/// Calls taken at a rate before a higher one is tried for a moment, at first and at least; so many times as many
/// after each trial that was refused, and half as many after one that was not.
const TRIAL_AFTER: u32 = 128;
const TRIAL_AFTER_LEAST: u32 = 16;
const TRIAL_RARER: u32 = 4;

/// Factor on the rate in a trial, refusals that end it, and seconds' worth of calls that show that no rate limits:
/// a window lets one second's calls through at once.
const TRIAL_RATE: f64 = 2.0;
const TRIAL_REFUSALS: u32 = 2;
const TRIAL_S: f64 = 3.0;

/// Throughput of a trial, as a multiple of the rate, from which the rate limits nothing.
const TRIAL_FASTER: f64 = 1.25;

/// A rate this much above the throughput limits nothing.
const IDLE: f64 = 1.5;

/// A rate that falls below this share of the best throughput is not what limits. A burst of one
/// second's calls lets a round through at 1.5 times the rate.
const NO_RATE: f64 = 0.6;

/// The adaptive limit of one endpoint.
#[derive(Clone, Debug)]
pub struct Adaptive {
    headroom: u32,
    manners: Manners,
    /// Calls in flight that are allowed.
    limit: u32,
    /// True once a refusal has shown the limit.
    found: bool,
    /// The most calls that were in flight and all taken.
    taken: u32,
    /// Successes since the last attempt at one more call, or since the limit changed.
    successes: u32,
    /// Successes since the limit changed.
    settled: u32,
    probe_after: u32,
    /// True while one call above the limit is admitted.
    probing: bool,
    /// What was sent before is no news about the limit.
    changed_at: Timestamp,
    doubt: Doubt,
    rate: Option<PacedRate>,
    /// A rate was tried, and was not it.
    no_rate: bool,
    /// Calls taken at a rate before the next trial of a higher one.
    trial_after: u32,
    /// Refusals below the limit since as many calls as it allows were taken.
    refused: u32,
}

/// Evidence against a pool.
#[derive(Clone, Copy, Debug, Default)]
struct Doubt {
    /// Calls in flight at the last refusal.
    refused_at: Option<u32>,
    /// As many were taken since.
    taken_since: bool,
    /// Times that this was followed by another refusal.
    turns: u32,
    /// Since when.
    since: Timestamp,
    /// Calls taken since then.
    taken: u32,
}

/// A rate limit, in calls per second.
#[derive(Clone, Copy, Debug)]
struct PacedRate {
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

impl Adaptive {
    /// Knows nothing yet; leaves `headroom` places of what it finds to others.
    pub fn new(headroom: u32, manners: Manners) -> Self {
        let start = match manners {
            Manners::Polite => START,
            Manners::Pushing => START_PUSHING,
        };
        Self {
            headroom,
            manners,
            limit: start,
            found: false,
            taken: 0,
            successes: 0,
            settled: 0,
            probe_after: PROBE_AFTER,
            probing: false,
            changed_at: Timestamp::ZERO,
            doubt: Doubt::default(),
            rate: None,
            no_rate: false,
            trial_after: TRIAL_AFTER,
            refused: 0,
        }
    }

    /// Knows since `now` that the pool has `pool` slots.
    pub(super) fn of_pool(pool: u32, headroom: u32, now: Timestamp) -> Self {
        let limit = pool.max(1);
        Self {
            limit,
            taken: limit,
            found: true,
            changed_at: now,
            ..Self::new(headroom, Manners::Polite)
        }
    }

    /// True if calls are spaced.
    pub(super) const fn is_paced(&self) -> bool {
        self.rate.is_some()
    }

    fn success(&mut self, call: &CallFeedback) {
        self.taken = self.taken.max(call.in_flight + 1);
        self.doubt.taken += 1;
        if call.in_flight + 1 >= self.limit {
            self.refused = 0;
        }
        let is_news = call.sent_at >= self.changed_at;
        if is_news && self.doubt.refused_at.is_some_and(|at| call.in_flight >= at) {
            self.doubt.taken_since = true;
        }
        if let Some(rate) = &mut self.rate {
            let refuted = rate.is_refuted_by(call, self.trial_after);
            match refuted {
                Some(true) => self.trial_after = (self.trial_after / 2).max(TRIAL_AFTER_LEAST),
                Some(false) => self.trial_after = self.trial_after.saturating_mul(TRIAL_RARER),
                None => {}
            }
            if refuted == Some(true) || rate.is_idle_after(call) {
                self.rate = None;
                self.doubt = Doubt::default();
            }
            return;
        }
        if self.probing && is_news && call.in_flight >= self.limit {
            // One more was taken: there may be still more.
            self.grow(RECOVER_AFTER, call);
            return;
        }
        if !call.queue_waiting {
            return;
        }
        if !self.found {
            // Refusals may be slow: at most as many again as were taken.
            let opened = self.limit + self.manners.opened_by_success();
            self.limit = opened.min(2 * self.taken).clamp(self.limit, MOST);
            return;
        }
        (self.successes, self.settled) = (self.successes + 1, self.settled + 1);
        let due = match self.manners {
            Manners::Polite => self.probe_after,
            Manners::Pushing => {
                let most = PROBE_PUSHING_AFTER.max(self.settled / PROBE_PUSHING_SHARE);
                self.probe_after.min(most)
            }
        };
        if self.successes >= due {
            self.successes = 0;
            self.probing = true;
        }
    }

    fn change(&mut self, limit: u32, at: Timestamp) {
        (self.limit, self.changed_at, self.settled) = (limit, at, 0);
    }

    fn grow(&mut self, probe_after: u32, call: &CallFeedback) {
        self.probing = false;
        self.successes = 0;
        self.probe_after = probe_after;
        self.change((self.limit + 1).min(MOST), call.done_at);
    }

    fn refusal(&mut self, call: &CallFeedback) {
        if call.sent_at < self.changed_at {
            return;
        }
        if let Some(rate) = &mut self.rate {
            if let Some(trial) = &mut rate.trial {
                trial.refused += u32::from(call.sent_at >= trial.from);
                if trial.refused >= TRIAL_REFUSALS {
                    rate.trial = None;
                    self.trial_after = self.trial_after.saturating_mul(TRIAL_RARER);
                    self.changed_at = call.done_at;
                }
                return;
            }
            rate.step_down(call);
            self.changed_at = call.done_at;
            if rate.per_s < NO_RATE * rate.best_per_s {
                self.rate = None;
                self.no_rate = true;
            }
            return;
        }
        if self.doubts(call) {
            return;
        }
        let in_vain = self.probing && call.in_flight >= self.limit;
        let is_patient = self.manners == Manners::Pushing && self.found && !in_vain;
        if is_patient && call.in_flight < self.taken {
            self.refused += 1;
            if self.refused < PATIENCE {
                return;
            }
            self.taken = call.in_flight.max(1);
        }
        self.probing = false;
        self.successes = 0;
        if in_vain {
            // Where no more was ever taken, nothing has to be found again.
            let least = if self.taken > self.limit { 0 } else { PROBE_AFTER };
            self.probe_after = (self.probe_after * 2).clamp(least, PROBE_AFTER_MOST);
            return;
        }
        if call.in_flight < self.limit {
            let first = !self.found;
            self.found = true;
            self.change(call.in_flight.max(1), call.done_at);
            // Calls of other endpoints may have filled a pool that verbs share.
            let is_certain = first && call.in_flight_all <= call.in_flight + 1;
            self.probe_after = if is_certain { PROBE_AFTER } else { RECOVER_AFTER };
        }
    }

    /// Returns true, and switches to a rate, if this and earlier refusals contradict a pool.
    fn doubts(&mut self, call: &CallFeedback) -> bool {
        let doubt = &mut self.doubt;
        // Other clients of a pool seldom hold more than half of it and hardly ever nearly all; a
        // rate limit does not depend on the calls in flight.
        if doubt.taken_since && call.in_flight * 2 <= self.taken {
            doubt.turns += 1;
        }
        if call.in_flight * 4 < self.taken {
            doubt.turns = doubt.turns.max(TURNS);
        }
        if doubt.refused_at.is_none() {
            doubt.since = call.done_at;
            doubt.taken = 0;
        }
        doubt.refused_at = Some(call.in_flight);
        doubt.taken_since = false;
        let elapsed = call.done_at.since(doubt.since);
        if self.no_rate || doubt.turns < TURNS || elapsed < MEASURED {
            return false;
        }
        let per_s = (f64::from(doubt.taken.max(1)) / elapsed.as_secs_f64()).max(LEAST_PER_S);
        self.rate = Some(PacedRate {
            per_s,
            found: false,
            best_per_s: per_s,
            taken: 0,
            round_from: call.done_at,
            since_trial: 0,
            trial: None,
        });
        self.probing = false;
        self.change(self.taken.max(1), call.done_at);
        true
    }
}

impl PacedRate {
    /// Adds a call that was taken to a trial, or begins one after `trial_after` calls; says at the end of a trial
    /// whether more went through than the rate allows.
    fn is_refuted_by(&mut self, call: &CallFeedback, trial_after: u32) -> Option<bool> {
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
    fn is_idle_after(&mut self, call: &CallFeedback) -> bool {
        self.taken += 1;
        if self.taken < ROUND {
            return false;
        }
        let elapsed_s = nanos(call.done_at.since(self.round_from)) as f64 / 1e9;
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

    fn step_down(&mut self, call: &CallFeedback) {
        self.per_s = (self.per_s * RATE_DOWN).max(LEAST_PER_S);
        self.found = true;
        self.taken = 0;
        self.round_from = call.done_at;
    }
}

impl ConcurrencyLimit for Adaptive {
    fn limit(&self) -> u32 {
        let is_trial = self.rate.is_some_and(|rate| rate.trial.is_some());
        // Other clients of a pool seldom hold more than half of it.
        let limit = if is_trial { self.limit.div_ceil(2) } else { self.limit };
        let left = if self.found { limit.saturating_sub(self.headroom) } else { limit };
        left.max(1) + u32::from(self.probing)
    }

    fn spacing(&self) -> Duration {
        self.rate.map_or(Duration::ZERO, |rate| {
            let factor = if rate.trial.is_some() { TRIAL_RATE } else { 1.0 };
            Duration::from_secs_f64(1.0 / (factor * rate.per_s))
        })
    }

    fn on_result(&mut self, call: &CallFeedback) {
        if call.is_refused() {
            self.refusal(call);
        } else if call.is_taken() {
            self.success(call);
        }
    }

    fn found(&self) -> Option<u32> {
        (self.found && self.rate.is_none()).then_some(self.limit)
    }

    fn on_shared_pool(&mut self, pool: u32) {
        (self.limit, self.found) = (self.limit.max(pool), true);
        (self.rate, self.doubt) = (None, Doubt::default());
    }

    fn on_taken_elsewhere(&mut self, taken: u32) {
        if !self.found {
            self.limit = self.limit.max(taken);
        }
    }

    fn on_pool_elsewhere(&mut self, pool: u32) {
        // Neon's page gives all endpoints but the search one figure: go there, and on with care.
        if !self.found && self.rate.is_none() && self.taken <= pool {
            self.limit = pool.max(1);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::event::Outcome;
    use neon_mock::api::Endpoint;

    fn feedback(at_s: f64, in_flight: u32, refused: bool) -> CallFeedback {
        let at = Timestamp::ZERO + Duration::from_secs_f64(at_s);
        CallFeedback {
            endpoint: Endpoint::PatchAccount,
            sent_at: at,
            done_at: at,
            in_flight,
            in_flight_all: in_flight,
            outcome: if refused { Outcome::Rejected } else { Outcome::Ok },
            queue_waiting: true,
        }
    }

    #[test]
    fn the_first_refusal_tells_the_pool() {
        let mut limit = Adaptive::new(0, Manners::Polite);
        for in_flight in 0..5 {
            limit.on_result(&feedback(0.0, in_flight, false));
        }
        // The last three opened a place each, since it is no more than twice what was taken.
        assert_eq!(limit.limit(), START + 3);
        limit.on_result(&feedback(1.0, 5, true));
        assert_eq!(limit.limit(), 5);
    }

    #[test]
    fn one_more_is_tried_ever_more_rarely_and_kept_when_taken() {
        let mut limit = Adaptive::new(0, Manners::Polite);
        limit.on_result(&feedback(0.0, 5, true));
        limit.on_result(&feedback(1.0, 3, true));
        assert_eq!(limit.limit(), 3);
        let mut tried = Vec::new();
        for call in 0..3_000 {
            let at_s = 2.0 + f64::from(call);
            limit.on_result(&feedback(at_s, 2, false));
            if limit.limit() == 4 {
                tried.push(call);
                limit.on_result(&feedback(at_s, 3, true));
                assert_eq!(limit.limit(), 3);
            }
        }
        let pauses: Vec<i32> = tried.windows(2).map(|pair| pair[1] - pair[0]).collect();
        assert!(pauses.windows(2).all(|pair| pair[1] == 2 * pair[0]), "{pauses:?}");
        while limit.limit() == 3 {
            limit.on_result(&feedback(9_000.0, 2, false));
        }
        limit.on_result(&feedback(9_001.0, 3, false));
        assert_eq!(limit.limit(), 4);
    }

    #[test]
    fn a_try_in_vain_ends_at_once_where_refusals_cost_only_their_time() {
        let mut limit = Adaptive::new(0, Manners::Pushing);
        // Seven seemed to be in flight: two had ended, and their answers were on the way.
        for in_flight in 0..7 {
            limit.on_result(&feedback(0.0, in_flight, false));
        }
        limit.on_result(&feedback(1.0, 5, true));
        for _ in 0..PROBE_PUSHING_AFTER {
            assert_eq!(limit.limit(), 5);
            limit.on_result(&feedback(2.0, 4, false));
        }
        assert_eq!(limit.limit(), 6);
        limit.on_result(&feedback(3.0, 5, true));
        assert_eq!(limit.limit(), 5);
    }

    #[test]
    fn headroom_is_left_of_what_was_found() {
        let mut limit = Adaptive::new(1, Manners::Polite);
        assert_eq!(limit.limit(), START);
        limit.on_result(&feedback(0.0, 5, true));
        limit.on_result(&feedback(1.0, 3, true));
        assert_eq!(limit.limit(), 2);
        limit.on_result(&feedback(2.0, 1, true));
        assert_eq!(limit.limit(), 1);
    }

    #[test]
    fn refusals_with_hardly_anything_in_flight_speak_of_a_rate() {
        let mut limit = Adaptive::new(0, Manners::Polite);
        for call in 0..8 {
            limit.on_result(&feedback(0.1 * f64::from(call), 3, false));
        }
        limit.on_result(&feedback(1.0, 4, true));
        for call in 0..10 {
            limit.on_result(&feedback(1.1 + 0.2 * f64::from(call), 1, false));
        }
        limit.on_result(&feedback(3.0, 0, true));
        // Ten calls were taken in two seconds.
        assert_eq!(limit.spacing(), Duration::from_millis(200));
        limit.on_result(&feedback(4.0, 0, true));
        assert!(limit.spacing() > Duration::from_millis(200));
    }

    #[test]
    fn a_rate_is_doubted_now_and_then_and_given_up_where_more_goes_through() {
        let mut limit = Adaptive::new(0, Manners::Polite);
        let take = |limit: &mut Adaptive, from_s: f64, apart_s: f64, calls: u32| {
            for call in 0..calls {
                limit.on_result(&feedback(from_s + apart_s * f64::from(call), 1, false));
            }
        };
        take(&mut limit, 0.1, 0.1, 8);
        limit.on_result(&feedback(1.0, 4, true));
        take(&mut limit, 1.1, 0.2, 10);
        limit.on_result(&feedback(3.0, 0, true));
        limit.on_result(&feedback(3.1, 0, true));
        assert!(limit.spacing() > Duration::from_millis(200));
        let milliseconds = |limit: &Adaptive| limit.spacing().as_millis();
        take(&mut limit, 4.0, 0.2, TRIAL_AFTER);
        assert!((90..110).contains(&milliseconds(&limit)), "{}", milliseconds(&limit));
        // A window refuses what comes faster.
        let mut window = limit.clone();
        take(&mut window, 30.0, 0.01, 3);
        window.on_result(&feedback(30.1, 1, true));
        assert!(milliseconds(&window) < 110, "{}", milliseconds(&window));
        window.on_result(&feedback(30.2, 1, true));
        assert!(milliseconds(&window) > 180, "{}", milliseconds(&window));
        // Colleagues who have gone do not, and what takes as long as before shows nothing.
        let mut slow = limit.clone();
        take(&mut slow, 30.0, 0.2, 100);
        assert!(milliseconds(&slow) > 180, "{}", milliseconds(&slow));
        // However long each of them takes.
        let mut patient = limit.clone();
        for call in 0..20 {
            let sent = feedback(30.0 + 0.02 * f64::from(call), 1, false);
            patient.on_result(&CallFeedback {
                done_at: sent.sent_at + Duration::from_secs(5),
                ..sent
            });
        }
        assert!(!patient.is_paced());
        take(&mut limit, 30.0, 0.02, 100);
        assert_eq!((limit.spacing(), limit.is_paced()), (Duration::ZERO, false));
    }
}
