//! Estimates with intervals, one below the other, beside their numbers.

use serde::Serialize;

use super::{
    Axis, Drawing, Mark,
    axis::Scale,
    bars,
    data::{self, NOT_ESTIMABLE, all_named, finite, missing, some},
    draw::{Anchor, Face, Frame, INK, Line, MARGIN, MUTED, Page, Paint, Rect, path_of},
    number,
};
use crate::{Error, statistics::Stated};

/// The most rows.
const ROWS_MAX: usize = 100;
/// The height of a row.
const ROW: f64 = 24.0;
/// The room of names and of details.
const NAMES_MAX: f64 = 200.0;
const DETAILS_MAX: f64 = 110.0;
/// How many times the median distance between estimates and their intervals' ends an end may be away before it is cut
/// and becomes an arrow.
const REACH: f64 = 6.0;

/// Estimates side by side: odds ratios, hazard ratios, differences.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Forest {
    /// The rows, from the top.
    pub rows: Vec<ForestRow>,
    /// Where there is no effect: 1 for ratios, 0 for differences; none for what has no such place, such as means.
    pub reference: Option<f64>,
    /// What the rows' details are, such as `Cases/controls`; empty where they have none.
    pub detail: String,
}

/// A row.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct ForestRow {
    /// Its name.
    pub name: String,
    /// Its detail, such as `31/69`; may be empty.
    pub detail: String,
    /// Its estimate.
    pub mark: Stated<Mark>,
    /// Whether it combines the others: drawn as a diamond.
    pub pooled: bool,
}

impl Forest {
    fn marks(&self) -> impl Iterator<Item = &Stated<Mark>> {
        self.rows.iter().map(|row| &row.mark)
    }

    /// The range of the axis: of all estimates and the reference, and of the intervals as far as they are shown.
    fn extent(&self, x: &Axis) -> (f64, f64) {
        let log = x.scale == Scale::Log;
        let laid = |value: f64| if log { value.max(1e-300).log10() } else { value };
        let marks = || self.marks().filter_map(Stated::value);
        let mut reaches: Vec<f64> = marks()
            .filter_map(|mark| Some((laid(mark.value), mark.ends()?)))
            .flat_map(|(value, (lo, hi))| [value - laid(lo), laid(hi) - value])
            .collect();
        reaches.sort_by(f64::total_cmp);
        // Of several rows the greater of the middle two: half of the intervals are no outliers.
        let middle = if self.rows.len() > 1 { reaches.len() / 2 } else { 0 };
        let reach = REACH * reaches.get(middle).copied().unwrap_or(0.0);
        let shown = |mark: &Mark| {
            let (value, (lo, hi)) = (laid(mark.value), mark.extent());
            if reach > 0.0 { (laid(lo).max(value - reach), laid(hi).min(value + reach)) } else { (value, value) }
        };
        let reference = self.reference.map(|reference| (laid(reference), laid(reference)));
        let (lo, hi) = data::extent(marks().map(shown).chain(reference)).unwrap_or((0.0, 0.0));
        // So that no cap lies on the column beside it.
        let edge = if log { (hi - lo) * 0.03 } else { 0.0 };
        if log { (10f64.powf(lo - edge), 10f64.powf(hi + edge)) } else { (lo, hi) }
    }
}

/// An estimate with its interval, as the column at the right has it.
fn column(mark: &Stated<Mark>) -> String {
    match mark {
        Stated::Value(Mark { value, interval: None }) => number::effect(*value),
        Stated::Value(Mark { value, interval: Some(interval) }) => {
            let scale = value.abs().max((value - interval.lo).min(interval.hi - value));
            let say = |value: f64| if scale > 0.0 { number::alike(value, scale) } else { number::effect(value) };
            format!("{} ({})", say(*value), number::span(&say(interval.lo), &say(interval.hi)))
        }
        Stated::Undefined { .. } => NOT_ESTIMABLE.into(),
    }
}

impl Drawing for Forest {
    fn check(&self, x: &Axis, _: &Axis) -> Result<(), Error> {
        all_named("the rows", self.rows.iter().map(|row| row.name.as_str()), ROWS_MAX)?;
        data::marks("an estimate", self.marks())?;
        self.reference.map_or(Ok(()), |reference| finite("the reference", reference))?;
        let values = || self.marks().filter_map(Stated::value).map(|mark| mark.value).chain(self.reference);
        x.of_numbers(values())?;
        x.positive_if_log(values())
    }

    fn description(&self, x: &Axis, _: &Axis) -> String {
        let row = |row: &ForestRow| bars::in_words(&row.name, &row.mark, x);
        let rows: Vec<String> = self.rows.iter().map(row).collect();
        let none = self.reference.map_or_else(String::new, |none| format!(" No effect at {}.", x.say(none)));
        format!("Forest plot. {}: {}.{none}", x.caption(), some(&rows, 24))
    }

    fn notes(&self) -> Vec<String> {
        let mut notes: Vec<String> = bars::whiskers(self.marks()).into_iter().collect();
        if self.rows.iter().any(|row| row.pooled) {
            notes.push("Diamond: combined estimate.".into());
        }
        notes.extend(missing(self.rows.iter().map(|row| (row.name.clone(), &row.mark))));
        notes
    }

