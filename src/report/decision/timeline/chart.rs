//! A run over time: accounts per second, calls in flight against what the limiter allows, refusals.

use super::longest_idle;
use crate::report::shared::charts::{Anchor, Axis, Canvas, Font, Ink, Key, Sides, canvas, legend};
use crate::text::duration;
use neonbench_engine::measure::timeline::{Lane, Timeline, TimelineSlice};

const PANEL: i32 = 120;
const GAP: i32 = 40;

/// The most steps of a line, on a wide sheet and on a narrow one: with more, single accounts would show as
/// a comb.
const MAX_STEPS: [usize; 2] = [60, 40];

/// The longest time without an account is marked if it is at least so large a part of the run.
const IDLE: f64 = 0.05;

/// Panels over one axis of time.
struct Panels<'a> {
    slices: &'a [TimelineSlice],
    slice_s: f64,
    time: Axis,
    /// Slices that one step of a line stands for.
    joined: usize,
}

/// One panel for the rate, one for each pool; none of a run in which nothing was in flight, or in which
/// fewer than two accounts ended.
pub(crate) fn timeline(timeline: &Timeline) -> Option<String> {
    let Timeline { slices, slice_ns, .. } = timeline;
    let slice_s = *slice_ns as f64 / 1e9;
    let lanes = lanes(timeline);
    let ended: u64 = slices.iter().map(|slice| slice.landed).sum();
    if lanes.is_empty() || ended < 2 {
        return None;
    }
    let label = "Accounts ended per second, and calls in flight of each kind beside what the \
                 limiter allows, over the run; refused calls are ticks. The table below has the \
                 figures.";
    Some(canvas::draw(label, |canvas| {
        let sum = |of: fn(&TimelineSlice) -> u64| slices.iter().map(of).sum::<u64>();
        let limited =
            lanes.iter().any(|lane| slices.iter().any(|it| it.limit[*lane as usize].is_some()));
        let keys = [
            (true, Key::Area(Ink::Measured, 0.4), "measured"),
            (limited, Key::Line(Ink::Claimed), "what the limiter allows"),
            (sum(|it| it.refused) > 0, Key::Area(Ink::Claimed, 1.0), "calls refused"),
            (sum(|it| it.failed) > 0, Key::Area(Ink::Claimed, 0.2), "calls failed"),
        ];
        let keys = keys.into_iter().filter(|(is_shown, ..)| *is_shown);
        let mut top = legend(canvas, 0, keys.map(|(_, key, name)| (key, name))) + 34;
        let px = [48, canvas.width() - 14];
        let panels = Panels {
            slices,
            slice_s,
            time: Axis::linear_times("time since the start", slice_s * slices.len() as f64, px),
            joined: slices.len().div_ceil(MAX_STEPS[usize::from(canvas.is_narrow())]),
        };
        let mut place = |canvas: &Canvas<'_>| {
            let sides = Sides { left: px[0], right: px[1], top, bottom: top + PANEL };
            top += PANEL + GAP;
            sides.lines(canvas, &panels.time);
            sides
        };
        panels.rate(canvas, &place(canvas));
        let mut bottom = 0;
        for lane in &lanes {
            let sides = place(canvas);
            panels.lane(canvas, &sides, *lane);
            bottom = sides.bottom;
        }
        panels.time.name_below(canvas, bottom);
        bottom + 46
    }))
}

