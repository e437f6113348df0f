//! The rows of an analysis' table.

mod survival;
mod variants;

use self::{
    survival::of_survival,
    variants::{of_frequencies, of_scan, of_score},
};
use super::Analysis;
use crate::statistics::{
    Estimate, Interval, Stated, Sum, Undefined,
    cohort::{Contingency, Counts, Effect, Funnel, Histogram, Stratified, Trend},
    export::{PEOPLE, Row},
    figure::unit_in_words,
    moments::{Anova, CellSummary, Comparison, PairwiseComparison, Regression},
};

/// What an effect estimates, without how.
fn estimate_of(effect: &Stated<Effect>) -> Stated<Estimate> {
    match effect {
        Stated::Value(effect) => Stated::Value(effect.estimate),
        Stated::Undefined { undefined } => Stated::Undefined { undefined: undefined.clone() },
    }
}

impl Analysis {
    /// One row for each estimate and test, for CSV.
    #[must_use]
    pub fn rows(&self) -> Vec<Row> {
        match self {
            Self::Count(counts) => of_counts("cohort", counts),
            Self::Funnel { cells } => cells.iter().flat_map(of_funnel).collect(),
            Self::Histogram { groups } => {
                or_why(groups, "histogram", "distribution", |groups| groups.iter().flat_map(of_histogram).collect())
            }
            Self::Contingency { counts, table, trend, stratified } => {
                let mut tests = or_why(table, "contingency", "table", |table| of_table(table, &counts.people));
                tests.extend(trend.iter().flat_map(|trend| {
                    // The z of a trend, with its sign; a scan of variants states its square.
                    let of = |trend: &Trend| vec![Row::new("contingency", "trend_z").with_test(&trend.test)];
                    or_why(trend, "contingency", "trend_z", of)
                }));
                let mut rows = of_counts("contingency", counts);
                rows.extend(tests.into_iter().map(|row| resting_on(row, &counts.people)));
                rows.extend(stratified.iter().flat_map(|strata| or_why(strata, "stratified", "strata", of_strata)));
                rows
            }
            Self::Moments { cells, .. } => cells.iter().flat_map(of_moments).collect(),
            Self::Comparison { pair, anova, cells, .. } => {
                let mut rows: Vec<Row> = cells.iter().flat_map(of_moments).collect();
                let both = cells.iter().map(|cell| cell.count).sum();
                rows.extend(pair.iter().flat_map(|pair| of_pair(pair, both)));
                rows.extend(of_anova(anova));
                rows
            }
            Self::Regression { fit, .. } => or_why(fit, "regression", "model", of_regression),
            Self::AlleleFrequencies { groups } => groups.iter().flat_map(of_frequencies).collect(),
            Self::Association(scan) => of_scan(scan),
            Self::Score(score) => of_score(score),
            Self::Survival { curves } => or_why(curves, "survival", "curves", of_survival),
        }
    }
}

/// The rows of what is stated, or one row that says why there are none: a refusal is a result.
fn or_why<T>(stated: &Stated<T>, family: &str, statistic: &str, rows: impl Fn(&T) -> Vec<Row>) -> Vec<Row> {
    match stated {
        Stated::Value(value) => rows(value),
        Stated::Undefined { undefined } => vec![refused(family, statistic, undefined)],
    }
}

fn refused(family: &str, statistic: &str, why: &Undefined) -> Row {
    Row::new(family, statistic).with_value(&Stated::Undefined { undefined: why.clone() })
}

/// The product of two units: years², years·days.
fn times(one: &str, other: &str) -> String {
    match [one, other].map(unit_in_words) {
        ["", unit] | [unit, ""] => unit.into(),
        [one, other] if one == other => format!("{one}²"),
        [one, other] => format!("{one}·{other}"),
    }
}

/// A unit for each of another: days per year.
fn per(unit: &str, each: &str) -> String {
    let [unit, each] = [unit, each].map(str::trim);
    let (words, one) = (unit_in_words(unit), unit_in_words(each));
    // Words have a plural, codes have none.
    let one = if one == each { one } else { one.trim_end_matches('s') };
    if one.is_empty() { words.into() } else { format!("{words} per {one}").trim_start().into() }
}

fn of_counts(family: &str, counts: &Counts) -> Vec<Row> {
    let total = of_people(Row::new(family, "people"), &counts.people);
    // Without axes there is one cell, which holds everyone counted.
    let cells = counts.cells.values.iter().filter(|_| !counts.cells.axes.is_empty()).flat_map(|cell| {
        let row = |name: &str| Row::new(family, name).of_group(&cell.cell);
        [of_people(row("count"), &cell.count), resting_on(row("share"), &counts.people).with_estimate(&cell.share)]
    });
    std::iter::once(total).chain(cells).collect()
}

/// What the column of methods says of a noisy number that has no interval.
const NO_INTERVAL: &str = "of the sums as released; no interval under noise";

