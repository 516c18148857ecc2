//! The response surface: hybrid's makespan over workers and batch size.

use super::WIDTH;
use super::canvas::{self, Anchor, Font, Ink, LogScale};
use crate::report::decision::SurfacePoint;
use crate::report::model::decision::CLIFF;
use crate::report::model::{DecisionModel, distinct};
use crate::text::{duration, share};

const LEFT: i32 = 92;
const TOP: i32 = 34;
const CELL: i32 = 42;

/// A cell for each configuration: the stronger the colour, the slower; a share where more calls are refused
/// than a few, and a frame around the fastest of the others.
pub fn surface(model: &DecisionModel<'_>) -> String {
    let cells = &model.decision.surface;
    let workers = distinct(cells.iter().map(|cell| cell.workers));
    let sizes = distinct(cells.iter().map(|cell| cell.batch_size));
    let bottom = TOP + super::stacked(sizes.len(), CELL);
    let label = "Makespan of hybrid for each number of workers and batch size. The table below has \
                 the figures.";
    canvas::draw((WIDTH, bottom + 44), label, |canvas| {
        let width = (WIDTH - LEFT) / i32::try_from(workers.len().max(1)).unwrap_or(1);
        let [low, high] = super::range(cells.iter().map(|cell| cell.makespan_s));
        let shades = LogScale::new(low, high, [0, 0]);
        let at = |list: &[u32], value: u32| {
            super::stacked(list.iter().position(|known| *known == value).unwrap_or(0), 1)
        };
        canvas.text("batch size", (0, 12), Anchor::Left, Font::Small, Ink::Text);
        for size in &sizes {
            let y = TOP + at(&sizes, *size) * CELL + CELL / 2;
            canvas.text(&size.to_string(), (LEFT - 12, y), Anchor::Right, Font::Label, Ink::Text);
        }
        for count in &workers {
            let x = LEFT + at(&workers, *count) * width + width / 2;
            canvas.text(
                &count.to_string(),
                (x, bottom + 14),
                Anchor::Middle,
                Font::Label,
                Ink::Text,
            );
        }
        canvas.text("workers", (WIDTH, bottom + 34), Anchor::Right, Font::Small, Ink::Text);
        let politest = cells.iter().filter(|cell| cell.refused <= CLIFF);
        let best_s = politest.map(|cell| cell.makespan_s).fold(f64::MAX, f64::min);
        // Where all are alike, none is the fastest.
        let best_s = if low < high { best_s } else { f64::MIN };
        for cell in cells {
            let (x, y) = (
                LEFT + at(&workers, cell.workers) * width,
                TOP + at(&sizes, cell.batch_size) * CELL,
            );
            let shade = shades.share(cell.makespan_s);
            let is_best = cell.refused <= CLIFF && cell.makespan_s <= best_s;
            draw_cell(canvas, cell, [(x, y), (x + width - 2, y + CELL - 2)], shade, is_best);
        }
        if let Some(pool) = model.decision.pool
            && let Some(beyond) = workers.iter().find(|count| **count > pool)
        {
            let x = LEFT + at(&workers, *beyond) * width - 1;
            canvas.line([(x, TOP - 10), (x, bottom)], 2, Ink::Claimed);
            let is_refused = |cell: &SurfacePoint| cell.workers > pool && cell.refused > CLIFF;
            let refusals = if cells.iter().any(is_refused) { ": refusals begin" } else { "" };
            let text = format!("the pool admits {pool}{refusals}");
            canvas.text(&text, (x + 6, TOP - 18), Anchor::Left, Font::Small, Ink::Claimed);
        }
    })
}

fn draw_cell(
    canvas: &canvas::Canvas<'_>,
    cell: &SurfacePoint,
    corners: [canvas::Point; 2],
    shade: f64,
    is_best: bool,
) {
    canvas.block(corners, 0.06 + 0.54 * shade, Ink::Measured);
    let [(left, top), (right, bottom)] = corners;
    if is_best {
        let outline = [(left, top), (right, top), (right, bottom), (left, bottom), (left, top)];
        canvas.line(outline, 2, Ink::Text);
    }
    let middle = i32::midpoint(left, right);
    let is_refused = cell.refused > CLIFF;
    let y = i32::midpoint(top, bottom) - if is_refused { 8 } else { 0 };
    canvas.text(&duration(cell.makespan_s), (middle, y), Anchor::Middle, Font::Small, Ink::Text);
    if is_refused {
        let text = format!("{} ✗", share(cell.refused));
        canvas.text(&text, (middle, y + 16), Anchor::Middle, Font::Small, Ink::Claimed);
    }
}
