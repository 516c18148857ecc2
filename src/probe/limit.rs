//! Infers the limit of an endpoint from its refusals: a pool bounds the calls in flight, a window the
//! calls per second.
//!
//! Both hypotheses are tested on the same calls: the smallest pool and the smallest window that admit
//! every call that was admitted. The one that leaves fewer refusals unexplained is chosen.

use neon_mock::limit::Window;
use neon_mock::time::{Timestamp, nanos};
use neonbench_engine::event::{Attempt, Outcome};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::num::NonZeroU32;
use std::time::Duration;

/// The limit of an endpoint.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum AdmissionLimit {
    /// The most calls in flight.
    Pool(u32),
    /// The most calls per second.
    PerSecond(u32),
}

/// The limit of one endpoint as its calls show it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct InferredLimit {
    /// The limit; none without a refusal.
    pub limit: Option<AdmissionLimit>,
    /// The most admitted calls in flight at once.
    pub most_in_flight: u32,
    /// The least window, in calls per second, that admits every call that was admitted.
    pub least_rate: u32,
    /// Refusals that a pool of the most in flight leaves unexplained.
    pub(super) by_pool: u32,
    /// Refusals that the least window leaves unexplained.
    pub(super) by_window: u32,
    /// Refusals that the pool and the window together leave unexplained.
    pub(super) by_both: u32,
    /// Refusals that a pool may leave unexplained for nothing.
    pub(super) slack: u32,
    /// Number of calls.
    pub(super) calls: u32,
    /// Calls of others in a pool of the most in flight, in the mean, that explain the refusals which it leaves unexplained.
    pub(super) held: Held,
}

/// A number of calls in a pool, in thousandths.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Held(u32);

impl Held {
    pub(super) fn calls(self) -> f64 {
        f64::from(self.0) / 1e3
    }

    /// The calls that others, who come at random, have to hold of a pool for so many refusals: `met` gives each call's
    /// free places (one at least), and whether it was refused.
    fn of(met: impl Iterator<Item = (u32, bool)>) -> Self {
        // By free places: calls, and those refused.
        let mut by_free: BTreeMap<u32, [f64; 2]> = BTreeMap::new();
        for (free, is_refused) in met {
            let [calls, refused] = by_free.entry(free).or_default();
            *calls += 1.0;
            *refused += f64::from(u8::from(is_refused));
        }
        let refused: f64 = by_free.values().map(|[_, refused]| refused).sum();
        let most = by_free.keys().last().copied().unwrap_or_default();
        if refused == 0.0 {
            return Self::default();
        }
        let expected = |held: f64| -> f64 {
            let of_free = |(&free, [calls, _]): (&u32, &[f64; 2])| calls * at_least(free, held);
            by_free.iter().map(of_free).sum()
        };
        let (mut low, mut high) = (0, 2_000 * most);
        while high - low > 1 {
            let middle = low.midpoint(high);
            if expected(f64::from(middle) / 1e3) < refused { low = middle } else { high = middle }
        }
        Self(high)
    }
}

/// Probability that a Poisson variable of that mean is at least `least`.
fn at_least(least: u32, mean: f64) -> f64 {
    let mut term = (-mean).exp();
    let mut below = 0.0;
    for number in 0..least {
        below += term;
        term *= mean / f64::from(number + 1);
    }
    (1.0 - below).max(0.0)
}

impl InferredLimit {
    /// Refusals that neither a pool nor a window explains.
    pub(super) fn unexplained(&self) -> u32 {
        self.by_pool.min(self.by_window + self.slack)
    }

    /// Refusals that the one of them leaves unexplained, and both together do not.
    pub(super) fn for_both(&self) -> u32 {
        self.by_pool.min(self.by_window).saturating_sub(self.by_both)
    }

    /// True if a pool and a window explain different numbers of refusals.
    pub fn is_unambiguous(&self) -> bool {
        self.for_window() != 0
    }

    /// Refusals more that a pool leaves unexplained than a window; none where the slack covers them.
    pub(super) fn for_window(&self) -> i32 {
        let more = self.by_pool.cast_signed() - self.by_window.cast_signed();
        if (0..=self.slack.cast_signed()).contains(&more) { 0 } else { more }
    }
}

/// Uncertainty of the moment at which the server counts a call, seen from the client.
const EXACT_TO: Duration = Duration::from_millis(20);

