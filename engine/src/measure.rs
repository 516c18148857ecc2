//! Events folded into figures: HDR histograms per endpoint and outcome, the in-flight integral,
//! the makespan, and how the accounts ended.

mod orders;
pub mod timeline;
mod unmapped;

pub use neon_mock::time::histogram;
pub use orders::PausedTime;
pub use unmapped::UnmappedCounts;

use crate::event::{AccountOutcome, Attempt, Event, Failure, Observer, Outcome, SkipReason};
use hdrhistogram::Histogram;
use neon_mock::api::{AccountId, Class, Endpoint};
use neon_mock::time::Timestamp;
use orders::OrdersTaken;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::time::Duration;

/// Failures stored with their details; the others are only counted.
const MAX_FAILURES: usize = 100;

/// Times of one endpoint's calls with one outcome, in ns.
#[derive(Clone, Debug)]
pub struct Series {
    /// sent − due.
    pub wait: Histogram<u64>,
    /// done − sent.
    pub service: Histogram<u64>,
    /// done − due.
    pub response: Histogram<u64>,
}

impl Series {
    fn new() -> Self {
        Self { wait: histogram(), service: histogram(), response: histogram() }
    }

    fn record(&mut self, call: &Attempt) {
        self.wait.saturating_record(call.sent_at.nanos_since(call.due_at));
        self.service.saturating_record(call.done_at.nanos_since(call.sent_at));
        self.response.saturating_record(call.done_at.nanos_since(call.due_at));
    }
}

/// Number of accounts per outcome.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct RecordCounts {
    /// All accounts that ended.
    pub total: u64,
    /// Written, or to be written in a dry run.
    pub migrated: u64,
    /// Already as the plan demands.
    pub unchanged: u64,
    /// Not written, since a map has no entry for a value; migrated accounts with such a value are not
    /// counted here.
    #[serde(default)]
    pub unmapped: u64,
    /// Not applicable, or merged.
    pub skipped: u64,
    /// Not, or not wholly, migrated.
    pub failed: u64,
}

/// Where the time of all calls together went.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct CallTimes {
    /// In attempts that were carried out.
    pub served: Duration,
    /// In attempts that were not.
    pub wasted: Duration,
    /// Waiting for a place among the calls in flight.
    pub queued: Duration,
    /// Waiting for an endpoint to take calls again.
    pub paced: Duration,
    /// Waiting before another attempt.
    pub backed_off: Duration,
}

/// Accounts that were read again before their write.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Rereads {
    /// All of them.
    pub total: u64,
    /// Accounts that somebody had changed meanwhile.
    pub changed: u64,
}

/// The figures of one run.
#[derive(Clone, Debug)]
pub struct Measure {
    series: Vec<Option<Box<Series>>>,
    /// Attempts by endpoint and outcome.
    counts: Vec<u64>,
    /// True to keep times in histograms.
    keeps_times: bool,
    attempts: [u64; Endpoint::ALL.len()],
    retries: u64,
    unanswered: u64,
    started_at: Timestamp,
    landed_at: Timestamp,
    in_flight: u64,
    in_flight_since: Timestamp,
    in_flight_ns: u128,
    service_ns: u128,
    buffered: i64,
    peak_buffered: i64,
    resources: u64,
    /// From the reading of an account to its writing, in ns; `None` until one was written.
    exposure: Option<Box<Histogram<u64>>>,
    exposed_ns: u128,
    written: u64,
    rereads: Rereads,
    times: CallTimes,
    records: RecordCounts,
    orders: OrdersTaken,
    landed_before: u64,
    failures: Vec<(AccountId, Failure)>,
    failed: Vec<AccountId>,
    skipped: BTreeMap<String, u64>,
    unmapped: UnmappedCounts,
}

impl Default for Measure {
    fn default() -> Self {
        Self::new()
    }
}

