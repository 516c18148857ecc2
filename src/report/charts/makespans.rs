//! Makespans: what the guide claims, and what was measured.

use super::canvas::{self, Anchor, Canvas, Font, Ink, LogScale};
use super::{NAMES, ROW, WIDTH, labels, lines, stacked};
use crate::report::model::{Model, RowModel};
use crate::text::{minutes, signed};

/// Space for an example's title, in px.
const TITLE: i32 = 40;

const TICKS: [(f64, &str); 7] = [
    (60.0, "1 min"),
    (120.0, "2 min"),
    (300.0, "5 min"),
    (600.0, "10 min"),
    (1_200.0, "20 min"),
    (2_400.0, "40 min"),
    (4_800.0, "80 min"),
];

/// Every row of the guide: its claim as a diamond, the measured median as a dot with its interval.
pub fn makespans(model: &Model<'_>) -> String {
    let rows = stacked(model.rows().count(), ROW);
    let bottom = 34 + stacked(model.examples.len(), TITLE) + rows;
    let label = "Makespan of each row of the guide's tables: the guide's claim beside the median \
                 measured and its 5th to 95th percentile. The table below has the figures.";
    canvas::draw((WIDTH, bottom + 32), label, |canvas| {
        let scale = scale(model);
        legend(canvas);
        let mut y = 34;
        for example in &model.examples {
            let title = example.title();
            canvas.text(&title, (0, y + 22), Anchor::Left, Font::Strong, Ink::Text);
            y += TITLE;
            lines(canvas, &scale, [y, y + stacked(example.rows.len(), ROW)], &TICKS);
            for row in &example.rows {
                draw_row(canvas, &scale, row, y + ROW / 2);
                y += ROW;
            }
        }
        labels(canvas, &scale, bottom, &TICKS);
    })
}

fn scale(model: &Model<'_>) -> LogScale {
    let measured = model.rows().filter_map(|(_, row)| row.makespan_s);
    let times = model.rows().map(|(_, row)| row.claimed_s).chain(measured.flatten());
    let (low, high) = times.fold((54.0_f64, 6_000.0_f64), |(low, high), time| {
        (low.min(time * 0.95), high.max(time * 1.05))
    });
    LogScale::new(low, high, [NAMES, WIDTH - 150])
}

fn legend(canvas: &Canvas<'_>) {
    canvas.diamond((NAMES + 8, 14), 7, Ink::Claimed);
    canvas.text("the guide's claim", (NAMES + 22, 14), Anchor::Left, Font::Label, Ink::Text);
    canvas.line([(NAMES + 168, 14), (NAMES + 196, 14)], 2, Ink::Measured);
    canvas.dot((NAMES + 182, 14), 5, Ink::Measured);
    canvas.text(
        "measured: median, 5th to 95th percentile (often narrower than the dot)",
        (NAMES + 206, 14),
        Anchor::Left,
        Font::Label,
        Ink::Text,
    );
}

fn draw_row(canvas: &Canvas<'_>, scale: &LogScale, row: &RowModel, y: i32) {
    canvas.text(row.strategy.name(), (16, y), Anchor::Left, Font::Label, Ink::Text);
    let claimed = scale.at(row.claimed_s);
    let right = WIDTH;
    let Some([low, median, high]) = row.makespan_s else {
        canvas.diamond((claimed, y), 7, Ink::Claimed);
        canvas.text("invalid, not ranked", (right, y), Anchor::Right, Font::Small, Ink::Claimed);
        return;
    };
    let measured = scale.at(median);
    canvas.line([(claimed, y), (measured, y)], 1, Ink::Muted);
    canvas.line([(scale.at(low), y), (scale.at(high), y)], 3, Ink::Measured);
    canvas.dot((measured, y), 5, Ink::Measured);
    // Last and hollow: where both coincide, the dot is seen through it.
    canvas.diamond((claimed, y), 7, Ink::Claimed);
    let outcome = format!("{} min", minutes(median));
    canvas.text(&outcome, (right - 72, y), Anchor::Right, Font::Small, Ink::Text);
    let deviation = row.deviation.map(signed).unwrap_or_default();
    canvas.text(&deviation, (right, y), Anchor::Right, Font::Small, Ink::Muted);
}
