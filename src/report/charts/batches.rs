//! Makespan, memory and risk: three panels over one axis of batch sizes.

use super::canvas::{self, Canvas, LogScale};
use super::frame::{Axis, AxisScale, Sides};
use super::{WIDTH, legend, number_of, stacked};
use crate::report::evidence::{BatchPoint, BatchSample};
use crate::report::model::distinct;
use crate::report::model::ledger::trimmed;
use crate::text::duration;
use neonbench_engine::engine::Strategy;

const TOP: i32 = 62;
const PANEL: i32 = 118;
const GAP: i32 = 34;

/// One figure over the batch size.
struct Panel {
    name: &'static str,
    figure: fn(&BatchPoint) -> f64,
    /// The format of its values.
    tick: fn(f64) -> String,
}

/// Makespan, accounts in memory and accounts at risk, one below the other.
pub fn batches(sample: &BatchSample) -> String {
    let label = "Makespan, accounts in memory and accounts that a kill leaves open, by batch size. The \
                 table below has the figures.";
    let height = TOP + 3 * PANEL + 2 * GAP + 52;
    canvas::draw((WIDTH, height), label, |canvas| {
        let hybrid = format!("hybrid, {} workers", sample.workers);
        let names = [(Strategy::PutBatch, "put_batch"), (Strategy::Hybrid, &hybrid)];
        legend(canvas, 78, 150, names.map(|(strategy, name)| (number_of(strategy), name)));
        let panels = [
            Panel { name: "makespan", figure: |point| point.makespan_s, tick: duration },
            Panel {
                name: "most accounts in memory",
                figure: |point| point.buffered,
                tick: trimmed,
            },
            Panel {
                name: "accounts that a kill leaves open, mean",
                figure: |point| point.at_risk,
                tick: trimmed,
            },
        ];
        for (index, panel) in panels.iter().enumerate() {
            let top = TOP + stacked(index, PANEL + GAP);
            let sides = Sides { left: 72, right: WIDTH - 20, top, bottom: top + PANEL };
            panel.draw(canvas, &sides, sample, index + 1 == panels.len());
        }
    })
}

impl Panel {
    fn draw(&self, canvas: &Canvas<'_>, sides: &Sides, sample: &BatchSample, is_last: bool) {
        let Self { name, figure, tick } = self;
        let points = &sample.points;
        let known = distinct(points.iter().map(|point| point.batch_size));
        let (Some(least), Some(most)) = (known.first(), known.last()) else { return };
        let (low, high) = (f64::from(*least) / 1.15, f64::from(*most) * 1.15);
        let named =
            |size: &u32| (f64::from(*size), if is_last { size.to_string() } else { String::new() });
        let across = Axis {
            title: if is_last { "batch size, logarithmic".to_owned() } else { String::new() },
            scale: AxisScale::Log(LogScale::new(low, high, [sides.left, sides.right])),
            ticks: known.iter().map(named).collect(),
        };
        let high = points.iter().map(figure).fold(0.0, f64::max) * 1.08;
        let up = Axis::linear(name, high, [sides.bottom, sides.top], 4.0, |it, _| {
            if it > 0.0 { tick(it) } else { "0".to_owned() }
        });
        sides.draw(canvas, &across, &up);
        for strategy in [Strategy::PutBatch, Strategy::Hybrid] {
            let number = number_of(strategy);
            let of_it = points.iter().filter(|point| point.strategy == strategy);
            let line: Vec<_> = of_it
                .map(|point| (across.at(f64::from(point.batch_size)), up.at(figure(point))))
                .collect();
            canvas.series(number, &line);
        }
    }
}
