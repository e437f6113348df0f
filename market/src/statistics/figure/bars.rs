//! Bars with intervals, in groups.

use serde::Serialize;

use super::{
    Axis, Drawing, Mark,
    axis::Scale,
    data::{self, NOT_ESTIMABLE, SERIES_MAX, all_named, any_interval, missing, real, same_length, some},
    draw::{Anchor, Face, Frame, INK, Key, Line, Page, Paint, Rect, Sample},
    number,
};
use crate::{Error, statistics::Stated};

/// The most groups of bars.
const GROUPS_MAX: usize = 40;
/// The height of the plot.
const HEIGHT: f64 = 300.0;
/// The part of a group's room that its bars take.
const FILLED: f64 = 0.74;

/// Groups of bars: counts, shares or means, one series beside the other.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Bars {
    /// The groups' names.
    pub groups: Vec<String>,
    /// The series, each with a bar in every group.
    pub series: Vec<Series>,
}

/// A series of bars.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Series {
    /// Its name.
    pub name: String,
    /// Its bars.
    pub marks: Vec<Stated<Mark>>,
}

impl Bars {
    fn marks(&self) -> impl Iterator<Item = &Stated<Mark>> {
        self.series.iter().flat_map(|series| &series.marks)
    }

    /// The name of a bar: its group, and its series if there are several.
    fn name(&self, series: &Series, group: &str) -> String {
        if self.series.len() > 1 { format!("{group}, {}", series.name) } else { group.into() }
    }

    /// Every bar with its name.
    fn named(&self) -> impl Iterator<Item = (String, &Stated<Mark>)> {
        self.groups.iter().enumerate().flat_map(move |(place, group)| {
            self.series
                .iter()
                .filter_map(move |series| series.marks.get(place).map(|mark| (self.name(series, group), mark)))
        })
    }
}

/// A value with its interval, in words.
pub(super) fn in_words(name: &str, mark: &Stated<Mark>, axis: &Axis) -> String {
    match mark {
        Stated::Value(Mark { value, interval: None }) => format!("{name}, {}", axis.say(*value)),
        Stated::Value(Mark { value, interval: Some(interval) }) => {
            let span = number::span(&axis.say(interval.lo), &axis.say(interval.hi));
            format!("{name}, {} (95% interval {span})", axis.say(*value))
        }
        Stated::Undefined { undefined } => format!("{name}, not estimable: {undefined}"),
    }
}

/// What whiskers are.
pub(super) fn whiskers<'a>(marks: impl IntoIterator<Item = &'a Stated<Mark>>) -> Option<String> {
    any_interval(marks).then(|| "Whiskers: 95% intervals.".into())
}

impl Drawing for Bars {
    fn check(&self, _: &Axis, y: &Axis) -> Result<(), Error> {
        y.of_bars(self.marks().filter_map(Stated::value).map(|mark| mark.value))?;
        all_named("the groups", self.groups.iter().map(String::as_str), GROUPS_MAX)?;
        all_named("the series", self.series.iter().map(|series| series.name.as_str()), SERIES_MAX)?;
        for series in &self.series {
            same_length("bars of a series", series.marks.len(), self.groups.len())?;
        }
        data::marks("a bar", self.marks())
    }

    fn description(&self, _: &Axis, y: &Axis) -> String {
        let bars: Vec<String> = self.named().map(|(name, mark)| in_words(&name, mark, y)).collect();
        format!("Bar chart. {}: {}.", y.caption(), some(&bars, 24))
    }

    fn notes(&self) -> Vec<String> {
        whiskers(self.marks()).into_iter().chain(missing(self.named())).collect()
    }

