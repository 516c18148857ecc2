//! The events of a run, folded into what its live page shows.

use super::line::CurveFold;
use super::marks::Marks;
use super::minute::LastMinute;
use super::snapshot::{
    AccountCounts, CourseWord, EchoState, EditsState, EndpointState, FailureGroup, LiveCurve,
    LiveSnapshot, LiveState, Mark, MarkKind, Regime, RunEnd, SCHEMA,
};
use crate::experiment::Band;
use crate::report::shared::league::outcome_in_words;
use neon_mock::api::Endpoint;
use neon_mock::time::Timestamp;
use neonbench_engine::event::{AccountOutcome, Event, Failure, Observer, Outcome};
use std::collections::BTreeMap;
use std::time::Duration;

/// Kinds of failures that a snapshot names.
const MOST_FAILURES: usize = 6;

/// Endpoints that a snapshot names.
const MOST_ENDPOINTS: usize = 8;

/// Refusals within ten seconds that are told once, and the share of the calls that they must be.
const STORM: u32 = 20;
const STORM_SHARE: f64 = 0.2;
const STORM_TIME: Duration = Duration::from_secs(10);

/// Seconds for which a change of the server's behaviour is shown; its mark stays.
const REGIME_SHOWN_S: f64 = 900.0;

/// Marks of broken connections at most: a dead network would fill the ring with them.
const MOST_CONNECTION_MARKS: u32 = 50;

/// Deliveries of webhooks by the writes of a run.
#[derive(Clone, Copy, Debug)]
pub struct Webhooks {
    /// Deliveries that each write sets off.
    pub per_write: f64,
}

/// Refusals that come close together.
#[derive(Debug, Default)]
struct Storm {
    since: Timestamp,
    refused: u32,
    answered: u32,
    is_told: bool,
}

/// Time from one moment to another; none if that was earlier: threads tell of moments in another order than theirs.
pub(super) fn passed(from: Timestamp, to: Timestamp) -> Duration {
    to.max(from).since(from)
}

/// The state of a run as its page shows it.
#[derive(Debug)]
pub struct LiveFold {
    state: LiveState,
    why: Option<String>,
    since: Timestamp,
    began: Timestamp,
    heard: Timestamp,
    /// Time for which the run was paused, before the present pause.
    paused: Duration,
    accounts: AccountCounts,
    /// Places of each endpoint's limit that are left to others.
    headroom: u32,
    /// True if accounts are only read again: to verify or undo a run.
    is_review: bool,
    endpoints: BTreeMap<Endpoint, EndpointState>,
    /// Limits found, also of endpoints that are never called.
    limits: BTreeMap<Endpoint, u32>,
    minute: LastMinute,
    failures: BTreeMap<String, FailureGroup>,
    edits: EditsState,
    exposed: Duration,
    webhooks: Option<Webhooks>,
    /// 5th, 50th and 95th percentile of the seconds left, and when they were estimated, in seconds without pauses.
    left_s: Option<([f64; 3], f64)>,
    regime: Option<Regime>,
    course: Option<CourseWord>,
    verdict: Option<RunEnd>,
    storm: Storm,
    connection_marks: u32,
    line: CurveFold,
    marks: Marks,
}

impl LiveFold {
    /// A run whose first call is not out yet; `webhooks` are those that are known of its target.
    pub fn new(webhooks: Option<Webhooks>) -> Self {
        Self {
            state: LiveState::Starting,
            why: None,
            since: Timestamp::ZERO,
            began: Timestamp::ZERO,
            heard: Timestamp::ZERO,
            paused: Duration::ZERO,
            accounts: AccountCounts::default(),
            headroom: 0,
            is_review: false,
            endpoints: BTreeMap::new(),
            limits: BTreeMap::new(),
            minute: LastMinute::default(),
            failures: BTreeMap::new(),
            edits: EditsState::default(),
            exposed: Duration::ZERO,
            webhooks,
            left_s: None,
            regime: None,
            course: None,
            verdict: None,
            storm: Storm::default(),
            connection_marks: 0,
            line: CurveFold::default(),
            marks: Marks::default(),
        }
    }

    /// Accounts by their outcome so far.
    pub const fn accounts(&self) -> &AccountCounts {
        &self.accounts
    }

    /// The last event's time.
    pub const fn heard(&self) -> Timestamp {
        self.heard
    }

    /// Marks after the one numbered `after`.
    pub fn marks_after(&self, after: u64) -> Vec<Mark> {
        self.marks.after(after)
    }

    /// The line so far.
    pub fn line(&self) -> LiveCurve {
        self.line.shown()
    }

    fn seconds(&self, at: Timestamp) -> f64 {
        passed(self.began, at).as_secs_f64()
    }

