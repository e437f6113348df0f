//! Intervals and tests whose sums carry privacy noise keep what they promise.

use rand::rngs::StdRng;

use super::super::{
    Contingency, TwoByTwo,
    association::pearson,
    contingency, counts,
    strata::{common_odds_ratio, mantel_haenszel, stratified},
    table::Table,
    trend,
};
use crate::statistics::{
    Cells, Interval, Sum,
    noise::draw_cells,
    testing::{exact, rng, with_noise},
};

/// The share of so many runs in which something holds.
fn share(runs: u32, mut holds: impl FnMut(&mut StdRng) -> bool) -> f64 {
    let mut rng = rng(11);
    (0..runs).filter(|_| holds(&mut rng)).count() as f64 / f64::from(runs)
}

/// People in cells by chance.
fn people(shape: &[u16], people: u64, chances: &[f64], rng: &mut StdRng) -> Cells<Sum> {
    let counts: Vec<i64> = draw_cells(people, chances, rng).unwrap().into_iter().map(|n| n as i64).collect();
    exact(shape, &counts)
}

/// The cells of a 2×2 table.
fn four(cells: &Cells<Sum>) -> [Sum; 4] {
    cells.values.as_slice().try_into().unwrap()
}

/// The same sums as if they had no noise, as a careless reader would take them.
fn ignoring_noise(cells: &Cells<Sum>) -> Cells<Sum> {
    cells.map(|sum| Sum::exact(sum.value.max(0)))
}

/// Rows of 30 % and 70 %, columns of 80 % and 20 %, independent.
const INDEPENDENT: [f64; 4] = [0.24, 0.06, 0.56, 0.14];

#[test]
fn pearsons_test_is_not_anti_conservative_under_noise_and_ignoring_noise_is() {
    for (count, variance) in [(300, 25.0), (1_000, 100.0), (60, 100.0), (100, 4.0)] {
        let mut careless = 0;
        let found = share(4_000, |rng| {
            let noisy = with_noise(&people(&[2, 2], count, &INDEPENDENT, rng), variance, rng);
            let ignored = contingency(&ignoring_noise(&noisy), [0; 32]);
            careless +=
                u32::from(ignored.is_ok_and(|found| found.pearson.value().is_some_and(|test| test.p_value < 0.05)));
            let table = Table::of_cells(&noisy).unwrap();
            pearson(&table, [1; 32], 199).is_ok_and(|test| test.p_value <= 0.05)
        });
        assert!(found <= 0.06, "{count} people, variance {variance}: {found}");
        assert!(careless > 300, "{count} people, variance {variance}: ignoring noise rejects {careless} of 4,000");
    }
}

#[test]
fn a_noisy_three_by_three_table_is_not_anti_conservative_and_has_power() {
    let chances = [0.5, 0.3, 0.2].map(|row| [0.6, 0.3, 0.1].map(|column| row * column)).concat();
    let rejects = |chances: &[f64]| {
        share(2_500, |rng| {
            let noisy = with_noise(&people(&[3, 3], 500, chances, rng), 49.0, rng);
            pearson(&Table::of_cells(&noisy).unwrap(), [1; 32], 199).is_ok_and(|test| test.p_value <= 0.05)
        })
    };
    let null = rejects(&chances);
    assert!((0.02..=0.06).contains(&null), "{null}");
    let linked = rejects(&[0.40, 0.08, 0.02, 0.10, 0.18, 0.02, 0.10, 0.04, 0.06]);
    assert!(linked > 0.9, "{linked}");
}

#[test]
fn the_mantel_haenszel_test_is_not_anti_conservative_under_noise_and_ignoring_noise_is() {
    // Two strata with other margins: pooled they would seem associated.
    let chances = [0.24, 0.06, 0.16, 0.04, 0.10, 0.15, 0.10, 0.15];
    for (count, variance) in [(400, 25.0), (2_000, 100.0)] {
        let mut careless = 0;
        let found = share(10_000, |rng| {
            let noisy = with_noise(&people(&[2, 2, 2], count, &chances, rng), variance, rng);
            let rejects = |cells: &Cells<Sum>| {
                stratified(cells)
                    .is_ok_and(|found| found.mantel_haenszel.value().is_some_and(|test| test.p_value < 0.05))
            };
            careless += u32::from(rejects(&ignoring_noise(&noisy)));
            rejects(&noisy)
        });
        assert!(found <= 0.06, "{count} people, variance {variance}: {found}");
        assert!(careless > 800, "{count} people, variance {variance}: ignoring noise rejects {careless} of 10,000");
    }
}

#[test]
fn the_trend_test_is_not_anti_conservative_under_noise_and_ignoring_noise_is() {
    let chances = [0.2, 0.3, 0.4, 0.1].map(|row| [0.7 * row, 0.3 * row]).concat();
    let mut careless = 0;
    let found = share(2_000, |rng| {
        let noisy = with_noise(&people(&[4, 2], 400, &chances, rng), 49.0, rng);
        let rejects = |cells: &Cells<Sum>| {
            trend(cells, None).is_ok_and(|found| found.test.value().is_some_and(|test| test.p_value < 0.05))
        };
        careless += u32::from(rejects(&ignoring_noise(&noisy)));
        rejects(&noisy)
    });
    assert!(found <= 0.06, "{found}");
    assert!(careless > 200, "ignoring noise rejects {careless} of 2,000");
}

