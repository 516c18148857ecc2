//! When a failed attempt is made again: full jitter under a cap, within a deadline and a budget. Pure.

use crate::event::Outcome;
use neon_mock::rng::{self, Generator};
use rand::Rng;
use std::time::Duration;

/// The first backoff's upper end.
const BASE: Duration = Duration::from_millis(100);

/// Any backoff's upper end.
const CAP: Duration = Duration::from_secs(5);

/// How often a call is made again after a server or transport error.
const RETRIES: u32 = 8;

/// Retries of failed calls that are in hand at the start, and at most.
const IN_HAND: f64 = 100.0;

/// What a call that is answered adds.
const EARNED: f64 = 0.5;

/// How many more retries a run can afford.
///
/// A server that fails now and then earns its retries; one that fails every call is not called nine
/// times for each account. Source: the retry token bucket of the AWS SDKs, with a rate of our own.
#[derive(Clone, Copy, Debug)]
pub(super) struct Budget(f64);

impl Default for Budget {
    fn default() -> Self {
        Self(IN_HAND)
    }
}

impl Budget {
    /// A call was answered.
    pub(super) const fn earn(&mut self) {
        self.0 = (self.0 + EARNED).min(IN_HAND);
    }

    /// Takes a retry, if there is one.
    pub(super) fn spend(&mut self) -> bool {
        let affordable = self.0 >= 1.0;
        if affordable {
            self.0 -= 1.0;
        }
        affordable
    }
}

/// How long to wait after attempt number `attempt` ended with `outcome`, with `left` until the call's
/// deadline and with `refused` of the attempts refused; `None` gives the call up.
///
/// Refusals are no errors: a call that was refused ten times may still fail eight times.
/// A refused call did nothing and is made again until the deadline. A call that may have been
/// carried out is made again too: every write of a migration sets values, and setting them twice
/// is setting them once.
/// Source of the jitter: Brooker, "Exponential Backoff and Jitter", AWS, 2015 (full jitter).
pub(super) fn backoff(
    outcome: Outcome,
    attempt: u32,
    refused: u32,
    left: Duration,
    jitter: &mut Generator,
) -> Option<Duration> {
    let delay = full_jitter(attempt, jitter);
    let again = match outcome {
        Outcome::Rejected => true,
        Outcome::ServerError
        | Outcome::Unreachable
        | Outcome::Timeout
        | Outcome::Interrupted
        | Outcome::Malformed => attempt - refused <= RETRIES,
        Outcome::Ok
        | Outcome::Merged
        | Outcome::NotFound
        | Outcome::Unauthorized
        | Outcome::Forbidden
        | Outcome::Refused
        | Outcome::ErrorsUnderSuccess => false,
    };
    (again && delay <= left).then_some(delay)
}

fn full_jitter(attempt: u32, jitter: &mut Generator) -> Duration {
    let doublings = attempt.saturating_sub(1).min(16);
    let upper = BASE.saturating_mul(1 << doublings).min(CAP);
    Duration::from_nanos(rng::below(jitter.next_u64(), upper.as_nanos() as usize + 1) as u64)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn backoff_is_jittered_over_the_whole_range_and_capped() {
        let mut jitter = rng::stream(1, "test");
        let mut longest = |attempt| {
            (0..1_000).map(|_| full_jitter(attempt, &mut jitter)).max().unwrap_or_default()
        };
        for (attempt, upper_ms) in [(1, 100), (2, 200), (6, 3_200), (7, 5_000), (60, 5_000)] {
            let longest = longest(attempt).as_millis();
            assert!(longest <= upper_ms && longest > upper_ms * 98 / 100, "{attempt}: {longest}");
        }
    }

    #[test]
    fn refusals_go_on_until_the_deadline_and_errors_eight_times() {
        let mut jitter = rng::stream(1, "test");
        let mut again = |outcome, attempt, refused, left_s| {
            let left = Duration::from_secs(left_s);
            backoff(outcome, attempt, refused, left, &mut jitter).is_some()
        };
        assert!(again(Outcome::Rejected, 500, 500, 5));
        assert!(!again(Outcome::Rejected, 2, 2, 0));
        assert!(again(Outcome::ServerError, 8, 0, 5));
        assert!(!again(Outcome::ServerError, 8, 0, 0));
        assert!(!again(Outcome::ServerError, 9, 0, 500));
        assert!(again(Outcome::ServerError, 9, 8, 5));
        assert!(!again(Outcome::ServerError, 17, 8, 500));
        assert!(!again(Outcome::NotFound, 1, 0, 500));
    }

    #[test]
    fn retries_are_earned() {
        let mut budget = Budget::default();
        let mut afforded = 0;
        while budget.spend() {
            afforded += 1;
        }
        assert_eq!(afforded, 100);
        budget.earn();
        assert!(!budget.spend());
        budget.earn();
        assert!(budget.spend() && !budget.spend());
    }
}
