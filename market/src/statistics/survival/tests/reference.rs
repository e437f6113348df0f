//! Agreement with lifelines and statsmodels, from real people's rows: `tests/reference/survival.py`.

use serde_json::Value;

use super::super::*;
use crate::statistics::{
    Interval,
    testing::{
        assert_close, assert_every_number_is_one, assert_p_close, cells_of_case, counts_of_rows, people, reference,
    },
};

const SEED: [u8; 32] = [5; 32];

fn cases() -> Vec<(Value, Survival)> {
    let cases = reference("survival").into_iter().filter(|case| case["family"] == "survival");
    let found = |case: Value| {
        let found = survival(&cells_of_case(&case).unwrap(), case["horizon"].as_f64(), SEED).unwrap();
        (case, found)
    };
    cases.map(found).collect()
}

/// Every group of every case, with its reference and whether times are exact.
fn groups() -> Vec<(String, Value, GroupSurvival, bool)> {
    let groups = |(case, found): (Value, Survival)| {
        let expected = case["groups"].as_array().unwrap().clone();
        assert_eq!(expected.len(), found.groups.len(), "{}", case["name"]);
        let exact = found.time.exact_times;
        let what = |group: &GroupSurvival| format!("{}, {}", case["name"], group.group);
        found
            .groups
            .into_iter()
            .zip(expected)
            .map(|(group, expected)| (what(&group), expected, group, exact))
            .collect::<Vec<_>>()
    };
    cases().into_iter().flat_map(groups).collect()
}

fn intervals_agree(found: &Stated<Interval>, expected: &Value, what: &str) {
    let found = found.value().unwrap();
    assert_close(found.lo, &expected[0], &format!("{what}: lower end"));
    assert_close(found.hi, &expected[1], &format!("{what}: upper end"));
}

#[test]
fn curves_intervals_and_numbers_at_risk_are_those_of_lifelines() {
    for (what, expected, group, _) in groups() {
        let (points, expected) = (group.curve.value().unwrap(), expected["points"].as_array().unwrap());
        assert_eq!(points.len(), expected.len(), "{what}");
        for (point, expected) in points.iter().zip(expected) {
            let what = format!("{what} at {}", point.time);
            assert_close(point.time, &expected["time"], &what);
            assert_eq!(expected["at_risk"], point.at_risk.value, "{what}");
            assert_eq!(expected["events"], point.events.value, "{what}");
            assert_eq!(expected["censored"], point.censored.value, "{what}");
            assert_close(point.survival, &expected["survival"], &what);
            assert_close(point.survival_least, &expected["least"], &format!("{what}: least"));
            let hazard = point.cumulative_hazard.value().unwrap();
            assert_close(hazard.value, &expected["hazard"], &format!("{what}: hazard"));
            intervals_agree(&Stated::Value(hazard.interval), &expected["hazard_limits"], &format!("{what}: hazard"));
            if expected.get("log_log").is_none() {
                assert_eq!((point.survival, point.interval.value()), (0.0, None), "{what}");
                continue;
            }
            assert_close(*point.standard_error.value().unwrap(), &expected["standard_error"], &what);
            intervals_agree(&point.log_log, &expected["log_log"], &format!("{what}: log-log"));
            intervals_agree(&point.plain, &expected["plain"], &format!("{what}: plain"));
            assert_eq!(point.interval, point.log_log);
        }
    }
}

#[test]
fn quantiles_and_their_intervals_are_those_of_lifelines() {
    for (what, expected, group, exact) in groups() {
        let points = group.curve.value().unwrap();
        for (quantile, expected) in group.quantiles.iter().zip(expected["quantiles"].as_array().unwrap()) {
            let what = format!("{what}, {} survive", quantile.survival);
            let agree = |found: &Stated<f64>, expected: &Value| match found.value() {
                Some(found) => assert_close(*found, expected, &what),
                None => assert!(expected.is_null(), "{what}: none where the reference has {expected}"),
            };
            agree(&quantile.time, &expected[0]);
            agree(&quantile.hi, &expected[2]);
            // The reference's times are the bins' last ones.
            let last = |lo: f64| points.iter().find(|point| point.since == lo).unwrap().time;
            agree(&quantile.lo.value().map_or(quantile.lo.clone(), |lo| Stated::Value(last(*lo))), &expected[1]);
            assert!(!exact || quantile.since == quantile.time, "{what}");
        }
    }
}

