//! The pause of a run while the server fails every call: a circuit breaker. Pure.
//!
//! Once calls of several accounts have failed in a row, with no success between them, all calls wait,
//! and one at a time finds out whether the server works again. What fails meanwhile costs no retries.
//! If the server does not come back within the run's patience, one call that has nothing to do with accounts finds
//! out why. If that fails too, the run ends: whoever resumes it loses nothing, while going on would fail account after
//! account. If it is carried out, the accounts are to blame, and each of their calls fails for itself.
//!
//! Source: Nygard, "Release It!", 2007 (circuit breaker, half-open).

use neon_mock::time::Timestamp;
use std::time::Duration;

/// Failures in a row, and different calls among them, that make an outage: one account that always
/// fails is none.
const FAILURES: u32 = 5;
const CALLS: usize = 3;

/// Time between two trials, at first and at most.
const TRIAL_AFTER: Duration = Duration::from_millis(500);
const TRIAL_AFTER_MOST: Duration = Duration::from_secs(2);

/// A call that waits looks again after this time at the latest.
const LOOK_AGAIN: Duration = Duration::from_secs(1);

/// The circuit breaker of a run.
#[derive(Debug)]
pub(super) struct Breaker {
    /// The longest pause.
    patience: Duration,
    /// Failures since the last success, when the first of them came, and the calls that they are of, the first few.
    failures: u32,
    failing_since: Timestamp,
    calls: Vec<u64>,
    /// The last failures in a row that made no connection.
    unconnected: u32,
    pause: Option<Pause>,
    /// The patience was spent on calls that fail while others would be carried out.
    is_spent: bool,
    proof: Proof,
}

/// The call that finds out why the patience is spent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Proof {
    NotNeeded,
    Due,
    UnderWay,
}

#[derive(Clone, Copy, Debug)]
struct Pause {
    trial_after: Duration,
    /// When the next trial may begin; `None` while one is under way.
    trial_at: Option<Timestamp>,
}

impl Breaker {
    pub(super) const fn new(patience: Duration) -> Self {
        Self {
            patience,
            failures: 0,
            failing_since: Timestamp::ZERO,
            calls: Vec::new(),
            unconnected: 0,
            pause: None,
            is_spent: false,
            proof: Proof::NotNeeded,
        }
    }

    /// When a call that would be sent `now` may be sent, as far as is known; the call has to ask again
    /// then. If it is `now`, the call is sent.
    pub(super) fn admits(&mut self, now: Timestamp) -> Timestamp {
        let Some(pause) = &mut self.pause else { return now };
        match pause.trial_at {
            Some(at) if at <= now => {
                pause.trial_at = None;
                now
            }
            Some(at) => at.min(now + LOOK_AGAIN),
            None => now + LOOK_AGAIN,
        }
    }

    /// True while calls wait.
    const fn is_open(&self) -> bool {
        self.pause.is_some()
    }

    /// True if the patience has been spent just now: the caller makes the proof.
    pub(super) fn takes_proof(&mut self) -> bool {
        let is_due = self.proof == Proof::Due;
        if is_due {
            self.proof = Proof::UnderWay;
        }
        is_due
    }

    /// The proof was made, and nobody waits any more; false if a call has succeeded meanwhile.
    pub(super) fn proved(&mut self) -> bool {
        let is_needed = self.proof == Proof::UnderWay;
        if is_needed {
            (self.pause, self.is_spent, self.proof) = (None, true, Proof::NotNeeded);
        }
        is_needed
    }

    /// The server did what it was asked.
    pub(super) fn succeeded(&mut self) {
        (self.failures, self.unconnected, self.pause, self.is_spent) = (0, 0, None, false);
        self.proof = Proof::NotNeeded;
        self.calls.clear();
    }

    /// The trial ended without a sign of either.
    pub(super) fn undecided(&mut self, now: Timestamp) {
        if let Some(pause) = &mut self.pause {
            pause.trial_at = pause.trial_at.or(Some(now + pause.trial_after));
        }
    }

    /// The run was held for `length`, and goes on `now`: that time is none of the server's failures.
    pub(super) fn pass_over(&mut self, length: Duration, now: Timestamp) {
        self.failing_since = (self.failing_since + length).min(now);
    }

