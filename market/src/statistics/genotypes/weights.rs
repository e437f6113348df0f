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
    #[serde(default)]
    is_haplotype: Option<String>,
    #[serde(default)]
    is_diplotype: Option<String>,
    #[serde(default)]
    weight_type: Option<String>,
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
        let said = |key| header(key).map(|(_, value)| value.trim().to_owned()).filter(|value| value != "NR");
        let (reported, harmonized) = (said("genome_build"), said("HmPOS_build"));
        // Reported positions are of another genome than those of a file that is harmonized to one.
        let only_harmonized = harmonized.is_some() && harmonized != reported;
        let (build, kind) = (harmonized.or(reported), said("weight_type"));
        let mut lines = csv::ReaderBuilder::new().delimiter(b'\t').comment(Some(b'#')).from_reader(text.as_bytes());
        let columns = lines.headers().map_err(|error| refused(error.to_string()))?.clone();
        let mut weights = vec![];
        for line in lines.records() {
            let line = line.map_err(|error| refused(error.to_string()))?;
            let number = line.position().map_or(0, csv::Position::line);
            let at = |why: &str| refused(format!("line {number}: {why}"));
            let line: Line = line.deserialize(Some(&columns)).map_err(|error| refused(error.to_string()))?;
            weights.push(line.weight(only_harmonized, kind.as_deref()).map_err(at)?);
        }
        Ok(Self { build, weights })
    }

    /// Refuses weights whose positions are of another genome than the panel's, or of nobody knows which: they would be other
    /// variants'.
    ///
    /// # Errors
    /// [`Error::Statistics`] then.
    pub fn check_build(&self, panel: &str) -> Result<(), Error> {
        let plain = |build: &str| build.to_ascii_lowercase().replace("hg19", "grch37").replace("hg38", "grch38");
        let why = match &self.build {
            _ if panel.is_empty() => return Ok(()),
            Some(build) if plain(build) == plain(panel) => return Ok(()),
            Some(build) => format!(
                "their positions are of {build}, and the panel's of {panel}; take the file that is harmonized to {panel}"
            ),
            None => format!(
                "their file does not say of which genome they are; where they are of the panel's, begin it with \
                 #genome_build={panel}"
            ),
        };
        Err(Error::Statistics { what: "weights of a score", why })
    }
}

impl Line {
    /// A line that could not be harmonized has no place, and so no variant of any panel. `header` is what kind of weights
    /// the file's header names.
    fn weight(self, only_harmonized: bool, header: Option<&str>) -> Result<Weight, &'static str> {
        let is_set = |value: &Option<String>| {
            value.as_ref().is_some_and(|value| !value.is_empty() && !value.eq_ignore_ascii_case("false"))
        };
        let flags =
            [&self.is_interaction, &self.is_dominant, &self.is_recessive, &self.is_haplotype, &self.is_diplotype];
        if flags.into_iter().any(is_set) {
            return Err(
                "its weight is of an interaction or a haplotype, or dominant or recessive; means of copies give \
                        none of these",
            );
        }
        let some = |text: Option<String>| text.filter(|text| !text.is_empty());
        let kind = some(self.weight_type.clone());
        let is_ratio = |kind: &str| ["OR", "HR"].iter().any(|ratio| kind.eq_ignore_ascii_case(ratio));
        if kind.as_deref().or(header).is_some_and(is_ratio) {
            return Err("its weight is a ratio, which does not add up over copies; take its logarithm");
        }
        let reported = some(self.chr_name).zip(self.chr_position).filter(|_| !only_harmonized);
        let place = some(self.hm_chr).zip(self.hm_pos).or(reported).or(only_harmonized.then(|| (String::new(), 0)));
        let (chrom, pos) = place.ok_or("it has no chromosome and position; take a harmonized file, which has both")?;
        let other_allele = some(self.other_allele).or(some(self.inferred_allele)).ok_or("it has no other allele")?;
        Ok(Weight { chrom, pos, effect_allele: self.effect_allele, other_allele, weight: self.effect_weight })
    }
}
