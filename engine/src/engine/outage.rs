//! The pause of a run while the server fails every call: a circuit breaker. Pure.
//!
//! Once calls of several accounts have failed in a row, with no success between them, all calls wait,
//! and one at a time finds out whether the server works again. What fails meanwhile costs no retries.
//! A server that does not come back within the run's patience is called as before: each call fails for
//! itself.
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
    /// Failures since the last success, and the calls that they are of, the first few.
    failures: u32,
    calls: Vec<u64>,
    pause: Option<Pause>,
    /// The server did not come back within the patience.
    is_spent: bool,
}

#[derive(Clone, Copy, Debug)]
struct Pause {
    since: Timestamp,
    trial_after: Duration,
    /// When the next trial may begin; `None` while one is under way.
    trial_at: Option<Timestamp>,
}

impl Breaker {
    pub(super) const fn new(patience: Duration) -> Self {
        Self { patience, failures: 0, calls: Vec::new(), pause: None, is_spent: false }
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
    pub(super) const fn is_open(&self) -> bool {
        self.pause.is_some()
    }

    /// The server did what it was asked.
    pub(super) fn succeeded(&mut self) {
        (self.failures, self.pause, self.is_spent) = (0, None, false);
        self.calls.clear();
    }

    /// The trial ended without a sign of either.
    pub(super) fn undecided(&mut self, now: Timestamp) {
        if let Some(pause) = &mut self.pause {
            pause.trial_at = pause.trial_at.or(Some(now + pause.trial_after));
        }
    }

    /// The server failed the call of this number; true if this is part of an outage.
    pub(super) fn failed(&mut self, call: u64, now: Timestamp) -> bool {
        self.failures += 1;
        if self.calls.len() < CALLS && !self.calls.contains(&call) {
            self.calls.push(call);
        }
        match &mut self.pause {
            Some(pause) if now.since(pause.since) > self.patience => {
                (self.pause, self.is_spent) = (None, true);
            }
            Some(pause) if pause.trial_at.is_none() => {
                pause.trial_after = (pause.trial_after * 2).min(TRIAL_AFTER_MOST);
                pause.trial_at = Some(now + pause.trial_after);
            }
            Some(_) => {}
            None if self.is_spent || self.failures < FAILURES || self.calls.len() < CALLS => {}
            None => {
                let trial_at = Some(now + TRIAL_AFTER);
                self.pause = Some(Pause { since: now, trial_after: TRIAL_AFTER, trial_at });
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
            assert!(!breaker.failed(1, at(1)) && !breaker.failed(2, at(1)));
        }
        assert!(breaker.failed(3, at(1)));
        breaker.succeeded();
        assert!(!breaker.failed(4, at(2)));
        assert_eq!(breaker.admits(at(2)), at(2));
    }

    #[test]
    fn one_call_at_a_time_tries_and_patience_ends() {
        let mut breaker = Breaker::new(Duration::from_secs(60));
        for call in 0..5 {
            breaker.failed(call, at(1));
        }
        assert!(breaker.admits(at(1)) > at(1));
        assert_eq!(breaker.admits(at(2)), at(2));
        // The trial is under way.
        assert!(breaker.admits(at(20)) > at(20));
        assert!(breaker.failed(5, at(20)));
        assert!(breaker.admits(at(20)) > at(20));
        assert_eq!(breaker.admits(at(22)), at(22));
        assert!(!breaker.failed(6, at(62)));
        for call in 7..20 {
            assert!(!breaker.failed(call, at(63)));
            assert_eq!(breaker.admits(at(63)), at(63));
        }
    }
}
