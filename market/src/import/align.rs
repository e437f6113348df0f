//! A file's genotypes in the order of a schema's panel, as a record needs them.

use std::collections::HashMap;

use circuits::{
    record::Dosage,
    schema::{Variant, VariantPanel},
};
use serde::Serialize;

use super::{BUILD_UNKNOWN, ImportedPanel, SampleGenotypes};
use crate::Error;

/// How much of a panel a file covers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Alignment {
    /// Variants of the panel that the file has.
    pub variants_found: usize,
    /// Variants of the panel that the file lacks: missing for everybody.
    pub variants_absent: usize,
    /// Variants of the file that the panel lacks: not used.
    pub variants_unused: usize,
}

/// Puts everybody's dosages into the panel's order, matching chromosome (with or without `chr`), position, reference
/// and alternate exactly.
///
/// A variant that the file lacks is missing, not reference: a file that lists only differences does not say where it
/// looked.
///
/// # Errors
/// [`Error::InvalidInput`] when the builds are known and differ, or when no variant matches.
pub fn align_to_panel(
    file: &str,
    imported: &ImportedPanel,
    panel: &VariantPanel,
) -> Result<(Vec<SampleGenotypes>, Alignment), Error> {
    let refuse = |place: &str, why: String, remedy: &str| {
        Err(Error::InvalidInput { file: file.into(), place: place.into(), why, remedy: remedy.into() })
    };
    let (own, wanted) = (&imported.panel.build, &panel.build);
    if own != BUILD_UNKNOWN && wanted != BUILD_UNKNOWN && !own.eq_ignore_ascii_case(wanted) {
        let why = format!("the file is on {own}, the panel on {wanted}");
        return refuse(
            "header",
            why,
            "lift the file over to the panel's build, or name its build if the header is wrong",
        );
    }
    let places: HashMap<_, usize> =
        imported.panel.variants.iter().enumerate().map(|(index, variant)| (key(variant), index)).collect();
    let sources: Vec<Option<usize>> = panel.variants.iter().map(|variant| places.get(&key(variant)).copied()).collect();
    let variants_found = sources.iter().flatten().count();
    if variants_found == 0 {
        let why = format!("none of the panel's {} variants is in the file", panel.variants.len());
        return refuse("whole file", why, "choose a file that covers the panel, on the same build");
    }
    let dosage = |sample: &SampleGenotypes, source: &Option<usize>| {
        source.and_then(|index| sample.dosages.get(index).copied()).unwrap_or(Dosage::Missing)
    };
    let align = |sample: &SampleGenotypes| SampleGenotypes {
        name: sample.name.clone(),
        dosages: sources.iter().map(|source| dosage(sample, source)).collect(),
    };
    let alignment = Alignment {
        variants_found,
        variants_absent: sources.len().saturating_sub(variants_found),
        variants_unused: imported.panel.variants.len().saturating_sub(variants_found),
    };
    Ok((imported.samples.iter().map(align).collect(), alignment))
}

type Key<'a> = (&'a str, u32, &'a str, &'a str);

fn key(variant: &Variant) -> Key<'_> {
    let chrom = match variant.chrom.strip_prefix("chr").unwrap_or(&variant.chrom) {
        "M" => "MT",
        chrom => chrom,
    };
    (chrom, variant.pos, &variant.reference, &variant.alternate)
}
