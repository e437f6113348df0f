//! 2×2 tables in several strata: the Cochran–Mantel–Haenszel test, the common odds ratio, homogeneity.

use serde::Serialize;

use super::{
    association::chi_squared_test,
    effect::{Effect, odds_ratio},
    table::Table,
};
use crate::statistics::{Cells, Estimate, Stated, Sum, Test, Undefined, noise};

/// A noisy margin is used from this many standard deviations of its noise.
const MARGIN_DEVIATIONS: f64 = 2.0;

/// What strata of 2×2 tables say together. The second row is compared with the first; the second column is the event.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Stratified {
    /// Strata used.
    pub strata: usize,
    /// Strata left out, since a row or a column of theirs is empty or drowns in noise: they compare nothing.
    pub left_out: usize,
    /// People in the strata used.
    pub people: Sum,
    /// The Cochran–Mantel–Haenszel test.
    pub mantel_haenszel: Stated<Test>,
    /// The same with the continuity correction.
    pub mantel_haenszel_corrected: Stated<Test>,
    /// The Mantel–Haenszel common odds ratio, with the interval of Robins, Breslow and Greenland.
    pub common_odds_ratio: Stated<Effect>,
    /// The Breslow–Day test that the odds ratio is the same in each stratum.
    pub breslow_day: Stated<Test>,
    /// The same with Tarone's correction.
    pub tarone: Stated<Test>,
    /// Woolf's test that the odds ratio is the same in each stratum, which includes noise.
    pub woolf: Stated<Test>,
}

/// Tests and the common odds ratio of a table with three axes: strata, two rows, two columns.
///
/// # Errors
/// [`Undefined::WrongShape`] for other axes; [`Undefined::Nobody`], or [`Undefined::NoStratum`] when none has
/// people in both rows and both columns; [`Undefined::Noise`] when noise hides whether one has.
pub fn stratified(cells: &Cells<Sum>) -> Result<Stratified, Undefined> {
    let tables = Table::strata(cells)?;
    let all: Vec<[Sum; 4]> = tables.iter().map(Table::four).collect::<Result<_, _>>()?;
    let used: Vec<[Sum; 4]> = all.iter().filter(|four| is_informative(four)).copied().collect();
    let noisy = used.iter().chain(&all).flatten().any(Sum::is_noisy);
    if used.is_empty() {
        let nobody = cells.values.iter().all(|sum| sum.value == 0);
        let exactly = if nobody { Undefined::Nobody } else { Undefined::NoStratum };
        return Err(if noisy { Undefined::Noise } else { exactly });
    }
    let corrected = if noisy { Err(Undefined::NeedsExact) } else { mantel_haenszel(&used, 0.5) };
    let homogeneity = |tarone| if noisy { Err(Undefined::NeedsExact) } else { breslow_day(&used, tarone) };
    Ok(Stratified {
        strata: used.len(),
        left_out: all.len() - used.len(),
        people: used.iter().flatten().copied().sum(),
        mantel_haenszel: mantel_haenszel(&used, 0.0).into(),
        mantel_haenszel_corrected: corrected.into(),
        common_odds_ratio: common_odds_ratio(&used).into(),
        breslow_day: homogeneity(false).into(),
        tarone: homogeneity(true).into(),
        woolf: woolf(&used).into(),
    })
}

/// Whether every margin holds people beyond doubt.
fn is_informative([b0, b1, a0, a1]: &[Sum; 4]) -> bool {
    let holds = |margin: Sum| margin.to_f64() > MARGIN_DEVIATIONS * margin.noise_variance.sqrt();
    [*b0 + *b1, *a0 + *a1, *b0 + *a0, *b1 + *a1].into_iter().all(holds)
}

/// A stratum's people, with its margins.
#[derive(Clone, Copy)]
struct Stratum {
    four: [f64; 4],
    people: f64,
    row: f64,
    column: f64,
}

