//! Agreement with scipy and statsmodels: `tests/reference/genotypes.py`.

use std::fs;

use circuits::record::MISSING;
use serde_json::Value;

use super::*;
use crate::{
    import::{ImportOptions, import_file},
    statistics::people::{agrees, reference},
};

const RELATIVE: f64 = 1e-9;

fn each(expected: &Value, mut check: impl FnMut(&str, &Value)) {
    let members = expected.as_object().unwrap();
    assert!(!members.is_empty());
    members.iter().for_each(|(name, member)| check(name, member));
}

fn check(table: &Table, panel: &VariantPanel, expected: &Value) {
    let summaries = whole(table, panel, &[]).summarize(0, None, SEED);
    each(&expected["summary"], |place, member| {
        agrees(&summaries[place.parse::<usize>().unwrap()], member, RELATIVE);
    });
    let scan = whole(table, panel, &by_status()).scan(1, 0, SEED);
    assert_eq!((scan.cases.as_str(), scan.controls.as_str()), ("status 1", "status 0"));
    assert_eq!(scan.tested, expected["scan"]["tested"].as_u64().unwrap());
    agrees(&scan.inflation, &expected["scan"]["inflation"], RELATIVE);
    each(&expected["scan"]["variants"], |place, member| {
        agrees(&scan.variants[place.parse::<usize>().unwrap()], member, RELATIVE);
    });
    let quantiles = scan.quantiles().unwrap();
    each(&expected["scan"]["quantiles"], |place, member| {
        agrees(&quantiles[place.parse::<usize>().unwrap()], member, RELATIVE);
    });
    let manhattan = scan.manhattan();
    assert_eq!(manhattan.len() as u64, scan.tested);
    let least = manhattan.iter().map(|point| point.minus_log10_p).fold(0.0, f64::max);
    assert_eq!(least, quantiles[0].observed);
}

/// PLINK 1 binary genotypes, SNP-major: for each variant two bits to a person, copies of the first allele that the
/// `.bim` file names.
fn bed(bytes: &[u8], people: usize) -> Vec<Vec<Dosage>> {
    let (magic, rows) = bytes.split_at(3);
    assert_eq!(magic, [0x6c, 0x1b, 1]);
    let dosage = |row: &[u8], person: usize| match row[person / 4] >> (2 * (person % 4)) & 3 {
        0 => Dosage::HomAlt,
        1 => Dosage::Missing,
        2 => Dosage::Het,
        _ => Dosage::HomRef,
    };
    let rows: Vec<&[u8]> = rows.chunks_exact(people.div_ceil(4)).collect();
    (0..people).map(|person| rows.iter().map(|row| dosage(row, person)).collect()).collect()
}

fn bim(text: &str) -> VariantPanel {
    let line = |line: &str| match line.split_whitespace().collect::<Vec<_>>().as_slice() {
        [chrom, _, _, pos, first, second] => Variant {
            chrom: (*chrom).into(),
            pos: pos.parse().unwrap(),
            reference: (*second).into(),
            alternate: (*first).into(),
        },
        _ => panic!("{line}"),
    };
    panel(text.lines().map(line).collect())
}

#[test]
fn five_hundred_people_with_a_thousand_variants() {
    let status: Vec<u32> = fs::read_to_string(data("regenie/phenotype_bin.txt"))
        .unwrap()
        .lines()
        .skip(1)
        .map(|line| line.split(' ').nth(2).unwrap().parse().unwrap())
        .collect();
    let dosages = bed(&fs::read(data("regenie/example.bed")).unwrap(), status.len());
    let panel = bim(&fs::read_to_string(data("regenie/example.bim")).unwrap());
    let table = people(&status, &dosages);
    check(&table, &panel, &reference("genotypes")["regenie"]);
}

#[test]
fn twelve_people_with_missing_calls() {
    let (imported, _) = import_file(&data("hail/regressionLogistic.vcf"), &ImportOptions::default()).unwrap();
    let pheno = fs::read_to_string(data("hail/regressionLogistic.pheno")).unwrap();
    let status = |name: &str| match pheno.lines().find_map(|line| line.strip_prefix(&format!("{name}\t"))) {
        Some("1") => 0,
        Some("2") => 1,
        _ => MISSING,
    };
    let statuses: Vec<u32> = imported.samples.iter().map(|sample| status(&sample.name)).collect();
    let dosages: Vec<Vec<Dosage>> = imported.samples.iter().map(|sample| sample.dosages.clone()).collect();
    check(&people(&statuses, &dosages), &imported.panel, &reference("genotypes")["hail"]);
}

#[test]
fn people_of_the_thousand_genomes_project() {
    let expected = &reference("genotypes")["demo"];
    let (table, panel) = super::scores::demo();
    let everyone = whole(&table, &panel, &[]);
    assert!(panel.variants.len() > 1_024, "the panel goes on in a second window");
    // The sexes together are everyone: the file names each person's.
    let by_sex = whole(&table, &panel, &super::scores::by_sex());
    assert_eq!(by_sex.pooled().variants(), everyone.variants());
    let summaries = everyone.summarize(0, Some(Sum::exact(100)), SEED);
    each(&expected["summary"], |name, member| {
        let summary = summaries.iter().find(|summary| summary.name == name).expect(name);
        agrees(summary, member, RELATIVE);
    });
}

#[test]
fn genotype_counts_of_the_reference_implementation_of_the_exact_test() {
    let mut reader = csv::Reader::from_path(data("sgkit/hwe_sim_01.csv")).unwrap();
    for record in reader.records() {
        let record = record.unwrap();
        let [het, first, second] = [0, 1, 2].map(|place| record[place].parse().unwrap());
        let exact = of_counts(&[[first, het, second]]).summarize(0, None, SEED)[0].hardy_weinberg.exact.clone();
        let expected = record[3].parse::<f64>().unwrap();
        match exact.value() {
            Some(test) => assert!((test.p_value / expected - 1.0).abs() < RELATIVE, "{record:?}: {}", test.p_value),
            // Theirs is 1 where only one allele was seen.
            None => assert!(expected == 1.0 && het == 0 && (first == 0 || second == 0), "{record:?}"),
        }
    }
}

/// The examples in the documentation of Hail's `hardy_weinberg_test`, which gives mid-p.
#[test]
fn hails_mid_p_values() {
    for (counts, expected) in [([250, 500, 250], 0.974_784_439_421_769_8), ([37, 200, 85], 1.133_721_038_316_898_7e-6)]
    {
        let mid_p = of_counts(&[counts]).summarize(0, None, SEED)[0].hardy_weinberg.mid_p.clone();
        let p_value = mid_p.value().unwrap().p_value;
        assert!((p_value / expected - 1.0).abs() < RELATIVE, "{p_value}");
    }
}

#[test]
fn genotype_counts_as_sums_of_fractions() {
    let mut reader = csv::Reader::from_path(data("sgkit/hwe_sim_01.csv")).unwrap();
    let counts = reader.records().map(|record| {
        let record = record.unwrap();
        [1, 0, 2].map(|place| record[place].parse::<i64>().unwrap())
    });
    let small = counts.filter(|counts| counts.iter().sum::<i64>() < 4_000);
    let reference = reference("genotypes");
    let expected = reference["sgkit"].as_array().unwrap();
    let found: Vec<_> = small.map(|counts| of_counts(&[counts]).summarize(0, None, SEED).remove(0)).collect();
    assert_eq!(found.len(), expected.len());
    found.iter().zip(expected).for_each(|(found, expected)| agrees(found, expected, RELATIVE));
}
