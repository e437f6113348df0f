//! Mean polygenic scores of groups.

use std::collections::{BTreeMap, BTreeSet};

use circuits::schema::Variant;
use serde::{Deserialize, Serialize};

use super::{
    Named, VariantCounts, VariantTable,
    counts::{Genotypes, estimate},
};
use crate::{
    Error,
    statistics::{
        Estimate, GenotypeSums, Stated, Sum, Undefined,
        estimate::{finite, normal_quantile},
    },
};

/// What a copy of an allele adds to a score, as weight files of the PGS Catalog give it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Weight {
    /// Chromosome, with or without `chr`.
    pub chrom: String,
    /// Position, 1-based.
    pub pos: u32,
    /// The allele whose copies count.
    pub effect_allele: String,
    /// The other one.
    pub other_allele: String,
    /// What each copy adds.
    pub weight: f64,
}

/// A weight whose variant was found.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct ScoredVariant {
    /// The variant in words.
    pub name: String,
    /// What each copy of the effect allele adds.
    pub weight: f64,
    /// Whether the effect allele is the reference, so that its copies are 2 less those of the alternate.
    pub swapped: bool,
    /// Whether the weight names the bases of the other strand.
    pub strand_flipped: bool,
    /// Whether the alleles are A and T or C and G: the strands cannot be told apart, and the names were taken as given.
    pub ambiguous: bool,
}

/// The mean score of a group.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct GroupScore {
    /// The group.
    pub group: String,
    /// People with a call of the variant that fewest have, of those that count.
    pub called: Sum,
    /// `Σ weight · mean copies`; its standard error takes the variants as independent (linkage equilibrium).
    pub mean: Stated<Estimate>,
}

/// Mean scores of groups, and which weights they are made of.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct PolygenicScore {
    /// Each group.
    pub groups: Vec<GroupScore>,
    /// What the standard errors take for granted.
    pub assumption: &'static str,
    /// The weights that count.
    pub used: Vec<ScoredVariant>,
    /// Weights without a variant at their position.
    pub missing: Vec<Weight>,
    /// Weights whose alleles are not the variant's, on either strand.
    pub mismatched: Vec<Weight>,
    /// Weights of a variant that another weight already has.
    pub repeated: Vec<Weight>,
    /// Weights whose variant lacks calls in one of the groups: left out in all, so that groups compare.
    pub unmeasured: Vec<Weight>,
}

impl VariantTable {
    /// Mean scores under a table of weights (Purcell et al., *Nature* 460, 2009; the mean of a sum is the sum of the
    /// means, whatever the linkage).
    ///
    /// # Errors
    /// [`Error::Statistics`] for a weight that is no number.
    pub fn score(&self, weights: &[Weight]) -> Result<PolygenicScore, Error> {
        if let Some(wrong) = weights.iter().find(|weight| !weight.weight.is_finite()) {
            let why = format!("the weight at {}:{} is no number", wrong.chrom, wrong.pos);
            return Err(Error::Statistics { what: "weights of a score", why });
        }
        let mut score = PolygenicScore {
            groups: vec![],
            assumption: "linkage equilibrium: standard errors take the variants as independent",
            used: vec![],
            missing: vec![],
            mismatched: vec![],
            repeated: vec![],
            unmeasured: vec![],
        };
        let counted = self.matched(weights, &mut score);
        let group = |(place, name): (usize, &String)| {
            let calls = counted.iter().filter_map(|(_, counts)| Some(counts.groups.get(place)?.called));
            let called = calls.min_by_key(|called| called.value).unwrap_or(Sum::exact(0));
            GroupScore { group: name.clone(), called, mean: mean(place, &counted).into() }
        };
        score.groups = self.groups.iter().enumerate().map(group).collect();
        Ok(score)
    }

