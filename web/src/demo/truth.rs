//! The plaintext truth that a demo's result is compared with.
//!
//! Deliberately independent: it shares no code with the import, the circuits or noodles, reads VCF text with the
//! standard library (and flate2 for compression), and counts alleles by comparing text. It expects a sound file, and
//! trusts the import to have refused any other.
//!
//! The conventions are the protocol's: each alternate of bases is counted on its own, in file order; a call with any
//! missing allele is not called; a haploid call counts as homozygous. Left out are alternates without a sequence
//! (symbolic, `*`, breakends), those equal to the reference, records without GT, at position 0, or on `<contig>`.

use std::{
    collections::HashSet,
    fs::File,
    io::{self, BufRead, BufReader, Read as _},
    path::Path,
};

use serde::Serialize;

/// Counts at one variant, over the chosen people.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct VariantTruth {
    /// Chromosome as written.
    pub chrom: String,
    /// Position, 1-based.
    pub pos: u64,
    /// Reference bases, upper case.
    pub reference: String,
    /// Alternate bases, upper case.
    pub alternate: String,
    /// People with one copy of the alternate.
    pub het: u64,
    /// People with no other allele.
    pub hom_alt: u64,
    /// People without a missing allele.
    pub called: u64,
}

impl VariantTruth {
    /// `(het + 2·hom-alt) / (2·called)`, or none if nobody is called.
    #[must_use]
    #[allow(clippy::cast_precision_loss)] // counts of people are far below 2^52
    pub fn allele_frequency(&self) -> Option<f64> {
        (self.called > 0).then(|| (self.het + 2 * self.hom_alt) as f64 / (2 * self.called) as f64)
    }
}

/// How VCF text begins (VCF 4.3, section 1.1).
const VCF_BEGINS: &[u8] = b"##fileformat=VCF";

/// Whether a file is VCF text (plain, gzip or bgzip), which alone the truth is counted from.
///
/// # Errors
/// As the file system has them.
pub fn is_text(path: &Path) -> io::Result<bool> {
    let mut begins = Vec::new();
    text(path)?.take(VCF_BEGINS.len() as u64).read_to_end(&mut begins)?;
    Ok(begins == VCF_BEGINS)
}

fn text(path: &Path) -> io::Result<Box<dyn BufRead>> {
    let mut file = BufReader::new(File::open(path)?);
    if file.fill_buf()?.starts_with(&[0x1f, 0x8b]) {
        return Ok(Box::new(BufReader::new(flate2::bufread::MultiGzDecoder::new(file))));
    }
    Ok(Box::new(file))
}

/// Counts every variant of a VCF file (plain, gzip or bgzip) over these people.
///
/// # Errors
/// [`io::ErrorKind::InvalidData`] that names the line, for a file that is not VCF text, a person it lacks, or a
/// genotype that cannot be read.
pub fn count_file(path: &Path, people: &[String]) -> io::Result<Vec<VariantTruth>> {
    count(text(path)?, people)
}

/// Counts every variant of VCF text over these people.
///
/// # Errors
/// As [`count_file`].
pub fn count(reader: impl BufRead, people: &[String]) -> io::Result<Vec<VariantTruth>> {
    let mut chosen: Option<Vec<usize>> = None;
    let mut truth = Vec::new();
    for (number, line) in (1..).zip(reader.lines()) {
        let line = line?;
        if line.starts_with("##") || line.trim().is_empty() {
            continue;
        }
        let columns: Vec<&str> = line.trim_end_matches('\r').split('\t').collect();
        match &chosen {
            None => chosen = Some(find_people(&columns, people, number)?),
            Some(chosen) => count_record(&columns, chosen, number, &mut truth)?,
        }
    }
    if chosen.is_none() {
        return Err(wrong(0, "there is no #CHROM line; give VCF text, plain or gzip-compressed"));
    }
    Ok(truth)
}

fn wrong(line: u64, why: &str) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, format!("truth, line {line}: {why}"))
}

fn find_people(columns: &[&str], people: &[String], line: u64) -> io::Result<Vec<usize>> {
    if columns.first() != Some(&"#CHROM") {
        return Err(wrong(line, "records come before #CHROM; give VCF text, plain or gzip-compressed"));
    }
    let distinct: HashSet<&String> = people.iter().collect();
    if distinct.len() != people.len() {
        return Err(wrong(line, "a person is chosen twice"));
    }
    let samples = columns.get(9..).unwrap_or_default();
    let column = |name: &String| samples.iter().position(|sample| sample == name).map(|index| index + 9);
    let found: Option<Vec<usize>> = people.iter().map(column).collect();
    found.ok_or_else(|| wrong(line, "a chosen person has no column"))
}

