//! Time against another figure of which less is better: a mark per strategy, and the Pareto front.

use super::{Drawback, Tradeoff};
use crate::report::shared::charts::{Axis, Ink, Labels, Point, Sides, canvas, number_of, range};
use crate::report::shared::league::RankedStrategy;
use crate::text::duration;

const TOP: i32 = 40;
const PANEL: i32 = 260;

/// Time across, refusals or edits upwards.
pub(crate) fn pareto(league: &[RankedStrategy], tradeoff: Option<&Tradeoff>) -> Option<String> {
    let tradeoff = tradeoff?;
    let rows = league.iter().zip(&tradeoff.figures).zip(&tradeoff.is_on_frontier);
    let rows: Vec<(&RankedStrategy, f64, bool)> = rows
        .filter_map(|((row, figure), is_on_frontier)| Some((row, (*figure)?, *is_on_frontier)))
        .collect();
    let against = tradeoff.against;
    let label = format!(
        "Each strategy by its time and by {}; those on the frontier are joined. The table of strategies \
         has the figures.",
        against.name()
    );
    Some(canvas::draw(&label, |canvas| {
        let sides = Sides { left: 56, right: canvas.width() - 14, top: TOP, bottom: TOP + PANEL };
        let times = range(rows.iter().map(|(row, ..)| row.makespan_s[1]));
        let across = Axis::times("time, logarithmic", times, [sides.left, sides.right]);
        let most = rows.iter().map(|(_, figure, _)| *figure).fold(0.0, f64::max);
        let up = Axis::linear(against.name(), most, [sides.bottom, sides.top], |it, digits| {
            if against == Drawback::Refused {
                format!("{:.*} %", digits.saturating_sub(2), it * 100.0)
            } else {
                format!("{it:.digits$}")
            }
        });
        sides.draw(canvas, &across, &up);
        let at = |(row, figure, _): &(&RankedStrategy, f64, bool)| -> Point {
            (across.at(row.makespan_s[1]), up.at(*figure))
        };
        let mut frontier: Vec<Point> = rows.iter().filter(|(.., is_on)| *is_on).map(at).collect();
        frontier.sort_unstable();
        let steps = frontier.windows(2).flat_map(|pair| [(pair[1].0, pair[0].1), pair[1]]);
        let line: Vec<Point> = frontier.first().copied().into_iter().chain(steps).collect();
        canvas.line(line.as_slice(), 1, Ink::Dashed);
        let points: Vec<Point> = rows.iter().map(at).collect();
        let area = [(sides.left, sides.top - 6), (canvas.width(), sides.bottom)];
        let mut labels = Labels::around(canvas, area, &points);
        labels.keep_off(&line);
        for ((row, ..), point) in rows.iter().zip(&points) {
            canvas.mark(number_of(row.strategy), *point);
            labels.put(
                &format!("{}, {}", row.name, duration(row.makespan_s[1])),
                *point,
                Ink::Text,
            );
        }
        sides.bottom + 46
    }))
}