    /// The same without the time for which it was paused.
    fn own_s(&self, at: Timestamp) -> f64 {
        let is_paused = self.state == LiveState::Paused;
        let present = if is_paused { passed(self.since, at) } else { Duration::ZERO };
        passed(self.began, at).saturating_sub(self.paused + present).as_secs_f64()
    }

    fn mark(&mut self, at: Timestamp, kind: MarkKind, words: impl Into<String>) {
        let at_s = self.seconds(at);
        self.marks.add(at_s, kind, words.into());
    }

    /// Takes a new state, and marks it.
    pub fn enter(&mut self, at: Timestamp, state: LiveState, why: Option<String>) {
        if self.state == LiveState::Paused && state != LiveState::Paused {
            self.paused += passed(self.since, at);
        }
        let words = match &why {
            Some(why) => format!("{}: {why}", state.name()),
            None => state.name().to_owned(),
        };
        (self.state, self.why, self.since) = (state, why, at);
        self.mark(at, MarkKind::State, words);
    }

    /// The forecast that was made before the run, or while it begins.
    pub fn set_forecast(&mut self, forecast: Vec<Band>) {
        self.line.set_forecast(forecast);
    }

    /// The time left as estimated at `at`: 5th, 50th and 95th percentile, in seconds.
    pub fn set_left(&mut self, at: Timestamp, left_s: [f64; 3]) {
        self.left_s = Some((left_s, self.own_s(at)));
        let at_s = self.seconds(at);
        self.line.estimated(at_s, left_s);
    }

    /// A change of the server's behaviour, noticed at `at`.
    pub fn set_regime(&mut self, at: Timestamp, change: String, advice: String) {
        self.mark(at, MarkKind::Regime, format!("{change}: {advice}"));
        self.regime = Some(Regime { change, at_s: self.seconds(at), advice });
    }

    /// Calls that a server has counted by `at`, of a client whose own events nobody sees: endpoint, calls, and those
    /// that were refused.
    pub fn count(&mut self, at: Timestamp, calls: impl IntoIterator<Item = (Endpoint, u64, u64)>) {
        if self.state == LiveState::Starting {
            self.enter(at, LiveState::Running, None);
        }
        self.edits.written = 0;
        for (endpoint, answered, refused) in calls {
            let state = self.endpoint(endpoint);
            if answered > state.answered {
                self.heard = at;
            }
            let state = self.endpoint(endpoint);
            (state.answered, state.refused) = (answered, refused);
            if endpoint.class().is_write() {
                self.edits.written += answered - refused;
            }
        }
    }

    /// The run was asked to stop; said once.
    pub fn stopping(&mut self, at: Timestamp) {
        if !matches!(self.state, LiveState::Stopping | LiveState::Ended) {
            self.enter(at, LiveState::Stopping, Some("asked to".to_owned()));
        }
    }

    /// The number of accounts, where it is known from the start.
    pub fn set_accounts(&mut self, all: u64) {
        self.accounts.all = Some(all);
    }

    /// The end of the run.
    pub fn end(&mut self, at: Timestamp, verdict: RunEnd) {
        let ended = self.accounts.ended();
        self.line.end(self.seconds(at), ended);
        self.enter(at, LiveState::Ended, Some(verdict.words.clone()));
        (self.left_s, self.verdict) = (None, Some(verdict));
    }

    /// The state at `now`, which is `now_unix_s` by the calendar.
    pub fn snapshot(&mut self, now: Timestamp, now_unix_s: i64) -> LiveSnapshot {
        let now = match self.verdict {
            Some(_) => {
                self.line.last_s().map_or(self.since, |s| self.began + Duration::from_secs_f64(s))
            }
            None => now.max(self.heard),
        };
        self.minute.pass(now);
        self.look_at_forecast(now);
        let now_s = self.seconds(now);
        let limited = |(endpoint, state): (&Endpoint, &EndpointState)| EndpointState {
            limit: self.limits.get(endpoint).copied(),
            ..state.clone()
        };
        let mut endpoints: Vec<EndpointState> = self.endpoints.iter().map(limited).collect();
        endpoints.sort_by_key(|endpoint| std::cmp::Reverse(endpoint.answered));
        endpoints.truncate(MOST_ENDPOINTS);
        for endpoint in &mut endpoints {
            self.minute.describe(endpoint, now);
            endpoint.left_to_others = self.headroom;
        }
        let mut failures: Vec<FailureGroup> = self.failures.values().cloned().collect();
        failures.sort_by_key(|group| std::cmp::Reverse(group.accounts));
        failures.truncate(MOST_FAILURES);
        let left_s = self.left_s.map(|(left_s, at_s)| {
            let since_s = (self.own_s(now) - at_s).max(0.0);
            left_s.map(|left_s| (left_s - since_s).max(0.0))
        });
        LiveSnapshot {
            schema: SCHEMA,
            state: self.state,
            why: self.why.clone(),
            since_s: self.seconds(self.since),
            now_s,
            now_unix_s,
            heard_s: self.seconds(self.heard),
            accounts: self.accounts,
            left_s,
            course: self.course,
            endpoints,
            pace: self.minute.pace(now, self.began),
            failures,
            edits: self.edits(),
            echo: self.echo(now),
            regime: self.regime.clone().filter(|regime| now_s - regime.at_s <= REGIME_SHOWN_S),
            verdict: self.verdict.clone(),
        }
    }

