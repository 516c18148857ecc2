//! The tools that all charts are drawn with, by plotters into strings of SVG. Where a chart would show nothing, there is
//! none.

pub(crate) mod canvas;
mod frame;
mod labels;

pub(crate) use canvas::{Anchor, Canvas, Font, Ink, LogScale, Point, Scale};
pub(crate) use frame::{Axis, AxisScale, Sides};
pub(crate) use labels::{Key, Labels, legend, spread};

use neonbench_engine::engine::Strategy;

/// `count` pieces of `size` px.
pub(crate) fn stacked(count: usize, size: i32) -> i32 {
    i32::try_from(count).expect("a chart has few rows") * size
}

/// The least and the largest of `values`, which are not below zero; reversed where there are none.
pub(crate) fn range(values: impl Iterator<Item = f64>) -> [f64; 2] {
    values.fold([f64::MAX, 0.0], |[low, high], value| [low.min(value), high.max(value)])
}

/// The number by which a strategy is drawn: its colour and its mark are the same in all charts.
pub(crate) const fn number_of(strategy: Strategy) -> u8 {
    match strategy {
        Strategy::Pipelined => 0,
        Strategy::Hybrid => 1,
        Strategy::Parallel => 2,
        Strategy::PutBatch => 3,
        Strategy::Standard => 4,
    }
}

/// A strategy in a legend.
pub(crate) const fn key_of(strategy: Strategy) -> (Key, &'static str) {
    (Key::Mark(number_of(strategy)), strategy.name())
}

/// Rows of names with something drawn for each: beside its name on a wide sheet, below it on a narrow one.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Rows {
    /// Height of a row, in px.
    pub(crate) height: i32,
    /// The ends of what is drawn, in px from the left.
    pub(crate) px: [i32; 2],
    /// Its middle, in px below the row's top.
    middle: i32,
}

impl Rows {
    /// For `names`, with `figures` px for what is written at the right.
    pub(crate) fn of<'a>(
        canvas: &Canvas<'_>,
        names: impl Iterator<Item = &'a str>,
        figures: i32,
    ) -> Self {
        if canvas.is_narrow() {
            return Self { height: 44, px: [8, canvas.width() - 8], middle: 28 };
        }
        let widest = names.map(|name| Font::Label.width(name)).max().unwrap_or_default();
        let px = [widest.min(260) + 20, canvas.width() - figures - 12];
        Self { height: 32, px, middle: 15 }
    }

    /// Writes the name of the row at `top`, and its figures at the right; gives its middle.
    pub(crate) fn draw(
        self,
        canvas: &Canvas<'_>,
        top: i32,
        (name, font): (&str, Font),
        figures: &str,
    ) -> i32 {
        let middle = top + self.middle;
        let line = if canvas.is_narrow() { top + 9 } else { middle };
        canvas.text(name, (0, line), Anchor::Left, font, Ink::Text);
        canvas.text(figures, (canvas.width(), line), Anchor::Right, Font::Small, Ink::Text);
        middle
    }
}
