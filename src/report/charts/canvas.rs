//! A sheet to draw on: plotters' SVG backend with the page's colours, and no element ids.
//!
//! Colours are drawn as place-holders and become CSS variables at the end, so that one drawing
//! is readable on the page's light and dark ground.

use plotters::prelude::*;
use plotters::style::text_anchor::{HPos, Pos, VPos};

/// The colour of a mark, by its meaning.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Ink {
    /// Text and lines that are read first.
    Text,
    /// Text and lines that are read second.
    Muted,
    /// Lines that guide the eye.
    Grid,
    /// The ground, to cover marks behind it.
    Ground,
    /// Measured figures.
    Measured,
    /// The guide's claims, and writes.
    Claimed,
    /// One of seven things that are compared, from 0.
    Series(u8),
}

/// Each ink with its CSS colour; the fallback serves where there is no style sheet. Okabe and Ito's blue
/// and vermillion stay apart for colour-blind eyes.
const CSS: [(Ink, &str); 13] = [
    (Ink::Text, "currentColor"),
    (Ink::Muted, "var(--muted, #5b6472)"),
    (Ink::Grid, "var(--grid, #e3e6ea)"),
    (Ink::Ground, "var(--card, #ffffff)"),
    (Ink::Measured, "var(--measured, #0072b2)"),
    (Ink::Claimed, "var(--claimed, #d55e00)"),
    (Ink::Series(0), "var(--s0, #0072b2)"),
    (Ink::Series(1), "var(--s1, #d55e00)"),
    (Ink::Series(2), "var(--s2, #009e73)"),
    (Ink::Series(3), "var(--s3, #b0568f)"),
    (Ink::Series(4), "var(--s4, #8a6d00)"),
    (Ink::Series(5), "var(--s5, #5a4fcf)"),
    (Ink::Series(6), "var(--s6, #5b6472)"),
];

impl Ink {
    /// A colour that no drawing has by itself: its place in [`CSS`].
    fn place_holder(self) -> RGBColor {
        let place = (0..).zip(CSS).find(|(_, (ink, _))| *ink == self);
        RGBColor(1, 2, place.expect("every ink has a colour").0)
    }
}

/// The part of a text that lies at its point.
#[derive(Clone, Copy, Debug)]
pub(super) enum Anchor {
    Left,
    Middle,
    Right,
}

/// Size and weight of a text.
#[derive(Clone, Copy, Debug)]
pub(super) enum Font {
    Label,
    Strong,
    Small,
}

/// A point, in px from the upper left corner.
pub(super) type Point = (i32, i32);

/// The reason why drawing never fails.
const INFALLIBLE: &str = "drawing into a string cannot fail";

/// A sheet of `width` × `height` px.
pub(super) struct Canvas<'a> {
    area: DrawingArea<SVGBackend<'a>, plotters::coord::Shift>,
}

/// Draws on a sheet of `size` px, and gives the SVG with `label` for those who cannot see it.
pub(super) fn draw(size: Point, label: &str, with: impl FnOnce(&Canvas<'_>)) -> String {
    let mut svg = String::new();
    let sheet = (size.0 as u32, size.1 as u32);
    {
        let canvas = Canvas { area: SVGBackend::with_string(&mut svg, sheet).into_drawing_area() };
        with(&canvas);
        canvas.area.present().expect(INFALLIBLE);
    }
    finish(&svg, size, label)
}

fn finish(svg: &str, (width, height): Point, label: &str) -> String {
    // Plotters opens with its own width and height, which would keep the drawing from shrinking.
    let body = svg.split_once('>').map_or("", |(_, body)| body);
    let mut body = body.to_owned();
    for (ink, css) in CSS {
        let RGBColor(r, g, b) = ink.place_holder();
        body = body.replace(&format!("#{r:02X}{g:02X}{b:02X}"), css);
    }
    let label = label.replace('&', "&amp;").replace('<', "&lt;").replace('"', "&quot;");
    format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {width} {height}\" role=\"img\" \
         aria-label=\"{label}\">{body}"
    )
}