    fn edits(&self) -> EditsState {
        let written = self.edits.written.max(1) as f64;
        self.edits.exposed(self.exposed.as_secs_f64() / written)
    }

    fn echo(&self, now: Timestamp) -> Option<EchoState> {
        let Webhooks { per_write } = self.webhooks?;
        Some(EchoState {
            deliveries: (self.edits.written as f64 * per_write).round() as u64,
            per_minute: self.minute.written_per_minute(now) * per_write,
        })
    }

    /// Compares the line with the forecast. It has left the band outside the 90 % interval, and is back inside that
    /// of 80 %.
    fn look_at_forecast(&mut self, now: Timestamp) {
        if matches!(self.state, LiveState::Ended | LiveState::Silent | LiveState::Paused) {
            return;
        }
        let at_s = self.own_s(now);
        let Some(word) = self.line.beside_forecast(at_s, self.accounts.ended(), self.course) else {
            return;
        };
        if self.course.is_some_and(|before| before != word) {
            let words = match word {
                CourseWord::AsForecast => "back in the 90 % band of the forecast",
                CourseWord::Slower => "left the 90 % band of the forecast: slower",
                CourseWord::Faster => "left the 90 % band of the forecast: faster",
            };
            self.mark(now, MarkKind::Forecast, words);
        }
        self.course = Some(word);
    }

    fn endpoint(&mut self, endpoint: Endpoint) -> &mut EndpointState {
        self.endpoints
            .entry(endpoint)
            .or_insert_with(|| EndpointState { endpoint: endpoint.name(), ..<_>::default() })
    }

    fn done(&mut self, endpoint: Endpoint, at: Timestamp, took: Duration, outcome: Outcome) {
        let is_refused = outcome == Outcome::Rejected;
        let state = self.endpoint(endpoint);
        state.in_flight = state.in_flight.saturating_sub(1);
        state.answered += 1;
        state.refused += u64::from(is_refused);
        self.minute.answered(endpoint, at, took, is_refused);
        self.look_for_storm(at, is_refused);
        let is_broken =
            matches!(outcome, Outcome::Unreachable | Outcome::Timeout | Outcome::Interrupted);
        if is_broken && self.connection_marks < MOST_CONNECTION_MARKS {
            self.connection_marks += 1;
            let words = format!("{}: {}", endpoint.name(), outcome_in_words(outcome.name()));
            self.mark(at, MarkKind::Connection, words);
        }
    }

    fn look_for_storm(&mut self, at: Timestamp, is_refused: bool) {
        if passed(self.storm.since, at) > STORM_TIME {
            self.storm = Storm { since: at, ..Storm::default() };
        }
        let storm = &mut self.storm;
        storm.answered += 1;
        storm.refused += u32::from(is_refused);
        let share = f64::from(storm.refused) / f64::from(storm.answered);
        if storm.refused >= STORM && share >= STORM_SHARE && !storm.is_told {
            storm.is_told = true;
            let words = format!("{} of {} calls refused", storm.refused, storm.answered);
            self.mark(at, MarkKind::Refusals, words);
        }
    }

    /// Counts an account that has ended, now or in an earlier process.
    fn ended(&mut self, end: &AccountOutcome, at: Timestamp) {
        let accounts = &mut self.accounts;
        match end {
            AccountOutcome::Migrated => accounts.migrated += 1,
            AccountOutcome::Unchanged => accounts.unchanged += 1,
            AccountOutcome::Unmapped => accounts.unmapped += 1,
            AccountOutcome::Skipped(_) => accounts.skipped += 1,
            AccountOutcome::Failed(failure) => {
                accounts.failed += 1;
                self.failed(failure, at);
            }
        }
    }

    /// Adds a point to the line.
    fn ended_at(&mut self, at: Timestamp) {
        let refused = self.endpoints.values().map(|it| it.refused).sum();
        self.line.add(self.seconds(at), self.accounts.ended(), refused);
    }

    fn failed(&mut self, failure: &Failure, at: Timestamp) {
        let kind = match &failure.call {
            Some(call) => {
                format!("{}: {}", call.endpoint.name(), outcome_in_words(call.outcome.name()))
            }
            None => "the values do not fit the plan or the field".to_owned(),
        };
        let at_s = self.seconds(at);
        let first =
            || FailureGroup { kind: kind.clone(), accounts: 0, first_s: at_s, last_s: at_s };
        let group = self.failures.entry(kind.clone()).or_insert_with(first);
        group.accounts += 1;
        group.last_s = at_s;
    }
}