#[test]
fn restricted_means_are_those_of_lifelines() {
    for (what, expected, group, exact) in groups() {
        let (found, expected) = (group.restricted_mean.value().unwrap(), &expected["restricted_mean"]);
        assert_close(found.mean.value, &expected["value"], &what);
        assert_close(found.mean.standard_error, &expected["standard_error"], &format!("{what}: standard error"));
        intervals_agree(&Stated::Value(found.bounds), &expected["bounds"], &what);
        assert!(found.bounds.lo <= found.mean.value + 1e-9 && found.mean.value <= found.bounds.hi + 1e-9, "{what}");
        assert!(!exact || (found.bounds.hi - found.bounds.lo).abs() < 1e-9, "{what}");
    }
}

#[test]
fn log_rank_tests_are_those_of_lifelines() {
    for (case, found) in cases() {
        let Some(log_rank) = &found.log_rank else {
            assert!(case.get("log_rank").is_none());
            continue;
        };
        let (test, what) = (log_rank.value().unwrap(), case["name"].as_str().unwrap());
        assert_close(test.statistic.unwrap(), &case["log_rank"]["statistic"], what);
        assert_p_close(test.p_value, &case["log_rank"]["p_value"], what);
        assert_eq!(test.degrees_of_freedom, [found.groups.len() as f64 - 1.0]);
        assert_every_number_is_one(&found);
    }
}

#[test]
fn stratified_log_rank_tests_are_those_of_statsmodels() {
    for case in reference("survival").iter().filter(|case| case["family"] == "stratified") {
        let axes = case["axes"].as_array().unwrap();
        // A part with match criteria for each stratum: three axes leave no room for it in one.
        let with_stratum = [axes.as_slice(), &[case["stratum"].clone()]].concat();
        let rows = people(case["file"].as_str().unwrap(), &with_stratum).unwrap();
        let cut = case["stratum"]["cuts"][0].as_u64().unwrap();
        let stratum = |above: bool| {
            let rows = rows.iter().filter(|row| (u64::from(row[axes.len()]) >= cut) == above);
            counts_of_rows(axes, &rows.map(|row| row[..axes.len()].to_vec()).collect::<Vec<_>>())
        };
        let test = stratified_log_rank(&[stratum(false), stratum(true)], SEED).unwrap();
        assert_close(test.statistic.unwrap(), &case["log_rank"]["statistic"], case["name"].as_str().unwrap());
        assert_p_close(test.p_value, &case["log_rank"]["p_value"], case["name"].as_str().unwrap());
    }
}

#[test]
fn leukemia_remissions_have_the_medians_that_textbooks_print() {
    // Gehan 1965; Klein and Moeschberger 2003, 4.5: 8 weeks (95 %: 4 to 11) with placebo, 23 (from 13) with 6-MP.
    let (_, found) = cases().into_iter().find(|(case, _)| case["name"] == "leukemia").unwrap();
    assert!(found.time.exact_times && found.interval_method == "log-log");
    let median = |group: usize| &found.groups[group].quantiles[1];
    let value = |stated: &Stated<f64>| stated.value().copied();
    let all = |group| (value(&median(group).lo), value(&median(group).time), value(&median(group).hi));
    assert_eq!(all(0), (Some(4.0), Some(8.0), Some(11.0)));
    assert_eq!(all(1), (Some(13.0), Some(23.0), None));
}

#[test]
fn wide_bins_say_what_they_cost() {
    let of = |name: &str| cases().into_iter().find(|(case, _)| case["name"] == name).unwrap().1;
    let pairs = [("fruit flies", "fruit flies in bins of 10", 10.0), ("larynx by stage", "larynx in years", 1.0)];
    for (exact, wide, width) in pairs {
        let (exact, wide) = (of(exact), of(wide));
        assert_eq!((wide.time.bin_width, wide.time.exact_times), (width, false));
        assert_ne!(exact.within_bins, wide.within_bins);
        for (exact, wide) in exact.groups.iter().zip(&wide.groups) {
            for (exact, wide) in exact.quantiles.iter().zip(&wide.quantiles) {
                let Some(time) = exact.time.value() else { continue };
                assert!(wide.since.value().unwrap() <= time);
                assert!(wide.time.value().is_none_or(|last| time <= last));
            }
            let points = exact.curve.value().unwrap();
            for wide in wide.curve.value().unwrap() {
                let at_end = points.iter().rfind(|point| point.time <= wide.time + 1e-9).unwrap().survival;
                assert!(wide.survival_least <= at_end + 1e-12 && at_end <= wide.survival + 1e-12);
            }
        }
    }
}
