//! Figures of results, as SVG and PNG, fit for print.
//!
//! A [`Figure`] is data: what is drawn, in which units, and the words around it. Its constructor refuses whatever could
//! not be drawn soundly: a number that is not finite, a series without a name, more series than can be told apart. The
//! drawing is a function of the figure alone: no font, clock or locale is looked up, so the same figure gives the same
//! bytes on every machine. Layout and conventions are described in `docs/protocol/statistics-figures.md`.

mod attrition;
mod axis;
mod bars;
mod data;
mod draw;
mod forest;
mod heat_map;
mod histogram;
mod manhattan;
mod number;
mod png;
mod quantiles;
mod regression;
mod steps;
#[cfg(test)]
pub(in crate::statistics) mod tests;

use serde::Serialize;

pub(super) use self::axis::unit_in_words;
use self::draw::Page;
pub use self::{
    attrition::{Attrition, Stage},
    axis::{Axis, Scale, nice_times},
    bars::{Bars, Series},
    data::Mark,
    draw::FONTS,
    forest::{Forest, ForestRow},
    heat_map::HeatMap,
    histogram::Histogram,
    manhattan::{GENOME_WIDE, Hit, Manhattan},
    png::SCALE_MAX,
    quantiles::Quantiles,
    regression::{Fit, Regression},
    steps::{Curve, Step, Steps},
};
pub(in crate::statistics) use self::{
    histogram::BINS_MAX as HISTOGRAM_BINS_MAX,
    number::{p_value, whole},
};
use crate::Error;

/// What a figure shows.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Kind {
    /// Bars with intervals, in groups: counts, shares, means.
    Bars(Bars),
    /// A histogram of equal bins.
    Histogram(Histogram),
    /// Step curves with bands, censor marks and numbers at risk (Kaplan–Meier).
    Steps(Steps),
    /// The p-values of variants along the genome.
    Manhattan(Manhattan),
    /// Observed p-values against those expected.
    Quantiles(Quantiles),
    /// Estimates with intervals, one below the other.
    Forest(Forest),
    /// A matrix as colours with numbers.
    HeatMap(HeatMap),
    /// Lines with bands, and points.
    Regression(Regression),
    /// How many people remain after each step.
    Attrition(Attrition),
}

impl Kind {
    fn drawing(&self) -> &dyn Drawing {
        match self {
            Self::Bars(bars) => bars,
            Self::Histogram(histogram) => histogram,
            Self::Steps(steps) => steps,
            Self::Manhattan(manhattan) => manhattan,
            Self::Quantiles(quantiles) => quantiles,
            Self::Forest(forest) => forest,
            Self::HeatMap(map) => map,
            Self::Regression(regression) => regression,
            Self::Attrition(attrition) => attrition,
        }
    }
}

/// A kind of figure.
trait Drawing {
    /// Refuses what could not be drawn soundly.
    fn check(&self, x: &Axis, y: &Axis) -> Result<(), Error>;

    /// A sentence with the main numbers, for who cannot see the figure.
    fn description(&self, x: &Axis, y: &Axis) -> String;

    /// What the reader must know and the drawing does not say: what whiskers are, which values are missing and why.
    fn notes(&self) -> Vec<String>;

    /// The width of the page.
    fn width(&self) -> f64 {
        draw::WIDTH
    }

    /// Draws keys and plot on a page that has its title.
    fn draw(&self, page: &mut Page, x: &Axis, y: &Axis);
}

/// A figure: sound data, its axes, and the words around it.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Figure {
    title: String,
    description: String,
    x: Axis,
    y: Axis,
    kind: Kind,
    notes: Vec<String>,
}

impl Figure {
    /// A figure. Its description is written from its data; [`Figure::with_description`] replaces it.
    ///
    /// # Errors
    /// [`Error::Statistics`] when the title or a name is empty, a number is not finite or beyond ±10¹⁵, lists disagree
    /// in length, or there is more than a reader can tell apart.
    pub fn new(title: &str, x: Axis, y: Axis, kind: Kind) -> Result<Self, Error> {
        data::named("the title", title)?;
        x.check()?;
        y.check()?;
        kind.drawing().check(&x, &y)?;
        let description = kind.drawing().description(&x, &y);
        Ok(Self { title: title.into(), description, x, y, kind, notes: vec![] })
    }

    /// The same figure with more notes below it: the sample's size, the scale of the privacy noise, what was left out.
    #[must_use]
    pub fn with_notes(mut self, notes: impl IntoIterator<Item = String>) -> Self {
        self.notes.extend(notes.into_iter().filter(|note| !note.trim().is_empty()));
        self
    }

    /// The same figure with another text alternative: full sentences with the main numbers.
    ///
    /// # Errors
    /// [`Error::Statistics`] for an empty one.
    pub fn with_description(self, description: &str) -> Result<Self, Error> {
        data::named("the description", description)?;
        Ok(Self { description: description.into(), ..self })
    }

    /// The title.
    #[must_use]
    pub fn title(&self) -> &str {
        &self.title
    }

    /// The text alternative, for who cannot see the figure.
    #[must_use]
    pub fn description(&self) -> &str {
        &self.description
    }

    /// What is drawn.
    #[must_use]
    pub const fn kind(&self) -> &Kind {
        &self.kind
    }

    /// The notes below the plot: those given, then what the drawing needs to be read.
    #[must_use]
    pub fn notes(&self) -> Vec<String> {
        self.notes.iter().cloned().chain(self.kind.drawing().notes()).collect()
    }

    /// The figure as SVG 1.1.
    #[must_use]
    pub fn svg(&self) -> String {
        self.page().into_svg()
    }

    /// The figure as PNG, `scale` pixels to each unit of its SVG: 3 gives 300 dots an inch at 183 mm of width.
    ///
    /// # Errors
    /// [`Error::Statistics`] for a scale other than 1 to [`SCALE_MAX`], and for more pixels than a side may have.
    pub fn png(&self, scale: u8) -> Result<Vec<u8>, Error> {
        png::render(&self.svg(), scale)
    }

    /// Width and height of the SVG; a PNG has `scale` times as many pixels.
    #[must_use]
    pub fn size(&self) -> (f64, f64) {
        self.page().size()
    }

    fn page(&self) -> Page {
        let drawing = self.kind.drawing();
        let mut page = Page::open(&self.title, &self.description, drawing.width());
        drawing.draw(&mut page, &self.x, &self.y);
        page.notes(&self.notes());
        page
    }
}
