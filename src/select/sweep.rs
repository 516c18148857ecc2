//! Sweeps of a set of cases: the cost of every candidate in each.

use super::case::SelectorCase;
use super::features::TargetFeatures;
use super::model::JobFeatures;
use super::simulation_cache::{BestFound, SimulationCache, THOROUGH};
use crate::experiment::{Goal, Portfolio, grid, parallel_map, seeds, times_as_much};
use crate::stats::mean;
use neonbench_engine::audit::{Claims, compare};
use neonbench_engine::run::RunError;
use neonbench_engine::scenario::Scenario;

/// A swept case, which selectors are fitted to.
#[derive(Clone, Debug)]
pub struct SweepResult {
    /// Features of the target.
    pub features: TargetFeatures,
    /// Features of the job.
    pub work: JobFeatures,
    /// Cost of each candidate of the grid.
    pub found: BestFound,
    /// Calls that were simulated for it.
    pub calls: u64,
}

/// Accounts that tell which share of them needs a write.
const TELLING: u64 = 2_000;

impl JobFeatures {
    /// That of `scenario`: how many accounts there are, and which share of them needs a write.
    pub fn of(scenario: &Scenario) -> Self {
        let resources = scenario.expected_resources() as f64;
        // Any seed has nearly the same share, and any part of an organisation.
        let part = scenario.part(TELLING);
        let comparison = compare(&part, &part.neon(1), Claims::None, &mut |_| {});
        let selected = comparison.selected.max(1) as f64;
        Self {
            resources,
            mappings: scenario.mappings() as f64,
            changing: comparison.changing as f64 / selected,
        }
    }
}

impl SweepResult {
    fn new(case: &SelectorCase, goal: &Goal) -> Result<Self, RunError> {
        let mut cache = SimulationCache::new(case, goal);
        let found = cache.search(&grid(), &THOROUGH, seeds::FIT.start)?;
        let (features, work) = (cache.features, JobFeatures::of(&case.scenario));
        Ok(Self { features, work, found, calls: cache.calls })
    }

    /// Cost of the candidate at `place` as a multiple of the best of `portfolio`; `None` where nothing
    /// is allowed.
    pub fn ratio(&self, portfolio: Portfolio, place: usize) -> Option<f64> {
        let best = self.found.best[portfolio as usize]?;
        Some(times_as_much(self.found.costs[place], self.found.costs[best]))
    }
}

/// Sweeps `cases` for a fit.
///
/// Errors: a run could not be made.
pub fn swept(cases: &[SelectorCase], goal: &Goal) -> Result<Vec<SweepResult>, RunError> {
    parallel_map(cases, |case| SweepResult::new(case, goal))
}

/// The configuration, by its place in the grid, with the lowest mean ratio to the best; `None`
/// without cases.
pub fn single_best(swept: &[SweepResult], portfolio: Portfolio) -> Option<usize> {
    let grid = grid();
    // A failure counts as ten times the best.
    let mean_ratio = |place: usize| {
        let ratios = swept.iter().filter_map(|swept| swept.ratio(portfolio, place));
        mean(ratios.map(|ratio| if ratio.is_finite() { ratio } else { 10.0 }))
    };
    let held = (0..grid.len()).filter(|place| portfolio.holds(grid[*place].strategy));
    held.min_by(|a, b| mean_ratio(*a).total_cmp(&mean_ratio(*b))).filter(|_| !swept.is_empty())
}
