//! The import against counts taken from the same files by code that shares nothing with it.

use std::path::{Path, PathBuf};

use circuits::record::Dosage;
use market::import::{ImportOptions, ImportedPanel, import_file};
use web::demo::truth::{VariantTruth, count_file};

/// The counts that a panel's dosages give for people in every `step`th column.
fn counted(panel: &ImportedPanel, step: usize) -> Vec<VariantTruth> {
    let people = || panel.samples.iter().step_by(step);
    let count = |index: usize, wanted: &[Dosage]| {
        people().filter(|sample| wanted.contains(&sample.dosages[index])).count() as u64
    };
    let truth = |(index, variant): (usize, &circuits::schema::Variant)| VariantTruth {
        chrom: variant.chrom.clone(),
        pos: variant.pos.into(),
        reference: variant.reference.clone(),
        alternate: variant.alternate.clone(),
        het: count(index, &[Dosage::Het]),
        hom_alt: count(index, &[Dosage::HomAlt]),
        called: count(index, &[Dosage::HomRef, Dosage::Het, Dosage::HomAlt]),
    };
    panel.panel.variants.iter().enumerate().map(truth).collect()
}

fn assert_import_equals_truth(file: &Path, step: usize) {
    let (panel, _) = import_file(file, &ImportOptions::default()).unwrap();
    let people: Vec<String> = panel.samples.iter().step_by(step).map(|sample| sample.name.clone()).collect();
    let truth = count_file(file, &people).unwrap();
    assert!(!truth.is_empty());
    assert!(counted(&panel, step) == truth, "{} differs from its truth", file.display());
}

fn data(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..").join(path)
}

#[test]
fn the_demo_genomes_import_as_the_truth_counts_them() {
    for step in [1, 8] {
        assert_import_equals_truth(&data("tests/data/demo/genomes.vcf"), step);
    }
}

#[test]
fn sound_suite_files_import_as_the_truth_counts_them() {
    for suite in ["ebi_v4.2", "ebi_v4.3"] {
        for file in std::fs::read_dir(data("tests/data/vcf_edge").join(suite).join("passed")).unwrap() {
            let file = file.unwrap().path();
            if import_file(&file, &ImportOptions::default()).is_ok() {
                assert_import_equals_truth(&file, 1);
            }
        }
    }
}

#[test]
fn real_panels_import_as_the_truth_counts_them() {
    for path in ["shapeit4_chr20_reference_300s.vcf.gz", "1kg_b37_chr21_2504s.vcf.gz", "CEU_Exon_90s.vcf.gz"] {
        let file = data("../shared/data/vcf_real").join(path);
        if file.exists() {
            assert_import_equals_truth(&file, 3);
        } else {
            println!("skipped: ../shared/data/vcf_real/{path} is not on this machine");
        }
    }
}
