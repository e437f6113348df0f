//! Tables that nothing can be said of say why, and no table whatever gives a number that is none.

use proptest::prelude::*;

use super::super::*;
use crate::statistics::{
    Cells, Stated, Sum, Undefined,
    testing::{assert_every_number_is_one, cells, exact},
};

const SEED: [u8; 32] = [6; 32];

fn why<T>(stated: &Stated<T>) -> Undefined {
    match stated {
        Stated::Value(_) => panic!("a value"),
        Stated::Undefined { undefined } => undefined.clone(),
    }
}

#[test]
fn nobody_one_group_and_one_outcome_are_stated() {
    let refused = |counts: &[i64]| contingency(&exact(&[2, 2], counts), SEED).unwrap_err();
    assert_eq!(refused(&[0, 0, 0, 0]), Undefined::Nobody);
    assert_eq!(refused(&[3, 4, 0, 0]), Undefined::OneGroup);
    assert_eq!(refused(&[3, 0, 4, 0]), Undefined::NoVariance);
    assert_eq!(refused(&[3, -1, 4, 0]), Undefined::NotACount);
    assert_eq!(contingency(&exact(&[4], &[1; 4]), SEED).unwrap_err(), Undefined::WrongShape);
    let trend_refused = |counts: &[i64]| why(&trend(&exact(&[2, 2], counts), None).unwrap().test);
    assert_eq!(trend_refused(&[0, 0, 0, 0]), Undefined::Nobody);
    assert_eq!(trend_refused(&[3, 4, 0, 0]), Undefined::OneGroup);
    assert_eq!(trend_refused(&[3, 0, 4, 0]), Undefined::NoVariance);
    let same_scores = trend(&exact(&[3, 2], &[3, 4, 7, 1, 9, 2]), Some(&[0.1, 0.1, 0.1])).unwrap();
    assert_eq!(why(&same_scores.test), Undefined::SameScores);
    let no_score = trend(&exact(&[2, 2], &[3, 4, 7, 1]), Some(&[f64::NAN, 1.0])).unwrap();
    assert_eq!(why(&no_score.test), Undefined::OutOfRange);
    let counted = counts(&exact(&[2], &[0, 0]));
    assert_eq!(why(&counted.cells.values[0].share), Undefined::Nobody);
    assert_eq!(counted.people.value().unwrap().value, 0.0);
    let histogram = histograms(&exact(&[2], &[0, 0])).unwrap().remove(0);
    assert_eq!(why(&histogram.quantiles[0].value), Undefined::Nobody);
}

#[test]
fn an_empty_cell_gets_one_half_in_the_odds_ratio_and_no_risk_ratio() {
    let found = contingency(&exact(&[2, 2], &[5, 0, 3, 4]), SEED).unwrap().two_by_two.unwrap();
    let odds_ratio = found.odds_ratio.value().unwrap();
    assert!(odds_ratio.half_added);
    assert!((odds_ratio.estimate.value - (5.5 * 4.5) / (0.5 * 3.5)).abs() < 1e-12);
    assert_eq!(why(&found.risk_ratio), Undefined::EmptyCell);
    assert!(found.risk_difference.value().is_some());
    let full = contingency(&exact(&[2, 2], &[5, 2, 3, 4]), SEED).unwrap().two_by_two.unwrap();
    assert!(!full.odds_ratio.value().unwrap().half_added);
}

#[test]
fn rows_of_nobody_are_left_out() {
    let found = contingency(&exact(&[3, 2], &[5, 2, 0, 0, 3, 4]), SEED).unwrap();
    assert_eq!((found.rows, found.columns), (2, 2));
    let without = contingency(&exact(&[2, 2], &[5, 2, 3, 4]), SEED).unwrap();
    assert_eq!(found.pearson, without.pearson);
}

#[test]
fn strata_that_compare_nothing_are_left_out() {
    let found = stratified(&exact(&[3, 2, 2], &[5, 2, 3, 4, 0, 0, 3, 4, 0, 0, 0, 0])).unwrap();
    assert_eq!((found.strata, found.left_out), (1, 2));
    assert_eq!(why(&found.breslow_day), Undefined::OneStratum);
    assert_eq!(stratified(&exact(&[2, 2, 2], &[0; 8])).unwrap_err(), Undefined::Nobody);
    assert_eq!(stratified(&exact(&[2, 2, 2], &[0, 0, 3, 4, 1, 2, 0, 0])).unwrap_err(), Undefined::NoStratum);
    assert_eq!(stratified(&exact(&[2, 2], &[1; 4])).unwrap_err(), Undefined::WrongShape);
    let no_events = stratified(&exact(&[1, 2, 2], &[5, 0, 0, 4])).unwrap();
    assert_eq!(why(&no_events.common_odds_ratio), Undefined::EmptyCell);
}

