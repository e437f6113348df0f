//! Import against published test suites, real genomes and hand-written files.

mod align;
mod attributes;
mod binary;
mod corpus;
mod fuzz;
mod records;

use super::*;

/// The repository's test data.
fn data(path: &str) -> std::path::PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../tests/data").join(path)
}

/// Data that lies beside the repository because its licence forbids a copy; none, with a note, where it is absent.
fn shared(path: &str) -> Option<std::path::PathBuf> {
    let found = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../shared/data").join(path);
    let found = found.exists().then_some(found);
    if found.is_none() {
        println!("skipped: ../shared/data/{path} is not on this machine");
    }
    found
}

fn import(bytes: &[u8]) -> Result<(ImportedPanel, ImportReport), Error> {
    import_variants("test.vcf", bytes, &ImportOptions::default())
}

/// A file of three people with these records, each `CHROM POS REF ALT FORMAT sample sample sample` with spaces.
fn vcf(records: &[&str]) -> String {
    let mut text = String::from(
        "##fileformat=VCFv4.2\n##contig=<ID=1>\n##contig=<ID=2>\n##contig=<ID=X>\n\
         ##FORMAT=<ID=GT,Number=1,Type=String,Description=\"Genotype\">\n\
         ##FORMAT=<ID=DP,Number=1,Type=Integer,Description=\"Depth\">\n\
         #CHROM\tPOS\tID\tREF\tALT\tQUAL\tFILTER\tINFO\tFORMAT\tann\tbob\teve\n",
    );
    for record in records {
        let [chrom, pos, reference, alternate, format, samples @ ..] = &record.split(' ').collect::<Vec<_>>()[..]
        else {
            panic!("{record}");
        };
        let fixed = [chrom, pos, ".", reference, alternate, ".", "PASS", ".", format].join("\t");
        text.push_str(&format!("{fixed}\t{}\n", samples.join("\t")));
    }
    text
}

/// The dosages of a panel, one string of digits to each person.
fn digits(panel: &ImportedPanel) -> Vec<String> {
    let digits = |sample: &SampleGenotypes| sample.dosages.iter().map(|dosage| (*dosage as u8).to_string()).collect();
    panel.samples.iter().map(digits).collect()
}