    /// The server failed the call of this number, or could not be connected to; true if this is part of an outage.
    pub(super) fn failed(&mut self, call: u64, is_connected: bool, now: Timestamp) -> bool {
        self.failures += 1;
        if self.failures == 1 {
            self.failing_since = now;
        }
        self.unconnected = if is_connected { 0 } else { self.unconnected + 1 };
        if self.calls.len() < CALLS && !self.calls.contains(&call) {
            self.calls.push(call);
        }
        // No account is to blame where there is no connection.
        let are_many = self.failures >= FAILURES && self.calls.len() >= CALLS;
        let is_outage = are_many || self.unconnected >= FAILURES;
        let is_late = now.since(self.failing_since) > self.patience;
        match &mut self.pause {
            _ if self.proof != Proof::NotNeeded => {}
            _ if is_late && !self.is_spent => {
                self.pause = Some(Pause { trial_after: TRIAL_AFTER, trial_at: None });
                self.proof = Proof::Due;
            }
            Some(pause) if pause.trial_at.is_none() => {
                pause.trial_after = (pause.trial_after * 2).min(TRIAL_AFTER_MOST);
                pause.trial_at = Some(now + pause.trial_after);
            }
            Some(_) => {}
            None if self.is_spent || !is_outage => {}
            None => {
                let trial_at = Some(now + TRIAL_AFTER);
                self.pause = Some(Pause { trial_after: TRIAL_AFTER, trial_at });
            }
        }
        self.is_open()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(s: u64) -> Timestamp {
        Timestamp::ZERO + Duration::from_secs(s)
    }

    #[test]
    fn one_account_that_always_fails_is_no_outage_and_several_are() {
        let mut breaker = Breaker::new(Duration::from_secs(600));
        for _ in 0..100 {
            assert!(!breaker.failed(1, true, at(1)) && !breaker.failed(2, true, at(1)));
        }
        assert!(breaker.failed(3, true, at(1)));
        breaker.succeeded();
        assert!(!breaker.failed(4, true, at(2)));
        assert_eq!(breaker.admits(at(2)), at(2));
    }

    #[test]
    fn no_connection_is_no_accounts_fault() {
        let mut breaker = Breaker::new(Duration::from_secs(60));
        for _ in 0..4 {
            assert!(!breaker.failed(1, false, at(1)));
        }
        assert!(breaker.failed(1, false, at(1)));
    }

    /// The last account of a run may be the only one that is called, and the server may take half a minute to fail.
    #[test]
    fn one_call_that_fails_for_too_long_is_looked_into() {
        let mut breaker = Breaker::new(Duration::from_secs(60));
        assert!(!breaker.failed(1, true, at(30)) && !breaker.failed(1, true, at(90)));
        assert!(breaker.failed(1, true, at(91)) && breaker.takes_proof());
        // Another call succeeds meanwhile: whatever the proof says comes too late.
        breaker.succeeded();
        assert!(!breaker.proved() && !breaker.failed(1, true, at(92)));
    }

    #[test]
    fn one_call_at_a_time_tries_and_patience_ends() {
        let mut breaker = Breaker::new(Duration::from_secs(60));
        for call in 0..5 {
            breaker.failed(call, true, at(1));
        }
        assert!(breaker.admits(at(1)) > at(1));
        assert_eq!(breaker.admits(at(2)), at(2));
        // The trial is under way.
        assert!(breaker.admits(at(20)) > at(20));
        assert!(breaker.failed(5, true, at(20)));
        assert!(breaker.admits(at(20)) > at(20));
        assert_eq!(breaker.admits(at(22)), at(22));
        assert!(!breaker.takes_proof());
        assert!(breaker.failed(6, true, at(62)));
        // One proof, and no trial beside it.
        assert!(breaker.takes_proof() && !breaker.takes_proof());
        assert!(breaker.failed(7, true, at(63)) && !breaker.takes_proof());
        assert!(breaker.admits(at(100)) > at(100));
        assert!(breaker.proved());
        for call in 8..20 {
            assert!(!breaker.failed(call, true, at(101)));
            assert_eq!(breaker.admits(at(101)), at(101));
        }
    }
}
