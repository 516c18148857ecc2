//! The report's charts: model -> SVG, drawn by plotters into strings.

mod batches;
mod canvas;
mod forecasts;
mod frame;
mod histograms;
mod implied;
mod limit;
mod makespans;
mod map;
mod pareto;
mod pools;
mod regrets;
mod scaling;
mod shares;
mod spectrum;
mod surface;
mod timeline;

pub use batches::batches;
pub use forecasts::forecasts;
pub use histograms::histograms;
pub use implied::implied;
pub use limit::limit;
pub use makespans::makespans;
pub use map::map;
pub use pareto::pareto;
pub use pools::pools;
pub use regrets::regrets;
pub use scaling::scaling;
pub use shares::shares;
pub use spectrum::spectrum;
pub use surface::surface;
pub use timeline::timeline;

use canvas::{Anchor, Canvas, Ink, LogScale, Size};
use neonbench_engine::engine::Strategy;

/// Width of all charts, in px.
const WIDTH: i32 = 960;

/// Where the names of rows end and their marks begin, in px.
const NAMES: i32 = 112;

/// Height of one row, in px.
const ROW: i32 = 30;

/// `count` pieces of `size` px.
fn stacked(count: usize, size: i32) -> i32 {
    i32::try_from(count).expect("a chart has few rows") * size
}

/// The number by which a strategy is drawn: its colour and its mark are the same in all charts.
const fn number_of(strategy: Strategy) -> u8 {
    match strategy {
        Strategy::Pipelined => 0,
        Strategy::Hybrid => 1,
        Strategy::Parallel => 2,
        Strategy::PutBatch => 3,
        Strategy::Standard => 4,
    }
}

/// What a scale's marks stand for, and how they are named.
type Ticks = [(f64, &'static str)];

/// Draws the upright lines of `ticks` from top to bottom.
fn lines(canvas: &Canvas<'_>, scale: &LogScale, [top, bottom]: [i32; 2], ticks: &Ticks) {
    for (value, _) in ticks {
        let x = scale.at(*value);
        canvas.line([(x, top), (x, bottom)], 1, Ink::Grid);
    }
}

/// Writes the names of `ticks` below `bottom`.
fn labels(canvas: &Canvas<'_>, scale: &LogScale, bottom: i32, ticks: &Ticks) {
    for (value, name) in ticks {
        canvas.text(name, (scale.at(*value), bottom + 14), Anchor::Middle, Size::Small, Ink::Muted);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::fixture::evidence;
    use crate::report::model::Model;

    #[test]
    fn charts_of_choices_look_as_they_should() {
        let model = Model::new(&evidence());
        insta::assert_snapshot!("choices_map", map(model.map.as_ref().unwrap()));
        insta::assert_snapshot!("choices_batches", batches(model.batches.as_ref().unwrap()));
        let of_cases = model.regrets.as_ref().unwrap();
        insta::assert_snapshot!("choices_regrets", regrets(of_cases));
        insta::assert_snapshot!("choices_forecasts", forecasts(of_cases));
    }

    #[test]
    fn charts_of_nothing_are_empty_and_do_not_panic() {
        let mut evidence = evidence();
        evidence.map.as_mut().unwrap().cells.clear();
        evidence.batches.as_mut().unwrap().points.clear();
        for verdict in &mut evidence.selector.as_mut().unwrap().verdicts {
            (verdict.costs, verdict.best, verdict.forecast) = ([None; 2], [None; 2], None);
        }
        let model = Model::new(&evidence);
        let of_cases = model.regrets.as_ref().unwrap();
        let (map, batches) = (map(&model.map.unwrap()), batches(&model.batches.unwrap()));
        for svg in [map, batches, regrets(of_cases), forecasts(of_cases)] {
            assert!(svg.starts_with("<svg") && svg.ends_with("</svg>\n"), "{svg}");
        }
    }
}
