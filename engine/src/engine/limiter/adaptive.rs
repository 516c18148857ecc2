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
//! calls per second. After repeated contradictions, and where the pool seems to shrink again and again, calls
//! are spaced too, at the rate that was taken meanwhile. The rate creeps up, and steps down at each refusal. Now and then twice the rate is tried for
//! some seconds: where that goes through, other clients of a pool were taken for a rate.

use super::Manners;
use super::knee::MOST;
use super::limit::{CallFeedback, ConcurrencyLimit};
use super::paced_rate::{PacedRate, RecentCalls, TRIAL_REFUSALS};
use super::waiting::Waiting;
use neon_mock::time::Timestamp;
use std::time::Duration;

/// Calls in flight at the start: fewer than the pool that Neon documents, since two refusals at each of two
/// endpoints are most of what a small run may cost for nothing; more where refusals cost only their time.
const START: u32 = 3;
const START_PUSHING: u32 = 8;

/// Calls in flight beyond those that were certainly taken, before the limit is found and where no refusal is free.
const SPARE: u32 = 1;

/// Refusals in a row of what was taken before after which it is given up, where refusals cost only
/// their time.
const PATIENCE: u32 = 32;

/// Beyond so many calls in flight the limit opens slowly: a server may let calls wait before it refuses them,
/// and only the times of answered calls show that. The limit grows by the square of the calls taken ÷
/// `WIDE_SHARE`, since a round of more calls shows more.
const WIDE: u32 = 16;
const WIDE_SHARE: u32 = 200;

/// Successes before the first attempt at one more call; doubled after each failure.
const PROBE_AFTER: u32 = 128;

/// The same, if a higher level was taken before.
const RECOVER_AFTER: u32 = 8;

/// The same, where another endpoint was found to have a pool of as many.
const ELSEWHERE_AFTER: u32 = 32;

/// The same once no more refusals are free.
const RECOVER_SPENT_AFTER: u32 = 32;

/// A refusal that is not free costs as much as so many calls: the price of the objective `balanced`.
const PRICE_CALLS: f64 = 20.0;

/// Upper end of the same where refusals cost only their time, and the share of the successes since the
/// limit changed that raises it: a pool that has grown is missed for a sixteenth of a run.
const PROBE_PUSHING_AFTER: u32 = 16;
const PROBE_PUSHING_SHARE: u32 = 16;

/// Upper end of the number of successes between two attempts.
const PROBE_AFTER_MOST: u32 = 4_096;

/// Times that a level must be refused, taken and refused again before a rate is assumed.
const TURNS: u32 = 2;

/// Times that a pool must be found smaller than before, and never larger, after which a rate is assumed.
const SHRUNK: u32 = 2;

/// The shortest time over which a rate is measured.
const MEASURED: Duration = Duration::from_secs(1);

/// Time without calls after a refusal that contradicts what was found, at first, once refusals are no longer free, and
/// at most; doubled by each further one, since others who hold a place, and windows, need time and no calls.
const HOLD: Duration = Duration::from_millis(250);
const HOLD_SPENT: Duration = Duration::from_millis(500);
const HOLD_MOST: Duration = Duration::from_secs(4);

/// Weight of the last call in the mean time of a call.
const TAKES_WEIGHT: f64 = 0.1;

/// Calls taken at a rate before a higher one is tried for a moment, at first and at least; so many times as many
/// after each trial that was refused, and half as many after one that was not.
const TRIAL_AFTER: u32 = 128;
const TRIAL_AFTER_LEAST: u32 = 16;
const TRIAL_RARER: u32 = 4;

/// The adaptive limit of one endpoint.
#[derive(Clone, Debug)]
pub struct Adaptive {
    headroom: u32,
    manners: Manners,
    /// Calls in flight that are allowed.
    limit: u32,
    search: PoolSearch,
    /// The most calls that were in flight and all taken.
    taken: u32,
    /// The pool that was found for another endpoint; 0 for none.
    elsewhere: u32,
    /// Successes since the last attempt at one more call, or since the limit changed.
    successes: u32,
    /// Successes since the limit changed.
    settled: u32,
    probe_after: u32,
    /// True while one call above the limit is admitted.
    probing: bool,
    /// A call that was sent before says nothing about the present limit.
    changed_at: Timestamp,
    doubt: Doubt,
    rate: Option<PacedRate>,
    /// A rate was tried, and was not it.
    no_rate: bool,
    /// Calls taken at a rate before the next trial of a higher one.
    trial_after: u32,
    /// Refusals below the limit since as many calls as it allows were taken.
    refused: u32,
    recent: RecentCalls,
    waiting: Waiting,
    /// Refusals that contradict what was found, less successes since.
    contradicted: u32,
    /// The same, since one more was taken.
    shrunk: u32,
    not_before: Timestamp,
    /// Mean time of a call that was taken, the last ones weighing more; 0 before the first.
    takes_s: f64,
    /// When the last call was refused, and how long the server asked to wait after a refusal, here or elsewhere.
    refused_at: Timestamp,
    deferral: Duration,
}

