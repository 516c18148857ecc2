//! The same run under several seeds, with the records of its runs.

use super::rank::CandidateRuns;
use super::seeds;
use super::simulate::{RunFigures, simulate};
use super::summary::Summary;
use neonbench_engine::engine::Settings;
use neonbench_engine::event::{Event, Observer};
use neonbench_engine::measure::Measure;
use neonbench_engine::record::RunRecord;
use neonbench_engine::run::{Run, RunError, RunSpec, World};
use neonbench_engine::scenario::Scenario;

/// Simulated calls that the replicates of one candidate may take together.
const CALLS: u64 = 1_000_000;

/// The fewest replicates, whatever they take.
const LEAST: u32 = 3;

/// A run, and the figures of all its replicates.
#[derive(Clone, Debug)]
pub struct Replicated {
    /// The run of the first seed. With several replicates its record has the interval of the
    /// makespan, and names each replicate that is invalid.
    pub run: Run,
    /// All replicates.
    pub summary: Summary,
}

/// `replicates` such runs, of which `spec` is the first: the others have the seeds behind its own.
fn replicates<'a>(spec: &RunSpec<'a>, replicates: u32) -> impl Iterator<Item = RunSpec<'a>> {
    seeds::from(spec.settings.seed, replicates).map(move |seed| {
        let mut spec = spec.clone();
        spec.settings.seed = seed;
        spec
    })
}

/// The makespan of a run in seconds: the median of its replicates, else its own.
pub fn median_makespan_s(record: &RunRecord) -> f64 {
    record.makespan_s_interval.map_or(record.makespan_s, |[_, median, _]| median)
}

/// Makes the run of `spec` under its own seed and the `count` − 1 seeds that follow; `observer` sees
/// the events of the first.
///
/// A replicate that fails its audit yields no number, and the record says so.
/// Errors: a run could not be made.
pub fn replicated(
    spec: &RunSpec<'_>,
    world: &World,
    count: u32,
    observer: &mut dyn Observer,
) -> Result<Replicated, RunError> {
    let mut run = spec.run(world, observer)?;
    let mut all = vec![RunFigures::from(&run.record)];
    if count < 2 {
        return Ok(Replicated { run, summary: all.into_iter().collect() });
    }
    let mut makespans_s = vec![run.record.makespan_s];
    for again in replicates(spec, count).skip(1) {
        let record = again.run(world, &mut |_: &Event| {})?.record;
        if record.stopped {
            run.record.stopped = true;
            break;
        }
        all.push(RunFigures::from(&record));
        if record.audit.valid {
            makespans_s.push(record.makespan_s);
        } else {
            let faults = record.audit.faults.join("; ");
            let fault = format!("the replicate of seed {} is invalid: {faults}", record.seed);
            run.record.audit.valid = false;
            run.record.audit.faults.push(fault);
        }
    }
    run.record.makespan_s_interval = crate::stats::interval(makespans_s.iter().copied());
    run.makespans_s = makespans_s;
    Ok(Replicated { run, summary: all.into_iter().collect() })
}

/// The replicates that are affordable if the first run has so many calls: `count` of them, or as many
/// as a million calls allow, but at least three of them.
fn affordable(count: u32, calls: u64) -> u32 {
    let most = u32::try_from(CALLS / calls.max(1)).unwrap_or(u32::MAX);
    count.min(most.max(LEAST))
}

/// The runs of `settings` on `scenario`, simulated under their own seed and those that follow: as many
/// as [`records`] makes, with the same figures.
///
/// Errors: a run could not be made.
pub fn simulated(
    scenario: &Scenario,
    settings: &Settings,
    count: u32,
) -> Result<CandidateRuns, RunError> {
    let (mut runs, mut count) = (Vec::new(), count.max(1));
    for seed in seeds::from(settings.seed, count) {
        if runs.len() as u64 >= u64::from(count) {
            break;
        }
        let run = simulate(scenario, &Settings { seed, ..settings.clone() }, None)?.figures;
        count = affordable(count, run.calls);
        runs.push(run);
    }
    Ok(CandidateRuns::simulated(scenario, settings, runs.into_iter().collect()))
}

/// Records of the run of `spec` in virtual time under its own seed and those that follow; `fold` gets
/// the histograms of each.
///
/// There are `count` of them, or as many as a million calls allow, but at least three then.
/// Errors: a run could not be made.
pub fn records(
    spec: &RunSpec<'_>,
    count: u32,
    mut fold: impl FnMut(&Measure),
) -> Result<Vec<RunRecord>, RunError> {
    let (mut records, mut count) = (Vec::new(), count.max(1));
    for spec in replicates(spec, count) {
        if records.len() as u64 >= u64::from(count) {
            break;
        }
        let Run { record, measure, .. } = spec.run(&World::Virtual, &mut |_: &Event| {})?;
        count = affordable(count, record.calls.total);
        fold(&measure);
        records.push(record);
    }
    Ok(records)
}