#[test]
fn intervals_under_noise_hold_the_truth_as_often_as_they_say() {
    let holds = |interval: Interval, truth: f64| interval.lo <= truth && truth <= interval.hi;
    // A rare cell, of which noise often leaves fewer than nobody.
    let rare = share(2_000, |rng| {
        let noisy = with_noise(&people(&[2], 500, &[0.01, 0.99], rng), 36.0, rng);
        holds(counts(&noisy).cells.values[0].share.value().unwrap().interval, 0.01)
    });
    assert!(rare > 0.94, "share: {rare}");
    let chances = [0.3, 0.2, 0.2, 0.3];
    for variance in [0.0, 49.0] {
        let table = |rng: &mut StdRng| with_noise(&people(&[2, 2], 400, &chances, rng), variance, rng);
        let odds_ratio = share(4_000, |rng| {
            let found = TwoByTwo::of(&four(&table(rng)));
            holds(found.odds_ratio.value().unwrap().estimate.interval, 2.25)
        });
        assert!((0.935..0.975).contains(&odds_ratio), "odds ratio: {odds_ratio}");
    }
}

#[test]
fn effects_under_noise_hold_the_truth_as_often_as_they_say() {
    let holds = |interval: Interval, truth: f64| interval.lo <= truth && truth <= interval.hi;
    let chances = [0.3, 0.2, 0.2, 0.3];
    let mut risks = (0, 0);
    let common = share(2_000, |rng| {
        let one = with_noise(&people(&[2, 2], 400, &chances, rng), 49.0, rng);
        let other = with_noise(&people(&[2, 2], 300, &[0.45, 0.15, 0.229, 0.171], rng), 49.0, rng);
        let two_by_two = TwoByTwo::of(&four(&one));
        risks.0 += u32::from(holds(two_by_two.risk_ratio.value().unwrap().estimate.interval, 1.5));
        risks.1 += u32::from(holds(two_by_two.risk_difference.value().unwrap().estimate.interval, 0.2));
        assert!(mantel_haenszel(&[four(&one)], 0.0).unwrap().p_value <= 1.0);
        holds(common_odds_ratio(&[four(&one), four(&other)]).unwrap().estimate.interval, 2.24)
    });
    assert!((0.935..0.975).contains(&common), "common odds ratio: {common}");
    assert!((1_870..1_950).contains(&risks.0), "risk ratio: {} of 2,000", risks.0);
    assert!((1_870..1_950).contains(&risks.1), "risk difference: {} of 2,000", risks.1);
}

#[test]
fn without_noise_the_noisy_formulas_are_the_exact_ones() {
    let exactly = exact(&[2, 2], &[40, 20, 30, 50]);
    let hardly = exactly.map(|sum| Sum::noisy(sum.value, 1e-12));
    let (exactly, hardly) = (contingency(&exactly, [0; 32]).unwrap(), contingency(&hardly, [0; 32]).unwrap());
    let close = |a: f64, b: f64| assert!((a - b).abs() < 1e-6 * a.abs(), "{a} and {b}");
    close(*exactly.cramers_v.value().unwrap(), *hardly.cramers_v.value().unwrap());
    let statistic = |found: &Contingency| found.pearson.value().unwrap().statistic.unwrap();
    close(statistic(&exactly), statistic(&hardly));
    let p_value = |found: &Contingency| found.pearson.value().unwrap().p_value;
    assert!((p_value(&exactly) - p_value(&hardly)).abs() < 0.01);
    let pairs = exactly.two_by_two.iter().zip(&hardly.two_by_two).next().unwrap();
    for (exact, hardly) in [
        (&pairs.0.odds_ratio, &pairs.1.odds_ratio),
        (&pairs.0.risk_ratio, &pairs.1.risk_ratio),
        (&pairs.0.risk_difference, &pairs.1.risk_difference),
    ] {
        let (exact, hardly) = (exact.value().unwrap().estimate, hardly.value().unwrap().estimate);
        close(exact.interval.lo, hardly.interval.lo);
        close(exact.interval.hi, hardly.interval.hi);
    }
}

#[test]
fn repro_a_noisy_count_below_zero_was_stated_as_zero() {
    let found = super::super::counts(&crate::statistics::testing::cells(
        &[2],
        &[crate::statistics::Sum::noisy(-3, 9.0), crate::statistics::Sum::noisy(103, 9.0)],
    ));
    let cell = &found.cells.values[0];
    let count = cell.count.value().unwrap();
    assert_eq!(count.value, -3.0, "as released");
    assert!(count.interval.lo < -8.0 && count.interval.hi > 2.0, "with the noise's whole interval");
    let share = cell.share.value().unwrap();
    assert_eq!((share.value, share.interval.lo), (-0.03, -0.03), "a share lies in its interval");
}
