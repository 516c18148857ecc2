//! The line of a run: accounts ended by time, in at most 600 points, beside the forecast made before it.

use super::snapshot::{CourseWord, LiveCurve, LivePoint};
use crate::experiment::Band;

/// Points that are kept; of more, every second.
const MOST: usize = 600;

/// Time beyond the band, as a share of the forecast's median, before the line has left it: the simulations know nothing
/// of the time that a network takes, and a server without scatter has a band without width.
const SLACK: f64 = 0.05;

/// Places in a band's percentiles: 5, 10, 25, 50, 75, 90, 95.
const P5: usize = 0;
const P10: usize = 1;
const P50: usize = 3;
const P90: usize = 5;
const P95: usize = 6;

/// The line of a run, and its forecast.
#[derive(Debug, Default)]
pub struct CurveFold {
    points: Vec<LivePoint>,
    /// The latest point, which may not be among those that are kept.
    latest: Option<LivePoint>,
    /// Seconds between points at least.
    apart_s: f64,
    forecast: Vec<Band>,
}

impl CurveFold {
    /// The run begins.
    pub fn begin(&mut self) {
        self.points = vec![LivePoint { at_s: 0.0, ended: 0, refused: 0, left_s: None }];
    }

    /// So many accounts had ended before this process began.
    pub fn begin_at(&mut self, ended: u64) {
        if let [first] = self.points.as_mut_slice() {
            first.ended = ended;
        }
    }

    pub(super) fn set_forecast(&mut self, forecast: Vec<Band>) {
        self.forecast = forecast;
    }

    /// So many accounts had ended at `at_s`, and so many calls were refused.
    pub fn add(&mut self, at_s: f64, ended: u64, refused: u64) {
        let point = LivePoint { at_s, ended, refused, left_s: None };
        self.latest = Some(point);
        if self.points.last().is_none_or(|last| at_s - last.at_s >= self.apart_s) {
            self.keep(point);
        }
    }

    fn keep(&mut self, point: LivePoint) {
        if self.points.len() == MOST {
            let mut place = 0;
            self.points.retain(|_| {
                place += 1;
                place % 2 == 1
            });
            self.apart_s = (point.at_s - self.points[0].at_s) / (MOST / 2) as f64;
        }
        self.points.push(point);
    }

    /// The time left was estimated at `at_s`.
    pub(super) fn estimated(&mut self, at_s: f64, left_s: [f64; 3]) {
        let (ended, refused) = self.latest.map_or((0, 0), |it| (it.ended, it.refused));
        self.keep(LivePoint { at_s, ended, refused, left_s: Some(left_s) });
    }

    /// The run ended at `at_s`.
    pub fn end(&mut self, at_s: f64, ended: u64) {
        let refused = self.latest.map_or(0, |it| it.refused);
        let at_s = self.latest.map_or(at_s, |it| it.at_s);
        self.latest = Some(LivePoint { at_s, ended, refused, left_s: None });
    }

    /// Seconds at the latest point.
    pub(super) fn last_s(&self) -> Option<f64> {
        self.latest.map(|it| it.at_s)
    }

    /// The line as it is shown: its last point is the latest.
    pub fn shown(&self) -> LiveCurve {
        let mut points = self.points.clone();
        let is_newer =
            |latest: &LivePoint| points.last().is_none_or(|last| last.ended < latest.ended);
        if let Some(latest) = self.latest.filter(is_newer) {
            if points.len() == MOST {
                points.pop();
            }
            points.push(latest);
        }
        LiveCurve { points, forecast: self.forecast.clone() }
    }

    /// The line beside its forecast where `ended` accounts had ended at `at_s`, and `before` was said; `None`
    /// without a forecast.
    pub(super) fn beside_forecast(
        &self,
        at_s: f64,
        ended: u64,
        before: Option<CourseWord>,
    ) -> Option<CourseWord> {
        let slack_s = self.forecast.last()?.at_s[P50] * SLACK;
        // Of the account that is to end next: late as soon as it is. Of the one that ended last: early if it was.
        let (next, last) = (self.at(ended + 1), self.at(ended));
        let is_out = before.is_some_and(|word| word != CourseWord::AsForecast);
        let (late, early, slack_s) = if is_out { (P90, P10, 0.0) } else { (P95, P5, slack_s) };
        Some(match (next, last) {
            (Some(next), _) if at_s > next[late] + slack_s => CourseWord::Slower,
            (_, Some(last)) if ended > 0 && at_s < last[early] - slack_s => CourseWord::Faster,
            _ => CourseWord::AsForecast,
        })
    }

    /// Percentiles of the time at which so many accounts have ended by the forecast.
    fn at(&self, ended: u64) -> Option<[f64; 7]> {
        let next = self.forecast.iter().position(|band| band.ended >= ended)?;
        let upper = self.forecast[next];
        let lower = match next.checked_sub(1) {
            Some(place) => self.forecast[place],
            None => Band { ended: 0, at_s: [0.0; 7] },
        };
        let width = (upper.ended - lower.ended).max(1) as f64;
        let share = ended.saturating_sub(lower.ended) as f64 / width;
        Some(std::array::from_fn(|place| {
            lower.at_s[place] + share * (upper.at_s[place] - lower.at_s[place])
        }))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_long_run_keeps_six_hundred_points_and_its_last() {
        let mut line = CurveFold::default();
        line.begin();
        for second in 1..=100_000_u32 {
            line.add(f64::from(second), u64::from(second), 0);
        }
        let points = line.shown().points;
        assert!((250..=MOST).contains(&points.len()), "{}", points.len());
        assert_eq!((points[0].ended, points.last().unwrap().ended), (0, 100_000));
        assert!(points.windows(2).all(|pair| pair[0].at_s <= pair[1].at_s));
    }

    #[test]
    fn a_line_leaves_its_forecast_once_and_comes_back() {
        let mut line = CurveFold::default();
        let band = |ended: u64, s: f64| Band {
            ended,
            at_s: [0.8, 0.85, 0.9, 1.0, 1.1, 1.15, 1.2].map(|times| times * s),
        };
        line.set_forecast(vec![band(100, 100.0), band(200, 200.0)]);
        let word = |at_s, ended, before| line.beside_forecast(at_s, ended, before).unwrap();
        assert_eq!(word(50.0, 49, None), CourseWord::AsForecast);
        assert_eq!(word(50.0, 90, None), CourseWord::Faster);
        assert_eq!(word(75.0, 49, None), CourseWord::Slower);
        // At 118 % of the forecast it has not left the band, and is not back in it either.
        assert_eq!(word(118.0, 99, None), CourseWord::AsForecast);
        assert_eq!(word(125.0, 99, None), CourseWord::AsForecast);
        assert_eq!(word(118.0, 99, Some(CourseWord::Slower)), CourseWord::Slower);
        assert_eq!(word(110.0, 99, Some(CourseWord::Slower)), CourseWord::AsForecast);
        assert_eq!(CurveFold::default().beside_forecast(1.0, 1, None), None);
    }
}
