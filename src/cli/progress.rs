//! Progress, a fold over events: a bar on a terminal, and elsewhere a line now and then.

mod tally;

use super::Voice;
use super::output::escape_controls;
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use neonbench_engine::event::{AccountOutcome, Event, Observer};
use neonbench_engine::log::Log;
use neonbench_engine::world::WallClock;
use std::io::IsTerminal as _;
use std::time::Duration;
use tally::Tally;
use tracing::level_filters::LevelFilter;

/// How often the bar is drawn at most.
const DRAW_EVERY: Duration = Duration::from_millis(100);

/// How often a line is written at most, where there is no terminal.
const LINE_EVERY: Duration = Duration::from_secs(10);

/// Most events between two looks at the clock: virtual time makes millions of them a second.
const MAX_STRIDE: u32 = 512;

/// Shows a run to whoever waits for it, and logs it.
pub(super) struct Progress {
    title: String,
    tally: Tally,
    shown: Shown,
    pace: Pace,
    clock: WallClock,
    log: Log,
}

/// How it is shown, on standard error.
enum Shown {
    Nothing,
    Bar(ProgressBar),
    Lines,
}

impl Progress {
    /// A bar if standard error is a terminal, lines if not, nothing if the user wants silence.
    pub(super) fn new(voice: Voice, title: &str) -> Self {
        let shown = match (voice.quiet, std::io::stderr().is_terminal()) {
            (true, _) => Shown::Nothing,
            (false, true) => Shown::Bar(bar(title)),
            (false, false) => Shown::Lines,
        };
        let every = if matches!(shown, Shown::Bar(_)) { DRAW_EVERY } else { LINE_EVERY };
        let pace = Pace::new(every);
        let clock = WallClock::start();
        let tally = Tally::default();
        Self { title: title.to_owned(), tally, shown, pace, clock, log: Log }
    }

    fn show(&self, now: Duration) {
        let words = self.tally.words(now);
        match &self.shown {
            Shown::Nothing => {}
            Shown::Bar(bar) => {
                if let Some(resources) = self.tally.resources() {
                    bar.set_length(resources);
                }
                bar.set_position(self.tally.landed());
                bar.set_message(words);
            }
            Shown::Lines => eprintln!("{}", escape_controls(&format!("{}: {words}", self.title))),
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
        if let Shown::Bar(bar) = &self.shown {
            bar.finish_and_clear();
        }
    }
}

impl Observer for Progress {
    fn observe(&mut self, event: &Event) {
        match &self.shown {
            // A log line where the bar stands would be drawn over.
            Shown::Bar(bar) if may_log(event) => {
                bar.suspend(|| self.log.observe(event));
            }
            _ => self.log.observe(event),
        }
        if matches!(self.shown, Shown::Nothing) {
            return;
        }
        self.tally.take(event);
        if self.pace.looks_at_clock() {
            let now = self.clock.elapsed();
            self.tally.pass(now);
            if self.pace.is_due(now) {
                self.show(now);
            }
        }
    }
}

/// Whether a line of the log may come of `event`: failures are logged unless the user wants silence.
fn may_log(event: &Event) -> bool {
    LevelFilter::current() >= LevelFilter::INFO
        || matches!(event, Event::Landed { end: AccountOutcome::Failed(_), .. })
}

/// When to look at the clock, and when to show something.
struct Pace {
    every: Duration,
    shown_at: Duration,
    looked_at: Duration,
    /// Events between two looks, and those left until the next.
    stride: u32,
    left: u32,
}

impl Pace {
    const fn new(every: Duration) -> Self {
        let zero = Duration::ZERO;
        Self { every, shown_at: zero, looked_at: zero, stride: 1, left: 0 }
    }

    /// Whether the clock is worth a look at this event.
    const fn looks_at_clock(&mut self) -> bool {
        if self.left > 0 {
            self.left -= 1;
            return false;
        }
        self.left = self.stride - 1;
        true
    }

    /// Whether something is to be shown at `now`. Looks are made rarer where events come fast, and
    /// at each event where they come slowly.
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

    /// How often `events`, one each `gap`, look at the clock and show something.
    fn counted(every: Duration, gap: Duration, events: u32) -> (u32, u32) {
        let mut pace = Pace::new(every);
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
