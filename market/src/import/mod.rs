//! Import of genotypes from VCF and BCF, and of attributes from CSV and from clinical sources ([`clinical`]).
//!
//! Input is not trusted: everything is bounded ([`limits`]), checked before use, and either the whole file is imported
//! or an error says which line breaks which rule and what to do. What is sound but not countable (symbolic alleles,
//! breakends, …) is left out and listed in the [`ImportReport`].
//!
//! **Alleles.** A site with several alternate alleles becomes one variant to each. Its dosage is the number of copies
//! of that allele; the site's other alternates count as not this allele, and a call with any missing allele is
//! missing. Phase is not kept.
//!
//! **Haploid calls** (male X, Y, mitochondria) count as homozygous, as in PLINK: 0 or 2 copies. `called` counts people,
//! and (het + 2·hom-alt) / (2·called) is the mean over called people of the fraction of their own copies that are the
//! allele. That is the allele frequency where all people have the same ploidy; where haploid and diploid people mix,
//! it weighs each person, not each chromosome, equally. The report says how many dosages are haploid, so that an
//! analysis by chromosome can stratify by sex. Higher ploidy is declined.

mod align;
mod attributes;
mod bcf;
pub mod clinical;
mod fields;
mod genotype;
mod header;
pub mod limits;
mod lines;
mod meta;
mod panel;
mod refusal;
mod report;
mod reserved;
mod site;
mod source;
mod text;
mod typed;

#[cfg(test)]
mod tests;

use std::{fs::File, io::Read, path::Path};

pub use self::{
    align::{Alignment, align_to_panel},
    attributes::{AttributeRow, import_attributes},
    panel::{ImportedPanel, SampleGenotypes},
    report::{ImportReport, InputFormat, SkipReason, Skipped},
};
use self::{refusal::Refusal, source::Source};
use crate::Error;

/// The build of a panel whose file does not tell.
pub const BUILD_UNKNOWN: &str = "unknown";

/// What the caller knows and a file may not say.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ImportOptions {
    /// Reference genome, such as `GRCh37`; by default what the header tells, else [`BUILD_UNKNOWN`].
    pub build: Option<String>,
}

/// Imports a VCF or BCF file, bgzip-compressed or not, as its first bytes tell.
///
/// # Errors
/// As [`import_variants`].
pub fn import_file(path: &Path, options: &ImportOptions) -> Result<(ImportedPanel, ImportReport), Error> {
    let name = path.display().to_string();
    match File::open(path) {
        Ok(file) => import_variants(&name, file, options),
        Err(error) => Err(Refusal::Unreadable(error).at(&name, "opening")),
    }
}

/// Imports VCF or BCF bytes, bgzip-compressed or not, as they themselves tell; `file` names them in messages.
///
/// # Errors
/// [`Error::InvalidInput`] for a breach of the format, [`Error::UnsupportedInput`] for a sound file that needs what
/// Locus does not do, [`Error::UnreadableInput`] when reading or decompressing fails. Nothing is returned of a file
/// that is refused.
pub fn import_variants(
    file: &str,
    reader: impl Read,
    options: &ImportOptions,
) -> Result<(ImportedPanel, ImportReport), Error> {
    let source = source::open(reader).map_err(|refusal| refusal.at(file, "first bytes"))?;
    let mut place = 0;
    let (read, format) = match source {
        Source::Text(reader) => (text::read(reader, &mut place), InputFormat::Vcf),
        Source::Bcf(reader) => (bcf::read(reader, &mut place), InputFormat::Bcf),
    };
    let unit = if format == InputFormat::Vcf { "line" } else { "record" };
    let (header, panel) = read.map_err(|refusal| refusal.at(file, format_args!("{unit} {place}")))?;
    let build = options.build.clone().or(header.build).unwrap_or_else(|| BUILD_UNKNOWN.to_owned());
    panel.finish(file, format, build).map_err(|refusal| refusal.at(file, "whole file"))
}
