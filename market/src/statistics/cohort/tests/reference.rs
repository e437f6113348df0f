//! Agreement with scipy and statsmodels, from real people's rows: `tests/reference/cohort.py`.

use circuits::{
    criteria::{MatchClause, MatchCriteria},
    layout::{Axis, Subject},
    record::MISSING,
};
use serde_json::Value;

use super::super::*;
use crate::statistics::{
    Estimate, Test,
    testing::{
        assert_close, assert_every_number_is_one, assert_p_close, cells_of_case, exact, funnel, reference, schema,
    },
};

const SEED: [u8; 32] = [5; 32];

/// The cases of one family whose data is here, with their cells.
fn cases(family: &str) -> Vec<(Value, crate::statistics::Cells<crate::statistics::Sum>)> {
    let cases = reference("cohort").into_iter().filter(|case| case["family"] == family);
    let found: Vec<_> = cases.filter_map(|case| cells_of_case(&case).map(|cells| (case, cells))).collect();
    assert!(found.len() > 1 || family == "histogram");
    found
}

fn agree(found: &Test, expected: &Value, what: &str) {
    assert_close(found.statistic.unwrap(), &expected["statistic"], &format!("{what}: statistic"));
    assert_p_close(found.p_value, &expected["p_value"], &format!("{what}: p-value"));
}

fn estimates_agree(found: &Estimate, expected: &Value, what: &str) {
    assert_close(found.value, &expected["value"], what);
    assert_close(found.interval.lo, &expected["lo"], &format!("{what}: lower end"));
    assert_close(found.interval.hi, &expected["hi"], &format!("{what}: upper end"));
    if expected.get("standard_error").is_some() {
        assert_close(found.standard_error, &expected["standard_error"], &format!("{what}: standard error"));
    }
}

#[test]
fn shares_have_wilsons_interval_and_exact_counts_none() {
    for (case, cells) in cases("contingency") {
        let found = counts(&cells);
        for (cell, expected) in found.cells.values.iter().zip(case["shares"].as_array().unwrap()) {
            estimates_agree(cell.share.value().unwrap(), expected, &cell.cell);
            let count = cell.count.value().unwrap();
            assert_eq!((count.interval.lo, count.interval.hi, count.standard_error), (count.value, count.value, 0.0));
        }
        assert_every_number_is_one(&found);
    }
}

#[test]
fn contingency_tables_agree_with_scipy_and_statsmodels() {
    for (case, cells) in cases("contingency") {
        let what = case["name"].as_str().unwrap();
        let found = contingency(&cells, SEED).unwrap();
        agree(found.pearson.value().unwrap(), &case["pearson"], what);
        agree(found.g.value().unwrap(), &case["g"], what);
        assert_close(*found.cramers_v.value().unwrap(), &case["cramers_v"], what);
        for (cell, expected) in found.expected.iter().flatten().zip(case["expected"].as_array().unwrap()) {
            assert_close(*cell, expected, what);
        }
        assert_eq!(found.expected_below_5, found.expected.iter().flatten().filter(|cell| **cell < 5.0).count());
        assert_eq!(found.warning.is_some(), found.expected_below_5 > 0, "{what}");
        let fisher = found.fisher.value().unwrap();
        if let Some(two_by_two) = &found.two_by_two {
            agree(found.yates.as_ref().unwrap().value().unwrap(), &case["yates"], what);
            assert_p_close(fisher.p_value, &case["fisher"], what);
            estimates_agree(&two_by_two.odds_ratio.value().unwrap().estimate, &case["odds_ratio"], what);
            estimates_agree(&two_by_two.risk_ratio.value().unwrap().estimate, &case["risk_ratio"], what);
            estimates_agree(&two_by_two.risk_difference.value().unwrap().estimate, &case["risk_difference"], what);
        } else {
            let expected = case["fisher_simulated"].as_f64().unwrap();
            let error = 4.0 * (expected.max(1e-3) / 9_999.0).sqrt();
            assert!((fisher.p_value - expected).abs() < error, "{what}: {} for {expected}", fisher.p_value);
        }
        assert_every_number_is_one(&found);
    }
}

#[test]
fn stratified_tables_agree_with_statsmodels() {
    for (case, cells) in cases("stratified") {
        let what = case["name"].as_str().unwrap();
        let found = stratified(&cells).unwrap();
        assert_eq!(case["strata"], found.strata);
        agree(found.mantel_haenszel.value().unwrap(), &case["mantel_haenszel"], what);
        agree(found.mantel_haenszel_corrected.value().unwrap(), &case["mantel_haenszel_corrected"], what);
        estimates_agree(&found.common_odds_ratio.value().unwrap().estimate, &case["common_odds_ratio"], what);
        agree(found.breslow_day.value().unwrap(), &case["breslow_day"], what);
        agree(found.tarone.value().unwrap(), &case["tarone"], what);
        if case.get("woolf").is_some() {
            agree(found.woolf.value().unwrap(), &case["woolf"], what);
        }
        assert_every_number_is_one(&found);
    }
}

