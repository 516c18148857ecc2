//! The distribution of regret: for each selector the share of scenarios up to each regret.

use super::canvas::{self, Anchor, Canvas, Font, Ink, LogScale, Scale};
use super::frame::{Axis, AxisScale, Sides};
use super::{WIDTH, legend, stacked};
use crate::experiment::Portfolio;
use crate::report::model::{RegretsModel, Spread};
use crate::select::SelectorName;

const HEIGHT: i32 = 372;
const TOP: i32 = 76;
const LEFT: i32 = 52;
const GAP: i32 = 64;
const RIGHT: i32 = 20;

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

/// A selector's name for readers.
const fn known_as(selector: SelectorName) -> &'static str {
    match selector {
        SelectorName::CostModel => "auto: simulations",
        SelectorName::Guide => "the guide's rule",
        SelectorName::SingleBest => "single best",
        SelectorName::PoolRule => "pool rule",
        SelectorName::Thresholds => "auto: thresholds",
    }
}

/// A panel for each portfolio: regret across, the share of scenarios up to it upwards.
pub fn regrets(model: &RegretsModel) -> String {
    let label = "For each selector the share of scenarios in which its regret is at most so large. The \
                 table below has the figures.";
    canvas::draw((WIDTH, HEIGHT), label, |canvas| {
        let selectors = SelectorName::ALL.into_iter().rev();
        legend(canvas, LEFT, 165, selectors.map(|it| (number_of(it), known_as(it))));
        let most = model.spreads.iter().filter_map(|spread| spread.regrets.last().copied());
        let most = most.fold(1.0, f64::max);
        let width = (WIDTH - LEFT - GAP - RIGHT) / 2;
        for portfolio in Portfolio::ALL {
            let left = LEFT + stacked(portfolio as usize, width + GAP);
            let sides = Sides { left, right: left + width, top: TOP, bottom: HEIGHT - 52 };
            let spreads = model.spreads.iter().filter(|spread| spread.portfolio == portfolio);
            draw_panel(canvas, &sides, portfolio, most, spreads);
        }
    })
}

fn draw_panel<'a>(
    canvas: &Canvas<'_>,
    sides: &Sides,
    portfolio: Portfolio,
    most: f64,
    spreads: impl Iterator<Item = &'a Spread>,
) {
    const MARKS: [(f64, &str); 6] = [
        (LEAST, "none"),
        (0.01, "1 %"),
        (0.1, "10 %"),
        (1.0, "100 %"),
        (10.0, "1,000 %"),
        (100.0, "10,000 %"),
    ];
    let scale = LogScale::new(LEAST, most * 1.2, [sides.left, sides.right]);
    let ticks = MARKS.into_iter().filter(|(value, _)| scale.spans(*value));
    let across = Axis {
        title: "regret, logarithmic".to_owned(),
        scale: AxisScale::Log(scale),
        ticks: ticks.map(|(value, name)| (value, name.to_owned())).collect(),
    };
    let scale = Scale::new(1.0, [sides.bottom, sides.top]);
    let ticks = [0.0, 0.25, 0.5, 0.75, 1.0].map(|share| (share, format!("{:.0} %", share * 100.0)));
    let up = Axis { title: String::new(), scale: AxisScale::Linear(scale), ticks: ticks.to_vec() };
    sides.draw(canvas, &across, &up);
    let name = match portfolio {
        Portfolio::Guide => "among the guide's strategies: share of scenarios",
        Portfolio::Full => "among all strategies",
    };
    canvas.text(name, (sides.left, sides.top - 18), Anchor::Left, Font::Small, Ink::Text);
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
