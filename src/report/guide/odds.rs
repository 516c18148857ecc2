//! The time per call that each row of the guide implies.

use crate::report::shared::charts::{
    Anchor, Axis, Canvas, Font, Ink, Labels, Point, Sides, canvas, range, stacked,
};
use crate::report::shared::rows::{ExampleModel, rows};
use crate::text::{duration, sig3};

/// Height of an example, and of its title, in px.
const EXAMPLE: i32 = 118;
const TITLE: i32 = 26;

/// One line an example: where its rows agree, their marks lie on one another.
pub(crate) fn implied(examples: &[ExampleModel]) -> Option<String> {
    rows(examples).next()?;
    let label = "Time per call that each row of the guide implies, example by example. Marks of \
                 rows that agree with one another coincide. The table below has the figures.";
    Some(canvas::draw(label, |canvas| {
        let times = range(rows(examples).map(|row| row.implied_call_s));
        let axis = Axis::times("", times, [8, canvas.width() - 8]);
        let bottom = stacked(examples.len(), EXAMPLE);
        for (index, example) in examples.iter().enumerate() {
            draw_example(canvas, &axis, example, stacked(index, EXAMPLE));
        }
        axis.name_below(canvas, bottom - 2);
        bottom + 24
    }))
}

fn draw_example(canvas: &Canvas<'_>, axis: &Axis, example: &ExampleModel, top: i32) {
    let verdict = if example.agrees {
        "one time: agrees".to_owned()
    } else {
        format!("{} times apart", sig3(example.implied_spread))
    };
    let title =
        if canvas.is_narrow() { format!("Example {}", example.number) } else { example.title() };
    let (right, ink) = (canvas.width(), if example.agrees { Ink::Measured } else { Ink::Claimed });
    canvas.text(&title, (0, top + 14), Anchor::Left, Font::Strong, Ink::Text);
    canvas.text(&verdict, (right, top + 14), Anchor::Right, Font::Strong, ink);
    let sides = Sides { left: 0, right, top: top + TITLE, bottom: top + EXAMPLE - 4 };
    sides.lines(canvas, axis);
    let y = sides.top.midpoint(sides.bottom);
    let mut marks: Vec<(f64, Vec<&str>)> = Vec::new();
    for row in &example.rows {
        let same =
            |(time, _): &&mut (f64, Vec<&str>)| (*time / row.implied_call_s - 1.0).abs() < 0.01;
        match marks.iter_mut().find(same) {
            Some((_, names)) => names.push(row.strategy.name()),
            None => marks.push((row.implied_call_s, vec![row.strategy.name()])),
        }
    }
    marks.sort_by(|(a, _), (b, _)| a.total_cmp(b));
    let points: Vec<Point> = marks.iter().map(|(time, _)| (axis.at(*time), y)).collect();
    canvas.line(points.as_slice(), 2, Ink::Claimed);
    let mut labels = Labels::around(canvas, [(0, sides.top), (right, sides.bottom)], &points);
    labels.keep_off(&points);
    for ((time, names), (x, y)) in marks.iter().zip(&points) {
        canvas.block([(x - 7, y - 7), (x + 7, y + 7)], 1.0, Ink::Ground);
        canvas.diamond((*x, *y), 7, Ink::Claimed);
        let text = format!("{}: {}", names.join(" = "), duration(*time));
        labels.put(&text, (*x, *y), Ink::Text);
    }
}
