//! The percentile spectrum: response times on an axis where each step is ten times rarer.

use super::WIDTH;
use super::canvas::{self, Anchor, Font, Ink, LogScale};
use super::frame::{Axis, AxisScale, Sides};
use crate::report::decision::Spectrum;
use crate::report::model::DecisionModel;

const HEIGHT: i32 = 400;

/// Height of one line of the legend, in px.
const LINE: i32 = 20;

/// One line for each endpoint and outcome, of the largest five.
pub fn spectrum(model: &DecisionModel<'_>) -> String {
    let mut spectra: Vec<_> = model.winner.into_iter().flat_map(|winner| &winner.spectra).collect();
    spectra.sort_by_key(|spectrum| std::cmp::Reverse(spectrum.calls));
    spectra.truncate(5);
    let label = "Response times of the best strategy's calls by percentile, for each endpoint and \
                 outcome. The table below has the figures.";
    let names: Vec<String> = spectra.iter().map(|spectrum| name(spectrum)).collect();
    let places = places(&names);
    let below = places.last().map_or(0, |[_, y]| y - places[0][1]);
    canvas::draw((WIDTH, HEIGHT + below), label, |canvas| {
        if spectra.is_empty() {
            return;
        }
        let bottom = HEIGHT + below - 56;
        let sides = Sides { left: LEFT, right: WIDTH - 40, top: 64 + below, bottom };
        let rarest = spectra.iter().map(|spectrum| spectrum.calls).max().unwrap_or(1) as f64;
        let decades = rarest.log10().ceil().max(1.0);
        let scale = LogScale::new(1.0, 10_f64.powf(decades), [sides.left, sides.right]);
        let scale = AxisScale::Log(scale);
        let marks = ["0 %", "90 %", "99 %", "99.9 %", "99.99 %", "99.999 %", "99.9999 %"];
        let ticks = (0..).zip(marks);
        let ticks = ticks.map(|(power, name)| (10_f64.powi(power), name.to_owned()));
        let ticks = ticks.filter(|(value, _)| value.log10() <= decades).collect();
        let across = Axis { title: "percentile of the calls".to_owned(), scale, ticks };
        let times = spectra.iter().flat_map(|spectrum| &spectrum.points).map(|(_, ms)| ms / 1e3);
        let [low, high] = super::range(times);
        let times = [low.max(1e-4), high];
        let up = Axis::times("response time, logarithmic", times, [sides.bottom, sides.top]);
        sides.draw(canvas, &across, &up);
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
            let [x, y] = places[usize::from(number)];
            canvas.mark(number, (x + 8, y));
            let name = &names[usize::from(number)];
            canvas.text(name, (x + MARK, y), Anchor::Left, Font::Small, Ink::Text);
        }
    })
}

const LEFT: i32 = 56;

/// Width of a mark of the legend with the space behind it, in px.
const MARK: i32 = 22;

fn name(spectrum: &Spectrum) -> String {
    format!("{}: {}", spectrum.endpoint, spectrum.outcome.replace('_', " "))
}

/// The places of the legend's names, in px: on as many lines as they need.
fn places(names: &[String]) -> Vec<[i32; 2]> {
    let [mut x, mut y] = [LEFT, 15];
    let place = |name: &String| {
        let width = MARK + 7 * i32::try_from(name.chars().count()).unwrap_or(0);
        if x > LEFT && x + width > WIDTH {
            [x, y] = [LEFT, y + LINE];
        }
        let at = [x, y];
        x += width + 24;
        at
    };
    names.iter().map(place).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_name_of_the_legend_is_on_the_drawing() {
        let long = "PATCH /accounts/{id}: errors under success".to_owned();
        let found = places(&vec![long.clone(); 5]);
        assert_eq!(found, [[56, 15], [396, 15], [56, 35], [396, 35], [56, 55]]);
        let short = vec!["GET /a: ok".to_owned(); 5];
        assert!(places(&short).iter().all(|[x, y]| *y == 15 && *x < WIDTH - MARK - 70));
    }
}
