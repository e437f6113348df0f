//! Names along an axis: level where they go in few lines, else slanted.

use super::{Anchor, Canvas, Face, LEADING, MARGIN};

/// The slant of names that do not go in level.
const DEGREES: f64 = 40.0;
/// Its cosine and sine.
const COSINE: f64 = 0.766_044;
const SINE: f64 = 0.642_788;
/// The longest slanted name.
const LONGEST: f64 = 150.0;
/// The most lines of a level name.
const LINES: usize = 3;
const FACE: Face = Face::TICK;

/// Names below an axis, and how they are laid.
pub(in super::super) struct Names<'a> {
    names: &'a [&'a str],
    level: bool,
}

impl<'a> Names<'a> {
    /// Names that have this much room each.
    pub(in super::super) fn new(names: &'a [&'a str], slot: f64) -> Self {
        let level = names.iter().all(|name| FACE.goes_in(name, slot - 6.0, LINES));
        Self { names, level }
    }

    /// How far the first name reaches to the left of its place.
    pub(in super::super) fn overhang(&self) -> f64 {
        if self.level {
            return 0.0;
        }
        self.names.first().map_or(0.0, |name| FACE.width(&FACE.fit(name, LONGEST)) * COSINE + 4.0)
    }

    /// Draws the names at their places below a height; answers how far down they reach.
    pub(in super::super) fn draw(
        &self,
        canvas: &mut Canvas,
        places: impl Fn(usize) -> f64,
        slot: f64,
        top: f64,
    ) -> f64 {
        let mut depth = 0.0f64;
        for (place, name) in self.names.iter().enumerate() {
            let x = places(place);
            depth =
                depth.max(if self.level { level(canvas, name, x, slot, top) } else { slanted(canvas, name, x, top) });
        }
        depth
    }
}

fn level(canvas: &mut Canvas, name: &str, x: f64, slot: f64, top: f64) -> f64 {
    let mut foot = top;
    for line in FACE.wrap(name, slot - 6.0, LINES) {
        foot += FACE.size * LEADING;
        canvas.text(&line, (x, foot - FACE.size * 0.3), FACE, Anchor::Middle);
    }
    foot - top
}

fn slanted(canvas: &mut Canvas, name: &str, x: f64, top: f64) -> f64 {
    let room = ((x - MARGIN) / COSINE).min(LONGEST);
    let name = FACE.fit(name, room);
    canvas.turned(&name, (x + 4.0, top + FACE.size * 0.8), FACE, Anchor::End, -DEGREES);
    FACE.width(&name) * SINE + FACE.size
}
