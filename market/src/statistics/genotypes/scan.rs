//! Many variants in cases and controls: correction, inflation, and what its plots show.

use rayon::prelude::*;
use serde::Serialize;

use super::{VariantAssociation, VariantCounts, VariantTable};
use crate::statistics::{
    Interval, Stated, Test, Undefined,
    distribution::{beta_quantile, chi_squared_quantile},
    estimate::{LEVEL, finite},
    multiple::{benjamini_hochberg, bonferroni},
};

/// The least p-value that is drawn: smaller ones leave the range of numbers.
const P_VALUE_MIN: f64 = f64::MIN_POSITIVE;

/// Quantiles that lie nearer to each other than this are drawn as one.
const QUANTILE_STEP: f64 = 0.002;

/// Quantiles that are all drawn, from the least p-value.
const QUANTILES_DRAWN: usize = 1_000;

/// Every variant of a table in cases and controls.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Scan {
    /// The cases' group.
    pub cases: String,
    /// The controls' group.
    pub controls: String,
    /// Each variant.
    pub variants: Vec<VariantAssociation>,
    /// Variants whose trend could be tested.
    pub tested: u64,
    /// Genomic inflation: the trends' median χ² over that of 1 degree of freedom (Devlin and Roeder, *Biometrics* 55,
    /// 1999).
    pub inflation: Stated<f64>,
}

/// A variant of a Manhattan plot.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct ManhattanPoint {
    /// The chromosome.
    pub chrom: String,
    /// The position.
    pub pos: u32,
    /// The variant in words.
    pub name: String,
    /// `−log₁₀ p` of the trend, at most 307.65.
    pub minus_log10_p: f64,
}

/// A quantile of a Q-Q plot, in `−log₁₀ p`.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct QuantilePoint {
    /// Of uniform p-values: `i/(m + 1)`, the mean of the `i`-th least.
    pub expected: f64,
    /// Of the trends.
    pub observed: f64,
    /// Where the `i`-th least of independent uniform p-values lies (David and Nagaraja, *Order Statistics*, 3rd
    /// edition, 2.3: it is Beta distributed).
    pub band: Interval,
}

impl VariantTable {
    /// Compares two groups, variant by variant, several at once. The seed makes simulated p-values the same each time.
    #[must_use]
    pub fn scan(&self, cases: usize, controls: usize, seed: [u8; 32]) -> Scan {
        let associate = |counts: &VariantCounts| {
            let groups = [counts.groups.get(cases)?, counts.groups.get(controls)?];
            Some(VariantAssociation::of(counts.place, &counts.variant, groups, seed))
        };
        let mut variants: Vec<VariantAssociation> = self.variants.par_iter().filter_map(associate).collect();
        correct(&mut variants);
        let statistics: Vec<f64> = variants.iter().filter_map(|variant| trend(variant)?.statistic).collect();
        Scan {
            cases: self.group(cases),
            controls: self.group(controls),
            tested: statistics.len() as u64,
            inflation: inflation(statistics).into(),
            variants,
        }
    }
}

fn trend(variant: &VariantAssociation) -> Option<&Test> {
    variant.trend_test.value()
}

fn p_value(variant: &VariantAssociation) -> Option<f64> {
    trend(variant).map(|test| test.p_value)
}

/// Corrects the p-values of the variants that were tested.
fn correct(variants: &mut [VariantAssociation]) {
    let p_values: Vec<f64> = variants.iter().filter_map(p_value).collect();
    let corrected = bonferroni(&p_values).into_iter().zip(benjamini_hochberg(&p_values));
    let tested = variants.iter_mut().filter(|variant| trend(variant).is_some());
    for (variant, (bonferroni, benjamini_hochberg)) in tested.zip(corrected) {
        variant.bonferroni = Stated::Value(bonferroni);
        variant.benjamini_hochberg = Stated::Value(benjamini_hochberg);
    }
}

fn inflation(mut statistics: Vec<f64>) -> Result<f64, Undefined> {
    statistics.sort_by(f64::total_cmp);
    let middle = statistics.len() / 2;
    let at = |place: usize| statistics.get(place).copied().ok_or(Undefined::NoneTested);
    let upper = at(middle)?;
    let median = if statistics.len().is_multiple_of(2) { f64::midpoint(at(middle - 1)?, upper) } else { upper };
    finite(median / chi_squared_quantile(0.5, 1.0)?)
}

impl Scan {
    /// Each variant tested, in the panel's order.
    #[must_use]
    pub fn manhattan(&self) -> Vec<ManhattanPoint> {
        let point = |variant: &VariantAssociation| {
            Some(ManhattanPoint {
                chrom: variant.variant.chrom.clone(),
                pos: variant.variant.pos,
                name: variant.name.clone(),
                minus_log10_p: minus_log10(p_value(variant)?),
            })
        };
        self.variants.iter().filter_map(point).collect()
    }

    /// Observed against expected p-values, from the least. After the first 1,000, quantiles that would fall on one
    /// another are left out.
    ///
    /// # Errors
    /// [`Undefined::NoneTested`] when no variant was tested.
    pub fn quantiles(&self) -> Result<Vec<QuantilePoint>, Undefined> {
        let mut p_values: Vec<f64> = self.variants.iter().filter_map(p_value).collect();
        if p_values.is_empty() {
            return Err(Undefined::NoneTested);
        }
        p_values.sort_by(f64::total_cmp);
        let count = p_values.len() as f64;
        let mut drawn = f64::INFINITY;
        let mut points = vec![];
        for (place, p_value) in p_values.into_iter().enumerate() {
            let rank = place as f64 + 1.0;
            let expected = minus_log10(rank / (count + 1.0));
            if place < QUANTILES_DRAWN || drawn - expected >= QUANTILE_STEP {
                let bound = |probability: f64| beta_quantile(probability, rank, count + 1.0 - rank).map(minus_log10);
                let tail = (1.0 - LEVEL) / 2.0;
                let band = Interval { lo: bound(1.0 - tail)?, hi: bound(tail)? };
                points.push(QuantilePoint { expected, observed: minus_log10(p_value), band });
                drawn = expected;
            }
        }
        Ok(points)
    }
}

fn minus_log10(p_value: f64) -> f64 {
    // Not −0 for a p-value of 1.
    0.0 - p_value.max(P_VALUE_MIN).log10()
}