impl Observer for LiveFold {
    fn observe(&mut self, event: &Event) {
        match event {
            Event::Started { at } => {
                (self.began, self.heard) = (*at, *at);
                self.line.begin();
                self.enter(*at, LiveState::Running, None);
            }
            Event::Enumerated { resources } => self.accounts.all = Some(*resources),
            Event::Sent { at, endpoint, queued: _, paced } => {
                self.heard = self.heard.max(*at);
                self.endpoint(*endpoint).in_flight += 1;
                self.minute.waited(*at, *paced);
            }
            Event::Done(call) => {
                self.heard = self.heard.max(call.done_at);
                let took = call.done_at.since(call.sent_at);
                self.done(call.endpoint, call.done_at, took, call.outcome);
            }
            Event::BackedOff { delay } => self.minute.waited(self.heard, *delay),
            Event::Limited { endpoint, limit, .. } => {
                self.limits.insert(*endpoint, *limit);
            }
            Event::Reread { is_changed } => {
                self.edits.reread += 1;
                self.edits.met += u64::from(*is_changed);
            }
            Event::Written { at, read_at } => {
                self.edits.written += 1;
                self.exposed += passed(*read_at, *at);
                self.minute.written(*at);
            }
            Event::Landed { at, end, .. } => {
                self.heard = self.heard.max(*at);
                self.ended(end, *at);
                self.minute.landed(*at);
                self.ended_at(*at);
            }
            Event::LandedBefore { end, .. } => {
                self.accounts.before += 1;
                self.ended(end, self.began);
                self.line.begin_at(self.accounts.before);
            }
            Event::ReadingAgain { accounts, .. } => {
                if self.accounts.all.is_none() {
                    self.is_review = true;
                    self.accounts.all = Some(*accounts);
                    self.line.begin();
                }
                self.enter(self.heard, LiveState::Checking, None);
            }
            Event::ReadAgain { accounts } if self.is_review => {
                self.accounts.reviewed += accounts;
                self.ended_at(self.heard);
            }
            Event::Paused { at, by, why } => {
                self.heard = self.heard.max(*at);
                let why = if why.is_empty() { String::new() } else { format!(", {why}") };
                self.enter(*at, LiveState::Paused, Some(format!("by {by}{why}")));
            }
            Event::WentOn { at, by, lifted, left } => {
                self.heard = self.heard.max(*at);
                if *left == 0 {
                    self.enter(*at, LiveState::Running, Some(format!("lifted by {by}")));
                } else {
                    let words = format!("{by} lifted the pause by {lifted}; {left} remain");
                    self.mark(*at, MarkKind::Command, words);
                }
            }
            Event::Slowed { at, headroom, by } => {
                self.headroom = *headroom;
                let words = format!("{by}: {headroom} places of each limit are left to others");
                self.mark(*at, MarkKind::Command, words);
            }
            Event::StopAsked { at, by } => {
                self.enter(*at, LiveState::Stopping, Some(format!("asked to by {by}")));
            }
            Event::Doubted { .. }
            | Event::Buffered { .. }
            | Event::Unmapped(_)
            | Event::ReadAgain { .. }
            | Event::ChunkDone { .. } => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use neonbench_engine::event::Attempt;

    /// The page's thread and the forecaster's ask about moments before those that the engine's thread told last.
    #[test]
    fn moments_may_be_told_in_another_order_than_theirs() {
        let at = |s| Timestamp::ZERO + Duration::from_secs(s);
        let mut fold = LiveFold::new(None);
        fold.observe(&Event::Started { at: at(1) });
        let (endpoint, by) = (Endpoint::GetAccount, "Anna");
        let (queued, paced) = (Duration::ZERO, Duration::ZERO);
        fold.observe(&Event::Sent { at: at(2), endpoint, queued, paced });
        fold.observe(&Event::Paused { at: at(5), by: by.into(), why: "".into() });
        fold.set_left(at(4), [1.0, 2.0, 3.0]);
        let outcome = Outcome::Ok;
        let (due_at, sent_at, done_at) = (at(2), at(2), at(7));
        fold.observe(&Event::Done(Attempt {
            endpoint,
            attempt: 1,
            due_at,
            sent_at,
            done_at,
            outcome,
        }));
        assert_eq!(fold.snapshot(at(3), 0).state, LiveState::Paused);
        let verdict = RunEnd {
            exit_code: Some(130),
            words: String::new(),
            next: String::new(),
            report: None,
        };
        fold.end(at(6), verdict);
        assert_eq!(fold.snapshot(at(6), 0).state, LiveState::Ended);
    }
}
