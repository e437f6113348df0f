//! Histograms of equal bins.

use serde::Serialize;

use super::{
    Axis, Drawing, Mark, bars,
    data::{self, extent, finite, missing, real, refused, some},
    draw::Page,
    number,
};
use crate::{Error, statistics::Stated};

/// The most bins.
pub(in crate::statistics) const BINS_MAX: usize = 200;
/// The height of the plot.
const HEIGHT: f64 = 300.0;

/// A histogram.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Histogram {
    /// Where the first bin starts.
    pub start: f64,
    /// The width of each bin.
    pub width: f64,
    /// How many are in each, with the interval of the noise if there is any.
    pub counts: Vec<Stated<Mark>>,
}

impl Histogram {
    /// Where a bin starts; the one after the last starts where the last ends.
    fn bound(&self, bin: usize) -> f64 {
        self.start + self.width * real(bin)
    }

    fn named(&self, x: Option<&Axis>) -> impl Iterator<Item = (String, &Stated<Mark>)> {
        let say = move |value: f64| x.map_or_else(|| number::short(value), |x| x.say(value));
        self.counts
            .iter()
            .enumerate()
            .map(move |(bin, count)| (number::span(&say(self.bound(bin)), &say(self.bound(bin + 1))), count))
    }
}

impl Drawing for Histogram {
    fn check(&self, x: &Axis, y: &Axis) -> Result<(), Error> {
        x.not_log()?;
        x.of_numbers([self.start, self.bound(self.counts.len())])?;
        y.of_bars(self.counts.iter().filter_map(Stated::value).map(|mark| mark.value))?;
        let bins = self.counts.len();
        if bins == 0 || bins > BINS_MAX {
            return Err(refused(format!("a histogram has {bins} bins; it holds 1 to {BINS_MAX}")));
        }
        finite("the start of the first bin", self.start)?;
        finite("the end of the last bin", self.bound(bins))?;
        if self.width <= 0.0 || self.bound(1) <= self.start {
            return Err(refused(format!("bins are {} wide", self.width)));
        }
        data::marks("a bin", &self.counts)
    }

    fn description(&self, x: &Axis, y: &Axis) -> String {
        let bins: Vec<String> = self.named(Some(x)).map(|(name, count)| bars::in_words(&name, count, y)).collect();
        format!("Histogram of {} bins. {} by {}: {}.", bins.len(), y.caption(), x.caption(), some(&bins, 24))
    }

    fn notes(&self) -> Vec<String> {
        bars::whiskers(&self.counts).into_iter().chain(missing(self.named(None))).collect()
    }

    fn draw(&self, page: &mut Page, x: &Axis, y: &Axis) {
        let extents = self.counts.iter().filter_map(Stated::value).map(Mark::extent);
        let (lo, hi) = extent(extents.chain([(0.0, 0.0)])).unwrap_or((0.0, 1.0));
        let y_ticks = y.ticks((lo, if hi > lo { hi } else { lo + 1.0 }), 7);
        let x_ticks = Page::fitting(x, (self.start, self.bound(self.counts.len())), page.inner() * 0.85);
        let frame = page.frame((x, &x_ticks), (y, &y_ticks), HEIGHT);
        for (bin, count) in self.counts.iter().enumerate() {
            let (left, right) = (frame.x.at(self.bound(bin)), frame.x.at(self.bound(bin + 1)));
            match count {
                Stated::Value(mark) => bars::bar(page, &frame, 0, (left, right - left), mark),
                Stated::Undefined { .. } => bars::absent(page, &frame, (left, right - left)),
            }
        }
        bars::baseline(page, &frame);
    }
}
