//! The Kaplan–Meier curve and the Nelson–Aalen cumulative hazard.

use serde::Serialize;

use super::{
    additive::{Slopes, noise_variances},
    isotonic::{falling, rising},
    life_table::{LifeTable, Step},
};
use crate::statistics::{Estimate, Interval, Stated, Sum, Undefined, estimate::normal_quantile};

/// A point of a survival curve: what holds after the events of one bin.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct SurvivalPoint {
    /// The first time of its bin; the same as `time` when times are exact.
    pub since: f64,
    /// The last time of its bin: by then its events have happened.
    pub time: f64,
    /// People at risk at the bin's start.
    pub at_risk: Sum,
    /// Who had the event in it.
    pub events: Sum,
    /// Who was censored in it, after its events.
    pub censored: Sum,
    /// The Kaplan–Meier estimate; of a wide bin the most that it may be, since its censorings come after its events.
    pub survival: f64,
    /// If the censorings of a wide bin came before its events; the same as `survival` when times are exact.
    pub survival_least: f64,
    /// By Greenwood's formula, and of the noise.
    pub standard_error: Stated<f64>,
    /// The interval to show: log-log, or plain under noise.
    pub interval: Stated<Interval>,
    /// The interval of `log(−log S)`, which stays between 0 and 1.
    pub log_log: Stated<Interval>,
    /// `S ± z·standard error`, cut to 0 and 1.
    pub plain: Stated<Interval>,
    /// The Nelson–Aalen cumulative hazard.
    pub cumulative_hazard: Stated<Estimate>,
}

/// Survival after each bin of steps, in order: `Π (1 − events/at risk)` (Kaplan and Meier, JASA 53:457, 1958).
pub(super) fn survival(events_at_risk: impl Iterator<Item = (f64, f64)>) -> impl Iterator<Item = f64> {
    events_at_risk.scan(1.0, |survival, (events, at_risk)| {
        *survival *= (at_risk - events) / at_risk;
        Some(*survival)
    })
}

/// Survival after each bin if, in wide bins, whoever is censored leaves before the events.
pub(super) fn survival_least(steps: &[Step]) -> impl Iterator<Item = f64> {
    steps.iter().scan(1.0, |survival, step| {
        let early = if step.is_wide() { step.censored.to_f64() } else { 0.0 };
        let at_risk = step.at_risk.to_f64() - early;
        // Noise may leave fewer at risk than have the event.
        let fall = if step.events.value > 0 { step.events.to_f64() / at_risk.max(f64::MIN_POSITIVE) } else { 0.0 };
        *survival *= 1.0 - fall.min(1.0);
        Some(*survival)
    })
}

/// Events and people at risk of each step.
pub(super) fn events_at_risk(steps: &[Step]) -> impl Iterator<Item = (f64, f64)> {
    steps.iter().map(|step| (step.events.to_f64(), step.at_risk.to_f64()))
}

/// Greenwood's sum up to each bin, `Σ events/(at risk·left)` (*The Natural Duration of Cancer*, 1926): the variance of
/// the curve's logarithm. Noise may take a term below zero, which the sum may not be.
pub(super) fn greenwood(steps: &[Step]) -> Vec<f64> {
    accumulated(steps, |events, at_risk| events / (at_risk * (at_risk - events)))
}

/// `Σ left·events/at risk³`: the variance of the cumulative hazard with ties (Klein, Scandinavian Journal of Statistics
/// 18:333, 1991), as lifelines has it.
fn hazard_variance(steps: &[Step]) -> Vec<f64> {
    accumulated(steps, |events, at_risk| (at_risk - events) * events / at_risk.powi(3))
}

fn accumulated(steps: &[Step], term: impl Fn(f64, f64) -> f64) -> Vec<f64> {
    let sum = |sum: &mut f64, (events, at_risk)| {
        *sum += term(events, at_risk);
        Some(sum.max(0.0))
    };
    events_at_risk(steps).scan(0.0, sum).collect()
}

/// The curve of a group. Where nobody leaves an exact table, no point; under noise each bin has one, and the curve and
/// the hazard are the nearest that only fall and only rise.
///
/// # Errors
/// As [`LifeTable::followed`].
pub(super) fn curve(table: &LifeTable) -> Result<Vec<SurvivalPoint>, Undefined> {
    let steps = table.followed()?;
    let noisy = table.is_noisy();
    let (survival, hazards) = (survivals(steps, noisy), hazards(steps, noisy));
    let values = survival.into_iter().zip(survival_least(steps));
    let points = steps.iter().zip(values).zip(hazards).map(|((step, (survival, least)), hazard)| {
        let log_log = survival.log_log(noisy);
        let plain = survival.plain();
        SurvivalPoint {
            since: step.since,
            time: step.time,
            at_risk: step.at_risk,
            events: step.events,
            censored: step.censored,
            survival: survival.value,
            survival_least: if step.is_wide() { least.min(survival.value) } else { survival.value },
            standard_error: survival.standard_error().into(),
            interval: if noisy { plain.clone() } else { log_log.clone() }.into(),
            log_log: log_log.into(),
            plain: plain.into(),
            cumulative_hazard: hazard.into(),
        }
    });
    let left = |point: &SurvivalPoint| noisy || point.events.value > 0 || point.censored.value > 0;
    Ok(points.filter(left).collect())
}

