//! One variant in cases and controls.

use circuits::schema::Variant;
use serde::Serialize;

use super::{
    Named,
    counts::{Genotypes, estimate, is_noisy},
    null::NullGroup,
    summary::frequency,
};
use crate::statistics::{
    Estimate, GenotypeSums, Stated, Sum, Test, Undefined,
    distribution::chi_squared_p_value,
    estimate::{finite, normal_p_value},
    noise::{seed_of, simulated_p_value},
};

/// One variant in cases and controls.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct VariantAssociation {
    /// Its place in the panel.
    pub place: usize,
    /// The variant.
    pub variant: Variant,
    /// In words: `22:16050612 C>G`.
    pub name: String,
    /// Cases with a call.
    pub cases_called: Sum,
    /// Controls with a call.
    pub controls_called: Sum,
    /// The alternate allele's frequency in cases.
    pub case_frequency: Stated<Estimate>,
    /// The alternate allele's frequency in controls.
    pub control_frequency: Stated<Estimate>,
    /// χ² of alleles, with 1 degree of freedom; assumes Hardy–Weinberg equilibrium (Sasieni, *Biometrics* 53, 1997).
    pub allelic_test: Stated<Test>,
    /// Odds of the alternate allele in cases over those in controls; of the logarithm Woolf's interval (*Annals of
    /// Human Genetics* 19, 1955).
    pub allelic_odds_ratio: Stated<Estimate>,
    /// Cochran–Armitage trend over 0, 1 and 2 copies (Armitage, *Biometrics* 11, 1955).
    pub trend_test: Stated<Test>,
    /// χ² of the three genotypes, with 2 degrees of freedom, or 1 where nobody has one of them.
    pub genotypic_test: Stated<Test>,
    /// Odds of one or two copies, in the same way.
    pub dominant_odds_ratio: Stated<Estimate>,
    /// Odds of two copies, in the same way.
    pub recessive_odds_ratio: Stated<Estimate>,
    /// The trend's p-value by Bonferroni's correction over the variants tested.
    pub bonferroni: Stated<f64>,
    /// The trend's p-value by Benjamini and Hochberg's.
    pub benjamini_hochberg: Stated<f64>,
}

impl VariantAssociation {
    /// Without correction for the number of variants, which a scan knows.
    pub(super) fn of(place: usize, variant: &Variant, [cases, controls]: [&GenotypeSums; 2], seed: [u8; 32]) -> Self {
        let groups = Pair { cases, controls };
        let trend = groups.trend();
        Self {
            place,
            variant: variant.clone(),
            name: Named(variant).to_string(),
            cases_called: cases.called,
            controls_called: controls.called,
            case_frequency: frequency(cases).into(),
            control_frequency: frequency(controls).into(),
            allelic_test: groups.allelic().into(),
            allelic_odds_ratio: groups.odds_ratio(alleles).into(),
            genotypic_test: groups.genotypic(seed_of(seed, place as u64)).into(),
            dominant_odds_ratio: groups.odds_ratio(carriers).into(),
            recessive_odds_ratio: groups.odds_ratio(homozygotes).into(),
            bonferroni: trend.clone().map(|test| test.p_value).into(),
            benjamini_hochberg: trend.clone().map(|test| test.p_value).into(),
            trend_test: trend.into(),
        }
    }
}

fn alleles(genotypes: &Genotypes) -> [f64; 2] {
    [genotypes.alternate(), genotypes.alleles() - genotypes.alternate()]
}

fn carriers(genotypes: &Genotypes) -> [f64; 2] {
    [genotypes.het + genotypes.hom_alt, genotypes.hom_ref()]
}

fn homozygotes(genotypes: &Genotypes) -> [f64; 2] {
    [genotypes.hom_alt, genotypes.het + genotypes.hom_ref()]
}

/// Cases and controls.
struct Pair<'s> {
    cases: &'s GenotypeSums,
    controls: &'s GenotypeSums,
}

