//! One variant in one group: frequency, missing calls, heterozygosity.

use circuits::schema::Variant;
use rayon::prelude::*;
use serde::Serialize;

use super::{
    HardyWeinberg, Named, VariantCounts, VariantTable,
    counts::{Genotypes, estimate, is_noisy},
    hardy_weinberg::inbreeding,
};
use crate::statistics::{
    Estimate, GenotypeSums, Interval, Stated, Sum, Undefined,
    noise::{seed_of, variance},
    proportion::{noisy, wilson},
};

/// One variant in one group.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct VariantSummary {
    /// The variant.
    pub variant: Variant,
    /// In words: `22:16050612 C>G`.
    pub name: String,
    /// People with a call.
    pub called: Sum,
    /// Copies of the alternate allele among them.
    pub alternate_alleles: Sum,
    /// People with one copy.
    pub heterozygous: Sum,
    /// People with two copies.
    pub homozygous_alternate: Sum,
    /// Of the alternate allele; Wilson's interval over two alleles for each person, which takes a person's alleles as
    /// independent (Hardy–Weinberg equilibrium).
    pub frequency: Stated<Estimate>,
    /// Of the rarer allele, in the same way.
    pub minor_allele_frequency: Stated<Estimate>,
    /// Share of the cohort without a call, where the cohort's size is given.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub missingness: Option<Stated<Estimate>>,
    /// Share of heterozygous people.
    pub observed_heterozygosity: Stated<Estimate>,
    /// `2p(1−p)`: their share under Hardy–Weinberg equilibrium; interval from that of the frequency, standard error by the
    /// delta method to the second order, since at `p = ½` the first gives none.
    pub expected_heterozygosity: Stated<Estimate>,
    /// `F = 1 − observed/expected heterozygosity` (Wright, *American Naturalist* 56, 1922); standard error of Fyfe and
    /// Bailey, *Journal of Agricultural Science* 41 (1951).
    pub inbreeding: Stated<Estimate>,
    /// Tests of Hardy–Weinberg equilibrium.
    pub hardy_weinberg: HardyWeinberg,
}

impl VariantTable {
    /// Every variant in one group, several at once. `cohort` counts the people asked, called or not. The seed makes simulated p-values
    /// the same each time.
    #[must_use]
    pub fn summarize(&self, group: usize, cohort: Option<Sum>, seed: [u8; 32]) -> Vec<VariantSummary> {
        let sums = self.variants.par_iter().filter_map(|counts| Some((counts, counts.groups.get(group)?)));
        let summary = |(counts, sums): (&VariantCounts, &GenotypeSums)| {
            VariantSummary::of(&counts.variant, sums, cohort, seed_of(seed, counts.place as u64))
        };
        sums.map(summary).collect()
    }
}

impl VariantSummary {
    fn of(variant: &Variant, sums: &GenotypeSums, cohort: Option<Sum>, seed: [u8; 32]) -> Self {
        let frequency = frequency(sums);
        Self {
            variant: variant.clone(),
            name: Named(variant).to_string(),
            called: sums.called,
            alternate_alleles: alternate_alleles(sums),
            heterozygous: sums.het,
            homozygous_alternate: sums.hom_alt,
            minor_allele_frequency: frequency.clone().map(minor).into(),
            expected_heterozygosity: frequency.clone().and_then(expected_heterozygosity).into(),
            frequency: frequency.into(),
            missingness: cohort.map(|cohort| missingness(sums.called, cohort).into()),
            observed_heterozygosity: observed_heterozygosity(sums).into(),
            inbreeding: inbreeding(sums).into(),
            hardy_weinberg: HardyWeinberg::of(sums, seed),
        }
    }
}

fn alternate_alleles(GenotypeSums { het, hom_alt, .. }: &GenotypeSums) -> Sum {
    let twice = Sum::noisy(hom_alt.value.saturating_mul(2), 4.0 * hom_alt.noise_variance);
    *het + twice
}

/// The alternate allele's frequency.
pub(super) fn frequency(sums: &GenotypeSums) -> Result<Estimate, Undefined> {
    let genotypes = Genotypes::of(sums)?;
    if !is_noisy(sums) {
        return wilson(genotypes.alternate(), genotypes.alleles());
    }
    let (value, noise) = estimate([sums], |[genotypes]| Ok(genotypes.frequency()))?;
    noisy(value, genotypes.alleles(), noise)
}

fn minor(frequency: Estimate) -> Estimate {
    let Estimate { value, standard_error, interval } = frequency;
    let (lo, hi) = if value > 0.5 { (1.0 - interval.hi, 1.0 - interval.lo) } else { (interval.lo, interval.hi) };
    let value = value.min(1.0 - value);
    // Where either allele may be the rarer one, the interval is that of both.
    let interval = Interval { lo: lo.min(1.0 - hi), hi: hi.min(0.5) };
    Estimate { value, standard_error, interval }
}

fn missingness(called: Sum, cohort: Sum) -> Result<Estimate, Undefined> {
    if !called.is_noisy() && !cohort.is_noisy() {
        return wilson(cohort.to_f64() - called.to_f64(), cohort.to_f64());
    }
    let missing = |values: &[f64]| match *values {
        [called, cohort] if cohort > 0.0 => Ok(1.0 - called / cohort),
        _ => Err(Undefined::Noise),
    };
    let sums = [called, cohort];
    noisy(missing(&sums.map(|sum| sum.to_f64()))?, cohort.to_f64(), variance(&sums, missing)?)
}

fn observed_heterozygosity(sums: &GenotypeSums) -> Result<Estimate, Undefined> {
    let genotypes = Genotypes::of(sums)?;
    if !is_noisy(sums) {
        return wilson(genotypes.het, genotypes.called);
    }
    let (value, noise) = estimate([sums], |[genotypes]| Ok(genotypes.het / genotypes.called))?;
    noisy(value, genotypes.called, noise)
}

/// Standard error by the delta method to the second order: `√(f′²σ² + f″²σ⁴/2)` with `f″ = −4`.
fn expected_heterozygosity(Estimate { value: p, standard_error, interval }: Estimate) -> Result<Estimate, Undefined> {
    let expected = |p: f64| 2.0 * p * (1.0 - p);
    let (lo, hi) = (expected(interval.lo), expected(interval.hi));
    let peak = if (interval.lo..=interval.hi).contains(&0.5) { 0.5 } else { lo.max(hi) };
    let (first, second) = (2.0 * (1.0 - 2.0 * p) * standard_error, 8.0_f64.sqrt() * standard_error.powi(2));
    Estimate::new(expected(p), first.hypot(second), (lo.min(hi), peak))
}