impl Stratum {
    fn of(four: [f64; 4]) -> Self {
        let [b0, b1, a0, a1] = four;
        Self { four, people: b0 + b1 + a0 + a1, row: a0 + a1, column: b1 + a1 }
    }

    /// Events in the second row beyond those expected of its margins.
    fn excess(&self) -> f64 {
        let [.., event] = self.four;
        event - self.row * self.column / self.people
    }

    /// The hypergeometric variance of the excess.
    fn variance(&self) -> f64 {
        let others = (self.people - self.row) * (self.people - self.column);
        self.row * self.column * others / (self.people * self.people * (self.people - 1.0))
    }
}

fn people(four: &[Sum; 4]) -> Stratum {
    Stratum::of(four.map(|sum| sum.to_f64()))
}

/// `(|Σ excess| − correction)² / Σ variance` (Mantel and Haenszel, JNCI 22:719, 1959); with noise the noise's variance
/// of the excess joins the hypergeometric one.
pub(super) fn mantel_haenszel(strata: &[[Sum; 4]], correction: f64) -> Result<Test, Undefined> {
    let (mut excess, mut sampling, mut noise) = (0.0, 0.0, 0.0);
    for four in strata {
        let stratum = people(four);
        excess += stratum.excess();
        sampling += stratum.variance();
        noise += noise::variance_of(four, |values| Ok(Stratum::of(values).excess()))?;
    }
    let distance = excess.abs() - correction.min(excess.abs());
    let method = match (noise > 0.0, correction > 0.0) {
        (true, _) => "Cochran-Mantel-Haenszel test, its error with the noise's",
        (false, true) => "Cochran-Mantel-Haenszel test with continuity correction",
        (false, false) => "Cochran-Mantel-Haenszel test",
    };
    chi_squared_test(method, distance * distance / (sampling + noise), 1.0)
}

/// `Σ ad/n` and `Σ bc/n`.
fn cross_products(strata: impl Iterator<Item = Stratum>) -> (f64, f64) {
    let mut products = (0.0, 0.0);
    for Stratum { four: [b0, b1, a0, a1], people, .. } in strata {
        products.0 += a1 * b0 / people;
        products.1 += a0 * b1 / people;
    }
    products
}

fn ln_quotient((up, down): (f64, f64)) -> Result<f64, Undefined> {
    if up > 0.0 && down > 0.0 { Ok(up.ln() - down.ln()) } else { Err(Undefined::EmptyCell) }
}

/// `Σ ad/n / Σ bc/n` (Mantel and Haenszel 1959), the variance of its logarithm by Robins, Breslow and Greenland
/// (Biometrics 42:311, 1986).
pub(super) fn common_odds_ratio(strata: &[[Sum; 4]]) -> Result<Effect, Undefined> {
    let sums: Vec<Sum> = strata.iter().flatten().copied().collect();
    let noisy = sums.iter().any(Sum::is_noisy);
    let ln_ratio = |values: &[f64]| {
        let four = values.as_chunks::<4>().0.iter().copied();
        ln_quotient(cross_products(four.map(Stratum::of)))
    };
    let values: Vec<f64> = sums.iter().map(Sum::to_f64).collect();
    let value = ln_ratio(&values).map_err(|why| if noisy { Undefined::Noise } else { why })?;
    let noise = noise::variance(&sums, ln_ratio)?;
    let estimate = Estimate::normal(value, (robins_breslow_greenland(strata)? + noise).sqrt())?.exponentiated()?;
    Ok(Effect { method: "Robins, Breslow and Greenland", estimate, half_added: false })
}

