//! Sweeps of a set of cases: the cost of every candidate in each.

use super::case::SelectorCase;
use super::features::TargetFeatures;
use super::rehearsal::{BestFound, CandidateSet, Rehearsal, Search, THOROUGH};
use super::target::KnownTarget;
use crate::experiment::{Goal, Portfolio, grid, parallel_map, seeds, times_as_much};
use crate::stats::mean;
use neonbench_engine::run::RunError;

/// The search of a case that a readable rule is fitted to: the rule is coarser than its noise.
const SWEEP: Search = Search { calls: 1_500, runs: (2, 20), ..THOROUGH };

/// A swept case, which selectors are fitted to.
#[derive(Clone, Debug)]
pub struct SweepResult {
    /// Features of the target.
    pub features: TargetFeatures,
    /// Accounts.
    pub resources: u64,
    /// Mappings.
    pub mappings: u64,
    /// Cost of each candidate of the grid.
    pub found: BestFound,
    /// Calls that were simulated for it.
    pub calls: u64,
}

impl SweepResult {
    fn new(case: &SelectorCase, goal: &Goal) -> Result<Self, RunError> {
        let scenario = &case.scenario;
        let target = KnownTarget::of(&scenario.profile);
        let mut rehearsal = Rehearsal::new(scenario, target, goal);
        let found = rehearsal.search(&whole_grid(), &SWEEP, &seeds::FIT)?;
        Ok(Self {
            features: TargetFeatures::of(&scenario.profile),
            resources: scenario.expected_resources(),
            mappings: scenario.mappings() as u64,
            found,
            calls: rehearsal.calls,
        })
    }

    /// Cost of the candidate at `place` as a multiple of the best of `portfolio`; `None` where nothing
    /// is allowed.
    pub fn ratio(&self, portfolio: Portfolio, place: usize) -> Option<f64> {
        let (_, least) = self.found.best[portfolio as usize]?;
        Some(times_as_much(self.found.costs_s[place], least))
    }
}

/// Every candidate, for the best of each portfolio.
pub(super) fn whole_grid() -> CandidateSet {
    CandidateSet { candidates: grid(), joining: Vec::new(), portfolios: &Portfolio::ALL }
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
    let held = (0..grid.len()).filter(|place| portfolio.holds(&grid[*place]));
    held.min_by(|a, b| mean_ratio(*a).total_cmp(&mean_ratio(*b))).filter(|_| !swept.is_empty())
}
