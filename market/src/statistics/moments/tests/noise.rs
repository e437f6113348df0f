//! Under the noise of real releases: tests keep their level, and would not if the noise were ignored.

use circuits::{
    layout::{MomentTerm, moment_terms},
    privacy::{Epsilon, SlotNoise},
};
use rand::{RngExt, SeedableRng, rngs::StdRng};
use statrs::distribution::{ChiSquared, Normal};

use super::*;
use crate::statistics::{
    Stated, Sum, Test,
    noise::draw,
    people::{Coverage, NEAR_95, share_significant, states_every_number},
};

/// People in each of three groups, with whom the noise of [`released`] is as wide as sampling or wider.
const PEOPLE: f64 = 3_000.0;
/// Subsets of a committee of 2 of 4.
const SUBSETS: usize = 4;

/// Two measured attributes in three groups, and nobody yet.
fn nobody() -> (Table, Layout) {
    let table = Table::of_values(&[column("x", 10, 0, 255), column("y", 1, 0, 255), column("group", 1, 0, 9)], &[]);
    let layout = layout(&table, &["x", "y"], &[("group", &[1, 2])]);
    (table, layout)
}

/// The sums of a cell's people whose two values are normal, with means of 120 and 130 and deviations of 30, and correlate as
/// given: means and squares drawn as such people's are (Bartlett's decomposition of Wishart's distribution).
fn correlated(correlation: f64, rng: &mut StdRng) -> impl Fn(MomentTerm) -> f64 + use<> {
    let own = (1.0 - correlation * correlation).sqrt();
    let mut normal = || rng.sample::<f64, _>(Normal::standard());
    let means = [normal(), normal()].map(|mean| 30.0 * mean / PEOPLE.sqrt());
    let (x, y) = (120.0 + means[0], 130.0 + correlation * means[0] + own * means[1]);
    let across = normal();
    let mut length = |degrees: f64| rng.sample::<f64, _>(ChiSquared::new(degrees).unwrap()).sqrt();
    let (first, second) = (length(PEOPLE - 1.0), length(PEOPLE - 2.0));
    let shared = correlation * first + own * across;
    move |term| match term {
        MomentTerm::Value(place) => PEOPLE * [x, y][place],
        MomentTerm::Product(0, 0) => 900.0 * first * first + PEOPLE * x * x,
        MomentTerm::Product(1, 1) => 900.0 * (shared * shared + own * own * second * second) + PEOPLE * y * y,
        MomentTerm::Product(..) => 900.0 * first * shared + PEOPLE * x * y,
    }
}

/// What a committee releases of them at ε = 10: each slot with the noise of its digit, 255 times a count's for most.
fn released(layout: &Layout, rng: &mut StdRng) -> Vec<Sum> {
    released_of(0.0, layout, rng)
}

/// The same of people whose two values correlate.
fn released_of(correlation: f64, layout: &Layout, rng: &mut StdRng) -> Vec<Sum> {
    let noise = SlotNoise::new(layout, Epsilon::from_milli(10_000).rho(), 1, SUBSETS).unwrap();
    let variances = (0..usize::from(layout.slots_used())).map(|slot| noise.variance(slot, SUBSETS));
    let mut slots: Vec<Sum> =
        variances.map(|variance| Sum::noisy(draw(variance, rng).unwrap() as i64, variance)).collect();
    for cell in slots.chunks_mut(layout.statistic.slots().into()) {
        let total = correlated(correlation, rng);
        cell[0].value += PEOPLE as i64;
        let mut lowest = 1;
        for term in moment_terms(2) {
            // A whole sum in the slot of its lowest digit reads as its digits do.
            cell[lowest].value += total(term).round() as i64;
            lowest += term.digits();
        }
    }
    slots
}

fn with_noise(table: &Table, layout: &Layout, slots: &[Sum]) -> MomentTable {
    read(table, layout, PartSums::of_slots(layout, &table.schema, slots).unwrap())
}

fn silenced(slots: &[Sum]) -> Vec<Sum> {
    slots.iter().map(|slot| Sum::exact(slot.value)).collect()
}

/// Shares of p-values below 0.05 over tables without any effect, for each of several tests: with the noise counted,
/// and with it ignored.
fn shares<const TESTS: usize>(
    runs: u64,
    p_values: impl Fn(&MomentTable, [u8; 32]) -> [Option<f64>; TESTS],
) -> [[f64; 2]; TESTS] {
    let mut found = [const { [vec![], vec![]] }; TESTS];
    for run in 0..runs {
        let mut rng = StdRng::seed_from_u64(run);
        let (table, layout) = nobody();
        let slots = released(&layout, &mut rng);
        for (place, slots) in [&slots, &silenced(&slots)].into_iter().enumerate() {
            let p_values = p_values(&with_noise(&table, &layout, slots), [run as u8; 32]);
            found.iter_mut().zip(p_values).for_each(|(found, p_value)| found[place].extend(p_value));
        }
    }
    found.map(|found| {
        assert!(found[0].len() as u64 > runs * 9 / 10, "{} of {runs} tests are stated", found[0].len());
        found.map(|p_values| share_significant(&p_values))
    })
}

fn p_value(test: &Stated<Test>) -> Option<f64> {
    test.value().map(|test| test.p_value)
}

#[test]
fn t_tests_keep_their_level_under_noise() {
    let [welch, pooled, correlation] = shares(1_000, |moments, _| {
        let comparison = moments.compare(0, 0, 1);
        let pair = &moments.describe_cell(0).pairs[0];
        [&comparison.welch_test, &comparison.pooled_test, &pair.test].map(p_value)
    });
    for [counted, ignored] in [welch, pooled, correlation] {
        assert!(counted < 0.065 && ignored > 0.07, "{counted} with the noise counted, {ignored} with it ignored");
    }
    assert!(correlation[1] > 0.3, "noise in products makes correlations");
}

