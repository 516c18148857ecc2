//! The fan: the forecast made before the run as bands, the run's line in front, the latest estimate dotted.

use crate::live::{Band, LiveCurve, LiveSnapshot, LiveState};
use crate::report::shared::charts::{Axis, Canvas, Ink, Key, Point, Sides, canvas, legend};
use crate::text::{count, duration, plural};

/// Height of the chart's inner part on a wide sheet and on a narrow one, in px.
const HEIGHT: [i32; 2] = [260, 160];

/// Points of the line are at least so far apart, in px.
const APART: i32 = 3;

/// The bands, widest first: the places of their ends among a band's percentiles, and the opacity that each adds.
const BANDS: [(usize, usize, f64); 3] = [(0, 6, 0.14), (1, 5, 0.14), (2, 4, 0.22)];

struct Fan<'a> {
    forecast: &'a [Band],
    /// The run's line, to where it is now.
    line: Vec<(f64, u64)>,
    /// Accounts that earlier processes of the run ended.
    before: u64,
    all: u64,
    /// 5th, 50th and 95th percentile of the time at which the run is done, in seconds since it began.
    done_s: Option<[f64; 3]>,
}

/// The chart; none before the first account of a run without a forecast.
pub(super) fn fan(snapshot: &LiveSnapshot, line: &LiveCurve) -> Option<String> {
    let fan = Fan::of(snapshot, line);
    let is_empty = fan.forecast.is_empty() && snapshot.now_s <= 0.0;
    if fan.all == 0 || is_empty {
        return None;
    }
    Some(canvas::draw(&fan.in_words(), |canvas| fan.draw(canvas)))
}

impl<'a> Fan<'a> {
    fn of(snapshot: &LiveSnapshot, line: &'a LiveCurve) -> Self {
        let ended = snapshot.accounts.ended();
        let now_s = match snapshot.state {
            LiveState::Ended => snapshot.since_s,
            LiveState::Silent => snapshot.heard_s,
            _ => snapshot.now_s,
        };
        let before = snapshot.accounts.before.min(line.points.first().map_or(ended, |it| it.ended));
        let points = line.points.iter().map(|point| (point.at_s, point.ended));
        let points = points.filter(|(at_s, _)| *at_s > 0.0 && *at_s < now_s);
        let line_points =
            [(0.0, before)].into_iter().chain(points).chain([(now_s, ended)]).collect();
        let promised = line.forecast.last().map_or(0, |band| band.ended);
        let is_over = matches!(snapshot.state, LiveState::Ended);
        let left_s = snapshot.left_s.filter(|left_s| !is_over && left_s[2].is_finite());
        Self {
            forecast: &line.forecast,
            line: line_points,
            before,
            all: snapshot.accounts.all.unwrap_or(0).max(promised).max(ended),
            done_s: left_s.map(|left_s| left_s.map(|left_s| now_s + left_s)),
        }
    }

    fn now(&self) -> (f64, u64) {
        *self.line.last().expect("a line has a last point")
    }

    fn in_words(&self) -> String {
        let (now_s, ended) = self.now();
        let accounts = plural(self.all, "account");
        let mut words = format!(
            "Accounts that have ended over time: {} of {accounts} after {}.",
            count(ended),
            duration(now_s)
        );
        let between = |[low, high]: [f64; 2]| format!("{} and {}", duration(low), duration(high));
        if let Some(last) = self.forecast.last() {
            words += " By the forecast made before the run all have ended between ";
            words += &between([last.at_s[0], last.at_s[6]]);
            words += " after its start (90 %).";
        }
        if let Some([low, _, high]) = self.done_s {
            words += " By the latest estimate, between ";
            words += &between([low, high]);
            words += " after it.";
        }
        words
    }

