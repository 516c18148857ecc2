//! The runs behind the report: the only part of it that runs anything.

mod batches;
pub mod explore;
pub mod ledger;
mod map;
mod selector;

use super::claims::ledger::ClaimLedger;
use super::claims::{BATCH_SIZE, EXAMPLES, Example, WORKERS};
use super::decision::Decision;
use super::evidence::{
    HttpPair, HttpSample, LedgerSample, Provenance, ReportEvidence, Responses, RowEvidence,
    StaffEvidence, StaffSample,
};
use super::fit::{self, FitSample, ScaleFit};
use crate::experiment::{Goal, Summary, records, seeds, sweep};
use crate::select::case::CaseError;
use explore::{Exploration, explore};
use hdrhistogram::Histogram;
use neon_mock::api::Class;
use neon_mock::profile::Profile;
use neonbench_engine::engine::{Settings, Strategy, WriteMode};
use neonbench_engine::event::Event;
use neonbench_engine::measure::{Measure, histogram};
use neonbench_engine::run::{Run, RunError, RunSpec, World};
use neonbench_engine::scenario::{Scenario, ScenarioError, Workload};
use neonbench_engine::world::WallClock;
use std::thread::ScopedJoinHandle;

/// The example that the sample over HTTP is taken from: the smallest.
const HTTP_EXAMPLE: Example = EXAMPLES[2];

/// Divisor of its service times, so that standard's 180 s end within 10 s.
const HTTP_DIVISOR: u32 = 25;

/// The example that is run beside other users, and how.
const STAFF_EXAMPLE: Example = EXAMPLES[0];
const STAFF_STRATEGY: Strategy = Strategy::Hybrid;

