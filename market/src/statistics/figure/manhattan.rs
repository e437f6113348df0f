//! The p-values of variants along the genome.

use std::collections::BTreeMap;

use serde::Serialize;

use super::{
    Axis, Drawing,
    axis::{Scale, Ticks},
    data::{all_named, named, real, refused},
    draw::{Anchor, BAND, Face, Frame, INK, Key, Line, Page, Paint, Rect, Sample, alternate},
    number,
};
use crate::Error;

/// The threshold of genome-wide significance (Pe'er et al., Genetic Epidemiology 32, 2008; Dudbridge and Gusnanto,
/// ibid.).
pub const GENOME_WIDE: f64 = 5e-8;

/// The most variants.
const HITS_MAX: usize = 1_000_000;
/// The most chromosomes, or contigs.
const CHROMOSOMES_MAX: usize = 64;
/// The most variants that are named.
const NAMED_MAX: usize = 8;
/// The height of the plot.
const HEIGHT: f64 = 320.0;

/// P-values along the genome.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Manhattan {
    /// The variants. Chromosomes stand in the order in which they come first.
    pub hits: Vec<Hit>,
    /// How many tests were made: the Bonferroni line is at 0.05 divided by it.
    pub tests: usize,
}

/// The p-value of a variant.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Hit {
    /// The variant's name; empty for one that is never named.
    pub name: String,
    /// Its chromosome.
    pub chromosome: String,
    /// Its position, in base pairs.
    pub position: u64,
    /// Its p-value: above 0, at most 1.
    pub p_value: f64,
}

/// A chromosome's variants, and where it lies among the others.
struct Stretch<'a> {
    name: &'a str,
    hits: Vec<&'a Hit>,
    /// The least and the greatest position.
    span: (u64, u64),
    /// Base pairs of the chromosomes before it, gaps included.
    before: f64,
}

impl Stretch<'_> {
    fn length(&self) -> f64 {
        pairs(self.span.1 - self.span.0)
    }
}

/// `−log₁₀ p`.
pub(super) fn strength(p: f64) -> f64 {
    (-p.log10()).max(0.0)
}

/// Refuses what is no p-value.
pub(super) fn check_p(p: f64) -> Result<(), Error> {
    if p > 0.0 && p <= 1.0 { Ok(()) } else { Err(refused(format!("a p-value is {p}; it is above 0 and at most 1"))) }
}

/// The axis, or one with this caption where it has none.
pub(super) fn captioned(axis: &Axis, caption: &str) -> Axis {
    if axis.label.trim().is_empty() { Axis::linear(caption, "") } else { Axis { scale: Scale::Linear, ..axis.clone() } }
}

#[allow(clippy::cast_precision_loss, reason = "a position is below 2^40 base pairs, which the constructor checks")]
const fn pairs(count: u64) -> f64 {
    count as f64
}

impl Manhattan {
    fn bonferroni(&self) -> f64 {
        0.05 / real(self.tests)
    }

    /// The chromosomes in the order in which they come first, side by side with a gap between.
    fn stretches(&self) -> Vec<Stretch<'_>> {
        let mut stretches: Vec<Stretch<'_>> = vec![];
        let mut places: BTreeMap<&str, usize> = BTreeMap::new();
        for hit in &self.hits {
            let place = *places.entry(&hit.chromosome).or_insert(stretches.len());
            if place == stretches.len() {
                let span = (hit.position, hit.position);
                stretches.push(Stretch { name: &hit.chromosome, hits: vec![], span, before: 0.0 });
            }
            if let Some(stretch) = stretches.get_mut(place) {
                stretch.span = (stretch.span.0.min(hit.position), stretch.span.1.max(hit.position));
                stretch.hits.push(hit);
            }
        }
        let gap = stretches.iter().map(Stretch::length).sum::<f64>().max(1.0) * 0.006;
        let mut before = gap;
        for stretch in &mut stretches {
            stretch.before = before;
            before += stretch.length() + gap;
        }
        stretches
    }

    /// The variants that are named: the strongest below either threshold.
    fn notable(&self) -> Vec<&Hit> {
        let threshold = self.bonferroni().max(GENOME_WIDE);
        let mut hits: Vec<&Hit> =
            self.hits.iter().filter(|hit| hit.p_value < threshold && !hit.name.is_empty()).collect();
        hits.sort_by(|one, other| one.p_value.total_cmp(&other.p_value));
        hits
    }
}