    fn draw(&self, page: &mut Page, x: &Axis, y: &Axis) {
        if self.series.len() > 1 {
            let key = |(place, series): (usize, &Series)| Key::new(Sample::Area(place), series.name.as_str());
            page.keys(&self.series.iter().enumerate().map(key).collect::<Vec<_>>());
        }
        let (y, extent) = (&self.axis(y), self.extent());
        let ticks = y.ticks(extent, 7);
        // Room for the label of a bar that reaches the top.
        page.filled += 10.0;
        let names: Vec<&str> = self.groups.iter().map(String::as_str).collect();
        let (frame, slot) = page.frame_of_names((x, &names), (y, &ticks), HEIGHT);
        let width = slot * FILLED / real(self.series.len());
        let apart = if self.series.len() > 1 { width } else { slot };
        let goes_in = |mark: &Mark| Face::SMALL.width(&y.say(mark.value)) + 4.0 < apart;
        let labelled = self.marks().filter_map(Stated::value).all(goes_in);
        for (place, series) in self.series.iter().enumerate() {
            for (group, mark) in series.marks.iter().enumerate() {
                let left = frame.plot.left + slot * (real(group) + (1.0 - FILLED) / 2.0) + width * real(place);
                let Stated::Value(mark) = mark else {
                    absent(page, &frame, (left, width));
                    continue;
                };
                bar(page, &frame, place, (left, width), mark);
                if labelled {
                    label(page, &frame, left + width / 2.0, mark, &y.say(mark.value));
                }
            }
        }
        baseline(page, &frame);
    }
}

impl Bars {
    /// What the axis spans: the bars, their whiskers and zero.
    fn extent(&self) -> (f64, f64) {
        let extents = self.marks().filter_map(Stated::value).map(Mark::extent).chain([(0.0, 0.0)]);
        let (lo, hi) = data::extent(extents).unwrap_or((0.0, 1.0));
        (lo, if hi > lo { hi } else { lo + 1.0 })
    }

    /// Shares that come near to the whole are shown as parts of it.
    fn axis(&self, y: &Axis) -> Axis {
        let (lo, hi) = self.extent();
        let whole = y.scale == Scale::Share && y.range.is_none() && lo >= 0.0 && hi > 0.8 && hi <= 1.0;
        if whole { y.clone().within(0.0, 1.0) } else { y.clone() }
    }
}

/// The line that bars stand on.
pub(super) fn baseline(page: &mut Page, frame: &Frame) {
    let zero = frame.y.at(0.0);
    page.canvas.line((frame.plot.left, zero), (frame.plot.right, zero), Line::solid(INK, 1.0));
}

/// A bar from zero, and its whisker.
pub(super) fn bar(page: &mut Page, frame: &Frame, place: usize, (left, width): (f64, f64), mark: &Mark) {
    let (zero, value) = (frame.y.at(0.0), frame.y.at(mark.value));
    let rect = Rect { left, top: zero.min(value), right: left + width, bottom: zero.max(value) };
    page.canvas.rect(rect, Paint::Series(place), Some(Line::solid(INK, 0.8)));
    if let Some((lo, hi)) = mark.ends() {
        whisker(page, left + width / 2.0, (frame.y.at(lo), frame.y.at(hi)), (width * 0.25).min(5.0), INK);
    }
}

/// What stands in the place of a bar that has no value, upright where it is narrow; the narrowest is left to the note.
pub(super) fn absent(page: &mut Page, frame: &Frame, (left, width): (f64, f64)) {
    let (x, foot) = (left + width / 2.0, frame.y.at(0.0) - 4.0);
    if Face::SMALL.width(NOT_ESTIMABLE) + 2.0 < width {
        page.canvas.text(NOT_ESTIMABLE, (x, foot), Face::SMALL, Anchor::Middle);
    } else if Face::SMALL.size + 1.0 < width {
        page.canvas.turned(NOT_ESTIMABLE, (x + 4.0, foot), Face::SMALL, Anchor::Start, -90.0);
    }
}

/// An upright interval with caps, on a white rim so that it is seen on a bar too.
pub(super) fn whisker(page: &mut Page, x: f64, (from, to): (f64, f64), cap: f64, colour: &'static str) {
    for (colour, wide) in [("#ffffff", 3.0), (colour, 1.4)] {
        let line = Line::solid(colour, wide);
        page.canvas.line((x, from), (x, to), line);
        for y in [from, to] {
            page.canvas.line((x - cap, y), (x + cap, y), line);
        }
    }
}

/// The value of a bar, beyond its whisker.
fn label(page: &mut Page, frame: &Frame, x: f64, mark: &Mark, text: &str) {
    let (lo, hi) = mark.extent();
    let y = if mark.value < 0.0 { frame.y.at(lo) + 13.0 } else { frame.y.at(hi) - 5.0 };
    page.canvas.rimmed(text, (x, y.min(frame.plot.bottom - 3.0)), Face::SMALL, Anchor::Middle);
}
