//! Curves and tests whose sums carry privacy noise keep what they promise.

use rand::rngs::StdRng;

use super::super::{
    Survival,
    kaplan_meier::{self, curve},
    life_table::{LifeTable, life_tables},
    log_rank::log_rank,
    restricted_mean::restricted_mean,
    survival,
};
use crate::statistics::{
    Cells, Sum, Undefined,
    noise::{self, draw_cells},
    testing::{cells, exact, rng, with_noise},
};

/// Chances to be censored and to have the event in each of so many bins, at these rates among those left.
fn chances(bins: usize, hazard: f64, censoring: f64) -> Vec<f64> {
    let mut left = 1.0;
    let bin = |bin| {
        let events = left * hazard;
        let censored = (left - events) * if bin + 1 == bins { 1.0 } else { censoring };
        left -= events + censored;
        [censored, events]
    };
    (0..bins).flat_map(bin).collect()
}

fn tables(groups: &[(u64, Vec<f64>)], rng: &mut StdRng) -> Cells<Sum> {
    let bins = groups[0].1.len() as u16 / 2;
    let counts = groups.iter().flat_map(|(people, chances)| draw_cells(*people, chances, rng).unwrap());
    exact(&[groups.len() as u16, bins, 2], &counts.map(|people| people as i64).collect::<Vec<_>>())
}

fn share(runs: u32, mut holds: impl FnMut(&mut StdRng) -> bool) -> f64 {
    let mut rng = rng(11);
    (0..runs).filter(|_| holds(&mut rng)).count() as f64 / f64::from(runs)
}

fn rejects(cells: &Cells<Sum>) -> bool {
    log_rank(&[life_tables(cells).unwrap().1], [1; 32], 199).is_ok_and(|test| test.p_value <= 0.05)
}

#[test]
fn the_log_rank_test_is_not_anti_conservative_under_noise_and_ignoring_noise_is() {
    let groups = [
        vec![(150, chances(10, 0.1, 0.05)), (250, chances(10, 0.1, 0.1))],
        vec![(400, chances(10, 0.04, 0.02)), (200, chances(10, 0.04, 0.2))],
        vec![(200, chances(6, 0.15, 0.1)), (200, chances(6, 0.15, 0.1)), (300, chances(6, 0.15, 0.02))],
    ];
    for (groups, variance) in groups.iter().zip([9.0, 36.0, 25.0]) {
        let mut careless = 0;
        let found = share(1_000, |rng| {
            let noisy = with_noise(&tables(groups, rng), variance, rng);
            careless += u32::from(rejects(&noisy.map(|sum| Sum::exact(sum.value.max(0)))));
            rejects(&noisy)
        });
        assert!(found <= 0.06, "variance {variance}: {found}");
        assert!(careless > 80, "variance {variance}: ignoring noise rejects {careless} of 1,000");
    }
}

#[test]
fn the_log_rank_test_finds_a_difference_that_noise_does_not_hide() {
    let groups = [(400, chances(10, 0.05, 0.05)), (400, chances(10, 0.1, 0.05))];
    let found = share(200, |rng| {
        let exactly = tables(&groups, rng);
        rejects(&with_noise(&exactly, 9.0, rng))
    });
    assert!(found > 0.9, "{found}");
}

#[test]
fn hardly_any_noise_gives_the_exact_log_rank_test() {
    let groups = [(200, chances(8, 0.08, 0.05)), (200, chances(8, 0.1, 0.05))];
    let exactly = tables(&groups, &mut rng(3));
    let hardly = exactly.map(|sum| Sum::noisy(sum.value, 1e-9));
    let test = |cells: &Cells<Sum>| log_rank(&[life_tables(cells).unwrap().1], [1; 32], 9_999).unwrap();
    let (exactly, hardly) = (test(&exactly), test(&hardly));
    assert!((exactly.statistic.unwrap() / hardly.statistic.unwrap() - 1.0).abs() < 1e-6);
    assert!((exactly.p_value - hardly.p_value).abs() < 0.02, "{} and {}", exactly.p_value, hardly.p_value);
}

fn one(people: u64, chances: &[f64], variance: f64, rng: &mut StdRng) -> Cells<Sum> {
    let counts: Vec<i64> = draw_cells(people, chances, rng).unwrap().into_iter().map(|n| n as i64).collect();
    with_noise(&exact(&[chances.len() as u16 / 2, 2], &counts), variance, rng)
}

