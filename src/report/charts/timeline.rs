//! A run over time: accounts a second, calls in flight against what the limiter allows, refusals.

use super::canvas::{self, Anchor, Canvas, Font, Ink};
use super::frame::{Axis, Sides};
use super::{WIDTH, stacked};
use crate::report::model::DecisionModel;
use crate::text::duration;
use neonbench_engine::measure::timeline::{Lane, Timeline};

const PANEL: i32 = 150;
const GAP: i32 = 64;

/// One panel for the rate, one for each pool.
pub fn timeline(model: &DecisionModel<'_>) -> String {
    let Timeline { slices, slice_ns, .. } = &model.decision.timeline;
    let slice_s = *slice_ns as f64 / 1e9;
    let lanes = lanes(&model.decision.timeline);
    let panels = 1 + lanes.len();
    let height = stacked(panels, PANEL + GAP) + 10;
    let label = "Accounts landed per second, and calls in flight of each kind beside what the \
                 limiter allows, over the run; refused calls are ticks. The table below has the \
                 figures.";
    canvas::draw((WIDTH, height), label, |canvas| {
        let end_s = slice_s * slices.len() as f64;
        let panel = |place: usize, title: &str, most: f64| {
            let top = 30 + stacked(place, PANEL + GAP);
            let sides = Sides { left: 56, right: WIDTH - 20, top, bottom: top + PANEL };
            let px = [sides.left, sides.right];
            let time = Axis::linear("time since the start", end_s, px, 8.0, tick_s);
            let up = Axis::linear(title, most, [sides.bottom, top], 4.0, |it, digits| {
                format!("{it:.digits$}")
            });
            sides.draw(canvas, &time, &up);
            (sides, time, up)
        };
        let note = |sides: &Sides, text: &str| {
            let at = (sides.right, sides.top - 16);
            canvas.text(text, at, Anchor::Right, Font::Small, Ink::Claimed);
        };
        let landed_per_s: Vec<f64> =
            slices.iter().map(|slice| slice.landed as f64 / slice_s).collect();
        let most = landed_per_s.iter().copied().fold(0.0, f64::max);
        let (first, time, up) = panel(0, "accounts landed per second", most);
        // Calls that went wrong, but for refusals: bands behind the line.
        for (place, slice) in slices.iter().enumerate() {
            if slice.failed > 0 {
                let [from, to] = [place, place + 1].map(|place| time.at(place as f64 * slice_s));
                canvas.block([(from, first.top), (to, first.bottom)], 0.15, Ink::Claimed);
            }
        }
        steps(canvas, &landed_per_s, slice_s, (&time, &up), Ink::Measured);
        for (place, slice) in slices.iter().enumerate() {
            if slice.refused > 0 {
                let x = time.at((place as f64 + 0.5) * slice_s);
                canvas.line([(x, first.bottom), (x, first.bottom - 10)], 2, Ink::Claimed);
            }
        }
        let any_failed = slices.iter().any(|slice| slice.failed > 0);
        let text =
            if any_failed { "▏ calls refused   ▒ calls failed" } else { "▏ calls refused" };
        note(&first, text);
        for (place, lane) in lanes.iter().enumerate() {
            let index = *lane as usize;
            let in_flight: Vec<f64> = slices
                .iter()
                .map(|slice| slice.in_flight_ns[index] as f64 / *slice_ns as f64)
                .collect();
            let limits = || slices.iter().map(|slice| slice.limit[index]);
            let limit = limits().flatten().max().map_or(0.0, f64::from);
            let most = in_flight.iter().copied().fold(limit, f64::max) * 1.1;
            let title = format!("{} in flight", lane.name());
            let (sides, time, up) = panel(place + 1, &title, most);
            steps(canvas, &in_flight, slice_s, (&time, &up), Ink::Measured);
            let limits: Vec<f64> =
                limits().map(|limit| limit.map_or(f64::NAN, f64::from)).collect();
            if limit > 0.0 {
                steps(canvas, &limits, slice_s, (&time, &up), Ink::Claimed);
                note(&sides, "— what the limiter allows");
            }
        }
    })
}

/// The lanes of `timeline` in which a call was ever in flight.
pub(crate) fn lanes(timeline: &Timeline) -> Vec<Lane> {
    let slices = &timeline.slices;
    let flew = |lane: &Lane| slices.iter().any(|slice| slice.in_flight_ns[*lane as usize] > 0);
    Lane::ALL.into_iter().filter(flew).collect()
}

/// A time on the axis: no more digits than the step has.
fn tick_s(seconds: f64, digits: usize) -> String {
    match seconds {
        0.0 => "0".to_owned(),
        seconds if seconds < 60.0 => format!("{seconds:.digits$} s"),
        seconds => duration(seconds),
    }
}

/// A line of steps; what is not a number is left out.
fn steps(canvas: &Canvas<'_>, values: &[f64], slice_s: f64, (time, up): (&Axis, &Axis), ink: Ink) {
    let mut points = Vec::new();
    for (slice, value) in values.iter().enumerate() {
        if value.is_nan() {
            continue;
        }
        let y = up.at(*value);
        points.push((time.at(slice as f64 * slice_s), y));
        points.push((time.at((slice + 1) as f64 * slice_s), y));
    }
    if !points.is_empty() {
        canvas.line(points, 2, ink);
    }
}
