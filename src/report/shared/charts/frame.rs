//! Axes: titles with units, round marks that do not collide, and the lines between them.

use super::canvas::{Anchor, Canvas, Font, Ink, LogScale, Scale};

/// Where a value lies on an axis.
#[derive(Clone, Copy, Debug)]
pub(crate) enum AxisScale {
    Linear(Scale),
    Log(LogScale),
}

impl AxisScale {
    pub(crate) fn at(&self, value: f64) -> i32 {
        match self {
            Self::Linear(scale) => scale.at(value),
            Self::Log(scale) => scale.at(value),
        }
    }

    /// Where the scale ends, in px.
    fn end(&self) -> i32 {
        self.at(f64::MAX)
    }
}

/// One axis: across if its px grow with its values, upwards else.
#[derive(Clone, Debug)]
pub(crate) struct Axis {
    pub(crate) title: String,
    pub(crate) scale: AxisScale,
    pub(crate) ticks: Vec<(f64, String)>,
}

/// The sides of a chart's inner part, in px.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Sides {
    pub(crate) left: i32,
    pub(crate) right: i32,
    pub(crate) top: i32,
    pub(crate) bottom: i32,
}

const MINUTE: f64 = 60.0;
const HOUR: f64 = 3_600.0;
const DAY: f64 = 86_400.0;

/// Seconds per unit of time: ms, s, min, h, day.
const UNITS_S: [f64; 5] = [0.001, 1.0, MINUTE, HOUR, DAY];

