//! Scalability: makespans over growing organisations, both axes logarithmic.

use super::canvas::{self, Anchor, Font, Ink, LogScale};
use super::frame::{Axis, AxisScale, Sides};
use super::{WIDTH, number_of, range};
use crate::report::model::{DecisionModel, distinct};
use crate::text::count;
use neonbench_engine::engine::Strategy;

const HEIGHT: i32 = 400;

/// One line a strategy.
pub fn scaling(model: &DecisionModel<'_>) -> String {
    let measured = &model.decision.scaling;
    let label = "Makespan of each strategy over the number of accounts. The table below has the \
                 figures.";
    canvas::draw((WIDTH, HEIGHT), label, |canvas| {
        if measured.is_empty() {
            return;
        }
        let sides = Sides { left: 60, right: WIDTH - 110, top: 40, bottom: HEIGHT - 56 };
        let [least, most] = range(measured.iter().map(|sized| sized.accounts as f64));
        let scale = LogScale::new(least / 1.2, most * 1.2, [sides.left, sides.right]);
        let scale = AxisScale::Log(scale);
        let marks = distinct(measured.iter().map(|sized| sized.accounts));
        let ticks = marks.iter().map(|accounts| (*accounts as f64, count(*accounts))).collect();
        let across = Axis { title: "accounts, logarithmic".to_owned(), scale, ticks };
        let times = range(measured.iter().map(|sized| sized.makespan_s));
        let up = Axis::times("makespan, logarithmic", times, [sides.bottom, sides.top]);
        sides.draw(canvas, &across, &up);
        for strategy in Strategy::ALL {
            let number = number_of(strategy);
            let of_it = measured.iter().filter(|sized| sized.strategy == strategy);
            let points: Vec<_> = of_it
                .map(|sized| (across.at(sized.accounts as f64), up.at(sized.makespan_s)))
                .collect();
            canvas.series(number, &points);
            if let Some((x, y)) = points.last() {
                canvas.text(strategy.name(), (x + 12, *y), Anchor::Left, Font::Label, Ink::Text);
            }
        }
    })
}
