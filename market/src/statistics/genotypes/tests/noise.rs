//! Under privacy noise: tests keep their level, and would not if the noise were ignored.

use rand::{RngExt, SeedableRng, rngs::StdRng};

use super::*;
use crate::statistics::{
    Stated, Test, Undefined,
    people::{Coverage, NEAR_95, noisy, share_significant, states_every_number},
};

const FREQUENCY: f64 = 0.3;

/// Cases and controls whose genotypes have nothing to do with their status, at 32 variants in equilibrium.
fn unrelated(people: u32, rng: &mut StdRng) -> Table {
    let mut dosage = || match [rng.random::<f64>(), rng.random::<f64>()].iter().filter(|p| **p < FREQUENCY).count() {
        0 => Dosage::HomRef,
        1 => Dosage::Het,
        _ => Dosage::HomAlt,
    };
    let dosages: Vec<Vec<Dosage>> = (0..people).map(|_| (0..32).map(|_| dosage()).collect()).collect();
    super::people(&(0..people).map(|person| person % 2).collect::<Vec<_>>(), &dosages)
}

fn layout() -> Layout {
    Layout { axes: by_status().to_vec(), ..Layout::genotypes(0, 0, 32) }
}

fn read(table: &Table, slots: &[Sum]) -> VariantTable {
    let PartSums::Genotypes(cells) = PartSums::of_slots(&layout(), &table.schema, slots).unwrap() else {
        panic!("genotypes")
    };
    VariantTable::of_part(&numbered(32), 0, 0, &cells).unwrap()
}

/// Tables with noise of this variance in each slot, as they are and with the noise ignored.
fn tables(runs: u64, variance: f64) -> impl Iterator<Item = [VariantTable; 2]> {
    (0..runs).map(move |run| {
        let mut rng = StdRng::seed_from_u64(run);
        let table = unrelated(600, &mut rng);
        let slots = noisy(&table.slots(&layout()), variance, &mut rng);
        let silenced: Vec<Sum> = slots.iter().map(|slot| Sum::exact(slot.value)).collect();
        [read(&table, &slots), read(&table, &silenced)]
    })
}

/// Asserts that p-values of tables without any effect are uniform, and were not with the noise ignored.
#[track_caller]
fn keep_their_level([counted, ignored]: [Vec<Stated<Test>>; 2]) {
    let p_values = |tests: &[Stated<Test>]| -> Vec<f64> {
        tests.iter().filter_map(|test| test.value().map(|test| test.p_value)).collect()
    };
    let stated = p_values(&counted);
    assert!(stated.len() > counted.len() * 9 / 10, "{} of {} tests are stated", stated.len(), counted.len());
    let (counted, ignored) = (share_significant(&stated), share_significant(&p_values(&ignored)));
    assert!(counted < 0.06 && ignored > 0.08, "{counted} with the noise counted, {ignored} with it ignored");
}

#[test]
fn associations_keep_their_level_under_noise() {
    let scans: Vec<[Scan; 2]> = tables(24, 25.0).map(|tables| tables.map(|table| table.scan(1, 0, SEED))).collect();
    let of = |test: fn(&VariantAssociation) -> &Stated<Test>| {
        [0, 1].map(|place| {
            let variants = scans.iter().flat_map(|scans| &scans[place].variants);
            variants.map(|variant| test(variant).clone()).collect()
        })
    };
    keep_their_level(of(|variant| &variant.allelic_test));
    keep_their_level(of(|variant| &variant.trend_test));
    keep_their_level(of(|variant| &variant.genotypic_test));
    let inflation = [0, 1].map(|place| {
        let inflations = scans.iter().map(|scans| scans[place].inflation.value().unwrap());
        inflations.sum::<f64>() / scans.len() as f64
    });
    assert!(inflation[0] < 1.25 && inflation[1] > 1.6, "genomic inflation {inflation:?}");
}

#[test]
fn hardy_weinberg_tests_keep_their_level_under_noise() {
    let mut tests = [vec![], vec![]];
    for tables in tables(24, 25.0) {
        for (tests, table) in tests.iter_mut().zip(&tables) {
            let summaries = table.summarize(0, None, SEED);
            tests.extend(summaries.into_iter().map(|summary| summary.hardy_weinberg.chi_squared));
        }
    }
    keep_their_level(tests);
}

