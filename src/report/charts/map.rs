//! The decision map: the best, the guide's choice and auto's, side by side.

use super::canvas::{self, Anchor, Canvas, Font, Ink, Point};
use super::{WIDTH, number_of, stacked};
use crate::report::model::map::AS_GOOD;
use crate::report::model::{MapChoice, MapModel, MapRow};
use crate::text::sig3;
use neonbench_engine::engine::Strategy;

const LEFT: i32 = 34;
const TOP: i32 = 74;
const ROW: i32 = 38;
const GAP: i32 = 18;

/// The choice of a size that a panel shows.
type Pick = fn(&MapRow) -> &MapChoice;

/// A panel each for the best, the guide's choice and ours: a cell for each size, its mark that of the
/// strategy, below it how many times the best it costs where that is more.
pub fn map(model: &MapModel) -> String {
    let bottom = TOP + stacked(model.mappings.len(), ROW);
    let label = "For each number of accounts and mappings the strategy that is best, the one that the \
                 guide's rule chooses and the one that auto chooses. The table below has the figures.";
    canvas::draw((WIDTH, bottom + 46), label, |canvas| {
        legend(canvas);
        canvas.text("mappings", (0, TOP - 12), Anchor::Left, Font::Small, Ink::Muted);
        for (row, mappings) in model.mappings.iter().enumerate() {
            let y = TOP + stacked(row, ROW) + ROW / 2;
            let name = mappings.to_string();
            canvas.text(&name, (LEFT - 10, y), Anchor::Right, Font::Small, Ink::Text);
        }
        let width = (WIDTH - LEFT - 2 * GAP) / 3;
        let panels: [(&str, Pick); 3] = [
            ("the best", |cell| &cell.best),
            ("the guide's rule", |cell| &cell.guide),
            ("auto", |cell| &cell.ours),
        ];
        for (panel, (name, choice)) in panels.into_iter().enumerate() {
            let left = LEFT + stacked(panel, width + GAP);
            let at = (left + width / 2, TOP - 14);
            canvas.text(name, at, Anchor::Middle, Font::Strong, Ink::Text);
            draw_panel(canvas, model, (left, width), choice);
        }
        canvas.text("accounts", (WIDTH, bottom + 34), Anchor::Right, Font::Small, Ink::Muted);
    })
}

fn legend(canvas: &Canvas<'_>) {
    let mut x = LEFT + 6;
    for strategy in Strategy::GUIDE {
        canvas.mark(number_of(strategy), (x, 14));
        canvas.text(strategy.name(), (x + 13, 14), Anchor::Left, Font::Label, Ink::Text);
        x += 120;
    }
    let text = "×: how many times the best the choice costs";
    canvas.text(text, (WIDTH, 14), Anchor::Right, Font::Small, Ink::Muted);
}

fn draw_panel(canvas: &Canvas<'_>, model: &MapModel, (left, width): (i32, i32), choice: Pick) {
    let columns = stacked(model.resources.len().max(1), 1);
    let place = |list: usize| stacked(list, 1);
    let bottom = TOP + stacked(model.mappings.len(), ROW);
    for (column, resources) in model.resources.iter().enumerate() {
        let x = left + (2 * place(column) + 1) * width / (2 * columns);
        let name = if *resources >= 1_000 {
            format!("{}k", resources / 1_000)
        } else {
            resources.to_string()
        };
        canvas.text(&name, (x, bottom + 14), Anchor::Middle, Font::Small, Ink::Text);
    }
    for cell in &model.cells {
        let column = model.resources.iter().position(|known| *known == cell.resources);
        let row = model.mappings.iter().position(|known| *known == cell.mappings);
        let (Some(column), Some(row)) = (column, row) else { continue };
        let x = left + place(column) * width / columns;
        let end = left + (place(column) + 1) * width / columns;
        let y = TOP + stacked(row, ROW);
        draw_cell(canvas, [(x, y), (end - 2, y + ROW - 2)], choice(cell));
    }
}

fn draw_cell(canvas: &Canvas<'_>, corners: [Point; 2], choice: &MapChoice) {
    let number = number_of(choice.strategy);
    canvas.block(corners, 0.2, Ink::Series(number));
    let [(left, top), (right, bottom)] = corners;
    let (x, y) = (i32::midpoint(left, right), i32::midpoint(top, bottom));
    if choice.ratio <= AS_GOOD {
        canvas.mark(number, (x, y));
        return;
    }
    canvas.mark(number, (x, y - 8));
    let text = if choice.ratio < 9.95 {
        format!("{:.1}×", choice.ratio)
    } else {
        format!("{}×", sig3(choice.ratio.round().max(10.0)).trim_end_matches(".0"))
    };
    canvas.text(&text, (x, y + 9), Anchor::Middle, Font::Small, Ink::Text);
}
