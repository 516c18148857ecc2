//! Distance to the lower bound: what share of the measured time the API needs at least.

use crate::report::shared::charts::{Anchor, Font, Ink, Rows, Scale, canvas};
use crate::report::shared::rows::{ExampleModel, rows};
use crate::text::percent;

/// Shares that the axis names.
const SHARES: [f64; 5] = [0.0, 0.25, 0.5, 0.75, 1.0];

/// One bar a row: the lower bound's share of the mean time.
pub(crate) fn limit(examples: &[ExampleModel]) -> Option<String> {
    const TITLE: i32 = 36;
    rows(examples).find(|row| row.efficiency.is_some())?;
    let label = "Efficiency of each row: the least time that the API's limits allow, as a share of \
                 the mean time. The table below has the figures.";
    Some(canvas::draw(label, |canvas| {
        let names = rows(examples).map(|row| row.strategy.name());
        let lines = Rows::of(canvas, names, 130);
        let scale = Scale::new(1.0, lines.px);
        let mut y = 0;
        for example in examples {
            canvas.text(&example.title(), (0, y + 20), Anchor::Left, Font::Strong, Ink::Text);
            y += TITLE;
            for row in &example.rows {
                let (share, text) = match row.efficiency {
                    Some(efficiency) => (efficiency.min(1.0), percent(efficiency)),
                    None if row.makespan_s.is_some() => (0.0, "no limit".to_owned()),
                    None => (0.0, "invalid, not ranked".to_owned()),
                };
                let middle = lines.draw(canvas, y, (row.strategy.name(), Font::Label), &text);
                for x in SHARES.map(|share| scale.at(share)) {
                    canvas.line([(x, middle - 12), (x, middle + 12)], 1, Ink::Grid);
                }
                let end = scale.at(1.0);
                canvas.line([(end, middle - 12), (end, middle + 12)], 1, Ink::Text);
                let bar = [(scale.at(0.0), middle - 8), (scale.at(share), middle + 8)];
                canvas.block(bar, 1.0, Ink::Measured);
                y += lines.height;
            }
        }
        for share in SHARES {
            let name = if share < 1.0 { percent(share) } else { "limit".to_owned() };
            let half = Font::Small.width(&name) / 2;
            let x = scale.at(share).clamp(half, canvas.width() - half);
            canvas.text(&name, (x, y + 10), Anchor::Middle, Font::Small, Ink::Muted);
        }
        y + 22
    }))
}
