//! Tables that nothing can be said of say why, and no table whatever gives a number that is none.

use proptest::prelude::*;

use super::super::*;
use crate::statistics::testing::{assert_every_number_is_one, cells, counts, exact, schema};

const SEED: [u8; 32] = [6; 32];

fn why<T>(stated: &Stated<T>) -> Undefined {
    match stated {
        Stated::Value(_) => panic!("a value"),
        Stated::Undefined { undefined } => undefined.clone(),
    }
}

fn of(shape: &[u16], table: &[i64]) -> Survival {
    let found = survival(&exact(shape, table), None, SEED).unwrap();
    assert_every_number_is_one(&found);
    found
}

#[test]
fn nobody_has_no_curve() {
    let found = of(&[3, 2], &[0; 6]);
    let group = &found.groups[0];
    assert_eq!((why(&group.curve), why(&group.quantiles[1].time)), (Undefined::Nobody, Undefined::Nobody));
    assert_eq!((why(&group.restricted_mean), &found.log_rank), (Undefined::Nobody, &None));
    assert_eq!(why(of(&[2, 3, 2], &[0; 12]).log_rank.as_ref().unwrap()), Undefined::Nobody);
}

#[test]
fn when_all_are_censored_all_survive() {
    let found = of(&[2, 3, 2], &[4, 0, 3, 0, 2, 0, 1, 0, 1, 0, 5, 0]);
    for group in &found.groups {
        let points = group.curve.value().unwrap();
        assert_eq!(points.len(), 3);
        for point in points {
            let interval = point.interval.value().unwrap();
            assert_eq!((point.survival, interval.lo, interval.hi), (1.0, 1.0, 1.0));
            assert_eq!(point.cumulative_hazard.value().unwrap().value, 0.0);
        }
        let median = &group.quantiles[1];
        assert_eq!((why(&median.time), why(&median.lo)), (Undefined::NotReached, Undefined::NotReached));
        let mean = group.restricted_mean.value().unwrap();
        assert_eq!((mean.horizon, mean.mean.value, mean.mean.standard_error), (2.0, 2.0, 0.0));
    }
    assert_eq!(why(found.log_rank.as_ref().unwrap()), Undefined::NoEvents);
}

#[test]
fn when_the_last_has_the_event_the_curve_ends_at_zero_without_an_error() {
    let found = of(&[3, 2], &[0, 2, 1, 1, 0, 1]);
    let last = found.groups[0].curve.value().unwrap().last().unwrap().clone();
    assert_eq!(
        (last.survival, why(&last.standard_error), why(&last.interval)),
        (0.0, Undefined::EmptyCell, Undefined::EmptyCell)
    );
    assert!(last.cumulative_hazard.value().is_some());
    assert!(found.groups[0].restricted_mean.value().is_some());
}

#[test]
fn one_group_is_compared_with_none() {
    let found = of(&[2, 2, 2], &[1, 2, 3, 1, 0, 0, 0, 0]);
    assert_eq!(why(found.log_rank.as_ref().unwrap()), Undefined::OneGroup);
    assert_eq!(why(&found.groups[1].curve), Undefined::Nobody);
    assert!(found.groups[0].restricted_mean.value().is_some(), "the other group sets no horizon");
    // The second group has left before the first event.
    let apart = of(&[2, 2, 2], &[0, 0, 3, 1, 4, 0, 0, 0]);
    assert_eq!(why(apart.log_rank.as_ref().unwrap()), Undefined::NeverTogether);
}

#[test]
fn a_group_of_nobody_leaves_the_others_to_be_compared() {
    let three = of(&[3, 2, 2], &[1, 2, 3, 1, 0, 0, 0, 0, 2, 5, 1, 1]);
    let two = of(&[2, 2, 2], &[1, 2, 3, 1, 2, 5, 1, 1]);
    assert_eq!(three.log_rank, two.log_rank);
}

