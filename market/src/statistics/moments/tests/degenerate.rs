//! Tables that give nothing say why, and no table gives a number that is none.

use proptest::prelude::*;

use super::*;
use crate::statistics::{
    Stated, Sum,
    people::{agrees, states_every_number},
};

const SEED: [u8; 32] = [9; 32];

fn undefined<T>(why: Undefined) -> Stated<T> {
    Err(why).into()
}

/// People whose `x` and `y` have some spread.
fn spread(people: u32, group: u32) -> Vec<[u32; 3]> {
    (0..people).map(|person| [20 + 7 * person % 31, 40 + 11 * person % 29, group]).collect()
}

#[test]
fn nobody_has_no_moments() {
    let moments = moments_of(&[]);
    let cell = &moments.describe()[0];
    assert_eq!(cell.attributes[0].mean, undefined(Undefined::Nobody));
    assert_eq!(cell.attributes[0].standard_deviation, undefined(Undefined::Nobody));
    assert_eq!(cell.pairs[0].test, undefined(Undefined::Nobody));
    let comparison = moments.compare(0, 0, 1);
    assert_eq!(comparison.welch_test, undefined(Undefined::Nobody));
    assert_eq!(comparison.cohens_d, undefined(Undefined::Nobody));
    let anova = moments.anova(0, &[0, 1, 2], SEED);
    assert_eq!((anova.groups.len(), anova.left_out.len()), (0, 3));
    assert_eq!(anova.test, undefined(Undefined::OneGroup));
    assert_eq!(moments.regress(&model(Intercepts::Common), SEED), undefined(Undefined::Nobody));
    states_every_number(&(moments.describe(), comparison, anova));
}

#[test]
fn people_whose_values_are_all_missing_are_nobody() {
    let missing = circuits::record::MISSING;
    let moments = moments_of(&[[missing, 7, 0], [5, missing, 0], [5, 5, missing]]);
    assert_eq!(moments.describe()[0].attributes[1].mean, undefined(Undefined::Nobody));
}

#[test]
fn one_person_has_no_variance() {
    let moments = moments_of(&[[5, 6, 0], [9, 2, 1], [8, 2, 1]]);
    let few = |needed| Undefined::TooFew { found: 1, needed };
    let cell = &moments.describe()[0];
    assert_eq!(cell.attributes[0].mean, undefined(few(2)));
    assert_eq!(cell.attributes[0].variance, undefined(few(2)));
    assert_eq!(cell.pairs[0].covariance, undefined(few(2)));
    let comparison = moments.compare(0, 0, 1);
    assert_eq!(comparison.welch_test, undefined(few(2)));
    assert!(comparison.pooled_test.value().is_some(), "the second group's variance serves both");
    let two = moments_of(&[[5, 6, 0], [9, 2, 1]]).compare(0, 0, 1);
    assert_eq!(two.pooled_test, undefined(Undefined::TooFew { found: 2, needed: 3 }));
}

#[test]
fn few_people_have_a_correlation_without_an_interval() {
    let moments = moments_of(&[[5, 6, 0], [9, 20, 0], [8, 90, 0]]);
    let pair = &moments.describe()[0].pairs[0];
    assert_eq!(pair.correlation, undefined(Undefined::TooFew { found: 3, needed: 4 }));
    assert!(pair.test.value().is_some());
    let two = &moments_of(&[[5, 6, 0], [9, 20, 0]]).describe()[0].pairs[0];
    assert_eq!(two.test, undefined(Undefined::TooFew { found: 2, needed: 3 }));
}

