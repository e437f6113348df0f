//! Figures from real people, and from random data.

mod gallery;
mod people;
mod random;
mod soundness;

use resvg::usvg::{Group, Node, Rect, Tree};

use super::{Axis, Figure, Kind, png};

/// A text of a figure and the rectangle that it takes when drawn.
pub(super) struct Placed {
    pub(super) words: String,
    pub(super) bounds: Rect,
    /// Whether it is slanted, so that its rectangle is larger than the letters.
    pub(super) slanted: bool,
}

/// Every text with its place, as another program than ours lays it out.
pub(super) fn texts(svg: &str) -> (Vec<Placed>, (f32, f32)) {
    fn walk(group: &Group, found: &mut Vec<Placed>) {
        for node in group.children() {
            match node {
                Node::Group(inner) => walk(inner, found),
                Node::Text(text) => {
                    let words = text.chunks().iter().map(|chunk| chunk.text().to_owned()).collect();
                    let turn = text.abs_transform();
                    let slanted = turn.kx != 0.0 && turn.sx.abs() > 1e-3;
                    found.push(Placed { words, bounds: text.abs_bounding_box(), slanted });
                }
                Node::Path(_) | Node::Image(_) => {}
            }
        }
    }
    let tree = Tree::from_str(svg, &png::options()).unwrap();
    let mut found = vec![];
    walk(tree.root(), &mut found);
    (found, (tree.size().width(), tree.size().height()))
}

/// What a journal's editor would send back: text beyond the page, or over other text.
pub(in crate::statistics) fn blemishes(svg: &str) -> Vec<String> {
    let (texts, (width, height)) = texts(svg);
    let outside = |text: &&Placed| {
        let Placed { bounds, .. } = text;
        bounds.left() < 0.0 || bounds.top() < 0.0 || bounds.right() > width || bounds.bottom() > height
    };
    let mut found: Vec<String> =
        texts.iter().filter(outside).map(|text| format!("{} is outside", text.words)).collect();
    for (place, one) in texts.iter().enumerate() {
        for other in texts.iter().skip(place + 1).filter(|other| !(one.slanted && other.slanted)) {
            // Letters seldom fill the height of their line.
            let (a, b) = (one.bounds, other.bounds);
            let across = a.right().min(b.right()) - a.left().max(b.left());
            let down = a.bottom().min(b.bottom()) - a.top().max(b.top());
            if across > 0.5 && down > 3.0 {
                found.push(format!("{} meets {}", one.words, other.words));
            }
        }
    }
    found
}

/// A figure of a kind, with axes that have names.
pub(super) fn figure(kind: Kind) -> Figure {
    Figure::new("A title", Axis::linear("time", "d"), Axis::linear("people", ""), kind).unwrap()
}
