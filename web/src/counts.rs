//! What the slots of a result mean: a count of people, or genotype counts and the allele frequency of each variant.

use circuits::{
    layout::{Layout, SLOTS_PER_VARIANT, Statistic},
    record::WINDOW_VARIANTS,
    schema::{Variant, VariantPanel},
};
use serde::Serialize;

/// The counts of one variant.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct VariantCounts {
    /// Chromosome.
    pub chrom: String,
    /// Position.
    pub pos: u64,
    /// Reference bases.
    pub reference: String,
    /// Alternate bases.
    pub alternate: String,
    /// Heterozygous people.
    pub het: i64,
    /// People homozygous for the alternate allele.
    pub hom_alt: i64,
    /// People with a call.
    pub called: i64,
    /// Frequency of the alternate allele; none without a call.
    pub allele_frequency: Option<f64>,
}

/// The counts of one part of a query.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum PartCounts {
    /// The sums as they are, cell by cell; a single one counts the people.
    Slots(Vec<i32>),
    /// For each variant measured its counts.
    Variants(Vec<VariantCounts>),
}

impl VariantCounts {
    /// The counts that three slots of the sum give for a variant.
    fn of_slots(variant: &Variant, slots: &[i32]) -> Self {
        let slot = |index: usize| slots.get(index).copied().map_or(0, i64::from);
        let (het, hom_alt, called) = (slot(0), slot(1), slot(2));
        #[allow(clippy::cast_precision_loss, reason = "counts of at most 65,536 people are exact in f64")]
        let allele_frequency = (called > 0).then(|| (het + 2 * hom_alt) as f64 / (2 * called) as f64);
        Self {
            chrom: variant.chrom.clone(),
            pos: variant.pos.into(),
            reference: variant.reference.clone(),
            alternate: variant.alternate.clone(),
            het,
            hom_alt,
            called,
            allele_frequency,
        }
    }

    /// The variant as a table names it, with long alleles cut short.
    #[must_use]
    pub fn name(&self) -> String {
        let shorten =
            |bases: &str| if bases.len() > 4 { format!("{}…", bases.get(..3).unwrap_or("?")) } else { bases.into() };
        format!("{}:{} {}>{}", self.chrom, self.pos, shorten(&self.reference), shorten(&self.alternate))
    }

    /// The allele frequency as a table shows it.
    #[must_use]
    pub fn frequency(&self) -> String {
        self.allele_frequency.map_or("-".into(), |value| format!("{value:.4}"))
    }
}

/// The counts of a query's parts, from the slots of each. Genotype parts need the panel; there are none without it.
#[must_use]
pub fn counts(panel: Option<&VariantPanel>, parts: &[Layout], slots: &[Vec<i32>]) -> Option<Vec<PartCounts>> {
    parts.iter().zip(slots).map(|(layout, slots)| part_counts(panel, layout, slots)).collect()
}

fn part_counts(panel: Option<&VariantPanel>, layout: &Layout, slots: &[i32]) -> Option<PartCounts> {
    let (Statistic::Genotypes { first, length }, []) = (&layout.statistic, layout.axes.as_slice()) else {
        return Some(PartCounts::Slots(slots.to_vec()));
    };
    let start = (layout.window as usize).checked_mul(WINDOW_VARIANTS)?.checked_add((*first).into())?;
    // The last block may reach past the panel.
    let variants = panel?.variants.get(start..)?.iter().take((*length).into());
    let rows = variants.zip(slots.chunks(SLOTS_PER_VARIANT.into()));
    Some(PartCounts::Variants(rows.map(|(variant, slots)| VariantCounts::of_slots(variant, slots)).collect()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn panel() -> VariantPanel {
        let variant = |pos| Variant { chrom: "22".into(), pos, reference: "ACGTAC".into(), alternate: "A".into() };
        VariantPanel { build: "GRCh37".into(), variants: (1..=2_000).map(variant).collect() }
    }

    #[test]
    fn slots_are_named_by_the_variants_of_their_window() {
        let parts = [Layout::count(), Layout::genotypes(1, 960, 32)];
        let mut sums = vec![0; 96];
        sums[..3].copy_from_slice(&[1, 2, 4]);
        let counted = counts(Some(&panel()), &parts, &[vec![5], sums]).unwrap();
        let [PartCounts::Slots(people), PartCounts::Variants(variants)] = counted.as_slice() else {
            panic!("{counted:?}")
        };
        assert_eq!((people.as_slice(), variants.len()), (&[5][..], 16), "the panel ends within the block");
        assert_eq!((variants[0].pos, variants[0].allele_frequency), (1_985, Some(0.625)));
        assert_eq!((variants[1].pos, variants[1].allele_frequency), (1_986, None));
        assert_eq!(variants[0].name(), "22:1985 ACG…>A");
    }

    #[test]
    fn genotypes_beyond_the_panel_or_without_one_have_no_names() {
        let beyond = [Layout::genotypes(2, 0, 32)];
        assert_eq!(counts(Some(&panel()), &beyond, &[vec![0; 96]]), None);
        let inside = [Layout::genotypes(0, 0, 32)];
        assert_eq!(counts(None, &inside, &[vec![0; 96]]), None);
    }
}
