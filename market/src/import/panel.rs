//! Variants and dosages as they accumulate.

use std::collections::{BTreeSet, HashSet};

use circuits::{
    record::Dosage,
    schema::{Variant, VariantPanel},
};
use zeroize::{Zeroize, ZeroizeOnDrop};

use super::{
    genotype::Call,
    limits::{DOSAGES_MAX, SITES_MAX, VARIANTS_MAX},
    refusal::{Checked, invalid, unsupported},
    report::{ImportReport, InputFormat, SkipReason, Skips},
    site::{Alternate, Site},
};

/// One person's dosages, one byte each, in the order of the panel; erased when dropped.
#[derive(Clone, PartialEq, Eq, Zeroize, ZeroizeOnDrop)]
pub struct SampleGenotypes {
    /// The sample's name in the file.
    #[zeroize(skip)]
    pub name: String,
    /// One dosage to each variant.
    pub dosages: Vec<Dosage>,
}

impl std::fmt::Debug for SampleGenotypes {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("SampleGenotypes").field("dosages", &"redacted").finish_non_exhaustive()
    }
}

/// A file's variants and every person's dosages.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ImportedPanel {
    /// One variant to each used alternate allele, in file order.
    pub panel: VariantPanel,
    /// The people, in column order.
    pub samples: Vec<SampleGenotypes>,
}

/// Builds the panel record by record.
pub(super) struct PanelBuilder {
    samples: Vec<SampleGenotypes>,
    variants: Vec<Variant>,
    chrom: Option<String>,
    pos: u32,
    chroms_left: HashSet<String>,
    /// Trimmed variants at or after the current position of the current chromosome.
    near: BTreeSet<(u32, String, String)>,
    skips: Skips,
    sites_read: u64,
    sites_used: u64,
    sites_multiallelic: u64,
    dosages_missing: u64,
    dosages_haploid: u64,
}

impl PanelBuilder {
    pub(super) fn new(samples: &[String]) -> Self {
        let sample = |name: &String| SampleGenotypes { name: name.clone(), dosages: Vec::new() };
        Self {
            samples: samples.iter().map(sample).collect(),
            variants: Vec::new(),
            chrom: None,
            pos: 0,
            chroms_left: HashSet::new(),
            near: BTreeSet::new(),
            skips: Skips::default(),
            sites_read: 0,
            sites_used: 0,
            sites_multiallelic: 0,
            dosages_missing: 0,
            dosages_haploid: 0,
        }
    }

    /// Adds a checked site; `calls` has one entry to each sample, or is none without GT.
    pub(super) fn push(&mut self, site: &Site<'_>, calls: Option<&[Call]>, place: u64) -> Checked<()> {
        self.sites_read = self.sites_read.saturating_add(1);
        if self.sites_read > SITES_MAX {
            return unsupported(format!("a file of more than {SITES_MAX} records"), "split it by chromosome");
        }
        let assembly = site.chrom.starts_with('<');
        if !assembly {
            self.advance(site)?;
        }
        let whole = match calls {
            _ if assembly => Some(SkipReason::AssemblyContig),
            None => Some(SkipReason::NoGenotype),
            Some(_) if site.pos == 0 => Some(SkipReason::Telomere),
            Some(_) if site.alternates.is_empty() => Some(SkipReason::NoAlternate),
            Some(_) => None,
        };
        if let Some(reason) = whole {
            self.skips.note(reason, place);
            return Ok(());
        }
        let before = self.variants.len();
        for (number, alternate) in (1u16..).zip(&site.alternates) {
            match alternate {
                Alternate::Skipped(reason) => self.skips.note(*reason, place),
                Alternate::Bases(bases) => self.push_variant(site, number, bases, calls.unwrap_or_default())?,
            }
        }
        if self.variants.len() > before {
            self.sites_used = self.sites_used.saturating_add(1);
            self.sites_multiallelic = self.sites_multiallelic.saturating_add(u64::from(site.alternates.len() > 1));
        }
        Ok(())
    }

    /// Records are grouped by chromosome and sorted by position within it.
    fn advance(&mut self, site: &Site<'_>) -> Checked<()> {
        const SORT: &str = "sort the file with `bcftools sort`";
        if self.chrom.as_deref() != Some(site.chrom) {
            if self.chroms_left.contains(site.chrom) {
                return invalid(format!("chromosome {} appears again after another", site.chrom), SORT);
            }
            self.chroms_left.extend(self.chrom.replace(site.chrom.to_owned()));
            self.near.clear();
        } else if site.pos < self.pos {
            return invalid(format!("position {} comes after {}", site.pos, self.pos), SORT);
        }
        self.pos = site.pos;
        // Trimming moves a variant to the right only, so nothing to the left can be repeated any more.
        self.near = self.near.split_off(&(site.pos, String::new(), String::new()));
        Ok(())
    }