#[test]
fn tables_of_another_shape_are_refused() {
    let refused = |shape: &[u16], table: &[i64]| survival(&exact(shape, table), None, SEED).unwrap_err();
    assert_eq!(refused(&[4], &[1; 4]), Undefined::WrongShape);
    assert_eq!(refused(&[2, 3], &[1; 6]), Undefined::WrongShape);
    assert_eq!(refused(&[3, 2], &[1, 1, -1, 1, 1, 1]), Undefined::NotACount);
    assert_eq!(stratified_log_rank(&[], SEED), Err(Undefined::WrongShape));
    let strata = [exact(&[2, 2, 2], &[1; 8]), exact(&[3, 2, 2], &[1; 12])];
    assert_eq!(stratified_log_rank(&strata, SEED), Err(Undefined::WrongShape));
    use circuits::layout::Axis;
    let open = vec![Axis::Thresholds { attribute: 0, cuts: vec![5] }, Axis::Thresholds { attribute: 1, cuts: vec![1] }];
    let open = counts(open, &schema(&[("time", 1, 99), ("event", 1, 1)]), &[vec![3, 1], vec![9, 0]]);
    assert_eq!(survival(&open, None, SEED), Err(Undefined::Unbounded));
}

#[test]
fn a_horizon_must_be_a_time_that_people_reach() {
    let mean =
        |horizon| why(&survival(&exact(&[3, 2], &[1; 6]), Some(horizon), SEED).unwrap().groups[0].restricted_mean);
    assert_eq!(mean(7.0), Undefined::NotReached);
    assert_eq!(
        (mean(0.0), mean(-1.0), mean(f64::NAN)),
        (Undefined::OutOfRange, Undefined::OutOfRange, Undefined::OutOfRange)
    );
}

#[test]
fn drowned_curves_say_so() {
    let noisy: Vec<Sum> = [2, -3, 4, 1, 0, 2, -1, 5].map(|value| Sum::noisy(value, 400.0)).to_vec();
    let found = survival(&cells(&[2, 2, 2], &noisy), None, SEED).unwrap();
    assert_eq!(why(&found.groups[0].curve), Undefined::Noise);
    assert_eq!(why(found.log_rank.as_ref().unwrap()), Undefined::Noise);
    assert_every_number_is_one(&found);
}

#[test]
fn repro_a_noisy_bin_with_nobody_at_risk_gave_numbers_that_are_none() {
    // Bin by bin, censored and then events: in the second bin those at risk are 90 + 50 less than none of 40.
    let noisy: Vec<Sum> = [130, 40, 50, -90, 35, 5].map(|value| Sum::noisy(value, 339.0)).to_vec();
    let found = survival(&cells(&[3, 2], &noisy), None, SEED).unwrap();
    assert_every_number_is_one(&found);
    assert_eq!(found.groups[0].curve.value().map(Vec::len), Some(1), "it ends where nobody is at risk");
}

/// Sums as they may come, and as they never should.
fn arb_sums(count: usize) -> impl Strategy<Value = Vec<Sum>> {
    let sane = (prop_oneof![Just(0.0), 0.1..100.0], prop::collection::vec(-20..300_i64, count));
    let sane = sane.prop_map(|(variance, values)| {
        let least = if variance > 0.0 { i64::MIN } else { 0 };
        values.into_iter().map(|value| Sum::noisy(value.max(least), variance)).collect()
    });
    let value = prop_oneof![4 => -30..200_i64, 1 => any::<i64>()];
    let variance = prop_oneof![3 => Just(0.0), 3 => 0.1..400.0, 1 => Just(1e300), 1 => Just(f64::NAN)];
    let absurd = (value, variance).prop_map(|(value, noise_variance)| Sum { value, noise_variance });
    prop_oneof![3 => sane, 1 => prop::collection::vec(absurd, count)]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(60))]

    #[test]
    fn no_table_panics_or_gives_a_number_that_is_none(
        (shape, sums) in prop::sample::select(vec![vec![5, 2], vec![2, 4, 2], vec![3, 2, 2], vec![1, 1, 2]])
            .prop_flat_map(|shape| {
                let count = shape.iter().map(|cells| usize::from(*cells)).product();
                (Just(shape), arb_sums(count))
            }),
        horizon in prop_oneof![Just(None), (0.0..6.0).prop_map(Some)],
    ) {
        let table = cells(&shape, &sums);
        let found = survival(&table, horizon, SEED);
        assert_every_number_is_one(&Stated::from(found.clone()));
        if let Ok(found) = found {
            for group in &found.groups {
                let curve: Vec<f64> = group.curve.value().into_iter().flatten().map(|point| point.survival).collect();
                prop_assert!(curve.is_sorted_by(|a, b| a >= b) && curve.iter().all(|share| (0.0..=1.0).contains(share)));
            }
        }
        assert_every_number_is_one(&Stated::from(stratified_log_rank(&[table.clone(), table], SEED)));
    }
}