impl Drawing for Manhattan {
    fn check(&self, _: &Axis, _: &Axis) -> Result<(), Error> {
        let count = self.hits.len();
        if count == 0 || count > HITS_MAX || count > self.tests {
            let why = format!("{count} variants of {} tests are shown; a figure holds 1 to {HITS_MAX}", self.tests);
            return Err(refused(why));
        }
        for hit in &self.hits {
            check_p(hit.p_value)?;
            named("a chromosome", &hit.chromosome)?;
            if hit.position >= 1 << 40 {
                return Err(refused(format!("position {} is on no chromosome", hit.position)));
            }
        }
        all_named("the chromosomes", self.stretches().iter().map(|stretch| stretch.name), CHROMOSOMES_MAX)
    }

    fn description(&self, _: &Axis, _: &Axis) -> String {
        let below = |threshold: f64| self.hits.iter().filter(|hit| hit.p_value < threshold).count();
        let strongest = self.hits.iter().min_by(|one, other| one.p_value.total_cmp(&other.p_value));
        let strongest = strongest.map_or_else(String::new, |hit| {
            let (position, p) = (number::whole(pairs(hit.position)), number::p_value(hit.p_value));
            let name = if hit.name.is_empty() { "a variant" } else { &hit.name };
            format!("The strongest is {name} at {position} on chromosome {}, p = {p}. ", hit.chromosome)
        });
        format!(
            "Manhattan plot of {} variants. {strongest}{} are below the genome-wide threshold of {}; {} are below the Bonferroni \
             threshold of {}.",
            number::whole(real(self.hits.len())),
            below(GENOME_WIDE),
            number::p_value(GENOME_WIDE),
            below(self.bonferroni()),
            number::p_value(self.bonferroni()),
        )
    }

    fn notes(&self) -> Vec<String> {
        vec![]
    }

    fn draw(&self, page: &mut Page, x: &Axis, y: &Axis) {
        let lines = self.lines();
        let key = |(p, line, name): &(f64, Line, String)| {
            Key::new(Sample::Reference(*line), format!("{name}: p = {}", number::p_value(*p)))
        };
        page.keys(&lines.each_ref().map(key));
        let stretches = self.stretches();
        let all = self.hits.iter().map(|hit| hit.p_value).chain(lines.iter().map(|(p, ..)| *p));
        let y_ticks = Axis::linear("", "").ticks((0.0, all.map(strength).fold(0.0, f64::max) * 1.08), 6);
        let y = (&captioned(y, "−log₁₀ p"), &y_ticks);
        let frame = frame(page, &stretches, x, y);
        for (p, line, _) in &lines {
            let height = frame.y.at(strength(*p));
            page.canvas.line((frame.plot.left, height), (frame.plot.right, height), *line);
        }
        let place_of = |stretch: &Stretch<'_>, hit: &Hit| {
            (frame.x.at(coordinate(&stretches, stretch, hit)), frame.y.at(strength(hit.p_value)))
        };
        let wide = if self.hits.len() > 20_000 { 3.0 } else { 4.6 };
        for (place, stretch) in stretches.iter().enumerate() {
            let points = stretch.hits.iter().map(|hit| place_of(stretch, hit));
            page.canvas.points(points, alternate(place), wide);
        }
        let places = self.notable().into_iter().filter_map(|hit| {
            let stretch = stretches.iter().find(|stretch| stretch.name == hit.chromosome)?;
            Some((hit.name.as_str(), place_of(stretch, hit)))
        });
        name_points(page, &frame, places);
    }
}