    /// The variants that count, each with the signed weight of its alternate allele and what its reference adds.
    fn matched(&self, weights: &[Weight], score: &mut PolygenicScore) -> Vec<(Term, &VariantCounts)> {
        let mut sites: BTreeMap<(&str, u32), Vec<&VariantCounts>> = BTreeMap::new();
        for counts in &self.variants {
            sites.entry((plain(&counts.variant.chrom), counts.variant.pos)).or_default().push(counts);
        }
        let mut taken = BTreeSet::new();
        let mut counted = vec![];
        for weight in weights {
            let Some(site) = sites.get(&(plain(&weight.chrom), weight.pos)) else {
                score.missing.push(weight.clone());
                continue;
            };
            let Some((counts, found)) = site.iter().find_map(|counts| Some((*counts, align(weight, &counts.variant)?)))
            else {
                score.mismatched.push(weight.clone());
                continue;
            };
            if !taken.insert(counts.place) {
                score.repeated.push(weight.clone());
            } else if counts.groups.iter().any(|sums| Genotypes::of(sums).is_err()) {
                score.unmeasured.push(weight.clone());
            } else {
                counted.push((Term::of(&found), counts));
                score.used.push(found);
            }
        }
        counted
    }
}

/// What a variant adds to a mean score: `constant + slope · mean copies of the alternate allele`.
struct Term {
    constant: f64,
    slope: f64,
}

impl Term {
    fn of(variant: &ScoredVariant) -> Self {
        let weight = variant.weight;
        if variant.swapped {
            Self { constant: 2.0 * weight, slope: -weight }
        } else {
            Self { constant: 0.0, slope: weight }
        }
    }
}

fn mean(group: usize, counted: &[(Term, &VariantCounts)]) -> Result<Estimate, Undefined> {
    if counted.is_empty() {
        return Err(Undefined::AllMissing);
    }
    let (mut value, mut variance) = (0.0, 0.0);
    for (Term { constant, slope }, counts) in counted {
        let sums = counts.groups.get(group).ok_or(Undefined::AllMissing)?;
        let (mean, error) = mean_dosage(sums)?;
        value += constant + slope * mean;
        variance += slope * slope * error;
    }
    let half = normal_quantile() * variance.sqrt();
    Estimate::new(value, finite(variance)?.sqrt(), (value - half, value + half))
}

/// Mean copies and the variance of their mean, that of the noise included.
fn mean_dosage(sums: &GenotypeSums) -> Result<(f64, f64), Undefined> {
    let genotypes = Genotypes::of(sums)?;
    let (mean, noise) = estimate([sums], |[genotypes]| Ok(genotypes.mean_dosage()))?;
    if genotypes.called < 2.0 {
        return Err(Undefined::TooFew { found: 1, needed: 2 });
    }
    Ok((mean, genotypes.dosage_variance().max(0.0) / (genotypes.called - 1.0) + noise))
}

/// The chromosome without its prefix.
fn plain(chrom: &str) -> &str {
    chrom.strip_prefix("chr").unwrap_or(chrom)
}

/// How a weight's alleles are the variant's: as given first, then on the other strand.
fn align(weight: &Weight, variant: &Variant) -> Option<ScoredVariant> {
    let own = (variant.reference.to_ascii_uppercase(), variant.alternate.to_ascii_uppercase());
    let given = (weight.other_allele.to_ascii_uppercase(), weight.effect_allele.to_ascii_uppercase());
    let complement = complement(&given.0).zip(complement(&given.1));
    let swapped_of = |(other, effect): &(String, String)| {
        let same = (other, effect) == (&own.0, &own.1);
        let swapped = (other, effect) == (&own.1, &own.0);
        (same || swapped).then_some(swapped)
    };
    let flipped = || complement.as_ref().and_then(swapped_of).map(|swapped| (swapped, true));
    let (swapped, strand_flipped) = swapped_of(&given).map(|swapped| (swapped, false)).or_else(flipped)?;
    Some(ScoredVariant {
        name: Named(variant).to_string(),
        weight: weight.weight,
        swapped,
        strand_flipped,
        ambiguous: complement.is_some_and(|complement| complement == (given.1.clone(), given.0.clone())),
    })
}

/// The bases as the other strand reads them; none for symbolic alleles.
fn complement(bases: &str) -> Option<String> {
    let base = |base: char| match base {
        'A' => Some('T'),
        'T' => Some('A'),
        'C' => Some('G'),
        'G' => Some('C'),
        'N' => Some('N'),
        _ => None,
    };
    bases.chars().rev().map(base).collect()
}
