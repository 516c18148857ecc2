//! The decision map: over accounts and mappings, which of the guide's strategies wins, what the
//! guide's rule chooses there, and what ours does.

use super::calibration::{Calibration, ChoiceRequest};
use super::case::SelectorCase;
use super::guide_choice;
use super::rehearsal::{CandidateSet, Rehearsal, Search, round};
use super::target::KnownTarget;
use crate::experiment::{Candidate, Goal, Portfolio, parallel_map, seeds, times_as_much};
use neonbench_engine::engine::{DEFAULT_BATCH_SIZE, Strategy};
use neonbench_engine::run::RunError;
use neonbench_engine::scenario::Scenario;
use serde::{Deserialize, Serialize};

/// The search of a cell: few runs, and those are ended that take a quarter longer than the best.
const QUICK: Search = Search {
    rounds: &[round(0.34, 1.25), round(1.0, 1.0)],
    calls: 1,
    runs: (3, 3),
    hopeless: 1.25,
};

/// Runs that the choices of a cell are judged by.
const JUDGE_RUNS: u64 = 4;

/// Workers of the candidates, those of the documented pool first: a good one makes bad ones end soon.
const WORKERS: [u32; 10] = [5, 6, 4, 7, 3, 8, 2, 9, 10, 1];

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
    pub best: Candidate,
    /// Its cost, in seconds.
    pub best_s: f64,
    /// The choice of the guide's rule.
    pub guide: Candidate,
    /// Its cost as a multiple of the best.
    pub guide_ratio: f64,
    /// Our choice among the guide's strategies.
    pub ours: Candidate,
    /// Its cost as a multiple of the best.
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
    let cases: Vec<SelectorCase> = scenarios.into_iter().map(SelectorCase::new).collect();
    let cells = parallel_map(&cases, |case| cell(case, calibration, goal))?;
    Ok(DecisionMap { profile, cells })
}

fn cell(case: &SelectorCase, calibration: &Calibration, goal: &Goal) -> Result<MapCell, RunError> {
    let scenario = &case.scenario;
    let (resources, mappings) = (scenario.expected_resources(), scenario.mappings());
    let target = KnownTarget::of(&scenario.profile);
    let field = CandidateSet {
        candidates: candidates(),
        joining: Vec::new(),
        portfolios: &[Portfolio::Guide],
    };
    let mut search = Rehearsal::new(scenario, target.clone(), goal);
    let found = search.search(&field, &QUICK, &seeds::MAP_SEARCH)?;
    let guide = guide_choice(resources, mappings);
    let decided =
        calibration.decide(ChoiceRequest::new(scenario, goal), Some(&target), Portfolio::Guide);
    let ours = decided.candidate;
    let found = found.best[Portfolio::Guide as usize].map_or(ours, |(candidate, _)| candidate);
    let mut judged = Rehearsal::whole(scenario, goal);
    let mut cost = |candidate| judged.cost(&candidate, seeds::first(&seeds::MAP_JUDGE, JUDGE_RUNS));
    let (found_s, guide_s, ours_s) = (cost(found)?, cost(guide)?, cost(ours)?);
    let judged = [(found, found_s), (ours, ours_s), (guide, guide_s)];
    let (best, best_s) =
        judged.into_iter().min_by(|a, b| a.1.total_cmp(&b.1)).expect("there are three");
    Ok(MapCell {
        resources,
        mappings: mappings as u32,
        best,
        best_s,
        guide,
        guide_ratio: times_as_much(guide_s, best_s),
        ours,
        ours_ratio: times_as_much(ours_s, best_s),
    })
}

/// The guide's strategies with their workers, and with batches of two sizes a worker: one in which
/// workers rarely wait for one another at the end, and one as large as the guide's.
fn candidates() -> Vec<Candidate> {
    let mut all = Vec::new();
    for workers in WORKERS {
        for batch in [1, 10] {
            all.push(Candidate::new(Strategy::Hybrid, workers, workers * batch));
        }
    }
    all.push(Candidate::new(Strategy::PutBatch, 1, DEFAULT_BATCH_SIZE));
    for workers in WORKERS {
        all.push(Candidate::new(Strategy::Parallel, workers, DEFAULT_BATCH_SIZE));
    }
    all.push(Candidate::new(Strategy::Standard, 1, DEFAULT_BATCH_SIZE));
    all
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
