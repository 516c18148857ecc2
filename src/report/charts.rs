//! The report's charts: model -> SVG, drawn by plotters into strings.

mod canvas;
mod histograms;
mod implied;
mod limit;
mod makespans;

pub use histograms::histograms;
pub use implied::implied;
pub use limit::limit;
pub use makespans::makespans;

use canvas::{Canvas, Ink, LogScale, Side, Size};

/// Width of all charts, in px.
const WIDTH: u32 = 960;

/// Where the names of rows end and their marks begin, in px.
const NAMES: i32 = 150;

/// Height of one row, in px.
const ROW: i32 = 30;

/// Draws the upright lines of `ticks`, and their labels below.
fn ticks(
    canvas: &Canvas<'_>,
    scale: &LogScale,
    [top, bottom]: [i32; 2],
    ticks: &[(f64, &str)],
    size: Size,
) {
    for (value, label) in ticks {
        let x = scale.at(*value);
        canvas.line([(x, top), (x, bottom)], 1, Ink::Grid);
        canvas.text(label, (x, bottom + 14), Side::Middle, size, Ink::Muted);
    }
}
