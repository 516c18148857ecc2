//! Makespans: what the guide claims, and what was measured.

use crate::report::shared::charts::{
    Anchor, Axis, Font, Ink, Key, Point, Rows, Sides, canvas, legend, range,
};
use crate::report::shared::rows::{ExampleModel, RowModel, rows};
use crate::text::{minutes, signed};

/// Space for an example's title, in px.
const TITLE: i32 = 40;

/// Every row of the guide: its claim as a diamond, the measured median as a dot with its interval.
pub(crate) fn makespans(examples: &[ExampleModel]) -> Option<String> {
    rows(examples).next()?;
    let label = "Time of each row of the guide's tables: the guide's claim beside the median \
                 measured and its 5th to 95th percentile. The table below has the figures.";
    Some(canvas::draw(label, |canvas| {
        let names = rows(examples).map(|row| row.strategy.name());
        let lines = Rows::of(canvas, names, 140);
        let measured = rows(examples).filter_map(|row| row.makespan_s).flatten();
        let times = rows(examples).map(|row| row.claimed_s).chain(measured);
        let axis = Axis::times("", range(times), lines.px);
        let mut y = legend(
            canvas,
            0,
            [
                (Key::Claim, "the guide's claim"),
                (Key::Median, "measured: median, 5th to 95th percentile"),
            ],
        );
        for example in examples {
            let title = example.title();
            canvas.text(&title, (0, y + 22), Anchor::Left, Font::Strong, Ink::Text);
            y += TITLE;
            for row in &example.rows {
                let figures = match (row.makespan_s, row.deviation) {
                    (Some([_, median, _]), Some(deviation)) => {
                        format!("{} min, {}", minutes(median), signed(deviation))
                    }
                    _ => "invalid, not ranked".to_owned(),
                };
                let middle = lines.draw(canvas, y, (row.strategy.name(), Font::Label), &figures);
                let [left, right] = lines.px;
                let half = if canvas.is_narrow() { 12 } else { lines.height / 2 };
                let sides = Sides { left, right, top: middle - half, bottom: middle + half };
                sides.lines(canvas, &axis);
                draw_row(canvas, &axis, row, middle);
                y += lines.height;
            }
        }
        axis.name_below(canvas, y - 2);
        y + 24
    }))
}

fn draw_row(canvas: &canvas::Canvas<'_>, axis: &Axis, row: &RowModel, y: i32) {
    let at = |time_s: f64| -> Point { (axis.at(time_s), y) };
    let claimed = at(row.claimed_s);
    if let Some([low, median, high]) = row.makespan_s {
        canvas.line([claimed, at(median)], 1, Ink::Muted);
        canvas.line([at(low), at(high)], 3, Ink::Measured);
        canvas.dot(at(median), 5, Ink::Measured);
    }
    // Last and hollow: where both coincide, the dot is seen through it.
    canvas.diamond(claimed, 7, Ink::Claimed);
}
