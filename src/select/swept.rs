//! A sweep: for each case of a set, what every configuration costs there.

use super::case::Case;
use super::configuration::Portfolio;
use super::crew::in_order;
use super::lab::{Found, Lab};
use super::model::Work;
use super::objective::Goal;
use super::observed::Observed;
use neonbench_engine::audit::{Claims, compare};
use neonbench_engine::run::RunError;
use neonbench_engine::scenario::Scenario;

/// What is known of a case that selectors are fitted to.
#[derive(Clone, Debug)]
pub struct Swept {
    /// What a client can find out about the target.
    pub observed: Observed,
    /// What there is to do.
    pub work: Work,
    /// What each configuration costs.
    pub found: Found,
    /// Calls that were simulated for it.
    pub calls: u64,
}

/// Accounts that tell which share of them needs a write.
const TELLING: u64 = 2_000;

impl Work {
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

impl Swept {
    /// Sweeps one case over the seeds that begin with `first_seed`.
    pub fn new(case: &Case, goal: &Goal, first_seed: u64) -> Result<Self, RunError> {
        let mut lab = Lab::new(case, goal);
        let found = lab.search(first_seed)?;
        let observed = *lab.observed();
        Ok(Self { observed, work: Work::of(&case.scenario), found, calls: lab.calls })
    }

    /// How many times as much as the best of `portfolio` the configuration at `place` costs; `None`
    /// where nothing is allowed.
    pub fn ratio(&self, portfolio: Portfolio, place: usize) -> Option<f64> {
        let best = self.found.best[portfolio as usize]?;
        Some(self.found.costs[place] / self.found.costs[best])
    }
}

/// Sweeps every case.
pub(super) fn sweep(cases: &[Case], goal: &Goal, first_seed: u64) -> Result<Vec<Swept>, RunError> {
    in_order(cases, |case| Swept::new(case, goal, first_seed))
}

/// The configuration, by its place in the grid, with the lowest mean ratio to the best; `None`
/// without cases.
pub fn single_best(swept: &[Swept], portfolio: Portfolio) -> Option<usize> {
    let grid = super::configuration::grid();
    // What fails somewhere counts there as ten times the best.
    let mean = |place: usize| {
        let ratios = swept.iter().filter_map(|swept| swept.ratio(portfolio, place));
        let (mut sum, mut count) = (0.0, 0.0);
        for ratio in ratios {
            sum += if ratio.is_finite() { ratio } else { 10.0 };
            count += 1.0;
        }
        sum / f64::max(count, 1.0)
    };
    let held = (0..grid.len()).filter(|place| portfolio.holds(grid[*place].strategy));
    held.min_by(|a, b| mean(*a).total_cmp(&mean(*b))).filter(|_| !swept.is_empty())
}
