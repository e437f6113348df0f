//! How many people remain after each step of a selection: a funnel of bars with numbers and shares kept.

use serde::Serialize;

use super::{
    Axis, Drawing, Mark,
    axis::{Scale, Ticks},
    bars,
    data::{self, NOT_ESTIMABLE, all_named, real, some},
    draw::{Anchor, Face, Frame, GRID, INK, Line, MARGIN, Page, Paint, Rect},
    number,
};
use crate::{Error, statistics::Stated};

/// The most steps.
const STAGES_MAX: usize = 40;
/// The height of a row, and of its bar.
const ROW: (f64, f64) = (40.0, 24.0);
/// The room of the steps' names.
const NAMES: f64 = 210.0;
/// The least room between columns.
const GAP: f64 = 18.0;

/// Steps of a selection.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Attrition {
    /// The steps, the first of them everybody.
    pub stages: Vec<Stage>,
}

/// A step.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Stage {
    /// Who remains after it.
    pub name: String,
    /// How many: exact, or with the interval of the noise.
    pub people: Mark,
}

/// A share of people, where there is one: noise can leave more after a step than before it.
fn share(people: f64, of: Option<f64>) -> String {
    match of {
        Some(of) if of > 0.0 && (0.0..=of).contains(&people) => number::percent(people / of),
        _ => NOT_ESTIMABLE.into(),
    }
}

impl Attrition {
    /// Each step's name, people, share of all and share of the step before.
    fn rows<'a>(&'a self) -> Vec<(&'a Stage, [String; 3])> {
        let all = self.stages.first().map(|stage| stage.people.value);
        let mut before = None;
        let row = |stage: &'a Stage| {
            let people = stage.people.value;
            let kept = before.map_or_else(|| "–".into(), |before| share(people, Some(before)));
            before = Some(people);
            (stage, [number::whole(people), share(people, all), kept])
        };
        self.stages.iter().map(row).collect()
    }

    /// What the axis spans: the bars, their whiskers and zero.
    fn extent(&self) -> (f64, f64) {
        let extents = self.stages.iter().map(|stage| stage.people.extent()).chain([(0.0, 0.0)]);
        let (lo, hi) = data::extent(extents).unwrap_or((0.0, 1.0));
        (lo, if hi > lo { hi } else { lo + 1.0 })
    }

    fn marks(&self) -> Vec<Stated<Mark>> {
        self.stages.iter().map(|stage| Stated::Value(stage.people)).collect()
    }
}

impl Drawing for Attrition {
    fn check(&self, x: &Axis, _: &Axis) -> Result<(), Error> {
        x.of_bars(self.stages.iter().map(|stage| stage.people.value))?;
        all_named("the steps", self.stages.iter().map(|stage| stage.name.as_str()), STAGES_MAX)?;
        data::marks("a step", &self.marks())
    }

    fn description(&self, x: &Axis, _: &Axis) -> String {
        let row = |(stage, [_, of_all, _]): &(&Stage, [String; 3])| {
            format!("{}, {of_all} of all", bars::in_words(&stage.name, &Stated::Value(stage.people), x))
        };
        let rows: Vec<String> = self.rows().iter().map(row).collect();
        format!("Attrition. {}: {}.", x.caption(), some(&rows, 24))
    }

    fn notes(&self) -> Vec<String> {
        let shares = self.rows().iter().any(|(_, cells)| cells.iter().any(|cell| cell == NOT_ESTIMABLE));
        let why = shares.then(|| {
            format!("{NOT_ESTIMABLE}, not estimable: the step that it divides by has nobody, or fewer than are left, as noise can have it.")
        });
        bars::whiskers(&self.marks()).into_iter().chain(why).collect()
    }

