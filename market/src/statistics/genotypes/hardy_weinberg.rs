//! Whether genotypes are as frequent as their alleles make them.

use serde::Serialize;

use super::{
    counts::{Genotypes, estimate, is_noisy},
    null::NullGroup,
};
use crate::statistics::{
    Estimate, GenotypeSums, Stated, Test, Undefined, distribution::chi_squared_p_value, estimate::finite,
    noise::simulated_p_value,
};

/// People of an exact test: its time grows with them.
pub const PEOPLE_MAX: u64 = 1 << 24;

/// Probabilities within this of each other, relative, are the same but for rounding.
const TIE: f64 = 1e-10;

/// Tests of Hardy–Weinberg equilibrium of one variant in one group.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct HardyWeinberg {
    /// Every table as unlikely as this one, given the alleles (Wigginton, Cutler and Abecasis, *American Journal of
    /// Human Genetics* 76, 2005). Not defined with noise.
    pub exact: Stated<Test>,
    /// The same with half of the tables as likely as this one (Graffelman and Moreno, *Statistical Applications in
    /// Genetics and Molecular Biology* 12, 2013).
    pub mid_p: Stated<Test>,
    /// Pearson's χ², without correction; with noise its p-value comes from simulated people.
    pub chi_squared: Stated<Test>,
}

impl HardyWeinberg {
    pub(super) fn of(sums: &GenotypeSums, seed: [u8; 32]) -> Self {
        let exact = exact_p_values(sums);
        Self {
            exact: exact.clone().and_then(|p| Test::exact("Hardy-Weinberg exact test", p.exact)).into(),
            mid_p: exact.and_then(|p| Test::exact("Hardy-Weinberg exact test, mid-p", p.mid)).into(),
            chi_squared: chi_squared_test(sums, seed).into(),
        }
    }
}

/// `F`; zero in equilibrium.
pub(super) fn inbreeding(sums: &GenotypeSums) -> Result<Estimate, Undefined> {
    let genotypes = Genotypes::of(sums)?;
    let (value, noise) = drowned(sums, estimate([sums], |[genotypes]| coefficient(&genotypes)))?;
    let (f, p) = (value.clamp(-1.0, 1.0), genotypes.frequency());
    let sampling = (1.0 - f).powi(2) * (1.0 - 2.0 * f) + f * (1.0 - f) * (2.0 - f) / (2.0 * p * (1.0 - p));
    let standard_error = (sampling.max(0.0) / genotypes.called + noise).sqrt();
    Ok(Estimate::normal(value, standard_error)?.within(-1.0, 1.0))
}

/// Noise in `F` of half a unit or more leaves nothing of it.
fn drowned(sums: &GenotypeSums, found: Result<(f64, f64), Undefined>) -> Result<(f64, f64), Undefined> {
    match found {
        Err(_) if is_noisy(sums) => Err(Undefined::Noise),
        Ok((_, noise)) if noise >= 0.25 => Err(Undefined::Noise),
        found => found,
    }
}

fn coefficient(genotypes: &Genotypes) -> Result<f64, Undefined> {
    let p = genotypes.frequency();
    let expected = 2.0 * p * (1.0 - p);
    if expected <= 0.0 {
        return Err(Undefined::Monomorphic);
    }
    finite(1.0 - genotypes.het / genotypes.called / expected)
}

/// `n·F²`, which is `Σ (observed − expected)²/expected`.
fn chi_squared(genotypes: &Genotypes) -> Result<f64, Undefined> {
    finite(genotypes.called * coefficient(genotypes)?.powi(2))
}

fn chi_squared_test(sums: &GenotypeSums, seed: [u8; 32]) -> Result<Test, Undefined> {
    let genotypes = Genotypes::of(sums)?;
    if !is_noisy(sums) {
        let statistic = chi_squared(&genotypes)?;
        let p_value = chi_squared_p_value(statistic, 1.0)?;
        return Test::new("Hardy-Weinberg chi-squared test", statistic, &[1.0], p_value);
    }
    drowned(sums, estimate([sums], |[genotypes]| coefficient(&genotypes)))?;
    let statistic = chi_squared(&genotypes).map_err(|_| Undefined::Noise)?;
    let p = genotypes.frequency();
    let null = NullGroup::new(sums, [(1.0 - p).powi(2), 2.0 * p * (1.0 - p), p.powi(2)]);
    let p_value = simulated_p_value(statistic, seed, |rng| chi_squared(&null.draw(rng)?));
    Test::new("Hardy-Weinberg chi-squared test, simulated with noise", statistic, &[1.0], p_value)
}

#[derive(Debug, Clone)]
struct ExactPValues {
    exact: f64,
    mid: f64,
}

fn exact_p_values(sums: &GenotypeSums) -> Result<ExactPValues, Undefined> {
    if is_noisy(sums) {
        return Err(Undefined::NeedsExact);
    }
    Genotypes::of(sums)?;
    let [het, hom_alt, called] = [sums.het, sums.hom_alt, sums.called].map(|sum| sum.value.unsigned_abs());
    if called > PEOPLE_MAX {
        return Err(Undefined::TooMany { found: called, limit: PEOPLE_MAX });
    }
    let alternate = het + 2 * hom_alt;
    let rare = alternate.min(2 * called - alternate);
    if rare == 0 {
        return Err(Undefined::Monomorphic);
    }
    let weights = weights(rare, called);
    let own = weights.get((het / 2) as usize).copied().ok_or(Undefined::Contradiction)?;
    let below = weights.iter().filter(|weight| **weight < own * (1.0 - TIE)).sum::<f64>();
    let ties = weights.iter().filter(|weight| (**weight / own - 1.0).abs() <= TIE).sum::<f64>();
    let total: f64 = weights.iter().sum();
    Ok(ExactPValues { exact: (below + ties) / total, mid: (below + ties / 2.0) / total })
}

/// How likely each possible number of heterozygous people is, over that of the number near the likeliest: 0, 2, 4, … of
/// them, or 1, 3, 5, …, for so many copies of the rare allele.
fn weights(rare: u64, people: u64) -> Vec<f64> {
    let odd = rare % 2;
    let last = ((rare - odd) / 2) as usize;
    let homozygous = |place: usize| {
        let het = 2 * place as u64 + odd;
        let hom_rare = (rare - het) / 2;
        (het as f64, hom_rare as f64, (people - het - hom_rare) as f64)
    };
    // P(h + 2)/P(h) = 4·rare homozygotes·common homozygotes/((h + 2)(h + 1)): their equations 2.
    let up = |place: usize| {
        let (het, hom_rare, hom_common) = homozygous(place);
        4.0 * hom_rare * hom_common / ((het + 2.0) * (het + 1.0))
    };
    let likeliest = (rare * (2 * people - rare) / (2 * people) / 2).min(last as u64) as usize;
    let mut weights = vec![1.0; last + 1];
    let mut weight = 1.0;
    for (place, slot) in weights.iter_mut().enumerate().skip(likeliest + 1) {
        weight *= up(place - 1);
        *slot = weight;
    }
    weight = 1.0;
    for (place, slot) in weights.iter_mut().enumerate().take(likeliest).rev() {
        weight /= up(place);
        *slot = weight;
    }
    weights
}
