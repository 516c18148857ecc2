//! One simulated run, judged, without the histograms of a record: what sweeps are made of.

use super::objective::Sample;
use neon_mock::api::Class;
use neonbench_engine::audit::audit;
use neonbench_engine::engine::{Job, Settings, Stop};
use neonbench_engine::event::{Event, Observer};
use neonbench_engine::measure::Measure;
use neonbench_engine::run::{self, RunError, resources};
use neonbench_engine::scenario::Scenario;
use std::time::Duration;

/// Figures of a run, and the wish to end it once it is hopeless.
struct Watch<'a> {
    measure: Measure,
    /// How long writes were under way, attempts added up.
    writing: Duration,
    stop: &'a Stop,
    hopeless_after: Duration,
}

impl Observer for Watch<'_> {
    fn observe(&mut self, event: &Event) {
        self.measure.observe(event);
        if let Event::Done(call) = event
            && is_write(call.endpoint.class())
        {
            self.writing += call.done_at.since(call.sent_at);
        }
        if self.measure.makespan() > self.hopeless_after {
            self.stop.set();
        }
    }
}

const fn is_write(class: Class) -> bool {
    matches!(class, Class::Patch | Class::Put)
}

/// Runs `scenario` under `settings` in virtual time.
///
/// A run whose makespan passes `hopeless_after` is ended soon; its sample says so.
/// Errors: the run could not be made.
pub fn simulate(
    scenario: &Scenario,
    settings: &Settings,
    hopeless_after: Option<Duration>,
) -> Result<Sample, RunError> {
    let stop = Stop::default();
    let hopeless_after = hopeless_after.unwrap_or(Duration::MAX);
    let mut watch = Watch {
        measure: Measure::counting(),
        writing: Duration::ZERO,
        stop: &stop,
        hopeless_after,
    };
    let job = Job { stop: &stop, ..Job::new(&scenario.plan, settings, resources(scenario)) };
    let neon = run::simulate(scenario, job, &mut watch)?.neon;
    let Watch { measure, writing, .. } = watch;
    let makespan_s = measure.makespan().as_secs_f64();
    let at_a_time = |total: Duration| {
        if makespan_s > 0.0 { total.as_secs_f64() / makespan_s } else { 0.0 }
    };
    let calls = neon.calls();
    let writes = calls.admitted(Class::Patch) + calls.admitted(Class::Put);
    let hopeless = stop.is_set() && measure.records().total() < measure.resources();
    let valid = !hopeless && audit(scenario, &neon, &measure, settings.dry_run).is_valid();
    Ok(Sample {
        makespan_s,
        calls: calls.total(),
        refused: calls.rejected(),
        failed: measure.records().failed,
        record_calls: writes + calls.admitted(Class::Get) + calls.admitted(Class::Search),
        writes,
        peak_buffered: measure.peak_buffered(),
        at_risk: at_a_time(measure.exposed() + writing),
        open_writes: at_a_time(writing),
        valid,
        hopeless,
    })
}