    fn push_variant(&mut self, site: &Site<'_>, number: u16, alternate: &str, calls: &[Call]) -> Checked<()> {
        let (reference, alternate) = (site.reference.to_ascii_uppercase(), alternate.to_ascii_uppercase());
        if !self.near.insert(trimmed(site.pos, &reference, &alternate)) {
            let why = format!("the variant {}:{} {reference}>{alternate} appears twice", site.chrom, site.pos);
            return invalid(why, "merge or drop the repetition, for instance with `bcftools norm -d all`");
        }
        if self.variants.len() >= VARIANTS_MAX || self.variants.len().saturating_mul(self.samples.len()) >= DOSAGES_MAX
        {
            let feature = format!("a file of more than {VARIANTS_MAX} variants or {DOSAGES_MAX} genotypes");
            return unsupported(feature, "split it by region");
        }
        let (mut missing, mut haploid) = (0, 0);
        for (sample, call) in self.samples.iter_mut().zip(calls) {
            let dosage = dosage(*call, number);
            missing += u64::from(dosage == Dosage::Missing);
            haploid += u64::from(matches!(call, Call::Haploid(_)));
            sample.dosages.push(dosage);
        }
        self.dosages_missing = self.dosages_missing.saturating_add(missing);
        self.dosages_haploid = self.dosages_haploid.saturating_add(haploid);
        self.variants.push(Variant { chrom: site.chrom.to_owned(), pos: site.pos, reference, alternate });
        Ok(())
    }

    /// The panel, unless nothing of the file can be used.
    pub(super) fn finish(
        self,
        file: &str,
        format: InputFormat,
        build: String,
    ) -> Checked<(ImportedPanel, ImportReport)> {
        let report = ImportReport {
            file: file.to_owned(),
            format,
            sites_read: self.sites_read,
            sites_used: self.sites_used,
            sites_multiallelic: self.sites_multiallelic,
            variants: self.variants.len() as u64,
            dosages_missing: self.dosages_missing,
            dosages_haploid: self.dosages_haploid,
            skipped: self.skips.list(),
        };
        if self.variants.is_empty() {
            let reasons: Vec<String> = report.skipped.iter().map(|skip| skip.reason.to_string()).collect();
            let feature = match reasons.is_empty() {
                true => "a file without records".to_owned(),
                false => format!("a file with nothing but {}", reasons.join(", ")),
            };
            return unsupported(feature, "choose a file with called SNVs or short insertions and deletions");
        }
        Ok((ImportedPanel { panel: VariantPanel { build, variants: self.variants }, samples: self.samples }, report))
    }
}

/// Copies of one alternate allele. A haploid call counts as two copies or none, as PLINK does: see the module's
/// documentation.
fn dosage(call: Call, number: u16) -> Dosage {
    match call {
        Call::Missing => Dosage::Missing,
        Call::Haploid(allele) if allele == number => Dosage::HomAlt,
        Call::Haploid(_) => Dosage::HomRef,
        Call::Diploid(first, second) => match u8::from(first == number) + u8::from(second == number) {
            0 => Dosage::HomRef,
            1 => Dosage::Het,
            _ => Dosage::HomAlt,
        },
    }
}

/// The variant without the bases its alleles share, so that two spellings of one change are equal.
fn trimmed(pos: u32, reference: &str, alternate: &str) -> (u32, String, String) {
    let (mut reference, mut alternate, mut pos) = (reference.as_bytes(), alternate.as_bytes(), pos);
    while let ([first @ .., last], [other_first @ .., other_last]) = (reference, alternate) {
        if first.is_empty() || other_first.is_empty() || last != other_last {
            break;
        }
        (reference, alternate) = (first, other_first);
    }
    while let ([first, rest @ ..], [other_first, other_rest @ ..]) = (reference, alternate) {
        if rest.is_empty() || other_rest.is_empty() || first != other_first {
            break;
        }
        (reference, alternate, pos) = (rest, other_rest, pos.saturating_add(1));
    }
    (pos, String::from_utf8_lossy(reference).into_owned(), String::from_utf8_lossy(alternate).into_owned())
}
