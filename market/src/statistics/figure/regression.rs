//! Lines with confidence bands, and points with whiskers.

use serde::Serialize;

use super::{
    Axis, Drawing, Mark,
    axis::Scale,
    bars,
    data::{self, SERIES_MAX, all_named, any_interval, extent, finite, real, refused, some},
    draw::{Key, Line, Page, Paint, Sample, path_of, style},
};
use crate::{Error, statistics::Stated};

/// The most points of a line, and beside it.
const POINTS_MAX: usize = 20_000;
/// How far points of one place stand apart.
const DODGE: f64 = 8.0;
/// The room beside the outermost points, in parts of the axis.
const EDGE: f64 = 0.04;
/// The height of the plot.
const HEIGHT: f64 = 320.0;

/// Fitted lines and what they were fitted to.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Regression {
    /// The fits.
    pub fits: Vec<Fit>,
}

/// A line, and points.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Fit {
    /// Its name.
    pub name: String,
    /// The line: its value and band at ascending places; empty for points alone.
    pub line: Vec<(f64, Mark)>,
    /// The points, such as the mean of each group; empty for a line alone.
    pub points: Vec<(f64, Stated<Mark>)>,
}

impl Fit {
    fn check(&self, x: &Axis, y: &Axis) -> Result<(), Error> {
        let count = self.line.len().max(self.points.len());
        if count == 0 || count > POINTS_MAX {
            return Err(refused(format!("{} has {count} points; a fit has 1 to {POINTS_MAX}", self.name)));
        }
        if !self.line.is_sorted_by(|one, next| one.0 <= next.0) {
            return Err(refused(format!("the places of {} do not ascend", self.name)));
        }
        let line: Vec<Stated<Mark>> = self.line.iter().map(|(_, mark)| Stated::Value(*mark)).collect();
        data::marks("a line", &line)?;
        data::marks("a point", self.points.iter().map(|(_, mark)| mark))?;
        self.places().try_for_each(|place| finite("a place", place))?;
        x.positive_if_log(self.places())?;
        y.positive_if_log(self.values())
    }

    fn places(&self) -> impl Iterator<Item = f64> {
        self.line.iter().map(|(place, _)| *place).chain(self.points.iter().map(|(place, _)| *place))
    }

    fn values(&self) -> impl Iterator<Item = f64> {
        let points = self.points.iter().filter_map(|(_, mark)| mark.value()).map(|mark| mark.value);
        self.line.iter().map(|(_, mark)| mark.value).chain(points)
    }

    fn in_words(&self, x: &Axis, y: &Axis) -> Vec<String> {
        let said = |place: f64, mark: &Stated<Mark>| bars::in_words(&format!("at {}", x.say(place)), mark, y);
        let ends = [self.line.first(), self.line.last()].into_iter().flatten();
        let line: Vec<String> = ends.map(|(place, mark)| said(*place, &Stated::Value(*mark))).collect();
        let points: Vec<String> = self.points.iter().map(|(place, mark)| said(*place, mark)).collect();
        let mut words = vec![];
        if !line.is_empty() {
            words.push(format!("{}, line: {}", self.name, line.join("; ")));
        }
        if !points.is_empty() {
            words.push(format!("{}, points: {}", self.name, some(&points, 12)));
        }
        words
    }
}

impl Drawing for Regression {
    fn check(&self, x: &Axis, y: &Axis) -> Result<(), Error> {
        x.of_numbers(self.fits.iter().flat_map(Fit::places))?;
        y.of_numbers(self.fits.iter().flat_map(Fit::values))?;
        all_named("the fits", self.fits.iter().map(|fit| fit.name.as_str()), SERIES_MAX)?;
        self.fits.iter().try_for_each(|fit| fit.check(x, y))
    }

    fn description(&self, x: &Axis, y: &Axis) -> String {
        let words: Vec<String> = self.fits.iter().flat_map(|fit| fit.in_words(x, y)).collect();
        format!("{} against {}. {}.", y.caption(), x.caption(), words.join(". "))
    }

    fn notes(&self) -> Vec<String> {
        let band = self.fits.iter().flat_map(|fit| &fit.line).any(|(_, mark)| mark.interval.is_some());
        let points = || self.fits.iter().flat_map(|fit| fit.points.iter().map(|(_, mark)| mark));
        let words = match (band, any_interval(points())) {
            (true, true) => Some("Shaded and whiskers: 95% intervals."),
            (true, false) => Some("Shaded: 95% interval."),
            (false, true) => Some("Whiskers: 95% intervals."),
            (false, false) => None,
        };
        let places = self.fits.iter().flat_map(|fit| {
            fit.points.iter().map(|(place, mark)| (format!("{} at {}", fit.name, super::number::short(*place)), mark))
        });
        words.map(Into::into).into_iter().chain(data::missing(places)).collect()
    }

