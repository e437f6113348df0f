//! The frame of a plot: its rectangle, the lines and labels of its axes, and where values lie in it.

use super::{Anchor, Canvas, Face, GRID, INK, LEADING, Line, MARGIN, Names, Page, Rect};
use crate::statistics::figure::{
    axis::{Axis, Scale, Ticks},
    data::real,
};

/// The length of a tick.
const TICK: f64 = 5.0;

/// Where the values of an axis lie.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(in super::super) struct Mapping {
    scale: Scale,
    domain: (f64, f64),
    range: (f64, f64),
}

impl Mapping {
    pub(in super::super) const fn new(ticks: &Ticks, range: (f64, f64)) -> Self {
        Self { scale: ticks.scale, domain: ticks.domain, range }
    }

    /// The place of a value; one beyond the axis lies at its end.
    pub(in super::super) fn at(&self, value: f64) -> f64 {
        let ((lo, hi), value) = match self.scale {
            Scale::Log => {
                let log = |value: f64| value.max(f64::MIN_POSITIVE).log10();
                ((log(self.domain.0), log(self.domain.1)), log(value))
            }
            Scale::Linear | Scale::Share | Scale::Count => (self.domain, value),
        };
        let share = ((value - lo) / (hi - lo)).clamp(0.0, 1.0);
        self.range.0 + share * (self.range.1 - self.range.0)
    }

    /// Whether a value lies beyond the start, and beyond the end, of the axis.
    pub(in super::super) fn beyond(&self, value: f64) -> (bool, bool) {
        (value < self.domain.0, value > self.domain.1)
    }
}

/// A plot's rectangle and the mappings of its axes.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(in super::super) struct Frame {
    pub(in super::super) plot: Rect,
    pub(in super::super) x: Mapping,
    pub(in super::super) y: Mapping,
}

impl Page {
    /// Ticks that fit this length, their labels apart.
    pub(in super::super) fn fitting(axis: &Axis, data: (f64, f64), length: f64) -> Ticks {
        let fits = |ticks: &Ticks| {
            let widest = ticks.marks.iter().map(|(_, label)| Face::TICK.width(label)).fold(0.0, f64::max);
            (widest + 14.0) * real(ticks.marks.len()) <= length
        };
        let tries = (1..=7).rev().map(|about| axis.ticks(data, about));
        let few = axis.ticks(data, 1);
        tries.into_iter().find(fits).unwrap_or(few)
    }

    /// A plot with two numeric axes, of this height.
    pub(in super::super) fn frame(&mut self, x: (&Axis, &Ticks), y: (&Axis, &Ticks), height: f64) -> Frame {
        let left = self.left_of(y, height, 0.0);
        let overhang = x.1.marks.last().map_or(0.0, |(_, label)| Face::TICK.width(label) / 2.0);
        let frame = self.frame_between(left, self.width - MARGIN - overhang.max(4.0), x.1, y.1, height);
        self.y_axis(y, &frame, MARGIN);
        self.x_axis(x, &frame);
        frame
    }

    /// A plot whose axis at the foot is a line alone, with something drawn below everything else.
    pub(in super::super) fn frame_over(
        &mut self,
        (x, y): (&Ticks, (&Axis, &Ticks)),
        height: f64,
        under: impl FnOnce(&mut Canvas, &Frame),
    ) -> Frame {
        let frame = self.frame_between(self.left_of(y, height, 0.0), self.width - MARGIN, x, y.1, height);
        under(&mut self.canvas, &frame);
        self.y_axis(y, &frame, MARGIN);
        let plot = frame.plot;
        self.canvas.line((plot.left, plot.bottom), (plot.right, plot.bottom), Line::solid(INK, 1.0));
        frame
    }

