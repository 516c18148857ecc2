//! The decision map: the best, the guide's choice and auto's, side by side.

use crate::report::shared::charts::{
    Anchor, Canvas, Font, Ink, Point, canvas, key_of, legend, number_of, stacked,
};
use crate::select::{DecisionMap, MapCell};
use crate::stats::distinct;
use crate::text::sig3;
use neonbench_engine::engine::Strategy;

const LEFT: i32 = 34;
const ROW: i32 = 36;
const GAP: i32 = 18;

/// Height of a panel's title and of its axis, in px.
const TITLE: i32 = 30;
const AXIS: i32 = 46;

/// A choice up to this ratio to the best's cost counts as good as the best.
const AS_GOOD: f64 = 1.05;

/// The choice of a size that a panel shows, and its cost ÷ the best's.
type Pick = fn(&MapCell) -> (Strategy, f64);

/// The sizes of a map, in order: of accounts and of mappings.
type Sizes = (Vec<u64>, Vec<u32>);

/// A panel each for the best, the guide's choice and ours: a cell for each size, its mark that of the
/// strategy, below it how many times the best it costs where that is more.
pub(crate) fn map(map: &DecisionMap) -> Option<String> {
    let sizes: Sizes = (
        distinct(map.cells.iter().map(|cell| cell.resources)),
        distinct(map.cells.iter().map(|cell| cell.mappings)),
    );
    if map.cells.is_empty() {
        return None;
    }
    let label = "For each number of accounts and mappings the strategy that is best, the one that the \
                 guide's rule chooses and the one that auto chooses. The table below has the figures.";
    Some(canvas::draw(label, |canvas| {
        let mut top = legend(canvas, 0, Strategy::GUIDE.map(key_of));
        let text = "×: how many times the best the choice costs";
        canvas.text(text, (0, top + 10), Anchor::Left, Font::Small, Ink::Muted);
        top += 20 + TITLE;
        let columns = if canvas.is_narrow() { 1 } else { 3 };
        let width = canvas.width() / columns;
        let height = TITLE + stacked(sizes.1.len(), ROW) + AXIS;
        let panels: [(&str, Pick); 3] = [
            ("the best", |cell| (cell.best.strategy, 1.0)),
            ("the guide's rule", |cell| (cell.guide.strategy, cell.guide_ratio)),
            ("auto", |cell| (cell.ours.strategy, cell.ours_ratio)),
        ];
        for (index, (name, choice)) in (0..).zip(panels) {
            let corner = (index % columns * width, top + index / columns * height);
            draw_panel(canvas, (map, &sizes), (corner, width - GAP), name, choice);
        }
        top + 3 / columns * height - TITLE
    }))
}

fn draw_panel(
    canvas: &Canvas<'_>,
    (map, (accounts, mappings)): (&DecisionMap, &Sizes),
    ((left, top), width): (Point, i32),
    name: &str,
    choice: Pick,
) {
    let place = |list: usize| stacked(list, 1);
    let cell = (width - LEFT) / place(accounts.len());
    let bottom = top + stacked(mappings.len(), ROW);
    canvas.text("mappings", (left, top - 12), Anchor::Left, Font::Small, Ink::Muted);
    let middle = left + LEFT + (width - LEFT) / 2;
    canvas.text(name, (middle, top - 14), Anchor::Middle, Font::Strong, Ink::Text);
    for (row, count) in mappings.iter().enumerate() {
        let at = (left + LEFT - 8, top + stacked(row, ROW) + ROW / 2);
        canvas.text(&count.to_string(), at, Anchor::Right, Font::Small, Ink::Text);
    }
    for (column, resources) in accounts.iter().enumerate() {
        let name = if *resources >= 1_000 {
            format!("{}k", resources / 1_000)
        } else {
            resources.to_string()
        };
        let at = (left + LEFT + place(column) * cell + cell / 2, bottom + 12);
        canvas.text(&name, at, Anchor::Middle, Font::Small, Ink::Text);
    }
    canvas.text("accounts", (left + width, bottom + 30), Anchor::Right, Font::Small, Ink::Muted);
    for it in &map.cells {
        let column = accounts.iter().position(|known| *known == it.resources);
        let row = mappings.iter().position(|known| *known == it.mappings);
        let (Some(column), Some(row)) = (column, row) else { continue };
        let (x, y) = (left + LEFT + place(column) * cell, top + stacked(row, ROW));
        draw_cell(canvas, [(x, y), (x + cell - 2, y + ROW - 2)], choice(it));
    }
}

fn draw_cell(canvas: &Canvas<'_>, corners: [Point; 2], (strategy, ratio): (Strategy, f64)) {
    let number = number_of(strategy);
    canvas.block(corners, 0.2, Ink::Series(number));
    let [(left, top), (right, bottom)] = corners;
    let (x, y) = (i32::midpoint(left, right), i32::midpoint(top, bottom));
    if ratio <= AS_GOOD {
        canvas.mark(number, (x, y));
        return;
    }
    canvas.mark(number, (x, y - 8));
    let text = if ratio < 9.95 {
        format!("{ratio:.1}×")
    } else {
        format!("{}×", sig3(ratio.round().max(10.0)).trim_end_matches(".0"))
    };
    canvas.text(&text, (x, y + 9), Anchor::Middle, Font::Small, Ink::Text);
}