/// A suite that could not be run.
#[derive(Debug, thiserror::Error)]
#[allow(missing_docs, reason = "the messages say it")]
pub enum SuiteError {
    #[error(transparent)]
    Scenario(#[from] ScenarioError),
    #[error(transparent)]
    Run(#[from] RunError),
    #[error(transparent)]
    Case(#[from] CaseError),
}

/// Runs the guide's rows in virtual time and a sample over HTTP, as `provenance` orders.
///
/// `tell` hears what is being done. What was kept before is for the caller to add. Errors: a run could not be made; what a run found is in its
/// record.
pub fn run(
    provenance: Provenance,
    tell: &mut dyn FnMut(&str),
) -> Result<ReportEvidence, SuiteError> {
    let seed = provenance.seed;
    std::thread::scope(|scope| {
        // The sample mostly waits, so it is made beside the simulations.
        let sample = scope.spawn(move || http(seed));
        simulations(provenance, tell, || joined(sample))
    })
}

/// The evidence of `run`; `http` waits for the sample over HTTP.
fn simulations(
    provenance: Provenance,
    tell: &mut dyn FnMut(&str),
    http: impl FnOnce() -> Result<HttpSample, SuiteError>,
) -> Result<ReportEvidence, SuiteError> {
    let (seed, replicates) = (provenance.seed, provenance.replicates);
    let mut rows = Vec::new();
    for example in EXAMPLES {
        let scenario = scenario(&example, Scenario::profile(example.name)?)?;
        // Also those that the guide does not list, so that its advice is held against all.
        for strategy in Strategy::ALL {
            tell(&format!("example {}: {strategy}, {replicates} seeds", example.number));
            rows.push(row(&example, &scenario, strategy, seed, replicates)?);
        }
    }
    tell("beside other users at work");
    let staff = staff(seed, replicates)?;
    let decision = decision(seed, replicates, tell)?;
    tell("the selector, on scenarios that its calibration never saw");
    let selector = selector::selector(&Scenario::new(subject()?)?)?;
    tell("the guide's claims, one by one");
    let known = ClaimLedger::shipped();
    let ledger = LedgerSample {
        seeds: ledger::SEEDS,
        claims: ledger::test(&known)?,
        untestable: known.untestable,
    };
    tell("who wins where, over accounts and mappings");
    let map = map::decision_map()?;
    tell("batch sizes");
    let batches = batches::batches(seed)?;
    tell("the rest of a sample over real HTTP");
    let http = http()?;
    let (decision, selector) = (Some(decision), Some(selector));
    Ok(ReportEvidence {
        provenance,
        rows,
        http,
        staff,
        decision,
        selector,
        ledger: Some(ledger),
        map: Some(map),
        batches: Some(batches),
        selftest: None,
        judged: Vec::new(),
        benches: Vec::new(),
    })
}

/// The guide's first example under the documented limits, with what would change the outcome.
fn decision(
    seed: u64,
    replicates: u32,
    tell: &mut dyn FnMut(&str),
) -> Result<Decision, SuiteError> {
    let workload = subject()?;
    let settings = |strategy| Settings { seed, ..Settings::new(strategy) };
    let goal = Goal::default();
    explore(&Exploration { workload: &workload, settings: &settings, replicates, goal }, tell)
}

/// The subject of the report's decision: the guide's first example under the documented limits.
fn subject() -> Result<Workload, ScenarioError> {
    let example = EXAMPLES[0];
    Ok(Workload {
        profile: Some(Scenario::profile("documented")?),
        resources: Some(example.accounts),
        mappings: Some(example.mappings),
        ..Workload::default()
    })
}

/// Fits service times to the rows of `example`, each simulated under profile `documented`.
pub fn fit_example(example: &Example, seed: u64, replicates: u32) -> Result<ScaleFit, SuiteError> {
    let scenario = scenario(example, Scenario::profile("documented")?)?;
    let mut samples = Vec::new();
    let settings: Vec<Settings> =
        example.claims.iter().map(|claim| self::settings(claim.strategy, seed)).collect();
    let runs = sweep(&scenario, &settings, &seeds::from(seed, replicates))?;
    for (claim, runs) in example.claims.iter().zip(runs) {
        let simulated_s = runs.iter().collect::<Summary>().mean(|run| run.makespan_s);
        samples.push(FitSample { simulated_s, claimed_s: claim.seconds() });
    }
    Ok(fit::fit(&samples))
}

fn scenario(example: &Example, profile: Profile) -> Result<Scenario, ScenarioError> {
    Scenario::new(Workload {
        name: Some(example.name.to_owned()),
        profile: Some(profile),
        resources: Some(example.accounts),
        mappings: Some(example.mappings),
        ..Workload::default()
    })
}

fn settings(strategy: Strategy, seed: u64) -> Settings {
    Settings { workers: WORKERS, batch_size: BATCH_SIZE, seed, ..Settings::new(strategy) }
}

fn run_in(
    scenario: &Scenario,
    strategy: Strategy,
    seed: u64,
    world: &World,
) -> Result<Run, RunError> {
    RunSpec::new(scenario, settings(strategy, seed)).run(world, &mut |_: &Event| {})
}

fn row(
    example: &Example,
    scenario: &Scenario,
    strategy: Strategy,
    seed: u64,
    replicates: u32,
) -> Result<RowEvidence, RunError> {
    let (mut reads, mut writes) = (histogram(), histogram());
    let runs = records(scenario, &settings(strategy, seed), replicates, |measure| {
        add(&mut reads, measure, Class::Get);
        add(&mut writes, measure, Class::Patch);
    })?;
    Ok(RowEvidence {
        example: example.number,
        strategy,
        runs,
        reads: Responses::of(&reads),
        writes: Responses::of(&writes),
    })
}

fn add(all: &mut Histogram<u64>, measure: &Measure, class: Class) {
    all.add(measure.responses(class)).expect("histograms of the same bounds");
}

/// The sample over HTTP. Its runs go side by side, each against a mock of its own: together they
/// send fewer than a hundred calls a second, so that they do not disturb one another.
fn http(seed: u64) -> Result<HttpSample, SuiteError> {
    let profile = Scenario::profile(HTTP_EXAMPLE.name)?;
    let profile = profile.with_service_times(1.0 / f64::from(HTTP_DIVISOR));
    let scenario = scenario(&HTTP_EXAMPLE, profile)?;
    let strategies = HTTP_EXAMPLE.claims.iter().map(|claim| claim.strategy);
    let clock = WallClock::start();
    let runs: Vec<Result<Run, RunError>> = std::thread::scope(|scope| {
        let scenario = &scenario;
        let threads: Vec<_> = strategies
            .clone()
            .map(|strategy| {
                scope.spawn(move || run_in(scenario, strategy, seed, &World::EmbeddedHttp))
            })
            .collect();
        threads.into_iter().map(joined).collect()
    });
    let wall_s = clock.elapsed().as_secs_f64();
    let mut pairs = Vec::new();
    for (strategy, http) in strategies.zip(runs) {
        let simulated = run_in(&scenario, strategy, seed, &World::Virtual)?.record;
        pairs.push(HttpPair { http: http?.record, simulated });
    }
    Ok(HttpSample {
        example: HTTP_EXAMPLE.number,
        service_times_divided_by: HTTP_DIVISOR,
        wall_s,
        pairs,
    })
}

/// The result of `thread`, or its panic.
fn joined<T>(thread: ScopedJoinHandle<'_, T>) -> T {
    thread.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic))
}

/// The first example beside other users, by PATCH and by PUT.
fn staff(seed: u64, replicates: u32) -> Result<StaffSample, SuiteError> {
    let scenario = scenario(&STAFF_EXAMPLE, Scenario::profile("staff")?)?;
    let mut rows = Vec::new();
    for write in [WriteMode::Patch, WriteMode::Put] {
        let settings = Settings { write, ..settings(STAFF_STRATEGY, seed) };
        let runs = records(&scenario, &settings, replicates, |_| {})?;
        rows.push(StaffEvidence { write, runs });
    }
    Ok(StaffSample { example: STAFF_EXAMPLE.number, rows })
}

/// The record of a small run, for tests to fill in.
#[cfg(test)]
pub(super) fn small_record() -> neonbench_engine::record::RunRecord {
    let small = Example { accounts: 2, mappings: 1, ..EXAMPLES[2] };
    let scenario = scenario(&small, Scenario::profile("constant").unwrap()).unwrap();
    run_in(&scenario, Strategy::Standard, 1, &World::Virtual).unwrap().record
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_row_has_exactly_the_guides_calls() {
        for example in EXAMPLES {
            let scenario = scenario(&example, Scenario::profile(example.name).unwrap()).unwrap();
            for claim in example.claims {
                let record = run_in(&scenario, claim.strategy, 1, &World::Virtual).unwrap().record;
                assert!(record.audit.valid, "{:?}", record.audit.faults);
                assert_eq!(record.calls.record_calls(), claim.calls, "{}", claim.strategy);
                assert_eq!(record.calls.metadata, 1);
            }
        }
    }
}
