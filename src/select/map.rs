//! The decision map: over accounts and mappings, which of the guide's strategies wins, what the
//! guide's rule chooses there, and what ours does.

use super::calibration::Calibration;
use super::case::Case;
use super::configuration::{Configuration, MAX_WORKERS, Portfolio};
use super::crew::in_order;
use super::guide_choice;
use super::lab::Lab;
use super::objective::Goal;
use neonbench_engine::engine::Strategy;
use neonbench_engine::run::RunError;
use neonbench_engine::scenario::Scenario;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::time::Duration;

/// Seed of the first run of the search for the best, and how many runs decide it.
const SEARCH_SEED: u64 = 8_000_001;
const SEARCH_RUNS: u64 = 3;

/// Seed of the first run that the choices are judged by, and how many there are.
const JUDGE_SEED: u64 = 8_100_001;
const JUDGE_RUNS: u64 = 4;

/// What costs so many times as much as the least after one run is given up, before its end if need be:
/// nothing costs less than its makespan.
const PLAINLY_DEARER: f64 = 1.25;

/// Workers that are tried, those of the documented pool first: the sooner a good one is known, the
/// sooner a bad one is given up.
const WORKERS: [u32; MAX_WORKERS as usize] = [5, 6, 4, 7, 3, 8, 2, 9, 10, 1];

/// The map of one profile.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, schemars::JsonSchema)]
pub struct DecisionMap {
    /// The profile.
    pub profile: String,
    /// Its cells: for each number of mappings those of each number of accounts.
    pub cells: Vec<MapCell>,
}

/// One size of a migration.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, schemars::JsonSchema)]
pub struct MapCell {
    /// Accounts.
    pub resources: u64,
    /// Mappings of each.
    pub mappings: u32,
    /// The best that was found.
    pub best: Configuration,
    /// What it costs, in seconds.
    pub best_s: f64,
    /// The choice of the guide's rule.
    pub guide: Configuration,
    /// How many times as much as the best it costs.
    pub guide_ratio: f64,
    /// Our choice among the guide's strategies.
    pub ours: Configuration,
    /// How many times as much as the best it costs.
    pub ours_ratio: f64,
}

/// The map over `scenarios`, which differ in accounts and mappings alone; in their order.
///
/// The best is searched on some seeds; it and the choices are then judged on others, and the least of
/// the three is the best. Errors: a run could not be made.
pub fn map(
    scenarios: Vec<Scenario>,
    calibration: &Calibration,
    goal: &Goal,
) -> Result<DecisionMap, RunError> {
    let profile = scenarios.first().map_or_else(String::new, |it| it.profile.name().to_owned());
    let cases: Vec<Case> = scenarios.into_iter().map(Case::new).collect();
    let cells = in_order(&cases, |case| cell(case, calibration, goal))?;
    Ok(DecisionMap { profile, cells })
}

fn cell(case: &Case, calibration: &Calibration, goal: &Goal) -> Result<MapCell, RunError> {
    let scenario = &case.scenario;
    let (resources, mappings) = (scenario.expected_resources(), scenario.mappings());
    let mut lab = Lab::new(case, goal);
    let found = search(&mut lab)?;
    let guide = guide_choice(resources, mappings);
    let observed = *lab.observed();
    let ours = calibration.decide(scenario, Some(&observed), goal, Portfolio::Guide).configuration;
    let mut cost = |configuration| -> Result<f64, RunError> {
        Ok(lab.estimate(configuration, JUDGE_SEED..JUDGE_SEED + JUDGE_RUNS)?.cost)
    };
    let (found_s, guide_s, ours_s) = (cost(&found)?, cost(&guide)?, cost(&ours)?);
    let candidates = [(found, found_s), (ours, ours_s), (guide, guide_s)];
    let (best, best_s) =
        candidates.into_iter().min_by(|a, b| a.1.total_cmp(&b.1)).expect("there are three");
    Ok(MapCell {
        resources,
        mappings: mappings as u32,
        best,
        best_s,
        guide,
        guide_ratio: guide_s / best_s,
        ours,
        ours_ratio: ours_s / best_s,
    })
}

/// The guide's strategies with their workers, and with batches of two sizes a worker: one in which
/// workers rarely wait for one another at the end, and one as large as the guide's.
fn candidates() -> Vec<Configuration> {
    let mut all = Vec::new();
    for workers in WORKERS {
        for batch in [1, 10] {
            let batch_size = workers * batch;
            all.push(Configuration { strategy: Strategy::Hybrid, workers, batch_size });
        }
    }
    all.push(Configuration { strategy: Strategy::PutBatch, workers: 1, batch_size: 50 });
    for workers in WORKERS {
        all.push(Configuration { strategy: Strategy::Parallel, workers, batch_size: 50 });
    }
    all.push(Configuration { strategy: Strategy::Standard, workers: 1, batch_size: 50 });
    all
}

/// The cheapest candidate; of those that behave alike the first.
fn search(lab: &mut Lab<'_>) -> Result<Configuration, RunError> {
    let mut distinct = BTreeMap::new();
    let candidates = candidates();
    for (place, configuration) in candidates.iter().enumerate() {
        distinct.entry(lab.behaviour(configuration)).or_insert(place);
    }
    let mut places: Vec<usize> = distinct.into_values().collect();
    places.sort_unstable();
    let goal = lab.goal();
    let mut racing = Vec::new();
    let mut least = f64::INFINITY;
    for place in places {
        let bound = least.is_finite().then(|| Duration::from_secs_f64(PLAINLY_DEARER * least));
        let sample = lab.sample(&candidates[place], SEARCH_SEED, bound)?;
        if !sample.hopeless {
            let cost = goal.objective.of(&sample);
            least = least.min(cost);
            racing.push((candidates[place], cost));
        }
    }
    racing.retain(|(_, cost)| *cost <= PLAINLY_DEARER * least);
    let mut best = (racing[0].0, f64::INFINITY);
    for (configuration, _) in racing {
        let cost = lab.estimate(&configuration, SEARCH_SEED..SEARCH_SEED + SEARCH_RUNS)?.cost;
        if cost < best.1 {
            best = (configuration, cost);
        }
    }
    Ok(best.0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use neonbench_engine::scenario::Workload;

    #[test]
    fn beyond_one_mapping_batches_side_by_side_win_and_no_ratio_is_below_one() {
        let scenario = |resources, mappings| {
            let profile = Some(Scenario::profile("constant").unwrap());
            let (resources, mappings) = (Some(resources), Some(mappings));
            Scenario::new(Workload { profile, resources, mappings, ..Workload::default() }).unwrap()
        };
        let scenarios = vec![scenario(20, 2), scenario(60, 2)];
        let map = map(scenarios, &Calibration::shipped(), &Goal::default()).unwrap();
        assert_eq!(map.profile, "constant");
        let [small, large] = map.cells.as_slice() else { panic!("two cells") };
        assert_eq!((small.resources, small.mappings), (20, 2));
        // The rule names the strategies that send one call after another, or two calls a mapping.
        assert_eq!(small.guide.strategy, Strategy::Parallel);
        assert_eq!(large.guide.strategy, Strategy::PutBatch);
        for cell in [small, large] {
            assert_eq!(cell.best.strategy, Strategy::Hybrid, "{cell:?}");
            assert!(cell.guide_ratio > 1.5, "{cell:?}");
            assert!((1.0..1.05).contains(&cell.ours_ratio), "{cell:?}");
        }
        // One call after another against a pool of five: five times as long, but for the look-up.
        assert!((4.0..5.5).contains(&large.guide_ratio), "{large:?}");
    }
}
