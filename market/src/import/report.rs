//! What an import used, what it left out and why.

use std::{collections::BTreeMap, fmt};

use serde::Serialize;

/// Why a site, or one of its alternate alleles, is not in the panel.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum SkipReason {
    /// ALT is `.`: nobody differs from the reference.
    NoAlternate,
    /// A symbolic allele such as `<DEL>` or `<NON_REF>`, which has no sequence.
    Symbolic,
    /// `*`: the allele is missing because of a deletion upstream.
    SpanningDeletion,
    /// A breakend of a rearrangement.
    Breakend,
    /// The alternate is the reference.
    SameAsReference,
    /// An allele longer than 65,536 bases.
    LongAllele,
    /// The record has no GT.
    NoGenotype,
    /// Position 0, before the first base.
    Telomere,
    /// CHROM is `<name>`: a contig of an assembly file, without coordinates in the build.
    AssemblyContig,
}

impl fmt::Display for SkipReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::NoAlternate => "sites without an alternate allele (ALT is .)",
            Self::Symbolic => "symbolic alleles (ALT in <>)",
            Self::SpanningDeletion => "spanning deletions (ALT *)",
            Self::Breakend => "breakends",
            Self::SameAsReference => "alternate alleles equal to the reference",
            Self::LongAllele => "alleles longer than 65,536 bases",
            Self::NoGenotype => "records without GT",
            Self::AssemblyContig => "records on contigs of an assembly file (CHROM in <>)",
            Self::Telomere => "telomeric positions (POS 0)",
        })
    }
}

/// How the input was written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum InputFormat {
    /// VCF text.
    Vcf,
    /// Binary VCF.
    Bcf,
}

/// Sites or alleles left out for one reason.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Skipped {
    /// The reason.
    pub reason: SkipReason,
    /// How many alleles, or sites without any.
    pub count: u64,
    /// The first line (VCF) or record (BCF), from 1.
    pub first: u64,
}

/// What an import did.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ImportReport {
    /// The file as the caller names it.
    pub file: String,
    /// How it was written.
    pub format: InputFormat,
    /// Records read.
    pub sites_read: u64,
    /// Records with at least one used allele.
    pub sites_used: u64,
    /// Used records with several alternate alleles, each of which became a variant.
    pub sites_multiallelic: u64,
    /// Variants of the panel: one to each used alternate allele.
    pub variants: u64,
    /// Dosages that are missing.
    pub dosages_missing: u64,
    /// Dosages from haploid calls, counted as homozygous.
    pub dosages_haploid: u64,
    /// What was left out, by reason.
    pub skipped: Vec<Skipped>,
}

impl ImportReport {
    /// One line to each fact, for people.
    #[must_use]
    pub fn lines(&self) -> Vec<String> {
        let place = if self.format == InputFormat::Vcf { "line" } else { "record" };
        let mut lines = vec![format!(
            "{}: {} variants from {} of {} records ({} multi-allelic); {} dosages missing, {} haploid",
            self.file,
            self.variants,
            self.sites_used,
            self.sites_read,
            self.sites_multiallelic,
            self.dosages_missing,
            self.dosages_haploid
        )];
        let skipped =
            |skip: &Skipped| format!("skipped {} {}, first at {place} {}", skip.count, skip.reason, skip.first);
        lines.extend(self.skipped.iter().map(skipped));
        lines
    }
}

/// Counts skips as they happen.
#[derive(Default)]
pub(super) struct Skips(BTreeMap<SkipReason, (u64, u64)>);

impl Skips {
    /// Notes one.
    pub(super) fn note(&mut self, reason: SkipReason, place: u64) {
        let entry = self.0.entry(reason).or_insert((0, place));
        entry.0 = entry.0.saturating_add(1);
    }

    /// All, by reason.
    pub(super) fn list(&self) -> Vec<Skipped> {
        let skipped = |(reason, (count, first)): (&SkipReason, &(u64, u64))| Skipped {
            reason: *reason,
            count: *count,
            first: *first,
        };
        self.0.iter().map(skipped).collect()
    }
}
