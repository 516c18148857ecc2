//! The data of the page of this process's own run.

use crate::cli::progress::locked;
use crate::cli::stored::now_unix_s;
use neon_mock::Calls;
use neon_mock::api::Endpoint;
use neon_mock::time::Timestamp;
use neonbench::experiment::Band;
use neonbench::live::{
    LiveCurve, LiveFold, LiveSnapshot, LiveSource, Mark, RunEnd, RunFacts, SharedFold, Webhooks,
};
use neonbench_engine::engine::Stop;
use neonbench_engine::event::Event;
use neonbench_engine::world::WallClock;
use std::sync::{Arc, Mutex, OnceLock};
use std::time::Duration;

/// A run of this process: its events come from the engine's thread, and the page's thread asks.
#[derive(Debug)]
pub(in crate::cli) struct RunSource {
    facts: Mutex<RunFacts>,
    fold: SharedFold,
    /// `None` in virtual time, where the run's own clock is the only one.
    clock: Option<WallClock>,
    /// When the run began, by that clock, and by the run's own.
    began: OnceLock<(Duration, Timestamp)>,
    stop: Mutex<Option<Arc<Stop>>>,
}

impl RunSource {
    pub(super) fn new(facts: RunFacts, is_virtual: bool, webhooks: Option<Webhooks>) -> Self {
        Self {
            facts: Mutex::new(RunFacts { began_unix_s: now_unix_s(), ..facts }),
            fold: SharedFold::new(LiveFold::new(webhooks)),
            clock: (!is_virtual).then(WallClock::start),
            began: OnceLock::new(),
            stop: Mutex::new(None),
        }
    }

    pub(super) const fn is_virtual(&self) -> bool {
        self.clock.is_none()
    }

    /// Now, by the run's clock.
    fn now(&self, fold: &LiveFold) -> Timestamp {
        match (self.clock, self.began.get()) {
            (Some(clock), Some(&(began, at))) => at + clock.elapsed().saturating_sub(began),
            _ => fold.heard(),
        }
    }

    /// Takes an event of the run.
    pub(in crate::cli) fn take(&self, event: &Event) {
        // A review of a run has calls, and no start.
        if let (Event::Started { at } | Event::Sent { at, .. }, Some(clock)) = (event, self.clock) {
            self.began.get_or_init(|| (clock.elapsed(), *at));
        }
        self.fold.put(event);
    }

    /// Calls that the mock has counted of a client whose own events nobody sees.
    pub(in crate::cli) fn count(&self, calls: &Calls) {
        let now = self.clock.map_or(Timestamp::ZERO, |clock| Timestamp::ZERO + clock.elapsed());
        self.began.get_or_init(|| (now.since(Timestamp::ZERO), now));
        let of = |endpoint| (endpoint, calls.of(endpoint));
        let counted = Endpoint::ALL.into_iter().map(of).filter_map(|(endpoint, calls)| {
            let all = calls.admitted + calls.rejected;
            (all > 0).then_some((endpoint, all, calls.rejected))
        });
        self.fold.look().count(now, counted);
    }

    /// Completes the facts.
    pub(in crate::cli) fn know(&self, change: impl FnOnce(&mut RunFacts)) {
        change(&mut locked(&self.facts));
    }

    /// The number of the run in its store, if it has one by now.
    pub(in crate::cli) fn run(&self) -> Option<i64> {
        locked(&self.facts).run
    }

    /// The number of accounts, where it is known from the start.
    pub(in crate::cli) fn set_accounts(&self, all: u64) {
        self.fold.look().set_accounts(all);
    }

    pub(in crate::cli) fn set_forecast(&self, forecast: Vec<Band>) {
        self.fold.look().set_forecast(forecast);
    }

    /// The time left as estimated at `at`, by the run's clock.
    pub(in crate::cli) fn set_left(&self, at: Timestamp, left_s: [f64; 3]) {
        self.fold.look().set_left(at, left_s);
    }

    /// A change of the server's behaviour, and what to do.
    pub(in crate::cli) fn set_regime(&self, at: Timestamp, change: String, advice: String) {
        self.fold.look().set_regime(at, change, advice);
    }

    /// Shows it once the run is asked to stop.
    pub(in crate::cli) fn stops_with(&self, stop: &Arc<Stop>) {
        *locked(&self.stop) = Some(Arc::clone(stop));
    }

    pub(super) fn end(&self, verdict: RunEnd) {
        self.know(|facts| facts.commands = std::mem::take(&mut facts.after));
        let mut fold = self.fold.look();
        let now = self.now(&fold);
        fold.end(now, verdict);
    }
}

impl LiveSource for RunSource {
    fn facts(&self) -> RunFacts {
        locked(&self.facts).clone()
    }

    fn look(&self) -> LiveSnapshot {
        let mut fold = self.fold.look();
        let now = self.now(&fold);
        if locked(&self.stop).as_ref().is_some_and(|stop| stop.is_set()) {
            fold.stopping(now);
        }
        fold.snapshot(now, now_unix_s())
    }

    fn marks_after(&self, after: u64) -> Vec<Mark> {
        self.fold.look().marks_after(after)
    }

    fn line(&self) -> LiveCurve {
        self.fold.look().line()
    }
}
