//! The mean survival up to a horizon: the area under the curve.

use serde::Serialize;

use super::{
    kaplan_meier::{events_at_risk, greenwood, survival, survival_least},
    life_table::{LifeTable, Step},
};
use crate::statistics::{Estimate, Interval, Sum, Undefined, estimate::finite, noise};

/// The restricted mean survival time (Irwin, Journal of Hygiene 47:188, 1949).
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct RestrictedMean {
    /// Until when.
    pub horizon: f64,
    /// The mean time without the event up to the horizon, if the events of a wide bin are at its middle.
    pub mean: Estimate,
    /// The mean if they are all at its start, after its censorings, and all at its end, before them; the mean itself when
    /// times are exact.
    pub bounds: Interval,
}

/// The restricted mean of a group, with the standard error of Klein and Moeschberger (*Survival Analysis*, 2003, 4.5),
/// `√Σ area after²·events/(at risk·left)`, and the noise's.
///
/// # Errors
/// [`Undefined::NotReached`] when nobody is followed to the horizon; [`Undefined::OutOfRange`] for none that is a time;
/// as [`LifeTable::followed`].
pub(super) fn restricted_mean(table: &LifeTable, horizon: f64) -> Result<RestrictedMean, Undefined> {
    let steps = table.followed()?;
    if finite(horizon)? <= 0.0 {
        return Err(Undefined::OutOfRange);
    }
    if steps.last().is_none_or(|last| last.time < horizon) {
        return Err(Undefined::NotReached);
    }
    let survival: Vec<f64> = survival(events_at_risk(steps)).collect();
    let most = |time: fn(&Step) -> f64| area(steps.iter().map(time), survival.iter().copied(), horizon);
    let least = area(steps.iter().map(|step| step.since), survival_least(steps), horizon);
    let value = most(middle);
    let error = (sampling_variance(steps, &survival, horizon) + noise_variance(table, steps, horizon)?).sqrt();
    let bounds = Interval { lo: finite(least.min(value))?, hi: finite(most(|step| step.time))? };
    Ok(RestrictedMean { horizon, mean: Estimate::normal(value, error)?.within(0.0, horizon), bounds })
}

fn middle(step: &Step) -> f64 {
    f64::midpoint(step.since, step.time)
}

/// The area under a curve that starts at 1 and falls to each value at its time.
fn area(times: impl Iterator<Item = f64>, survival: impl Iterator<Item = f64>, horizon: f64) -> f64 {
    let lost = |before: &mut f64, (time, after): (f64, f64)| {
        let fall = std::mem::replace(before, after) - after;
        Some(fall * (horizon - time).max(0.0))
    };
    horizon - times.zip(survival).scan(1.0, lost).sum::<f64>()
}

fn sampling_variance(steps: &[Step], survival: &[f64], horizon: f64) -> f64 {
    let sums = greenwood(steps);
    let before = std::iter::once(0.0).chain(sums.iter().copied());
    let terms: Vec<f64> = sums.iter().zip(before).map(|(sum, before)| sum - before).collect();
    let (mut after, mut next, mut variance) = (0.0, horizon, 0.0);
    for ((step, survival), term) in steps.iter().zip(survival).zip(terms).rev() {
        let time = middle(step).min(horizon);
        after += survival * (next - time);
        next = time;
        // Where everyone left has the event, Greenwood's term is infinite and no area follows.
        variance += if after > 0.0 { after * after * term } else { 0.0 };
    }
    variance.max(0.0)
}

/// The noise of every bin, also of those after the horizon, whose people are at risk before it.
fn noise_variance(table: &LifeTable, followed: &[Step], horizon: f64) -> Result<f64, Undefined> {
    if !table.is_noisy() {
        return Ok(0.0);
    }
    let later: Sum = table.steps.iter().skip(followed.len()).flat_map(|step| [step.events, step.censored]).sum();
    let sums: Vec<Sum> = followed.iter().flat_map(|step| [step.events, step.censored]).chain([later]).collect();
    noise::variance(&sums, |values| {
        let (bins, later) = values.as_chunks::<2>();
        let mut at_risk = later.iter().sum::<f64>();
        let bin = |[events, censored]: &[f64; 2]| {
            at_risk += events + censored;
            if at_risk > 0.0 { Ok((*events, at_risk)) } else { Err(Undefined::EmptyCell) }
        };
        let mut bins: Vec<(f64, f64)> = bins.iter().rev().map(bin).collect::<Result<_, _>>()?;
        bins.reverse();
        Ok(area(followed.iter().map(middle), survival(bins.into_iter()), horizon))
    })
}
