//! Response-time histograms: one panel a row of the guide.

use super::canvas::{self, Anchor, Canvas, Font, Ink, LogScale, Point, Scale};
use super::{WIDTH, labels, lines, stacked};
use crate::report::evidence::{Bin, Responses};
use crate::report::model::{Model, RowModel};
use crate::text::duration;
use neonbench_engine::engine::Strategy;

/// Columns of panels: the strategies in the guide's order.
const COLUMNS: [Strategy; 4] =
    [Strategy::Standard, Strategy::PutBatch, Strategy::Parallel, Strategy::Hybrid];

/// Where the first panel begins, in px.
const LEFT: i32 = 96;

/// Where the first row of panels begins, in px.
const TOP: i32 = 66;

/// Height of a panel with its axis, in px.
const HEIGHT: i32 = 184;

/// Space for the figures above a panel, in px.
const FIGURES: i32 = 36;

/// Space below a panel's ground line, in px.
const AXIS: i32 = 44;

/// Space between panels, in px.
const GAP: i32 = 24;

const TICKS: [(f64, &str); 3] = [(100.0, "100 ms"), (1_000.0, "1 s"), (10_000.0, "10 s")];

/// Panels by example and strategy: reads as an area, writes as a line.
pub fn histograms(model: &Model<'_>) -> String {
    let height = TOP + stacked(model.examples.len(), HEIGHT);
    let label = "Response-time histograms of reads and writes, for each example and strategy, on a \
                 logarithmic axis. The table below has their quantiles.";
    let high = model.rows().flat_map(|(_, row)| [peak(&row.reads), peak(&row.writes)]);
    let high = high.fold(0.01, f64::max) * 1.05;
    canvas::draw((WIDTH, height), label, |canvas| {
        legend(canvas);
        let width = (WIDTH - LEFT) / stacked(COLUMNS.len(), 1);
        for (column, strategy) in COLUMNS.iter().enumerate() {
            let x = LEFT + stacked(column, width) + (width - GAP) / 2;
            canvas.text(strategy.name(), (x, TOP - 12), Anchor::Middle, Font::Strong, Ink::Text);
        }
        for (index, example) in model.examples.iter().enumerate() {
            let top = TOP + stacked(index, HEIGHT);
            let middle = top + (FIGURES + HEIGHT - AXIS) / 2;
            let name = format!("Example {}", example.number);
            canvas.text(&name, (0, middle), Anchor::Left, Font::Strong, Ink::Text);
            for (column, strategy) in COLUMNS.iter().enumerate() {
                let left = LEFT + stacked(column, width);
                let row = example.rows.iter().find(|row| row.strategy == *strategy);
                panel(canvas, row, [(left, top), (left + width - GAP, top + HEIGHT - AXIS)], high);
            }
        }
    })
}

fn legend(canvas: &Canvas<'_>) {
    canvas.block([(LEFT, 8), (LEFT + 22, 20)], 0.45, Ink::Measured);
    canvas.text("reads (GET)", (LEFT + 30, 14), Anchor::Left, Font::Label, Ink::Text);
    canvas.line([(LEFT + 130, 14), (LEFT + 152, 14)], 2, Ink::Claimed);
    canvas.text("writes (PATCH)", (LEFT + 160, 14), Anchor::Left, Font::Label, Ink::Text);
    let note = "height: share of calls; p50 and p99 as reads / writes";
    canvas.text(note, (WIDTH - GAP, 14), Anchor::Right, Font::Small, Ink::Muted);
}

fn panel(canvas: &Canvas<'_>, row: Option<&RowModel>, corners: [Point; 2], high: f64) {
    let [(left, top), (right, bottom)] = corners;
    let Some(row) = row else {
        let middle = (left.midpoint(right), (top + FIGURES).midpoint(bottom));
        canvas.text("not in the guide", middle, Anchor::Middle, Font::Small, Ink::Muted);
        return;
    };
    let x = LogScale::new(40.0, 30_000.0, [left, right]);
    let y = Scale::new(high, [bottom, top + FIGURES]);
    lines(canvas, &x, [top + FIGURES, bottom], &TICKS);
    labels(canvas, &x, bottom, &TICKS);
    let outline = steps(&row.reads.bins, &x, &y);
    if outline.len() > 2 {
        canvas.area(outline, 0.45, Ink::Measured);
    }
    canvas.line(steps(&row.writes.bins, &x, &y), 2, Ink::Claimed);
    canvas.line([(left, bottom), (right, bottom)], 1, Ink::Muted);
    let pair =
        |read: f64, write: f64| format!("{} / {}", duration(read / 1e3), duration(write / 1e3));
    let (reads, writes) = (row.reads.quantiles, row.writes.quantiles);
    let p50 = format!("p50 {}", pair(reads.p50, writes.p50));
    let p99 = format!("p99 {}", pair(reads.p99, writes.p99));
    canvas.text(&p50, (left + 2, top + 8), Anchor::Left, Font::Small, Ink::Text);
    canvas.text(&p99, (left + 2, top + 24), Anchor::Left, Font::Small, Ink::Muted);
}

fn calls(responses: &Responses) -> u64 {
    responses.bins.iter().map(|bin| bin.calls).sum()
}

/// The fullest bin's share of the calls.
fn peak(responses: &Responses) -> f64 {
    let fullest = responses.bins.iter().map(|bin| bin.calls).max().unwrap_or(0);
    fullest as f64 / calls(responses).max(1) as f64
}

/// The outline of `bins`, from ground to ground.
fn steps(bins: &[Bin], x: &LogScale, y: &Scale) -> Vec<Point> {
    let all: u64 = bins.iter().map(|bin| bin.calls).sum();
    let mut points = Vec::new();
    for bin in bins {
        let height = y.at(bin.calls as f64 / all.max(1) as f64);
        if points.is_empty() {
            points.push((x.at(bin.low_ms), y.at(0.0)));
        }
        points.extend([(x.at(bin.low_ms), height), (x.at(bin.high_ms), height)]);
    }
    points.extend(bins.last().map(|bin| (x.at(bin.high_ms), y.at(0.0))));
    points
}
