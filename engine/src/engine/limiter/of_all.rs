//! The limit of the calls of all endpoints together: at the knee of the server, and within a pool that
//! verbs share.
//!
//! Until either is known it opens by each success (slow start: Jacobson, "Congestion avoidance and
//! control", 1988), since a server that slows down is slow to say so.

use super::Manners;
use super::adaptive::Adaptive;
use super::knee::Knee;
use super::limit::{CallFeedback, ConcurrencyLimit, UnansweredCall};

/// Calls in flight at the start: at a pool of 50 each halving costs a tenth of a run of 60 accounts, and
/// at a server that is fastest with 3 in flight each doubling costs more than that.
const START: u32 = 8;

/// Calls after which the knee is believed even if as many as at the start were never in flight.
const KNEE_AFTER: u32 = 64;

/// Limit of the calls of all endpoints together.
///
/// A pool of one endpoint refuses with the same number of the endpoint's own calls in flight, and a
/// pool that verbs share with the same number of all. So a pool is taken for a shared one where a call
/// was refused with fewer of its own in flight than one endpoint had taken before, since their pools are
/// alike as a rule, but never with fewer of all.
#[derive(Clone, Debug)]
pub struct LimitOfAll {
    headroom: u32,
    manners: Manners,
    /// The most calls in flight so far.
    open: u32,
    knee: Knee,
    /// Calls that were answered, or given up.
    answered: u32,
    /// The most calls in flight that were all taken: of one endpoint, and of all.
    taken_of_one: u32,
    taken: u32,
    /// The fewest calls of all in flight beside one that was refused.
    refused_at: Option<u32>,
    /// The pool that verbs share, if they seem to. Its waits are not kept: a pool of one verb that was taken for a
    /// shared one would stop them all.
    shared: Option<Adaptive>,
}

impl LimitOfAll {
    /// Knows nothing yet; leaves `headroom` places of a shared pool to others.
    pub fn new(headroom: u32, manners: Manners) -> Self {
        Self {
            headroom,
            manners,
            open: START,
            knee: Knee::default(),
            answered: 0,
            taken_of_one: 0,
            taken: 0,
            refused_at: None,
            shared: None,
        }
    }

    /// The most calls in flight; at least 1.
    pub fn limit(&self) -> u32 {
        let shared = self.shared.as_ref().map_or(u32::MAX, ConcurrencyLimit::limit);
        self.open.min(shared)
    }

    /// The pool that verbs share, if they do.
    pub(crate) fn shared_pool(&self) -> Option<u32> {
        self.shared.as_ref().and_then(ConcurrencyLimit::found)
    }

    /// The most calls of one endpoint that were in flight and all taken.
    pub(crate) const fn taken_of_one(&self) -> u32 {
        self.taken_of_one
    }

    /// The most calls of all endpoints that were in flight and all taken.
    pub(crate) const fn taken(&self) -> u32 {
        self.taken
    }

    /// Adjusts to the result of a call; true if it is a refusal that a shared pool explains.
    pub fn explains(
        &mut self,
        call: &CallFeedback,
        unanswered: impl Iterator<Item = UnansweredCall>,
    ) -> bool {
        if call.is_taken() || call.is_timed_out() {
            self.knee.timed(call, unanswered);
        }
        if call.is_taken() {
            if (call.in_flight_all + 1) * 2 > self.open {
                self.open += self.manners.opened_by_success();
            }
            self.taken_of_one = self.taken_of_one.max(self.manners.beside(call) + 1);
            self.taken = self.taken.max(call.in_flight_all + 1);
        }
        self.answered += 1;
        // With few in flight, and few calls, times that scatter look like times that grow.
        if self.taken >= START || self.answered >= KNEE_AFTER {
            self.open = self.open.min(self.knee.limit());
        }
        if let Some(shared) = &mut self.shared {
            let limit = shared.limit();
            shared.on_result(&CallFeedback { in_flight: call.in_flight_all, ..*call });
            let is_below = call.is_refused() && call.in_flight_all * 2 < limit;
            if !shared.is_paced() && !is_below {
                return call.is_refused();
            }
            // The number in flight does not explain it after all.
            self.shared = None;
        }
        if !call.is_refused() {
            return false;
        }
        let least = self.refused_at.map_or(call.in_flight_all, |at| at.min(call.in_flight_all));
        self.refused_at = Some(least);
        let not_its_own = call.in_flight < self.taken_of_one;
        // Neon's search has a limit of its own: it may have been beside a full pool.
        let beside = u32::from(call.in_flight * 2 < least);
        if not_its_own && least + beside >= self.taken && least > call.in_flight {
            self.shared = Some(Adaptive::of_pool(least, self.headroom, call.done_at));
            return true;
        }
        false
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::event::Outcome;
    use neon_mock::api::Endpoint;
    use neon_mock::time::Timestamp;
    use std::time::Duration;

    /// The result of a call beside others: of its own endpoint, and of all.
    fn result(at_s: u64, own: u32, all: u32, outcome: Outcome) -> CallFeedback {
        let at = Timestamp::ZERO + Duration::from_secs(at_s);
        CallFeedback {
            endpoint: Endpoint::GetAccount,
            sent_at: at,
            done_at: at + Duration::from_millis(100),
            in_flight: own,
            unanswered: 0,
            in_flight_all: all,
            taken_of_all: 0,
            outcome,
            queue_waiting: true,
            spare_refusals: 5,
        }
    }

    #[test]
    fn a_pool_is_shared_where_only_all_calls_explain_the_refusals() {
        let mut limit = LimitOfAll::new(0, Manners::Polite);
        assert!(!limit.explains(&result(1, 7, 9, Outcome::Ok), std::iter::empty()));
        assert!(limit.explains(&result(2, 2, 10, Outcome::Rejected), std::iter::empty()));
        assert_eq!(limit.shared_pool(), Some(10));
        // Refused with next to nothing in flight: it was another limit after all.
        assert!(!limit.explains(&result(3, 1, 2, Outcome::Rejected), std::iter::empty()));
        assert_eq!(limit.shared_pool(), None);
    }

    #[test]
    fn a_pool_of_one_endpoint_is_none_of_all() {
        let mut limit = LimitOfAll::new(0, Manners::Polite);
        limit.explains(&result(1, 4, 9, Outcome::Ok), std::iter::empty());
        // As many of its own were taken, and no more.
        assert!(!limit.explains(&result(2, 5, 9, Outcome::Rejected), std::iter::empty()));
        // Fewer of all were refused than were taken.
        assert!(!limit.explains(&result(3, 4, 5, Outcome::Rejected), std::iter::empty()));
        assert_eq!(limit.shared_pool(), None);
    }
}
