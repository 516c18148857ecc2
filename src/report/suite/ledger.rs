//! The runs behind the ledger of the guide's claims.

use super::SuiteError;
use crate::report::claims::ledger::{ClaimLedger, ClaimSetting, Figure, GuideClaim, Tested, Trial};
use crate::select::{Objective, Sample, in_order, simulate};
use neonbench_engine::engine::Strategy;
use std::num::NonZeroU32;

/// Runs of each trial, under the seeds from 1 on.
pub const SEEDS: u64 = 3;

/// Means of the runs of a trial.
#[derive(Clone, Copy, Debug)]
struct Means {
    accounts: f64,
    makespan_s: f64,
    cost_s: f64,
    calls: f64,
    record_calls: f64,
    writes: f64,
    refused: f64,
    failed: f64,
    buffered: f64,
    at_risk: f64,
    valid: bool,
}

/// Tests every claim of `ledger`. What several claims need is run once.
///
/// Errors: a run could not be made.
pub fn test(ledger: &ClaimLedger) -> Result<Vec<Tested>, SuiteError> {
    let mut trials: Vec<Trial> = Vec::new();
    let cases = ledger.claims.iter().flat_map(|claim| &claim.cases);
    for trial in cases.flat_map(trials_of).map(alike) {
        if !trials.contains(&trial) {
            trials.push(trial);
        }
    }
    // The longest first, as the crew takes them from the end.
    trials.sort_by_key(|trial| trial.accounts() * u64::from(trial.mappings));
    let means = in_order(&trials, run)?;
    let of = |trial: &Trial| {
        let trial = alike(trial.clone());
        let place = trials.iter().position(|known| *known == trial);
        means[place.expect("every trial was run")]
    };
    let tested = |claim: &GuideClaim| {
        let measured: Vec<_> =
            claim.cases.iter().map(|case| measured(claim.figure, case, &of)).collect();
        Tested::new(claim, &measured)
    };
    Ok(ledger.claims.iter().map(tested).collect())
}

/// The runs of a case; a choice on a sample is also judged on the whole.
fn trials_of(case: &ClaimSetting) -> Vec<Trial> {
    let own = std::iter::once(&case.run).chain(&case.baselines).cloned();
    let whole = case.baselines.iter().filter(|other| other.sample.is_some()).map(whole);
    own.chain(whole).collect()
}

/// The same without what its strategy does not look at, so that trials that behave alike are one.
fn alike(trial: Trial) -> Trial {
    let (workers, batch_size) = match trial.strategy {
        Strategy::Standard => (NonZeroU32::MIN, NonZeroU32::MIN),
        Strategy::Parallel => (trial.workers, NonZeroU32::MIN),
        Strategy::PutBatch => (NonZeroU32::MIN, trial.batch_size),
        Strategy::Hybrid | Strategy::Pipelined => (trial.workers, trial.batch_size),
    };
    Trial { workers, batch_size, ..trial }
}

/// The same on every account, and written.
fn whole(trial: &Trial) -> Trial {
    Trial { sample: None, dry_run: false, ..trial.clone() }
}

fn run(trial: &Trial) -> Result<Means, SuiteError> {
    let scenario = trial.scenario()?;
    let mut samples = Vec::new();
    for seed in 1..=SEEDS {
        samples.push(simulate(&scenario, &trial.settings(seed), None)?);
    }
    let mean = |of: &dyn Fn(&Sample) -> f64| samples.iter().map(of).sum::<f64>() / SEEDS as f64;
    Ok(Means {
        accounts: trial.accounts() as f64,
        makespan_s: mean(&|sample| sample.makespan_s),
        cost_s: mean(&|sample| Objective::Balanced.of(sample)),
        calls: mean(&|sample| sample.calls as f64),
        record_calls: mean(&|sample| sample.record_calls as f64),
        writes: mean(&|sample| sample.writes as f64),
        refused: mean(&|sample| sample.refused as f64),
        failed: mean(&|sample| sample.failed as f64),
        buffered: mean(&|sample| sample.peak_buffered as f64),
        at_risk: mean(&|sample| sample.at_risk),
        valid: samples.iter().all(|sample| sample.valid),
    })
}

/// What `figure` is in `case`; `None` where a run failed its audit, or there is nothing to divide by.
fn measured(figure: Figure, case: &ClaimSetting, of: &dyn Fn(&Trial) -> Means) -> Option<f64> {
    let run = of(&case.run);
    let others: Vec<Means> = case.baselines.iter().map(of).collect();
    if !run.valid || !others.iter().all(|other| other.valid) {
        return None;
    }
    let least = |figure: fn(&Means) -> f64| others.iter().map(figure).fold(f64::INFINITY, f64::min);
    // A claim of less is not borne out by two figures that are both nothing.
    let ratio = |figure: fn(&Means) -> f64| match (figure(&run), least(figure)) {
        (own, other) if own.total_cmp(&other).is_eq() => 1.0,
        (own, other) => own / other,
    };
    let found = match figure {
        Figure::Calls => run.record_calls,
        Figure::CallsPerAccount => run.record_calls / run.accounts,
        Figure::Writes => run.writes,
        Figure::Minutes => run.makespan_s / 60.0,
        Figure::TimeSaved => 1.0 - ratio(|means| means.makespan_s),
        Figure::TimesFaster => 1.0 / ratio(|means| means.makespan_s),
        Figure::CallsSaved => 1.0 - ratio(|means| means.record_calls),
        Figure::AllCallsSaved => 1.0 - ratio(|means| means.calls),
        Figure::RefusedShare => run.refused / run.calls,
        Figure::RefusedRatio => ratio(|means| means.refused / means.calls),
        Figure::Buffered => run.buffered,
        Figure::BufferedRatio => ratio(|means| means.buffered),
        Figure::FailedShare => run.failed / run.accounts,
        Figure::FailedRatio => ratio(|means| means.failed / means.accounts),
        Figure::AtRiskRatio => ratio(|means| means.at_risk),
        Figure::AccountTimeRatio => ratio(|means| means.makespan_s / means.accounts),
        Figure::Regret => run.cost_s / least(|means| means.cost_s).min(run.cost_s) - 1.0,
        Figure::SampleRegret => {
            let fastest =
                case.baselines.iter().min_by(|a, b| of(a).cost_s.total_cmp(&of(b).cost_s))?;
            let cost_s = |trial: &Trial| of(&whole(trial)).cost_s;
            let best_s = case.baselines.iter().map(cost_s).fold(f64::INFINITY, f64::min);
            cost_s(fastest) / best_s - 1.0
        }
    };
    found.is_finite().then_some(found)
}