/// Progress of the search for the pool.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum PoolSearch {
    /// No refusal has shown the limit.
    Open,
    /// A refusal has.
    Found,
    /// One more was taken since.
    Grown,
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
            search: PoolSearch::Open,
            taken: 0,
            elsewhere: 0,
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
            recent: RecentCalls::default(),
            waiting: Waiting::default(),
            contradicted: 0,
            shrunk: 0,
            not_before: Timestamp::ZERO,
            takes_s: 0.0,
            refused_at: Timestamp::ZERO,
            deferral: Duration::ZERO,
        }
    }

    /// Knows since `now` that the pool has `pool` slots.
    pub(super) fn of_pool(pool: u32, headroom: u32, now: Timestamp) -> Self {
        let limit = pool.max(1);
        Self {
            limit,
            taken: limit,
            search: PoolSearch::Found,
            changed_at: now,
            ..Self::new(headroom, Manners::Polite)
        }
    }

    fn is_found(&self) -> bool {
        self.search > PoolSearch::Open
    }

    fn success(&mut self, call: &CallFeedback) {
        let beside = self.manners.beside(call);
        self.taken = self.taken.max(beside + 1);
        let took_s = call.done_at.since(call.sent_at).as_secs_f64();
        let weight = if self.takes_s > 0.0 { TAKES_WEIGHT } else { 1.0 };
        self.takes_s += weight * (took_s - self.takes_s);
        self.doubt.taken += 1;
        self.contradicted = self.contradicted.saturating_sub(1);
        self.recent.add(call);
        if 2 * (call.in_flight + 1) > self.limit {
            self.waiting.add(call);
        }
        if call.in_flight + 1 >= self.limit {
            self.refused = 0;
        }
        let is_news = call.sent_at >= self.changed_at;
        if is_news && self.doubt.refused_at.is_some_and(|at| call.in_flight >= at) {
            self.doubt.taken_since = true;
        }
        if let Some(rate) = &mut self.rate {
            let may_try = self.manners == Manners::Pushing
                || call.spare_refusals >= i64::from(TRIAL_REFUSALS);
            let trial_after = if may_try { self.trial_after } else { u32::MAX };
            let refuted = rate.is_refuted_by(call, trial_after);
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
        if self.probing && is_news && beside >= self.limit {
            // One more was taken: there may be still more.
            self.grow(RECOVER_AFTER, call);
            return;
        }
        if !call.queue_waiting {
            return;
        }
        if !self.is_found() {
            if self.limit > WIDE && self.waiting.is_seen() {
                return;
            }
            let opened = self.limit + self.manners.opened_by_success();
            let most = match self.manners {
                Manners::Polite if self.taken == self.elsewhere => {
                    self.settled += 1;
                    let is_early = self.settled < ELSEWHERE_AFTER.max(self.calls_waited());
                    self.taken + if is_early { 0 } else { SPARE }
                }
                // No more refusals at once than are free.
                Manners::Polite if self.taken < WIDE => {
                    let free = u32::try_from(call.spare_refusals).unwrap_or(0).max(SPARE);
                    self.taken + free + self.taken / 4
                }
                _ => u32::MAX,
            };
            let most = most.min(most_after(self.taken));
            self.limit = opened.min(most).clamp(self.limit, MOST);
            return;
        }
        (self.successes, self.settled) = (self.successes + 1, self.settled + 1);
        let due = match self.manners {
            Manners::Polite if call.spare_refusals > 0 => self.probe_after,
            Manners::Polite if self.taken > self.limit => {
                let paid = (PRICE_CALLS * f64::from(self.limit) / 3.0) as u32;
                self.probe_after.max(RECOVER_SPENT_AFTER).max(paid)
            }
            Manners::Polite => u32::MAX,
            Manners::Pushing => {
                let most = PROBE_PUSHING_AFTER.max(self.settled / PROBE_PUSHING_SHARE);
                self.probe_after.min(most)
            }
        };
        if self.successes >= due.max(self.calls_waited()) {
            self.successes = 0;
            self.probing = true;
        }
    }

    /// Calls after which one place more makes up for those that the server's delay misses; half of the trials succeed.
    fn calls_waited(&self) -> u32 {
        (self.calls_in(self.deferral) * f64::from(self.limit) / 2.0) as u32
    }

    /// Calls that would be taken in `time`.
    fn calls_in(&self, time: Duration) -> f64 {
        if self.takes_s > 0.0 {
            time.as_secs_f64() / self.takes_s * f64::from(self.limit)
        } else {
            0.0
        }
    }

    fn change(&mut self, limit: u32, at: Timestamp) {
        (self.limit, self.changed_at, self.settled) = (limit, at, 0);
    }

    /// Successes before the next attempt at one more call, after a refusal below the limit.
    fn next_probe(&self, call: &CallFeedback) -> u32 {
        // Calls of other endpoints may have filled a pool that verbs share.
        let is_certain = call.in_flight_all <= call.in_flight + 1;
        // A refusal costs as much as so many calls, and each place more gains one of `limit`.
        let did_pay = f64::from(self.settled) >= PRICE_CALLS * f64::from(self.limit);
        match self.manners {
            _ if !self.is_found() && is_certain => PROBE_AFTER,
            Manners::Pushing => RECOVER_AFTER,
            Manners::Polite if self.is_found() && did_pay => RECOVER_AFTER,
            Manners::Polite if self.search == PoolSearch::Grown => {
                (2 * self.probe_after).clamp(RECOVER_SPENT_AFTER, PROBE_AFTER_MOST)
            }
            Manners::Polite => RECOVER_SPENT_AFTER,
        }
    }

    fn grow(&mut self, probe_after: u32, call: &CallFeedback) {
        self.probing = false;
        self.successes = 0;
        self.probe_after = match self.manners {
            Manners::Polite => probe_after.max(self.probe_after / 2),
            Manners::Pushing => probe_after,
        };
        self.search = PoolSearch::Grown;
        self.shrunk = 0;
        self.change((self.limit + 1).min(MOST), call.done_at);
    }

    fn refusal(&mut self, call: &CallFeedback) {
        self.refused_at = call.done_at;
        // Calls that were sent before the limit was found contradict it where they were refused with at most half of
        // those in flight that were taken before.
        let is_stale = call.sent_at < self.changed_at;
        let is_contrary =
            call.in_flight * 2 <= self.taken && call.in_flight_all * 2 < call.taken_of_all;
        if is_stale && (self.rate.is_some() || !is_contrary) {
            return;
        }
        if let Some(rate) = &mut self.rate {
            if rate.is_on_trial() {
                if rate.fails_trial(call) {
                    self.trial_after = self.trial_after.saturating_mul(TRIAL_RARER);
                    self.changed_at = call.done_at;
                }
                return;
            }
            rate.step_down(call);
            self.changed_at = call.done_at;
            if rate.is_refuted() {
                self.rate = None;
                self.no_rate = true;
            }
            return;
        }
        if self.doubts(call, is_stale) || is_stale {
            return;
        }
        let is_below = self.is_found() && !self.probing && call.in_flight < self.limit;
        if self.manners == Manners::Polite && is_below {
            let first = if call.spare_refusals > 0 { HOLD } else { HOLD_SPENT };
            // A wait that costs more calls than a refusal is no saving.
            let calls = self.calls_in(first).max(1.0);
            let first = first.mul_f64((PRICE_CALLS / calls).min(1.0));
            let hold = first.saturating_mul(1 << self.contradicted.min(8)).min(HOLD_MOST);
            self.not_before = call.done_at + hold;
            self.contradicted += 1;
            self.shrunk += 1;
        }
        let in_vain = self.probing && call.in_flight >= self.limit;
        let is_patient = self.manners == Manners::Pushing && self.is_found() && !in_vain;
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
            self.probe_after = self.next_probe(call);
            self.search = self.search.max(PoolSearch::Found);
            // Colleagues come and go: with one place less the run is refused less often.
            let is_crowded = is_below && call.in_flight > 2 && self.settled >= 2 * self.limit;
            let left = u32::from(is_crowded && call.spare_refusals <= 0);
            self.change((call.in_flight - left).max(1), call.done_at);
        }
    }

    /// Paces calls from now on, those that were taken counted.
    fn pace(&mut self, rate: PacedRate) {
        let per_s = 1.0 / rate.spacing().as_secs_f64();
        self.not_before = self.not_before.max(self.recent.room_at(per_s));
        self.rate = Some(rate);
    }

    /// Returns true, and switches to a rate, if this and earlier refusals contradict a pool.
    fn doubts(&mut self, call: &CallFeedback, is_stale: bool) -> bool {
        let doubt = &mut self.doubt;
        // Other clients of a pool seldom hold more than half of it and hardly ever nearly all; a
        // rate limit does not depend on the calls in flight.
        if (doubt.taken_since || is_stale) && call.in_flight * 2 <= self.taken {
            doubt.turns += 1;
        }
        if call.in_flight * 4 < self.taken {
            doubt.turns = doubt.turns.max(TURNS);
        }
        // Nor does a pool shrink again and again.
        if self.shrunk >= SHRUNK && call.in_flight < self.limit && self.manners == Manners::Polite {
            doubt.turns = doubt.turns.max(TURNS);
        }
        if doubt.refused_at.is_none() {
            doubt.since = call.done_at;
            doubt.taken = 0;
        }
        doubt.refused_at = Some(call.in_flight);
        doubt.taken_since = false;
        let elapsed = call.done_at.since(doubt.since);
        let is_measured = self.manners == Manners::Polite || elapsed >= MEASURED;
        if self.no_rate || doubt.turns < TURNS || !is_measured {
            return false;
        }
        let per_s = match self.manners {
            Manners::Polite => self.recent.bucket_per_s(call.sent_at, call.unanswered),
            Manners::Pushing => f64::from(doubt.taken.max(1)) / elapsed.as_secs_f64(),
        };
        self.pace(PacedRate::new(per_s, call.done_at));
        self.not_before = self.not_before.max(call.sent_at + self.spacing().min(MEASURED));
        self.probing = false;
        self.change(self.taken.max(1), call.done_at);
        true
    }
}

