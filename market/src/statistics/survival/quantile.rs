//! When the curve has fallen to one half, or to another share.

use serde::Serialize;

use super::kaplan_meier::SurvivalPoint;
use crate::statistics::{Interval, Stated, Undefined};

/// The shares whose times are given; one half is the median survival.
pub const SURVIVAL_QUANTILES: [f64; 3] = [0.75, 0.5, 0.25];

/// The first time at which no more than a share survives. Brookmeyer and Crowley's interval (Biometrics 38:29, 1982): the
/// times at which the curve's own interval holds the share.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct SurvivalQuantile {
    /// The share that survives.
    pub survival: f64,
    /// The time; of a wide bin its last one.
    pub time: Stated<f64>,
    /// The first time of the first bin by which the share may be reached: the quantile lies between the two.
    pub since: Stated<f64>,
    /// Lower end of the interval; of a wide bin its first time.
    pub lo: Stated<f64>,
    /// Upper end of the interval; of a wide bin its last time.
    pub hi: Stated<f64>,
}

/// The quantiles of a curve.
pub(super) fn quantiles(curve: &Result<Vec<SurvivalPoint>, Undefined>, noisy: bool) -> Vec<SurvivalQuantile> {
    SURVIVAL_QUANTILES.iter().map(|share| quantile(*share, curve, noisy)).collect()
}

fn quantile(share: f64, curve: &Result<Vec<SurvivalPoint>, Undefined>, noisy: bool) -> SurvivalQuantile {
    let at = |found: fn(&[SurvivalPoint], f64, bool) -> Option<f64>| {
        let points = curve.as_ref().map_err(Clone::clone);
        points.and_then(|points| found(points, share, noisy).ok_or(Undefined::NotReached)).into()
    };
    SurvivalQuantile {
        survival: share,
        time: at(|points, share, _| reached(points, |point| point.survival, share).map(|point| point.time)),
        since: at(|points, share, _| reached(points, |point| point.survival_least, share).map(|point| point.since)),
        lo: at(|points, share, _| {
            points.iter().find(|point| ends(point, |end| end.lo, share)).map(|point| point.since)
        }),
        hi: at(upper),
    }
}

/// A product of fractions that ought to be the share may round to a little more.
fn at_most(value: f64, share: f64) -> bool {
    value <= share * (1.0 + 1e-12)
}

fn reached(points: &[SurvivalPoint], curve: fn(&SurvivalPoint) -> f64, share: f64) -> Option<&SurvivalPoint> {
    points.iter().find(|point| at_most(curve(point), share))
}

/// Whether an end of the curve's interval has come down to the share; not where there is no interval.
fn ends(point: &SurvivalPoint, end: fn(&Interval) -> f64, share: f64) -> bool {
    point.interval.value().is_some_and(|interval| at_most(end(interval), share))
}

/// The first time at which the interval lies below the share; under noise, where it may come up again, for good.
fn upper(points: &[SurvivalPoint], share: f64, noisy: bool) -> Option<f64> {
    let below = |point: &SurvivalPoint| ends(point, |end| end.hi, share);
    let place = if noisy {
        points.iter().rposition(|point| !below(point)).map_or(0, |last| last + 1)
    } else {
        points.iter().position(below)?
    };
    points.get(place).map(|point| point.time)
}
