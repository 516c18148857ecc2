//! A sheet to draw on: plotters' SVG backend with the page's colours, and no element ids.
//!
//! Each chart is drawn twice, for wide columns and for narrow ones, and the style sheet shows the one that
//! fits: one drawing that shrinks would shrink its text, too. Colours are drawn as place-holders and
//! become CSS variables at the end, so that a drawing is readable on the page's light and dark ground.

use plotters::prelude::*;
use plotters::style::text_anchor::{HPos, Pos, VPos};

/// The colour of a mark, by its meaning.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Ink {
    /// Text and lines that are read first.
    Text,
    /// Text and lines that are read second.
    Muted,
    /// The same, of dashed lines.
    Dashed,
    /// Dots along a line, of text's colour.
    Dotted,
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

/// Each ink with what stands in an attribute for its colour. Okabe and Ito's blue and vermillion stay
/// apart for colour-blind eyes. Dashes are an attribute that follows: plotters draws each as a line of
/// its own.
const CSS: [(Ink, &str); 15] = [
    (Ink::Text, "currentColor"),
    (Ink::Muted, "var(--muted)"),
    (Ink::Dashed, "var(--muted)\" stroke-dasharray=\"4"),
    (Ink::Dotted, "currentColor\" stroke-linecap=\"round\" stroke-dasharray=\"0 6"),
    (Ink::Grid, "var(--grid)"),
    (Ink::Ground, "var(--card)"),
    (Ink::Measured, "var(--measured)"),
    (Ink::Claimed, "var(--claimed)"),
    (Ink::Series(0), "var(--s0)"),
    (Ink::Series(1), "var(--s1)"),
    (Ink::Series(2), "var(--s2)"),
    (Ink::Series(3), "var(--s3)"),
    (Ink::Series(4), "var(--s4)"),
    (Ink::Series(5), "var(--s5)"),
    (Ink::Series(6), "var(--s6)"),
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
pub(crate) enum Anchor {
    Left,
    Middle,
    Right,
}

/// Size and weight of a text.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Font {
    Label,
    Strong,
    Small,
}

impl Font {
    const fn px(self) -> u8 {
        match self {
            Self::Label | Self::Strong => 13,
            Self::Small => 12,
        }
    }

    /// Height of its line box, in whole px: plotters rounds it down, and writes it ÷ [`LINE_HEIGHT`] as the
    /// size.
    fn box_px(self) -> f64 {
        (f64::from(self.px()) * LINE_HEIGHT).floor()
    }

    /// Width of `text` in px, rounded up: by letters as wide as those of the widest fonts that browsers
    /// take for sans-serif.
    pub(crate) fn width(self, text: &str) -> i32 {
        let em = |letter: char| match letter {
            'i' | 'j' | 'l' | 't' | 'f' | 'r' | '.' | ',' | ':' | ' ' | '(' | ')' | '/' => 0.38,
            'm' | 'w' | 'M' | 'W' | '%' | '×' | '=' | '+' | '−' | '÷' => 0.9,
            'A'..='Z' => 0.7,
            _ => 0.62,
        };
        (text.chars().map(em).sum::<f64>() * f64::from(self.px())).ceil() as i32
    }
}

/// Line box ÷ font size, as plotters has it.
const LINE_HEIGHT: f64 = 1.24;

/// A point, in px from the upper left corner.
pub(crate) type Point = (i32, i32);

/// The reason why drawing never fails.
const INFALLIBLE: &str = "drawing into a string cannot fail";

/// A column of the page that a chart is drawn for. The style sheet shows [`Form::Wide`] in columns of 780 px
/// and more, where its small text still has 11 px.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Form {
    Wide,
    Narrow,
}

impl Form {
    /// The class that the style sheet knows it by, and its width in px.
    const fn class_and_width(self) -> (&'static str, i32) {
        match self {
            Self::Wide => ("wide", 840),
            Self::Narrow => ("narrow", 332),
        }
    }
}

/// Font size of the whole drawing in px, which no text of its own size needs to say.
const SIZE_PX: u8 = 13;

/// A sheet of one form, as high as the chart gets.
pub(crate) struct Canvas<'a> {
    area: DrawingArea<SVGBackend<'a>, plotters::coord::Shift>,
    form: Form,
}

/// No chart is higher than that.
const MAX_HEIGHT_PX: u32 = 10_000;