impl Pair<'_> {
    fn is_noisy(&self) -> bool {
        is_noisy(self.cases) || is_noisy(self.controls)
    }

    /// # Errors
    /// [`Undefined::NoCallsToCompare`] when one of them has no calls; as [`Genotypes::of`].
    fn genotypes(&self) -> Result<[Genotypes; 2], Undefined> {
        let of = |sums| {
            Genotypes::of(sums).map_err(|why| match why {
                Undefined::NoCalls => Undefined::NoCallsToCompare,
                why => why,
            })
        };
        Ok([of(self.cases)?, of(self.controls)?])
    }

    fn refusal(&self, why: Undefined) -> Undefined {
        if self.is_noisy() { Undefined::Noise } else { why }
    }

    /// The variance that noise gives the difference of a mean.
    fn difference(&self, mean: impl Fn(&Genotypes) -> f64) -> Result<(f64, f64), Undefined> {
        estimate([self.cases, self.controls], |[cases, controls]| Ok(mean(&cases) - mean(&controls)))
    }

    fn allelic(&self) -> Result<Test, Undefined> {
        let [cases, controls] = self.genotypes()?;
        let p = cases.with(&controls).frequency();
        if p * (1.0 - p) <= 0.0 {
            return Err(self.refusal(Undefined::Monomorphic));
        }
        let (difference, noise) = self.difference(Genotypes::frequency)?;
        let sampling = p * (1.0 - p) * (1.0 / cases.alleles() + 1.0 / controls.alleles());
        self.one_degree(difference, sampling + noise, ["allelic chi-squared test", "allelic Wald test, noise included"])
    }

    /// The difference of mean copies over its error when both groups have one distribution: Armitage's χ² exactly.
    fn trend(&self) -> Result<Test, Undefined> {
        let [cases, controls] = self.genotypes()?;
        let spread = cases.with(&controls).dosage_variance();
        if spread <= 0.0 {
            return Err(self.refusal(Undefined::Monomorphic));
        }
        let (difference, noise) = self.difference(Genotypes::mean_dosage)?;
        let variance = spread * (1.0 / cases.called + 1.0 / controls.called) + noise;
        self.one_degree(
            difference,
            variance,
            ["Cochran-Armitage trend test", "Cochran-Armitage trend, Wald test, noise included"],
        )
    }

    fn one_degree(&self, difference: f64, variance: f64, [exact, noisy]: [&'static str; 2]) -> Result<Test, Undefined> {
        let statistic = finite(difference * difference / variance)?;
        let method = if self.is_noisy() { noisy } else { exact };
        Test::new(method, statistic, &[1.0], normal_p_value(statistic.sqrt()))
    }

    fn odds_ratio(&self, cells: fn(&Genotypes) -> [f64; 2]) -> Result<Estimate, Undefined> {
        let [cases, controls] = self.genotypes()?;
        let logarithm = |[cases, controls]: [Genotypes; 2]| {
            let ([a, b], [c, d]) = (cells(&cases), cells(&controls));
            let positive = [a, b, c, d].iter().all(|cell| *cell > 0.0);
            if positive { Ok((a * d / (b * c)).ln()) } else { Err(Undefined::EmptyCell) }
        };
        let (value, noise) = estimate([self.cases, self.controls], logarithm).map_err(|why| self.refusal(why))?;
        let sampling: f64 = [cells(&cases), cells(&controls)].iter().flatten().map(|cell| 1.0 / cell).sum();
        Estimate::normal(value, (sampling + noise).sqrt())?.exponentiated()
    }

    fn genotypic(&self, seed: [u8; 32]) -> Result<Test, Undefined> {
        let groups = self.genotypes()?;
        if !self.is_noisy() {
            let (statistic, degrees) = pearson(&groups)?;
            let p_value = chi_squared_p_value(statistic, degrees)?;
            return Test::new("genotypic chi-squared test", statistic, &[degrees], p_value);
        }
        let [cases, controls] = groups;
        let pooled = cases.with(&controls);
        let columns = [pooled.hom_ref(), pooled.het, pooled.hom_alt];
        let noise = [self.cases, self.controls].map(column_noise);
        let drowned = |(place, people): (usize, f64)| {
            let variance: f64 = noise.iter().filter_map(|group| group.get(place)).sum();
            people < 2.0 * variance.sqrt()
        };
        if columns.into_iter().enumerate().any(drowned) {
            return Err(Undefined::Noise);
        }
        let (statistic, degrees) = pearson(&groups).map_err(|_| Undefined::Noise)?;
        let chances = columns.map(|people| people / pooled.called);
        let nulls = [self.cases, self.controls].map(|sums| NullGroup::new(sums, chances));
        let p_value = simulated_p_value(statistic, seed, |rng| {
            let [cases, controls] = &nulls;
            Ok(pearson(&[cases.draw(rng)?, controls.draw(rng)?])?.0)
        });
        Test::new("genotypic chi-squared test, simulated with noise", statistic, &[degrees], p_value)
    }
}

/// The noise's variance in people of no, one and two copies.
fn column_noise(sums: &GenotypeSums) -> [f64; 3] {
    let [het, hom_alt, called] = [sums.het, sums.hom_alt, sums.called].map(|sum| sum.noise_variance);
    [het + hom_alt + called, het, hom_alt]
}

/// Pearson's χ² of two groups by genotype, and its degrees of freedom. Genotypes that nobody has are left out.
fn pearson(groups: &[Genotypes; 2]) -> Result<(f64, f64), Undefined> {
    let [cases, controls] = groups;
    let pooled = cases.with(controls);
    let mut statistic = 0.0;
    let mut columns = 0.0;
    for genotype in [Genotypes::hom_ref, |group: &Genotypes| group.het, |group: &Genotypes| group.hom_alt] {
        let people = genotype(&pooled);
        if people == 0.0 {
            continue;
        }
        columns += 1.0;
        for group in groups {
            let expected = people * group.called / pooled.called;
            if expected <= 0.0 {
                return Err(Undefined::Noise);
            }
            statistic += (genotype(group) - expected).powi(2) / expected;
        }
    }
    if columns < 2.0 { Err(Undefined::Monomorphic) } else { Ok((finite(statistic)?, columns - 1.0)) }
}