    fn draw(&self, page: &mut Page, x: &Axis, y: &Axis) {
        let rows = self.rows();
        let table = Table::of(&rows, page.width);
        page.filled += 20.0;
        page.canvas.text(&Face::HEAD.fit(&y.label, table.names), (MARGIN, page.filled), Face::HEAD, Anchor::Start);
        table.write(page, &HEADS.map(Into::into), page.filled, Face::HEAD);
        let (left, right) = (MARGIN + table.names + 12.0, table.left);
        let x_ticks = Page::fitting(x, self.extent(), right - left);
        let none = Ticks { domain: (0.0, 1.0), marks: vec![], scale: Scale::Linear };
        let frame = page.frame_between(left, right, &x_ticks, &none, real(rows.len()) * ROW.0 + 6.0);
        let upright = |page: &mut Page, value: f64, colour| {
            let x = frame.x.at(value);
            page.canvas.line((x, frame.plot.top), (x, frame.plot.bottom), Line::solid(colour, 1.0));
        };
        x_ticks.marks.iter().for_each(|(value, _)| upright(page, *value, GRID));
        for (place, (stage, cells)) in rows.iter().enumerate() {
            let middle = frame.plot.top + 3.0 + ROW.0 * (real(place) + 0.5);
            bar(page, &frame, middle, &stage.people);
            name(page, &stage.name, table.names, middle);
            table.write(page, cells, middle + 4.2, Face::TICK);
        }
        upright(page, 0.0, INK);
        page.x_axis((x, &x_ticks), &frame);
    }
}

/// The heads of the columns beside the bars.
const HEADS: [&str; 3] = ["Kept", "Of all", "Of the step before"];

/// Where the columns beside the bars lie.
struct Table {
    /// The width of the names at the left.
    names: f64,
    /// Where the columns at the right start.
    left: f64,
    /// Where each ends.
    ends: [f64; 3],
}

impl Table {
    fn of(rows: &[(&Stage, [String; 3])], page: f64) -> Self {
        let mut widths = HEADS.map(|head| Face::HEAD.width(head));
        for (_, cells) in rows {
            for (width, cell) in widths.iter_mut().zip(cells) {
                *width = width.max(Face::TICK.width(cell));
            }
        }
        let names = rows.iter().map(|(stage, _)| Face::TICK.width(&stage.name)).fold(40.0, f64::max).min(NAMES);
        let left = page - MARGIN - widths.iter().map(|width| width + GAP).sum::<f64>();
        let mut end = left;
        let ends = widths.map(|width| {
            end += width + GAP;
            end
        });
        Self { names, left, ends }
    }

    fn write(&self, page: &mut Page, cells: &[String; 3], foot: f64, face: Face) {
        for (cell, end) in cells.iter().zip(self.ends) {
            page.canvas.text(cell, (end, foot), face, Anchor::End);
        }
    }
}

/// A bar from zero, and its whisker.
fn bar(page: &mut Page, frame: &Frame, middle: f64, people: &Mark) {
    let (zero, value, half) = (frame.x.at(0.0), frame.x.at(people.value), ROW.1 / 2.0);
    let rect = Rect { left: zero.min(value), right: zero.max(value), top: middle - half, bottom: middle + half };
    page.canvas.rect(rect, Paint::Series(0), Some(Line::solid(INK, 0.8)));
    if let Some((lo, hi)) = people.ends() {
        lying(page, middle, (frame.x.at(lo), frame.x.at(hi)));
    }
}

/// A step's name in up to two lines beside its bar.
fn name(page: &mut Page, name: &str, width: f64, middle: f64) {
    let lines = Face::TICK.wrap(name, width, 2);
    let mut foot = middle + 4.2 - 7.0 * real(lines.len().saturating_sub(1));
    for line in lines {
        page.canvas.text(&line, (MARGIN, foot), Face::TICK, Anchor::Start);
        foot += 14.0;
    }
}

/// A lying whisker.
fn lying(page: &mut Page, y: f64, (from, to): (f64, f64)) {
    for (colour, wide) in [("#ffffff", 3.0), (INK, 1.4)] {
        let line = Line::solid(colour, wide);
        page.canvas.line((from, y), (to, y), line);
        for x in [from, to] {
            page.canvas.line((x, y - 5.0), (x, y + 5.0), line);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn repro_a_funnel_said_that_110_percent_were_left_where_noise_left_more_than_there_were() {
        let stage = |name: &str, people| Stage { name: name.into(), people: Mark::exact(people) };
        let funnel = Attrition {
            stages: vec![stage("everybody", 30.0), stage("adults", 26.0), stage("men", 33.0), stage("tall", -1.0)],
        };
        let shares: Vec<_> = funnel.rows().into_iter().map(|(_, [_, of_all, kept])| [of_all, kept]).collect();
        assert_eq!(shares[1], [number::percent(26.0 / 30.0), number::percent(26.0 / 30.0)]);
        assert_eq!(shares[2..], [[NOT_ESTIMABLE, NOT_ESTIMABLE], [NOT_ESTIMABLE, NOT_ESTIMABLE]]);
        assert!(!funnel.description(&Axis::count("people"), &Axis::names("")).contains("110"));
    }
}
