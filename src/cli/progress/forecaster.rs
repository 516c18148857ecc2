//! The time left of a run over HTTP, estimated now and then on a thread of its own.

mod regime;

use super::{LiveState, locked};
use crate::cli::live::RunSource;
use crate::cli::terminal::complain;
use neon_mock::time::Timestamp;
use neonbench::experiment::{Course, Estimate, eta, eta_since, fan};
use neonbench_engine::engine::Settings;
use neonbench_engine::event::{Event, Observer as _};
use neonbench_engine::scenario::Scenario;
use neonbench_engine::world::WallClock;
use regime::RegimeWatch;
use std::sync::{Arc, Mutex, mpsc};
use std::thread::JoinHandle;
use std::time::Duration;

/// Time until the first estimate, and between two of them at least.
const FIRST: Duration = Duration::from_secs(3);
const EVERY: Duration = Duration::from_secs(10);

/// Pause after an estimate at least, as a multiple of the time that it took: the processors are for the run.
const PAUSE: u32 = 20;

/// The course of a run, and the latest estimate of its time left.
#[derive(Debug, Default)]
pub(super) struct Outlook {
    course: Course,
    /// When the run began, in wall time since the command did.
    began: Option<Duration>,
    /// 5th, 50th and 95th percentile of the seconds left, and when they were estimated, by the course's clock.
    latest: Option<([f64; 3], Timestamp)>,
}

impl Outlook {
    /// Takes an event that happens `now`, in wall time since the command began.
    pub(super) fn take(&mut self, event: &Event, now: Duration) {
        if let Event::Started { at } = event {
            self.began = Some(now.saturating_sub(at.since(Timestamp::ZERO)));
        }
        self.course.observe(event);
    }

    /// `now` by the course's clock, which stands still while the run is held.
    fn own_time(&self, now: Duration) -> Timestamp {
        let began = self.began.unwrap_or_default();
        self.course.own_time(Timestamp::ZERO + now.saturating_sub(began))
    }

    /// 5th, 50th and 95th percentile of the seconds left `now`.
    pub(super) fn left_s(&self, now: Duration) -> Option<[f64; 3]> {
        let (left_s, at) = self.latest?;
        let since_s = self.own_time(now).max(at).since(at).as_secs_f64();
        Some(left_s.map(|left_s| (left_s - since_s).max(0.0)))
    }
}

/// Estimates the time left of the run of a [`LiveState`] until it is dropped.
pub(super) struct Forecaster {
    end: Option<mpsc::Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

/// The readers of an estimate: the line of the terminal, and the page of the run.
pub(super) struct Audience {
    pub(super) state: Arc<Mutex<LiveState>>,
    pub(super) page: Option<Arc<RunSource>>,
    /// True if nothing is to be said on the terminal.
    pub(super) is_quiet: bool,
}

impl Forecaster {
    /// Begins to estimate for the run of `scenario` under `settings`. Its page is shown the forecast before it, too,
    /// if `is_new`: a run that is resumed has done a part of its work.
    pub(super) fn start(
        audience: Audience,
        scenario: &Scenario,
        settings: &Settings,
        is_new: bool,
    ) -> Self {
        let (end, ended) = mpsc::channel();
        // The accounts are drawn anew for each estimate.
        let run = (scenario.of_size(1), settings.clone());
        let whole = (is_new && audience.page.is_some()).then(|| scenario.clone());
        let thread = std::thread::spawn(move || {
            let goes_on = || ended.try_recv() == Err(mpsc::TryRecvError::Empty);
            if let (Some(scenario), Some(page)) = (whole, &audience.page) {
                page.set_forecast(fan(&scenario, &run.1, &goes_on));
            }
            let mut watch = RegimeWatch::default();
            let mut pause = FIRST;
            while ended.recv_timeout(pause) == Err(mpsc::RecvTimeoutError::Timeout) {
                let clock = WallClock::start();
                estimate(&audience, &run, &mut watch, &goes_on);
                pause = EVERY.max(clock.elapsed() * PAUSE);
            }
        });
        Self { end: Some(end), thread: Some(thread) }
    }
}

impl Drop for Forecaster {
    fn drop(&mut self) {
        drop(self.end.take());
        if let Some(thread) = self.thread.take() {
            // Its panic was shown, and the result is not its own.
            let _ = thread.join();
        }
    }
}

fn estimate(
    audience: &Audience,
    run: &(Scenario, Settings),
    watch: &mut RegimeWatch,
    goes_on: &dyn Fn() -> bool,
) {
    let (course, now, at) = {
        let state = locked(&audience.state);
        let outlook = state.run.as_ref().and_then(|run| run.outlook());
        let Some((outlook, began)) = outlook.and_then(|it| it.began.map(|began| (it, began)))
        else {
            return;
        };
        let elapsed = state.clock.elapsed();
        let now = Timestamp::ZERO + elapsed.saturating_sub(began);
        (outlook.course.clone(), now, outlook.own_time(elapsed))
    };
    let (scenario, settings) = run;
    let Some(estimate) = eta(&course, now, (scenario, settings), goes_on) else { return };
    let Estimate { left_s, since } = estimate;
    if let Some(outlook) = locked(&audience.state).run.as_mut().and_then(|run| run.outlook_mut()) {
        outlook.latest = Some((left_s, at));
    }
    if let Some(page) = &audience.page {
        page.set_left(now, left_s);
    }
    let Some(change) = watch.look(&course) else { return };
    let id = audience.page.as_ref().and_then(|page| page.run());
    let simulated =
        |settings: &Settings| eta_since(&course, now, since, (scenario, settings), goes_on);
    let advice = regime::advice(&change, &course, left_s[1], (id, settings), &simulated);
    let words = regime::in_words(&change);
    if !audience.is_quiet {
        complain(format_args!("note: {words}: {advice}"));
    }
    if let Some(page) = &audience.page {
        page.set_regime(now, words, advice);
    }
}
