//! The response surface: hybrid's makespan over workers and batch size.

use super::SurfacePoint;
use crate::report::shared::charts::{
    Anchor, Canvas, Font, Ink, LogScale, Point, canvas, range, stacked,
};
use crate::report::shared::league::CLIFF;
use crate::stats::distinct;
use crate::text::{duration, percent, share, sig3};

const LEFT: i32 = 52;
const TOP: i32 = 54;
const CELL: i32 = 40;

/// The settings of a surface in order; on a narrow sheet they change places, since there are more workers
/// than batch sizes.
struct SurfaceAxes {
    across: Vec<u32>,
    down: Vec<u32>,
    workers_across: bool,
}

impl SurfaceAxes {
    /// The corners of a cell on `canvas`.
    fn corners(&self, canvas: &Canvas<'_>, cell: &SurfacePoint) -> [Point; 2] {
        let (across, down) = if self.workers_across {
            (cell.workers, cell.batch_size)
        } else {
            (cell.batch_size, cell.workers)
        };
        let place = |list: &[u32], value: u32| {
            stacked(list.iter().position(|known| *known == value).unwrap_or(0), 1)
        };
        let width = self.width(canvas);
        let (x, y) =
            (LEFT + place(&self.across, across) * width, TOP + place(&self.down, down) * CELL);
        [(x, y), (x + width - 2, y + CELL - 2)]
    }

    fn width(&self, canvas: &Canvas<'_>) -> i32 {
        (canvas.width() - LEFT) / stacked(self.across.len(), 1)
    }
}

/// A cell for each configuration: the stronger the colour, the slower; a share where more calls are refused
/// than a few, and a frame around the fastest of the others. None where all are alike.
pub(crate) fn surface(cells: &[SurfacePoint], pool: Option<u32>) -> Option<String> {
    let [low, high] = range(cells.iter().map(|cell| cell.makespan_s));
    if low >= high {
        return None;
    }
    let shades = LogScale::new(low, high, [0, 0]);
    let label = "Time of hybrid for each number of workers and batch size. The table below has \
                 the figures.";
    let workers = distinct(cells.iter().map(|cell| cell.workers));
    let batch_sizes = distinct(cells.iter().map(|cell| cell.batch_size));
    let politest = cells.iter().filter(|cell| cell.refused <= CLIFF);
    let best_s = politest.map(|cell| cell.makespan_s).fold(f64::MAX, f64::min);
    Some(canvas::draw(label, |canvas| {
        let mut lists = [workers.clone(), batch_sizes.clone()];
        if canvas.is_narrow() {
            lists.reverse();
        }
        let [across, down] = lists;
        let settings = SurfaceAxes { across, down, workers_across: !canvas.is_narrow() };
        let name = names(canvas, &settings, high);
        for cell in cells {
            let corners = settings.corners(canvas, cell);
            let is_best = cell.refused <= CLIFF && cell.makespan_s <= best_s;
            canvas.block(corners, 0.06 + 0.42 * shades.share(cell.makespan_s), Ink::Measured);
            write_in(canvas, cell, corners, (&name(cell.makespan_s), is_best));
        }
        mark_pool(canvas, (cells, pool), &workers, &settings);
        TOP + stacked(settings.down.len(), CELL) + 2
    }))
}

/// Writes the names of the rows and columns, and gives the names of the cells' times: on a narrow sheet all
/// in one unit, which stands above them.
fn names(canvas: &Canvas<'_>, settings: &SurfaceAxes, longest_s: f64) -> impl Fn(f64) -> String {
    let [across, down] =
        if settings.workers_across { ["workers", "batch size"] } else { ["batch size", "workers"] };
    let width = settings.width(canvas);
    let y = TOP - 12;
    let down =
        if canvas.is_narrow() { down.split(' ').next_back().unwrap_or(down) } else { "batch" };
    canvas.text(down, (0, y), Anchor::Left, Font::Small, Ink::Muted);
    for (index, value) in settings.across.iter().enumerate() {
        let at = (LEFT + stacked(index, width) + width / 2, y);
        canvas.text(&value.to_string(), at, Anchor::Middle, Font::Label, Ink::Text);
    }
    for (index, value) in settings.down.iter().enumerate() {
        let at = (LEFT - 10, TOP + stacked(index, CELL) + CELL / 2);
        canvas.text(&value.to_string(), at, Anchor::Right, Font::Label, Ink::Text);
    }
    let known = [(1.0, "seconds"), (60.0, "minutes"), (3_600.0, "hours")];
    let fits = |(unit_s, _): &(f64, &str)| longest_s / unit_s < 1_000.0;
    let (unit_s, in_units) = known.into_iter().find(fits).unwrap_or((86_400.0, "days"));
    let narrow = canvas.is_narrow();
    let title = if narrow { format!("{across}; times in {in_units}") } else { across.to_owned() };
    canvas.text(&title, (LEFT, y - 20), Anchor::Left, Font::Small, Ink::Muted);
    move |seconds| if narrow { sig3(seconds / unit_s) } else { duration(seconds) }
}

fn write_in(
    canvas: &Canvas<'_>,
    cell: &SurfacePoint,
    [(left, top), (right, bottom)]: [Point; 2],
    (time, is_best): (&str, bool),
) {
    if is_best {
        let outline = [(left, top), (right, top), (right, bottom), (left, bottom), (left, top)];
        canvas.line(outline, 2, Ink::Text);
    }
    let middle = i32::midpoint(left, right);
    let is_refused = cell.refused > CLIFF;
    let y = i32::midpoint(top, bottom) - if is_refused { 8 } else { 0 };
    canvas.text(time, (middle, y), Anchor::Middle, Font::Small, Ink::Text);
    if is_refused {
        let text = if canvas.is_narrow() {
            format!("✗{}", percent(cell.refused))
        } else {
            format!("✗ {}", share(cell.refused))
        };
        canvas.text(&text, (middle, y + 16), Anchor::Middle, Font::Small, Ink::Text);
    }
}

/// A line behind the workers that the pool has places for.
fn mark_pool(
    canvas: &Canvas<'_>,
    (cells, pool): (&[SurfacePoint], Option<u32>),
    workers: &[u32],
    settings: &SurfaceAxes,
) {
    let Some(pool) = pool else { return };
    let Some(beyond) = workers.iter().position(|count| *count > pool) else { return };
    // Under colleagues at work refusals begin below the pool, and on a short run beyond it.
    let refused = cells.iter().filter(|cell| cell.refused > CLIFF);
    let first = refused.map(|cell| cell.workers).min();
    let begin = first == workers.get(beyond).copied();
    let refusals = if begin { ": refusals begin" } else { "" };
    let text = format!("Neon admits {pool} at a time{refusals}");
    let (ends, at) = if settings.workers_across {
        let x = LEFT + stacked(beyond, settings.width(canvas)) - 1;
        let bottom = TOP + stacked(settings.down.len(), CELL);
        let written = x + 6 + Font::Small.width(&text);
        ([(x, TOP - 44), (x, bottom)], (written > canvas.width(), (x, TOP - 38)))
    } else {
        let y = TOP + stacked(beyond, CELL) - 1;
        ([(0, y), (canvas.width(), y)], (true, (canvas.width(), 8)))
    };
    canvas.line(ends, 2, Ink::Claimed);
    let (is_left, (x, y)) = at;
    let (anchor, x) = if is_left { (Anchor::Right, x - 6) } else { (Anchor::Left, x + 6) };
    canvas.text(&text, (x, y), anchor, Font::Small, Ink::Claimed);
}