    /// A plot with names below it and numbers at its side; answers where each name's slot is in the middle.
    pub(in super::super) fn frame_of_names(
        &mut self,
        (x, names): (&Axis, &[&str]),
        y: (&Axis, &Ticks),
        height: f64,
    ) -> (Frame, f64) {
        let right = self.width - MARGIN;
        let count = real(names.len().max(1));
        let room = (right - self.left_of(y, height, 0.0)) / count;
        let laid = Names::new(names, room);
        let left = self.left_of(y, height, MARGIN + laid.overhang() - room / 2.0);
        let slot = (right - left) / count;
        let ticks = Ticks { domain: (0.0, count), marks: vec![], scale: Scale::Linear };
        let frame = self.frame_between(left, right, &ticks, y.1, height);
        self.y_axis(y, &frame, MARGIN);
        let depth =
            laid.draw(&mut self.canvas, |place| left + slot * (real(place) + 0.5), slot, frame.plot.bottom + 6.0);
        self.filled = frame.plot.bottom + 6.0 + depth;
        self.caption(x, &frame);
        (frame, slot)
    }

    /// Where a plot starts when this axis stands at its left.
    fn left_of(&self, (axis, ticks): (&Axis, &Ticks), height: f64, least: f64) -> f64 {
        let lines = Face::LABEL.wrap(&axis.caption(), height, 2).len();
        let widest = ticks.marks.iter().map(|(_, label)| Face::TICK.width(label)).fold(0.0, f64::max);
        (MARGIN + real(lines) * Face::LABEL.size * LEADING + 6.0 + widest + TICK + 4.0).max(least)
    }

    pub(in super::super) fn frame_between(
        &mut self,
        left: f64,
        right: f64,
        x: &Ticks,
        y: &Ticks,
        height: f64,
    ) -> Frame {
        let top = self.filled + 8.0;
        let plot = Rect { left, top, right, bottom: top + height };
        self.filled = plot.bottom;
        Frame { plot, x: Mapping::new(x, (left, right)), y: Mapping::new(y, (plot.bottom, top)) }
    }

    /// Grid lines, labels and caption of the axis at the left; the caption starts at `edge`.
    pub(in super::super) fn y_axis(&mut self, (axis, ticks): (&Axis, &Ticks), frame: &Frame, edge: f64) {
        let plot = frame.plot;
        for (value, label) in &ticks.marks {
            let y = frame.y.at(*value);
            self.canvas.line((plot.left, y), (plot.right, y), Line::solid(GRID, 1.0));
            self.canvas.line((plot.left - TICK, y), (plot.left, y), Line::solid(INK, 1.0));
            self.canvas.text(label, (plot.left - TICK - 4.0, y + 4.2), Face::TICK, Anchor::End);
        }
        self.canvas.line((plot.left, plot.top), (plot.left, plot.bottom), Line::solid(INK, 1.0));
        let middle = f64::midpoint(plot.top, plot.bottom);
        let mut x = edge;
        for line in Face::LABEL.wrap(&axis.caption(), plot.height(), 2) {
            x += Face::LABEL.size * LEADING;
            self.canvas.turned(&line, (x - Face::LABEL.size * 0.3, middle), Face::LABEL, Anchor::Middle, -90.0);
        }
    }

    /// Line, labels and caption of the axis at the foot.
    pub(in super::super) fn x_axis(&mut self, (axis, ticks): (&Axis, &Ticks), frame: &Frame) {
        let plot = frame.plot;
        self.canvas.line((plot.left, plot.bottom), (plot.right, plot.bottom), Line::solid(INK, 1.0));
        for (value, label) in &ticks.marks {
            let x = frame.x.at(*value);
            self.canvas.line((x, plot.bottom), (x, plot.bottom + TICK), Line::solid(INK, 1.0));
            self.canvas.text(label, (x, plot.bottom + TICK + 13.0), Face::TICK, Anchor::Middle);
        }
        self.filled = plot.bottom + TICK + 17.0;
        self.caption(axis, frame);
    }

    /// The caption below a plot.
    pub(in super::super) fn caption(&mut self, axis: &Axis, frame: &Frame) {
        let middle = f64::midpoint(frame.plot.left, frame.plot.right);
        self.filled += 4.0;
        for line in Face::LABEL.wrap(&axis.caption(), frame.plot.width(), 2) {
            self.filled += Face::LABEL.size * LEADING;
            self.canvas.text(&line, (middle, self.filled - Face::LABEL.size * 0.3), Face::LABEL, Anchor::Middle);
        }
    }
}
