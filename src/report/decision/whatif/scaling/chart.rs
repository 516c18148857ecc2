//! Scalability: makespans over growing organisations, both axes logarithmic.

use super::ScalingPoint;
use crate::report::shared::charts::{
    Anchor, Axis, Font, Ink, Sides, canvas, key_of, legend, number_of, range, spread,
};
use crate::stats::distinct;
use crate::text::count;
use neonbench_engine::engine::Strategy;

const PANEL: i32 = 290;

/// One line a strategy; none of organisations of one size.
pub(crate) fn scaling(measured: &[ScalingPoint]) -> Option<String> {
    let accounts: Vec<f64> = distinct(measured.iter().map(|sized| sized.accounts))
        .into_iter()
        .map(|it| it as f64)
        .collect();
    if accounts.len() < 2 {
        return None;
    }
    let label = "Time of each strategy over the number of accounts. The table below has the \
                 figures.";
    let lines: Vec<(Strategy, Vec<(f64, f64)>)> = Strategy::ALL
        .into_iter()
        .map(|strategy| {
            let of_it = measured.iter().filter(|sized| sized.strategy == strategy);
            (strategy, of_it.map(|sized| (sized.accounts as f64, sized.makespan_s)).collect())
        })
        .filter(|(_, points): &(Strategy, Vec<_>)| !points.is_empty())
        .collect();
    Some(canvas::draw(label, |canvas| {
        let (mut top, mut right) = (34, canvas.width() - 90);
        if canvas.is_narrow() {
            top += legend(canvas, 0, lines.iter().map(|(strategy, _)| key_of(*strategy)));
            right = canvas.width() - 14;
        }
        let sides = Sides { left: 60, right, top, bottom: top + PANEL };
        let name = |number: f64| count(number as u64);
        let across = Axis::values("accounts, logarithmic", &accounts, [sides.left, right], name);
        let times = range(measured.iter().map(|sized| sized.makespan_s));
        let up = Axis::times("time, logarithmic", times, [sides.bottom, sides.top]);
        sides.draw(canvas, &across, &up);
        let mut ends = Vec::new();
        for (strategy, points) in &lines {
            let points: Vec<_> = points
                .iter()
                .map(|(number, time_s)| (across.at(*number), up.at(*time_s)))
                .collect();
            canvas.series(number_of(*strategy), &points);
            ends.extend(points.last().map(|(_, y)| *y));
        }
        if !canvas.is_narrow() {
            spread(&mut ends, [sides.top, sides.bottom]);
            for ((strategy, _), y) in lines.iter().zip(ends) {
                let at = (right + 4, y);
                canvas.text(strategy.name(), at, Anchor::Left, Font::Label, Ink::Text);
            }
        }
        sides.bottom + 46
    }))
}