    fn draw(&self, page: &mut Page, x: &Axis, y: &Axis) {
        let key = |(place, fit): (usize, &Fit)| {
            let sample = if fit.points.is_empty() { Sample::Curve(place) } else { Sample::Marked(place) };
            Key::new(sample, fit.name.as_str())
        };
        if self.fits.len() > 1 {
            page.keys(&self.fits.iter().enumerate().map(key).collect::<Vec<_>>());
        }
        let (across, up) = self.extents(y);
        let (x, y) = (&self.with_edges(x, across), &self.with_edges_of_log(y, up));
        let x_ticks = Page::fitting(x, across, page.inner() * 0.85);
        let y_ticks = y.ticks(up, 7);
        let frame = page.frame((x, &x_ticks), (y, &y_ticks), HEIGHT);
        for (place, fit) in self.fits.iter().enumerate() {
            let at = |x: f64, y: f64| (frame.x.at(x), frame.y.at(y));
            let ends = fit.line.iter().filter_map(|(x, mark)| mark.ends().map(|ends| (*x, ends)));
            let above = ends.clone().map(|(x, (_, hi))| at(x, hi));
            let below = ends.rev().map(|(x, (lo, _))| at(x, lo));
            page.canvas.fill(path_of(above.chain(below), true), Paint::Sheer(style(place).colour, 0.16));
        }
        for (place, fit) in self.fits.iter().enumerate() {
            let look = style(place);
            let line = fit.line.iter().map(|(x, mark)| (frame.x.at(*x), frame.y.at(mark.value)));
            page.canvas.stroke(path_of(line, false), Line { colour: look.colour, width: 2.0, dash: look.dash });
            // Points of several fits at one place stand side by side.
            let aside = DODGE * (real(place) - real(self.fits.len() - 1) / 2.0);
            for (x, mark) in fit.points.iter().filter_map(|(x, mark)| Some((frame.x.at(*x) + aside, mark.value()?))) {
                if let Some((lo, hi)) = mark.ends() {
                    bars::whisker(page, x, (frame.y.at(lo), frame.y.at(hi)), 3.0, look.colour);
                }
                page.canvas.marker(look.marker, (x, frame.y.at(mark.value)), look.colour);
            }
        }
    }
}

impl Regression {
    /// The axis with some room beside the outermost points.
    fn with_edges(&self, axis: &Axis, (lo, hi): (f64, f64)) -> Axis {
        if axis.range.is_some() || self.fits.iter().all(|fit| fit.points.is_empty()) {
            return axis.clone();
        }
        match axis.scale {
            Scale::Log => self.with_edges_of_log(axis, (lo, hi)),
            Scale::Linear | Scale::Share | Scale::Count => {
                let edge = ((hi - lo) * EDGE).max(hi.abs().max(lo.abs()) * 1e-3).max(1e-9);
                axis.clone().within(lo - edge, hi + edge)
            }
        }
    }

    /// The same for a logarithmic axis, which does not end at ticks of its own.
    fn with_edges_of_log(&self, axis: &Axis, (lo, hi): (f64, f64)) -> Axis {
        if axis.range.is_some() || axis.scale != Scale::Log {
            return axis.clone();
        }
        let edge = (hi / lo).powf(EDGE).max(1.05);
        axis.clone().within(lo / edge, hi * edge)
    }

    /// What the axes span. An interval that reaches to zero on a logarithmic axis is cut at its estimate's tenth.
    fn extents(&self, y: &Axis) -> ((f64, f64), (f64, f64)) {
        let line = self.fits.iter().flat_map(|fit| fit.line.iter().map(|(x, mark)| (*x, *mark)));
        let points = self.fits.iter().flat_map(|fit| &fit.points).filter_map(|(x, mark)| Some((*x, *mark.value()?)));
        let all: Vec<(f64, Mark)> = line.chain(points).collect();
        let up = |mark: &Mark| {
            let (lo, hi) = mark.extent();
            (if y.scale == Scale::Log { lo.max(mark.value / 10.0) } else { lo }, hi)
        };
        let across = extent(all.iter().map(|(x, _)| (*x, *x))).unwrap_or((1.0, 2.0));
        (across, extent(all.iter().map(|(_, mark)| up(mark))).unwrap_or((1.0, 2.0)))
    }
}
