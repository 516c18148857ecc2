//! All runs of which one migration is decided.

use super::answer::ServiceTimeBasis;
use super::whatif::{grid, pools, scaling, surface};
use super::{Decision, risks, timeline};
use crate::neon_import::ImportCost;
use crate::report::shared::SuiteError;
use crate::report::shared::exploration::Exploration;
use neon_mock::api::Endpoint;
use neonbench_engine::engine::Strategy;
use neonbench_engine::scenario::Scenario;

/// Runs every strategy on the workload, and variants of it, all in virtual time.
///
/// `tell` hears what is being done. Errors: a run could not be made; what a run found is in its record.
pub fn explore(
    exploration: &Exploration<'_>,
    tell: &mut dyn FnMut(&str),
) -> Result<Decision, SuiteError> {
    let workload = exploration.workload;
    let scenario = Scenario::new(workload.clone())?;
    let ranked = exploration.league(&scenario, tell)?;
    let best = ranked.explored();
    tell("the best strategy over time, and under other pools");
    let timeline = timeline::run(exploration, &scenario, best)?;
    let pools = pools::run(exploration, &scenario, best)?;
    tell("growing organisations");
    let scaling = scaling::run(exploration, &scenario)?;
    tell("workers and batch sizes");
    let varied = exploration.varied(&scenario);
    // The page shows it of the best alone.
    let surface = match best {
        Strategy::Hybrid => surface::run(exploration, &varied)?,
        _ => Vec::new(),
    };
    let grid = grid::run(exploration, &varied)?;
    let resources = ranked.resources;
    Ok(Decision {
        pool: scenario.profile.pool(Endpoint::PatchAccount),
        neon_import: ImportCost::of(&scenario, (exploration.settings)(best).seed),
        service_times: Some(ServiceTimeBasis::of(&scenario.profile)),
        varied_accounts: varied.sample.unwrap_or(resources),
        timeline,
        surface,
        scaling,
        pools,
        grid,
        ..ranked
    })
}

impl Exploration<'_> {
    /// Runs every strategy on `scenario`, without variants.
    ///
    /// Errors: a run could not be made.
    pub fn league(
        &self,
        scenario: &Scenario,
        tell: &mut dyn FnMut(&str),
    ) -> Result<Decision, SuiteError> {
        let mut league = Vec::new();
        for strategy in Strategy::ALL {
            tell(&format!("every strategy: {strategy}"));
            let mut runs = self.strategy_runs(scenario, strategy)?;
            runs.findings = risks::run(self, scenario, &runs)?;
            league.push(runs);
        }
        Ok(Decision::of(league, self.goal.clone()))
    }
}