impl Canvas<'_> {
    /// A text of one line, centred on its point's height.
    pub(super) fn text(&self, text: &str, at: Point, anchor: Anchor, size: Font, ink: Ink) {
        let (px, weight) = match size {
            Font::Label => (13.0, FontStyle::Normal),
            Font::Strong => (13.0, FontStyle::Bold),
            Font::Small => (12.0, FontStyle::Normal),
        };
        let h_pos = match anchor {
            Anchor::Left => HPos::Left,
            Anchor::Middle => HPos::Center,
            Anchor::Right => HPos::Right,
        };
        // Plotters takes the height of the line box and writes 1/1.24 of it as the font size.
        let colour = ink.place_holder();
        let style = ("sans-serif", px * 1.24, weight)
            .into_text_style(&self.area)
            .color(&colour)
            .pos(Pos::new(h_pos, VPos::Center));
        self.area.draw(&Text::new(text.to_owned(), at, style)).expect(INFALLIBLE);
    }

    /// A line through `points`.
    pub(super) fn line(&self, points: impl Into<Vec<Point>>, width: u32, ink: Ink) {
        let style = ink.place_holder().stroke_width(width);
        self.area.draw(&PathElement::new(points.into(), style)).expect(INFALLIBLE);
    }

    /// A dashed line from `from` to `to`, upright or level.
    pub(super) fn dashes(&self, from: Point, to: Point, ink: Ink) {
        const DASH: i32 = 4;
        let upright = from.0 == to.0;
        let (start, end) = if upright { (from.1, to.1) } else { (from.0, to.0) };
        let (start, end) = (start.min(end), start.max(end));
        let mut dash = start;
        while dash < end {
            let stop = (dash + DASH).min(end);
            let line = if upright {
                [(from.0, dash), (from.0, stop)]
            } else {
                [(dash, from.1), (stop, from.1)]
            };
            self.line(line, 1, ink);
            dash += 2 * DASH;
        }
    }

    /// A filled rectangle; `alpha` 1 is opaque.
    pub(super) fn block(&self, corners: [Point; 2], alpha: f64, ink: Ink) {
        let style = ink.place_holder().mix(alpha).filled();
        self.area.draw(&Rectangle::new(corners, style)).expect(INFALLIBLE);
    }

    /// A filled area.
    pub(super) fn area(&self, points: Vec<Point>, alpha: f64, ink: Ink) {
        let style = ink.place_holder().mix(alpha).filled();
        self.area.draw(&Polygon::new(points, style)).expect(INFALLIBLE);
    }

    /// A dot.
    pub(super) fn dot(&self, at: Point, radius: i32, ink: Ink) {
        let style = ink.place_holder().filled();
        self.area.draw(&Circle::new(at, radius, style)).expect(INFALLIBLE);
    }

    /// A shape for each of five things, so that colour is not their only mark.
    pub(super) fn mark(&self, number: u8, (x, y): Point) {
        let ink = Ink::Series(number);
        let polygon = |points: &[Point]| self.area(points.to_vec(), 1.0, ink);
        match number {
            0 => self.dot((x, y), 6, ink),
            1 => self.block([(x - 5, y - 5), (x + 5, y + 5)], 1.0, ink),
            2 => polygon(&[(x, y - 7), (x + 7, y + 5), (x - 7, y + 5)]),
            3 => polygon(&[(x, y - 7), (x + 7, y), (x, y + 7), (x - 7, y)]),
            4 => polygon(&[(x, y + 7), (x + 7, y - 5), (x - 7, y - 5)]),
            5 => self.block([(x - 2, y - 7), (x + 2, y + 7)], 1.0, ink),
            _ => self.block([(x - 7, y - 2), (x + 7, y + 2)], 1.0, ink),
        }
    }

    /// A line of one of the things that are compared, with its mark at each of `points`.
    pub(super) fn series(&self, number: u8, points: &[Point]) {
        self.line(points, 2, Ink::Series(number));
        for point in points {
            self.mark(number, *point);
        }
    }

    /// A hollow diamond.
    pub(super) fn diamond(&self, (x, y): Point, radius: i32, ink: Ink) {
        let mut outline = vec![(x, y - radius), (x + radius, y), (x, y + radius), (x - radius, y)];
        // Closed past its first corner, so that this corner is mitred as the others are.
        outline.extend([(x, y - radius), (x + 1, y - radius + 1)]);
        self.line(outline, 2, ink);
    }
}