#[test]
fn equal_values_have_a_mean_and_no_test() {
    let moments = moments_of(&[[50, 60, 0], [50, 61, 0], [50, 65, 0], [50, 62, 1], [50, 60, 1]]);
    let cell = &moments.describe()[0];
    assert_eq!(cell.attributes[0].mean.value().unwrap().interval, Interval { lo: 5.0, hi: 5.0 });
    assert_eq!(cell.attributes[0].variance.value().unwrap().value, 0.0);
    assert_eq!(cell.attributes[0].standard_deviation.value().unwrap().interval.hi, 0.0);
    assert_eq!(cell.pairs[0].correlation, undefined(Undefined::NoVariance));
    let comparison = moments.compare(0, 0, 1);
    assert_eq!(comparison.welch_test, undefined(Undefined::NoVariance));
    assert_eq!(comparison.cohens_d, undefined(Undefined::NoVariance));
    assert_eq!(moments.anova(0, &[0, 1, 2], SEED).test, undefined(Undefined::NoVariance));
    let constant = Undefined::Collinear { predictor: "x".into() };
    assert_eq!(moments.regress(&model(Intercepts::Common), SEED), undefined(constant));
    let response = Model { response: 0, predictors: vec![1], ..model(Intercepts::Common) };
    assert_eq!(moments.regress(&response, SEED), undefined(Undefined::NoVariance));
    states_every_number(&(moments.describe(), comparison));
}

#[test]
fn groups_that_differ_and_hold_equal_values_fit_perfectly() {
    let moments = moments_of(&[[10, 1, 0], [10, 1, 0], [20, 1, 1], [20, 1, 1]]);
    assert_eq!(moments.anova(0, &[0, 1], SEED).test, undefined(Undefined::PerfectFit));
    assert_eq!(moments.anova(0, &[0, 1], SEED).bartlett_test, undefined(Undefined::NoVariance));
}

#[test]
fn values_on_a_line_have_coefficients_and_no_test() {
    let rows: Vec<[u32; 3]> = (0..20).map(|person| [person, 3 * person + 7, 0]).collect();
    let moments = moments_of(&rows);
    let pair = &moments.describe()[0].pairs[0];
    assert_eq!(pair.correlation.value().unwrap().interval, Interval { lo: 1.0, hi: 1.0 });
    assert_eq!(pair.test, undefined(Undefined::PerfectFit));
    let fitted = moments.regress(&model(Intercepts::Common), SEED);
    let fit = fitted.value().unwrap();
    // `x` is stored in tenths.
    assert!((fit.coefficients[1].estimate.value - 30.0).abs() < 1e-9);
    assert_eq!(fit.coefficients[1].test, undefined(Undefined::PerfectFit));
    assert_eq!(fit.model_test, undefined(Undefined::PerfectFit));
    assert_eq!(fit.r_squared, 1.0);
    states_every_number(&fitted);
}

#[test]
fn a_predictor_that_the_others_explain_is_named() {
    let columns = ["a", "b", "c", "d"].map(|name| column(name, 1, 0, 1_000));
    let rows: Vec<Vec<u32>> = spread(40, 0).iter().map(|[a, b, _]| vec![*a, *b, a + 2 * b, a * b % 37]).collect();
    let table = Table::of_values(&columns, &rows);
    let layout = layout(&table, &["a", "b", "c", "d"], &[]);
    let moments = read(&table, &layout, table.sums(&layout));
    let model = |predictors: &[usize]| Model {
        response: 3,
        predictors: predictors.to_vec(),
        cells: vec![0],
        intercepts: Intercepts::Common,
    };
    let collinear = |predictor: &str| undefined(Undefined::Collinear { predictor: predictor.into() });
    assert_eq!(moments.regress(&model(&[0, 1, 2]), SEED), collinear("c"));
    assert_eq!(moments.regress(&model(&[2, 1, 0]), SEED), collinear("a"));
    assert_eq!(moments.regress(&model(&[0, 0]), SEED), collinear("a"));
    assert_eq!(moments.regress(&model(&[0, 3]), SEED), collinear("d"));
    assert!(moments.regress(&model(&[0, 1]), SEED).value().is_some());
    assert_eq!(moments.regress(&model(&[0, 7]), SEED), undefined(Undefined::AllMissing));
}

#[test]
fn a_model_without_predictors_is_a_mean() {
    let moments = moments_of(&spread(12, 0));
    let fitted = moments.regress(&Model { predictors: vec![], ..model(Intercepts::Common) }, SEED);
    let fit = fitted.value().unwrap();
    let described = moments.describe();
    let mean = described[0].attributes[1].mean.value().unwrap();
    agrees(&fit.coefficients[0].estimate, &serde_json::to_value(mean).unwrap(), 1e-12);
    assert_eq!(fit.model_test, undefined(Undefined::OneGroup));
}

