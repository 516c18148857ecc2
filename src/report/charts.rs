//! The report's charts: model -> SVG, drawn by plotters into strings.

mod canvas;
mod frame;
mod histograms;
mod implied;
mod limit;
mod makespans;
mod pareto;
mod pools;
mod scaling;
mod shares;
mod spectrum;
mod surface;
mod timeline;

pub use histograms::histograms;
pub use implied::implied;
pub use limit::limit;
pub use makespans::makespans;
pub use pareto::pareto;
pub use pools::pools;
pub use scaling::scaling;
pub use shares::shares;
pub use spectrum::spectrum;
pub use surface::surface;
pub use timeline::timeline;

use crate::engine::Strategy;
use canvas::{Anchor, Canvas, Ink, LogScale, Size};

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
