//! Evidence that reads and writes of accounts share a limit of calls per second.
//!
//! A window of one endpoint refuses a call only where at least a second's calls of that endpoint were
//! taken within the last second, and takes at most twice as many in any, its burst with what comes after
//! it. Neon's page gives all of them one figure. So where fewer than half were taken of what one of them
//! had before, the limit is not this endpoint's alone; nor is it a pool of its own, if as many in flight
//! were taken before.

use super::limit::CallFeedback;
use neon_mock::api::Endpoint;
use neon_mock::time::Timestamp;
use std::collections::VecDeque;
use std::time::Duration;

const SECOND: Duration = Duration::from_secs(1);

/// Watches for refusals that no limit of one endpoint explains.
#[derive(Clone, Debug)]
pub(crate) struct SharedRate {
    of: [TakenCalls; Endpoint::ALL.len()],
    /// The most calls of one endpoint that were sent within a second.
    per_second: usize,
    is_shown: bool,
}

impl Default for SharedRate {
    fn default() -> Self {
        Self { of: Endpoint::ALL.map(|_| TakenCalls::default()), per_second: 0, is_shown: false }
    }
}

/// Calls of one endpoint that were taken.
#[derive(Clone, Debug, Default)]
struct TakenCalls {
    /// When those of the last seconds were sent, in order of time.
    sent: VecDeque<Timestamp>,
    /// The most that were in flight.
    in_flight: u32,
}

impl TakenCalls {
    fn add(&mut self, call: &CallFeedback) {
        self.in_flight = self.in_flight.max(call.in_flight + 1);
        let place = self.sent.partition_point(|at| *at <= call.sent_at);
        self.sent.insert(place, call.sent_at);
        while self.sent.front().is_some_and(|at| *at + 2 * SECOND < call.done_at) {
            self.sent.pop_front();
        }
    }

    /// Calls that were sent in the second up to `end`.
    fn in_second(&self, end: Timestamp) -> usize {
        let up_to = |at| self.sent.partition_point(|sent| *sent <= at);
        up_to(end) - self.sent.partition_point(|sent| *sent + SECOND <= end)
    }

    /// The most calls that were sent within a second.
    fn per_second(&self) -> usize {
        self.sent.iter().map(|end| self.in_second(*end)).max().unwrap_or(0)
    }
}

impl SharedRate {
    /// True once a refusal has shown it.
    pub(crate) const fn is_shown(&self) -> bool {
        self.is_shown
    }

    /// Adds the result of a call.
    pub(crate) fn add(&mut self, call: &CallFeedback) {
        if !matches!(
            call.endpoint,
            Endpoint::GetAccount | Endpoint::PatchAccount | Endpoint::PutAccount
        ) {
            return;
        }
        let calls = &mut self.of[call.endpoint.index()];
        if call.is_refused() {
            // Calls in flight are taken, too.
            let taken = calls.in_second(call.sent_at) + call.in_flight as usize;
            let is_no_pool = call.in_flight < calls.in_flight;
            self.is_shown |= taken == 0 || is_no_pool && 2 * taken < self.per_second;
        } else if call.is_taken() {
            calls.add(call);
            self.per_second = self.per_second.max(calls.per_second());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::event::Outcome;

    fn result(endpoint: Endpoint, sent_ms: u64, in_flight: u32, outcome: Outcome) -> CallFeedback {
        let sent_at = Timestamp::ZERO + Duration::from_millis(sent_ms);
        CallFeedback {
            endpoint,
            sent_at,
            done_at: sent_at + Duration::from_millis(30),
            in_flight,
            unanswered: 0,
            in_flight_all: in_flight,
            taken_of_all: 0,
            outcome,
            queue_waiting: true,
            spare_refusals: 5,
        }
    }

    /// Five reads at once from 10 s on, and one per fifth of a second after them.
    fn reads() -> SharedRate {
        let mut rate = SharedRate::default();
        for read in 0..5 {
            rate.add(&result(Endpoint::GetAccount, 10_000, read, Outcome::Ok));
        }
        for read in 1..=5 {
            rate.add(&result(Endpoint::GetAccount, 10_000 + 200 * read, 0, Outcome::Ok));
        }
        rate
    }

    #[test]
    fn a_window_or_a_pool_of_one_endpoint_is_none_of_all() {
        let mut rate = reads();
        // Five were taken within the last second.
        rate.add(&result(Endpoint::GetAccount, 11_100, 0, Outcome::Rejected));
        // A pool of one: no more were ever in flight.
        rate.add(&result(Endpoint::PatchAccount, 11_000, 0, Outcome::Ok));
        rate.add(&result(Endpoint::PatchAccount, 11_500, 1, Outcome::Rejected));
        // Searches have a limit of their own.
        rate.add(&result(Endpoint::SearchAccounts, 11_500, 0, Outcome::Rejected));
        assert!(!rate.is_shown());
    }

    #[test]
    fn a_call_that_is_refused_though_few_of_its_endpoint_were_taken_shows_a_shared_rate() {
        let mut rate = reads();
        rate.add(&result(Endpoint::PatchAccount, 10_700, 0, Outcome::Ok));
        rate.add(&result(Endpoint::PatchAccount, 10_800, 1, Outcome::Ok));
        rate.add(&result(Endpoint::PatchAccount, 11_000, 2, Outcome::Rejected));
        assert!(!rate.is_shown(), "it may be a pool of two");
        rate.add(&result(Endpoint::PatchAccount, 11_100, 1, Outcome::Rejected));
        assert!(rate.is_shown());

        let mut rate = SharedRate::default();
        rate.add(&result(Endpoint::PutAccount, 11_000, 0, Outcome::Rejected));
        assert!(rate.is_shown(), "the first of all");
    }
}