/// Noise may take a cell below zero, where nobody is the best guess.
fn robins_breslow_greenland(strata: &[[Sum; 4]]) -> Result<f64, Undefined> {
    let strata = || strata.iter().map(|four| Stratum::of(four.map(|sum| sum.to_f64().max(0.0))));
    let (up, down) = cross_products(strata());
    ln_quotient((up, down))?;
    let mut variance = 0.0;
    for Stratum { four: [b0, b1, a0, a1], people, .. } in strata() {
        let (agree, differ) = ((a1 + b0) / people, (a0 + b1) / people);
        let (up_part, down_part) = (a1 * b0 / people, a0 * b1 / people);
        variance += agree * up_part / (2.0 * up * up);
        variance += (agree * down_part + differ * up_part) / (2.0 * up * down);
        variance += differ * down_part / (2.0 * down * down);
    }
    Ok(variance)
}

/// `Σ (event − fitted)² / variance`, fitted to the common odds ratio (Breslow and Day, *Statistical Methods in Cancer
/// Research I*, 1980, 4.4); Tarone (Biometrika 72:91, 1985) takes off what the odds ratio's estimate leaves.
fn breslow_day(strata: &[[Sum; 4]], tarone: bool) -> Result<Test, Undefined> {
    let odds_ratio = ln_quotient(cross_products(strata.iter().map(people)))?.exp();
    let (mut statistic, mut left, mut all) = (0.0, 0.0, 0.0);
    for stratum in strata.iter().map(people) {
        let [.., event] = stratum.four;
        let fitted = fitted_events(&stratum, odds_ratio);
        let cells = [
            fitted,
            stratum.row - fitted,
            stratum.column - fitted,
            fitted + stratum.people - stratum.row - stratum.column,
        ];
        let variance = cells.iter().map(|cell| cell.recip()).sum::<f64>().recip();
        statistic += (event - fitted).powi(2) / variance;
        left += event - fitted;
        all += variance;
    }
    let correction = if tarone { left * left / all } else { 0.0 };
    let method = if tarone { "Breslow-Day test with Tarone's correction" } else { "Breslow-Day test" };
    homogeneity_test(method, statistic - correction, strata.len())
}

/// The events in the second row that give the odds ratio with the same margins: the root of
/// `(1 − ψ)e² + (n − r − c + ψ(r + c))e − ψrc`, in the form that does not cancel.
fn fitted_events(stratum: &Stratum, odds_ratio: f64) -> f64 {
    let square = 1.0 - odds_ratio;
    let margins = stratum.row + stratum.column;
    let linear = stratum.people - margins + odds_ratio * margins;
    let constant = -odds_ratio * stratum.row * stratum.column;
    let root = (linear * linear - 4.0 * square * constant).max(0.0).sqrt();
    if linear >= 0.0 { -2.0 * constant / (linear + root) } else { (root - linear) / (2.0 * square) }
}

/// `Σ (ln OR − mean)²/variance` over the strata (Woolf 1955), the variance with the noise's.
fn woolf(strata: &[[Sum; 4]]) -> Result<Test, Undefined> {
    let estimates: Vec<Effect> = strata.iter().map(odds_ratio).collect::<Result<_, _>>()?;
    let term = |effect: &Effect| {
        let (ratio, error) = (effect.estimate.value, effect.estimate.standard_error / effect.estimate.value);
        (ratio.ln(), (error * error).recip())
    };
    let terms: Vec<(f64, f64)> = estimates.iter().map(term).collect();
    let weights = terms.iter().map(|(_, weight)| weight).sum::<f64>();
    let mean = terms.iter().map(|(ln_ratio, weight)| ln_ratio * weight).sum::<f64>() / weights;
    let statistic = terms.iter().map(|(ln_ratio, weight)| weight * (ln_ratio - mean).powi(2)).sum();
    homogeneity_test("Woolf's test of homogeneity", statistic, strata.len())
}

fn homogeneity_test(method: &'static str, statistic: f64, strata: usize) -> Result<Test, Undefined> {
    match u32::try_from(strata.saturating_sub(1)) {
        Ok(0) | Err(_) => Err(Undefined::OneStratum),
        Ok(degrees) => chi_squared_test(method, statistic, f64::from(degrees)),
    }
}
