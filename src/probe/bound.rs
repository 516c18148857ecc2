//! What an endpoint admits, as refusals show it: a pool bounds the calls in flight, a window the calls
//! a second.
//!
//! Both are tried on the same calls: the smallest pool and the smallest window that explain every
//! call that was admitted. The one that leaves fewer refusals unexplained is believed.

use neon_mock::time::Timestamp;
use neonbench_engine::event::{Attempt, Outcome};
use serde::{Deserialize, Serialize};
use std::time::Duration;

/// What limits an endpoint.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Limit {
    /// Calls in flight that are admitted.
    Pool(u32),
    /// Calls a second that are admitted.
    PerSecond(u32),
}

/// What the calls of one endpoint show of its limit.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Bound {
    /// The limit; `None` if nothing was refused.
    pub limit: Option<Limit>,
    /// Whether the refusals tell pool and window apart.
    pub is_told_apart: bool,
    /// Admitted calls in flight at once, at most.
    pub most_in_flight: u32,
    /// Refusals.
    pub refused: u32,
}

/// How exact the moments are at which a server counts calls, as a client sees them.
const EXACT_TO: Duration = Duration::from_millis(20);

/// Refusals of which one may be left unexplained.
const MANY: u32 = 4;

/// Calls so short that a window refuses most that follow as soon as another ends: it lets through a
/// second's share in that time, and they are far more.
const SHORT: Duration = Duration::from_millis(400);

/// What `calls` of one endpoint, in the order in which they were sent, show.
pub(super) fn bound(calls: &[&Attempt]) -> Bound {
    let is_admitted = |call: &&&Attempt| call.outcome != Outcome::Rejected;
    let admitted: Vec<&Attempt> = calls.iter().filter(is_admitted).copied().collect();
    // What is over sooner than half of the shortest answer after a call was sent may have been over
    // when that call came: both travel.
    let shortest = calls.iter().map(|call| call.done_at.since(call.sent_at)).min();
    let travel = shortest.unwrap_or_default() / 2;
    // Nor is it known how long a call was in flight of which the answer got lost.
    let surely_in_flight = |at: Timestamp, before: &[&Attempt]| {
        let is_in = |other: &&&Attempt| {
            other.outcome.is_ok() && other.done_at > at && other.done_at >= at + travel
        };
        before.iter().filter(is_in).count()
    };
    let most = admitted
        .iter()
        .enumerate()
        .map(|(place, call)| 1 + surely_in_flight(call.sent_at, &admitted[..place]) as u32)
        .max()
        .unwrap_or(0);
    let refused = (calls.len() - admitted.len()) as u32;
    let none = Bound { limit: None, is_told_apart: false, most_in_flight: most, refused };
    if refused == 0 || admitted.is_empty() {
        return none;
    }
    let rate = (1..=admitted.len() as u32)
        .find(|&rate| unexplained_by_window(calls, rate).is_some())
        .unwrap_or(admitted.len() as u32);
    let by_window = unexplained_by_window(calls, rate).unwrap_or(refused);
    let by_pool = unexplained_by_pool(calls, most);
    // One refusal too many may be somebody else's call in the pool. Where calls are long a window
    // refuses few that follow, and each counts; so it does where few were refused.
    let mut took: Vec<Duration> =
        admitted.iter().map(|call| call.done_at.since(call.sent_at)).collect();
    took.sort_unstable();
    let slack = u32::from(refused >= MANY && took[took.len() / 2] <= SHORT);
    let is_pool = by_pool <= by_window + slack;
    let limit = if is_pool { Limit::Pool(most) } else { Limit::PerSecond(rate) };
    Bound { limit: Some(limit), is_told_apart: by_pool != by_window, ..none }
}

/// Refusals of calls that met fewer than `pool` in flight.
fn unexplained_by_pool(calls: &[&Attempt], pool: u32) -> u32 {
    let mut unexplained = 0;
    for (place, call) in calls.iter().enumerate() {
        let in_flight = calls[..place]
            .iter()
            .filter(|other| other.outcome != Outcome::Rejected && other.done_at > call.sent_at);
        let is_free = (in_flight.count() as u32) < pool;
        unexplained += u32::from(call.outcome == Outcome::Rejected && is_free);
    }
    unexplained
}

/// Refusals of calls that a window of `rate` a second would have admitted; `None` if it would not
/// have admitted all that were.
///
/// The window is Neon's other reading as the mock has it: one second's calls at once, then each after
/// its share of a second (GCRA).
fn unexplained_by_window(calls: &[&Attempt], rate: u32) -> Option<u32> {
    let share = Duration::from_secs(1) / rate;
    let burst = share * (rate - 1);
    let mut unexplained = 0;
    let mut full_at: Option<Timestamp> = None;
    for call in calls {
        let at = call.sent_at;
        let due_at = full_at.map_or(at, |full_at| full_at.max(at));
        let early = due_at.since(at);
        if call.outcome == Outcome::Rejected {
            unexplained += u32::from(early + EXACT_TO <= burst);
        } else if early > burst + EXACT_TO {
            return None;
        } else {
            full_at = Some(due_at + share);
        }
    }
    Some(unexplained)
}

#[cfg(test)]
mod tests {
    use super::*;
    use neon_mock::api::Endpoint;

    /// (sent, done, whether it was admitted), in ms.
    fn seen(calls: &[(u64, u64, bool)]) -> Bound {
        let at = |ms: u64| Timestamp::ZERO + Duration::from_millis(ms);
        let calls: Vec<Attempt> = calls
            .iter()
            .map(|&(sent, done, is_admitted)| Attempt {
                endpoint: Endpoint::GetAccount,
                attempt: 1,
                due_at: at(sent),
                sent_at: at(sent),
                done_at: at(done),
                outcome: if is_admitted { Outcome::Ok } else { Outcome::Rejected },
            })
            .collect();
        bound(&calls.iter().collect::<Vec<_>>())
    }

    #[test]
    fn what_is_never_refused_has_no_bound() {
        let bound = seen(&[(0, 100, true), (0, 120, true), (50, 90, true)]);
        assert_eq!((bound.limit, bound.most_in_flight, bound.refused), (None, 3, 0));
    }

    #[test]
    fn a_place_that_gets_free_is_a_pools() {
        let crowd = [(0, 200, true), (0, 300, true), (0, 30, false)];
        let bound = seen(&crowd);
        assert_eq!((bound.limit, bound.is_told_apart), (Some(Limit::Pool(2)), false));
        // A window of two a second has no place before half a second is over.
        let bound = seen(&[&crowd[..], &[(200, 400, true)]].concat());
        assert_eq!(bound.limit, Some(Limit::Pool(2)));
        let bound = seen(&[&crowd[..], &[(200, 230, false)]].concat());
        assert_eq!((bound.limit, bound.is_told_apart), (Some(Limit::PerSecond(2)), true));
    }

    #[test]
    fn where_all_stay_in_flight_a_window_admits_one_more() {
        let crowd = [(0, 2_000, true), (0, 2_500, true), (0, 30, false)];
        let bound = |is_admitted| seen(&[&crowd[..], &[(550, 2_600, is_admitted)]].concat());
        assert_eq!(bound(false).limit, Some(Limit::Pool(2)));
        assert_eq!(bound(true).limit, Some(Limit::PerSecond(2)));
    }
}
