//! The percentile spectrum: response times on an axis where each step is ten times rarer.

use super::canvas::{self, Ink};
use super::frame::{Axis, Sides};
use super::labels::{Key, legend};
use crate::report::decision::Spectrum;
use crate::report::model::DecisionModel;

const PANEL: i32 = 280;

/// Percentiles that the axis names, as one call of so many.
const RARITIES: [(f64, &str); 8] = [
    (2.0, "50 %"),
    (4.0, "75 %"),
    (10.0, "90 %"),
    (100.0, "99 %"),
    (1e3, "99.9 %"),
    (1e4, "99.99 %"),
    (1e5, "99.999 %"),
    (1e6, "99.9999 %"),
];

/// The first percentile behind the least value that is known is this one: the axis begins there.
const FIRST: f64 = 1.3;

/// One line for each endpoint and outcome, of the largest five.
pub fn spectrum(model: &DecisionModel<'_>) -> Option<String> {
    let mut spectra: Vec<&Spectrum> =
        model.winner.into_iter().flat_map(|winner| &winner.spectra).collect();
    spectra.sort_by_key(|spectrum| std::cmp::Reverse(spectrum.calls));
    spectra.truncate(5);
    let rarest = spectra.first()?.calls as f64;
    let label = "Response times of the best strategy's calls by percentile, for each endpoint and \
                 outcome. The table below has the figures.";
    Some(canvas::draw(label, |canvas| {
        let name = |spectrum: &Spectrum| {
            format!("{}: {}", spectrum.endpoint, spectrum.outcome.replace('_', " "))
        };
        let names = (0_u8..).zip(&spectra).map(|(number, it)| (Key::Mark(number), name(it)));
        let top = legend(canvas, 0, names) + 34;
        let sides = Sides { left: 62, right: canvas.width() - 20, top, bottom: top + PANEL };
        let high = (rarest * 1.1).max(4.0);
        let marks: Vec<f64> = RARITIES.map(|(rarity, _)| rarity).to_vec();
        let named = |rarity: f64| {
            let found = RARITIES.iter().find(|(known, _)| *known == rarity);
            found.map_or_else(String::new, |(_, name)| (*name).to_owned())
        };
        let title = "percentile of the calls";
        let px = [sides.left, sides.right];
        let across = Axis::within(title, [FIRST, high], &marks, px, named);
        let shown = |spectrum: &Spectrum| -> Vec<(f64, f64)> {
            let rarity =
                |share: f64| if share < 1.0 { 1.0 / (1.0 - share) } else { spectrum.calls as f64 };
            let points =
                spectrum.points.iter().map(|(share, ms)| (rarity(*share).max(FIRST), ms / 1e3));
            // The least time of all stands for no percentile.
            points.skip(usize::from(spectrum.points.len() > 1)).collect()
        };
        let times = spectra.iter().flat_map(|spectrum| shown(spectrum)).map(|(_, time_s)| time_s);
        let [low, high] = super::range(times);
        let up = Axis::times(
            "response time, logarithmic",
            [low.max(1e-4), high],
            [sides.bottom, sides.top],
        );
        sides.draw(canvas, &across, &up);
        for (number, spectrum) in (0_u8..).zip(&spectra) {
            let points = shown(spectrum).into_iter();
            let points: Vec<_> = points.map(|(rarity, s)| (across.at(rarity), up.at(s))).collect();
            let last = points.last().copied();
            canvas.line(points, 2, Ink::Series(number));
            if let Some(last) = last {
                canvas.mark(number, last);
            }
        }
        sides.bottom + 46
    }))
}