/// `chart` in both forms, as SVG, with `label` for those who cannot see it. `chart` returns its height.
pub(crate) fn draw(label: &str, chart: impl Fn(&Canvas<'_>) -> i32) -> String {
    [Form::Wide, Form::Narrow].map(|form| draw_form(form, label, &chart)).concat()
}

fn draw_form(form: Form, label: &str, chart: &impl Fn(&Canvas<'_>) -> i32) -> String {
    let mut svg = String::new();
    let height;
    {
        // Plotters moves what lies beyond its sheet to the edge; the height is known at the end.
        let sheet = (form.class_and_width().1 as u32, MAX_HEIGHT_PX);
        let canvas =
            Canvas { area: SVGBackend::with_string(&mut svg, sheet).into_drawing_area(), form };
        height = chart(&canvas);
        canvas.area.present().expect(INFALLIBLE);
    }
    finish(&svg, form, height, label)
}

/// The drawing as it stands in the page: without what plotters writes and every browser assumes, and in a
/// tag that lets it fill its column.
fn finish(svg: &str, form: Form, height: i32, label: &str) -> String {
    let mut body = svg.split_once('>').map_or("", |(_, body)| body).to_owned();
    for (long, short) in [
        (" opacity=\"1\"", ""),
        (" font-family=\"sans-serif\"", ""),
        (" dy=\"0.5ex\"", ""),
        (" text-anchor=\"start\"", ""),
        (" stroke=\"none\"", ""),
        (" stroke-width=\"1\"", ""),
        (" fill=\"none\"", ""),
        (" \"/>", "\"/>"),
        (">\n</svg>", "></svg>"),
        ("\n</text>", "</text>"),
    ] {
        body = body.replace(long, short);
    }
    // A text stands on a line of its own; the attributes before it end in a quotation mark.
    let mut parts = body.split("<text");
    let mut short = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        short.push_str("<text");
        short.push_str(&part.replacen(">\n", ">", 1));
    }
    for font in [Font::Label, Font::Small] {
        let written = format!(" font-size=\"{}\"", font.box_px() / LINE_HEIGHT);
        let px = if font.px() == SIZE_PX {
            String::new()
        } else {
            format!(" font-size=\"{}\"", font.px())
        };
        short = short.replace(&written, &px);
    }
    for (ink, css) in CSS {
        let RGBColor(r, g, b) = ink.place_holder();
        short = short.replace(&format!("#{r:02X}{g:02X}{b:02X}"), css);
    }
    let label = label.replace('&', "&amp;").replace('<', "&lt;").replace('"', "&quot;");
    let (class, width) = form.class_and_width();
    format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" class=\"{class}\" viewBox=\"0 0 {width} {height}\" \
         font-size=\"{SIZE_PX}\" fill=\"none\" role=\"img\" aria-label=\"{label}\">{short}"
    )
}

impl Canvas<'_> {
    /// Width of the sheet, in px.
    pub(crate) const fn width(&self) -> i32 {
        self.form.class_and_width().1
    }

    /// True if it is for a narrow column.
    pub(crate) const fn is_narrow(&self) -> bool {
        matches!(self.form, Form::Narrow)
    }

    /// A text of one line, centred on its point's height.
    pub(crate) fn text(&self, text: &str, (x, y): Point, anchor: Anchor, font: Font, ink: Ink) {
        let weight = match font {
            Font::Strong => FontStyle::Bold,
            Font::Label | Font::Small => FontStyle::Normal,
        };
        let h_pos = match anchor {
            Anchor::Left => HPos::Left,
            Anchor::Middle => HPos::Center,
            Anchor::Right => HPos::Right,
        };
        let colour = ink.place_holder();
        let style = ("sans-serif", font.box_px(), weight)
            .into_text_style(&self.area)
            .color(&colour)
            .pos(Pos::new(h_pos, VPos::Center));
        // The attribute by which plotters centres a text is left out.
        let at = (x, y + 4);
        self.area.draw(&Text::new(text.to_owned(), at, style)).expect(INFALLIBLE);
    }

    /// A line through `points`.
    pub(crate) fn line(&self, points: impl Into<Vec<Point>>, width: u32, ink: Ink) {
        let style = ink.place_holder().stroke_width(width);
        self.area.draw(&PathElement::new(points.into(), style)).expect(INFALLIBLE);
    }

    /// A filled rectangle; `alpha` 1 is opaque.
    pub(crate) fn block(&self, corners: [Point; 2], alpha: f64, ink: Ink) {
        let style = ink.place_holder().mix(alpha).filled();
        self.area.draw(&Rectangle::new(corners, style)).expect(INFALLIBLE);
    }

    /// A filled area.
    pub(crate) fn area(&self, points: Vec<Point>, alpha: f64, ink: Ink) {
        let style = ink.place_holder().mix(alpha).filled();
        self.area.draw(&Polygon::new(points, style)).expect(INFALLIBLE);
    }

    /// A dot.
    pub(crate) fn dot(&self, at: Point, radius: i32, ink: Ink) {
        let style = ink.place_holder().filled();
        self.area.draw(&Circle::new(at, radius, style)).expect(INFALLIBLE);
    }

    /// A shape for each of five things, so that colour is not their only mark.
    pub(crate) fn mark(&self, number: u8, (x, y): Point) {
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
    pub(crate) fn series(&self, number: u8, points: &[Point]) {
        self.line(points, 2, Ink::Series(number));
        for point in points {
            self.mark(number, *point);
        }
    }

    /// A hollow diamond.
    pub(crate) fn diamond(&self, (x, y): Point, radius: i32, ink: Ink) {
        let mut outline = vec![(x, y - radius), (x + radius, y), (x, y + radius), (x - radius, y)];
        // Closed past its first corner, so that this corner is mitred as the others are.
        outline.extend([(x, y - radius), (x + 1, y - radius + 1)]);
        self.line(outline, 2, ink);
    }
}