#[test]
fn a_model_needs_more_people_than_parameters() {
    let moments = moments_of(&[[1, 2, 0], [5, 9, 0]]);
    let few = Undefined::TooFew { found: 2, needed: 3 };
    assert_eq!(moments.regress(&model(Intercepts::Common), SEED), undefined(few));
}

#[test]
fn one_group_is_not_compared() {
    let moments = moments_of(&spread(30, 1));
    let anova = moments.anova(0, &[0, 1, 2], SEED);
    assert_eq!(anova.left_out, ["group 0", "group 2 and more"]);
    assert_eq!(anova.test, undefined(Undefined::OneGroup));
    assert_eq!(anova.bartlett_test, undefined(Undefined::OneGroup));
    assert_eq!(anova.pairwise, undefined(Undefined::OneGroup));
}

#[test]
fn a_cell_that_is_named_twice_counts_once() {
    let moments = moments_of(&[spread(20, 0), spread(25, 1)].concat());
    assert_eq!(moments.anova(0, &[0, 1, 1, 0], SEED), moments.anova(0, &[0, 1], SEED));
    let twice = Model { cells: vec![0, 0, 1], ..model(Intercepts::Common) };
    let once = Model { cells: vec![0, 1], ..model(Intercepts::Common) };
    assert_eq!(moments.regress(&twice, SEED), moments.regress(&once, SEED));
}

#[test]
fn many_groups_are_compared_together_and_not_in_pairs() {
    let columns = [column("x", 1, 0, 99), column("group", 1, 0, 99)];
    let rows: Vec<Vec<u32>> = (0..400).map(|person| vec![17 * person % 41, person % 40]).collect();
    let table = Table::of_values(&columns, &rows);
    let axes = vec![Axis::Bins { attribute: 1, lo: 0, width: 1, count: 40 }];
    let layout = Layout { axes, ..layout(&table, &["x"], &[]) };
    let moments = read(&table, &layout, table.sums(&layout));
    let anova = moments.anova(0, &(0..40).collect::<Vec<_>>(), SEED);
    assert!(anova.test.value().is_some());
    assert_eq!(anova.pairwise, undefined(Undefined::TooMany { found: 40, limit: 32 }));
}

#[test]
fn predictions_are_made_of_numbers_and_within_the_model() {
    let moments = moments_of(&spread(30, 0));
    let model = model(Intercepts::Common);
    for at in [&[][..], &[1.0, 2.0], &[f64::NAN], &[f64::INFINITY]] {
        assert_eq!(moments.predict(&model, 0, at), undefined(Undefined::OutOfRange));
    }
    assert_eq!(moments.predict(&model, 1, &[1.0]), undefined(Undefined::Nobody));
    assert_eq!(moments.band(&model, 0, 1, 5), undefined(Undefined::AllMissing));
    let drawn = moments.band(&model, 0, 0, 5);
    let band = drawn.value().unwrap();
    let widths: Vec<f64> = band.points.iter().map(|point| point.mean.interval.hi - point.mean.interval.lo).collect();
    assert_eq!(band.points.len(), 5);
    assert!(widths[2] < widths[0] && widths[2] < widths[4], "narrowest at the mean");
    assert!(band.points.iter().all(|point| point.individual.lo < point.mean.interval.lo));
    states_every_number(&drawn);
}

#[test]
fn sums_of_other_attributes_are_refused() {
    let (table, layout) = table_of(&spread(5, 0));
    let moments = read(&table, &layout, table.sums(&layout));
    let one = table.moments(&["x"]);
    assert!(MomentTable::new(&one, &table.schema, moments.cells().clone()).is_err());
    let none = Cells { axes: vec![], values: vec![] };
    assert!(MomentTable::new(&one, &table.schema, none).is_err());
}

#[test]
fn sums_that_nobody_adds_up_to_are_refused() {
    let moments = table_of_sums(&[vec![10, 100, 3, 5, 0, 5]], 0.0);
    assert_eq!(moments.describe()[0].attributes[0].mean, undefined(Undefined::Contradiction));
    let correlation = table_of_sums(&[vec![10, 0, 10, 0, 11, 10]], 0.0).describe()[0].pairs[0].correlation.clone();
    assert_eq!(correlation, undefined(Undefined::Contradiction));
}

