//! A run over time: what landed, what was refused, what was in flight, and what the limiters allowed.

use crate::event::{Event, Observer, Outcome};
use neon_mock::api::{Class, Endpoint};
use neon_mock::time::Timestamp;
use serde::{Deserialize, Serialize};

/// The most slices of a timeline: with more, two become one.
const MAX_SLICES: usize = 240;

/// The shortest slice, in ns.
const SHORTEST_NS: u64 = 1_000_000;

neon_mock::named! {
    /// Groups of endpoints in a timeline.
    #[derive(schemars::JsonSchema)]
    #[allow(missing_docs, reason = "the names say it")]
    pub enum Lane {
        Reads = "reads",
        Writes = "writes",
        Searches = "searches",
    }
}

impl Lane {
    /// That of `endpoint`; field look-ups have none.
    pub const fn of(endpoint: Endpoint) -> Option<Self> {
        match endpoint.class() {
            Class::Get => Some(Self::Reads),
            Class::Patch | Class::Put => Some(Self::Writes),
            Class::Search => Some(Self::Searches),
            Class::Metadata => None,
        }
    }
}

/// One slice of time.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
pub struct TimelineSlice {
    /// Accounts that ended in it.
    pub landed: u64,
    /// Calls that were refused in it.
    pub refused: u64,
    /// Calls that went otherwise wrong in it.
    pub failed: u64,
    /// Calls in flight times ns, by lane.
    pub in_flight_ns: [u64; 3],
    /// Limit of calls in flight at its end, by lane; `None` without a limit.
    pub limit: [Option<u32>; 3],
}

impl TimelineSlice {
    fn join(&mut self, later: &Self) {
        self.landed += later.landed;
        self.refused += later.refused;
        self.failed += later.failed;
        for (all, more) in self.in_flight_ns.iter_mut().zip(later.in_flight_ns) {
            *all += more;
        }
        for (limit, last) in self.limit.iter_mut().zip(later.limit) {
            *limit = last.or(*limit);
        }
    }
}

/// A run in slices of equal length; a fold over its events that takes a fixed amount of memory.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
pub struct Timeline {
    /// Length of a slice, in ns.
    pub slice_ns: u64,
    /// The slices from the start on.
    pub slices: Vec<TimelineSlice>,
    #[serde(skip)]
    in_flight: [u64; 3],
    #[serde(skip)]
    limit: [Option<u32>; 3],
    #[serde(skip)]
    since_ns: u64,
    #[serde(skip)]
    started_ns: Option<u64>,
}

impl Default for Timeline {
    fn default() -> Self {
        Self {
            slice_ns: SHORTEST_NS,
            slices: Vec::new(),
            in_flight: [0; 3],
            limit: [None; 3],
            since_ns: 0,
            started_ns: None,
        }
    }
}

impl Timeline {
    /// The slice of `at`, after the time until then was accounted for.
    fn pass_to(&mut self, at: Timestamp) -> &mut TimelineSlice {
        let started_ns = *self.started_ns.get_or_insert(at.as_nanos());
        let now_ns = at.as_nanos() - started_ns;
        while now_ns / self.slice_ns >= MAX_SLICES as u64 {
            self.halve();
        }
        let last = (now_ns / self.slice_ns) as usize;
        while self.slices.len() <= last {
            self.slices.push(TimelineSlice { limit: self.limit, ..TimelineSlice::default() });
        }
        while self.since_ns < now_ns {
            let index = (self.since_ns / self.slice_ns) as usize;
            let until_ns = now_ns.min((index as u64 + 1) * self.slice_ns);
            let passed_ns = until_ns - self.since_ns;
            for (sum, in_flight) in self.slices[index].in_flight_ns.iter_mut().zip(self.in_flight) {
                *sum += in_flight * passed_ns;
            }
            self.since_ns = until_ns;
        }
        &mut self.slices[last]
    }

    fn halve(&mut self) {
        self.slice_ns *= 2;
        let join = |pair: &[TimelineSlice]| {
            let mut joined = pair[0].clone();
            if let Some(later) = pair.get(1) {
                joined.join(later);
            }
            joined
        };
        self.slices = self.slices.chunks(2).map(join).collect();
    }
}

impl Observer for Timeline {
    fn observe(&mut self, event: &Event) {
        match event {
            Event::Sent { at, endpoint, .. } => {
                self.pass_to(*at);
                if let Some(lane) = Lane::of(*endpoint) {
                    self.in_flight[lane as usize] += 1;
                }
            }
            Event::Done(call) => {
                let slice = self.pass_to(call.done_at);
                slice.refused += u64::from(call.outcome == Outcome::Rejected);
                slice.failed += u64::from(call.outcome.is_failure());
                if let Some(lane) = Lane::of(call.endpoint) {
                    self.in_flight[lane as usize] -= 1;
                }
            }
            Event::Limited { at, endpoint, limit } => {
                if let Some(lane) = Lane::of(*endpoint) {
                    self.limit[lane as usize] = Some(*limit);
                    self.pass_to(*at).limit[lane as usize] = Some(*limit);
                }
            }
            Event::Landed { at, .. } => self.pass_to(*at).landed += 1,
            Event::Started { at } => {
                self.pass_to(*at);
            }
            _ => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::event::{AccountOutcome, Attempt};
    use neon_mock::api::AccountId;
    use std::time::Duration;

    #[test]
    fn a_run_of_any_length_takes_so_many_slices_and_loses_nothing() {
        let mut timeline = Timeline::default();
        let at = |ms: u64| Timestamp::from_nanos(ms * 1_000_000);
        timeline.observe(&Event::Started { at: at(0) });
        let endpoint = Endpoint::GetAccount;
        for second in 0..1_000 {
            let (sent_at, done_at) = (at(second * 1_000), at(second * 1_000 + 250));
            let (queued, paced) = (Duration::ZERO, Duration::ZERO);
            timeline.observe(&Event::Sent { at: sent_at, endpoint, queued, paced });
            let outcome = if second % 10 == 0 { Outcome::Rejected } else { Outcome::Ok };
            timeline.observe(&Event::Done(Attempt {
                endpoint,
                attempt: 1,
                due_at: sent_at,
                sent_at,
                done_at,
                outcome,
            }));
            timeline.observe(&Event::Landed {
                at: done_at,
                id: AccountId(1),
                end: AccountOutcome::Unchanged,
            });
        }
        assert!((120..=MAX_SLICES).contains(&timeline.slices.len()), "{}", timeline.slices.len());
        let sum = |of: fn(&TimelineSlice) -> u64| timeline.slices.iter().map(of).sum::<u64>();
        assert_eq!(sum(|slice| slice.landed), 1_000);
        assert_eq!(sum(|slice| slice.refused), 100);
        assert_eq!(sum(|slice| slice.in_flight_ns[0]), 250 * 1_000_000_000);
    }
}
