//! Axes: titles with units, marks, and the lines between them.

use super::canvas::{Anchor, Canvas, Font, Ink, LogScale, Scale};

/// Where a value lies on an axis.
#[derive(Clone, Copy, Debug)]
pub(super) enum AxisScale {
    Linear(Scale),
    Log(LogScale),
}

impl AxisScale {
    pub(super) fn at(&self, value: f64) -> i32 {
        match self {
            Self::Linear(scale) => scale.at(value),
            Self::Log(scale) => scale.at(value),
        }
    }
}

/// One axis.
#[derive(Clone, Debug)]
pub(super) struct Axis {
    pub(super) title: String,
    pub(super) scale: AxisScale,
    pub(super) ticks: Vec<(f64, String)>,
}

/// The sides of a chart's inner part, in px.
#[derive(Clone, Copy, Debug)]
pub(super) struct Sides {
    pub(super) left: i32,
    pub(super) right: i32,
    pub(super) top: i32,
    pub(super) bottom: i32,
}

impl Axis {
    /// Times in seconds, on a logarithmic scale from a little below the least to a little above the
    /// largest.
    pub(super) fn times(title: &str, [low, high]: [f64; 2], px: [i32; 2]) -> Self {
        const MARKS: [(f64, &str); 22] = [
            (0.001, "1 ms"),
            (0.003, "3 ms"),
            (0.01, "10 ms"),
            (0.03, "30 ms"),
            (0.1, "0.1 s"),
            (0.3, "0.3 s"),
            (1.0, "1 s"),
            (3.0, "3 s"),
            (10.0, "10 s"),
            (30.0, "30 s"),
            (60.0, "1 min"),
            (180.0, "3 min"),
            (600.0, "10 min"),
            (1_800.0, "30 min"),
            (3_600.0, "1 h"),
            (10_800.0, "3 h"),
            (36_000.0, "10 h"),
            (86_400.0, "1 day"),
            (259_200.0, "3 days"),
            (864_000.0, "10 days"),
            (2_592_000.0, "30 days"),
            (7_776_000.0, "90 days"),
        ];
        let scale = LogScale::new(low / 1.25, high * 1.25, px);
        let ticks = MARKS
            .into_iter()
            .filter(|(value, _)| scale.spans(*value))
            .map(|(value, name)| (value, name.to_owned()))
            .collect();
        Self { title: title.to_owned(), scale: AxisScale::Log(scale), ticks }
    }

    /// Figures from 0 to `high` in about `marks` round steps; `name` is given a figure, and the digits
    /// behind the point that tell the steps apart.
    pub(super) fn linear(
        title: &str,
        high: f64,
        px: [i32; 2],
        marks: f64,
        name: impl Fn(f64, usize) -> String,
    ) -> Self {
        let scale = Scale::new(high, px);
        let high = scale.high();
        let rough = high / marks;
        let power = 10_f64.powf(rough.log10().floor());
        let step = [1.0, 2.0, 2.5, 5.0, 10.0].into_iter().find(|step| step * power >= rough);
        let step = step.unwrap_or(10.0) * power;
        let scaled = |digits: i32| step * 10_f64.powi(digits);
        let is_whole = |digits: &i32| (scaled(*digits) - scaled(*digits).round()).abs() < 1e-6;
        let digits = (0..9).find(is_whole).map_or(0, i32::unsigned_abs) as usize;
        let steps = (high / step).floor() as u32;
        let ticks = (0..=steps).map(|index| f64::from(index) * step);
        Self {
            title: title.to_owned(),
            scale: AxisScale::Linear(scale),
            ticks: ticks.map(|value| (value, name(value, digits))).collect(),
        }
    }

    pub(super) fn at(&self, value: f64) -> i32 {
        self.scale.at(value)
    }
}

impl Sides {
    /// Draws the lines, marks and titles of `across` (below) and `up` (at the left).
    pub(super) fn draw(&self, canvas: &Canvas<'_>, across: &Axis, up: &Axis) {
        let Self { left, right, top, bottom } = *self;
        for (value, name) in &up.ticks {
            let y = up.at(*value);
            canvas.line([(left, y), (right, y)], 1, Ink::Grid);
            canvas.text(name, (left - 8, y), Anchor::Right, Font::Small, Ink::Muted);
        }
        for (value, name) in &across.ticks {
            let x = across.at(*value);
            canvas.line([(x, top), (x, bottom)], 1, Ink::Grid);
            canvas.text(name, (x, bottom + 14), Anchor::Middle, Font::Small, Ink::Muted);
        }
        canvas.text(&up.title, (0, top - 16), Anchor::Left, Font::Small, Ink::Text);
        canvas.text(&across.title, (right, bottom + 34), Anchor::Right, Font::Small, Ink::Text);
    }
}
