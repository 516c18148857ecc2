//! A sheet to draw on: plotters' SVG backend with the page's colours, and no element ids.
//!
//! Colours are drawn as place-holders and become CSS variables at the end, so that one drawing
//! is readable on the page's light and dark ground.

use plotters::prelude::*;
use plotters::style::text_anchor::{HPos, Pos, VPos};

/// What a mark is drawn in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Ink {
    /// Text and lines that are read first.
    Text,
    /// Text and lines that are read second.
    Muted,
    /// Lines that guide the eye.
    Grid,
    /// The ground, to hide what lies behind.
    Ground,
    /// What was measured.
    Measured,
    /// What the guide claims, and what is written.
    Claimed,
    /// One of five things that are compared, from 0.
    Series(u8),
}

impl Ink {
    const ALL: [Self; 11] = [
        Self::Text,
        Self::Muted,
        Self::Grid,
        Self::Ground,
        Self::Measured,
        Self::Claimed,
        Self::Series(0),
        Self::Series(1),
        Self::Series(2),
        Self::Series(3),
        Self::Series(4),
    ];

    /// A colour that no drawing has by itself.
    const fn place_holder(self) -> RGBColor {
        match self {
            Self::Text => RGBColor(1, 2, 1),
            Self::Muted => RGBColor(1, 2, 2),
            Self::Grid => RGBColor(1, 2, 3),
            Self::Ground => RGBColor(1, 2, 4),
            Self::Measured => RGBColor(1, 2, 5),
            Self::Claimed => RGBColor(1, 2, 6),
            Self::Series(number) => RGBColor(1, 3, number),
        }
    }

    /// What it becomes; the second colour serves where there is no style sheet. Okabe and Ito's
    /// blue and vermillion stay apart for colour-blind eyes.
    const fn css(self) -> &'static str {
        match self {
            Self::Text => "currentColor",
            Self::Muted => "var(--muted, #5b6472)",
            Self::Grid => "var(--grid, #e3e6ea)",
            Self::Ground => "var(--card, #ffffff)",
            Self::Measured => "var(--measured, #0072b2)",
            Self::Claimed => "var(--claimed, #d55e00)",
            Self::Series(0) => "var(--s0, #0072b2)",
            Self::Series(1) => "var(--s1, #d55e00)",
            Self::Series(2) => "var(--s2, #009e73)",
            Self::Series(3) => "var(--s3, #b0568f)",
            Self::Series(_) => "var(--s4, #8a6d00)",
        }
    }
}

/// Which part of a text lies at its point.
#[derive(Clone, Copy, Debug)]
pub(super) enum Anchor {
    Left,
    Middle,
    Right,
}

/// How large a text is, and how heavy.
#[derive(Clone, Copy, Debug)]
pub(super) enum Size {
    Label,
    Strong,
    Small,
}

/// A point, in px from the upper left corner.
pub(super) type Point = (i32, i32);

/// Why drawing is not allowed to fail.
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
    for ink in Ink::ALL {
        let RGBColor(r, g, b) = ink.place_holder();
        body = body.replace(&format!("#{r:02X}{g:02X}{b:02X}"), ink.css());
    }
    let label = label.replace('&', "&amp;").replace('<', "&lt;").replace('"', "&quot;");
    format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {width} {height}\" role=\"img\" \
         aria-label=\"{label}\">{body}"
    )
}

impl Canvas<'_> {
    /// A text of one line, centred on its point's height.
    pub(super) fn text(&self, text: &str, at: Point, anchor: Anchor, size: Size, ink: Ink) {
        let (px, weight) = match size {
            Size::Label => (13.0, FontStyle::Normal),
            Size::Strong => (13.0, FontStyle::Bold),
            Size::Small => (12.0, FontStyle::Normal),
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

    /// A mark of its own for each of five things, so that they are not told by colour alone.
    pub(super) fn mark(&self, number: u8, (x, y): Point) {
        let ink = Ink::Series(number);
        let polygon = |points: &[Point]| self.area(points.to_vec(), 1.0, ink);
        match number {
            0 => self.dot((x, y), 6, ink),
            1 => self.block([(x - 5, y - 5), (x + 5, y + 5)], 1.0, ink),
            2 => polygon(&[(x, y - 7), (x + 7, y + 5), (x - 7, y + 5)]),
            3 => polygon(&[(x, y - 7), (x + 7, y), (x, y + 7), (x - 7, y)]),
            _ => polygon(&[(x, y + 7), (x + 7, y - 5), (x - 7, y - 5)]),
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

/// A logarithmic scale from values to px.
#[derive(Clone, Copy, Debug)]
pub(super) struct LogScale {
    /// Smallest and largest value.
    pub(super) values: [f64; 2],
    /// Where they lie.
    pub(super) px: [i32; 2],
}

impl LogScale {
    /// Where `value` lies; values beyond the scale lie at its ends.
    pub(super) fn at(&self, value: f64) -> i32 {
        let [low, high] = self.values;
        let share = (value.clamp(low, high) / low).ln() / (high / low).ln();
        let [from, to] = self.px;
        from + (share * f64::from(to - from)).round() as i32
    }
}

/// A linear scale from 0 to `high`, drawn upwards.
#[derive(Clone, Copy, Debug)]
pub(super) struct Scale {
    /// Largest value.
    pub(super) high: f64,
    /// Where 0 and it lie.
    pub(super) px: [i32; 2],
}

impl Scale {
    /// Where `value` lies.
    pub(super) fn at(&self, value: f64) -> i32 {
        let [from, to] = self.px;
        from + (value / self.high * f64::from(to - from)).round() as i32
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn scales_end_where_they_say() {
        let scale = LogScale { values: [1.0, 100.0], px: [10, 210] };
        assert_eq!([1.0, 10.0, 100.0, 1e9].map(|value| scale.at(value)), [10, 110, 210, 210]);
        assert_eq!(Scale { high: 2.0, px: [100, 0] }.at(0.5), 75);
    }

    #[test]
    fn drawings_take_the_pages_colours_and_escape_their_texts() {
        let svg = draw((100, 50), "a < b \"c\"", |canvas| {
            canvas.text("<script>", (5, 5), Anchor::Left, Size::Label, Ink::Text);
            canvas.diamond((50, 20), 5, Ink::Claimed);
        });
        assert!(svg.contains("aria-label=\"a &lt; b &quot;c&quot;\""), "{svg}");
        assert!(svg.contains("&lt;script&gt;") && !svg.contains("<script>"), "{svg}");
        assert!(svg.contains("currentColor") && svg.contains("var(--claimed"), "{svg}");
        assert!(!svg.contains("#0102") && !svg.contains(" id="), "{svg}");
    }
}