/// A logarithmic scale from values above zero to px.
#[derive(Clone, Copy, Debug)]
pub(crate) struct LogScale {
    low: f64,
    high: f64,
    px: [i32; 2],
}

impl LogScale {
    /// The least value that has a place.
    const LEAST: f64 = 1e-9;

    /// A scale from `low` to `high`, which lie at `px`. Ends that are equal or reversed, as those of
    /// no values are, are widened to a factor of two; ends at or below zero are raised.
    pub(crate) fn new(low: f64, high: f64, px: [i32; 2]) -> Self {
        // `max` replaces an end that is not a number.
        let bounded = |end: f64| end.clamp(Self::LEAST, 1.0 / Self::LEAST).max(Self::LEAST);
        let (low, high) = (bounded(low), bounded(high));
        let high = if high > low * (1.0 + 1e-9) { high } else { 2.0 * low };
        Self { low, high, px }
    }

    /// True if `value` lies on the scale.
    pub(crate) fn spans(&self, value: f64) -> bool {
        (self.low..=self.high).contains(&value)
    }

    /// The part of the scale below `value`, from 0 to 1; values beyond the scale lie at its ends.
    pub(crate) fn share(&self, value: f64) -> f64 {
        (value.max(self.low).min(self.high) / self.low).ln() / (self.high / self.low).ln()
    }

    /// Where `value` lies, in px.
    pub(crate) fn at(&self, value: f64) -> i32 {
        between(self.px, self.share(value))
    }
}

/// A linear scale from 0 to a largest value.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Scale {
    high: f64,
    px: [i32; 2],
}

impl Scale {
    /// A scale from 0 to `high`, which lie at `px`; to 1 where `high` is not above zero.
    pub(crate) fn new(high: f64, px: [i32; 2]) -> Self {
        Self { high: if high > 0.0 && high.is_finite() { high } else { 1.0 }, px }
    }

    /// The largest value.
    pub(crate) const fn high(&self) -> f64 {
        self.high
    }

    /// Where `value` lies, in px; values beyond the scale lie at its ends.
    pub(crate) fn at(&self, value: f64) -> i32 {
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
        let svg = draw("a < b \"c\"", |canvas| {
            canvas.text("<script>", (5, 5), Anchor::Left, Font::Label, Ink::Text);
            canvas.text(" opacity=\"1\"", (5, 5), Anchor::Left, Font::Small, Ink::Text);
            canvas.diamond((50, 20), 5, Ink::Claimed);
            canvas.line([(0, 0), (9, 9)], 1, Ink::Dashed);
            50
        });
        assert!(svg.contains("aria-label=\"a &lt; b &quot;c&quot;\""), "{svg}");
        assert!(svg.contains(">&lt;script&gt;</text>") && !svg.contains("<script>"), "{svg}");
        assert!(
            svg.contains("font-size=\"12\" fill=\"currentColor\"> opacity=&quot;1&quot;<"),
            "{svg}"
        );
        assert!(svg.contains("currentColor") && svg.contains("var(--claimed"), "{svg}");
        assert!(svg.contains("stroke=\"var(--muted)\" stroke-dasharray=\"4\""), "{svg}");
        assert!(!svg.contains("#0102") && !svg.contains(" id="), "{svg}");
        let viewed = ["wide\" viewBox=\"0 0 840 50", "narrow\" viewBox=\"0 0 332 50"];
        assert!(viewed.iter().all(|it| svg.contains(it)), "{svg}");
    }
}
