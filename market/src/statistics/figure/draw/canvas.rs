//! SVG elements. Lengths have two decimals, attributes stand in alphabetical order, ids come from the title and the
//! description: nothing depends on where or when it is drawn.

use std::{collections::BTreeSet, fmt::Write as _};

use sha2::{Digest as _, Sha256};
use svg::{
    Document, Node as _,
    node::element::{
        Definitions, Description, Group, LinearGradient, Path, Pattern, Rectangle, Stop, Text as TextElement, Title,
    },
};

use super::{
    Face, Rect,
    palette::{Marker, style},
};

/// The families that have the widths that text was measured with, then whatever there is.
const FAMILIES: &str = "Arimo, Arial, Helvetica, 'Liberation Sans', sans-serif";

/// Which part of a text stands at its place.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in super::super) enum Anchor {
    Start,
    Middle,
    End,
}

/// A line's look.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(in super::super) struct Line {
    pub(in super::super) colour: &'static str,
    pub(in super::super) width: f64,
    pub(in super::super) dash: &'static str,
}

impl Line {
    pub(in super::super) const fn solid(colour: &'static str, width: f64) -> Self {
        Self { colour, width, dash: "" }
    }
}

/// What an area is filled with.
#[derive(Debug, Clone, PartialEq)]
pub(in super::super) enum Paint {
    /// A colour.
    Plain(String),
    /// A colour that what lies below shines through.
    Sheer(&'static str, f64),
    /// The colour and hatch of a series.
    Series(usize),
}

/// What has been drawn.
pub(in super::super) struct Canvas {
    id: String,
    title: String,
    description: String,
    body: Group,
    hatches: BTreeSet<usize>,
    ramp: Vec<String>,
}

/// A length with two decimals, without those that say nothing.
fn length(value: f64) -> String {
    let text = format!("{value:.2}");
    let text = text.trim_end_matches('0').trim_end_matches('.');
    if text == "-0" { "0".into() } else { text.into() }
}

/// A path through points, in SVG's letters.
pub(in super::super) fn path_of(points: impl IntoIterator<Item = (f64, f64)>, closed: bool) -> String {
    let mut path = String::new();
    for (x, y) in points {
        let letter = if path.is_empty() { 'M' } else { 'L' };
        // Writing to a string cannot fail.
        let _ = write!(path, "{letter}{},{}", length(x), length(y));
    }
    if closed && !path.is_empty() {
        path.push('Z');
    }
    path
}

/// Text as XML may hold it, on one line and in reading order.
fn clean(text: &str) -> String {
    let allowed = |letter: char| match letter {
        letter if letter.is_whitespace() => ' ',
        '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{fffe}' | '\u{ffff}' => '\u{fffd}',
        letter if letter.is_control() => '\u{fffd}',
        letter => letter,
    };
    text.chars().map(allowed).collect()
}

impl Canvas {
    pub(super) fn new(title: &str, description: &str) -> Self {
        let (title, description) = (clean(title), clean(description));
        let digest = Sha256::digest(format!("{title}\n{description}"));
        let id = format!("f{}", hex::encode(digest.get(..5).unwrap_or_default()));
        Self { id, title, description, body: Group::new(), hatches: BTreeSet::new(), ramp: vec![] }
    }

    /// Text with its foot at a place.
    pub(in super::super) fn text(&mut self, text: &str, at: (f64, f64), face: Face, anchor: Anchor) {
        self.turned(text, at, face, anchor, 0.0);
    }

    /// The same with a white rim, to be read over what lies below.
    pub(in super::super) fn rimmed(&mut self, text: &str, at: (f64, f64), face: Face, anchor: Anchor) {
        let rimmed = element(text, at, face, anchor)
            .set("paint-order", "stroke")
            .set("stroke", "#ffffff")
            .set("stroke-width", "3")
            .set("stroke-linejoin", "round");
        self.body.append(rimmed);
    }

