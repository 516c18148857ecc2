//! Progress, a fold over events: a bar on a terminal, and elsewhere a line now and then.

mod estimate;

use super::command_line::CommandLine;
use super::output::escape_controls;
use estimate::RunProgress;
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use neonbench_engine::event::{AccountOutcome, Event, Observer};
use neonbench_engine::log::Log;
use neonbench_engine::world::WallClock;
use std::io::IsTerminal as _;
use std::time::Duration;
use tracing::level_filters::LevelFilter;

/// Least time between two draws of the bar.
const DRAW_EVERY: Duration = Duration::from_millis(100);

/// Least time between two lines, where there is no terminal.
const LINE_EVERY: Duration = Duration::from_secs(10);

/// Most events between two readings of the clock: virtual time makes millions of them per second.
const MAX_STRIDE: u32 = 512;

/// Shows the progress of a run and logs its events.
pub(super) struct Progress {
    title: String,
    counts: RunProgress,
    shown: ProgressDisplay,
    pace: DrawPace,
    clock: WallClock,
    log: Log,
}

/// The form of progress on standard error.
enum ProgressDisplay {
    Nothing,
    Bar(ProgressBar),
    JsonLines,
}

impl Progress {
    /// A bar if standard error is a terminal, lines if not, nothing if the user wants silence.
    pub(super) fn new(line: &CommandLine, title: &str) -> Self {
        let shown = match (line.verbosity.quiet, std::io::stderr().is_terminal()) {
            (true, _) => ProgressDisplay::Nothing,
            (false, true) => ProgressDisplay::Bar(bar(title)),
            (false, false) => ProgressDisplay::JsonLines,
        };
        let every = if matches!(shown, ProgressDisplay::Bar(_)) { DRAW_EVERY } else { LINE_EVERY };
        let pace = DrawPace::new(every);
        let clock = WallClock::start();
        let counts = RunProgress::default();
        Self { title: title.to_owned(), counts, shown, pace, clock, log: Log }
    }

    fn show(&self, now: Duration) {
        let words = self.counts.words(now);
        match &self.shown {
            ProgressDisplay::Nothing => {}
            ProgressDisplay::Bar(bar) => {
                if let Some(resources) = self.counts.resources {
                    bar.set_length(resources);
                }
                bar.set_position(self.counts.landed);
                bar.set_message(words);
            }
            ProgressDisplay::JsonLines => {
                eprintln!("{}", escape_controls(&format!("{}: {words}", self.title)));
            }
        }
    }
}

fn bar(title: &str) -> ProgressBar {
    let bar = ProgressBar::with_draw_target(None, ProgressDrawTarget::stderr());
    let style = ProgressStyle::with_template("{prefix} {wide_bar} {msg}");
    bar.set_style(style.expect("a valid template"));
    bar.set_prefix(escape_controls(title));
    bar
}

impl Drop for Progress {
    fn drop(&mut self) {
        if let ProgressDisplay::Bar(bar) = &self.shown {
            bar.finish_and_clear();
        }
    }
}

impl Observer for Progress {
    fn observe(&mut self, event: &Event) {
        match &self.shown {
            // Suspend the bar while logging.
            ProgressDisplay::Bar(bar) if may_log(event) => {
                bar.suspend(|| self.log.observe(event));
            }
            _ => self.log.observe(event),
        }
        if matches!(self.shown, ProgressDisplay::Nothing) {
            return;
        }
        self.counts.take(event);
        if self.pace.looks_at_clock() {
            let now = self.clock.elapsed();
            self.counts.pass(now);
            if self.pace.is_due(now) {
                self.show(now);
            }
        }
    }
}

/// True if `event` may write a log line: failures are logged unless the user wants silence.
fn may_log(event: &Event) -> bool {
    LevelFilter::current() >= LevelFilter::INFO
        || matches!(event, Event::Landed { end: AccountOutcome::Failed(_), .. })
}

/// Rate limit of draws, with few readings of the clock.
struct DrawPace {
    every: Duration,
    shown_at: Duration,
    looked_at: Duration,
    /// Events between two readings of the clock, and those left until the next.
    stride: u32,
    left: u32,
}

impl DrawPace {
    const fn new(every: Duration) -> Self {
        let zero = Duration::ZERO;
        Self { every, shown_at: zero, looked_at: zero, stride: 1, left: 0 }
    }

    /// True if the clock is to be read at this event.
    const fn looks_at_clock(&mut self) -> bool {
        if self.left > 0 {
            self.left -= 1;
            return false;
        }
        self.left = self.stride - 1;
        true
    }

    /// True if progress is to be drawn at `now`. The stride doubles while events come fast, and is one
    /// when they come slowly.
    fn is_due(&mut self, now: Duration) -> bool {
        let rare = now.saturating_sub(self.looked_at) > DRAW_EVERY / 4;
        self.stride = if rare { 1 } else { (self.stride * 2).min(MAX_STRIDE) };
        self.looked_at = now;
        let is_due = now.saturating_sub(self.shown_at) >= self.every;
        if is_due {
            self.shown_at = now;
        }
        is_due
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Clock readings and draws over `events` events, `gap` apart.
    fn counted(every: Duration, gap: Duration, events: u32) -> (u32, u32) {
        let mut pace = DrawPace::new(every);
        let (mut looks, mut shown) = (0, 0);
        for event in 1..=events {
            if pace.looks_at_clock() {
                looks += 1;
                shown += u32::from(pace.is_due(gap * event));
            }
        }
        (looks, shown)
    }

    #[test]
    fn fast_events_are_not_slowed_and_slow_ones_all_seen() {
        let (looks, shown) = counted(DRAW_EVERY, Duration::from_micros(1), 2_000_000);
        assert!(looks < 2_000_000 / 400, "{looks}");
        assert!((18..=20).contains(&shown), "{shown}");
        let (looks, shown) = counted(DRAW_EVERY, Duration::from_millis(200), 50);
        assert_eq!((looks, shown), (50, 50));
    }

    #[test]
    fn without_a_terminal_there_is_a_line_each_ten_seconds_and_none_before() {
        let gap = Duration::from_millis(20);
        assert_eq!(counted(LINE_EVERY, gap, 499).1, 0);
        let lines = counted(LINE_EVERY, gap, 3_100).1;
        assert!((5..=6).contains(&lines), "{lines}");
    }
}
