//! Every file of the suites: which must be accepted, which must be refused.

use std::{fs, path::PathBuf};

use super::*;

/// Malformed for the suite's validator, sound by the specification or in wide use, and imported whole: a `*` inside a
/// contig name (VCF 4.3 allows it after the first character: HLA contigs) and `_` in a FORMAT key (GATK's MIN_DP).
const ADMITTED: [&str; 2] = ["ebi_v4.3/failed/failed_body_chrom_003.vcf", "ebi_v4.2/failed/failed_body_format_003.vcf"];

fn files(folder: PathBuf) -> Vec<PathBuf> {
    let mut files: Vec<PathBuf> = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.sort();
    files
}

/// Every record is in the report and every person has every variant.
fn assert_whole(file: &Path, panel: &ImportedPanel, report: &ImportReport) {
    let text = String::from_utf8(fs::read(file).unwrap()).unwrap();
    let records = text.lines().filter(|line| !line.is_empty() && !line.starts_with('#')).count();
    assert_eq!(report.sites_read, records as u64, "{}", file.display());
    assert_eq!(report.variants, panel.panel.variants.len() as u64);
    assert!(panel.samples.iter().all(|sample| sample.dosages.len() == panel.panel.variants.len()));
}

#[test]
fn sound_files_import_whole_or_are_declined_by_the_unsupported_feature() {
    let mut imported = 0;
    for file in ["vcf_edge/ebi_v4.2/passed", "vcf_edge/ebi_v4.3/passed"].into_iter().flat_map(|path| files(data(path)))
    {
        match import_file(&file, &ImportOptions::default()) {
            Ok((panel, report)) => {
                assert_whole(&file, &panel, &report);
                imported += 1;
            }
            Err(Error::UnsupportedInput { feature, .. }) => assert!(!feature.is_empty()),
            Err(other) => panic!("{} is sound: {other}", file.display()),
        }
    }
    assert!(imported >= 24, "only {imported} of the sound files import");
}

#[test]
fn malformed_files_are_refused_whole() {
    let (mut refused, mut declined, mut admitted) = (0, 0, Vec::new());
    for file in ["vcf_edge/ebi_v4.2/failed", "vcf_edge/ebi_v4.3/failed"].into_iter().flat_map(|path| files(data(path)))
    {
        match import_file(&file, &ImportOptions::default()) {
            Ok((panel, report)) => {
                assert_whole(&file, &panel, &report);
                admitted.push(file);
            }
            Err(Error::UnsupportedInput { .. }) => declined += 1,
            Err(_) => refused += 1,
        }
    }
    println!("malformed files: {refused} refused, {declined} declined for another reason, {} admitted", admitted.len());
    for file in &admitted {
        assert!(ADMITTED.iter().any(|known| file.ends_with(known)), "{} is malformed", file.display());
    }
    assert_eq!(admitted.len(), ADMITTED.len());
}

#[test]
fn the_suites_of_bcftools_and_htslib_never_panic_and_never_half_import() {
    for folder in ["vcf_edge/bcftools", "vcf_edge/htslib"] {
        let (mut imported, mut total) = (0, 0);
        for file in shared(folder).map(files).unwrap_or_default() {
            total += 1;
            if let Ok((panel, report)) = import_file(&file, &ImportOptions::default()) {
                imported += 1;
                if file.extension().is_some_and(|extension| extension == "vcf") {
                    assert_whole(&file, &panel, &report);
                }
            }
        }
        println!("{folder}: {imported} of {total} import");
    }
}

#[test]
fn the_demo_genomes_import_with_their_multi_allelic_sites_split() {
    let (panel, report) = import_file(&data("demo/genomes.vcf"), &ImportOptions::default()).unwrap();
    assert_eq!((panel.samples.len(), report.sites_read), (100, 735));
    assert_whole(&data("demo/genomes.vcf"), &panel, &report);
    let alternates: usize = fs::read_to_string(data("demo/genomes.vcf"))
        .unwrap()
        .lines()
        .filter(|line| !line.starts_with('#'))
        .map(|line| line.split('\t').nth(4).unwrap().split(',').filter(|alternate| *alternate != "*").count())
        .sum();
    assert_eq!(report.variants, alternates as u64);
}

#[test]
fn real_panels_import() {
    for (path, people, sites) in [
        ("vcf_real/shapeit4_chr20_reference_300s.vcf.gz", 300, 24_990),
        ("vcf_real/1kg_b37_chr1_2504s.vcf.gz", 2504, 1042),
        ("vcf_real/1kg_b37_chr21_2504s.vcf.gz", 2504, 0),
        ("vcf_real/CEU_Exon_90s.vcf.gz", 90, 1348),
    ] {
        let Some(file) = shared(path) else { continue };
        let (panel, report) = import_file(&file, &ImportOptions::default()).unwrap();
        assert_eq!(panel.samples.len(), people, "{path}");
        assert!(sites == 0 || report.sites_read == sites, "{path}: {} sites", report.sites_read);
        println!("{}", report.lines().join("; "));
    }
}

#[test]
fn dosages_agree_with_the_allele_counts_that_the_file_itself_gives() {
    let Some(file) = shared("vcf_real/shapeit4_chr20_reference_300s.vcf.gz") else { return };
    let (panel, _) = import_file(&file, &ImportOptions::default()).unwrap();
    let reader = flate2::read::MultiGzDecoder::new(fs::File::open(&file).unwrap());
    let lines = std::io::BufRead::lines(std::io::BufReader::new(reader)).map(Result::unwrap);
    for (index, line) in lines.filter(|line| !line.starts_with('#')).enumerate() {
        let given: usize = line.split("AC=").nth(1).unwrap().split(';').next().unwrap().parse().unwrap();
        let copies: usize = panel.samples.iter().map(|sample| sample.dosages[index] as usize).sum();
        assert_eq!(copies, given, "record {index}");
    }
}
