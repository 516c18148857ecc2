//! What the selector chooses for the report's migration, and how wrong it is on scenarios that its
//! calibration never saw.

use super::SuiteError;
use crate::report::evidence::SelectorSample;
use crate::select::case::{self, Case, HELD_OUT};
use crate::select::{
    Calibration, Choice, Goal, Observed, Portfolio, benches, judge, judgement, simulated_calls,
};
use neonbench_engine::scenario::Scenario;
use neonbench_engine::world::WallClock;

/// Of the held-out scenarios one in so many is judged: `neonbench evaluate` judges them all.
const ONE_IN: usize = 4;

/// Judges the shipped calibration, and asks it about `scenario`, whose profile it may know.
pub(super) fn selector(scenario: &Scenario) -> Result<SelectorSample, SuiteError> {
    let (calibration, goal) = (Calibration::shipped(), Goal::default());
    let observed = Observed::of(&scenario.profile);
    let Choice { configuration, reason } =
        calibration.decide(scenario, Some(&observed), &goal, Portfolio::Full);
    let clock = WallClock::start();
    let cases = case::read("the held-out set", HELD_OUT)?;
    let cases: Vec<Case> = cases.into_iter().step_by(ONE_IN).collect();
    let benches = benches(&cases, &goal)?;
    let verdicts = judge(&benches, &calibration, |_| true)?;
    let wall_s = clock.elapsed().as_secs_f64();
    Ok(SelectorSample {
        strategy: configuration.strategy,
        workers: configuration.workers,
        batch_size: configuration.batch_size,
        reason,
        one_in: ONE_IN as u64,
        judgement: judgement(&verdicts, simulated_calls(&benches), wall_s),
        verdicts,
    })
}