impl Panels<'_> {
    /// Accounts per second, with failures, refusals and the longest time without an account.
    fn rate(&self, canvas: &Canvas<'_>, sides: &Sides) {
        let (time, slices) = (&self.time, self.slices);
        let at = |place: usize| time.at(place as f64 * self.slice_s);
        for (place, _) in slices.iter().enumerate().filter(|(_, slice)| slice.failed > 0) {
            let band = [(at(place), sides.top), (at(place + 1).max(at(place) + 1), sides.bottom)];
            canvas.block(band, 0.2, Ink::Claimed);
        }
        let rate = |slice: &TimelineSlice| slice.landed as f64 / self.slice_s;
        self.line(canvas, sides, "accounts finished per second", &self.means(rate), None);
        let idle = longest_idle(slices);
        if idle.len() as f64 >= IDLE * slices.len() as f64 {
            let (from, to) = (at(idle.start), at(idle.end));
            let y = sides.top + 10;
            canvas.line([(from, y), (to, y)], 2, Ink::Text);
            for x in [from, to] {
                canvas.line([(x, y - 5), (x, y + 5)], 2, Ink::Text);
            }
            let text =
                format!("no account finishes for {}", duration(idle.len() as f64 * self.slice_s));
            let half = Font::Small.width(&text) / 2;
            let least = (sides.left + half).min(canvas.width() - half);
            let x = from.midpoint(to).clamp(least, canvas.width() - half);
            canvas.text(&text, (x, y + 14), Anchor::Middle, Font::Small, Ink::Text);
        }
        // Of neighbours that would touch, one tick is drawn.
        let mut last = i32::MIN;
        for (place, _) in slices.iter().enumerate().filter(|(_, slice)| slice.refused > 0) {
            let x = time.at((place as f64 + 0.5) * self.slice_s);
            if x >= last + 3 {
                canvas.line([(x, sides.bottom), (x, sides.bottom - 10)], 2, Ink::Claimed);
                last = x;
            }
        }
    }

    /// Calls in flight of one kind, and what the limiter allows.
    fn lane(&self, canvas: &Canvas<'_>, sides: &Sides, lane: Lane) {
        let index = lane as usize;
        let in_flight =
            |slice: &TimelineSlice| slice.in_flight_ns[index] as f64 / 1e9 / self.slice_s;
        let limits = self.slices.chunks(self.joined);
        let limits: Vec<f64> = limits
            .map(|slices| {
                slices.iter().rev().find_map(|it| it.limit[index]).map_or(f64::NAN, f64::from)
            })
            .collect();
        let title = format!("{} in flight", lane.name());
        self.line(canvas, sides, &title, &self.means(in_flight), Some(&limits));
    }

    /// The mean of a figure over the slices of each step.
    fn means(&self, figure: impl Fn(&TimelineSlice) -> f64) -> Vec<f64> {
        let mean = |slices: &[TimelineSlice]| {
            slices.iter().map(&figure).sum::<f64>() / slices.len() as f64
        };
        self.slices.chunks(self.joined).map(mean).collect()
    }

    /// A line of `values` with an axis of its own, and the `limits` beside them where there are any.
    fn line(
        &self,
        canvas: &Canvas<'_>,
        sides: &Sides,
        title: &str,
        values: &[f64],
        limits: Option<&[f64]>,
    ) {
        let limits = limits.unwrap_or_default();
        let most = values.iter().chain(limits).copied().fold(0.0, f64::max);
        let up = Axis::linear(title, most, [sides.bottom, sides.top], |it, digits| {
            format!("{it:.digits$}")
        });
        sides.draw_up(canvas, &up);
        let steps = self.steps(values, &up);
        // The limit is often reached: the area shows where a line would be hidden behind it.
        let ground =
            [steps.last(), steps.first()].into_iter().flatten().map(|(x, _)| (*x, sides.bottom));
        canvas.area(steps.iter().copied().chain(ground).collect(), 0.25, Ink::Measured);
        canvas.line(steps, 1, Ink::Measured);
        let limit = self.steps(limits, &up);
        if !limit.is_empty() {
            canvas.line(limit, 2, Ink::Claimed);
        }
    }

    /// The corners of a line of steps; what is not a number is left out, and what lies on one level is one
    /// stroke.
    fn steps(&self, values: &[f64], up: &Axis) -> Vec<canvas::Point> {
        let step_s = self.joined as f64 * self.slice_s;
        let mut points: Vec<canvas::Point> = Vec::new();
        for (step, value) in values.iter().enumerate().filter(|(_, value)| !value.is_nan()) {
            let [from, to] = [step, step + 1].map(|step| self.time.at(step as f64 * step_s));
            let y = up.at(*value);
            match points.last_mut() {
                Some(last) if *last == (from, y) => last.0 = to,
                _ => points.extend([(from, y), (to, y)]),
            }
        }
        points
    }
}

/// The lanes of `timeline` in which a call was ever in flight.
pub(crate) fn lanes(timeline: &Timeline) -> Vec<Lane> {
    let slices = &timeline.slices;
    let flew = |lane: &Lane| slices.iter().any(|slice| slice.in_flight_ns[*lane as usize] > 0);
    Lane::ALL.into_iter().filter(flew).collect()
}
