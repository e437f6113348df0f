//! Sums that give nothing say why, and no sums give a number that is none.

use proptest::prelude::*;

use super::*;
use crate::statistics::{Interval, Stated, Undefined, people::states_every_number};

fn undefined<T>(why: Undefined) -> Stated<T> {
    Err(why).into()
}

fn summary(counts: [i64; 3]) -> VariantSummary {
    of_counts(&[counts]).summarize(0, None, SEED).remove(0)
}

fn association(cases: [i64; 3], controls: [i64; 3]) -> VariantAssociation {
    of_counts(&[cases, controls]).scan(0, 1, SEED).variants.remove(0)
}

#[test]
fn a_variant_without_calls_has_nothing() {
    let summary = summary([0, 0, 0]);
    assert_eq!(summary.frequency, undefined(Undefined::NoCalls));
    assert_eq!(summary.minor_allele_frequency, undefined(Undefined::NoCalls));
    assert_eq!(summary.expected_heterozygosity, undefined(Undefined::NoCalls));
    assert_eq!(summary.inbreeding, undefined(Undefined::NoCalls));
    assert_eq!(summary.hardy_weinberg.exact, undefined(Undefined::NoCalls));
    states_every_number(&summary);
    let missing = of_counts(&[[0, 0, 0]]).summarize(0, Some(Sum::exact(8)), SEED).remove(0).missingness;
    assert_eq!(missing.unwrap().value().unwrap().value, 1.0);
    let nobody = of_counts(&[[0, 0, 0]]).summarize(0, Some(Sum::exact(0)), SEED).remove(0).missingness;
    assert_eq!(nobody, Some(undefined(Undefined::Nobody)));
}

#[test]
fn repro_heterozygosity_was_expected_without_error_where_alleles_are_as_frequent() {
    let expected = summary([10, 20, 10]).expected_heterozygosity.value().copied().unwrap();
    assert_eq!((expected.value, expected.interval.hi), (0.5, 0.5));
    assert!(expected.interval.lo < 0.5);
    // 80 alleles: half of 4² by the square of 0.25/80.
    assert!((expected.standard_error - 8.0_f64.sqrt() * 0.25 / 80.0).abs() < 1e-15, "{expected:?}");
}

#[test]
fn a_variant_with_one_allele_has_a_frequency_and_no_tests() {
    for (counts, frequency) in [([9, 0, 0], 0.0), ([0, 0, 9], 1.0)] {
        let summary = summary(counts);
        assert_eq!(summary.frequency.value().unwrap().value, frequency);
        assert_eq!(summary.minor_allele_frequency.value().unwrap().value, 0.0);
        assert_eq!(summary.expected_heterozygosity.value().unwrap().value, 0.0);
        assert_eq!(summary.inbreeding, undefined(Undefined::Monomorphic));
        assert_eq!(summary.hardy_weinberg.exact, undefined(Undefined::Monomorphic));
        assert_eq!(summary.hardy_weinberg.mid_p, undefined(Undefined::Monomorphic));
        assert_eq!(summary.hardy_weinberg.chi_squared, undefined(Undefined::Monomorphic));
        states_every_number(&summary);
        let association = association(counts, counts);
        assert_eq!(association.allelic_test, undefined(Undefined::Monomorphic));
        assert_eq!(association.trend_test, undefined(Undefined::Monomorphic));
        assert_eq!(association.genotypic_test, undefined(Undefined::Monomorphic));
        assert_eq!(association.bonferroni, undefined(Undefined::Monomorphic));
        states_every_number(&association);
    }
}

#[test]
fn one_person_has_a_frequency() {
    let summary = summary([0, 1, 0]);
    assert_eq!(summary.frequency.value().unwrap().value, 0.5);
    assert_eq!(summary.hardy_weinberg.exact.value().unwrap().p_value, 1.0);
    let score = of_counts(&[[0, 1, 0]]).score(&[Weight {
        chrom: "1".into(),
        pos: 1,
        effect_allele: "G".into(),
        other_allele: "A".into(),
        weight: 1.0,
    }]);
    assert_eq!(score.unwrap().groups[0].mean, undefined(Undefined::TooFew { found: 1, needed: 2 }));
}