    /// Text turned about its place, by degrees clockwise.
    pub(in super::super) fn turned(&mut self, text: &str, at: (f64, f64), face: Face, anchor: Anchor, degrees: f64) {
        let mut element = element(text, at, face, anchor);
        if degrees != 0.0 {
            let turn = format!("rotate({} {} {})", length(degrees), length(at.0), length(at.1));
            element = element.set("transform", turn);
        }
        self.body.append(element);
    }

    /// A straight line.
    pub(in super::super) fn line(&mut self, from: (f64, f64), to: (f64, f64), line: Line) {
        self.stroke(path_of([from, to], false), line);
    }

    /// A line along a path.
    pub(in super::super) fn stroke(&mut self, path: String, line: Line) {
        let mut element = Path::new()
            .set("d", path)
            .set("fill", "none")
            .set("stroke", line.colour)
            .set("stroke-width", length(line.width));
        if !line.dash.is_empty() {
            element = element.set("stroke-dasharray", line.dash);
        }
        self.body.append(element);
    }

    /// An area inside a path.
    pub(in super::super) fn fill(&mut self, path: String, paint: Paint) {
        let element = Path::new().set("d", path);
        let element = match paint {
            Paint::Plain(colour) => element.set("fill", colour),
            Paint::Sheer(colour, opacity) => element.set("fill", colour).set("fill-opacity", length(opacity)),
            Paint::Series(place) => {
                self.hatches.insert(place);
                element.set("fill", format!("url(#{}-hatch-{place})", self.id))
            }
        };
        self.body.append(element);
    }

    /// A filled rectangle, and its outline if it has one.
    pub(in super::super) fn rect(&mut self, rect: Rect, paint: Paint, outline: Option<Line>) {
        let Rect { left, top, right, bottom } = rect;
        let path = path_of([(left, top), (right, top), (right, bottom), (left, bottom)], true);
        self.fill(path.clone(), paint);
        if let Some(line) = outline {
            self.stroke(path, line);
        }
    }

    /// The marker of a series, some 7 wide, with a white rim.
    pub(in super::super) fn marker(&mut self, marker: Marker, (x, y): (f64, f64), colour: &'static str) {
        let at = |points: &[(f64, f64)]| path_of(points.iter().map(|(dx, dy)| (x + dx, y + dy)), true);
        let path = match marker {
            Marker::Circle => {
                format!("M{},{}a3.5,3.5 0 1 0 7,0a3.5,3.5 0 1 0 -7,0Z", length(x - 3.5), length(y))
            }
            Marker::Square => at(&[(-3.2, -3.2), (3.2, -3.2), (3.2, 3.2), (-3.2, 3.2)]),
            Marker::Triangle => at(&[(0.0, -4.2), (4.0, 3.0), (-4.0, 3.0)]),
            Marker::TriangleDown => at(&[(0.0, 4.2), (4.0, -3.0), (-4.0, -3.0)]),
            Marker::Diamond => at(&[(0.0, -4.6), (4.6, 0.0), (0.0, 4.6), (-4.6, 0.0)]),
            Marker::Cross | Marker::Plus => {
                let arms: [(f64, f64); 2] =
                    if marker == Marker::Cross { [(3.2, 3.2), (3.2, -3.2)] } else { [(4.2, 0.0), (0.0, 4.2)] };
                let arm = |(dx, dy): (f64, f64)| path_of([(x - dx, y - dy), (x + dx, y + dy)], false);
                return self.stroke(arms.map(arm).concat(), Line::solid(colour, 2.0));
            }
        };
        let element =
            Path::new().set("d", path).set("fill", colour).set("stroke", "#ffffff").set("stroke-width", "0.8");
        self.body.append(element);
    }

    /// Many round points of one colour, as one path: a genome has thousands. Points of one place are drawn once.
    pub(in super::super) fn points(&mut self, points: impl IntoIterator<Item = (f64, f64)>, colour: &str, width: f64) {
        let mut drawn = BTreeSet::new();
        let mut path = String::new();
        for (x, y) in points {
            let point = format!("M{},{}h0", length(x), length(y));
            if drawn.insert(point.clone()) {
                path.push_str(&point);
            }
        }
        let element = Path::new()
            .set("d", path)
            .set("fill", "none")
            .set("stroke", colour)
            .set("stroke-linecap", "round")
            .set("stroke-width", length(width));
        self.body.append(element);
    }

