//! The selector's choice for the report's migration, and its regret on scenarios that its
//! calibration never saw.

use super::SelectorSample;
use crate::experiment::{Goal, Portfolio};
use crate::report::shared::SuiteError;
use crate::select::case;
use crate::select::{
    Calibration, ChoiceRequest, Knowledge, KnownTarget, StrategyChoice, judge, judgement,
    prepared_cases, simulated_calls,
};
use neonbench_engine::scenario::Scenario;
use neonbench_engine::world::WallClock;

/// Judges the shipped calibration, and asks it about `scenario`, whose profile it may know.
pub(crate) fn run(scenario: &Scenario) -> Result<SelectorSample, SuiteError> {
    let (calibration, goal) = (Calibration::shipped(), Goal::default());
    let target = KnownTarget::of(&scenario.profile);
    let StrategyChoice { candidate, reason, .. } =
        calibration.decide(ChoiceRequest::new(scenario, &goal), Some(&target), Portfolio::Full);
    let clock = WallClock::start();
    let cases = case::held_out_sample();
    let prepared = prepared_cases(&cases, &[Knowledge::Known, Knowledge::Nothing], &goal)?;
    let verdicts = judge(&prepared, &calibration, |_| true)?;
    let wall_s = clock.elapsed().as_secs_f64();
    Ok(SelectorSample {
        strategy: candidate.strategy,
        workers: candidate.workers,
        batch_size: candidate.batch_size,
        reason,
        one_in: case::SAMPLE as u64,
        judgement: judgement(&verdicts, simulated_calls(&prepared), wall_s),
        verdicts,
    })
}
