//! Response-time histograms: one panel per example of the guide, its strategies on one another.

use crate::report::shared::charts::{
    Anchor, Axis, Canvas, Font, Ink, Labels, Point, Sides, canvas, key_of, legend, number_of,
    stacked,
};
use crate::report::shared::rows::{ExampleModel, Responses, rows};
use crate::text::percent;
use neonbench_engine::engine::Strategy;

const PANEL: i32 = 128;

/// Height of a panel with its title and its axis, in px.
const HEIGHT: i32 = PANEL + 96;

/// Width of the marks' names beside a panel, in px.
const NAMES: i32 = 46;

/// Reads and writes of each strategy as lines, on axes that all panels share.
pub(crate) fn histograms(examples: &[ExampleModel]) -> Option<String> {
    let both = || rows(examples).flat_map(|row| [&row.reads, &row.writes]);
    let bins = || both().flat_map(|responses| &responses.bins);
    let low = bins().map(|bin| bin.low_ms / 1e3).fold(f64::MAX, f64::min);
    let high = bins().map(|bin| bin.high_ms / 1e3).fold(0.0, f64::max);
    if low >= high {
        return None;
    }
    let most = both().map(peak).fold(0.01, f64::max);
    let label = "Response-time histograms of reads and of writes, for each example, with a line for each \
                 strategy. The table below has their quantiles.";
    Some(canvas::draw(label, |canvas| {
        let strategies = Strategy::ALL
            .into_iter()
            .filter(|strategy| rows(examples).any(|row| row.strategy == *strategy));
        let top = legend(canvas, 0, strategies.map(key_of));
        let columns = if canvas.is_narrow() { 1 } else { examples.len() };
        let width = canvas.width() / stacked(columns, 1);
        for (index, example) in examples.iter().enumerate() {
            let left = stacked(index % columns, width) + NAMES;
            let top = top + stacked(index / columns, HEIGHT) + 44;
            let sides = Sides { left, right: left - NAMES + width - 14, top, bottom: top + PANEL };
            draw_panel(canvas, &sides, example, ([low, high], most));
        }
        top + stacked(examples.len().div_ceil(columns), HEIGHT)
    }))
}

fn draw_panel(
    canvas: &Canvas<'_>,
    sides: &Sides,
    example: &ExampleModel,
    (times, most): ([f64; 2], f64),
) {
    let across = Axis::times("response time, logarithmic", times, [sides.left, sides.right]);
    let up = Axis::linear("", most, [sides.bottom, sides.top], |share, _| percent(share));
    sides.draw(canvas, &across, &up);
    let title = format!("Example {}: share of calls", example.number);
    let left = sides.left - NAMES;
    canvas.text(&title, (left, sides.top - 16), Anchor::Left, Font::Strong, Ink::Text);
    for row in &example.rows {
        let ink = Ink::Series(number_of(row.strategy));
        for responses in [&row.reads, &row.writes] {
            canvas.line(outline(responses, &across, &up), 2, ink);
        }
    }
    // The lines of one kind lie on one another.
    let Some(row) = example.rows.first() else { return };
    let peaks = [("reads", &row.reads), ("writes", &row.writes)].map(|(name, responses)| {
        let fullest = responses.bins.iter().max_by_key(|bin| bin.calls);
        let ms = fullest.map_or(0.0, |bin| (bin.low_ms * bin.high_ms).sqrt());
        (name, (across.at(ms / 1e3), up.at(peak(responses))))
    });
    let area = [(sides.left, sides.top), (sides.right, sides.bottom)];
    let mut labels = Labels::around(canvas, area, &peaks.map(|(_, point)| point));
    for (name, point) in peaks {
        labels.put(name, point, Ink::Text);
    }
}

/// The fullest bin's share of the calls.
fn peak(responses: &Responses) -> f64 {
    let fullest = responses.bins.iter().map(|bin| bin.calls).max().unwrap_or(0);
    fullest as f64 / calls(responses)
}

/// At least one.
fn calls(responses: &Responses) -> f64 {
    responses.bins.iter().map(|bin| bin.calls).sum::<u64>().max(1) as f64
}

/// The middles of the bins, from ground to ground.
fn outline(responses: &Responses, across: &Axis, up: &Axis) -> Vec<Point> {
    let at = |ms: f64, share: f64| (across.at(ms / 1e3), up.at(share));
    let bins = &responses.bins;
    let middles = bins
        .iter()
        .map(|bin| at((bin.low_ms * bin.high_ms).sqrt(), bin.calls as f64 / calls(responses)));
    let first = bins.first().map(|bin| at(bin.low_ms, 0.0));
    first.into_iter().chain(middles).chain(bins.last().map(|bin| at(bin.high_ms, 0.0))).collect()
}
