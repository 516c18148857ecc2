//! Calibrates: fits the readable selector to a sweep of scenarios.

use super::calibration::{ByPortfolio, Calibration, inputs, signature};
use super::case::{Family, SelectorCase};
use super::judge::{LeftOut, PreparedCases, judge, judgement};
use super::sweep::{SweepResult, single_best};
use super::thresholds::Thresholds;
use crate::experiment::{Goal, Portfolio, grid};
use neon_mock::api::Endpoint;
use neon_mock::profile::LawName;
use neonbench_engine::run::RunError;

/// The readable selector and the single best, fitted to a sweep of the cases in the file `text`.
///
/// `None` where no case allows anything.
pub fn fit(swept: &[SweepResult], text: &str, goal: &Goal) -> Option<Calibration> {
    let grid = grid();
    let best = |portfolio| single_best(swept, portfolio).map(|place| grid[place]);
    Some(Calibration {
        schema: 1,
        signature: signature(),
        inputs: inputs(text, goal),
        goal: goal.clone(),
        single_best: ByPortfolio { guide: best(Portfolio::Guide)?, full: best(Portfolio::Full)? },
        thresholds: Thresholds::fit(swept),
    })
}

type CaseFilter = fn(&SelectorCase) -> bool;

/// Cases that a fit leaves out, and is then judged on, by name.
const HOLD_OUTS: [(&str, CaseFilter); 3] = [
    ("windows", |case| case.family == Family::Windows),
    ("uniform law", |case| case.law == Some(LawName::Uniform)),
    ("pools of 5", |case| case.scenario.profile.pool(Endpoint::GetAccount) == Some(5)),
];

/// Regrets of selectors that were fitted without one regime, one law or one pool size, on the cases
/// that have it.
///
/// Errors: a run could not be made.
pub fn left_out(
    cases: &[SelectorCase],
    swept: &[SweepResult],
    text: &str,
    prepared: &PreparedCases<'_>,
    goal: &Goal,
) -> Result<Vec<LeftOut>, RunError> {
    let mut rows = Vec::new();
    for (name, is_meant) in HOLD_OUTS {
        let seen = cases.iter().zip(swept).filter(|(case, _)| !is_meant(case));
        let seen: Vec<SweepResult> = seen.map(|(_, swept)| swept.clone()).collect();
        let Some(calibration) = fit(&seen, text, goal) else { continue };
        let judged = judgement(&judge(prepared, &calibration, is_meant)?, 0, 0.0);
        let of_all = judged.selectors.into_iter().filter(|row| row.family == "all");
        rows.extend(of_all.map(|row| LeftOut { left_out: name.to_owned(), row }));
    }
    Ok(rows)
}