#[test]
fn mean_scores_cover_the_truth_under_noise() {
    let mut coverage = Coverage::default();
    for [table, _] in tables(200, 25.0) {
        let weights: Vec<Weight> = table.variants().iter().map(|counts| weight_of(&counts.variant)).collect();
        for group in table.score(&weights).unwrap().groups {
            coverage.count(&group.mean, 2.0 * FREQUENCY * 32.0);
        }
    }
    // Within three deviations of what 400 intervals give.
    coverage.check("mean score", 0.917..=0.985);
}

#[test]
fn intervals_cover_the_truth_under_noise() {
    let names = ["frequency", "observed heterozygosity", "expected heterozygosity", "inbreeding"];
    let mut coverage = [Coverage::default(); 5];
    for [table, _] in tables(20, 25.0) {
        for summary in table.summarize(0, Some(Sum::exact(300)), SEED) {
            let heterozygosity = 2.0 * FREQUENCY * (1.0 - FREQUENCY);
            let estimates = [
                (&summary.frequency, FREQUENCY),
                (&summary.observed_heterozygosity, heterozygosity),
                (&summary.expected_heterozygosity, heterozygosity),
                (&summary.inbreeding, 0.0),
                (summary.missingness.as_ref().unwrap(), 0.0),
            ];
            let counted = coverage.iter_mut().zip(estimates);
            counted.for_each(|(coverage, (estimate, truth))| coverage.count(estimate, truth));
        }
    }
    let [shares @ .., missing] = coverage;
    names.iter().zip(shares).for_each(|(name, coverage)| coverage.check(name, NEAR_95));
    // The interval is cut at 0, the truth, so its lower end alone can miss, and it counts an error of sampling in that a
    // share of nobody has not.
    missing.check("missingness", 0.93..=0.998);
}

fn noise<T>() -> Stated<T> {
    Err(Undefined::Noise).into()
}

fn weight_of(variant: &Variant) -> Weight {
    Weight {
        chrom: variant.chrom.clone(),
        pos: variant.pos,
        effect_allele: variant.alternate.clone(),
        other_allele: variant.reference.clone(),
        weight: 1.0,
    }
}

#[test]
fn an_exact_test_is_refused_under_noise() {
    let [table, _] = tables(1, 1.0).next().unwrap();
    let hardy_weinberg = &table.summarize(0, None, SEED)[0].hardy_weinberg;
    assert_eq!(hardy_weinberg.exact, Err(Undefined::NeedsExact).into());
    assert_eq!(hardy_weinberg.mid_p, Err(Undefined::NeedsExact).into());
    let method = hardy_weinberg.chi_squared.value().unwrap().method;
    assert_eq!(method, "Hardy-Weinberg chi-squared test, simulated with noise");
    assert_eq!(*hardy_weinberg, table.summarize(0, None, SEED)[0].hardy_weinberg, "the same each time");
}

#[test]
fn what_noise_drowns_is_refused() {
    let drowned = |variance: f64| {
        let sum = |value| Sum::noisy(value, variance);
        let group = |het, hom_alt, called| GenotypeSums { het: sum(het), hom_alt: sum(hom_alt), called: sum(called) };
        of_sums(vec![group(3, -2, 30), group(2, 1, 31)])
    };
    let (wide, table) = (drowned(1e4), drowned(25.0));
    assert_eq!(wide.summarize(0, None, SEED)[0].frequency, noise());
    let summary = table.summarize(0, None, SEED).remove(0);
    assert_eq!(summary.frequency.value().unwrap().value, 0.0, "cut to what is possible");
    assert_eq!(summary.inbreeding, noise());
    assert_eq!(summary.hardy_weinberg.chi_squared, noise());
    let scan = table.scan(0, 1, SEED);
    assert_eq!(scan.variants[0].allelic_odds_ratio, noise());
    assert_eq!(scan.variants[0].genotypic_test, noise());
    states_every_number(&(wide.summarize(0, None, SEED), summary, scan));
}
