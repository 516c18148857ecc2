//! The change of a server's behaviour that a run's pace shows, by the figure that changed most.

use super::course::Course;
use crate::stats::mean;
use neon_mock::api::Endpoint;
use neonbench_engine::event::{Attempt, Outcome};
use std::collections::BTreeSet;

/// Calls before and after a change that figures are taken from at least.
const FEWEST_CALLS: usize = 20;

/// Refusals: the least share after a change, and times the share before.
const REFUSED: f64 = 0.05;
const TIMES_REFUSED: f64 = 2.0;

/// Times as much, or as little, that counts as a change.
const TIMES: f64 = 1.25;

/// The figure that changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ChangedFigure {
    /// Share of the calls of an endpoint that are refused.
    Refused(Endpoint),
    /// Mean seconds that an endpoint takes for a call.
    Service(Endpoint),
    /// Mean number of calls of an endpoint in flight.
    InFlight(Endpoint),
    /// Seconds per account: no figure of an endpoint explains it.
    Pace,
}

/// A change of the server's behaviour in mid-run.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct RegimeChange {
    /// Accounts that this process had ended by then.
    pub since: u64,
    /// The figure that changed.
    pub figure: ChangedFigure,
    /// It before and after the change.
    pub values: [f64; 2],
    /// Seconds per account before and after the change.
    pub account_s: [f64; 2],
}

impl RegimeChange {
    /// True if the run is slower since.
    pub fn is_slower(&self) -> bool {
        self.account_s[1] > self.account_s[0]
    }
}

/// The latest change that the pace of `course` shows.
pub fn regime_change(course: &Course) -> Option<RegimeChange> {
    let since = course.steady_since();
    let after = course.landed().checked_sub(since)?;
    if since == 0 || after == 0 {
        return None;
    }
    let begun = course.at(since);
    // As many accounts before as after: what was earlier may have been another regime.
    let from = since.saturating_sub(after.max(since / 4));
    let seconds = |from: u64, to: u64| {
        course.at(to).since(course.at(from)).as_secs_f64() / (to - from).max(1) as f64
    };
    let account_s = [seconds(from, since), seconds(since, course.landed())];
    let calls = course.calls();
    let (before, after): (Vec<&Attempt>, Vec<&Attempt>) =
        calls.partition(|call| call.done_at < begun);
    let endpoints: BTreeSet<Endpoint> = after.iter().map(|call| call.endpoint).collect();
    let figure = endpoints
        .into_iter()
        .filter_map(|endpoint| changed_figure(endpoint, &before, &after))
        .max_by(|a, b| a.2.total_cmp(&b.2))
        .map(|(figure, values, _)| (figure, values));
    let (figure, values) = figure.unwrap_or((ChangedFigure::Pace, account_s));
    Some(RegimeChange { since, figure, values, account_s })
}

/// The figure of `endpoint` that changed, if one did, its values, and by how much as a logarithm.
fn changed_figure(
    endpoint: Endpoint,
    before: &[&Attempt],
    after: &[&Attempt],
) -> Option<(ChangedFigure, [f64; 2], f64)> {
    let of = |calls: &[&Attempt]| -> Vec<Attempt> {
        calls.iter().filter(|call| call.endpoint == endpoint).map(|call| **call).collect()
    };
    let parts = [of(before), of(after)];
    if parts.iter().any(|calls| calls.len() < FEWEST_CALLS) {
        return None;
    }
    let both = |figure: fn(&[Attempt]) -> f64| [figure(&parts[0]), figure(&parts[1])];
    let refused = both(|calls| mean(calls.iter().map(|it| f64::from(is_refused(it)))));
    if refused[1] >= REFUSED && refused[1] >= TIMES_REFUSED * refused[0] {
        let change = (refused[1] / refused[0].max(0.01)).ln();
        return Some((ChangedFigure::Refused(endpoint), refused, change));
    }
    let changed = |values: [f64; 2]| {
        let change = (values[1].max(1e-9) / values[0].max(1e-9)).ln().abs();
        (change >= TIMES.ln()).then_some(change)
    };
    let service = both(|calls| {
        let answered = calls.iter().filter(|it| !is_refused(it));
        mean(answered.map(|it| it.done_at.since(it.sent_at).as_secs_f64()))
    });
    if let Some(change) = changed(service) {
        return Some((ChangedFigure::Service(endpoint), service, change));
    }
    let in_flight = both(in_flight);
    changed(in_flight).map(|change| (ChangedFigure::InFlight(endpoint), in_flight, change))
}

