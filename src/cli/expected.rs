//! Prints the forecast of a run before it begins, and says when the run exceeds it.

use super::command_line::CommandLine;
use super::output::{Verbosity, count, duration, plural};
use neon_mock::time::Timestamp;
use neonbench::experiment::Forecast;
use neonbench_engine::event::{Event, Observer};
use neonbench_engine::measure::PausedTime;
use neonbench_engine::record::RunRecord;
use std::time::Duration;

/// Watches whether a run stays within its forecast.
pub(super) struct Expected<'a> {
    forecast: Option<Forecast>,
    started_at: Timestamp,
    paused: PausedTime,
    has_left: bool,
    verbosity: Verbosity,
    inner: &'a mut dyn Observer,
}

impl<'a> Expected<'a> {
    /// Says the forecast, where there is one; events go on to `inner`.
    pub(super) fn new(
        forecast: Option<Forecast>,
        line: &CommandLine,
        inner: &'a mut dyn Observer,
    ) -> Self {
        if let Some(forecast) = &forecast {
            line.note(format_args!("forecast: {}", in_words(forecast)));
        }
        let (started_at, verbosity) = (Timestamp::ZERO, line.verbosity);
        let paused = PausedTime::default();
        Self { forecast, started_at, paused, has_left: false, verbosity, inner }
    }

    /// The comparison of `record` with its forecast, in words; the time in which it was held is no part of either.
    pub(super) fn compared(&self, record: &RunRecord) -> Option<String> {
        let forecast = self.forecast?;
        let [low, middle, high] = forecast.makespan_s;
        let took_s = record.makespan_s - record.paused_s;
        let verdict = if took_s < low {
            "faster than 95 % of simulated runs"
        } else if took_s > high {
            "slower than 95 % of simulated runs"
        } else {
            "as forecast"
        };
        let [low, middle, high] = [low, middle, high].map(duration);
        Some(format!("forecast: {middle} ({low} to {high}); the run was {verdict}"))
    }
}

fn in_words(forecast: &Forecast) -> String {
    let [low, middle, high] = forecast.makespan_s;
    format!(
        "{} ({} to {}); {}, {} of them refused",
        duration(middle),
        duration(low),
        duration(high),
        plural(forecast.calls.round() as u64, "call"),
        count(forecast.refused.round() as u64)
    )
}

impl Observer for Expected<'_> {
    fn observe(&mut self, event: &Event) {
        self.paused.add(event);
        match event {
            Event::Started { at } => self.started_at = *at,
            Event::Done(call) if !self.has_left => {
                let high_s = self.forecast.map_or(f64::INFINITY, |forecast| forecast.makespan_s[2]);
                let elapsed: Duration = call.done_at.since(self.started_at);
                let elapsed = elapsed.saturating_sub(self.paused.before(call.done_at));
                if elapsed.as_secs_f64() > high_s {
                    self.has_left = true;
                    let high = duration(high_s);
                    self.verbosity.note(format_args!(
                        "note: the run is slower than its forecast: more than {high} have passed"
                    ));
                }
            }
            _ => {}
        }
        self.inner.observe(event);
    }
}
