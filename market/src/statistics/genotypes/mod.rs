//! Variants: allele frequencies, Hardy–Weinberg equilibrium, case-control association and polygenic scores.
//!
//! For each variant and group the sums hold heterozygous, homozygous alternate and called people. What needs each
//! person's genotypes (covariates, relatedness, linkage between variants) cannot be had from them.

mod association;
mod counts;
mod hardy_weinberg;
mod null;
mod scan;
mod score;
mod summary;
#[cfg(test)]
mod tests;
mod weights;

use std::{collections::BTreeSet, fmt};

use circuits::{
    record::WINDOW_VARIANTS,
    schema::{Variant, VariantPanel},
};
use serde::Serialize;

pub use self::{
    association::VariantAssociation,
    hardy_weinberg::{HardyWeinberg, PEOPLE_MAX},
    scan::{ManhattanPoint, QuantilePoint, Scan},
    score::{GroupScore, PolygenicScore, ScoredVariant, Weight},
    summary::VariantSummary,
    weights::{WEIGHT_FILE_BYTES_MAX, Weights},
};
use super::{Cells, GenotypeSums, Sum};
use crate::Error;

/// One variant's genotypes in each group.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct VariantCounts {
    /// Its place in the panel.
    pub place: usize,
    /// The variant.
    pub variant: Variant,
    /// Its sums in each group of the table.
    pub groups: Vec<GenotypeSums>,
}

/// The genotypes of several variants in several groups, of one part or of several that were joined.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct VariantTable {
    groups: Vec<String>,
    variants: Vec<VariantCounts>,
}

impl VariantTable {
    /// A part's sums with the names of its variants: those of the panel from variant `first` of the window. Slots past
    /// the panel's end hold nothing and are left out.
    ///
    /// # Errors
    /// [`Error::Statistics`] when the panel has no such variant or the cells hold different numbers of variants.
    pub fn of_part(
        panel: &VariantPanel,
        window: u32,
        first: u16,
        cells: &Cells<Vec<GenotypeSums>>,
    ) -> Result<Self, Error> {
        let refuse = |why: String| Err(Error::Statistics { what: "genotypes", why });
        let start = window as usize * WINDOW_VARIANTS + usize::from(first);
        let length = cells.values.first().map_or(0, Vec::len);
        if cells.values.iter().any(|cell| cell.len() != length) || length == 0 {
            return refuse("every cell needs the same variants, and at least one".into());
        }
        let named: Vec<&Variant> = panel.variants.iter().skip(start).take(length).collect();
        if named.is_empty() {
            return refuse(format!("the panel ends before variant {first} of window {window}"));
        }
        let counts = |(offset, variant): (usize, &&Variant)| VariantCounts {
            place: start + offset,
            variant: (*variant).clone(),
            groups: cells.values.iter().filter_map(|cell| cell.get(offset).copied()).collect(),
        };
        let groups = (0..cells.values.len()).map(|cell| group_name(cells, cell)).collect();
        Ok(Self { groups, variants: named.iter().enumerate().map(counts).collect() })
    }

    /// Several parts of the same groups, their variants in the panel's order.
    ///
    /// # Errors
    /// [`Error::Statistics`] when there is no part, the groups differ, or a variant is in two parts.
    pub fn join(parts: Vec<Self>) -> Result<Self, Error> {
        let refuse = |why: String| Err(Error::Statistics { what: "parts of genotypes", why });
        let mut parts = parts.into_iter();
        let Some(mut joined) = parts.next() else { return refuse("there are none".into()) };
        for part in parts {
            if part.groups != joined.groups {
                return refuse(format!("their groups differ: {:?} and {:?}", joined.groups, part.groups));
            }
            joined.variants.extend(part.variants);
        }
        joined.variants.sort_by_key(|variant| variant.place);
        let mut places = BTreeSet::new();
        match joined.variants.iter().find(|variant| !places.insert(variant.place)) {
            Some(twice) => refuse(format!("{} is in two of them", Named(&twice.variant))),
            None => Ok(joined),
        }
    }

    /// The same variants with all groups taken together.
    #[must_use]
    pub fn pooled(&self) -> Self {
        let variants = self.variants.iter().map(|counts| {
            let total = |f: fn(&GenotypeSums) -> Sum| counts.groups.iter().map(f).sum();
            let everyone =
                GenotypeSums { het: total(|s| s.het), hom_alt: total(|s| s.hom_alt), called: total(|s| s.called) };
            VariantCounts { groups: vec![everyone], ..counts.clone() }
        });
        Self { groups: vec![EVERYONE.into()], variants: variants.collect() }
    }

    /// The groups' names.
    #[must_use]
    pub fn groups(&self) -> &[String] {
        &self.groups
    }

    /// The variants, in the panel's order.
    #[must_use]
    pub fn variants(&self) -> &[VariantCounts] {
        &self.variants
    }

    fn group(&self, group: usize) -> String {
        self.groups.get(group).cloned().unwrap_or_else(|| format!("group {group}"))
    }
}

/// The group of a table without axes.
const EVERYONE: &str = "everyone";

fn group_name(cells: &Cells<Vec<GenotypeSums>>, cell: usize) -> String {
    let name = cells.name(cell);
    if name.is_empty() { EVERYONE.into() } else { name }
}

/// A variant in words: `22:16050612 C>G`.
pub(in crate::statistics) struct Named<'v>(pub(in crate::statistics) &'v Variant);

impl fmt::Display for Named<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Variant { chrom, pos, reference, alternate } = self.0;
        write!(f, "{chrom}:{pos} {reference}>{alternate}")
    }
}
