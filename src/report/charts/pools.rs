//! The best strategy under other pools: would a higher limit help?

use super::canvas::{self, Anchor, Font, Ink, Scale};
use super::{NAMES, ROW, WIDTH, stacked};
use crate::report::model::DecisionModel;
use crate::text::duration;

/// One bar a pool, with the interval of the makespan.
pub fn pools(model: &DecisionModel<'_>) -> String {
    let rows = &model.decision.pools;
    let bottom = stacked(rows.len(), ROW + 6);
    let label = "Makespan of the best strategy for each size of the pools. The table below has the \
                 figures.";
    canvas::draw((WIDTH, bottom + 10), label, |canvas| {
        let high = rows.iter().map(|row| row.makespan_s[2]).fold(0.0, f64::max);
        let scale = Scale::new(high, [NAMES, WIDTH - 110]);
        for (index, row) in rows.iter().enumerate() {
            let y = stacked(index, ROW + 6);
            let middle = y + ROW / 2;
            let [low, median, high] = row.makespan_s;
            let is_now = model.decision.pool == Some(row.pool);
            let name = format!("{} at a time", row.pool);
            let size = if is_now { Font::Strong } else { Font::Label };
            canvas.text(&name, (0, middle), Anchor::Left, size, Ink::Text);
            let alpha = if is_now { 1.0 } else { 0.45 };
            canvas.block([(NAMES, y + 4), (scale.at(median), y + ROW - 4)], alpha, Ink::Measured);
            canvas.line([(scale.at(low), middle), (scale.at(high), middle)], 2, Ink::Text);
            let now = if is_now { ", as the profile has it" } else { "" };
            let text = format!("{}{now}", duration(median));
            let right = scale.at(high) + 10;
            let (at, anchor, ink) = if right < WIDTH - 230 || !is_now {
                ((right, middle), Anchor::Left, Ink::Text)
            } else {
                ((scale.at(low) - 8, middle), Anchor::Right, Ink::Ground)
            };
            canvas.text(&text, at, anchor, Font::Small, ink);
        }
    })
}
