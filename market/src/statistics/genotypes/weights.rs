//! Files of weights, as the PGS Catalog gives them.

use std::io::Read;

use serde::Deserialize;

use super::Weight;
use crate::Error;

/// The longest file of weights.
pub const WEIGHT_FILE_BYTES_MAX: u64 = 1 << 28;

/// The weights of a polygenic score, and the genome that their positions are of.
#[derive(Debug, Clone, PartialEq)]
pub struct Weights {
    /// The reference genome that the file's header names, such as `GRCh37`; none where it names none.
    pub build: Option<String>,
    /// What each copy of each allele adds.
    pub weights: Vec<Weight>,
}

/// A line of a scoring file (PGS Catalog, *PGS Scoring File Format* 2.0). Harmonized positions go before those reported.
#[derive(Deserialize)]
struct Line {
    #[serde(default)]
    hm_chr: Option<String>,
    #[serde(default)]
    hm_pos: Option<u32>,
    #[serde(default)]
    chr_name: Option<String>,
    #[serde(default)]
    chr_position: Option<u32>,
    effect_allele: String,
    #[serde(default)]
    other_allele: Option<String>,
    #[serde(default, rename = "hm_inferOtherAllele")]
    inferred_allele: Option<String>,
    effect_weight: f64,
    #[serde(default)]
    is_interaction: Option<String>,
    #[serde(default)]
    is_dominant: Option<String>,
    #[serde(default)]
    is_recessive: Option<String>,
}

impl Weights {
    /// Reads a scoring file of the PGS Catalog: lines that begin with `#`, then columns apart by tabs, of which
    /// `effect_allele`, `other_allele`, `effect_weight` and either `chr_name` and `chr_position` or `hm_chr` and `hm_pos`
    /// are read. `name` says whose in errors.
    ///
    /// # Errors
    /// [`Error::Statistics`] for a file that is longer than [`WEIGHT_FILE_BYTES_MAX`], lacks a column, or has a line
    /// without position or other allele, or of a weight that does not add up over copies.
    pub fn read(name: &str, file: impl Read) -> Result<Self, Error> {
        let refused = |why: String| Error::Statistics { what: "weights of a score", why: format!("{name}: {why}") };
        let mut text = String::new();
        let read = file.take(WEIGHT_FILE_BYTES_MAX + 1).read_to_string(&mut text);
        read.map_err(|error| refused(error.to_string()))?;
        if text.len() as u64 > WEIGHT_FILE_BYTES_MAX {
            return Err(refused(format!("it is longer than {WEIGHT_FILE_BYTES_MAX} bytes")));
        }
        let header = |key: &str| {
            let lines = text.lines().take_while(|line| line.starts_with('#'));
            lines.filter_map(|line| line.split_once('=')).find(|(found, _)| found.trim_matches('#').trim() == key)
        };
        let build = header("HmPOS_build").or_else(|| header("genome_build")).map(|(_, build)| build.trim().to_owned());
        let mut lines = csv::ReaderBuilder::new().delimiter(b'\t').comment(Some(b'#')).from_reader(text.as_bytes());
        let columns = lines.headers().map_err(|error| refused(error.to_string()))?.clone();
        let mut weights = vec![];
        for line in lines.records() {
            let line = line.map_err(|error| refused(error.to_string()))?;
            let number = line.position().map_or(0, csv::Position::line);
            let at = |why: &str| refused(format!("line {number}: {why}"));
            let line: Line = line.deserialize(Some(&columns)).map_err(|error| refused(error.to_string()))?;
            weights.push(line.weight().map_err(at)?);
        }
        Ok(Self { build: build.filter(|build| build != "NR"), weights })
    }

    /// Refuses weights whose positions are of another genome than the panel's: they would be other variants'.
    ///
    /// # Errors
    /// [`Error::Statistics`] then.
    pub fn check_build(&self, panel: &str) -> Result<(), Error> {
        let plain = |build: &str| build.to_ascii_lowercase().replace("hg19", "grch37").replace("hg38", "grch38");
        match &self.build {
            Some(build) if !panel.is_empty() && plain(build) != plain(panel) => {
                let why = format!(
                    "their positions are of {build}, and the panel's of {panel}; take the file that is harmonized to {panel}"
                );
                Err(Error::Statistics { what: "weights of a score", why })
            }
            _ => Ok(()),
        }
    }
}

impl Line {
    fn weight(self) -> Result<Weight, &'static str> {
        let said = |value: &Option<String>| value.as_ref().is_some_and(|value| value.eq_ignore_ascii_case("true"));
        if [&self.is_interaction, &self.is_dominant, &self.is_recessive].into_iter().any(said) {
            return Err(
                "its weight is of an interaction, or dominant or recessive; means of copies give none of these",
            );
        }
        let some = |text: Option<String>| text.filter(|text| !text.is_empty());
        let place = some(self.hm_chr).zip(self.hm_pos).or(some(self.chr_name).zip(self.chr_position));
        let (chrom, pos) = place.ok_or("it has no chromosome and position; take a harmonized file, which has both")?;
        let other_allele = some(self.other_allele).or(some(self.inferred_allele)).ok_or("it has no other allele")?;
        Ok(Weight { chrom, pos, effect_allele: self.effect_allele, other_allele, weight: self.effect_weight })
    }
}