/// From so many refusals on, a pool may leave one unexplained.
const MANY: u32 = 4;

/// Refusals that a pool may leave unexplained where colleagues were seen to work in it meanwhile.
const BESIDE_OTHERS: u32 = 2;

/// Median service time up to which a window refuses most of the calls that follow: in that time it
/// admits few, and many are sent.
const SHORT: Duration = Duration::from_millis(400);

/// Infers the limit of one kind of call from its calls, in the order of sending; of several kinds that are limited
/// alike, each by itself, from the calls of each. `has_others` if colleagues were seen at work meanwhile.
pub(super) fn infer_limit(kinds: &[&[&Attempt]], has_others: bool) -> InferredLimit {
    let seen: Vec<SeenCalls<'_>> = kinds.iter().map(|calls| SeenCalls::of(calls)).collect();
    let count = |of: fn(&SeenCalls<'_>) -> usize| seen.iter().map(of).sum::<usize>() as u32;
    let (calls, admitted) = (count(|it| it.calls.len()), count(|it| it.admitted.len()));
    let most = seen.iter().map(|it| it.most_in_flight).max().unwrap_or(0);
    let by_window_of =
        |rate| seen.iter().map(|it| unexplained_by_window(it.calls, rate)).sum::<Option<u32>>();
    let rate = (1..=admitted).find(|&rate| by_window_of(rate).is_some()).unwrap_or(admitted);
    let refused = calls - admitted;
    let none =
        InferredLimit { most_in_flight: most, least_rate: rate, calls, ..InferredLimit::default() };
    if refused == 0 || admitted == 0 {
        return none;
    }
    let by_window = by_window_of(rate).unwrap_or(refused);
    let by_both = seen.iter().map(|it| unexplained_by_both(it.calls, most, rate)).sum();
    let met_free = |(call, met): &(&&Attempt, usize)| {
        call.outcome == Outcome::Rejected && (*met as u32) < most
    };
    let with_met = || seen.iter().flat_map(|it| it.calls.iter().zip(in_flight(it.calls)));
    let by_pool = with_met().filter(met_free).count() as u32;
    let held = Held::of(with_met().filter_map(|(call, met)| {
        let free = most.checked_sub(met as u32).filter(|free| *free > 0)?;
        Some((free, call.outcome == Outcome::Rejected))
    }));
    // One unexplained refusal may be due to another client's call in the pool. Where calls are long a
    // window refuses few that follow, so each refusal counts; so it does where few were refused.
    let of_all = seen.iter().flat_map(|it| &it.admitted);
    let mut took: Vec<Duration> = of_all.map(|call| call.done_at.since(call.sent_at)).collect();
    took.sort_unstable();
    let is_short = took[took.len() / 2] <= SHORT;
    let slack = if has_others { BESIDE_OTHERS } else { u32::from(refused >= MANY && is_short) };
    let is_pool = by_pool <= by_window + slack;
    let limit = if is_pool { AdmissionLimit::Pool(most) } else { AdmissionLimit::PerSecond(rate) };
    InferredLimit { limit: Some(limit), by_pool, by_window, by_both, slack, held, ..none }
}

/// The calls of one kind.
struct SeenCalls<'a> {
    calls: &'a [&'a Attempt],
    admitted: Vec<&'a Attempt>,
    most_in_flight: u32,
}

impl<'a> SeenCalls<'a> {
    fn of(calls: &'a [&'a Attempt]) -> Self {
        let is_admitted = |call: &&&Attempt| call.outcome != Outcome::Rejected;
        let admitted: Vec<&Attempt> = calls.iter().filter(is_admitted).copied().collect();
        // A call that ends within half of the shortest response time after another was sent may have
        // ended before that one reached the server: both travel.
        let shortest = calls.iter().map(|call| call.done_at.since(call.sent_at)).min();
        let travel = shortest.unwrap_or_default() / 2;
        // A call whose answer was lost has no known end, so it does not count as in flight.
        let surely_in_flight = |at: Timestamp, before: &[&Attempt]| {
            let is_in = |other: &&&Attempt| {
                other.outcome.is_ok() && other.done_at > at && other.done_at >= at + travel
            };
            before.iter().filter(is_in).count()
        };
        let most_in_flight = admitted
            .iter()
            .enumerate()
            .map(|(place, call)| 1 + surely_in_flight(call.sent_at, &admitted[..place]) as u32)
            .max()
            .unwrap_or(0);
        Self { calls, admitted, most_in_flight }
    }
}

