//! The calls' time by activity, a bar per strategy.

use super::canvas::{self, Anchor, Font, Ink};
use super::{NAMES, ROW, WIDTH, stacked};
use crate::report::model::DecisionModel;
use crate::text::{duration, percent};

/// The least share that is named on its bar.
const NAMED: f64 = 0.08;

/// One bar per strategy; its parts are services, losses and waits.
pub fn shares(model: &DecisionModel<'_>) -> String {
    const TOP: i32 = 40;
    let bottom = TOP + stacked(model.league.len(), ROW + 6);
    let label = "Share of the calls' time in service, in calls refused, failed or given up, waiting for a \
                 place, for the rate, and in backoff, by strategy. The table below has the figures.";
    // Names of stored runs are longer than those of strategies.
    let long = model.league.iter().any(|row| row.name.chars().count() > 12);
    let left = if long { 2 * NAMES } else { NAMES };
    canvas::draw((WIDTH, bottom + 12), label, |canvas| {
        let names = model.league.first().map_or(&[][..], |row| row.times.as_slice());
        let mut x = left;
        for (number, part) in (0..).zip(names) {
            canvas.block([(x, 9), (x + 14, 21)], ALPHA[number], Ink::Series(number as u8));
            canvas.text(part.name, (x + 20, 15), Anchor::Left, Font::Small, Ink::Text);
            x += 44 + 7 * i32::try_from(part.name.len()).unwrap_or(0);
        }
        let whole = f64::from(WIDTH - left - 110);
        for (index, row) in model.league.iter().enumerate() {
            let y = TOP + stacked(index, ROW + 6);
            let middle = y + ROW / 2;
            canvas.text(&row.name, (0, middle), Anchor::Left, Font::Label, Ink::Text);
            let mut from = f64::from(left);
            for (number, part) in row.times.iter().enumerate() {
                let to = from + part.share * whole;
                let bar = [(from.round() as i32, y + 3), (to.round() as i32, y + ROW - 3)];
                canvas.block(bar, ALPHA[number], Ink::Series(number as u8));
                if part.share >= NAMED {
                    let centre = (f64::midpoint(from, to).round() as i32, middle);
                    let ink = if number == 0 { Ink::Ground } else { Ink::Text };
                    canvas.text(&percent(part.share), centre, Anchor::Middle, Font::Small, ink);
                }
                from = to;
            }
            let text = format!("{} in all", duration(row.time_in_calls_s));
            canvas.text(&text, (WIDTH, middle), Anchor::Right, Font::Small, Ink::Muted);
        }
    })
}

/// The opacity of each part, in order: service stands out, waits are pale.
const ALPHA: [f64; 5] = [1.0, 0.75, 0.35, 0.35, 0.55];