const fn is_refused(call: &Attempt) -> bool {
    matches!(call.outcome, Outcome::Rejected)
}

/// Mean number of these calls in flight, by Little's law.
fn in_flight(calls: &[Attempt]) -> f64 {
    let first = calls.iter().map(|call| call.sent_at).min();
    let last = calls.iter().map(|call| call.done_at).max();
    let (Some(first), Some(last)) = (first, last) else { return 0.0 };
    let served: f64 = calls.iter().map(|call| call.done_at.since(call.sent_at).as_secs_f64()).sum();
    served / last.since(first).as_secs_f64().max(1e-9)
}

#[cfg(test)]
mod tests {
    use super::*;
    use neon_mock::api::AccountId;
    use neon_mock::time::Timestamp;
    use neonbench_engine::event::{AccountOutcome, Event, Observer as _};
    use std::time::Duration;

    /// A run of two halves of 200 accounts, one call each: ms per call, calls in flight, each how many refused.
    fn course(halves: [(u64, u64, u64); 2]) -> Course {
        let mut course = Course::default();
        course.observe(&Event::Started { at: Timestamp::ZERO + Duration::from_secs(1) });
        course.observe(&Event::Enumerated { resources: 1_000 });
        let mut now_us = 0;
        for (ms, in_flight, refused) in halves {
            for account in 0..200_u64 {
                let jitter_us = account * 7_919 % 500;
                now_us += (ms * 1_000 + jitter_us) / in_flight;
                let done_at = Timestamp::ZERO + Duration::from_micros(now_us + 1_000_000);
                let sent_at =
                    Timestamp::ZERO + Duration::from_micros(now_us + 1_000_000 - ms * 1_000);
                let endpoint = Endpoint::GetAccount;
                let is_refused = refused > 0 && account % refused == 0;
                let outcome = if is_refused { Outcome::Rejected } else { Outcome::Ok };
                let call =
                    Attempt { endpoint, attempt: 1, due_at: sent_at, sent_at, done_at, outcome };
                course.observe(&Event::Done(call));
                let (id, end) = (AccountId(account + 1), AccountOutcome::Migrated);
                course.observe(&Event::Landed { at: done_at, id, end });
            }
        }
        course
    }

    fn found(halves: [(u64, u64, u64); 2]) -> Option<ChangedFigure> {
        regime_change(&course(halves)).map(|change| change.figure)
    }

    #[test]
    fn the_figure_that_changed_is_named() {
        let endpoint = Endpoint::GetAccount;
        assert_eq!(found([(100, 5, 0), (100, 5, 0)]), None);
        assert_eq!(found([(100, 5, 0), (250, 5, 0)]), Some(ChangedFigure::Service(endpoint)));
        assert_eq!(found([(100, 5, 0), (100, 2, 0)]), Some(ChangedFigure::InFlight(endpoint)));
        assert_eq!(found([(100, 5, 0), (150, 5, 4)]), Some(ChangedFigure::Refused(endpoint)));
        let change = regime_change(&course([(100, 5, 0), (250, 5, 0)])).unwrap();
        assert!((180..=220).contains(&change.since) && change.is_slower(), "{change:?}");
        assert!((change.account_s[1] / change.account_s[0] - 2.5).abs() < 0.2, "{change:?}");
    }
}