/// A logarithmic scale from values above zero to px.
#[derive(Clone, Copy, Debug)]
pub(super) struct LogScale {
    low: f64,
    high: f64,
    px: [i32; 2],
}

impl LogScale {
    /// The least value that has a place.
    const LEAST: f64 = 1e-9;

    /// A scale from `low` to `high`, which lie at `px`. Ends that are equal or reversed, as those of
    /// no values are, are widened to a factor of two; ends at or below zero are raised.
    pub(super) fn new(low: f64, high: f64, px: [i32; 2]) -> Self {
        // `max` replaces an end that is not a number.
        let bounded = |end: f64| end.clamp(Self::LEAST, 1.0 / Self::LEAST).max(Self::LEAST);
        let (low, high) = (bounded(low), bounded(high));
        let high = if high > low * (1.0 + 1e-9) { high } else { 2.0 * low };
        Self { low, high, px }
    }

    /// True if `value` lies on the scale.
    pub(super) fn spans(&self, value: f64) -> bool {
        (self.low..=self.high).contains(&value)
    }

    /// The part of the scale below `value`, from 0 to 1; values beyond the scale lie at its ends.
    pub(super) fn share(&self, value: f64) -> f64 {
        (value.max(self.low).min(self.high) / self.low).ln() / (self.high / self.low).ln()
    }

    /// Where `value` lies, in px.
    pub(super) fn at(&self, value: f64) -> i32 {
        between(self.px, self.share(value))
    }
}

/// A linear scale from 0 to a largest value.
#[derive(Clone, Copy, Debug)]
pub(super) struct Scale {
    high: f64,
    px: [i32; 2],
}

impl Scale {
    /// A scale from 0 to `high`, which lie at `px`; to 1 where `high` is not above zero.
    pub(super) fn new(high: f64, px: [i32; 2]) -> Self {
        Self { high: if high > 0.0 && high.is_finite() { high } else { 1.0 }, px }
    }

    /// The largest value.
    pub(super) const fn high(&self) -> f64 {
        self.high
    }

    /// Where `value` lies, in px; values beyond the scale lie at its ends.
    pub(super) fn at(&self, value: f64) -> i32 {
        between(self.px, (value / self.high).clamp(0.0, 1.0))
    }
}

fn between([from, to]: [i32; 2], share: f64) -> i32 {
    from + (share * f64::from(to - from)).round() as i32
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn scales_end_where_they_say() {
        let scale = LogScale::new(1.0, 100.0, [10, 210]);
        assert_eq!([1.0, 10.0, 100.0, 1e9].map(|value| scale.at(value)), [10, 110, 210, 210]);
        assert_eq!(Scale::new(2.0, [100, 0]).at(0.5), 75);
        assert_eq!(Scale::new(2.0, [100, 0]).at(f64::INFINITY), 0);
    }

    #[test]
    fn no_ends_make_a_scale_that_cannot_be_drawn() {
        let ends = [f64::NEG_INFINITY, -1.0, 0.0, 1e-4, 1.0, f64::MAX, f64::INFINITY, f64::NAN];
        for (low, high) in ends.into_iter().flat_map(|low| ends.map(|high| (low, high))) {
            let log = LogScale::new(low, high, [10, 110]);
            let places = ends.map(|value| [log.at(value), Scale::new(high, [10, 110]).at(value)]);
            for place in places.into_iter().flatten() {
                assert!((10..=110).contains(&place), "{low} to {high}: {place}");
            }
        }
    }

    #[test]
    fn drawings_take_the_pages_colours_and_escape_their_texts() {
        let svg = draw((100, 50), "a < b \"c\"", |canvas| {
            canvas.text("<script>", (5, 5), Anchor::Left, Font::Label, Ink::Text);
            canvas.diamond((50, 20), 5, Ink::Claimed);
        });
        assert!(svg.contains("aria-label=\"a &lt; b &quot;c&quot;\""), "{svg}");
        assert!(svg.contains("&lt;script&gt;") && !svg.contains("<script>"), "{svg}");
        assert!(svg.contains("currentColor") && svg.contains("var(--claimed"), "{svg}");
        assert!(!svg.contains("#0102") && !svg.contains(" id="), "{svg}");
    }
}