impl Measure {
    /// The figures of a run that has not begun.
    pub fn new() -> Self {
        Self {
            series: vec![None; Endpoint::ALL.len() * Outcome::ALL.len()],
            counts: vec![0; Endpoint::ALL.len() * Outcome::ALL.len()],
            keeps_times: true,
            attempts: [0; Endpoint::ALL.len()],
            retries: 0,
            unanswered: 0,
            started_at: Timestamp::ZERO,
            landed_at: Timestamp::ZERO,
            in_flight: 0,
            in_flight_since: Timestamp::ZERO,
            in_flight_ns: 0,
            service_ns: 0,
            buffered: 0,
            peak_buffered: 0,
            resources: 0,
            exposure: None,
            exposed_ns: 0,
            written: 0,
            rereads: Rereads::default(),
            times: CallTimes::default(),
            records: RecordCounts::default(),
            orders: OrdersTaken::default(),
            landed_before: 0,
            failures: Vec::new(),
            failed: Vec::new(),
            skipped: BTreeMap::new(),
            unmapped: UnmappedCounts::default(),
        }
    }

    /// The same without histograms, which cost more than a short run does: it counts, and knows the
    /// makespan and the in-flight integral.
    pub fn counting() -> Self {
        Self { keeps_times: false, ..Self::new() }
    }

    /// From the first call due to the last account landed.
    pub fn makespan(&self) -> Duration {
        self.landed_at.since(self.started_at)
    }

    /// From the first call due to `at`.
    pub fn elapsed(&self, at: Timestamp) -> Duration {
        at.since(self.started_at)
    }

    /// Time of the makespan in which the run was held.
    pub const fn paused(&self) -> Duration {
        self.orders.paused_before_landing
    }

    /// The first orders that the run was given, as their events.
    pub fn orders(&self) -> &[Event] {
        &self.orders.first
    }

    /// When the first call was due.
    pub const fn started_at(&self) -> Timestamp {
        self.started_at
    }

    /// Accounts that the run was for.
    pub const fn resources(&self) -> u64 {
        self.resources
    }

    /// Time from the read to the write of each account, in ns; `None` if none was written.
    pub fn exposure(&self) -> Option<&Histogram<u64>> {
        self.exposure.as_deref()
    }

    /// The sum of these, exact.
    pub fn exposed(&self) -> Duration {
        Duration::from_nanos(u64::try_from(self.exposed_ns).unwrap_or(u64::MAX))
    }

    /// Accounts written, each as often as it was.
    pub const fn written(&self) -> u64 {
        self.written
    }

    /// Where the time of the calls went.
    pub const fn call_times(&self) -> CallTimes {
        self.times
    }

    /// The accounts that were read again before their write.
    pub const fn rereads(&self) -> Rereads {
        self.rereads
    }

    /// Number of accounts per outcome.
    pub const fn records(&self) -> RecordCounts {
        self.records
    }

    /// Accounts that this process ended: those of earlier processes of the run are not among them.
    pub const fn landed_here(&self) -> u64 {
        self.records.total - self.landed_before
    }

    /// The first failures, with their accounts.
    pub fn failures(&self) -> &[(AccountId, Failure)] {
        &self.failures
    }

    /// Every account that failed, in the order in which they did.
    pub fn failed(&self) -> &[AccountId] {
        &self.failed
    }

    /// Why accounts were skipped, and how many for each reason.
    pub const fn skipped(&self) -> &BTreeMap<String, u64> {
        &self.skipped
    }

    /// The values for which a map has no entry.
    pub const fn unmapped(&self) -> &UnmappedCounts {
        &self.unmapped
    }

    /// Attempts on `endpoint`, with any outcome.
    pub const fn attempts(&self, endpoint: Endpoint) -> u64 {
        self.attempts[endpoint.index()]
    }

    /// Attempts in all.
    pub fn total_attempts(&self) -> u64 {
        self.attempts.iter().sum()
    }

    /// Attempts beyond the first of their call.
    pub const fn retries(&self) -> u64 {
        self.retries
    }

    /// Attempts to which no status came back.
    pub const fn unanswered(&self) -> u64 {
        self.unanswered
    }

    /// Attempts on `endpoint` with `outcome`.
    pub fn count(&self, endpoint: Endpoint, outcome: Outcome) -> u64 {
        self.counts[slot(endpoint, outcome)]
    }

