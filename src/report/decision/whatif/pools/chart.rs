//! The best strategy under other pools: would a higher limit help?

use super::PoolWhatIf;
use crate::report::shared::charts::{Font, Ink, Rows, Scale, canvas, range, stacked};
use crate::text::duration;

/// One bar per pool, with the interval of the time; none where all take equally long.
pub(crate) fn pools(now: Option<u32>, pools: &[PoolWhatIf]) -> Option<String> {
    let [least, most] = range(pools.iter().map(|row| row.makespan_s[1]));
    if least >= most {
        return None;
    }
    let is_now = |pool: u32| now == Some(pool);
    let name =
        |pool: u32| format!("{pool} at a time{}", if is_now(pool) { ", as now" } else { "" });
    let names: Vec<String> = pools.iter().map(|row| name(row.pool)).collect();
    let label = "Time of the best strategy for each limit on concurrent calls. The table below has the \
                 figures.";
    Some(canvas::draw(label, |canvas| {
        let high = pools.iter().map(|row| row.makespan_s[2]).fold(0.0, f64::max);
        let rows = Rows::of(canvas, names.iter().map(String::as_str), 90);
        let scale = Scale::new(high, rows.px);
        for (index, (row, name)) in pools.iter().zip(&names).enumerate() {
            let [low, median, high] = row.makespan_s;
            let (font, alpha) =
                if is_now(row.pool) { (Font::Strong, 1.0) } else { (Font::Label, 0.45) };
            let top = stacked(index, rows.height);
            let middle = rows.draw(canvas, top, (name, font), &duration(median));
            let bar = [(scale.at(0.0), middle - 8), (scale.at(median), middle + 8)];
            canvas.block(bar, alpha, Ink::Measured);
            canvas.line([(scale.at(low), middle), (scale.at(high), middle)], 2, Ink::Text);
        }
        stacked(names.len(), rows.height) + 2
    }))
}