#[test]
fn exact_tests_refuse_noise_and_drowned_tables_say_so() {
    let noisy =
        |counts: [i64; 4], variance| contingency(&cells(&[2, 2], &counts.map(|n| Sum::noisy(n, variance))), SEED);
    let found = noisy([40, 20, 30, 50], 9.0).unwrap();
    assert_eq!(why(&found.fisher), Undefined::NeedsExact);
    assert_eq!(why(found.yates.as_ref().unwrap()), Undefined::NeedsExact);
    assert_eq!(why(&found.g), Undefined::NeedsExact);
    assert!(found.pearson.value().unwrap().p_value < 0.05);
    assert_eq!(noisy([-4, -20, 3, 5], 100.0).unwrap_err(), Undefined::Noise);
    let drowned = noisy([-4, 20, 30, 5], 100.0).unwrap();
    assert_eq!(why(&drowned.two_by_two.unwrap().odds_ratio), Undefined::Noise);
    let strata = |sums: [i64; 4]| stratified(&cells(&[1, 2, 2], &sums.map(|n| Sum::noisy(n, 100.0))));
    assert_eq!(strata([3, 4, 9, 2]).unwrap_err(), Undefined::Noise);
    let histogram = histograms(&cells(&[2], &[Sum::noisy(3, 100.0), Sum::noisy(-2, 100.0)])).unwrap().remove(0);
    assert_eq!(why(&histogram.quantiles[0].bounds), Undefined::Noise);
    let count = histogram.bins[1].count.value().unwrap();
    assert!(count.value == -2.0 && count.interval.lo < -20.0, "as released");
}

#[test]
fn open_bins_have_no_density() {
    use circuits::layout::Axis;
    let axes = vec![Axis::Thresholds { attribute: 0, cuts: vec![10, 20] }];
    let people: Vec<Vec<u32>> = (5..25).map(|age| vec![age]).collect();
    let cells =
        crate::statistics::testing::counts(axes, &crate::statistics::testing::schema(&[("age", 1, 120)]), &people);
    let found = histograms(&cells).unwrap().remove(0);
    assert_eq!(why(&found.bins[0].density), Undefined::Unbounded);
    assert!((found.bins[1].density.value().unwrap().value - 0.05).abs() < 1e-12);
    assert_eq!(why(&found.quantiles[0].bounds), Undefined::Unbounded);
    assert_eq!(*found.quantiles[2].value.value().unwrap(), 15.0);
    assert_eq!(trend(&exact(&[2, 2], &[1, 2, 3, 4]), None).unwrap().scored_by, "middle of each cell");
}

/// Sums as they may come, and as they never should.
fn arb_sum() -> impl Strategy<Value = Sum> {
    let value = prop_oneof![6 => -30..200_i64, 2 => Just(0), 1 => any::<i64>()];
    let variance = prop_oneof![4 => Just(0.0), 4 => 0.1..400.0, 1 => Just(1e300), 1 => Just(f64::NAN)];
    (value, variance).prop_map(|(value, noise_variance)| Sum { value, noise_variance })
}

fn arb_cells(shapes: Vec<Vec<u16>>) -> impl Strategy<Value = Cells<Sum>> {
    let noise_alike = prop_oneof![Just(None), (0.1..100.0).prop_map(Some), Just(Some(0.0))];
    (prop::sample::select(shapes), noise_alike).prop_flat_map(|(shape, noise)| {
        let count = shape.iter().map(|cells| usize::from(*cells)).product::<usize>();
        prop::collection::vec(arb_sum(), count).prop_map(move |sums| {
            let alike = |sum: &Sum| match noise {
                Some(noise_variance) => Sum { value: sum.value.clamp(-30, 1_000), noise_variance },
                None => *sum,
            };
            cells(&shape, &sums.iter().map(alike).collect::<Vec<_>>())
        })
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(60))]

    #[test]
    fn no_table_panics_or_gives_a_number_that_is_none(table in arb_cells(vec![vec![2, 2], vec![3, 2], vec![1, 4], vec![3, 3]])) {
        assert_every_number_is_one(&Stated::from(contingency(&table, SEED)));
    }

    #[test]
    fn no_counts_panic_or_give_a_number_that_is_none(
        table in arb_cells(vec![vec![2, 2], vec![5], vec![1], vec![2, 3, 2], vec![6, 2], vec![4, 2, 2]]),
    ) {
        assert_every_number_is_one(&counts(&table));
        assert_every_number_is_one(&Stated::from(histograms(&table)));
        assert_every_number_is_one(&Stated::from(stratified(&table)));
        assert_every_number_is_one(&Stated::from(trend(&table, None)));
        let steps = Cells { axes: vec![], values: vec![table.values] };
        assert_every_number_is_one(&funnels(&steps));
    }
}
