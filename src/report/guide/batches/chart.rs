//! Time, memory and risk: three panels over one axis of batch sizes.

use super::{BatchPoint, BatchSample};
use crate::report::shared::charts::{Axis, Canvas, Key, Sides, canvas, legend, number_of};
use crate::stats::distinct;
use neonbench_engine::engine::Strategy;

const PANEL: i32 = 118;
const GAP: i32 = 34;

/// One figure over the batch size.
struct Panel {
    name: &'static str,
    figure: fn(&BatchPoint) -> f64,
    /// True if the figure is a time in seconds.
    is_time: bool,
}

const PANELS: [Panel; 3] = [
    Panel { name: "time", figure: |point| point.makespan_s, is_time: true },
    Panel { name: "most accounts in memory", figure: |point| point.buffered, is_time: false },
    Panel {
        name: "accounts that a kill leaves open, mean",
        figure: |point| point.at_risk,
        is_time: false,
    },
];

/// Time, accounts in memory and accounts at risk, one below the other; none of one batch size.
pub(crate) fn batches(sample: &BatchSample) -> Option<String> {
    let batch_sizes = distinct(sample.points.iter().map(|point| point.batch_size));
    if batch_sizes.len() < 2 {
        return None;
    }
    let batch_sizes: Vec<f64> = batch_sizes.into_iter().map(f64::from).collect();
    let label = "Time, accounts in memory and accounts that a kill leaves open, by batch size. The \
                 table below has the figures.";
    Some(canvas::draw(label, |canvas| {
        let hybrid = format!("hybrid, {} workers", sample.workers);
        let names = [(Strategy::PutBatch, "put_batch"), (Strategy::Hybrid, hybrid.as_str())];
        let names = names.map(|(strategy, name)| (Key::Mark(number_of(strategy)), name));
        let mut top = legend(canvas, 0, names) + 34;
        let px = [62, canvas.width() - 14];
        let across =
            Axis::values("batch size, logarithmic", &batch_sizes, px, |size| format!("{size:.0}"));
        for (index, panel) in PANELS.iter().enumerate() {
            let sides = Sides { left: px[0], right: px[1], top, bottom: top + PANEL };
            sides.lines(canvas, &across);
            panel.draw(canvas, &sides, &across, sample);
            if index + 1 == PANELS.len() {
                across.name_below(canvas, sides.bottom);
            }
            top += PANEL + GAP;
        }
        top
    }))
}

impl Panel {
    fn draw(&self, canvas: &Canvas<'_>, sides: &Sides, across: &Axis, sample: &BatchSample) {
        let figure = self.figure;
        let high = sample.points.iter().map(figure).fold(0.0, f64::max);
        let px = [sides.bottom, sides.top];
        let up = if self.is_time {
            Axis::linear_times(self.name, high, px)
        } else {
            Axis::linear(self.name, high, px, |it, digits| format!("{it:.digits$}"))
        };
        sides.draw_up(canvas, &up);
        for strategy in [Strategy::PutBatch, Strategy::Hybrid] {
            let of_it = sample.points.iter().filter(|point| point.strategy == strategy);
            let line: Vec<_> = of_it
                .map(|point| (across.at(f64::from(point.batch_size)), up.at(figure(point))))
                .collect();
            canvas.series(number_of(strategy), &line);
        }
    }
}
