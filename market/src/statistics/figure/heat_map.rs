//! A matrix as colours with its numbers: correlations, linkage disequilibrium.

use serde::Serialize;

use super::{
    Axis, Drawing,
    axis::Ticks,
    data::{NOT_ESTIMABLE, all_named, finite, missing, named, real, refused, same_length, some},
    draw::{Anchor, Face, INK, Line, MARGIN, MUTED, Mapping, Names, Page, Paint, Rect, contrasting, diverging},
    number,
};
use crate::{Error, statistics::Stated};

/// The most rows, and columns.
const SIDE_MAX: usize = 40;
/// The side of a cell, at most and at least: the least that two decimals with a minus need.
const CELL: (f64, f64) = (64.0, 34.0);
/// The room of the rows' names.
const NAMES_MAX: f64 = 170.0;
/// The width of the key beside the cells, its labels included.
const KEY: f64 = 84.0;

/// A matrix of numbers around zero.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct HeatMap {
    /// The rows' names, from the top.
    pub rows: Vec<String>,
    /// The columns' names.
    pub columns: Vec<String>,
    /// The numbers, row by row.
    pub values: Vec<Stated<f64>>,
    /// What they measure, such as `Pearson correlation`.
    pub measure: String,
    /// The magnitude at which the colours end: 1 for correlations.
    pub limit: f64,
}

impl HeatMap {
    fn named(&self) -> impl Iterator<Item = (String, &Stated<f64>)> {
        let columns = self.columns.len().max(1);
        self.values.iter().enumerate().filter_map(move |(place, value)| {
            let (row, column) = (self.rows.get(place / columns)?, self.columns.get(place % columns)?);
            Some((format!("{row} and {column}"), value))
        })
    }

    /// Every cell once: of a matrix that names the same on both sides, the upper half.
    fn once(&self) -> impl Iterator<Item = (String, &Stated<f64>)> {
        let (mirrored, columns) = (self.rows == self.columns, self.columns.len().max(1));
        let upper = move |place: usize| !mirrored || place / columns <= place % columns;
        self.named().enumerate().filter(move |(place, _)| upper(*place)).map(|(_, cell)| cell)
    }

    /// A number in few letters.
    fn say(&self, value: f64) -> String {
        if self.limit <= 20.0 { number::fixed(value, 2) } else { number::short(value) }
    }

    /// The side of a cell.
    fn cell(&self) -> f64 {
        let room = super::draw::WIDTH - 2.0 * MARGIN - KEY - self.names_room() - 30.0;
        (room / real(self.columns.len())).clamp(CELL.1, CELL.0)
    }

    fn names_room(&self) -> f64 {
        self.rows.iter().map(|row| Face::TICK.width(row)).fold(0.0, f64::max).min(NAMES_MAX)
    }

    /// Where the cells start: beyond the rows' names, and far enough for what hangs over of the columns'.
    fn left(&self) -> f64 {
        let names: Vec<&str> = self.columns.iter().map(String::as_str).collect();
        let overhang = Names::new(&names, self.cell()).overhang() - self.cell() / 2.0;
        MARGIN + (self.names_room() + 8.0).max(overhang)
    }
}

impl Drawing for HeatMap {
    fn check(&self, _: &Axis, _: &Axis) -> Result<(), Error> {
        named("the measure", &self.measure)?;
        all_named("the rows", self.rows.iter().map(String::as_str), SIDE_MAX)?;
        all_named("the columns", self.columns.iter().map(String::as_str), SIDE_MAX)?;
        same_length("cells", self.values.len(), self.rows.len() * self.columns.len())?;
        finite("the limit of the colours", self.limit)?;
        if self.limit < 1e-12 {
            return Err(refused(format!("colours end at {}", self.limit)));
        }
        self.values.iter().filter_map(Stated::value).try_for_each(|value| finite("a cell", *value))
    }

    fn description(&self, _: &Axis, _: &Axis) -> String {
        let mirrored = self.rows == self.columns;
        let mut cells: Vec<(f64, String)> = self
            .once()
            .filter(|(name, _)| !mirrored || !self.rows.iter().any(|row| *name == format!("{row} and {row}")))
            .map(|(name, value)| match value {
                Stated::Value(value) => (value.abs(), format!("{name}, {}", self.say(*value))),
                Stated::Undefined { undefined } => (0.0, format!("{name}, not estimable: {undefined}")),
            })
            .collect();
        cells.sort_by(|one, other| other.0.total_cmp(&one.0));
        let cells: Vec<String> = cells.into_iter().map(|(_, cell)| cell).collect();
        let (rows, columns, measure) = (self.rows.len(), self.columns.len(), &self.measure);
        let strongest =
            if cells.is_empty() { String::new() } else { format!(", the strongest first: {}", some(&cells, 16)) };
        format!("Heat map of {rows} rows and {columns} columns. {measure}{strongest}.")
    }

