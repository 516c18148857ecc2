//! Names on a chart: a legend that wraps, and texts beside points of which none lies on another.

use super::canvas::{Anchor, Canvas, Font, Ink, Point};

/// The entries of a legend.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Key {
    /// The mark of one of the things that are compared.
    Mark(u8),
    /// A filled area, by its ink and its opacity.
    Area(Ink, f64),
    /// A line.
    Line(Ink),
    /// A claim of the guide.
    Claim,
    /// A median with its interval.
    Median,
}

/// Height of one line of a legend, in px.
const LINE: i32 = 20;

impl Key {
    /// Width of a key with the space behind it, in px.
    const WIDTH: i32 = 28;

    fn draw(self, canvas: &Canvas<'_>, (x, y): Point) {
        match self {
            Self::Mark(number) => canvas.mark(number, (x + 10, y)),
            Self::Area(ink, alpha) => canvas.block([(x, y - 6), (x + 20, y + 6)], alpha, ink),
            Self::Line(ink) => canvas.line([(x, y), (x + 20, y)], 2, ink),
            Self::Claim => canvas.diamond((x + 10, y), 7, Ink::Claimed),
            Self::Median => {
                canvas.line([(x, y), (x + 20, y)], 3, Ink::Measured);
                canvas.dot((x + 10, y), 5, Ink::Measured);
            }
        }
    }
}

/// Writes the legend from `left` on at the sheet's top, on as many lines as it needs; gives the height below it.
pub(crate) fn legend<Name: AsRef<str>>(
    canvas: &Canvas<'_>,
    left: i32,
    items: impl IntoIterator<Item = (Key, Name)>,
) -> i32 {
    let (mut x, mut y) = (left, LINE / 2);
    for (key, name) in items {
        let width = Key::WIDTH + Font::Small.width(name.as_ref());
        if x > left && x + width > canvas.width() {
            (x, y) = (left, y + LINE);
        }
        key.draw(canvas, (x, y));
        canvas.text(name.as_ref(), (x + Key::WIDTH, y), Anchor::Left, Font::Small, Ink::Text);
        x += width + 16;
    }
    y + LINE / 2
}

/// Texts beside points of an area, which keep off each other and off the points' marks.
pub(crate) struct Labels<'c, 'a> {
    canvas: &'c Canvas<'a>,
    /// Upper left and lower right corner of the area.
    area: [Point; 2],
    /// Corners of what is there already.
    taken: Vec<[Point; 2]>,
}

impl<'c, 'a> Labels<'c, 'a> {
    /// Half the height of a text, in px.
    const HALF: i32 = 8;

    /// None yet, in `area`, around `points` with their marks.
    pub(crate) fn around(canvas: &'c Canvas<'a>, area: [Point; 2], points: &[Point]) -> Self {
        let mark = |(x, y): &Point| [(x - 7, y - 7), (x + 7, y + 7)];
        Self { canvas, area, taken: points.iter().map(mark).collect() }
    }

    /// Keeps texts off the line through `points`, whose parts are level or upright.
    pub(crate) fn keep_off(&mut self, points: &[Point]) {
        self.taken.extend(points.windows(2).map(|pair| {
            let [(x0, y0), (x1, y1)] = [pair[0], pair[1]];
            [(x0.min(x1) - 2, y0.min(y1) - 2), (x0.max(x1) + 2, y0.max(y1) + 2)]
        }));
    }

    /// Writes `text` beside `point`, or above or below it where there is no room, with a line to it where
    /// it is far off.
    pub(crate) fn put(&mut self, text: &str, point: Point, ink: Ink) {
        let width = Font::Small.width(text);
        let (left, y) = self.place(width, point);
        if (y - point.1).abs() > 2 * Self::HALF {
            let towards = Self::HALF * (point.1 - y).signum();
            self.canvas.line([(point.0, point.1 - towards), (point.0, y + towards)], 1, Ink::Muted);
        }
        self.taken.push([(left, y - Self::HALF), (left + width, y + Self::HALF)]);
        self.canvas.text(text, (left, y), Anchor::Left, Font::Small, ink);
    }

    /// The left end and the height of a text of `width` px for `point`: the nearest place that is free.
    fn place(&self, width: i32, (x, y): Point) -> (i32, i32) {
        let [(left, top), (right, bottom)] = self.area;
        let levels = (1..30).flat_map(|level| [-1, 1].map(|sign| y + sign * (5 + 11 * level)));
        let above_and_below = levels
            .flat_map(|level| [x - 5, x + 5 - width, x - width / 2].map(|from| (from, level)));
        let mut places = [(x + 12, y), (x - 12 - width, y)].into_iter().chain(above_and_below);
        let is_free = |(from, level): &(i32, i32)| {
            let (to, upper, lower) = (from + width, level - Self::HALF, level + Self::HALF);
            let is_apart = |[(x0, y0), (x1, y1)]: &[Point; 2]| {
                to <= *x0 || *x1 <= *from || lower <= *y0 || *y1 <= upper
            };
            left <= *from
                && to <= right
                && top <= upper
                && lower <= bottom
                && self.taken.iter().all(is_apart)
        };
        places.find(is_free).unwrap_or(((x + 12).min(right - width), y))
    }
}

/// Moves `heights`, in px, as far apart as lines of text are, in their order, within `top` and `bottom`
/// if they have room there.
pub(crate) fn spread(heights: &mut [i32], [top, bottom]: [i32; 2]) {
    const APART: i32 = 15;
    let mut order: Vec<usize> = (0..heights.len()).collect();
    order.sort_by_key(|place| heights[*place]);
    let mut least = top;
    for place in &order {
        heights[*place] = heights[*place].max(least);
        least = heights[*place] + APART;
    }
    let mut most = bottom;
    for place in order.iter().rev() {
        heights[*place] = heights[*place].min(most);
        most = heights[*place] - APART;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::shared::charts::canvas;

    #[test]
    fn texts_keep_off_each_other_and_off_the_marks() {
        canvas::draw("", |canvas| {
            let points: Vec<Point> = (0..6).map(|index| (60 + 4 * index, 100 + index)).collect();
            let mut labels = Labels::around(canvas, [(0, 0), (332, 200)], &points);
            for point in &points {
                labels.put("pipelined, 43.6 s", *point, Ink::Text);
            }
            let rectangles = &labels.taken;
            assert_eq!(rectangles.len(), 12);
            for (index, [(x0, y0), (x1, y1)]) in rectangles.iter().enumerate().skip(6) {
                assert!(*x0 >= 0 && *x1 <= 332 && *y0 >= 0 && *y1 <= 200);
                for [(left, top), (right, bottom)] in &rectangles[..index] {
                    assert!(
                        x1 <= left || right <= x0 || y1 <= top || bottom <= y0,
                        "{rectangles:?}"
                    );
                }
            }
            200
        });
    }

    #[test]
    fn a_legend_wraps_where_the_sheet_ends() {
        canvas::draw("", |canvas| {
            let names = ["PATCH /accounts/{id}: errors under success"; 5];
            let height = legend(canvas, 0, names.map(|name| (Key::Mark(0), name)));
            assert_eq!(height, if canvas.is_narrow() { 5 * LINE } else { 3 * LINE });
            height
        });
    }

    #[test]
    fn neighbours_are_spread_and_stay_within() {
        let mut heights = [100, 102, 40, 199];
        spread(&mut heights, [0, 200]);
        assert_eq!(heights, [100, 115, 40, 199]);
        let mut low = [198, 199, 200];
        spread(&mut low, [0, 200]);
        assert_eq!(low, [170, 185, 200]);
    }
}