/// Numbers of each unit.
type OfUnits = [&'static [f64]; 5];

/// Times that are round to people: those that a scale of many decades names, and those between them
/// that it names as well where there is room.
const ROUND: [OfUnits; 3] = [
    [&[1.0, 10.0, 100.0], &[1.0, 10.0], &[1.0, 10.0], &[1.0, 10.0], &[1.0, 10.0, 100.0]],
    [&[3.0, 30.0, 300.0], &[3.0, 30.0], &[3.0, 30.0], &[3.0], &[3.0, 30.0]],
    [
        &[2.0, 5.0, 20.0, 50.0, 200.0, 500.0],
        &[2.0, 5.0, 20.0],
        &[2.0, 5.0, 20.0],
        &[2.0, 5.0],
        &[2.0, 5.0, 20.0, 50.0],
    ],
];

/// Steps between times on a linear axis.
const STEPS: OfUnits = [
    &[1.0, 2.0, 5.0, 10.0, 20.0, 50.0, 100.0, 200.0, 500.0],
    &[1.0, 2.0, 5.0, 10.0, 30.0],
    &[1.0, 2.0, 5.0, 10.0, 30.0],
    &[1.0, 2.0, 6.0, 12.0],
    &[1.0, 2.0, 5.0, 10.0, 20.0, 50.0, 100.0, 200.0, 500.0],
];

/// `counts` of each unit in seconds.
fn in_seconds(counts: OfUnits) -> impl Iterator<Item = f64> {
    let of_unit =
        |(unit_s, counts): (f64, &'static [f64])| counts.iter().map(move |it| it * unit_s);
    UNITS_S.into_iter().zip(counts).flat_map(of_unit)
}

/// A round time by its largest unit: `200 ms`, `70 s`, `1.5 min`, `10 h`, `2 days`.
fn round_time(seconds: f64) -> String {
    let in_units = |unit_s: f64| {
        let count = seconds / unit_s;
        let is_round = count > 0.99 && (2.0 * count - (2.0 * count).round()).abs() < 1e-6;
        is_round.then(|| (count * 2.0).round() / 2.0)
    };
    if seconds == 0.0 {
        return "0".to_owned();
    }
    if let Some(days) = in_units(DAY) {
        return format!("{days} day{}", if days > 1.0 { "s" } else { "" });
    }
    for (unit_s, unit) in [(HOUR, "h"), (MINUTE, "min")] {
        if let Some(count) = in_units(unit_s) {
            return format!("{count} {unit}");
        }
    }
    // Multiples of a step carry errors in their last digits.
    let rounded = (seconds * 1e4).round() / 1e4;
    if seconds < 0.9995 {
        format!("{} ms", (seconds * 1e3).round())
    } else {
        format!("{rounded} s")
    }
}

/// Space that a mark's name takes along an axis, with some between it and the next, in px.
fn room(name: &str, is_up: bool) -> i32 {
    if is_up { 24 } else { Font::Small.width(name) + 12 }
}

/// Marks of `scale` at those of `values` that it spans, as many as do not collide; the first values first.
fn marks(
    scale: &LogScale,
    values: impl Iterator<Item = f64>,
    is_up: bool,
    name: impl Fn(f64) -> String,
) -> Vec<(f64, String)> {
    let mut ticks: Vec<(f64, String)> = Vec::new();
    for value in values.filter(|value| scale.spans(*value)) {
        let (at, name) = (scale.at(value), name(value));
        let is_free = ticks.iter().all(|(other, other_name)| {
            2 * (scale.at(*other) - at).abs() >= room(&name, is_up) + room(other_name, is_up)
        });
        if is_free {
            ticks.push((value, name));
        }
    }
    ticks.sort_by(|(a, _), (b, _)| a.total_cmp(b));
    ticks
}

impl Axis {
    /// Times in seconds, on a logarithmic scale from a little below the least to a little above the
    /// largest.
    pub(crate) fn times(title: &str, [low, high]: [f64; 2], px: [i32; 2]) -> Self {
        let [low, high] = [low / 1.25, high * 1.25];
        let scale = LogScale::new(low, high, px);
        let is_up = px[0] > px[1];
        let round = ROUND.into_iter().flat_map(in_seconds);
        let mut ticks = marks(&scale, round, is_up, round_time);
        if ticks.len() < 2 {
            // Less than a factor of two or three: equal steps.
            let rough = (high - low) / 6.0;
            let step = in_seconds(STEPS).find(|step| *step >= rough).unwrap_or(rough);
            let values = (1..=64).map(|index| f64::from(index) * step);
            let equal = marks(&scale, values, is_up, round_time);
            ticks = if equal.len() > ticks.len() { equal } else { ticks };
        }
        Self { title: title.to_owned(), scale: AxisScale::Log(scale), ticks }
    }

    /// The `values` that occur, on a logarithmic scale around them, each named if there is room.
    pub(crate) fn values(
        title: &str,
        values: &[f64],
        px: [i32; 2],
        name: impl Fn(f64) -> String,
    ) -> Self {
        let [low, high] = super::range(values.iter().copied());
        Self::within(title, [low / 1.15, high * 1.15], values, px, name)
    }

    /// The same on a scale from `low` to `high`.
    pub(crate) fn within(
        title: &str,
        [low, high]: [f64; 2],
        values: &[f64],
        px: [i32; 2],
        name: impl Fn(f64) -> String,
    ) -> Self {
        let scale = LogScale::new(low, high, px);
        // The ends first, since they say how far the axis goes.
        let ends = values.first().into_iter().chain(values.last());
        let ticks = marks(&scale, ends.chain(values).copied(), px[0] > px[1], name);
        Self { title: title.to_owned(), scale: AxisScale::Log(scale), ticks }
    }

    /// Times from 0 to `high` in round steps, in seconds; an axis upwards ends at a mark above it.
    pub(crate) fn linear_times(title: &str, high: f64, px: [i32; 2]) -> Self {
        Self::stepped(title, high, px, in_seconds(STEPS), |value, _| round_time(value))
    }

    /// Figures from 0 to `high` in round steps; `name` is given a figure, and the digits behind the
    /// point that tell the steps apart. An axis upwards ends at a mark above it.
    pub(crate) fn linear(
        title: &str,
        high: f64,
        px: [i32; 2],
        name: impl Fn(f64, usize) -> String,
    ) -> Self {
        let least = Scale::new(high, px).high() / 50.0;
        let power = least.log10().floor() as i32;
        let steps = (power..power + 4)
            .flat_map(|power| [1.0, 2.0, 2.5, 5.0].map(|step| step * 10_f64.powi(power)));
        let digits = |step: f64| {
            let scaled = |digits: i32| step * 10_f64.powi(digits);
            let is_whole = |digits: &i32| (scaled(*digits) - scaled(*digits).round()).abs() < 1e-6;
            (0..9).find(is_whole).map_or(0, i32::unsigned_abs) as usize
        };
        Self::stepped(title, high, px, steps, |value, step| name(value, digits(step)))
    }

    /// Marks from 0 on, in the least of `steps` whose names have room; `name` is given a value and the step.
    fn stepped(
        title: &str,
        high: f64,
        px: [i32; 2],
        steps: impl Iterator<Item = f64>,
        name: impl Fn(f64, f64) -> String,
    ) -> Self {
        let is_up = px[0] > px[1];
        let length = (px[1] - px[0]).abs();
        let high = Scale::new(high, px).high();
        let mut found = high;
        for step in steps {
            let count = (high / step).floor().min(1e3) as u32;
            let widest =
                (0..=count).map(|index| room(&name(f64::from(index) * step, step), is_up)).max();
            let each = (f64::from(length) * step / high) as i32;
            found = step;
            if each >= widest.unwrap_or(0) + if is_up { 6 } else { 0 } {
                break;
            }
        }
        // Nothing is to touch the upper edge.
        let end = if is_up { (1.03 * high / found).ceil() * found } else { high };
        let count = (end / found + 1e-9).floor() as u32;
        let ticks = (0..=count).map(|index| f64::from(index) * found);
        Self {
            title: title.to_owned(),
            scale: AxisScale::Linear(Scale::new(end, px)),
            ticks: ticks.map(|value| (value, name(value, found))).collect(),
        }
    }

    pub(crate) fn at(&self, value: f64) -> i32 {
        self.scale.at(value)
    }
}

impl Sides {
    /// Draws the lines, marks and titles of `across` (below) and `up` (at the left).
    pub(crate) fn draw(&self, canvas: &Canvas<'_>, across: &Axis, up: &Axis) {
        self.draw_up(canvas, up);
        self.lines(canvas, across);
        across.name_below(canvas, self.bottom);
    }

    /// Draws the lines, marks and title of `up`.
    pub(crate) fn draw_up(&self, canvas: &Canvas<'_>, up: &Axis) {
        for (value, name) in &up.ticks {
            let y = up.at(*value);
            canvas.line([(self.left, y), (self.right, y)], 1, Ink::Grid);
            canvas.text(name, (self.left - 8, y), Anchor::Right, Font::Small, Ink::Muted);
        }
        canvas.text(&up.title, (0, self.top - 16), Anchor::Left, Font::Small, Ink::Text);
    }

    /// Draws the upright lines of `across`.
    pub(crate) fn lines(&self, canvas: &Canvas<'_>, across: &Axis) {
        for (value, _) in &across.ticks {
            let x = across.at(*value);
            canvas.line([(x, self.top), (x, self.bottom)], 1, Ink::Grid);
        }
    }
}

impl Axis {
    /// Writes the names of an axis across and its title below `bottom`; names at its ends stay on the sheet.
    pub(crate) fn name_below(&self, canvas: &Canvas<'_>, bottom: i32) {
        for (value, name) in &self.ticks {
            let half = Font::Small.width(name) / 2;
            let x = self.at(*value).clamp(half, canvas.width() - half);
            canvas.text(name, (x, bottom + 14), Anchor::Middle, Font::Small, Ink::Muted);
        }
        let at = (self.scale.end(), bottom + 34);
        canvas.text(&self.title, at, Anchor::Right, Font::Small, Ink::Text);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(axis: &Axis) -> Vec<&str> {
        axis.ticks.iter().map(|(_, name)| name.as_str()).collect()
    }

    #[test]
    fn times_are_named_in_round_units_that_do_not_collide() {
        let across = |high| Axis::linear_times("", high, [0, 700]);
        assert_eq!(
            names(&across(45.0)),
            ["0", "5 s", "10 s", "15 s", "20 s", "25 s", "30 s", "35 s", "40 s", "45 s"]
        );
        assert_eq!(
            names(&across(200.0)),
            ["0", "30 s", "1 min", "1.5 min", "2 min", "2.5 min", "3 min"]
        );
        assert_eq!(names(&across(8_000.0)), ["0", "30 min", "1 h", "1.5 h", "2 h"]);
        let narrow = Axis::linear_times("", 45.0, [0, 260]);
        assert_eq!(names(&narrow), ["0", "10 s", "20 s", "30 s", "40 s"].map(|it| it));
        let decades = Axis::times("", [16.0, 5_000.0], [0, 700]);
        let named = ["20 s", "30 s", "1 min", "3 min", "5 min", "10 min", "30 min", "1 h"];
        assert_eq!(names(&decades), named);
        assert_eq!(
            names(&Axis::times("", [16.0, 5_000.0], [0, 260])),
            ["20 s", "1 min", "10 min", "1 h"]
        );
        let close = Axis::times("", [41.0, 47.0], [0, 700]);
        assert_eq!(names(&close), ["35 s", "40 s", "45 s", "50 s", "55 s"]);
    }

    #[test]
    fn neighbouring_marks_of_any_axis_differ_and_keep_their_distance() {
        for high in [0.02, 0.07, 0.12, 0.3, 1.0, 1.01, 7.3, 31.0, 60.0, 99.5, 1e4, 7e6] {
            for px in [[0, 250], [60, 800], [118, 0], [320, 20]] {
                let is_up = px[0] > px[1];
                let figures =
                    Axis::linear("", high, px, |value, digits| format!("{value:.digits$}"));
                for axis in [
                    Axis::linear_times("", high, px),
                    Axis::times("", [high / 90.0, high], px),
                    figures,
                ] {
                    assert!(axis.ticks.len() >= 2, "{high}, {px:?}: {axis:?}");
                    for pair in axis.ticks.windows(2) {
                        assert_ne!(pair[0].1, pair[1].1, "{high}, {px:?}: {axis:?}");
                        let apart = (axis.at(pair[0].0) - axis.at(pair[1].0)).abs();
                        let halves = room(&pair[0].1, is_up).midpoint(room(&pair[1].1, is_up));
                        assert!(apart + 2 >= halves, "{high}, {px:?}: {apart} px in {axis:?}");
                    }
                }
            }
        }
    }

    #[test]
    fn an_axis_upwards_ends_above_its_figures() {
        let axis = Axis::linear("", 31.0, [200, 0], |value, _| format!("{value}"));
        assert!(axis.at(31.0) > 0 && axis.ticks.last().unwrap().0 > 31.0, "{axis:?}");
    }
}
