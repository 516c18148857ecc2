//! The live line of a command that takes a while: step k of n, the time since it began, and the counts of
//! the run under way. A terminal shows one line that is drawn over; elsewhere a line comes now and then.

mod estimate;
mod forecaster;

use super::command_line::CommandLine;
use super::live::RunSource;
use super::terminal::{columns, complain, escape_controls, stderr_width};
use estimate::RunProgress;
use forecaster::{Audience, Forecaster};
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use neonbench::experiment::parallel_map;
use neonbench::text::{count, duration, plural};
use neonbench_engine::engine::Settings;
use neonbench_engine::event::{Event, Observer};
use neonbench_engine::log::Log;
use neonbench_engine::scenario::Scenario;
use neonbench_engine::world::WallClock;
use std::io::{IsTerminal as _, Write};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{self, RecvTimeoutError};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;
use std::time::Duration;

/// Time between two looks at the counts, and between two draws on a terminal.
const LOOK_EVERY: Duration = Duration::from_millis(100);

/// Time until the first line, where there is no terminal: a short command says nothing.
const FIRST_LINE: Duration = Duration::from_millis(1_500);

/// The audit of a remote server says how long it takes, from this time on.
const TELL_FROM: Duration = Duration::from_secs(2);

/// Time between two lines, where there is no terminal.
const LINE_EVERY: Duration = Duration::from_secs(10);

/// Columns of the spinner before the words, and one that stays free.
const SPINNER_COLUMNS: usize = 3;

/// The bar that is drawn, which other lines must not run into.
static DRAWN: Mutex<Option<ProgressBar>> = Mutex::new(None);

/// Calls `write`, which writes to standard error, with the live line out of its way.
pub(super) fn above(write: impl FnOnce()) {
    let bar = locked(&DRAWN).clone();
    match bar {
        Some(bar) => bar.suspend(write),
        None => write(),
    }
}

/// Standard error above the live line, for the log.
pub(super) struct AboveLive;

impl Write for AboveLive {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        let mut written = Ok(0);
        above(|| written = std::io::stderr().write(bytes));
        written
    }

    fn flush(&mut self) -> std::io::Result<()> {
        std::io::stderr().flush()
    }
}

/// A panic of another thread is shown by itself; counts for people are still worth showing.
pub(super) fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// The live line of a command; dropped, it is gone.
pub(super) struct LiveLine {
    state: Arc<Mutex<LiveState>>,
    ticker: Option<(mpsc::Sender<()>, JoinHandle<()>)>,
}

/// The state that the live line shows.
struct LiveState {
    /// The step under way, from 1 on; 0 before the first.
    step: usize,
    /// All steps; 0 if nobody knows.
    steps: usize,
    what: String,
    run: Option<RunProgress>,
    /// The work that is left when all accounts of the run have landed.
    afterwards: &'static str,
    clock: WallClock,
}

impl LiveLine {
    /// A live line for so many steps, 0 if nobody knows; none if the user wants silence.
    pub(super) fn new(line: &CommandLine, steps: usize) -> Self {
        let is_dumb = std::env::var_os("TERM").is_some_and(|term| term == "dumb");
        Self::of(line, steps, std::io::stderr().is_terminal() && !is_dumb)
    }

    /// The same in lines of their own, for a command that shares the terminal with another program.
    pub(super) fn in_lines(line: &CommandLine, steps: usize) -> Self {
        Self::of(line, steps, false)
    }

    fn of(line: &CommandLine, steps: usize, is_drawn: bool) -> Self {
        let state = Arc::new(Mutex::new(LiveState {
            step: 0,
            steps,
            what: String::new(),
            run: None,
            afterwards: "",
            clock: WallClock::start(),
        }));
        let ticker = (!line.verbosity.quiet).then(|| {
            let bar = is_drawn.then(bar);
            locked(&DRAWN).clone_from(&bar);
            let (end, ended) = mpsc::channel();
            let (shown, verb) = (Arc::clone(&state), line.verb.get_name().to_owned());
            let tick = move || match bar {
                Some(bar) => draw(&shown, &ended, &bar),
                None => write_lines(&shown, &ended, &verb),
            };
            (end, std::thread::spawn(tick))
        });
        Self { state, ticker }
    }

    /// Begins the next step.
    pub(super) fn step(&self, what: impl Into<String>) {
        let mut state = locked(&self.state);
        state.step += 1;
        state.what = what.into();
        state.run = None;
    }

    /// Says more of the step under way.
    pub(super) fn say(&self, what: impl Into<String>) {
        locked(&self.state).what = what.into();
    }

    /// The results of `work` on each of `items`, on all cores, which says how many are done.
    ///
    /// Errors: those of `work`.
    pub(super) fn each<'a, T: Sync, R: Send, E: Send>(
        &self,
        what: &str,
        items: &'a [T],
        work: impl Fn(&'a [T]) -> Result<Vec<R>, E> + Sync,
    ) -> Result<Vec<R>, E> {
        let (done, of) = (AtomicU64::new(0), count(items.len() as u64));
        let say = |done| self.say(format!("{what}: {}/{of}", count(done)));
        say(0);
        let made = parallel_map(items, |item| {
            let made = work(std::slice::from_ref(item))?;
            say(done.fetch_add(1, Ordering::Relaxed) + 1);
            Ok(made)
        })?;
        Ok(made.into_iter().flatten().collect())
    }