#[test]
fn the_rarer_allele_is_either_where_both_are_as_frequent() {
    let even = summary([5, 10, 5]).minor_allele_frequency;
    let Interval { lo, hi } = even.value().unwrap().interval;
    assert!(lo > 0.3 && lo < 0.5 && hi == 0.5, "{even:?}");
    let common = summary([1, 4, 15]);
    let (frequency, minor) = (common.frequency.value().unwrap(), common.minor_allele_frequency.value().unwrap());
    assert!((frequency.interval.hi - (1.0 - minor.interval.lo)).abs() < 1e-12);
}

#[test]
fn a_group_without_calls_is_not_compared() {
    let association = association([0, 0, 0], [5, 5, 5]);
    assert_eq!(association.case_frequency, undefined(Undefined::NoCalls));
    assert_eq!(association.allelic_test, undefined(Undefined::NoCallsToCompare));
    assert_eq!(association.trend_test, undefined(Undefined::NoCallsToCompare));
    assert_eq!(association.genotypic_test, undefined(Undefined::NoCallsToCompare));
    assert_eq!(association.allelic_odds_ratio, undefined(Undefined::NoCallsToCompare));
    states_every_number(&association);
}

#[test]
fn an_odds_ratio_needs_every_cell_and_a_test_does_not() {
    let association = association([0, 2, 8], [9, 1, 0]);
    assert!(association.allelic_odds_ratio.value().is_some());
    assert_eq!(association.dominant_odds_ratio, undefined(Undefined::EmptyCell));
    assert_eq!(association.recessive_odds_ratio, undefined(Undefined::EmptyCell));
    assert!(association.genotypic_test.value().is_some());
}

#[test]
fn a_genotype_that_nobody_has_takes_a_degree_of_freedom() {
    let association = association([10, 8, 0], [14, 4, 0]);
    assert_eq!(association.genotypic_test.value().unwrap().degrees_of_freedom, [1.0]);
}

#[test]
fn sums_that_nobody_adds_up_to_are_refused() {
    let sums = |het, hom_alt, called| {
        let [het, hom_alt, called] = [het, hom_alt, called].map(Sum::exact);
        of_sums(vec![GenotypeSums { het, hom_alt, called }]).summarize(0, None, SEED).remove(0)
    };
    for broken in [sums(-1, 0, 5), sums(0, -1, 5), sums(3, 3, 5), sums(0, 0, -2)] {
        assert_eq!(broken.frequency, undefined(Undefined::Contradiction));
        assert_eq!(broken.hardy_weinberg.exact, undefined(Undefined::Contradiction));
        states_every_number(&broken);
    }
    let more_calls_than_people = of_counts(&[[5, 5, 5]]).summarize(0, Some(Sum::exact(10)), SEED).remove(0);
    assert_eq!(more_calls_than_people.missingness, Some(undefined(Undefined::Contradiction)));
}

#[test]
fn a_p_value_too_small_for_a_number_is_drawn_at_the_least_one() {
    let scan = of_counts(&[[0, 0, 30_000], [30_000, 0, 0]]).scan(0, 1, SEED);
    assert_eq!(scan.variants[0].trend_test.value().unwrap().p_value, 0.0);
    assert!((scan.manhattan()[0].minus_log10_p - 307.65).abs() < 0.01);
    states_every_number(&(scan.manhattan(), scan.quantiles().unwrap(), scan));
}

#[test]
fn a_scan_in_which_nothing_was_tested_has_no_inflation_and_no_plot() {
    let scan = of_counts(&[[5, 0, 0], [5, 0, 0]]).scan(0, 1, SEED);
    assert_eq!((scan.tested, scan.manhattan().len()), (0, 0));
    assert_eq!(scan.inflation, undefined(Undefined::NoneTested));
    assert_eq!(scan.quantiles(), Err(Undefined::NoneTested));
    let absent = of_counts(&[[5, 0, 0]]).scan(0, 7, SEED);
    assert_eq!((absent.variants.len(), absent.controls.as_str()), (0, "group 7"));
    states_every_number(&(scan, absent));
}

