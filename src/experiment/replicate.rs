//! The same run under several seeds, with the records of its runs.
//!
//! Where the profile carries evidence, the runs after the first each go by another profile drawn from
//! it, so that their range covers what the evidence leaves open.

use super::parallel::parallel_map;
use super::rank::CandidateRuns;
use super::seeds;
use super::simulate::{RunFigures, simulate};
use super::summary::Summary;
use crate::{probe, stats};
use neonbench_engine::engine::Settings;
use neonbench_engine::event::{Event, Observer};
use neonbench_engine::measure::Measure;
use neonbench_engine::record::RunRecord;
use neonbench_engine::run::{Run, RunError, RunSpec, World};
use neonbench_engine::scenario::Scenario;

/// Simulated calls that the replicates of one candidate may take together.
const CALLS: u64 = 1_000_000;

/// The fewest replicates, whatever they take.
const LEAST: u64 = 3;

/// Replicates whose histograms are in memory at the same time.
const AT_A_TIME: u64 = 10;

/// The makespan of a run in seconds: the median of its replicates, else its own.
pub fn median_makespan_s(record: &RunRecord) -> f64 {
    // Records of earlier versions have the median in their interval alone.
    let in_interval = record.makespan_s_interval.map(|[_, median, _]| median);
    record.makespan_s_median.or(in_interval).unwrap_or(record.makespan_s)
}

/// Makes the run of `spec` under its own seed and the `count` − 1 seeds that follow; `observer` sees
/// the events of the first.
///
/// Returns the run of the first seed, and all replicates as an entry of a ranking. With several
/// replicates the record has the median of the makespan, its interval if they are enough, and names each
/// replicate that fails its audit: it yields no number.
/// Errors: a run could not be made.
pub fn replicated(
    spec: &RunSpec<'_>,
    world: &World,
    count: u32,
    observer: &mut dyn Observer,
) -> Result<(Run, CandidateRuns), RunError> {
    let mut run = spec.run(world, observer)?;
    let mut all = vec![RunFigures::from(&run.record)];
    if count < 2 {
        let entry = CandidateRuns::of(&run.record, all.into_iter().collect());
        return Ok((run, entry));
    }
    for seed in seeds::from(spec.settings.seed, count).skip(1) {
        let scenario = &drawn(spec.scenario, spec.settings.seed, seed);
        let record = with_seed(spec, scenario, seed).run(world, &mut |_: &Event| {})?.record;
        if record.stopped {
            run.record.stopped = true;
            break;
        }
        all.push(RunFigures::from(&record));
        if !record.audit.valid {
            let faults = record.audit.faults.join("; ");
            let fault = format!("the replicate of seed {} is invalid: {faults}", record.seed);
            run.record.audit.valid = false;
            run.record.audit.faults.push(fault);
        }
    }
    let runs: Summary = all.into_iter().collect();
    run.record.makespan_s_interval = runs.makespan_s_range();
    run.record.makespan_s_median = Some(runs.median_makespan_s());
    run.record.makespan_s_mean = Some(stats::mean(runs.valid().map(|run| run.makespan_s)));
    run.record.replicates = Some(runs.valid().count() as u64);
    run.record.edits = runs.edits();
    let entry = CandidateRuns::of(&run.record, runs);
    Ok((run, entry))
}

fn with_seed<'a>(spec: &RunSpec<'a>, scenario: &'a Scenario, seed: u64) -> RunSpec<'a> {
    RunSpec { scenario, settings: Settings { seed, ..spec.settings.clone() }, ..spec.clone() }
}

/// `scenario` as the run of `seed` has it: under the seed `first` by its own profile.
fn drawn(scenario: &Scenario, first: u64, seed: u64) -> Scenario {
    let mut drawn = scenario.clone();
    if seed != first && scenario.profile.evidence().is_some() {
        drawn.profile = probe::draws(&scenario.profile, [seed]).next().expect("one for the seed");
    }
    drawn
}

/// Gives `fold` the results of `run`, which returns also its calls, under `seed` and those that follow:
/// `count` of them, or as many as a million calls allow, but at least three of them then.
fn affordable<R: Send>(
    seed: u64,
    count: u32,
    run: impl Fn(u64) -> Result<(R, u64), RunError> + Sync,
    mut fold: impl FnMut(R),
) -> Result<(), RunError> {
    let (mut made, mut count) = (0, u64::from(count.max(1)));
    while made < count {
        // The calls of the first tell how many there may be.
        let together = if made == 0 { 1 } else { AT_A_TIME.min(count - made) };
        let seeds: Vec<u64> = seeds::from(seed.wrapping_add(made), together as u32).collect();
        for (one, calls) in parallel_map(&seeds, |seed| run(*seed))? {
            if made >= count {
                break;
            }
            count = count.min((CALLS / calls.max(1)).max(LEAST));
            fold(one);
            made += 1;
        }
    }
    Ok(())
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
    let mut runs = Vec::new();
    let run = |seed| {
        let by = &drawn(scenario, settings.seed, seed);
        let run = simulate(by, &Settings { seed, ..settings.clone() }, None)?.figures;
        Ok((run, run.calls))
    };
    affordable(settings.seed, count, run, |run| runs.push(run))?;
    Ok(CandidateRuns::simulated(scenario, settings, runs.into_iter().collect()))
}

/// Records of the runs of `settings` on `scenario` in virtual time under their own seed and those that
/// follow; `fold` gets the histograms of each, in that order.
///
/// There are `count` of them, or as many as a million calls allow, but at least three then.
/// Errors: a run could not be made.
pub fn records(
    scenario: &Scenario,
    settings: &Settings,
    count: u32,
    mut fold: impl FnMut(&Measure),
) -> Result<Vec<RunRecord>, RunError> {
    let mut records = Vec::new();
    let run = |seed| {
        let by = &drawn(scenario, settings.seed, seed);
        let spec = RunSpec::new(by, Settings { seed, ..settings.clone() });
        let run = spec.run(&World::Virtual, &mut |_: &Event| {})?;
        let calls = run.record.calls.total;
        Ok((run, calls))
    };
    affordable(settings.seed, count, run, |Run { record, measure, .. }| {
        fold(&measure);
        records.push(record);
    })?;
    Ok(records)
}