    fn notes(&self) -> Vec<String> {
        missing(self.once())
    }

    fn width(&self) -> f64 {
        let needed = self.left() + self.cell() * real(self.columns.len()) + 24.0 + KEY + MARGIN;
        needed.max(super::draw::WIDTH * 0.6)
    }

    fn draw(&self, page: &mut Page, x: &Axis, _: &Axis) {
        let (left, cell) = (self.left(), self.cell());
        let top = page.filled + 8.0;
        let (right, bottom) = (left + cell * real(self.columns.len()), top + cell * real(self.rows.len()));
        let plot = Rect { left, top, right, bottom };
        for (row, name) in self.rows.iter().enumerate() {
            let foot = top + cell * (real(row) + 0.5) + 4.2;
            page.canvas.text(&Face::TICK.fit(name, NAMES_MAX), (left - 8.0, foot), Face::TICK, Anchor::End);
        }
        for (place, value) in self.values.iter().enumerate() {
            let (row, column) = (real(place / self.columns.len()), real(place % self.columns.len()));
            let (left, top) = (left + cell * column, top + cell * row);
            self.draw_cell(page, Rect { left, top, right: left + cell, bottom: top + cell }, value);
        }
        page.canvas.rect(plot, Paint::Plain("none".into()), Some(Line::solid(INK, 1.0)));
        let names: Vec<&str> = self.columns.iter().map(String::as_str).collect();
        let laid = Names::new(&names, cell);
        let depth = laid.draw(&mut page.canvas, |place| left + cell * (real(place) + 0.5), cell, bottom + 6.0);
        page.filled = bottom + 6.0 + depth;
        self.key(page, plot);
        if !x.label.trim().is_empty() {
            let ticks = Ticks { domain: (0.0, 1.0), marks: vec![], scale: super::Scale::Linear };
            let mapping = Mapping::new(&ticks, (left, right));
            page.caption(x, &super::draw::Frame { plot, x: mapping, y: mapping });
        }
    }
}

impl HeatMap {
    fn draw_cell(&self, page: &mut Page, rect: Rect, value: &Stated<f64>) {
        let face = if rect.width() < 44.0 { Face { size: 10.5, ..Face::TICK } } else { Face::TICK };
        let at = (f64::midpoint(rect.left, rect.right), f64::midpoint(rect.top, rect.bottom) + face.size * 0.35);
        let white = Line::solid("#ffffff", 1.0);
        match value {
            Stated::Value(value) => {
                let ground = diverging(value / self.limit);
                page.canvas.rect(rect, Paint::Plain(hex(ground)), Some(white));
                let words = face.fit(&self.say(*value), rect.width() - 2.0);
                page.canvas.text(&words, at, Face { colour: contrasting(ground), ..face }, Anchor::Middle);
            }
            Stated::Undefined { .. } => {
                page.canvas.rect(rect, Paint::Plain("#ededed".into()), Some(white));
                page.canvas.text(NOT_ESTIMABLE, at, Face { colour: MUTED, ..face }, Anchor::Middle);
            }
        }
    }

    /// The colours beside the cells, with numbers and what they measure.
    fn key(&self, page: &mut Page, plot: Rect) {
        let height = plot.height().clamp(120.0, 220.0);
        let left = plot.right + 24.0 + Face::TICK.size * 1.5;
        let rect = Rect { left, top: plot.top, right: left + 14.0, bottom: plot.top + height };
        let colours = [-1.0, 0.0, 1.0].map(|value| hex(diverging(value))).to_vec();
        page.canvas.ramp(rect, colours, Line::solid(INK, 0.8));
        let ticks = Axis::linear("", "").within(-self.limit, self.limit).ticks((0.0, 0.0), 4);
        let y = Mapping::new(&ticks, (rect.bottom, rect.top));
        for (value, label) in &ticks.marks {
            let y = y.at(*value);
            page.canvas.line((rect.right, y), (rect.right + 4.0, y), Line::solid(INK, 1.0));
            page.canvas.text(label, (rect.right + 8.0, y + 4.2), Face::TICK, Anchor::Start);
        }
        let words = Face::TICK.fit(&self.measure, height);
        let at = (left - 8.0, f64::midpoint(rect.top, rect.bottom));
        page.canvas.turned(&words, at, Face::TICK, Anchor::Middle, -90.0);
        page.filled = page.filled.max(rect.bottom + 6.0);
    }
}

/// A colour as SVG writes it.
fn hex((red, green, blue): (u8, u8, u8)) -> String {
    format!("#{red:02x}{green:02x}{blue:02x}")
}