    /// An observer whose run is the step under way; `afterwards` goes on when all accounts have landed.
    pub(super) fn observer(&self, afterwards: &'static str) -> LiveObserver {
        let mut state = locked(&self.state);
        state.run = Some(RunProgress::starting(state.clock.elapsed()));
        state.afterwards = afterwards;
        LiveObserver {
            state: Arc::clone(&self.state),
            log: Log::default(),
            is_quiet: self.ticker.is_none(),
            forecaster: None,
            page: None,
        }
    }

    /// The same for a run of `scenario` under `settings` over HTTP: its time left is estimated by simulations. `is_new`
    /// is false of a run that goes on.
    pub(super) fn forecast(
        &self,
        afterwards: &'static str,
        (scenario, settings): (&Scenario, &Settings),
        page: Option<Arc<RunSource>>,
        is_new: bool,
    ) -> LiveObserver {
        let mut observer = self.observer(afterwards).shown_on(page.clone());
        if self.ticker.is_some() || page.is_some() {
            let mut state = locked(&self.state);
            state.run = Some(RunProgress::forecast(state.clock.elapsed()));
            let (state, is_quiet) = (Arc::clone(&self.state), self.ticker.is_none());
            let audience = Audience { state, page, is_quiet };
            observer.forecaster = Some(Forecaster::start(audience, scenario, settings, is_new));
        }
        observer
    }
}

impl Drop for LiveLine {
    fn drop(&mut self) {
        if let Some((end, thread)) = self.ticker.take() {
            drop(end);
            // Its panic was shown, and the result is not its own.
            let _ = thread.join();
            *locked(&DRAWN) = None;
        }
    }
}

/// Logs the events of a run, and counts them for the live line.
pub(super) struct LiveObserver {
    state: Arc<Mutex<LiveState>>,
    log: Log,
    is_quiet: bool,
    /// Kept until the run has ended.
    forecaster: Option<Forecaster>,
    /// The page of the run, if it has one.
    page: Option<Arc<RunSource>>,
}

impl LiveObserver {
    /// The same, which shows the events on a page.
    pub(super) fn shown_on(self, page: Option<Arc<RunSource>>) -> Self {
        Self { page, ..self }
    }
}

impl Observer for LiveObserver {
    fn observe(&mut self, event: &Event) {
        self.log.observe(event);
        if let Some(page) = &self.page {
            page.take(event);
        }
        if let Event::ReadingAgain { accounts, calls, takes: Some(takes) } = event
            && *takes >= TELL_FROM
            && !self.is_quiet
        {
            complain(format_args!(
                "reading {} again, to check the run: {} or more, about {} (Ctrl-C skips it)",
                plural(*accounts, "account"),
                plural(*calls, "call"),
                duration(takes.as_secs_f64())
            ));
        }
        if matches!(event, Event::ReadingAgain { .. }) {
            self.forecaster = None;
        }
        let mut state = locked(&self.state);
        let now = state.clock.elapsed();
        if let Some(run) = &mut state.run {
            run.take(event, now);
        }
    }
}

impl LiveState {
    /// The line within `available` columns: what comes last is left out first.
    fn words(&mut self, available: Option<usize>) -> String {
        let now = self.clock.elapsed();
        let mut parts = match (self.step, self.steps) {
            (step, steps @ 2..) => vec![format!("step {step} of {steps}")],
            (step @ 1.., 0) => vec![format!("step {step}")],
            _ => Vec::new(),
        };
        parts.push(duration(now.as_secs_f64()));
        parts.extend(Some(escape_controls(&self.what)).filter(|what| !what.is_empty()));
        if let Some(run) = &mut self.run {
            parts.extend(run.words(now, self.afterwards));
        }
        let mut line = String::new();
        for part in parts {
            let longer = if line.is_empty() { part } else { format!("{line} · {part}") };
            if !line.is_empty() && available.is_some_and(|width| columns(&longer) > width) {
                break;
            }
            line = longer;
        }
        line
    }
}

fn bar() -> ProgressBar {
    let bar = ProgressBar::with_draw_target(None, ProgressDrawTarget::stderr());
    let style = ProgressStyle::with_template("{spinner} {msg}");
    bar.set_style(style.expect("a valid template"));
    bar
}

/// Draws the line until the command has ended.
fn draw(state: &Mutex<LiveState>, ended: &mpsc::Receiver<()>, bar: &ProgressBar) {
    while ended.recv_timeout(LOOK_EVERY) == Err(RecvTimeoutError::Timeout) {
        let width = stderr_width().map(|width| width - SPINNER_COLUMNS);
        let words = locked(state).words(width);
        bar.set_message(words);
        bar.tick();
    }
    bar.finish_and_clear();
}

/// Writes a line now and then until the command has ended.
fn write_lines(state: &Mutex<LiveState>, ended: &mpsc::Receiver<()>, verb: &str) {
    let mut due = FIRST_LINE;
    while ended.recv_timeout(LOOK_EVERY) == Err(RecvTimeoutError::Timeout) {
        let mut state = locked(state);
        let now = state.clock.elapsed();
        if let Some(run) = &mut state.run {
            run.pass(now);
        }
        if now >= due {
            due = now + LINE_EVERY;
            let words = state.words(None);
            drop(state);
            complain(format_args!("{verb}: {words}"));
        }
    }
}
