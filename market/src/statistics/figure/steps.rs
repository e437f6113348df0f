//! Step curves with shaded bands, censor marks and numbers at risk: Kaplan–Meier.

use serde::Serialize;

use super::{
    Axis, Drawing,
    axis::{Scale, Ticks},
    data::{self, LARGEST, SERIES_MAX, all_named, extent, finite, refused, same_length, some},
    draw::{Anchor, Face, Frame, Key, Line, MARGIN, Page, Paint, Sample, path_of, style},
    number,
};
use crate::{Error, statistics::Interval};

/// The most steps of a curve, and of its censored times.
const STEPS_MAX: usize = 20_000;
/// The most times of the table below.
const TIMES_MAX: usize = 64;
/// The height of the plot.
const HEIGHT: f64 = 300.0;
/// The height of a row of the table below.
const ROW: f64 = 17.0;
/// The room of a curve's name in the table.
const NAME_MAX: f64 = 150.0;

/// Curves that fall or rise in steps.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Steps {
    /// The curves.
    pub curves: Vec<Curve>,
    /// The times at which those at risk are counted, ascending; see [`super::nice_times`]. Empty for no table.
    pub times: Vec<f64>,
}

/// A curve.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Curve {
    /// Its name.
    pub name: String,
    /// Its steps, by ascending time, the first where it starts: usually 1 at time 0.
    pub steps: Vec<Step>,
    /// Until when it is known.
    pub end: f64,
    /// Times at which somebody was censored.
    pub censored: Vec<f64>,
    /// Those at risk at each of the table's times; none where they are not estimated, such as past the end of a curve that
    /// noise cuts short.
    pub at_risk: Vec<Option<i64>>,
}

/// A step: the value from a time until the next step.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Step {
    /// From when.
    pub time: f64,
    /// The value.
    pub value: f64,
    /// Its interval.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub interval: Option<Interval>,
}

impl Curve {
    /// The value at a time, none before the first step.
    fn at(&self, time: f64) -> Option<f64> {
        self.steps.iter().take_while(|step| step.time <= time).last().map(|step| step.value)
    }

    /// Each step with the time of the next, or of the curve's end.
    fn spans(&self) -> impl Iterator<Item = (&Step, f64)> {
        let ends = self.steps.iter().skip(1).map(|step| step.time).chain([self.end]);
        self.steps.iter().zip(ends)
    }

    fn check(&self, times: usize) -> Result<(), Error> {
        let name = &self.name;
        if self.steps.is_empty() || self.steps.len().max(self.censored.len()) > STEPS_MAX {
            return Err(refused(format!("{name} has {} steps; a curve has 1 to {STEPS_MAX}", self.steps.len())));
        }
        let numbers = self.steps.iter().flat_map(|step| {
            let ends = step.interval.map(|Interval { lo, hi }| [lo, hi]);
            [step.time, step.value].into_iter().chain(ends.into_iter().flatten())
        });
        let mut all = numbers.chain(self.censored.iter().copied()).chain([self.end]);
        all.try_for_each(|value| finite(&format!("a number of {name}"), value))?;
        let ascending = self.spans().all(|(step, end)| step.time <= end);
        let upright = self.steps.iter().filter_map(|step| step.interval).all(|Interval { lo, hi }| lo <= hi);
        if !ascending {
            return Err(refused(format!("{name} goes back in time, or ends before its last step")));
        }
        if !upright {
            return Err(refused(format!("an interval of {name} is upside down")));
        }
        same_length("numbers at risk", self.at_risk.len(), times)
    }

    /// The value at the start and at the end, in words.
    fn in_words(&self, x: &Axis, y: &Axis) -> String {
        let last = self.steps.last();
        let value = last.map_or_else(String::new, |step| y.say(step.value));
        let interval = last.and_then(|step| step.interval);
        let span = interval.map_or_else(String::new, |Interval { lo, hi }| {
            format!(" (95% interval {})", number::span(&y.say(lo), &y.say(hi)))
        });
        let half = self.steps.iter().find(|step| step.value <= 0.5).map(|step| x.say(step.time));
        let half = match (half, y.scale) {
            (Some(time), Scale::Share) => format!(", 50% or less from {time} on"),
            _ => String::new(),
        };
        format!("{}: {value}{span} at {}{half}", self.name, x.say(self.end))
    }
}

impl Drawing for Steps {
    fn check(&self, x: &Axis, y: &Axis) -> Result<(), Error> {
        x.not_log()?;
        y.not_log()?;
        x.of_numbers(self.times.iter().copied().chain([self.start(), self.end()]))?;
        y.of_numbers(self.curves.iter().flat_map(|curve| &curve.steps).map(|step| step.value))?;
        all_named("the curves", self.curves.iter().map(|curve| curve.name.as_str()), SERIES_MAX)?;
        self.times.iter().try_for_each(|time| finite("a time at risk", *time))?;
        if self.times.len() > TIMES_MAX || !self.times.is_sorted_by(|one, next| one < next) {
            return Err(refused(format!("the times at risk do not ascend, or are more than {TIMES_MAX}")));
        }
        self.curves.iter().try_for_each(|curve| curve.check(self.times.len()))
    }

