//! The decision map: which strategy wins, and what the choices cost.

mod chart;
mod run;

pub(crate) use chart::map;
pub(crate) use run::run;

use crate::select::{DecisionMap, MapCell};
use crate::stats::mean;
use crate::text::sig3;
use neonbench_engine::engine::Strategy;

/// The winners, and the price of choosing so, in words.
pub(crate) fn title(map: &DecisionMap) -> String {
    let mean = |of: fn(&MapCell) -> f64| sig3(mean(map.cells.iter().map(of)));
    format!(
        "Among the guide's strategies {}; the guide's rule costs {} times the best on average, auto {} times",
        winners(map),
        mean(|cell| cell.guide_ratio),
        mean(|cell| cell.ours_ratio)
    )
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::fixture::evidence;

    #[test]
    fn the_title_says_what_choosing_so_costs() {
        let mut map = evidence().map.unwrap();
        assert_eq!(
            title(&map),
            "Among the guide's strategies hybrid wins everywhere; the guide's rule costs 4.00 times the best on average, auto 1.00 times"
        );
        map.cells[1].best.strategy = Strategy::Parallel;
        map.cells.push(map.cells[0].clone());
        assert!(
            title(&map).starts_with("Among the guide's strategies hybrid wins in 2 of 3 sizes; ")
        );
    }
}
