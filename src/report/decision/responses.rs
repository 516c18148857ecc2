//! The percentile spectrum: response times on an axis where each step is ten times rarer.

use crate::report::shared::charts::{Axis, Ink, Key, Sides, canvas, legend, range};
use crate::report::shared::league::{Spectrum, outcome_in_words};

const PANEL: i32 = 280;

/// Percentiles that the axis names, each as one call of so many.
const RARITIES: [f64; 8] = [2.0, 4.0, 10.0, 100.0, 1e3, 1e4, 1e5, 1e6];

/// Where the axis begins: at the first percentile that is known beside the least time.
const FIRST: f64 = 1.3;

/// The percentile beyond which one call of `rarity` lies: `75 %`, `99.9 %`.
fn percentile(rarity: f64) -> String {
    let digits = (rarity.log10() - 2.0).max(0.0) as usize;
    format!("{:.digits$} %", 100.0 * (1.0 - 1.0 / rarity))
}

/// One line for each endpoint and outcome, of the largest five.
pub(crate) fn spectrum(spectra: &[Spectrum]) -> Option<String> {
    let mut spectra: Vec<&Spectrum> = spectra.iter().collect();
    spectra.sort_by_key(|spectrum| std::cmp::Reverse(spectrum.calls));
    spectra.truncate(5);
    let rarest = spectra.first()?.calls as f64;
    let label = "Response times of the best strategy's calls by percentile, for each endpoint and \
                 outcome. The table below has the figures.";
    Some(canvas::draw(label, |canvas| {
        let name = |spectrum: &Spectrum| {
            format!("{}: {}", spectrum.endpoint, outcome_in_words(&spectrum.outcome))
        };
        let names = (0_u8..).zip(&spectra).map(|(number, it)| (Key::Mark(number), name(it)));
        let top = legend(canvas, 0, names) + 34;
        let sides = Sides { left: 62, right: canvas.width() - 20, top, bottom: top + PANEL };
        let high = (rarest * 1.1).max(4.0);
        let title = "percentile of the calls";
        let px = [sides.left, sides.right];
        let across = Axis::within(title, [FIRST, high], &RARITIES, px, percentile);
        let shown = |spectrum: &Spectrum| -> Vec<(f64, f64)> {
            let rarity =
                |share: f64| if share < 1.0 { 1.0 / (1.0 - share) } else { spectrum.calls as f64 };
            let points =
                spectrum.points.iter().map(|(share, ms)| (rarity(*share).max(FIRST), ms / 1e3));
            // The least time of all stands for no percentile.
            points.skip(usize::from(spectrum.points.len() > 1)).collect()
        };
        let times = spectra.iter().flat_map(|spectrum| shown(spectrum)).map(|(_, time_s)| time_s);
        let [low, high] = range(times);
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