#[test]
fn a_scan_of_many_variants_is_drawn_by_few_quantiles() {
    let one = of_counts(&[[10, 8, 2], [9, 9, 2]]);
    let shifted = |place: usize| {
        let copies = (place % 19) as i64;
        let [cases, controls] = [[20 - copies, copies, 0], [10, 9, 1]];
        VariantCounts { place, ..of_counts(&[cases, controls]).variants.remove(0) }
    };
    let variants = (0..20_000).map(shifted).collect();
    let scan = VariantTable { variants, ..one }.scan(0, 1, SEED);
    let quantiles = scan.quantiles().unwrap();
    assert!((1_000..2_500).contains(&quantiles.len()), "{}", quantiles.len());
    assert!(quantiles.iter().all(|point| point.band.lo < point.expected && point.expected < point.band.hi));
    assert!(quantiles.is_sorted_by(|a, b| a.expected > b.expected && a.observed >= b.observed));
}

#[test]
fn an_exact_test_is_for_cohorts_that_a_committee_sums() {
    let summary = summary([1 << 24, 5, 5]);
    let many = Undefined::TooMany { found: (1 << 24) + 10, limit: PEOPLE_MAX };
    assert_eq!(summary.hardy_weinberg.exact, undefined(many));
    assert!(summary.hardy_weinberg.chi_squared.value().is_some());
}

fn any_sum() -> impl Strategy<Value = i64> {
    prop_oneof![-3_i64..=3, 0_i64..200, -1_000_i64..100_000, any::<i64>(), Just(i64::MIN), Just(i64::MAX)]
}

fn any_genotypes() -> impl Strategy<Value = [i64; 3]> {
    let people = prop_oneof![0_i64..4, 0_i64..60, 0_i64..5_000];
    let consistent = [people.clone(), people.clone(), people];
    let consistent = consistent.prop_map(|[hom_ref, het, hom_alt]| [het, hom_alt, hom_ref + het + hom_alt]);
    prop_oneof![consistent, [any_sum(), any_sum(), any_sum()]]
}

fn noise() -> impl Strategy<Value = f64> {
    prop_oneof![4 => Just(0.0), 1 => Just(1e-9), 1 => Just(1.0), 1 => Just(900.0), 1 => Just(1e300)]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(150))]

    #[test]
    fn any_sums_give_numbers_or_reasons(
        groups in prop::collection::vec(any_genotypes(), 2),
        cohort in any_sum(),
        noise in noise(),
    ) {
        let sums = |values: &[i64; 3]| {
            let [het, hom_alt, called] = values.map(|value| Sum::noisy(value, noise));
            GenotypeSums { het, hom_alt, called }
        };
        let table = of_sums(groups.iter().map(sums).collect());
        let scan = table.scan(0, 1, SEED);
        let weight = Weight {
            chrom: "chr1".into(), pos: 1, effect_allele: "A".into(), other_allele: "G".into(), weight: 1e300,
        };
        states_every_number(&(
            table.summarize(0, Some(Sum::noisy(cohort, noise)), SEED),
            table.pooled().summarize(0, None, SEED),
            Stated::from(scan.quantiles()),
            scan.manhattan(),
            scan,
            table.score(&[weight]).unwrap(),
        ));
    }

    #[test]
    fn swapping_the_alleles_changes_no_test(cases in [0_i64..40, 0..40, 0..40], controls in [0_i64..40, 0..40, 0..40]) {
        let swapped = |[a, b, c]: [i64; 3]| [c, b, a];
        let (one, other) = (association(cases, controls), association(swapped(cases), swapped(controls)));
        for test in [|a: &VariantAssociation| a.allelic_test.clone(), |a: &VariantAssociation| a.trend_test.clone()] {
            match (test(&one).value(), test(&other).value()) {
                (Some(a), Some(b)) => prop_assert!((a.p_value - b.p_value).abs() <= 1e-9),
                (a, b) => prop_assert_eq!(a, b),
            }
        }
        match (summary(cases).hardy_weinberg.exact.value(), summary(swapped(cases)).hardy_weinberg.exact.value()) {
            (Some(a), Some(b)) => prop_assert!((a.p_value - b.p_value).abs() <= 1e-9 * b.p_value),
            (a, b) => prop_assert_eq!(a, b),
        }
    }
}
