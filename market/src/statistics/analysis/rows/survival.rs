//! Rows of survival: people, curves, quantiles, restricted means, and what bins cost.

use super::{of_people, of_sum, or_why};
use crate::statistics::{
    Estimate, Stated,
    export::Row,
    figure::unit_in_words,
    survival::{GroupSurvival, RestrictedMean, Survival, SurvivalPoint, TimeBins},
};

pub(super) fn of_survival(survival: &Survival) -> Vec<Row> {
    let everybody = survival.groups.iter().map(|group| group.people).sum();
    let mut rows: Vec<Row> = survival.groups.iter().flat_map(|group| of_group(group, survival)).collect();
    let log_rank = |test| Row::new("survival", "log_rank").with_test(test).with_people(everybody);
    rows.extend(survival.log_rank.iter().map(log_rank));
    rows
}

fn of_group(group: &GroupSurvival, survival: &Survival) -> Vec<Row> {
    let unit = unit_in_words(&survival.time.unit);
    let row = |name: &str| Row::new("survival", name).of_group(&group.group).with_people(group.people);
    let people = [("people", group.people), ("events", group.events), ("censored", group.censored)];
    let people = people.map(|(name, sum)| of_people(row(name), &of_sum(sum)));
    let quantiles = group.quantiles.iter().map(|quantile| {
        row(&format!("time_to_{}", quantile.survival))
            .in_unit(unit)
            .with_method("interval by Brookmeyer and Crowley")
            .with_value(&quantile.time)
            .with_ends(&quantile.lo, &quantile.hi)
    });
    let mut rows = people.to_vec();
    rows.extend(or_why(&group.curve, "survival", "curve", |points| {
        points.iter().flat_map(|point| of_point(point, survival)).collect()
    }));
    rows.extend(quantiles);
    rows.extend(or_why(&group.restricted_mean, "survival", "restricted_mean", |mean| {
        of_mean(mean, survival).into_iter().map(|row| row.with_people(group.people)).collect()
    }));
    rows.into_iter().map(|row| row.of_group(&group.group)).collect()
}

/// Survival and hazard after a bin; where the bin is wide, also the least that survival may be.
fn of_point(
    point: &SurvivalPoint,
    Survival { time: TimeBins { unit, .. }, interval_method, .. }: &Survival,
) -> Vec<Row> {
    let at = format!("at {} {}", point.time, unit_in_words(unit));
    let row = |name: &str, words: &str| {
        let row = Row::new("survival", &format!("{name}({})", point.time)).with_people(point.at_risk);
        row.said(format!("{words} {}", at.trim_end()))
    };
    let estimate = match (&point.standard_error, &point.interval) {
        (Stated::Value(error), Stated::Value(interval)) => {
            Stated::from(Estimate::new(point.survival, *error, (interval.lo, interval.hi)))
        }
        (Stated::Undefined { undefined }, _) | (_, Stated::Undefined { undefined }) => {
            Stated::Undefined { undefined: undefined.clone() }
        }
    };
    let survival = row("survival", "survival").with_value(&Stated::Value(point.survival)).with_estimate(&estimate);
    let hazard = row("cumulative_hazard", "cumulative hazard").with_method("Nelson-Aalen");
    let least = (point.time > point.since).then(|| {
        let method = format!("those censored in the bin, which begins at {}, leave before its events", point.since);
        let row = row("survival_least", "least survival").with_method(&method);
        row.with_value(&Stated::Value(point.survival_least))
    });
    let survival = survival.with_method(&format!("Kaplan-Meier, interval {interval_method}"));
    [survival, hazard.with_estimate(&point.cumulative_hazard)].into_iter().chain(least).collect()
}

/// The restricted mean, and where bins are wide, what binning leaves open of it.
fn of_mean(mean: &RestrictedMean, Survival { time, .. }: &Survival) -> Vec<Row> {
    let unit = unit_in_words(&time.unit);
    let row = |name: &str, words: &str| {
        let words = format!("{words} up to {} {unit}", mean.horizon);
        Row::new("survival", &format!("{name}({})", mean.horizon)).in_unit(unit).said(words.trim_end().into())
    };
    let estimate = row("restricted_mean", "restricted mean").with_estimate(&Stated::Value(mean.mean));
    let bounds = (!time.exact_times).then(|| {
        let least =
            row("restricted_mean_least", "least restricted mean").with_method("the events of each bin at its start");
        let most =
            row("restricted_mean_most", "greatest restricted mean").with_method("the events of each bin at its end");
        [least.with_value(&Stated::Value(mean.bounds.lo)), most.with_value(&Stated::Value(mean.bounds.hi))]
    });
    std::iter::once(estimate).chain(bounds.into_iter().flatten()).collect()
}
