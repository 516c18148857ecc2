//! The decision map: the best, the guide's choice and auto's, side by side.

use super::canvas::{self, Anchor, Canvas, Font, Ink, Point};
use super::{WIDTH, legend, number_of, stacked};
use crate::report::model::distinct;
use crate::select::{DecisionMap, MapCell};
use crate::text::sig3;
use neonbench_engine::engine::Strategy;

const LEFT: i32 = 34;
const TOP: i32 = 74;
const ROW: i32 = 38;
const GAP: i32 = 18;

/// A choice up to this ratio to the best's cost counts as good as the best.
const AS_GOOD: f64 = 1.05;

/// The choice of a size that a panel shows, and its cost ÷ the best's.
type Pick = fn(&MapCell) -> (Strategy, f64);

/// The sizes of a map, in order: of accounts and of mappings.
type Sizes = (Vec<u64>, Vec<u32>);

/// A panel each for the best, the guide's choice and ours: a cell for each size, its mark that of the
/// strategy, below it how many times the best it costs where that is more.
pub fn map(map: &DecisionMap) -> String {
    let sizes: Sizes = (
        distinct(map.cells.iter().map(|cell| cell.resources)),
        distinct(map.cells.iter().map(|cell| cell.mappings)),
    );
    let bottom = TOP + stacked(sizes.1.len(), ROW);
    let label = "For each number of accounts and mappings the strategy that is best, the one that the \
                 guide's rule chooses and the one that auto chooses. The table below has the figures.";
    canvas::draw((WIDTH, bottom + 46), label, |canvas| {
        let names = Strategy::GUIDE.map(|strategy| (number_of(strategy), strategy.name()));
        legend(canvas, LEFT + 6, 120, names);
        let text = "×: how many times the best the choice costs";
        canvas.text(text, (WIDTH, 14), Anchor::Right, Font::Small, Ink::Muted);
        canvas.text("mappings", (0, TOP - 12), Anchor::Left, Font::Small, Ink::Muted);
        for (row, mappings) in sizes.1.iter().enumerate() {
            let y = TOP + stacked(row, ROW) + ROW / 2;
            let name = mappings.to_string();
            canvas.text(&name, (LEFT - 10, y), Anchor::Right, Font::Small, Ink::Text);
        }
        let width = (WIDTH - LEFT - 2 * GAP) / 3;
        let panels: [(&str, Pick); 3] = [
            ("the best", |cell| (cell.best.strategy, 1.0)),
            ("the guide's rule", |cell| (cell.guide.strategy, cell.guide_ratio)),
            ("auto", |cell| (cell.ours.strategy, cell.ours_ratio)),
        ];
        for (panel, (name, choice)) in panels.into_iter().enumerate() {
            let left = LEFT + stacked(panel, width + GAP);
            let at = (left + width / 2, TOP - 14);
            canvas.text(name, at, Anchor::Middle, Font::Strong, Ink::Text);
            draw_panel(canvas, (map, &sizes), (left, width), choice);
        }
        canvas.text("accounts", (WIDTH, bottom + 34), Anchor::Right, Font::Small, Ink::Muted);
    })
}

fn draw_panel(
    canvas: &Canvas<'_>,
    (map, (accounts, mappings)): (&DecisionMap, &Sizes),
    (left, width): (i32, i32),
    choice: Pick,
) {
    let columns = stacked(accounts.len().max(1), 1);
    let place = |list: usize| stacked(list, 1);
    let bottom = TOP + stacked(mappings.len(), ROW);
    for (column, resources) in accounts.iter().enumerate() {
        let x = left + (2 * place(column) + 1) * width / (2 * columns);
        let name = if *resources >= 1_000 {
            format!("{}k", resources / 1_000)
        } else {
            resources.to_string()
        };
        canvas.text(&name, (x, bottom + 14), Anchor::Middle, Font::Small, Ink::Text);
    }
    for cell in &map.cells {
        let column = accounts.iter().position(|known| *known == cell.resources);
        let row = mappings.iter().position(|known| *known == cell.mappings);
        let (Some(column), Some(row)) = (column, row) else { continue };
        let x = left + place(column) * width / columns;
        let end = left + (place(column) + 1) * width / columns;
        let y = TOP + stacked(row, ROW);
        draw_cell(canvas, [(x, y), (end - 2, y + ROW - 2)], choice(cell));
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
