//! The percentile spectrum: response times on an axis where each step is ten times rarer.

use super::WIDTH;
use super::canvas::{self, Anchor, Font, Ink, LogScale};
use super::frame::{Axis, AxisScale, Sides};
use crate::report::model::DecisionModel;

const HEIGHT: i32 = 400;

/// One line for each endpoint and outcome, of the largest five.
pub fn spectrum(model: &DecisionModel<'_>) -> String {
    let mut spectra: Vec<_> = model.winner.into_iter().flat_map(|winner| &winner.spectra).collect();
    spectra.sort_by_key(|spectrum| std::cmp::Reverse(spectrum.calls));
    spectra.truncate(5);
    let label = "Response times of the best strategy's calls by percentile, for each endpoint and \
                 outcome. The table below has the figures.";
    canvas::draw((WIDTH, HEIGHT), label, |canvas| {
        if spectra.is_empty() {
            return;
        }
        let sides = Sides { left: 56, right: WIDTH - 40, top: 64, bottom: HEIGHT - 56 };
        let rarest = spectra.iter().map(|spectrum| spectrum.calls).max().unwrap_or(1) as f64;
        let decades = rarest.log10().ceil().max(1.0);
        let scale = LogScale::new(1.0, 10_f64.powf(decades), [sides.left, sides.right]);
        let scale = AxisScale::Log(scale);
        let names = ["0 %", "90 %", "99 %", "99.9 %", "99.99 %", "99.999 %", "99.9999 %"];
        let ticks = (0..).zip(names);
        let ticks = ticks.map(|(power, name)| (10_f64.powi(power), name.to_owned()));
        let ticks = ticks.filter(|(value, _)| value.log10() <= decades).collect();
        let across = Axis { title: "percentile of the calls".to_owned(), scale, ticks };
        let times = spectra.iter().flat_map(|spectrum| &spectrum.points).map(|(_, ms)| ms / 1e3);
        let [low, high] = super::range(times);
        let times = [low.max(1e-4), high];
        let up = Axis::times("response time, logarithmic", times, [sides.bottom, sides.top]);
        sides.draw(canvas, &across, &up);
        let mut x = sides.left;
        for (number, spectrum) in (0_u8..).zip(&spectra) {
            let points: Vec<_> = spectrum
                .points
                .iter()
                .map(|(share, ms)| {
                    let rarity =
                        if *share < 1.0 { 1.0 / (1.0 - share) } else { spectrum.calls as f64 };
                    (across.at(rarity.max(1.0)), up.at(ms / 1e3))
                })
                .collect();
            let last = points.last().copied();
            canvas.line(points, 2, Ink::Series(number));
            if let Some(last) = last {
                canvas.mark(number, last);
            }
            let name = format!("{}: {}", spectrum.endpoint, spectrum.outcome.replace('_', " "));
            canvas.mark(number, (x + 8, 15));
            canvas.text(&name, (x + 22, 15), Anchor::Left, Font::Small, Ink::Text);
            x += 46 + 7 * i32::try_from(name.chars().count()).unwrap_or(0);
        }
    })
}
