//! Distance to the physical limit: what share of the measured time the API needs at least.

use super::canvas::{self, Anchor, Font, Ink, Scale};
use super::{NAMES, ROW, WIDTH, stacked};
use crate::report::model::Model;
use crate::text::percent;

/// Shares that the axis names.
const SHARES: [f64; 5] = [0.0, 0.25, 0.5, 0.75, 1.0];

/// One bar a row: the limit's share of the mean makespan.
pub fn limit(model: &Model<'_>) -> String {
    const TITLE: i32 = 36;
    let rows = stacked(model.rows().count(), ROW);
    let bottom = stacked(model.examples.len(), TITLE) + rows;
    let label = "Efficiency of each row: the least time that the API's pools allow, as a share of \
                 the mean makespan. The table below has the figures.";
    canvas::draw((WIDTH, bottom + 32), label, |canvas| {
        let scale = Scale::new(1.0, [NAMES, WIDTH - 40]);
        for share in SHARES {
            let x = scale.at(share);
            let name = if share < 1.0 { percent(share) } else { "limit".to_owned() };
            canvas.text(&name, (x, bottom + 14), Anchor::Middle, Font::Small, Ink::Muted);
        }
        let mut y = 0;
        for example in &model.examples {
            canvas.text(&example.title(), (0, y + 20), Anchor::Left, Font::Strong, Ink::Text);
            y += TITLE;
            let end = y + stacked(example.rows.len(), ROW);
            for x in SHARES.map(|share| scale.at(share)) {
                canvas.line([(x, y), (x, end)], 1, Ink::Grid);
            }
            canvas.dashes((scale.at(1.0), y), (scale.at(1.0), end), Ink::Text);
            for row in &example.rows {
                let middle = y + ROW / 2;
                canvas.text(
                    row.strategy.name(),
                    (16, middle),
                    Anchor::Left,
                    Font::Label,
                    Ink::Text,
                );
                let (end, text) = match row.efficiency {
                    Some(efficiency) => (scale.at(efficiency.min(1.0)), percent(efficiency)),
                    None if row.makespan_s.is_some() => (scale.at(0.0), "no limit".to_owned()),
                    None => (scale.at(0.0), "invalid, not ranked".to_owned()),
                };
                let bar = [(scale.at(0.0), middle - 8), (end, middle + 8)];
                canvas.block(bar, 1.0, Ink::Measured);
                canvas.text(&text, (end + 8, middle), Anchor::Left, Font::Small, Ink::Text);
                y += ROW;
            }
        }
    })
}
