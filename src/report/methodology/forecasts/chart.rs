//! Predicted against simulated: how far each forecast is from the median of the runs.

use super::{BAND, deviation};
use crate::report::shared::charts::{
    Axis, AxisScale, Ink, Key, Scale, Sides, canvas, legend, range,
};
use crate::select::CaseVerdict;
use crate::select::case::Family;

const PANEL: i32 = 242;

/// The median of the runs across, the deviation of the forecast upwards: on an axis of seconds, of
/// which there are decades, three percent would be no wider than the line.
pub(crate) fn forecasts(verdicts: &[CaseVerdict]) -> Option<String> {
    let row = |it: &CaseVerdict| Some((it.family, it.forecast?.median_s, deviation(&it.forecast?)));
    let rows: Vec<(Family, f64, f64)> = verdicts.iter().filter_map(row).collect();
    if rows.is_empty() {
        return None;
    }
    let label = "For each scenario how far the forecast is from the median of the runs. The table below \
                 has the figures.";
    Some(canvas::draw(label, |canvas| {
        let shown = Family::ALL.into_iter().filter(|it| rows.iter().any(|(of, ..)| of == it));
        let top = legend(canvas, 0, shown.map(|it| (Key::Mark(it as u8), it.name()))) + 34;
        let sides = Sides { left: 54, right: canvas.width() - 14, top, bottom: top + PANEL };
        let range = range(rows.iter().map(|(_, median_s, _)| *median_s));
        let title = "simulated: the median of the runs, logarithmic";
        let across = Axis::times(title, range, [sides.left, sides.right]);
        let furthest = rows.iter().map(|(.., off)| off.abs()).fold(2.0 * BAND, f64::max) * 1.15;
        let scale = Scale::new(2.0 * furthest, [sides.bottom, sides.top]);
        let place = |deviation: f64| scale.at(deviation + furthest);
        let step = [0.02, 0.05, 0.1, 0.2, 0.5, 1.0].into_iter().find(|step| furthest / step < 4.0);
        let step = step.unwrap_or(furthest);
        let ticks = (-4..=4).map(|index| f64::from(index) * step);
        let ticks = ticks.filter(|deviation| deviation.abs() <= furthest);
        let named = |deviation: f64| match (deviation * 100.0).round() {
            0.0 => "0 %".to_owned(),
            percent => format!("{percent:+.0} %").replace('-', "−"),
        };
        let up = Axis {
            title: "predicted ÷ simulated − 1; the band is ±3 %".to_owned(),
            scale: AxisScale::Linear(scale),
            ticks: ticks.map(|deviation| (deviation + furthest, named(deviation))).collect(),
        };
        let band = [(sides.left, place(BAND)), (sides.right, place(-BAND))];
        canvas.block(band, 0.12, Ink::Measured);
        sides.draw(canvas, &across, &up);
        canvas.line([(sides.left, place(0.0)), (sides.right, place(0.0))], 1, Ink::Muted);
        for (family, median_s, off) in &rows {
            canvas.mark(*family as u8, (across.at(*median_s), place(*off)));
        }
        sides.bottom + 46
    }))
}
