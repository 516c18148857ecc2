//! The selector's choice for the report's migration, and its regret on scenarios that its
//! calibration never saw.

use super::SuiteError;
use crate::experiment::{Goal, Portfolio};
use crate::report::evidence::SelectorSample;
use crate::select::case::{self, HELD_OUT, SelectorCase};
use crate::select::{
    Calibration, StrategyChoice, TargetFeatures, judge, judgement, prepared_cases, simulated_calls,
};
use neonbench_engine::scenario::Scenario;
use neonbench_engine::world::WallClock;

/// Of the held-out scenarios one in so many is judged: `neonbench evaluate` judges them all.
const ONE_IN: usize = 4;

/// Judges the shipped calibration, and asks it about `scenario`, whose profile it may know.
pub(super) fn selector(scenario: &Scenario) -> Result<SelectorSample, SuiteError> {
    let (calibration, goal) = (Calibration::shipped(), Goal::default());
    let features = TargetFeatures::of(&scenario.profile);
    let StrategyChoice { candidate, reason } =
        calibration.decide(scenario, Some(&features), &goal, Portfolio::Full);
    let clock = WallClock::start();
    let cases = case::read("the held-out set", HELD_OUT)?;
    let cases: Vec<SelectorCase> = cases.into_iter().step_by(ONE_IN).collect();
    let prepared = prepared_cases(&cases, &goal)?;
    let verdicts = judge(&prepared, &calibration, |_| true)?;
    let wall_s = clock.elapsed().as_secs_f64();
    Ok(SelectorSample {
        strategy: candidate.strategy,
        workers: candidate.workers,
        batch_size: candidate.batch_size,
        reason,
        one_in: ONE_IN as u64,
        judgement: judgement(&verdicts, simulated_calls(&prepared), wall_s),
        verdicts,
    })
}