    /// Attempts with `outcome` on all endpoints.
    pub fn count_all(&self, outcome: Outcome) -> u64 {
        Endpoint::ALL.into_iter().map(|endpoint| self.count(endpoint, outcome)).sum()
    }

    /// Attempts that failed, on all endpoints, those without an answer in time among them.
    pub fn failed_attempts(&self) -> u64 {
        let failures = Outcome::ALL.into_iter().filter(|outcome| outcome.is_failure());
        failures.map(|outcome| self.count_all(outcome)).sum()
    }

    /// Times of the calls on `endpoint` with `outcome`; `None` if there were none.
    pub fn series(&self, endpoint: Endpoint, outcome: Outcome) -> Option<&Series> {
        self.series[slot(endpoint, outcome)].as_deref()
    }

    /// Response times of the calls of `class` that were carried out, in ns.
    pub fn responses(&self, class: Class) -> Histogram<u64> {
        self.times_of(class, |series| &series.response)
    }

    /// Service times of the calls of `class` that were carried out, in ns.
    pub fn services(&self, class: Class) -> Histogram<u64> {
        self.times_of(class, |series| &series.service)
    }

    fn times_of(&self, class: Class, pick: fn(&Series) -> &Histogram<u64>) -> Histogram<u64> {
        let mut all = histogram();
        for endpoint in Endpoint::ALL.into_iter().filter(|endpoint| endpoint.class() == class) {
            if let Some(series) = self.series(endpoint, Outcome::Ok) {
                all.add(pick(series)).expect("histograms of the same bounds");
            }
        }
        all
    }

    /// The most accounts that were read and waited in memory for their write.
    pub const fn peak_buffered(&self) -> u64 {
        self.peak_buffered.unsigned_abs()
    }

    /// Mean number of calls in flight over the makespan; 0 for an instant run.
    pub fn in_flight_mean(&self) -> f64 {
        let makespan = self.makespan().as_nanos();
        if makespan == 0 { 0.0 } else { self.in_flight_ns as f64 / makespan as f64 }
    }

    /// Little's law as an identity: a run that starts and ends empty has ∫ in-flight dt equal to
    /// the sum of its service times, to the nanosecond.
    pub const fn obeys_littles_law(&self) -> bool {
        self.in_flight == 0 && self.in_flight_ns == self.service_ns
    }

    fn pass_to(&mut self, now: Timestamp) {
        let passed_ns = now.nanos_since(self.in_flight_since);
        self.in_flight_ns += u128::from(self.in_flight) * u128::from(passed_ns);
        self.in_flight_since = now;
    }

    fn done(&mut self, call: &Attempt) {
        self.pass_to(call.done_at);
        self.in_flight -= 1;
        let service = call.done_at.since(call.sent_at);
        self.service_ns += service.as_nanos();
        if call.outcome.is_ok() {
            self.times.served += service;
        } else {
            self.times.wasted += service;
        }
        self.retries += u64::from(call.attempt > 1);
        self.unanswered += u64::from(matches!(
            call.outcome,
            Outcome::Unreachable | Outcome::Timeout | Outcome::Interrupted
        ));
        let slot = slot(call.endpoint, call.outcome);
        self.counts[slot] += 1;
        if self.keeps_times {
            self.series[slot].get_or_insert_with(|| Box::new(Series::new())).record(call);
        }
    }

    fn landed(&mut self, id: AccountId, end: &AccountOutcome) {
        self.unmapped.end_account();
        self.records.total += 1;
        match end {
            AccountOutcome::Migrated => self.records.migrated += 1,
            AccountOutcome::Unchanged => self.records.unchanged += 1,
            AccountOutcome::Unmapped => self.records.unmapped += 1,
            AccountOutcome::Skipped(reason) => {
                self.records.skipped += 1;
                let reason = match reason {
                    SkipReason::Merged { .. } => "merged into another account".to_owned(),
                    SkipReason::NotApplicable => reason.to_string(),
                };
                *self.skipped.entry(reason).or_default() += 1;
            }
            AccountOutcome::Failed(failure) => {
                self.records.failed += 1;
                self.failed.push(id);
                if self.failures.len() < MAX_FAILURES {
                    self.failures.push((id, failure.clone()));
                }
            }
        }
    }
}

