//! Retry policy: full jitter under a cap, within a deadline per call and a budget per run. Pure.

use crate::event::Outcome;
use neon_mock::rng::{self, Generator};
use rand::Rng;
use std::cell::RefCell;
use std::time::Duration;

/// Upper end of the first backoff.
const BASE: Duration = Duration::from_millis(100);

/// Upper end of any backoff.
const CAP: Duration = Duration::from_secs(5);

/// The most retries per call after server or transport errors.
const RETRIES: u32 = 8;

/// Retries in the budget at the start, which is also the most.
const IN_HAND: f64 = 100.0;

/// Retries that a successful call adds to the budget.
const EARNED: f64 = 0.5;

/// The retry budget of a run, in retries.
///
/// A server that fails now and then earns its retries; one that fails every call is not called nine
/// times per account.
///
/// Source: the retry token bucket of the AWS SDKs, with a rate of our own.
#[derive(Clone, Copy, Debug)]
pub(super) struct RetryBudget(f64);

impl Default for RetryBudget {
    fn default() -> Self {
        Self(IN_HAND)
    }
}

impl RetryBudget {
    /// Adds the share of a successful call.
    pub(super) const fn earn(&mut self) {
        self.0 = (self.0 + EARNED).min(IN_HAND);
    }

    /// Takes one retry; false if none is left.
    pub(super) fn spend(&mut self) -> bool {
        let affordable = self.0 >= 1.0;
        if affordable {
            self.0 -= 1.0;
        }
        affordable
    }
}

/// The longest wait that a Retry-After is believed to ask for: longer ones are stamps, or other units.
const CREDIBLE: Duration = Duration::from_secs(60);

/// A failed attempt.
#[derive(Clone, Copy, Debug)]
pub(super) struct FailedAttempt {
    pub(super) outcome: Outcome,
    /// Number of the attempt in its call, from 1, without those of an outage.
    pub(super) attempt: u32,
    /// True if the server fails every call: then a retry costs no budget.
    pub(super) is_outage: bool,
    /// Attempts of the call that were refused with 429.
    pub(super) refused: u32,
    /// Time from due to the end of this attempt, without the pauses of outages.
    pub(super) elapsed: Duration,
    /// Delay that Retry-After asks for; zero without the header.
    pub(super) retry_after: Duration,
}

/// Reason not to retry a call.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(super) enum NoRetry {
    /// It would end in the same way.
    #[error("it would end in the same way")]
    Final,
    /// The call has used up its retries.
    #[error("it failed {RETRIES} times more")]
    TooOften,
    /// The next attempt would come after the call's deadline.
    #[error("its next attempt would come after its deadline of {}", humantime::format_duration(*.0))]
    Deadline(Duration),
    /// Too few calls were answered meanwhile.
    #[error("the budget of retries is spent")]
    BudgetSpent,
}

/// The retry policy of a run, with its budget and its random stream.
#[derive(Debug)]
pub(super) struct Retries {
    jitter: RefCell<Generator>,
    budget: RefCell<RetryBudget>,
    /// The most time that a call may take with all attempts.
    deadline: Duration,
}

impl Retries {
    pub(super) fn new(seed: u64, deadline: Duration) -> Self {
        let jitter = RefCell::new(rng::stream(seed, "backoff"));
        Self { jitter, budget: RefCell::default(), deadline }
    }

    /// Records a successful call.
    pub(super) fn earn(&self) {
        self.budget.borrow_mut().earn();
    }

    /// The delay that a Retry-After of `asked` is granted. One that is not credible is passed over the
    /// first time; where it `is_repeated`, the longest credible delay is granted, after which one call
    /// finds out whether the endpoint still asks for it.
    ///
    /// Errors: the delay, if it is not the one asked for.
    pub(super) fn credible(
        &self,
        asked: Duration,
        is_repeated: bool,
    ) -> Result<Duration, Duration> {
        let most = CREDIBLE.min(self.deadline);
        if asked <= most {
            return Ok(asked);
        }
        Err(if is_repeated { most } else { Duration::ZERO })
    }