/// The most calls in flight where `taken` were taken, and none refused: refusals may be slow.
fn most_after(taken: u32) -> u32 {
    let twice = 2 * taken + taken / 8;
    if taken < WIDE { twice } else { twice.min(taken + taken * taken / WIDE_SHARE) }
}

impl ConcurrencyLimit for Adaptive {
    fn limit(&self) -> u32 {
        let is_trial = self.rate.is_some_and(|rate| rate.is_on_trial());
        // Other clients of a pool seldom hold more than half of it.
        let limit = if is_trial { self.limit.div_ceil(2) } else { self.limit };
        let left = if self.is_found() { limit.saturating_sub(self.headroom) } else { limit };
        left.max(1) + u32::from(self.probing)
    }

    fn spacing(&self) -> Duration {
        self.rate.map_or(Duration::ZERO, |rate| rate.spacing())
    }

    fn is_paced(&self) -> bool {
        self.rate.is_some()
    }

    fn taken_per_s(&self, at: Timestamp) -> f64 {
        self.recent.bucket_per_s(at, 0)
    }

    fn not_before(&self) -> Timestamp {
        self.not_before
    }

    fn on_deferral(&mut self, delay: Duration) {
        self.deferral = delay;
    }

    fn on_deferred(&mut self, until: Timestamp) {
        if let Some(rate) = &mut self.rate {
            rate.begin_round(until);
        }
    }

