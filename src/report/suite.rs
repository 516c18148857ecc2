//! All runs behind the report, section by section.

use super::decision::Decision;
use super::decision::explore;
use super::evidence::ReportEvidence;
use super::guide::claims::{ClaimLedger, LedgerSample};
use super::guide::{batches, claims, map};
use super::methodology::http::HttpSample;
use super::methodology::{auto, http, staff};
use super::shared::SuiteError;
use super::shared::exploration::Exploration;
use super::shared::provenance::Provenance;
use super::shared::rows::EXAMPLES;
use super::shared::rows::run::{row, scenario, subject};
use crate::experiment::Goal;
use neonbench_engine::engine::{Settings, Strategy};
use neonbench_engine::scenario::Scenario;

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
        let sample = scope.spawn(move || http::run(seed));
        simulations(provenance, tell, || http::joined(sample))
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
    let staff = staff::run(seed, replicates)?;
    let decision = decision(seed, replicates, tell)?;
    tell("the selector, on scenarios that its calibration never saw");
    let selector = auto::run(&Scenario::new(subject()?)?)?;
    tell("the guide's claims, one by one");
    let known = ClaimLedger::shipped();
    let ledger = LedgerSample {
        seeds: claims::SEEDS,
        claims: claims::run(&known)?,
        untestable: known.untestable,
    };
    tell("who wins where, over accounts and mappings");
    let map = map::run()?;
    tell("batch sizes");
    let batches = batches::run(seed)?;
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