    fn description(&self, x: &Axis, y: &Axis) -> String {
        let curves: Vec<String> = self.curves.iter().map(|curve| curve.in_words(x, y)).collect();
        format!("Step curves of {} over {}. {}.", y.caption(), x.caption(), some(&curves, SERIES_MAX))
    }

    fn notes(&self) -> Vec<String> {
        let banded = self.curves.iter().flat_map(|curve| &curve.steps).any(|step| step.interval.is_some());
        let censored = self.curves.iter().any(|curve| !curve.censored.is_empty());
        let words = match (banded, censored) {
            (true, true) => "Shaded: 95% intervals. Upright ticks on the curves: censored.",
            (true, false) => "Shaded: 95% intervals.",
            (false, true) => "Upright ticks on the curves: censored.",
            (false, false) => "",
        };
        let unknown = self.curves.iter().flat_map(|curve| &curve.at_risk).any(Option::is_none);
        let dash = if unknown { "–, number at risk not estimated: the curve has ended." } else { "" };
        [words, dash].into_iter().filter(|words| !words.is_empty()).map(Into::into).collect()
    }

    fn draw(&self, page: &mut Page, x: &Axis, y: &Axis) {
        let key = |(place, curve): (usize, &Curve)| Key::new(Sample::Curve(place), curve.name.as_str());
        page.keys(&self.curves.iter().enumerate().map(key).collect::<Vec<_>>());
        let (x_ticks, y_axis) = (self.x_ticks(x), self.y_axis(y));
        let y_ticks = y_axis.ticks(self.value_extent(), 5);
        let frame = self.frame(page, (x, &x_ticks), (&y_axis, &y_ticks));
        for (place, curve) in self.curves.iter().enumerate() {
            band(page, &frame, curve, style(place).colour);
        }
        for (place, curve) in self.curves.iter().enumerate() {
            line(page, &frame, curve, place);
        }
        self.table(page, &frame);
    }
}

impl Steps {
    fn end(&self) -> f64 {
        let ends = self.curves.iter().map(|curve| curve.end);
        ends.chain(self.times.iter().copied()).fold(0.0, f64::max)
    }

    fn start(&self) -> f64 {
        let starts = self.curves.iter().filter_map(|curve| curve.steps.first()).map(|step| step.time);
        starts.chain(self.times.first().copied()).fold(0.0, f64::min)
    }

    fn value_extent(&self) -> (f64, f64) {
        let steps = self.curves.iter().flat_map(|curve| &curve.steps);
        let extents = steps.map(|step| data::Mark { value: step.value, interval: step.interval }.extent());
        extent(extents.chain([(0.0, 0.0)])).unwrap_or((0.0, 1.0))
    }

    /// Ticks at the table's times, if its numbers find room there.
    fn x_ticks(&self, x: &Axis) -> Ticks {
        let length = 500.0;
        let domain = (self.start(), self.end());
        if x.range.is_none() && self.times.len() > 1 {
            let ticks = Ticks::at(&self.times, domain, Scale::Linear);
            let mut rights = f64::NEG_INFINITY;
            let fits = ticks.marks.iter().all(|(time, label)| {
                let (place, half) = (length * (time - domain.0) / (domain.1 - domain.0), Face::TICK.width(label) / 2.0);
                let apart = place - half > rights + 10.0;
                rights = place + half;
                apart
            });
            if fits {
                return ticks;
            }
        }
        Page::fitting(x, domain, length)
    }

    /// Shares run from 0 to 1 unless something lies beyond.
    fn y_axis(&self, y: &Axis) -> Axis {
        let (lo, hi) = self.value_extent();
        let whole = y.scale == Scale::Share && y.range.is_none() && lo >= 0.0 && hi <= 1.0;
        if whole { y.clone().within(0.0, 1.0) } else { y.clone() }
    }

    fn names_room(&self) -> f64 {
        if self.times.is_empty() {
            return 0.0;
        }
        let widest = self.curves.iter().map(|curve| Face::TICK.width(&curve.name)).fold(0.0, f64::max);
        widest.min(NAME_MAX) + 36.0
    }