    /// A rectangle that runs through colours, the first at its foot.
    pub(in super::super) fn ramp(&mut self, rect: Rect, colours: Vec<String>, outline: Line) {
        self.ramp = colours;
        self.rect(rect, Paint::Plain(format!("url(#{}-ramp)", self.id)), Some(outline));
    }

    /// A triangle, pointing left or right with its tip at a place.
    pub(in super::super) fn arrow(&mut self, (x, y): (f64, f64), right: bool, colour: &'static str) {
        let back = if right { -7.0 } else { 7.0 };
        self.fill(path_of([(x, y), (x + back, y - 4.0), (x + back, y + 4.0)], true), Paint::Plain(colour.into()));
    }

    fn definitions(&self) -> Option<Definitions> {
        let mut definitions = Definitions::new();
        for place in &self.hatches {
            definitions.append(hatch(&format!("{}-hatch-{place}", self.id), *place));
        }
        if let Some(last) = self.ramp.len().checked_sub(1) {
            let id = format!("{}-ramp", self.id);
            let mut ramp = LinearGradient::new().set("id", id).set("x1", 0).set("x2", 0).set("y1", 1).set("y2", 0);
            for (place, colour) in self.ramp.iter().enumerate() {
                let offset = super::super::data::real(place) / super::super::data::real(last.max(1));
                ramp.append(Stop::new().set("offset", length(offset)).set("stop-color", colour.as_str()));
            }
            definitions.append(ramp);
        }
        (!self.hatches.is_empty() || !self.ramp.is_empty()).then_some(definitions)
    }

    /// The document: what screen readers read out, then the drawing on white.
    pub(super) fn into_svg(self, (width, height): (f64, f64)) -> String {
        let (title_id, description_id) = (format!("{}-title", self.id), format!("{}-desc", self.id));
        let definitions = self.definitions();
        let white = Rectangle::new().set("width", length(width)).set("height", length(height)).set("fill", "#ffffff");
        let mut document = Document::new()
            .set("viewBox", format!("0 0 {} {}", length(width), length(height)))
            .set("width", length(width))
            .set("height", length(height))
            .set("role", "img")
            .set("aria-labelledby", format!("{title_id} {description_id}"))
            .set("font-family", FAMILIES)
            .add(Title::new(self.title).set("id", title_id))
            .add(Description::new().set("id", description_id).add(svg::node::Text::new(self.description)));
        if let Some(definitions) = definitions {
            document.append(definitions);
        }
        document.append(white);
        document.append(self.body);
        format!("{document}\n")
    }
}

fn element(text: &str, (x, y): (f64, f64), face: Face, anchor: Anchor) -> TextElement {
    let mut element = TextElement::new(clean(text))
        .set("x", length(x))
        .set("y", length(y))
        .set("font-size", length(face.size))
        .set("fill", face.colour);
    if face.bold {
        element = element.set("font-weight", "bold");
    }
    match anchor {
        Anchor::Start => element,
        Anchor::Middle => element.set("text-anchor", "middle"),
        Anchor::End => element.set("text-anchor", "end"),
    }
}

/// The tile of a series' hatch.
fn hatch(id: &str, place: usize) -> Pattern {
    let style = style(place);
    let ground = Rectangle::new().set("width", 8).set("height", 8).set("fill", style.colour);
    let tile = Pattern::new().set("id", id).set("width", 8).set("height", 8).set("patternUnits", "userSpaceOnUse");
    let tile = tile.add(ground);
    if style.hatch.is_empty() {
        return tile;
    }
    tile.add(Path::new().set("d", style.hatch).set("fill", "none").set("stroke", "#ffffff").set("stroke-width", "1.4"))
}