/// A number without an interval: of noisy sums the row says so, and how it was made where that is more.
fn of_number(row: Row, people: Sum, value: &Stated<f64>, made: &str) -> Row {
    let method = match made {
        "" => NO_INTERVAL.into(),
        made => format!("{made}; no interval under noise"),
    };
    let row = row.with_value(value);
    if people.is_noisy() && value.value().is_some() { row.with_method(&method) } else { row }
}

/// A number of people is its own sum, and its error the noise.
fn of_people(row: Row, people: &Stated<Estimate>) -> Row {
    resting_on(row.with_estimate(people).in_unit(PEOPLE), people)
}

/// A row that rests on so many people, where their number is stated.
fn resting_on(row: Row, people: &Stated<Estimate>) -> Row {
    match people.value() {
        Some(people) => row.with_people(sum_of(people)),
        None => row,
    }
}

/// A number of people as a sum: its error is its noise.
fn sum_of(people: &Estimate) -> Sum {
    Sum::of_real(people.value, people.standard_error.powi(2))
}

/// A sum as it was released: its error is its noise.
fn of_sum(sum: Sum) -> Stated<Estimate> {
    Estimate::normal(sum.to_f64(), sum.noise_variance.sqrt()).into()
}

fn of_funnel(funnel: &Funnel) -> Vec<Row> {
    let row = |name: &str, place: usize, estimate: &Stated<Estimate>| {
        let group = [funnel.cell.as_str(), &format!("after group {place}")].join(" ");
        Row::new("funnel", name).of_group(group.trim()).with_estimate(estimate)
    };
    let before = std::iter::once(&funnel.start).chain(funnel.steps.iter().map(|step| &step.left));
    let steps = funnel.steps.iter().zip(before).flat_map(|(step, before)| {
        [
            of_people(row("left", step.group, &step.left), &step.left),
            resting_on(row("share_of_previous", step.group, &step.of_previous), before),
            resting_on(row("share_of_start", step.group, &step.of_start), &funnel.start),
        ]
    });
    std::iter::once(of_people(row("left", 0, &funnel.start), &funnel.start)).chain(steps).collect()
}

fn of_histogram(histogram: &Histogram) -> Vec<Row> {
    let bins = histogram.bins.iter().flat_map(|bin| {
        let group = format!("{} {} {}", histogram.group, histogram.measure, bin.values.text);
        let density = per("", &histogram.unit);
        let row = |name: &str| Row::new("histogram", name).of_group(group.trim());
        [
            of_people(row("count"), &bin.count),
            resting_on(row("share").with_estimate(&bin.share), &histogram.people),
            resting_on(row("density").with_estimate(&bin.density).in_unit(&density), &histogram.people),
        ]
    });
    let quantiles = histogram.quantiles.iter().map(|quantile| {
        resting_on(Row::new("histogram", &format!("quantile_{}", quantile.share)), &histogram.people)
            .of_group(&histogram.group)
            .in_unit(&histogram.unit)
            .with_method("spread evenly over its bin; bounds are those of the bins that may hold it")
            .with_value(&quantile.value)
            .with_ends(&end_of(&quantile.bounds, |bounds| bounds.lo), &end_of(&quantile.bounds, |bounds| bounds.hi))
    });
    bins.chain(quantiles).collect()
}

fn end_of(interval: &Stated<Interval>, end: fn(&Interval) -> f64) -> Stated<f64> {
    match interval {
        Stated::Value(interval) => Stated::Value(end(interval)),
        Stated::Undefined { undefined } => Stated::Undefined { undefined: undefined.clone() },
    }
}

/// An effect with whose interval it has.
fn of_effect(family: &str, name: &str, compared: &str, effect: &Stated<Effect>) -> Row {
    let method = effect.value().map_or_else(String::new, |effect| {
        let half = if effect.half_added { ", one half added to each cell" } else { "" };
        format!("interval by {}{half}", effect.method)
    });
    Row::new(family, name).of_group(compared).with_method(&method).with_estimate(&estimate_of(effect))
}

fn of_table(table: &Contingency, people: &Stated<Estimate>) -> Vec<Row> {
    let test = |name: &str, test| Row::new("contingency", name).with_test(test);
    let pearson = test("pearson", &table.pearson);
    let mut rows = vec![match (table.warning, table.pearson.value()) {
        (Some(warning), Some(test)) => pearson.with_method(&format!("{}; {warning}", test.method)),
        _ => pearson,
    }];
    rows.extend(table.yates.iter().map(|yates| test("yates", yates)));
    rows.push(test("likelihood_ratio", &table.g));
    rows.push(test("fisher", &table.fisher));
    let people = people.value().map_or(Sum::exact(0), sum_of);
    let row = Row::new("contingency", "cramers_v");
    rows.push(of_number(row, people, &table.cramers_v, "less what noise alone adds to χ²"));
    rows.extend(table.two_by_two.iter().flat_map(|effects| {
        [
            ("odds_ratio", &effects.odds_ratio),
            ("risk_ratio", &effects.risk_ratio),
            ("risk_difference", &effects.risk_difference),
        ]
        .map(|(name, effect)| of_effect("contingency", name, &table.compared(), effect))
    }));
    rows
}

