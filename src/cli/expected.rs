//! Prints a forecast before a run, and warns when the run exceeds it.

use super::command_line::CommandLine;
use super::output::{Verbosity, count, duration};
use neon_mock::time::Timestamp;
use neonbench::experiment::{Forecast, forecast};
use neonbench_engine::event::{Event, Observer};
use neonbench_engine::record::RunRecord;
use neonbench_engine::run::{RunError, RunSpec};
use std::time::Duration;

/// Watches whether a run stays within its forecast.
pub(super) struct Expected<'a> {
    forecast: Option<Forecast>,
    started_at: Timestamp,
    has_left: bool,
    verbosity: Verbosity,
    inner: &'a mut dyn Observer,
}

impl<'a> Expected<'a> {
    /// Forecasts `order` if it is wanted, and says so; events go on to `inner`.
    pub(super) fn new(
        order: &RunSpec<'_>,
        is_wanted: bool,
        line: &CommandLine,
        inner: &'a mut dyn Observer,
    ) -> Result<Self, RunError> {
        let forecast = is_wanted.then(|| forecast(order.scenario, &order.settings)).transpose()?;
        if let Some(forecast) = &forecast {
            line.note(format_args!("expected: {}", in_words(forecast)));
        }
        let (started_at, verbosity) = (Timestamp::ZERO, line.verbosity);
        Ok(Self { forecast, started_at, has_left: false, verbosity, inner })
    }

    /// The comparison of `record` with its forecast, in words.
    pub(super) fn compared(&self, record: &RunRecord) -> Option<String> {
        let forecast = self.forecast?;
        let [low, _, high] = forecast.makespan_s;
        let verdict = if record.makespan_s < low {
            "sooner than nine runs of ten"
        } else if record.makespan_s > high {
            "later than nine runs of ten"
        } else {
            "as expected"
        };
        Some(format!("expected {}; it ended {verdict}", in_words(&forecast)))
    }
}

fn in_words(forecast: &Forecast) -> String {
    let [low, middle, high] = forecast.makespan_s;
    format!(
        "{} ({} to {}), {} calls, {} of them refused",
        duration(middle),
        duration(low),
        duration(high),
        count(forecast.calls.round() as u64),
        count(forecast.refused.round() as u64)
    )
}

impl Observer for Expected<'_> {
    fn observe(&mut self, event: &Event) {
        match event {
            Event::Started { at } => self.started_at = *at,
            Event::Done(call) if !self.has_left => {
                let high_s = self.forecast.map_or(f64::INFINITY, |forecast| forecast.makespan_s[2]);
                let elapsed: Duration = call.done_at.since(self.started_at);
                if elapsed.as_secs_f64() > high_s {
                    self.has_left = true;
                    let high = duration(high_s);
                    self.verbosity.note(format_args!(
                        "the run has left its forecast: more than {high} have passed"
                    ));
                }
            }
            _ => {}
        }
        self.inner.observe(event);
    }
}