const fn slot(endpoint: Endpoint, outcome: Outcome) -> usize {
    endpoint.index() * Outcome::ALL.len() + outcome as usize
}

impl Observer for Measure {
    fn observe(&mut self, event: &Event) {
        match event {
            Event::Started { at } => {
                self.started_at = *at;
                self.landed_at = *at;
                self.in_flight_since = *at;
            }
            Event::Enumerated { resources } => self.resources = *resources,
            Event::Sent { at, endpoint, queued, paced } => {
                self.times.queued += *queued;
                self.times.paced += *paced;
                self.pass_to(*at);
                self.in_flight += 1;
                self.attempts[endpoint.index()] += 1;
            }
            Event::Done(call) => self.done(call),
            Event::Buffered { records } => {
                self.buffered += records;
                self.peak_buffered = self.peak_buffered.max(self.buffered);
            }
            Event::Reread { is_changed } => {
                self.rereads.total += 1;
                self.rereads.changed += u64::from(*is_changed);
            }
            Event::Written { at, read_at } => {
                let exposed_ns = at.nanos_since(*read_at);
                self.exposed_ns += u128::from(exposed_ns);
                self.written += 1;
                if self.keeps_times {
                    self.exposure
                        .get_or_insert_with(|| Box::new(histogram()))
                        .saturating_record(exposed_ns);
                }
            }
            Event::Unmapped(value) => self.unmapped.add(value),
            Event::Landed { at, id, end } => {
                self.landed_at = *at;
                self.orders.land(*at);
                self.landed(*id, end);
            }
            Event::LandedBefore { id, end } => {
                self.landed_before += 1;
                self.landed(*id, end);
            }
            Event::BackedOff { delay } => self.times.backed_off += *delay,
            Event::Paused { .. }
            | Event::WentOn { .. }
            | Event::Slowed { .. }
            | Event::StopAsked { .. } => self.orders.add(event),
            Event::ChunkDone { .. }
            | Event::Limited { .. }
            | Event::Doubted { .. }
            | Event::ReadingAgain { .. }
            | Event::ReadAgain { .. } => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_services_and_in_flight_are_folded_exactly() {
        let at = Timestamp::from_nanos;
        let mut measure = Measure::new();
        let endpoint = Endpoint::GetAccount;
        measure.observe(&Event::Started { at: at(1_000) });
        let sent = |at, queued| {
            let (queued, paced) = (Duration::from_nanos(queued), Duration::ZERO);
            Event::Sent { at, endpoint, queued, paced }
        };
        measure.observe(&sent(at(1_000), 0));
        measure.observe(&sent(at(3_000), 700));
        let call = |attempt, sent_at, done_at, outcome| {
            let (sent_at, done_at) = (at(sent_at), at(done_at));
            Event::Done(Attempt { endpoint, attempt, due_at: at(1_000), sent_at, done_at, outcome })
        };
        measure.observe(&call(1, 1_000, 5_000, Outcome::Ok));
        measure.observe(&call(2, 3_000, 9_000, Outcome::Rejected));
        measure.observe(&Event::Landed {
            at: at(9_000),
            id: AccountId(1),
            end: AccountOutcome::Migrated,
        });
        assert_eq!(measure.makespan(), Duration::from_micros(8));
        assert!(measure.obeys_littles_law());
        assert!((measure.in_flight_mean() - 10.0 / 8.0).abs() < 1e-12);
        let rejected = measure.series(endpoint, Outcome::Rejected).unwrap();
        assert_eq!((rejected.wait.max(), rejected.response.max()), (2_047, 8_191));
        assert_eq!((measure.retries(), measure.total_attempts()), (1, 2));
        let ns = Duration::from_nanos;
        let (served, wasted, queued) = (ns(4_000), ns(6_000), ns(700));
        let times = CallTimes { served, wasted, queued, ..CallTimes::default() };
        assert_eq!(measure.call_times(), times);
    }
}
