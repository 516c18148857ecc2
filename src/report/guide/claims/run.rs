//! The runs behind the ledger of the guide's claims.

use super::{ClaimLedger, ClaimSetting, Figure, GuideClaim, Tested, Trial};
use crate::experiment::{Objective, RunFigures, Summary, parallel_map, seeds, simulate};
use crate::report::shared::SuiteError;
use crate::stats::mean;
use std::num::NonZeroU32;

/// Runs of each trial, under the seeds from 1 on.
pub const SEEDS: u64 = 3;

/// The runs of a trial.
#[derive(Clone, Debug)]
struct TrialRuns {
    accounts: f64,
    summary: Summary,
    at_risk: f64,
}

/// Tests every claim of `ledger`. What several claims need is run once.
///
/// Errors: a run could not be made.
pub fn run(ledger: &ClaimLedger) -> Result<Vec<Tested>, SuiteError> {
    let mut trials: Vec<Trial> = Vec::new();
    let cases = ledger.claims.iter().flat_map(|claim| &claim.cases);
    for trial in cases.flat_map(trials_of).map(alike) {
        if !trials.contains(&trial) {
            trials.push(trial);
        }
    }
    // The longest first, as the crew takes them from the end.
    trials.sort_by_key(|trial| trial.accounts() * u64::from(trial.mappings));
    let runs = parallel_map(&trials, run_trial)?;
    let of = |trial: &Trial| {
        let trial = alike(trial.clone());
        let place = trials.iter().position(|known| *known == trial);
        &runs[place.expect("every trial was run")]
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
    let workers = if trial.strategy.uses_workers() { trial.workers } else { NonZeroU32::MIN };
    let batch_size = if trial.strategy.uses_batches() { trial.batch_size } else { NonZeroU32::MIN };
    Trial { workers, batch_size, ..trial }
}

/// The same on every account, and written.
fn whole(trial: &Trial) -> Trial {
    Trial { sample: None, dry_run: false, ..trial.clone() }
}

fn run_trial(trial: &Trial) -> Result<TrialRuns, SuiteError> {
    let scenario = trial.scenario()?;
    let runs = seeds::from(1, SEEDS as u32)
        .map(|seed| simulate(&scenario, &trial.settings(seed), None))
        .collect::<Result<Vec<_>, _>>()?;
    Ok(TrialRuns {
        accounts: trial.accounts() as f64,
        summary: runs.iter().collect(),
        at_risk: mean(runs.iter().map(|run| run.at_risk)),
    })
}

impl TrialRuns {
    fn mean(&self, of: fn(&RunFigures) -> f64) -> f64 {
        self.summary.mean(of)
    }

    fn makespan_s(&self) -> f64 {
        self.mean(|run| run.makespan_s)
    }

    fn cost_s(&self) -> f64 {
        self.summary.cost_s(Objective::Balanced)
    }

    fn record_calls(&self) -> f64 {
        self.mean(|run| run.record_calls as f64)
    }

    fn buffered(&self) -> f64 {
        self.mean(|run| run.peak_buffered as f64)
    }

    fn refused_share(&self) -> f64 {
        self.mean(|run| run.refused as f64) / self.mean(|run| run.calls as f64)
    }

    fn failed_share(&self) -> f64 {
        self.mean(|run| run.failed as f64) / self.accounts
    }
}

/// The value of `figure` in `case`; `None` where a run failed its audit, or there is nothing to divide by.
fn measured<'a>(
    figure: Figure,
    case: &ClaimSetting,
    of: &dyn Fn(&Trial) -> &'a TrialRuns,
) -> Option<f64> {
    let run = of(&case.run);
    let others: Vec<&TrialRuns> = case.baselines.iter().map(of).collect();
    if !run.summary.is_valid() || !others.iter().all(|other| other.summary.is_valid()) {
        return None;
    }
    let least = |figure: fn(&TrialRuns) -> f64| {
        others.iter().map(|other| figure(other)).fold(f64::INFINITY, f64::min)
    };
    // A claim of less is not borne out by two figures that are both nothing.
    let ratio = |figure: fn(&TrialRuns) -> f64| match (figure(run), least(figure)) {
        (own, other) if own.total_cmp(&other).is_eq() => 1.0,
        (own, other) => own / other,
    };
    let found = match figure {
        Figure::Calls => run.record_calls(),
        Figure::CallsPerAccount => run.record_calls() / run.accounts,
        Figure::Writes => run.mean(|run| run.writes as f64),
        Figure::Minutes => run.makespan_s() / 60.0,
        Figure::TimeSaved => 1.0 - ratio(TrialRuns::makespan_s),
        Figure::TimesFaster => 1.0 / ratio(TrialRuns::makespan_s),
        Figure::CallsSaved => 1.0 - ratio(TrialRuns::record_calls),
        Figure::AllCallsSaved => 1.0 - ratio(|runs| runs.mean(|run| run.calls as f64)),
        Figure::RefusedShare => run.refused_share(),
        Figure::RefusedRatio => ratio(TrialRuns::refused_share),
        Figure::Buffered => run.buffered(),
        Figure::BufferedRatio => ratio(TrialRuns::buffered),
        Figure::FailedShare => run.failed_share(),
        Figure::FailedRatio => ratio(TrialRuns::failed_share),
        Figure::AtRiskRatio => ratio(|runs| runs.at_risk),
        Figure::AccountTimeRatio => ratio(|runs| runs.makespan_s() / runs.accounts),
        Figure::Regret => run.cost_s() / least(TrialRuns::cost_s).min(run.cost_s()) - 1.0,
        Figure::SampleRegret => {
            let fastest =
                case.baselines.iter().min_by(|a, b| of(a).cost_s().total_cmp(&of(b).cost_s()))?;
            let cost_s = |trial: &Trial| of(&whole(trial)).cost_s();
            let best_s = case.baselines.iter().map(cost_s).fold(f64::INFINITY, f64::min);
            cost_s(fastest) / best_s - 1.0
        }
    };
    found.is_finite().then_some(found)
}