/// For each of `calls`, the number of admitted calls before it that were in flight when it was sent.
pub(super) fn in_flight<'a>(calls: &'a [&Attempt]) -> impl Iterator<Item = usize> + 'a {
    calls.iter().enumerate().map(|(place, call)| {
        let is_in =
            |other: &&&Attempt| other.outcome != Outcome::Rejected && other.done_at > call.sent_at;
        calls[..place].iter().filter(is_in).count()
    })
}

/// Number of refusals that a window of `rate` calls per second would have admitted; `None` if it
/// would have refused a call that was admitted.
///
/// The window is GCRA with a burst of one second's calls, the other reading of Neon's limits page.
fn unexplained_by_window(calls: &[&Attempt], rate: u32) -> Option<u32> {
    admitted_by_window(calls, rate).map(|admitted| admitted.len() as u32)
}

/// Number of refusals that a pool of `pool` and a window of `rate` calls per second would have admitted.
fn unexplained_by_both(calls: &[&Attempt], pool: u32, rate: u32) -> u32 {
    let met: Vec<usize> = in_flight(calls).collect();
    let by_window = admitted_by_window(calls, rate).unwrap_or_default();
    by_window.into_iter().filter(|place| (met[*place] as u32) < pool).count() as u32
}

/// The places of the refusals that a window of `rate` calls per second would have admitted; `None` if it
/// would have refused a call that was admitted.
fn admitted_by_window(calls: &[&Attempt], rate: u32) -> Option<Vec<usize>> {
    let mut window = Window::new(NonZeroU32::new(rate)?);
    let mut admitted = Vec::new();
    for (place, call) in calls.iter().enumerate() {
        let at = call.sent_at;
        if call.outcome == Outcome::Rejected {
            let earlier = Timestamp::from_nanos(at.as_nanos().saturating_sub(nanos(EXACT_TO)));
            admitted.extend(window.clone().admit(earlier).is_ok().then_some(place));
        } else if let Err(until) = window.admit(at) {
            if until.since(at) > EXACT_TO {
                return None;
            }
            window.admit(until).ok()?;
        }
    }
    Some(admitted)
}

#[cfg(test)]
mod tests {
    use super::*;
    use neon_mock::api::Endpoint;

    /// Each call is (sent in ms, done in ms, admitted).
    fn inferred(calls: &[(u64, u64, bool)]) -> InferredLimit {
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
        infer_limit(&[&calls.iter().collect::<Vec<_>>()], false)
    }

    #[test]
    fn what_is_never_refused_has_no_bound() {
        let bound = inferred(&[(0, 100, true), (0, 120, true), (50, 90, true)]);
        assert_eq!((bound.limit, bound.most_in_flight), (None, 3));
    }

    #[test]
    fn a_place_that_gets_free_is_a_pools() {
        let burst = [(0, 200, true), (0, 300, true), (0, 30, false)];
        let bound = inferred(&burst);
        assert_eq!((bound.limit, bound.is_unambiguous()), (Some(AdmissionLimit::Pool(2)), false));
        // A window of two calls per second admits nothing before half a second has passed.
        let bound = inferred(&[&burst[..], &[(200, 400, true)]].concat());
        assert_eq!(bound.limit, Some(AdmissionLimit::Pool(2)));
        let bound = inferred(&[&burst[..], &[(200, 230, false)]].concat());
        assert_eq!(
            (bound.limit, bound.is_unambiguous()),
            (Some(AdmissionLimit::PerSecond(2)), true)
        );
    }

    #[test]
    fn where_all_stay_in_flight_a_window_admits_one_more() {
        let burst = [(0, 2_000, true), (0, 2_500, true), (0, 30, false)];
        let bound = |is_admitted| inferred(&[&burst[..], &[(550, 2_600, is_admitted)]].concat());
        assert_eq!(bound(false).limit, Some(AdmissionLimit::Pool(2)));
        assert_eq!(bound(true).limit, Some(AdmissionLimit::PerSecond(2)));
    }

    #[test]
    fn a_refusal_after_a_rest_is_not_that_of_a_window() {
        let calls = |after_ms| {
            inferred(&[(0, 100, true), (50, 60, false), (after_ms, after_ms + 10, false)])
        };
        assert_eq!([calls(500).by_window, calls(5_000).by_window], [0, 1]);
    }
}