fn of_strata(strata: &Stratified) -> Vec<Row> {
    let odds_ratio = of_effect("stratified", "common_odds_ratio", "", &strata.common_odds_ratio);
    let tests = [
        ("mantel_haenszel", &strata.mantel_haenszel),
        ("mantel_haenszel_corrected", &strata.mantel_haenszel_corrected),
        ("breslow_day", &strata.breslow_day),
        ("tarone", &strata.tarone),
        ("woolf", &strata.woolf),
    ];
    let tests = tests.map(|(name, test)| Row::new("stratified", name).with_test(test));
    std::iter::once(odds_ratio).chain(tests).map(|row| row.with_people(strata.people)).collect()
}

fn of_moments(cell: &CellSummary) -> Vec<Row> {
    let row = |name: String| Row::new("moments", &name).of_group(&cell.cell).with_people(cell.count);
    let attributes = cell.attributes.iter().flat_map(|summary| {
        let (unit, square) = (&summary.unit, times(&summary.unit, &summary.unit));
        [
            ("mean", &summary.mean, unit),
            ("variance", &summary.variance, &square),
            ("sd", &summary.standard_deviation, unit),
        ]
        .map(|(name, estimate, unit)| {
            row(format!("{name}({})", summary.attribute)).with_estimate(estimate).in_unit(unit)
        })
    });
    let unit_of = |name: &str| {
        let named = cell.attributes.iter().find(|summary| summary.attribute == name);
        named.map_or("", |summary| summary.unit.as_str())
    };
    let pairs = cell.pairs.iter().flat_map(|pair| {
        let of = |name: &str| row(format!("{name}({},{})", pair.first, pair.second));
        let product = times(unit_of(&pair.first), unit_of(&pair.second));
        [
            of("covariance").with_estimate(&pair.covariance).in_unit(&product),
            of("correlation").with_estimate(&pair.correlation).with_test(&pair.test),
        ]
    });
    attributes.chain(pairs).collect()
}

fn of_pair(pair: &Comparison, people: Sum) -> [Row; 3] {
    let group = format!("{} less {}", pair.first, pair.second);
    let row = |name: &str| Row::new("comparison", name).of_group(&group).with_people(people);
    [
        row("difference_welch").in_unit(&pair.unit).with_estimate(&pair.difference).with_test(&pair.welch_test),
        row("difference_pooled")
            .in_unit(&pair.unit)
            .with_estimate(&pair.pooled_difference)
            .with_test(&pair.pooled_test),
        row("cohens_d").with_estimate(&pair.cohens_d),
    ]
}

fn of_anova(anova: &Anova) -> Vec<Row> {
    let people_in = |name: &str| -> Sum {
        anova.groups.iter().filter(|group| name.is_empty() || group.group == name).map(|group| group.count).sum()
    };
    let row = |name: &str| Row::new("anova", name).with_people(people_in(""));
    let mut rows = vec![
        row("f").with_test(&anova.test),
        of_number(row("eta_squared"), people_in(""), &anova.eta_squared, ""),
        of_number(row("omega_squared"), people_in(""), &anova.omega_squared, ""),
        row("bartlett").with_test(&anova.bartlett_test),
    ];
    let pair = |pair: &PairwiseComparison| {
        row("difference_holm")
            .of_group(&format!("{} less {}", pair.first, pair.second))
            .with_people(people_in(&pair.first) + people_in(&pair.second))
            .in_unit(&anova.unit)
            .with_estimate(&pair.difference)
            .with_test(&pair.test)
            .with_adjusted_p(&pair.adjusted_p_value)
    };
    rows.extend(or_why(&anova.pairwise, "anova", "difference_holm", |pairs| pairs.iter().map(pair).collect()));
    rows
}

fn of_regression(fit: &Regression) -> Vec<Row> {
    let row = |name: &str| Row::new("regression", name).with_people(fit.count);
    let coefficients = fit.coefficients.iter().map(|coefficient| {
        row(&coefficient.name)
            .in_unit(&per(&fit.unit, &coefficient.unit))
            .with_estimate(&Stated::Value(coefficient.estimate))
            .with_test(&coefficient.test)
    });
    let whole = [
        ("r_squared", fit.r_squared, ""),
        ("adjusted_r_squared", fit.adjusted_r_squared, ""),
        ("residual_standard_error", fit.residual_standard_error, fit.unit.as_str()),
    ];
    let whole =
        whole.map(|(name, value, unit)| of_number(row(name).in_unit(unit), fit.count, &Stated::Value(value), ""));
    coefficients.chain(whole).chain([row("model_f").with_test(&fit.model_test)]).collect()
}