#[test]
fn trends_agree_with_statsmodels() {
    for (case, cells) in cases("trend") {
        let what = case["name"].as_str().unwrap();
        let found = trend(&cells, None).unwrap();
        for (score, expected) in found.scores.iter().zip(case["scores"].as_array().unwrap()) {
            assert_close(*score, expected, what);
        }
        agree(found.test.value().unwrap(), &case["trend"], what);
        // The statistic does not change with the scores' origin and scale.
        let scores: Vec<f64> = found.scores.iter().map(|score| 100.0 + 3.0 * score).collect();
        agree(trend(&cells, Some(&scores)).unwrap().test.value().unwrap(), &case["trend"], what);
        assert_every_number_is_one(&found);
    }
}

#[test]
fn a_trend_is_as_in_the_example_of_rs_prop_trend_test() {
    // example(prop.trend.test): smokers among lung cancer patients, Fleiss 1981; X-squared = 8.2249, p-value = 0.004132.
    let (smokers, patients) = ([83, 90, 129, 70], [86, 93, 136, 82]);
    let rows: Vec<i64> = smokers.iter().zip(patients).flat_map(|(smokers, all)| [all - smokers, *smokers]).collect();
    let test = trend(&exact(&[4, 2], &rows), None).unwrap().test.value().unwrap().clone();
    assert!((test.statistic.unwrap().powi(2) - 8.2249).abs() < 5e-5);
    assert!((test.p_value - 0.004_132).abs() < 5e-7);
}

#[test]
fn histograms_have_numpys_densities_and_bins_that_hold_its_quantiles() {
    for (case, cells) in cases("histogram") {
        let what = case["name"].as_str().unwrap();
        let found = histograms(&cells).unwrap().remove(0);
        for (bin, expected) in found.bins.iter().zip(case["density"].as_array().unwrap()) {
            assert_close(bin.density.value().unwrap().value, expected, what);
        }
        for (quantile, expected) in found.quantiles.iter().zip(case["quantiles"].as_array().unwrap()) {
            let (bounds, expected) = (quantile.bounds.value().unwrap(), expected.as_f64().unwrap());
            assert!(bounds.lo <= expected && expected < bounds.hi, "{what}: {expected} outside {bounds:?}");
            let value = quantile.value.value().unwrap();
            assert!(bounds.lo <= *value && *value <= bounds.hi, "{what}: {value} outside {bounds:?}");
        }
        assert_every_number_is_one(&found);
    }
}

#[test]
fn a_group_of_people_has_its_own_histogram() {
    let people = [[0, 5], [0, 15], [1, 15], [1, 16], [1, MISSING], [0, 99]].map(|person| person.to_vec());
    let axes =
        vec![Axis::Thresholds { attribute: 0, cuts: vec![1] }, Axis::Bins { attribute: 1, lo: 0, width: 10, count: 2 }];
    let cells = crate::statistics::testing::counts(axes, &schema(&[("sex", 1, 1), ("age", 1, 120)]), &people);
    let found = histograms(&cells).unwrap();
    let counted =
        |group: usize| found[group].bins.iter().map(|bin| bin.count.value().unwrap().value).collect::<Vec<_>>();
    assert_eq!((counted(0), counted(1)), (vec![1.0, 1.0], vec![0.0, 2.0]), "missing and outside are not counted");
    assert_eq!((found[0].group.as_str(), found[1].group.as_str()), ("sex 0", "sex 1"));
    assert_eq!(found[0].people.value().unwrap().value, 2.0);
}

#[test]
fn a_funnel_counts_who_is_left_after_each_group() {
    let at_least = |attribute, lo| {
        vec![MatchClause { subject: Subject::Attribute(attribute), lo, hi: MISSING - 1, negated: false }]
    };
    let matching = MatchCriteria { groups: vec![at_least(0, 50), at_least(1, 1)] };
    let people: Vec<Vec<u32>> = (0..100).map(|person| vec![person, u32::from(person >= 90)]).collect();
    let found = funnels(&funnel(&matching, &schema(&[("age", 1, 120), ("smokes", 1, 1)]), &people)).values.remove(0);
    let value = |estimate: &crate::statistics::Stated<Estimate>| estimate.value().unwrap().value;
    assert_eq!(value(&found.start), 100.0);
    let steps = found.steps.iter().map(|step| (value(&step.left), value(&step.of_previous), value(&step.of_start)));
    assert_eq!(steps.collect::<Vec<_>>(), [(50.0, 0.5, 0.5), (10.0, 0.2, 0.1)]);
    // statsmodels: proportion_confint(10, 50, method="wilson")
    let interval = found.steps[1].of_previous.value().unwrap().interval;
    assert_close(interval.lo, &0.112_437_500_157_761_09.into(), "lower end");
    assert_close(interval.hi, &0.330_371_059_322_254_13.into(), "upper end");
    assert_every_number_is_one(&found);
}