    fn on_rate_of_alike(&mut self, per_s: f64, now: Timestamp) {
        if self.manners == Manners::Pushing {
            return;
        }
        if let Some(rate) = &mut self.rate {
            rate.is_at_least(per_s);
            self.not_before = self.not_before.min(self.refused_at + rate.spacing());
        } else if !self.is_found() {
            self.pace(PacedRate::new(per_s, now));
        }
    }

    fn on_shared_rate(&mut self, per_s: f64, now: Timestamp) {
        if self.manners == Manners::Polite {
            self.rate = Some(PacedRate::new(per_s, now));
        }
    }

    fn on_result(&mut self, call: &CallFeedback) {
        if call.is_refused() {
            self.refusal(call);
        } else if call.is_taken() {
            self.success(call);
        }
    }

    fn found(&self) -> Option<u32> {
        (self.is_found() && self.rate.is_none()).then_some(self.limit)
    }

    fn on_shared_pool(&mut self, pool: u32) {
        (self.limit, self.search) = (self.limit.max(pool), self.search.max(PoolSearch::Found));
        (self.rate, self.doubt) = (None, Doubt::default());
    }

    fn on_taken_elsewhere(&mut self, taken: u32) {
        if !self.is_found() {
            self.limit = self.limit.max(taken);
        }
    }

    fn on_pool_elsewhere(&mut self, pool: u32) {
        // Neon's page gives all endpoints but the search one figure: go there, and on with care.
        if !self.is_found() && self.rate.is_none() && self.taken <= pool {
            self.limit = pool.max(1);
            self.elsewhere = self.limit;
        }
    }
}

#[cfg(test)]
mod tests;