/// Two attributes in one cell for each list of sums: the count, and the sums and products in a layout's order.
fn table_of_sums(cells: &[Vec<i64>], noise: f64) -> MomentTable {
    let (table, layout) = table_of(&[]);
    let axes = vec![Axis::Bins { attribute: 2, lo: 0, width: 1, count: cells.len() as u16 }];
    let layout = Layout { axes, ..layout };
    let empty = read(&table, &layout, table.sums(&layout));
    let Statistic::Moments { attributes } = layout.statistic else { panic!("moments") };
    let sum = |value: &i64| Sum::noisy(*value, noise);
    let sums = |cell: &Vec<i64>| {
        let sums: Vec<Sum> = cell.iter().map(sum).collect();
        MomentSums {
            count: sums[0],
            values: vec![sums[1], sums[3]],
            products: vec![vec![sums[2]], vec![sums[4], sums[5]]],
        }
    };
    let values = cells.iter().map(sums).collect();
    MomentTable::new(&attributes, &table.schema, Cells { axes: empty.cells.axes, values }).unwrap()
}

/// Everything that can be asked of a table.
fn everything(moments: &MomentTable) -> impl serde::Serialize {
    let cells: Vec<usize> = (0..moments.cells().values.len()).collect();
    let [common, per_cell] =
        [Intercepts::Common, Intercepts::PerCell].map(|intercepts| Model { cells: cells.clone(), ..model(intercepts) });
    (
        moments.describe(),
        moments.compare(0, 0, 1),
        moments.anova(1, &cells, SEED),
        moments.regress(&common, SEED),
        moments.regress(&per_cell, SEED),
        moments.predict(&common, 0, &[3.0]),
        moments.band(&per_cell, 0, 0, 3),
    )
}

fn any_sum() -> impl Strategy<Value = i64> {
    prop_oneof![-3_i64..=3, -1_000_i64..100_000, -(1_i64 << 48)..1 << 48, any::<i64>(), Just(i64::MIN), Just(i64::MAX)]
}

fn noise() -> impl Strategy<Value = f64> {
    prop_oneof![Just(0.0), Just(1e-9), Just(1.0), Just(900.0), Just(1e12), Just(1e300)]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(60))]

    #[test]
    fn any_sums_give_numbers_or_reasons(
        cells in prop::collection::vec(prop::collection::vec(any_sum(), 6), 1..4),
        noise in noise(),
    ) {
        states_every_number(&everything(&table_of_sums(&cells, noise)));
    }

    #[test]
    fn any_people_give_numbers_or_reasons(
        rows in prop::collection::vec([0_u32..40, 0_u32..40, 0_u32..4], 0..30),
        noise in noise(),
    ) {
        let (table, layout) = table_of(&rows);
        let slots: Vec<Sum> = table.slots(&layout).iter().map(|slot| Sum::noisy(slot.value, noise)).collect();
        let sums = PartSums::of_slots(&layout, &table.schema, &slots).unwrap();
        states_every_number(&everything(&read(&table, &layout, sums)));
    }

    #[test]
    fn a_change_of_unit_changes_no_test(rows in prop::collection::vec([0_u32..90, 0_u32..90, 0_u32..3], 8..60)) {
        let tenths = moments_of(&rows);
        let columns = [column("x", 1, 0, 1_000), column("y", 1, 5, 1_005), column("group", 1, 0, 9)];
        let rows: Vec<Vec<u32>> = rows.iter().map(|row| row.to_vec()).collect();
        let table = Table::of_values(&columns, &rows);
        let layout = layout(&table, &["x", "y"], &[("group", &[1, 2])]);
        let ones = read(&table, &layout, table.sums(&layout));
        let test = |moments: &MomentTable| moments.compare(0, 0, 1).welch_test.value().map(|test| test.p_value);
        match (test(&tenths), test(&ones)) {
            (Some(a), Some(b)) => prop_assert!((a - b).abs() <= 1e-9 * b),
            (a, b) => prop_assert_eq!(a, b),
        }
    }
}
