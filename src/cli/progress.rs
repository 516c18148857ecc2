//! Progress bars: a fold over events.

use super::Voice;
use crate::event::{Event, Observer};
use crate::log::Log;
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

/// Shows a run on a terminal, and logs it.
pub(super) struct Progress {
    bar: ProgressBar,
    log: Log,
}

impl Progress {
    /// Progress on standard error, if that is a terminal and the user did not ask for silence.
    pub(super) fn new(voice: Voice, title: &str) -> Self {
        let target =
            if voice.quiet { ProgressDrawTarget::hidden() } else { ProgressDrawTarget::stderr() };
        let bar = ProgressBar::with_draw_target(None, target);
        let style = "{prefix} {wide_bar} {human_pos}/{human_len} accounts, {eta} left";
        bar.set_style(ProgressStyle::with_template(style).expect("a valid template"));
        bar.set_prefix(title.to_owned());
        Self { bar, log: Log }
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        self.bar.finish_and_clear();
    }
}

impl Observer for Progress {
    fn observe(&mut self, event: &Event) {
        self.log.observe(event);
        match event {
            Event::Enumerated { resources } => self.bar.set_length(*resources),
            Event::Landed { .. } => self.bar.inc(1),
            _ => {}
        }
    }
}
