//! Distance to the physical limit: what share of the measured time the API needs at least.

use super::canvas::{self, Ink, Scale, Side, Size};
use super::{NAMES, ROW, WIDTH};
use crate::report::model::Model;
use crate::report::text::{count, percent};

/// One bar a row: the limit's share of the mean makespan.
pub fn limit(model: &Model) -> String {
    const TITLE: i32 = 36;
    let rows = model.rows().count() as i32;
    let bottom = model.examples.len() as i32 * TITLE + rows * ROW;
    let label = "Efficiency of each row: the least time that the API's pools allow, as a share of \
                 the mean makespan. The table below has the figures.";
    canvas::draw((WIDTH, (bottom + 32) as u32), label, |canvas| {
        let scale = Scale { high: 1.0, px: [NAMES, WIDTH as i32 - 40] };
        for share in [0.0, 0.25, 0.5, 0.75, 1.0] {
            let x = scale.at(share);
            canvas.line([(x, 8), (x, bottom)], 1, Ink::Grid);
            let name = if share < 1.0 { percent(share) } else { "limit".to_owned() };
            canvas.text(&name, (x, bottom + 14), Side::Middle, Size::Small, Ink::Muted);
        }
        canvas.dashes((scale.at(1.0), 8), (scale.at(1.0), bottom), Ink::Text);
        let mut y = 0;
        for example in &model.examples {
            let accounts = count(example.accounts);
            let title = format!(
                "Example {}: {accounts} accounts × {} mappings",
                example.number, example.mappings
            );
            canvas.block([(0, y + 10), (NAMES + 190, y + 30)], 1.0, Ink::Ground);
            canvas.text(&title, (0, y + 20), Side::Left, Size::Strong, Ink::Text);
            y += TITLE;
            for row in &example.rows {
                let middle = y + ROW / 2;
                canvas.text(row.strategy.name(), (16, middle), Side::Left, Size::Label, Ink::Text);
                let (end, text) = match row.efficiency {
                    Some(efficiency) => (scale.at(efficiency.min(1.0)), percent(efficiency)),
                    None => (scale.at(0.0), "invalid, not ranked".to_owned()),
                };
                let bar = [(scale.at(0.0), middle - 8), (end, middle + 8)];
                canvas.block(bar, 1.0, Ink::Measured);
                canvas.text(&text, (end + 8, middle), Side::Left, Size::Small, Ink::Text);
                y += ROW;
            }
        }
    })
}