    fn draw(&self, page: &mut Page, x: &Axis, y: &Axis) {
        let columns = Columns::of(self, x, y);
        page.filled += 20.0;
        for (words, at, anchor) in columns.heads(page.width) {
            page.canvas.text(&words, (at, page.filled), Face::HEAD, anchor);
        }
        let (left, right) = (columns.left(), page.width - MARGIN - columns.numbers - 18.0);
        let ticks = Page::fitting(x, self.extent(x), right - left);
        let rows = data::real(self.rows.len());
        let none = super::axis::Ticks { domain: (0.0, rows), marks: vec![], scale: Scale::Linear };
        let frame = page.frame_between(left, right, &ticks, &none, rows * ROW + 8.0);
        page.canvas.line((MARGIN, frame.plot.top), (page.width - MARGIN, frame.plot.top), Line::solid(INK, 1.0));
        if let Some(reference) = self.reference.map(|reference| frame.x.at(reference)) {
            let line = Line { colour: MUTED, width: 1.2, dash: "5 4" };
            page.canvas.line((reference, frame.plot.top), (reference, frame.plot.bottom), line);
        }
        for (place, row) in self.rows.iter().enumerate() {
            let middle = frame.plot.top + 4.0 + ROW * (data::real(place) + 0.5);
            columns.write(page, row, middle + 4.2);
            if let Stated::Value(mark) = &row.mark {
                estimate(page, &frame, middle, mark, row.pooled);
            }
        }
        page.x_axis((x, &ticks), &frame);
    }
}

/// The columns of text beside the plot, and how wide they are.
struct Columns {
    names: f64,
    details: f64,
    numbers: f64,
    heads: [String; 3],
}

impl Columns {
    fn of(forest: &Forest, x: &Axis, y: &Axis) -> Self {
        let bold = |words: &str| Face::HEAD.width(words);
        let widest = |widths: &mut dyn Iterator<Item = f64>| widths.fold(0.0, f64::max);
        let rows = &forest.rows;
        let face = |row: &ForestRow| if row.pooled { Face::HEAD } else { Face::TICK };
        let head = format!("{} (95% CI)", x.label);
        let head = if bold(&head) > 190.0 { "Estimate (95% CI)".into() } else { head };
        let names = widest(&mut rows.iter().map(|row| face(row).width(&row.name)).chain([bold(&y.label)]));
        let details = widest(&mut rows.iter().map(|row| face(row).width(&row.detail)).chain([bold(&forest.detail)]));
        let numbers = widest(&mut rows.iter().map(|row| face(row).width(&column(&row.mark))).chain([bold(&head)]));
        let (names, details) = (names.min(NAMES_MAX), details.min(DETAILS_MAX));
        let heads = [Face::HEAD.fit(&y.label, names), Face::HEAD.fit(&forest.detail, details), head];
        Self { names, details, numbers, heads }
    }

    /// Where the plot starts.
    fn left(&self) -> f64 {
        MARGIN + self.names + 18.0 + if self.details > 0.0 { self.details + 18.0 } else { 0.0 }
    }

    /// Where details end.
    fn details_at(&self) -> f64 {
        MARGIN + self.names + 18.0 + self.details
    }

    fn heads(&self, width: f64) -> [(String, f64, Anchor); 3] {
        let [names, details, numbers] = self.heads.clone();
        [
            (names, MARGIN, Anchor::Start),
            (details, self.details_at(), Anchor::End),
            (numbers, width - MARGIN, Anchor::End),
        ]
    }

    fn write(&self, page: &mut Page, row: &ForestRow, foot: f64) {
        let face = if row.pooled { Face::HEAD } else { Face::TICK };
        page.canvas.text(&face.fit(&row.name, self.names), (MARGIN, foot), face, Anchor::Start);
        let detail = face.fit(&row.detail, self.details);
        if !detail.is_empty() {
            page.canvas.text(&detail, (self.details_at(), foot), face, Anchor::End);
        }
        page.canvas.text(&column(&row.mark), (page.width - MARGIN, foot), face, Anchor::End);
    }
}

/// An estimate with its interval; an end beyond the axis is an arrow.
fn estimate(page: &mut Page, frame: &Frame, y: f64, mark: &Mark, pooled: bool) {
    let x = frame.x.at(mark.value);
    let colour = "#0072b2";
    if let Some((lo, hi)) = mark.ends() {
        let (from, to) = (frame.x.at(lo), frame.x.at(hi));
        if pooled {
            let diamond = path_of([(from, y), (x, y - 7.0), (to, y), (x, y + 7.0)], true);
            return page.canvas.fill(diamond, Paint::Plain(INK.into()));
        }
        page.canvas.line((from, y), (to, y), Line::solid(INK, 1.4));
        for (end, at, right) in [(lo, from, false), (hi, to, true)] {
            let (before, after) = frame.x.beyond(end);
            if (right && after) || (!right && before) {
                page.canvas.arrow((at, y), right, INK);
            } else {
                page.canvas.line((at, y - 4.0), (at, y + 4.0), Line::solid(INK, 1.4));
            }
        }
    }
    let square = Rect { left: x - 4.5, top: y - 4.5, right: x + 4.5, bottom: y + 4.5 };
    page.canvas.rect(square, Paint::Plain(colour.into()), Some(Line::solid("#ffffff", 0.8)));
}
