//! Makespan against share of refused calls: a mark per strategy, and the Pareto front.

use super::canvas::{self, Anchor, Font, Ink};
use super::frame::{Axis, Sides};
use super::{WIDTH, number_of};
use crate::report::model::{DecisionModel, RankedStrategy};
use crate::text::duration;

const HEIGHT: i32 = 380;

/// Width of a label's letter, in px, rounded up.
const LETTER: i32 = 7;

/// Makespan across, share of refused calls upwards.
pub fn pareto(model: &DecisionModel<'_>) -> String {
    let valid: Vec<&RankedStrategy> = model.league.iter().filter(|row| row.is_valid).collect();
    let label = "Each strategy by its makespan and the share of its calls that were refused; those \
                 on the frontier are joined. The league above has the figures.";
    canvas::draw((WIDTH, HEIGHT), label, |canvas| {
        let sides = Sides { left: 56, right: WIDTH - 20, top: 40, bottom: HEIGHT - 56 };
        let [low, high] = super::range(valid.iter().map(|row| row.makespan_s[1]));
        if valid.is_empty() {
            return;
        }
        let across =
            Axis::times("makespan, logarithmic", [low, high * 1.6], [sides.left, sides.right]);
        let rudest = valid.iter().map(|row| row.refused).fold(0.01, f64::max) * 1.15;
        let up = Axis::linear(
            "share of calls refused",
            rudest,
            [sides.bottom, sides.top],
            5.0,
            |share, digits| format!("{:.*} %", digits.saturating_sub(2), share * 100.0),
        );
        sides.draw(canvas, &across, &up);
        let mut frontier: Vec<&&RankedStrategy> =
            valid.iter().filter(|row| row.is_on_frontier).collect();
        frontier.sort_by(|a, b| a.makespan_s[1].total_cmp(&b.makespan_s[1]));
        let at = |row: &RankedStrategy| (across.at(row.makespan_s[1]), up.at(row.refused));
        for pair in frontier.windows(2) {
            let (from, to) = (at(pair[0]), at(pair[1]));
            canvas.dashes(from, (to.0, from.1), Ink::Muted);
            canvas.dashes((to.0, from.1), to, Ink::Muted);
        }
        for (index, row) in valid.iter().enumerate() {
            let (x, y) = at(row);
            canvas.mark(number_of(row.strategy), (x, y));
            let name = format!("{}, {}", row.name, duration(row.makespan_s[1]));
            // Names of neighbours on one level stand on two.
            let above = if index % 2 == 0 { 14 } else { 32 };
            canvas.line([(x, y - 8), (x, y - above + 6)], 1, Ink::Grid);
            let letters = i32::try_from(name.chars().count()).unwrap_or_default();
            let ends = x + 6 + LETTER * letters;
            let (from, anchor) =
                if ends > WIDTH { (x - 6, Anchor::Right) } else { (x + 6, Anchor::Left) };
            canvas.text(&name, (from, y - above), anchor, Font::Label, Ink::Text);
        }
    })
}