fn count_record(columns: &[&str], chosen: &[usize], line: u64, truth: &mut Vec<VariantTruth>) -> io::Result<()> {
    let column = |index: usize| columns.get(index).copied().ok_or_else(|| wrong(line, "a column is missing"));
    let (chrom, pos, reference) = (column(0)?, column(1)?, column(3)?.to_uppercase());
    let pos: u64 = pos.parse().map_err(|_| wrong(line, "POS is not a number"))?;
    if pos == 0 || chrom.starts_with('<') || column(8)?.split(':').next() != Some("GT") {
        return Ok(());
    }
    let genotypes = chosen
        .iter()
        .map(|index| Ok(column(*index)?.split(':').next().unwrap_or(".")))
        .collect::<io::Result<Vec<_>>>()?;
    for (number, alternate) in (1..).zip(column(4)?.split(',')) {
        let alternate = alternate.to_uppercase();
        if alternate == reference || !alternate.chars().all(|base| "ACGTN".contains(base)) {
            continue;
        }
        let allele = number.to_string();
        let (mut het, mut hom_alt, mut called) = (0, 0, 0);
        for genotype in &genotypes {
            let alleles: Vec<&str> = genotype.split(['/', '|']).collect();
            if alleles.contains(&".") {
                continue;
            }
            called += 1;
            match alleles.iter().filter(|other| ***other == *allele).count() {
                0 => {}
                copies if copies == alleles.len() => hom_alt += 1,
                1 if alleles.len() == 2 => het += 1,
                _ => return Err(wrong(line, "a genotype has more than two alleles")),
            }
        }
        let (chrom, reference) = (chrom.to_owned(), reference.clone());
        truth.push(VariantTruth { chrom, pos, reference, alternate, het, hom_alt, called });
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    const SMALL: &str = "##fileformat=VCFv4.2\n\
        #CHROM\tPOS\tID\tREF\tALT\tQUAL\tFILTER\tINFO\tFORMAT\tann\tbob\teve\tjoe\n\
        1\t10\t.\ta\tC\t.\t.\t.\tGT:DP\t0/0:1\t0|1:2\t1/1:3\t./.\n\
        1\t11\t.\tA\tG,T,*,<DEL>\t.\t.\t.\tGT\t1/2\t2|2\t0/1\t./1\n\
        1\t12\t.\tA\t.\t.\t.\t.\tGT\t0/0\t0/0\t0/0\t0/0\n\
        1\t13\t.\tA\tC\t.\t.\t.\tDP\t1\t1\t1\t1\n\
        X\t14\t.\tAT\tA\t.\t.\t.\tGT\t0\t1\t0/1\t.\n";

    fn names(names: &[&str]) -> Vec<String> {
        names.iter().map(|name| (*name).to_owned()).collect()
    }

    fn counts(people: &[&str]) -> Vec<(u64, String, [u64; 3])> {
        let truth = count(SMALL.as_bytes(), &names(people)).unwrap();
        truth
            .into_iter()
            .map(|v| (v.pos, format!("{}>{}", v.reference, v.alternate), [v.het, v.hom_alt, v.called]))
            .collect()
    }

    #[test]
    fn counts_are_those_found_by_hand() {
        let expected =
            [(10, "A>C", [1, 1, 3]), (11, "A>G", [2, 0, 3]), (11, "A>T", [1, 1, 3]), (14, "AT>A", [1, 1, 3])];
        let expected: Vec<_> = expected.map(|(pos, change, counts)| (pos, change.to_owned(), counts)).into();
        assert_eq!(counts(&["ann", "bob", "eve", "joe"]), expected);
        assert_eq!(counts(&["joe", "eve"])[1], (11, "A>G".to_owned(), [1, 0, 1]));
    }

    #[test]
    fn the_frequency_is_that_found_by_hand() {
        let truth = count(SMALL.as_bytes(), &names(&["ann", "bob", "eve", "joe"])).unwrap();
        assert_eq!(truth[0].allele_frequency(), Some(0.5));
        assert_eq!(truth[1].allele_frequency(), Some(2.0 / 6.0));
        assert_eq!(count(SMALL.as_bytes(), &names(&["joe"])).unwrap()[0].allele_frequency(), None);
    }

    #[test]
    fn absent_and_repeated_people_are_refused() {
        assert!(count(SMALL.as_bytes(), &names(&["zoe"])).is_err());
        assert!(count(SMALL.as_bytes(), &names(&["ann", "ann"])).is_err());
        assert!(count(&b"BCF\x02\x02"[..], &names(&["ann"])).is_err());
    }
}
