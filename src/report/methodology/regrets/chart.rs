//! The distribution of regret: for each selector the share of scenarios up to each regret.

use super::{RegretsModel, Spread};
use crate::experiment::Portfolio;
use crate::report::shared::charts::{
    Anchor, Axis, AxisScale, Canvas, Font, Ink, Key, Scale, Sides, canvas, legend,
};
use crate::select::SelectorName;
use crate::text::percent;

const PANEL: i32 = 244;

/// Height of a panel with its title and its axis, in px.
const HEIGHT: i32 = PANEL + 96;

/// Width of the marks' names beside a panel, in px.
const NAMES: i32 = 50;

/// Regrets below this lie at the left edge.
const LEAST: f64 = 0.001;

/// The number by which a selector is drawn.
const fn number_of(selector: SelectorName) -> u8 {
    match selector {
        SelectorName::CostModel => 0,
        SelectorName::Guide => 1,
        SelectorName::SingleBest => 2,
        SelectorName::PoolRule => 3,
        SelectorName::Thresholds => 4,
    }
}

/// A panel for each portfolio: regret across, the share of scenarios up to it upwards.
pub(crate) fn regrets(model: &RegretsModel) -> Option<String> {
    let regrets = || model.spreads.iter().flat_map(|spread| &spread.regrets);
    regrets().next()?;
    let most = regrets().copied().fold(1.0, f64::max);
    let label = "For each selector the share of scenarios in which its regret is at most so large. The \
                 table below has the figures.";
    Some(canvas::draw(label, |canvas| {
        let selectors = SelectorName::ALL.into_iter().rev();
        let keys = selectors.map(|it| (Key::Mark(number_of(it)), it.in_words()));
        let top = legend(canvas, 0, keys);
        let columns = if canvas.is_narrow() { 1 } else { 2 };
        let width = canvas.width() / columns;
        for (index, portfolio) in (0..).zip(Portfolio::ALL) {
            let (left, top) =
                (index % columns * width + NAMES, top + index / columns * HEIGHT + 40);
            let right = left - NAMES + width - 14;
            let sides = Sides { left, right, top, bottom: top + PANEL };
            let spreads = model.spreads.iter().filter(|spread| spread.portfolio == portfolio);
            draw_panel(canvas, &sides, portfolio, most, spreads);
        }
        top + 2 / columns * HEIGHT
    }))
}

fn draw_panel<'a>(
    canvas: &Canvas<'_>,
    sides: &Sides,
    portfolio: Portfolio,
    most: f64,
    spreads: impl Iterator<Item = &'a Spread>,
) {
    const MARKS: [f64; 6] = [LEAST, 0.01, 0.1, 1.0, 10.0, 100.0];
    let named = |regret: f64| if regret <= LEAST { "none".to_owned() } else { percent(regret) };
    let px = [sides.left, sides.right];
    let marks: Vec<f64> = MARKS.into_iter().filter(|it| *it <= most * 1.2).collect();
    let across = Axis::within("regret, logarithmic", [LEAST, most * 1.2], &marks, px, named);
    let scale = Scale::new(1.0, [sides.bottom, sides.top]);
    let ticks = [0.0, 0.25, 0.5, 0.75, 1.0].map(|share| (share, format!("{:.0} %", share * 100.0)));
    let up = Axis { title: String::new(), scale: AxisScale::Linear(scale), ticks: ticks.to_vec() };
    sides.draw(canvas, &across, &up);
    let name = match portfolio {
        Portfolio::Guide => "share of scenarios, among the guide's strategies",
        Portfolio::Full => "share of scenarios, among all strategies",
    };
    let left = sides.left - NAMES;
    canvas.text(name, (left, sides.top - 18), Anchor::Left, Font::Small, Ink::Text);
    for spread in spreads {
        let number = number_of(spread.selector);
        let count = spread.regrets.len().max(1) as f64;
        let mut points = vec![(across.at(LEAST), up.at(0.0))];
        let mut below = up.at(0.0);
        for (index, regret) in spread.regrets.iter().enumerate() {
            let (x, y) = (across.at(regret.max(LEAST)), up.at((index + 1) as f64 / count));
            points.extend([(x, below), (x, y)]);
            below = y;
        }
        if let Some((x, y)) = points.last().copied() {
            points.push((sides.right.max(x), y));
        }
        canvas.line(points, 2, Ink::Series(number));
        // A mark at each tenth or so keeps lines apart that lie on one another.
        for (index, regret) in spread.regrets.iter().enumerate() {
            let is_shown = (index + usize::from(number)) % 3 == 0 || spread.regrets.len() < 6;
            if is_shown {
                let at = (across.at(regret.max(LEAST)), up.at((index + 1) as f64 / count));
                canvas.mark(number, at);
            }
        }
    }
}
