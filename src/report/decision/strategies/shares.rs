//! The calls' time by activity, a bar per strategy.

use crate::report::shared::charts::{Anchor, Font, Ink, Key, Rows, Scale, canvas, legend, stacked};
use crate::report::shared::league::RankedStrategy;
use crate::text::{duration, percent};

/// One bar per strategy, as long as its calls took together; its parts are services, losses and waits.
pub(crate) fn shares(league: &[RankedStrategy]) -> Option<String> {
    let longest_s = league.iter().map(|row| row.time_in_calls_s).fold(0.0, f64::max);
    if longest_s <= 0.0 {
        return None;
    }
    let label = "The calls' time in service, in calls refused, failed or given up, waiting for a place, for \
                 the rate, and in backoff, by strategy. The table below has the figures.";
    Some(canvas::draw(label, |canvas| {
        let parts = (0_u8..).zip(&league[0].times);
        let occurs = |number: u8| {
            let part = usize::from(number);
            league.iter().any(|row| row.times[part].share >= LEAST)
        };
        let parts = parts.filter(|(number, _)| occurs(*number)).map(|(number, part)| {
            (Key::Area(Ink::Series(number), ALPHA[usize::from(number)]), part.name)
        });
        let top = legend(canvas, 0, parts) + 10;
        let rows = Rows::of(canvas, league.iter().map(|row| row.name.as_str()), 120);
        let scale = Scale::new(longest_s, rows.px);
        for (index, row) in league.iter().enumerate() {
            let text = format!("{} in all", duration(row.time_in_calls_s));
            let name = (row.name.as_str(), Font::Label);
            let middle = rows.draw(canvas, top + stacked(index, rows.height), name, &text);
            let mut until_s = 0.0;
            for (number, part) in row.times.iter().enumerate() {
                let [from, to] = [until_s, until_s + part.seconds].map(|it| scale.at(it));
                until_s += part.seconds;
                if to <= from {
                    continue;
                }
                let bar = [(from, middle - 9), (to, middle + 9)];
                canvas.block(bar, ALPHA[number], Ink::Series(number as u8));
                let share = percent(part.share);
                if Font::Small.width(&share) + 4 <= to - from {
                    let ink = if number == 0 { Ink::Ground } else { Ink::Text };
                    canvas.text(
                        &share,
                        (from.midpoint(to), middle),
                        Anchor::Middle,
                        Font::Small,
                        ink,
                    );
                }
            }
        }
        top + stacked(league.len(), rows.height) + 4
    }))
}

/// The least share for which an activity stands in the legend.
const LEAST: f64 = 0.005;

/// The opacity of each part, in order: service stands out, waits are pale.
const ALPHA: [f64; 5] = [1.0, 0.6, 0.35, 0.35, 0.4];