/// A value of the curve, and the variance of its logarithm.
struct Value {
    value: f64,
    ln_variance: f64,
}

fn survivals(steps: &[Step], noisy: bool) -> Vec<Value> {
    let mut values: Vec<f64> = survival(events_at_risk(steps)).collect();
    let slopes = |(events, at_risk): (f64, f64)| {
        let left = at_risk - events;
        // Of ln(at risk − events) − ln(at risk).
        Slopes { events: -left.recip(), at_risk: left.recip() - at_risk.recip() }
    };
    let mut noise = vec![0.0; steps.len()];
    if noisy {
        noise = noise_variances(steps, &events_at_risk(steps).map(slopes).collect::<Vec<_>>());
        let weights: Vec<f64> = values.iter().zip(&noise).map(|(value, noise)| weight(value * value * noise)).collect();
        values = falling(&values, &weights).into_iter().map(|value| value.clamp(0.0, 1.0)).collect();
    }
    let greenwood = greenwood(steps);
    let value = |((value, greenwood), noise): ((f64, f64), f64)| Value { value, ln_variance: greenwood + noise };
    values.into_iter().zip(greenwood).zip(noise).map(value).collect()
}

fn hazards(steps: &[Step], noisy: bool) -> Vec<Result<Estimate, Undefined>> {
    let terms = events_at_risk(steps).scan(0.0, |sum, (events, at_risk)| {
        *sum += events / at_risk;
        Some(*sum)
    });
    let mut values: Vec<f64> = terms.collect();
    let slopes =
        |(events, at_risk): (f64, f64)| Slopes { events: at_risk.recip(), at_risk: -events / (at_risk * at_risk) };
    let mut noise = vec![0.0; steps.len()];
    if noisy {
        noise = noise_variances(steps, &events_at_risk(steps).map(slopes).collect::<Vec<_>>());
        let weights: Vec<f64> = noise.iter().map(|noise| weight(*noise)).collect();
        values = rising(&values, &weights).into_iter().map(|value| value.max(0.0)).collect();
    }
    let sampling = hazard_variance(steps);
    values
        .into_iter()
        .zip(sampling)
        .zip(noise)
        .map(|((value, sampling), noise)| hazard(value, sampling, noise))
        .collect()
}

/// The weight of a value with this variance among its neighbours.
pub(super) fn weight(variance: f64) -> f64 {
    variance.max(f64::MIN_POSITIVE.sqrt()).recip()
}

/// `H·exp(±z·standard error/H)` (Klein and Moeschberger 2003, 4.3); with noise `H ± z·standard error`, not below 0.
fn hazard(value: f64, sampling: f64, noise: f64) -> Result<Estimate, Undefined> {
    let standard_error = (sampling + noise).sqrt();
    if noise > 0.0 {
        return Ok(Estimate::normal(value, standard_error)?.within(0.0, f64::MAX));
    }
    if value <= 0.0 {
        return Estimate::new(0.0, 0.0, (0.0, 0.0));
    }
    let factor = (normal_quantile() * standard_error / value).exp();
    Estimate::new(value, standard_error, (value / factor, value * factor))
}

impl Value {
    /// None at 0, where Greenwood's sum divides by nobody.
    fn standard_error(&self) -> Result<f64, Undefined> {
        let error = self.value * self.ln_variance.sqrt();
        if self.value > 0.0 && error.is_finite() { Ok(error) } else { Err(Undefined::EmptyCell) }
    }

    fn plain(&self) -> Result<Interval, Undefined> {
        Ok(Estimate::normal(self.value, self.standard_error()?)?.within(0.0, 1.0).interval)
    }

    /// `S^exp(±z·standard error of ln S/|ln S|)` (Kalbfleisch and Prentice, *The Statistical Analysis of Failure Time Data*,
    /// 1980, 1.3), also called exponential Greenwood. Before the first event no variance is known; under noise the
    /// transformation has no value there.
    fn log_log(&self, noisy: bool) -> Result<Interval, Undefined> {
        self.standard_error()?;
        if self.value >= 1.0 {
            return if noisy { Err(Undefined::Noise) } else { Ok(Interval { lo: 1.0, hi: 1.0 }) };
        }
        let ln = self.value.ln();
        let half = normal_quantile() * self.ln_variance.sqrt() / ln.abs();
        Ok(Interval { lo: (ln * half.exp()).exp(), hi: (ln * (-half).exp()).exp() })
    }
}
