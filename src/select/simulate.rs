//! One simulated run, judged, without the histograms of a record: what sweeps are made of.

use super::objective::Sample;
use crate::audit::audit;
use crate::engine::{self, Job, Settings, Stop};
use crate::event::{Event, Observer};
use crate::measure::Measure;
use crate::run::RunError;
use crate::scenario::{Resources, Scenario};
use crate::world::{InProcess, VirtualClock};
use std::time::Duration;

/// Figures of a run, and the wish to end it once it is hopeless.
struct Watch<'a> {
    measure: Measure,
    stop: &'a Stop,
    hopeless_after: Duration,
}

impl Observer for Watch<'_> {
    fn observe(&mut self, event: &Event) {
        self.measure.observe(event);
        if self.measure.makespan() > self.hopeless_after {
            self.stop.set();
        }
    }
}

/// Runs `scenario` under `settings` in virtual time.
///
/// A run whose makespan passes `hopeless_after` is ended soon; its sample says so.
/// Errors: the run could not be made.
pub(super) fn simulate(
    scenario: &Scenario,
    settings: &Settings,
    hopeless_after: Option<Duration>,
) -> Result<Sample, RunError> {
    let resources = match &scenario.resources {
        Resources::Ids(ids) => engine::Resources::Ids(ids),
        Resources::Search(criteria) => engine::Resources::Search(criteria),
    };
    let stop = Stop::default();
    let hopeless_after = hopeless_after.unwrap_or(Duration::MAX);
    let mut watch = Watch { measure: Measure::counting(), stop: &stop, hopeless_after };
    let clock = VirtualClock::new();
    let transport = InProcess::new(scenario.neon(settings.seed), clock.clone());
    let job = Job { stop: &stop, ..Job::new(&scenario.plan, settings, resources) };
    clock.run(engine::run(&transport, &clock, job, &mut watch))??;
    let neon = transport.into_neon();
    let measure = watch.measure;
    let hopeless = stop.is_set() && measure.records().total() < measure.resources();
    let valid = !hopeless && audit(scenario, &neon, &measure, settings.dry_run).is_valid();
    Ok(Sample {
        makespan_s: measure.makespan().as_secs_f64(),
        calls: neon.calls().total(),
        refused: neon.calls().rejected(),
        failed: measure.records().failed,
        peak_buffered: measure.peak_buffered(),
        valid,
        hopeless,
    })
}
