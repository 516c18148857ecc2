//! The time per call that each row of the guide implies.

use super::canvas::{self, Anchor, Canvas, Font, Ink, LogScale};
use super::{NAMES, ROW, WIDTH, labels, lines, stacked};
use crate::report::model::{ExampleModel, Model};
use crate::text::{count, duration, sig3};

const TICKS: [(f64, &str); 4] = [(0.25, "250 ms"), (0.5, "500 ms"), (1.0, "1 s"), (2.0, "2 s")];

/// One line an example: where its rows agree, their marks lie on one another.
pub fn implied(model: &Model<'_>) -> String {
    const LINE: i32 = 3 * ROW;
    let bottom = 10 + stacked(model.examples.len(), LINE);
    let label = "Time per call that each row of the guide implies, example by example. Marks of \
                 rows that agree with one another coincide. The table below has the figures.";
    canvas::draw((WIDTH, bottom + 32), label, |canvas| {
        let scale = LogScale::new(0.22, 2.5, [NAMES + 110, WIDTH - 190]);
        lines(canvas, &scale, [4, bottom], &TICKS);
        labels(canvas, &scale, bottom, &TICKS);
        for (index, example) in model.examples.iter().enumerate() {
            line(canvas, &scale, example, 10 + stacked(index, LINE) + LINE / 2);
        }
    })
}

fn line(canvas: &Canvas<'_>, scale: &LogScale, example: &ExampleModel, y: i32) {
    let ExampleModel { number, accounts, mappings, .. } = example;
    canvas.text(&format!("Example {number}"), (0, y - 9), Anchor::Left, Font::Strong, Ink::Text);
    let size = format!("{} accounts × {mappings} mappings", count(*accounts));
    canvas.text(&size, (0, y + 9), Anchor::Left, Font::Small, Ink::Muted);
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
    if let [(low, _), .., (high, _)] = marks[..] {
        canvas.line([(scale.at(low), y), (scale.at(high), y)], 2, Ink::Claimed);
    }
    for (index, (time, names)) in marks.iter().enumerate() {
        let x = scale.at(*time);
        canvas.block([(x - 7, y - 7), (x + 7, y + 7)], 1.0, Ink::Ground);
        canvas.diamond((x, y), 7, Ink::Claimed);
        // Above and below by turns, as neighbours may be close.
        let above = if index % 2 == 0 { -22 } else { 22 };
        let text = format!("{}: {}", names.join(" = "), duration(*time));
        canvas.text(&text, (x, y + above), Anchor::Middle, Font::Label, Ink::Text);
    }
    let (verdict, ink) = if example.agrees {
        ("one time: agrees".to_owned(), Ink::Measured)
    } else {
        (format!("{}× apart", sig3(example.implied_spread)), Ink::Claimed)
    };
    canvas.text(&verdict, (WIDTH, y), Anchor::Right, Font::Strong, ink);
}