#[test]
fn intervals_under_noise_hold_the_truth_as_often_as_they_say() {
    let truth: f64 = 0.92_f64.powi(6);
    let (mut plain, mut log_log, mut hazard, mut mean, mut median) = (0, 0, 0, 0, 0);
    let runs = 2_000;
    let mut rng = rng(12);
    let true_mean =
        8.0 - (1..9).map(|bin| (0.92_f64.powi(bin - 1) - 0.92_f64.powi(bin)) * f64::from(9 - bin)).sum::<f64>();
    for _ in 0..runs {
        let cells = one(800, &chances(12, 0.08, 0.03), 36.0, &mut rng);
        let table = &life_tables(&cells).unwrap().1[0];
        let points = curve(table).unwrap();
        let holds =
            |interval: crate::statistics::Interval, truth: f64| u32::from(interval.lo <= truth && truth <= interval.hi);
        plain += holds(*points[5].plain.value().unwrap(), truth);
        log_log += holds(*points[5].log_log.value().unwrap(), truth);
        hazard += holds(points[5].cumulative_hazard.value().unwrap().interval, 6.0 * 0.08);
        let found = restricted_mean(table, 8.0).unwrap();
        mean += holds(found.mean.interval, true_mean);
        // 0.92^9 is the first below one half.
        let quantile = &super::super::quantile::quantiles(&Ok(points), true)[1];
        median += u32::from(
            quantile.lo.value().is_some_and(|lo| *lo <= 8.0) && quantile.hi.value().is_none_or(|hi| *hi >= 8.0),
        );
    }
    for (name, held) in [("plain", plain), ("log-log", log_log), ("hazard", hazard), ("restricted mean", mean)] {
        let held = f64::from(held) / f64::from(runs);
        assert!((0.93..=0.98).contains(&held), "{name}: {held}");
    }
    assert!(f64::from(median) / f64::from(runs) > 0.93, "median: {median}");
}

/// The slopes of one pass against the secants of [`noise::variance`].
#[test]
fn the_noise_of_a_curve_is_that_of_the_delta_method() {
    let sums: Vec<Sum> = [30, 50, 20, 40, 25, 60, 90, 30].map(|people| Sum::noisy(people, 0.01)).to_vec();
    let table = &life_tables(&cells(&[4, 2], &sums)).unwrap().1[0];
    let points = curve(table).unwrap();
    for (last, point) in points.iter().enumerate() {
        let survival = |values: &[f64]| {
            let at_risk = |bin: usize| values[2 * bin..].iter().sum::<f64>();
            Ok((0..=last).map(|bin| 1.0 - values[2 * bin + 1] / at_risk(bin)).product::<f64>())
        };
        let hazard = |values: &[f64]| -> Result<f64, Undefined> {
            let at_risk = |bin: usize| values[2 * bin..].iter().sum::<f64>();
            Ok((0..=last).map(|bin| values[2 * bin + 1] / at_risk(bin)).sum::<f64>())
        };
        let greenwood = kaplan_meier::greenwood(table.followed().unwrap())[last];
        let noise = noise::variance(&sums, survival).unwrap();
        let expected = (point.survival.powi(2) * greenwood + noise).sqrt();
        assert!((point.standard_error.value().unwrap() / expected - 1.0).abs() < 1e-6);
        let noise = noise::variance(&sums, hazard).unwrap();
        let exactly = curve(&exact_table(table)).unwrap()[last].cumulative_hazard.value().unwrap().standard_error;
        let found = point.cumulative_hazard.value().unwrap().standard_error;
        assert!((found / exactly.hypot(noise.sqrt()) - 1.0).abs() < 1e-6);
    }
}

fn exact_table(table: &LifeTable) -> LifeTable {
    let exactly = |sum: Sum| Sum::exact(sum.value);
    let mut table = table.clone();
    for step in &mut table.steps {
        (step.events, step.censored, step.at_risk) =
            (exactly(step.events), exactly(step.censored), exactly(step.at_risk));
    }
    table
}

#[test]
fn noisy_curves_only_fall_and_stop_where_noise_drowns_them() {
    let mut rng = rng(5);
    let mut followed = 0;
    for _ in 0..50 {
        let cells = one(300, &chances(40, 0.05, 0.03), 16.0, &mut rng);
        let Survival { groups, interval_method, .. } = survival(&cells, None, [0; 32]).unwrap();
        assert_eq!(interval_method, "plain, with the noise's error");
        let points = groups[0].curve.value().unwrap();
        followed += points.len();
        assert!(points.is_sorted_by(|a, b| a.survival >= b.survival));
        assert!(points.iter().all(|point| (0.0..=1.0).contains(&point.survival)));
        let mean = groups[0].restricted_mean.value().unwrap();
        assert!(mean.horizon <= points.last().unwrap().time);
    }
    assert!(
        (10..35).contains(&(followed / 50)),
        "the last bins hold fewer people than noise, yet {followed} are followed"
    );
}
