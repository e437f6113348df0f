//! How a 2×2 table's second row differs from its first: ratios and a difference, of the second column.

use serde::Serialize;

use super::proportion::beside;
use crate::statistics::{Estimate, Stated, Sum, Undefined, noise};

/// An estimate with the method of its interval.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Effect {
    /// Who described the interval.
    pub method: &'static str,
    /// Value, standard error and interval.
    #[serde(flatten)]
    pub estimate: Estimate,
    /// Whether a cell was empty and one half was added to all four (Haldane 1956, Anscombe 1956).
    pub half_added: bool,
}

/// Measures of a 2×2 table. The second row is compared with the first; the second column is the event.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct TwoByTwo {
    /// The odds of the event over those in the first row; of logarithms Woolf's interval.
    pub odds_ratio: Stated<Effect>,
    /// The event's risk over that in the first row; of logarithms Katz' interval.
    pub risk_ratio: Stated<Effect>,
    /// The event's risk less that in the first row; Newcombe's interval.
    pub risk_difference: Stated<Effect>,
}

impl TwoByTwo {
    /// All three, from the cells row by row.
    pub(super) fn of(four: &[Sum; 4]) -> Self {
        Self {
            odds_ratio: odds_ratio(four).into(),
            risk_ratio: risk_ratio(four).into(),
            risk_difference: risk_difference(four).into(),
        }
    }
}

/// The logarithm of a ratio, if it has one.
fn ln(ratio: f64) -> Result<f64, Undefined> {
    if ratio > 0.0 { Ok(ratio.ln()) } else { Err(Undefined::EmptyCell) }
}

/// A ratio from its logarithm, the logarithm's sampling variance, and its noise.
fn ratio(
    method: &'static str,
    (four, added): (&[Sum; 4], f64),
    ln_ratio: impl Fn([f64; 4]) -> Result<f64, Undefined>,
    sampling: impl Fn([f64; 4]) -> f64,
) -> Result<Effect, Undefined> {
    let noisy = four.iter().any(Sum::is_noisy);
    let people = four.map(|sum| sum.to_f64() + added);
    if noisy && people.iter().any(|people| *people <= 0.0) {
        return Err(Undefined::Noise);
    }
    let value = ln_ratio(people)?;
    let noise = noise::variance_of(four, |values| ln_ratio(values.map(|value| value + added)))?;
    let estimate = Estimate::normal(value, (sampling(people) + noise).sqrt())?.exponentiated()?;
    Ok(Effect { method, estimate, half_added: added > 0.0 })
}

/// `ad / bc`; `Σ 1/cell` is the variance of its logarithm (Woolf, Annals of Human Genetics 19:251, 1955).
pub(super) fn odds_ratio(four: &[Sum; 4]) -> Result<Effect, Undefined> {
    let noisy = four.iter().any(Sum::is_noisy);
    let added = if !noisy && four.iter().any(|sum| sum.value == 0) { 0.5 } else { 0.0 };
    let ln_odds_ratio = |[b0, b1, a0, a1]: [f64; 4]| Ok(ln(a1)? - ln(a0)? - ln(b1)? + ln(b0)?);
    let sampling = |people: [f64; 4]| people.iter().map(|people| people.recip()).sum();
    ratio("Woolf", (four, added), ln_odds_ratio, sampling)
}

/// `a/(a+b)` over `c/(c+d)`; the variance of its logarithm is `1/a − 1/(a+b) + 1/c − 1/(c+d)` (Katz, Baptista, Azen and
/// Pike, Biometrics 34:469, 1978).
fn risk_ratio(four: &[Sum; 4]) -> Result<Effect, Undefined> {
    let ln_risk_ratio = |[b0, b1, a0, a1]: [f64; 4]| Ok(ln(a1)? - ln(a0 + a1)? - ln(b1)? + ln(b0 + b1)?);
    let sampling = |[b0, b1, a0, a1]: [f64; 4]| a1.recip() - (a0 + a1).recip() + b1.recip() - (b0 + b1).recip();
    ratio("Katz", (four, 0.0), ln_risk_ratio, sampling)
}

/// The difference of two shares, its interval from Wilson's of each (Newcombe, Statistics in Medicine 17:873, 1998,
/// method 10), which hold the noise already.
fn risk_difference([b0, b1, a0, a1]: &[Sum; 4]) -> Result<Effect, Undefined> {
    let possible = |part: &Sum, rest: &Sum| Ok(beside(*part, *rest)?.within(0.0, 1.0));
    let (event, other) = (possible(a1, a0)?, possible(b1, b0)?);
    let value = event.value - other.value;
    let below = (event.value - event.interval.lo).hypot(other.interval.hi - other.value);
    let above = (event.interval.hi - event.value).hypot(other.value - other.interval.lo);
    let standard_error = event.standard_error.hypot(other.standard_error);
    let estimate = Estimate::new(value, standard_error, (value - below, value + above))?.within(-1.0, 1.0);
    Ok(Effect { method: "Newcombe", estimate, half_added: false })
}