    /// The frame, with room at the left for the names of the table's rows.
    fn frame(&self, page: &mut Page, x: (&Axis, &Ticks), y: (&Axis, &Ticks)) -> Frame {
        let labels = y.1.marks.iter().map(|(_, label)| Face::TICK.width(label)).fold(0.0, f64::max);
        let axis_room = 44.0 + labels;
        let widest = |numbers: &dyn Fn(&Curve) -> Option<i64>| {
            self.curves
                .iter()
                .filter_map(numbers)
                .map(|number| Face::TICK.width(&count(number)) / 2.0)
                .fold(0.0, f64::max)
        };
        let first = widest(&|curve| curve.at_risk.first().copied().flatten());
        let last = widest(&|curve| curve.at_risk.last().copied().flatten());
        let end = x.1.marks.last().map_or(0.0, |(_, label)| Face::TICK.width(label) / 2.0);
        let left = MARGIN + axis_room.max(self.names_room() + first + 14.0);
        let right = page.width - MARGIN - last.max(end).max(4.0);
        let frame = page.frame_between(left, right, x.1, y.1, HEIGHT);
        page.y_axis(y, &frame, (left - axis_room).max(MARGIN));
        page.x_axis(x, &frame);
        frame
    }

    /// Numbers at risk below the times they are counted at; columns that would meet their neighbour are left out.
    fn table(&self, page: &mut Page, frame: &Frame) {
        if self.times.is_empty() {
            return;
        }
        page.filled += 22.0;
        page.canvas.text("Number at risk", (MARGIN, page.filled), Face::HEAD, Anchor::Start);
        let columns = self.columns(frame);
        for (place, curve) in self.curves.iter().enumerate() {
            page.filled += ROW;
            page.sample(Sample::Curve(place), MARGIN, page.filled - 4.2);
            let name = Face::TICK.fit(&curve.name, NAME_MAX);
            page.canvas.text(&name, (MARGIN + 36.0, page.filled), Face::TICK, Anchor::Start);
            for (column, x) in &columns {
                let number = cell(curve.at_risk.get(*column).copied().flatten());
                page.canvas.text(&number, (*x, page.filled), Face::TICK, Anchor::Middle);
            }
        }
        page.filled += 4.0;
    }

    /// The columns that find room, with their places.
    fn columns(&self, frame: &Frame) -> Vec<(usize, f64)> {
        let mut kept = vec![];
        let mut end = f64::NEG_INFINITY;
        for (column, time) in self.times.iter().enumerate() {
            let numbers = self.curves.iter().filter_map(|curve| curve.at_risk.get(column));
            let half = numbers.map(|number| Face::TICK.width(&cell(*number)) / 2.0).fold(0.0, f64::max);
            let x = frame.x.at(*time);
            if x - half > end + 8.0 {
                end = x + half;
                kept.push((column, x));
            }
        }
        kept
    }
}

/// A number of people; one that no axis would show is cut.
#[allow(clippy::cast_precision_loss, reason = "shown in words; counts of people are far below 2^53")]
fn count(number: i64) -> String {
    number::whole((number as f64).clamp(-LARGEST, LARGEST))
}

/// A cell of the table: a number of people, or that it is not estimated.
fn cell(number: Option<i64>) -> String {
    number.map_or_else(|| "–".into(), count)
}

/// The interval along the curve, in runs of steps that have one.
fn band(page: &mut Page, frame: &Frame, curve: &Curve, colour: &'static str) {
    let mut run: Vec<[(f64, f64); 4]> = vec![];
    let mut draw = |run: &mut Vec<[(f64, f64); 4]>| {
        let above = run.iter().flat_map(|[start, end, ..]| [*start, *end]);
        let below = run.iter().rev().flat_map(|[.., start, end]| [*end, *start]);
        let path = path_of(above.chain(below), true);
        if !path.is_empty() {
            page.canvas.fill(path, Paint::Sheer(colour, 0.16));
        }
        run.clear();
    };
    for (step, end) in curve.spans() {
        let Some(Interval { lo, hi }) = step.interval else {
            draw(&mut run);
            continue;
        };
        let (from, to, above, below) = (frame.x.at(step.time), frame.x.at(end), frame.y.at(hi), frame.y.at(lo));
        run.push([(from, above), (to, above), (from, below), (to, below)]);
    }
    draw(&mut run);
}

/// The curve and its censor marks.
fn line(page: &mut Page, frame: &Frame, curve: &Curve, place: usize) {
    let look = style(place);
    let points = curve.spans().flat_map(|(step, end)| {
        let y = frame.y.at(step.value);
        [(frame.x.at(step.time), y), (frame.x.at(end), y)]
    });
    page.canvas.stroke(path_of(points, false), Line { colour: look.colour, width: 2.0, dash: look.dash });
    for time in &curve.censored {
        if let Some(value) = curve.at(*time) {
            let (x, y) = (frame.x.at(*time), frame.y.at(value));
            page.canvas.line((x, y - 4.5), (x, y + 4.5), Line::solid(look.colour, 1.2));
        }
    }
}