    /// The delay before the next attempt: full jitter, and at least what Retry-After asks for.
    ///
    /// Refusals do not count as errors: a refused call did nothing, so it is retried until the
    /// deadline and costs no budget. A call that may have been carried out is retried too, since
    /// every write of a migration sets values and is idempotent.
    ///
    /// Errors: [`NoRetry`] with the reason, if the call is final.
    ///
    /// Source: Brooker, "Exponential Backoff and Jitter", AWS, 2015.
    pub(super) fn again(&self, failed: &FailedAttempt) -> Result<Duration, NoRetry> {
        let delay = full_jitter(failed.attempt, &mut self.jitter.borrow_mut());
        may_be_repeated(failed)?;
        let delay = delay.max(failed.retry_after);
        if delay > self.deadline.saturating_sub(failed.elapsed) {
            return Err(NoRetry::Deadline(self.deadline));
        }
        let is_free = failed.outcome == Outcome::Rejected || failed.is_outage;
        if !is_free && !self.budget.borrow_mut().spend() {
            return Err(NoRetry::BudgetSpent);
        }
        Ok(delay)
    }
}

/// Errors: the outcome is final, or the call has used up its retries.
const fn may_be_repeated(failed: &FailedAttempt) -> Result<(), NoRetry> {
    match failed.outcome {
        Outcome::Rejected => Ok(()),
        Outcome::ServerError
        | Outcome::Unreachable
        | Outcome::Timeout
        | Outcome::Interrupted
        | Outcome::Malformed => {
            if failed.attempt - failed.refused > RETRIES {
                Err(NoRetry::TooOften)
            } else {
                Ok(())
            }
        }
        Outcome::Ok
        | Outcome::Merged
        | Outcome::NotFound
        | Outcome::Unauthorized
        | Outcome::Forbidden
        | Outcome::Refused
        | Outcome::Abandoned
        | Outcome::ErrorsUnderSuccess => Err(NoRetry::Final),
    }
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

    const DEADLINE: Duration = Duration::from_secs(600);

    fn failed(outcome: Outcome, attempt: u32, refused: u32, elapsed_s: u64) -> FailedAttempt {
        let elapsed = Duration::from_secs(elapsed_s);
        FailedAttempt {
            outcome,
            attempt,
            is_outage: false,
            refused,
            elapsed,
            retry_after: Duration::ZERO,
        }
    }

    #[test]
    fn refusals_go_on_until_the_deadline_and_errors_eight_times() {
        let retries = Retries::new(1, DEADLINE);
        let no_retry = |outcome, attempt, refused, elapsed_s| {
            retries.again(&failed(outcome, attempt, refused, elapsed_s)).err()
        };
        assert_eq!(no_retry(Outcome::Rejected, 500, 500, 595), None);
        assert_eq!(no_retry(Outcome::Rejected, 2, 2, 600), Some(NoRetry::Deadline(DEADLINE)));
        assert_eq!(no_retry(Outcome::ServerError, 8, 0, 595), None);
        assert_eq!(no_retry(Outcome::ServerError, 8, 0, 600), Some(NoRetry::Deadline(DEADLINE)));
        assert_eq!(no_retry(Outcome::ServerError, 9, 0, 100), Some(NoRetry::TooOften));
        assert_eq!(no_retry(Outcome::ServerError, 9, 8, 595), None);
        assert_eq!(no_retry(Outcome::ServerError, 17, 8, 100), Some(NoRetry::TooOften));
        assert_eq!(no_retry(Outcome::NotFound, 1, 0, 100), Some(NoRetry::Final));
    }

    #[test]
    fn a_spent_budget_gives_errors_up_and_not_refusals() {
        let retries = Retries::new(1, DEADLINE);
        let mut afforded = 0;
        while retries.again(&failed(Outcome::Timeout, 1, 0, 0)).is_ok() {
            afforded += 1;
        }
        assert_eq!(afforded, 100);
        let no_retry = |outcome| retries.again(&failed(outcome, 1, 1, 0)).err();
        assert_eq!(no_retry(Outcome::ServerError), Some(NoRetry::BudgetSpent));
        assert_eq!(no_retry(Outcome::Rejected), None);
    }

    #[test]
    fn nothing_comes_back_before_the_time_that_it_was_told() {
        let retries = Retries::new(1, DEADLINE);
        let after = |retry_after| {
            retries.again(&FailedAttempt { retry_after, ..failed(Outcome::Rejected, 1, 1, 10) })
        };
        assert_eq!(after(Duration::from_secs(20)), Ok(Duration::from_secs(20)));
        assert_eq!(retries.credible(Duration::from_secs(20), true), Ok(Duration::from_secs(20)));
        for too_long in [Duration::from_secs(591), Duration::from_secs(u64::MAX)] {
            assert_eq!(after(too_long), Err(NoRetry::Deadline(DEADLINE)));
            assert_eq!(retries.credible(too_long, false), Err(Duration::ZERO));
            assert_eq!(retries.credible(too_long, true), Err(CREDIBLE));
        }
    }

    #[test]
    fn retries_are_earned() {
        let mut budget = RetryBudget::default();
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
