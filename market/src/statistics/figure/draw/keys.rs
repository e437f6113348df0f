//! Keys: what colours, dashes and markers stand for, in rows between the title and the plot, never over data.

use super::{Anchor, Face, INK, Line, MARGIN, Page, Paint, Rect, Style, style};

/// What stands before a key's words.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(in super::super) enum Sample {
    /// The line of a series.
    Curve(usize),
    /// The line of a series with its marker.
    Marked(usize),
    /// The fill of a series.
    Area(usize),
    /// A reference line.
    Reference(Line),
    /// A sheer band.
    Band(&'static str),
    /// A round point.
    Point(&'static str),
}

/// A key.
pub(in super::super) struct Key {
    pub(in super::super) sample: Sample,
    pub(in super::super) words: String,
}

impl Sample {
    /// Its width.
    const fn width(self) -> f64 {
        match self {
            Self::Curve(_) | Self::Marked(_) | Self::Reference(_) => 30.0,
            Self::Area(_) | Self::Band(_) => 24.0,
            Self::Point(_) => 8.0,
        }
    }
}

impl Key {
    pub(in super::super) fn new(sample: Sample, words: impl Into<String>) -> Self {
        Self { sample, words: words.into() }
    }
}

/// Between a sample and its words, and between keys.
const GAPS: (f64, f64) = (6.0, 20.0);
/// The height of a row.
const ROW: f64 = 18.0;

impl Page {
    /// Keys in rows.
    pub(in super::super) fn keys(&mut self, keys: &[Key]) {
        if keys.is_empty() {
            return;
        }
        let (words_gap, keys_gap) = GAPS;
        let fitted = |key: &Key| Face::TICK.fit(&key.words, self.inner() - key.sample.width() - words_gap);
        let width = |key: &Key| key.sample.width() + words_gap + Face::TICK.width(&fitted(key)) + keys_gap;
        let widths: Vec<f64> = keys.iter().map(width).collect();
        let widest = widths.iter().copied().fold(0.0, f64::max);
        let one_row = widths.iter().sum::<f64>() - keys_gap <= self.inner();
        let keys: Vec<(&Key, String, f64)> = keys
            .iter()
            .zip(widths)
            .map(|(key, width)| (key, fitted(key), if one_row { width } else { widest }))
            .collect();
        let mut left = MARGIN;
        self.filled += ROW;
        for (key, words, width) in keys {
            let sample = key.sample.width();
            if left > MARGIN && left + width - keys_gap > self.width - MARGIN {
                left = MARGIN;
                self.filled += ROW;
            }
            self.sample(key.sample, left, self.filled - ROW / 2.0);
            let at = (left + sample + words_gap, self.filled - ROW / 2.0 + 4.2);
            self.canvas.text(&words, at, Face::TICK, Anchor::Start);
            left += width;
        }
        self.filled += 6.0;
    }

    /// A sample whose left end and middle are here.
    pub(in super::super) fn sample(&mut self, sample: Sample, left: f64, middle: f64) {
        let (right, centre) = (left + sample.width(), left + sample.width() / 2.0);
        let area = Rect { left, top: middle - 6.0, right, bottom: middle + 6.0 };
        let line = |look: Style| Line { colour: look.colour, width: 2.0, dash: look.dash };
        match sample {
            Sample::Curve(place) => self.canvas.line((left, middle), (right, middle), line(style(place))),
            Sample::Marked(place) => {
                self.canvas.line((left, middle), (right, middle), line(style(place)));
                self.canvas.marker(style(place).marker, (centre, middle), style(place).colour);
            }
            Sample::Area(place) => self.canvas.rect(area, Paint::Series(place), Some(Line::solid(INK, 0.8))),
            Sample::Reference(line) => self.canvas.line((left, middle), (right, middle), line),
            Sample::Band(colour) => self.canvas.rect(area, Paint::Sheer(colour, 0.2), None),
            Sample::Point(colour) => self.canvas.points([(centre, middle)], colour, 6.0),
        }
    }
}
