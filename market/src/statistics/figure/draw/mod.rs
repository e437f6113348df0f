//! Drawing: a page that grows downwards, from its title over keys and plot to its notes.

mod canvas;
mod font;
mod frame;
mod keys;
mod names;
mod palette;

pub use self::font::FONTS;
pub(super) use self::{
    canvas::{Anchor, Canvas, Line, Paint, path_of},
    font::Face,
    frame::{Frame, Mapping},
    keys::{Key, Sample},
    names::Names,
    palette::{BAND, GRID, INK, MUTED, Style, alternate, contrasting, diverging, style},
};

/// The width of most pages: 183 mm, the double column of many journals, at 100 units an inch.
pub(super) const WIDTH: f64 = 720.0;
/// White space at each side.
pub(super) const MARGIN: f64 = 16.0;
/// Between a line's foot and the next one's, in parts of the letters' size.
const LEADING: f64 = 1.3;

/// A rectangle.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Rect {
    pub(super) left: f64,
    pub(super) top: f64,
    pub(super) right: f64,
    pub(super) bottom: f64,
}

impl Rect {
    pub(super) const fn width(&self) -> f64 {
        self.right - self.left
    }

    pub(super) const fn height(&self) -> f64 {
        self.bottom - self.top
    }

    /// Whether two rectangles share more than an edge.
    pub(super) fn meets(&self, other: &Self) -> bool {
        self.left < other.right && other.left < self.right && self.top < other.bottom && other.top < self.bottom
    }
}

/// A page that is filled from the top.
pub(super) struct Page {
    /// What was drawn.
    pub(super) canvas: Canvas,
    /// Its width.
    pub(super) width: f64,
    /// Down to where it is filled.
    pub(super) filled: f64,
}

impl Page {
    /// A page with a title, and a description that is not shown but read out.
    pub(super) fn open(title: &str, description: &str, width: f64) -> Self {
        let mut page = Self { canvas: Canvas::new(title, description), width, filled: MARGIN };
        page.paragraph(title, Face::TITLE, 4);
        page.filled += 6.0;
        page
    }

    /// The width between the margins.
    pub(super) const fn inner(&self) -> f64 {
        self.width - 2.0 * MARGIN
    }

    /// Text across the page, at most so many lines.
    fn paragraph(&mut self, text: &str, face: Face, lines: usize) {
        for line in face.wrap(text, self.inner(), lines) {
            self.filled += face.size * LEADING;
            self.canvas.text(&line, (MARGIN, self.filled - face.size * 0.3), face, Anchor::Start);
        }
    }

    /// Notes at the foot of the page, each in full.
    pub(super) fn notes(&mut self, notes: &[String]) {
        self.filled += 8.0;
        for note in notes {
            self.paragraph(note, Face::NOTE, usize::MAX);
            self.filled += 2.0;
        }
    }

    /// Width and height.
    pub(super) fn size(&self) -> (f64, f64) {
        (self.width, (self.filled + MARGIN).ceil())
    }

    /// The finished document.
    pub(super) fn into_svg(self) -> String {
        let size = self.size();
        self.canvas.into_svg(size)
    }
}