    fn draw(&self, canvas: &Canvas<'_>) -> i32 {
        let top = legend(canvas, 0, self.keys(canvas)) + 34;
        let sides = Sides {
            left: 52,
            right: canvas.width() - 14,
            top,
            bottom: top + HEIGHT[usize::from(canvas.is_narrow())],
        };
        let promised_s = self.forecast.last().map_or(0.0, |band| band.at_s[6]);
        let done_s = self.done_s.map_or(0.0, |done_s| done_s[2]);
        let most_s = 1.04 * self.now().0.max(promised_s).max(done_s);
        let time = Axis::linear_times("time since the start", most_s, [sides.left, sides.right]);
        // There are no halves of accounts.
        let name = |value: f64, _| {
            if value.fract() == 0.0 { count(value as u64) } else { String::new() }
        };
        let most = self.all.max(4) as f64;
        let up = Axis::linear("accounts that have ended", most, [sides.bottom, sides.top], name);
        sides.draw(canvas, &time, &up);
        let at = &|at_s: f64, ended: u64| (time.at(at_s), up.at(ended as f64));
        self.draw_forecast(canvas, at);
        self.draw_run(canvas, at);
        sides.bottom + 46
    }

    /// Draws the bands of the forecast made before the run.
    fn draw_forecast(&self, canvas: &Canvas<'_>, at: impl Fn(f64, u64) -> Point) {
        // Half of the bands are enough on a narrow sheet; the last one says when the run is done.
        let each = if canvas.is_narrow() { 2 } else { 1 };
        let bands: Vec<&Band> = self.forecast.iter().rev().step_by(each).collect();
        let Some(first) = bands.last() else { return };
        for (low, high, alpha) in BANDS {
            let edge = |place: usize| {
                bands.iter().map(|band| at(band.at_s[place], band.ended)).collect::<Vec<_>>()
            };
            let there = edge(low).into_iter().rev();
            let outline =
                [at(0.0, self.before.min(first.ended))].into_iter().chain(there).chain(edge(high));
            canvas.area(outline.collect(), alpha, Ink::Measured);
        }
        // Bands of a server without scatter have no width.
        let median = bands.iter().rev().map(|band| at(band.at_s[3], band.ended));
        canvas.line(median.collect::<Vec<_>>(), 1, Ink::Measured);
    }

    /// Draws the run's line, and from its end on the latest estimate.
    fn draw_run(&self, canvas: &Canvas<'_>, at: impl Fn(f64, u64) -> Point) {
        let (now_s, ended) = self.now();
        let now = at(now_s, ended);
        if let Some([low, middle, high]) = self.done_s {
            let ends = [low, middle, high].map(|done_s| at(done_s, self.all));
            canvas.line([now, ends[1]], 2, Ink::Dotted);
            canvas.line([ends[0], ends[2]], 2, Ink::Text);
            for (x, y) in [ends[0], ends[2]] {
                canvas.line([(x, y - 5), (x, y + 5)], 2, Ink::Text);
            }
        }
        let mut thinned: Vec<Point> = Vec::new();
        for (at_s, ended) in &self.line {
            let point = at(*at_s, *ended);
            if thinned.last().is_none_or(|last| point.0 >= last.0 + APART) {
                thinned.push(point);
            }
        }
        thinned.push(now);
        canvas.line(thinned, 3, Ink::Text);
        canvas.dot(now, 5, Ink::Text);
    }

    fn keys(&self, canvas: &Canvas<'_>) -> Vec<(Key, &'static str)> {
        let mut keys = vec![(Key::Line(Ink::Text), "this run")];
        if self.done_s.is_some() {
            keys.push((Key::Line(Ink::Dotted), "latest estimate (90 %)"));
        }
        if !self.forecast.is_empty() {
            let name =
                if canvas.is_narrow() { "forecast: 50 %" } else { "forecast before the run: 50 %" };
            keys.push((Key::Area(Ink::Measured, 0.42), name));
            keys.push((Key::Area(Ink::Measured, 0.26), "80 %"));
            keys.push((Key::Area(Ink::Measured, 0.14), "90 %"));
        }
        keys
    }
}
