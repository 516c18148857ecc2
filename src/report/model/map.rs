//! The decision map: the best, the guide's choice and ours, over accounts and mappings.

use super::distinct;
use crate::experiment::Candidate;
use crate::select::{DecisionMap, MapCell};
use crate::text::sig3;
use neonbench_engine::engine::Strategy;
use serde::Serialize;

/// A choice up to this ratio to the best's cost counts as good as the best.
pub(crate) const AS_GOOD: f64 = 1.05;

/// The decision map.
#[derive(Clone, Debug, PartialEq, Serialize, schemars::JsonSchema)]
pub struct MapModel {
    /// Its result, in words.
    pub title: String,
    /// The profile.
    pub profile: String,
    /// Numbers of accounts, in order.
    pub resources: Vec<u64>,
    /// Numbers of mappings, in order.
    pub mappings: Vec<u32>,
    /// Mean of (cost of the guide's choice ÷ cost of the best).
    pub guide_mean: f64,
    /// The same for our choice.
    pub ours_mean: f64,
    /// One per size.
    pub cells: Vec<MapRow>,
}

/// One size.
#[derive(Clone, Debug, PartialEq, Serialize, schemars::JsonSchema)]
#[allow(missing_docs, reason = "as in `MapCell`")]
pub struct MapRow {
    pub resources: u64,
    pub mappings: u32,
    pub best_s: f64,
    pub best: MapChoice,
    pub guide: MapChoice,
    pub ours: MapChoice,
}

/// The choice for a size.
#[derive(Clone, Debug, PartialEq, Serialize, schemars::JsonSchema)]
pub struct MapChoice {
    /// The strategy.
    pub strategy: Strategy,
    /// With workers and batch size, in words.
    pub name: String,
    /// Its cost ÷ the best's cost.
    pub ratio: f64,
}

impl MapModel {
    pub(super) fn new(map: &DecisionMap) -> Self {
        let resources = distinct(map.cells.iter().map(|cell| cell.resources));
        let mappings = distinct(map.cells.iter().map(|cell| cell.mappings));
        let mean = |of: fn(&MapCell) -> f64| {
            map.cells.iter().map(of).sum::<f64>() / map.cells.len().max(1) as f64
        };
        let (guide_mean, ours_mean) = (mean(|cell| cell.guide_ratio), mean(|cell| cell.ours_ratio));
        let title = format!(
            "{}; the guide's rule costs {} times the best on average, auto {} times",
            winners(map),
            sig3(guide_mean),
            sig3(ours_mean)
        );
        let cells = map.cells.iter().map(MapRow::new).collect();
        let profile = map.profile.clone();
        Self { title, profile, resources, mappings, guide_mean, ours_mean, cells }
    }
}

/// `hybrid wins everywhere`, `hybrid wins in 60 of 63 sizes`.
fn winners(map: &DecisionMap) -> String {
    let wins = |strategy| map.cells.iter().filter(|cell| cell.best.strategy == strategy).count();
    let ranked = Strategy::GUIDE.into_iter().map(|strategy| (wins(strategy), strategy));
    let (most, strategy) = ranked.max_by_key(|(wins, _)| *wins).expect("there are four");
    match map.cells.len() {
        all if all == most => format!("{strategy} wins everywhere"),
        all => format!("{strategy} wins in {most} of {all} sizes"),
    }
}

impl MapRow {
    fn new(cell: &MapCell) -> Self {
        let choice = |configuration: &Candidate, ratio| MapChoice {
            strategy: configuration.strategy,
            name: configuration.to_string(),
            ratio,
        };
        Self {
            resources: cell.resources,
            mappings: cell.mappings,
            best_s: cell.best_s,
            best: choice(&cell.best, 1.0),
            guide: choice(&cell.guide, cell.guide_ratio),
            ours: choice(&cell.ours, cell.ours_ratio),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::fixture::evidence;

    #[test]
    fn the_title_says_what_choosing_so_costs() {
        let model = MapModel::new(&evidence().map.unwrap());
        assert_eq!(
            model.title,
            "hybrid wins everywhere; the guide's rule costs 4.00 times the best on average, auto 1.00 times"
        );
        let mut map = evidence().map.unwrap();
        map.cells[1].best.strategy = Strategy::Parallel;
        map.cells.push(map.cells[0].clone());
        assert!(MapModel::new(&map).title.starts_with("hybrid wins in 2 of 3 sizes; "));
        assert_eq!((model.resources, model.mappings), (vec![50, 500], vec![8]));
        assert_eq!(model.cells[0].guide.name, "parallel, 5 workers");
    }
}