impl Manhattan {
    fn lines(&self) -> [(f64, Line, String); 2] {
        let bonferroni = format!("Bonferroni, 0.05/{}", number::whole(real(self.tests)));
        [
            (GENOME_WIDE, Line { colour: "#d55e00", width: 1.4, dash: "8 4" }, "Genome-wide significance".into()),
            (self.bonferroni(), Line { colour: INK, width: 1.4, dash: "2 3" }, bonferroni),
        ]
    }
}

/// A variant's place on the axis: in megabases on a single chromosome, else in base pairs after the first.
fn coordinate(all: &[Stretch<'_>], stretch: &Stretch<'_>, hit: &Hit) -> f64 {
    if all.len() == 1 { pairs(hit.position) / 1e6 } else { stretch.before + pairs(hit.position - stretch.span.0) }
}

/// The frame, with megabases for one chromosome and names for several.
fn frame(page: &mut Page, stretches: &[Stretch<'_>], x: &Axis, y: (&Axis, &Ticks)) -> Frame {
    if let [only] = stretches {
        let x = captioned(x, &format!("Position on chromosome {} (Mb)", only.name));
        let ends = (pairs(only.span.0) / 1e6, pairs(only.span.1) / 1e6);
        let ticks = Page::fitting(&Axis::linear("", ""), ends, 560.0);
        return page.frame((&x, &ticks), y, HEIGHT);
    }
    let end = stretches.last().map_or(1.0, |last| last.before + last.length()) * 1.006;
    let ticks = Ticks { domain: (0.0, end), marks: vec![], scale: Scale::Linear };
    let frame = page.frame_over((&ticks, y), HEIGHT, |canvas, frame| {
        for stretch in stretches.iter().skip(1).step_by(2) {
            let margin = end * 0.003;
            let left = frame.x.at(stretch.before - margin);
            let right = frame.x.at(stretch.before + stretch.length() + margin);
            canvas.rect(Rect { left, right, ..frame.plot }, Paint::Plain(BAND.into()), None);
        }
    });
    name_stretches(page, &frame, stretches);
    page.caption(&captioned(x, "Chromosome"), &frame);
    frame
}

/// The chromosomes' names, those that would meet a neighbour's in a second row.
fn name_stretches(page: &mut Page, frame: &Frame, stretches: &[Stretch<'_>]) {
    let mut ends = [f64::NEG_INFINITY; 2];
    let mut rows = 1.0f64;
    for stretch in stretches {
        let x = frame.x.at(stretch.before + stretch.length() / 2.0);
        let name = Face::TICK.fit(stretch.name, 90.0);
        let half = Face::TICK.width(&name) / 2.0;
        let x = x.clamp(frame.plot.left, page.width - super::draw::MARGIN - half);
        for (end, row) in ends.iter_mut().zip([1.0, 2.0]) {
            if x - half > *end + 3.0 {
                let foot = frame.plot.bottom + 3.0 + 14.0 * row;
                page.canvas.text(&name, (x, foot), Face::TICK, Anchor::Middle);
                (*end, rows) = (x + half, rows.max(row));
                break;
            }
        }
    }
    page.filled = frame.plot.bottom + 5.0 + 14.0 * rows;
}

/// Names above points, as many as find room.
fn name_points<'a>(page: &mut Page, frame: &Frame, places: impl Iterator<Item = (&'a str, (f64, f64))>) {
    let mut taken: Vec<Rect> = vec![];
    for (name, (x, y)) in places {
        if taken.len() == NAMED_MAX {
            break;
        }
        let name = Face::SMALL.fit(name, 160.0);
        let half = Face::SMALL.width(&name) / 2.0;
        let x =
            x.clamp(frame.plot.left + half + 2.0, (frame.plot.right - half - 2.0).max(frame.plot.left + half + 2.0));
        let room = Rect { left: x - half - 3.0, right: x + half + 3.0, top: y - 19.0, bottom: y - 5.0 };
        if taken.iter().all(|other| !room.meets(other)) && room.top > frame.plot.top - 6.0 {
            page.canvas.rimmed(&name, (x, y - 7.0), Face::SMALL, Anchor::Middle);
            taken.push(room);
        }
    }
}