#[test]
fn analyses_of_variance_keep_their_level_under_noise() {
    let cells = [0, 1, 2];
    let tests = shares(400, |moments, seed| {
        let anova = moments.anova(0, &cells, seed);
        [&anova.test, &anova.bartlett_test].map(p_value)
    });
    for [counted, ignored] in tests {
        assert!(counted < 0.065 && ignored > 0.07, "{counted} with the noise counted, {ignored} with it ignored");
    }
}

#[test]
fn regressions_keep_their_level_under_noise() {
    let tests = shares(400, |moments, seed| {
        let fitted = moments.regress(&model(Intercepts::PerCell), seed);
        let Some(fit) = fitted.value() else { return [None; 4] };
        let intercepts = fit.intercepts_test.as_ref().unwrap();
        [&fit.model_test, intercepts, &fit.coefficients[2].test, &fit.coefficients[3].test].map(p_value)
    });
    for [counted, ignored] in tests {
        // Within three deviations of what 400 runs give of 0.05.
        assert!(counted < 0.08 && ignored > 0.07, "{counted} with the noise counted, {ignored} with it ignored");
    }
}

#[test]
fn intervals_cover_the_truth_under_noise() {
    let names = ["mean", "variance", "deviation", "correlation", "Cohen's d"];
    let mut coverage = [Coverage::default(); 5];
    for run in 0..500 {
        let mut rng = StdRng::seed_from_u64(run);
        let (table, layout) = nobody();
        let moments = with_noise(&table, &layout, &released(&layout, &mut rng));
        let CellSummary { attributes, pairs, .. } = moments.describe_cell(0);
        // The attribute's scale is 10: mean 12, variance 9.
        let estimates = [
            (&attributes[0].mean, 12.0),
            (&attributes[0].variance, 9.0),
            (&attributes[0].standard_deviation, 3.0),
            (&pairs[0].correlation, 0.0),
            (&moments.compare(0, 0, 1).cohens_d, 0.0),
        ];
        coverage.iter_mut().zip(estimates).for_each(|(coverage, (estimate, truth))| coverage.count(estimate, truth));
    }
    names.iter().zip(coverage).for_each(|(name, coverage)| coverage.check(name, NEAR_95));
}

#[test]
fn intervals_cover_an_effect_that_is_there_and_tests_find_it() {
    let [mut correlation, mut slope] = [Coverage::default(); 2];
    let mut p_values = vec![];
    for run in 0..400 {
        let mut rng = StdRng::seed_from_u64(run);
        let (table, layout) = nobody();
        let moments = with_noise(&table, &layout, &released_of(0.5, &layout, &mut rng));
        correlation.count(&moments.describe_cell(0).pairs[0].correlation, 0.5);
        let fitted = moments.regress(&model(Intercepts::PerCell), [run as u8; 32]);
        let of_x =
            fitted.value().map(|fit| fit.coefficients.iter().find(|coefficient| coefficient.name == "x").unwrap());
        // y = 0.5·x + e in stored values; x has 10 of them to a unit.
        slope.count(&of_x.map(|of_x| of_x.estimate).ok_or(Undefined::Noise).into(), 5.0);
        p_values.extend(of_x.and_then(|of_x| p_value(&of_x.test)));
    }
    correlation.check("correlation", NEAR_95);
    slope.check("slope", NEAR_95);
    let found = share_significant(&p_values);
    assert!(p_values.len() > 360 && found > 0.8, "{found} of {} tests find the slope", p_values.len());
}

#[test]
fn noise_widens_and_what_it_drowns_is_refused() {
    let (table, layout) = nobody();
    let slots = silenced(&released(&layout, &mut StdRng::seed_from_u64(1)));
    let variance = |variance: f64| {
        let slots: Vec<Sum> = slots.iter().map(|slot| Sum::noisy(slot.value, variance)).collect();
        with_noise(&table, &layout, &slots)
    };
    let error =
        |moments: &MomentTable| moments.describe_cell(0).attributes[0].mean.value().map(|mean| mean.standard_error);
    let errors = [0.0, 1.0, 25.0, 400.0].map(|noise| error(&variance(noise)).unwrap());
    assert!(errors.is_sorted_by(|a, b| a < b), "{errors:?}");
    let drowned = variance(1e7);
    let noise = Stated::Undefined { undefined: Undefined::Noise };
    assert_eq!(drowned.describe_cell(0).attributes[0].mean, noise);
    assert_eq!(drowned.describe_cell(0).pairs[0].correlation, noise);
    assert_eq!(drowned.compare(0, 0, 1).welch_test, Err(Undefined::Noise).into());
    let anova = drowned.anova(0, &[0, 1, 2], [0; 32]);
    assert_eq!(anova.left_out.len(), 3, "3,000 people are within two deviations of noise");
    states_every_number(&(drowned.describe(), anova, drowned.compare(0, 0, 1)));
}

#[test]
fn a_simulated_p_value_is_the_same_each_time() {
    let (table, layout) = nobody();
    let moments = with_noise(&table, &layout, &released(&layout, &mut StdRng::seed_from_u64(3)));
    assert_eq!(moments.anova(1, &[0, 1, 2], [5; 32]), moments.anova(1, &[0, 1, 2], [5; 32]));
    let test = moments.anova(1, &[0, 1, 2], [5; 32]).test;
    assert_eq!(test.value().unwrap().method, "one-way analysis of variance, simulated with noise");
}
