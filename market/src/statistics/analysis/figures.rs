//! The figures of an analysis.

use super::{Analysis, GroupFrequencies, why};
use crate::{
    Error,
    statistics::{
        Estimate, Stated, Undefined,
        cohort::{Contingency, Counts, Effect, Funnel, Histogram as Distribution, Stratified},
        figure::{
            Attrition, Axis, Bars, Curve, Figure, Fit, Forest, ForestRow, HeatMap, Histogram, Hit, Kind, Manhattan,
            Mark, Quantiles, Regression as Lines, Series, Stage, Step, Steps, nice_times,
        },
        genotypes::Scan,
        moments::{Band, CellSummary, Regression},
        survival::{GroupSurvival, Survival},
    },
};

/// Cells that one bar chart shows.
const BARS_MAX: usize = 24;
/// Variants whose frequencies are drawn one by one; more are drawn as a distribution.
const FREQUENCIES_MAX: usize = 24;
/// Bins of the distribution of minor allele frequencies.
const FREQUENCY_BINS: u32 = 20;

fn mark(estimate: &Stated<Estimate>) -> Stated<Mark> {
    estimate.clone().into()
}

fn effect_mark(effect: &Stated<Effect>) -> Stated<Mark> {
    match effect {
        Stated::Value(effect) => Stated::Value(effect.estimate.into()),
        Stated::Undefined { undefined } => Stated::Undefined { undefined: undefined.clone() },
    }
}

fn named(name: &str, otherwise: &str) -> String {
    if name.trim().is_empty() { otherwise.into() } else { name.into() }
}

impl Analysis {
    /// Its figures, each under a name for a file. `notes` go below every one: cohort, privacy.
    ///
    /// # Errors
    /// [`Error::Statistics`] for data that no figure of its kind can hold, such as too many series.
    pub fn figures(&self, notes: &[String]) -> Result<Vec<(String, Figure)>, Error> {
        let figures = match self {
            Self::Count(counts) => vec![("counts", of_counts(counts)?)],
            Self::Funnel { cells } => match cells.first() {
                Some(funnel) => vec![("attrition", of_funnel(funnel)?)],
                None => vec![],
            },
            Self::Histogram { groups } => match groups.value().and_then(|groups| groups.first()) {
                Some(histogram) => vec![("histogram", of_histogram(histogram)?)],
                None => vec![],
            },
            Self::Contingency { counts, table, stratified, .. } => {
                let mut figures = vec![("counts", of_counts(counts)?)];
                if let Some(forest) = of_effects(table, stratified.as_ref())? {
                    figures.push(("effects", forest));
                }
                figures
            }
            Self::Moments { cells } => of_moments(cells)?,
            Self::Comparison { cells, .. } => vec![("means", of_means(cells)?)],
            Self::Regression { fit, band } => of_regression(fit, band.as_ref())?,
            Self::AlleleFrequencies { groups } => of_frequencies(groups)?,
            Self::Association(scan) => of_scan(scan)?,
            Self::Survival { curves } => match curves.value() {
                Some(survival) => vec![("survival", of_survival(survival)?)],
                None => vec![],
            },
        };
        Ok(figures.into_iter().map(|(name, figure)| (name.into(), figure.with_notes(notes.iter().cloned()))).collect())
    }
}

fn of_counts(counts: &Counts) -> Result<Figure, Error> {
    let cells = &counts.cells;
    // Two axes: the last one becomes the series, where there are few.
    let (groups, series) = match cells.axes.as_slice() {
        [rows, columns] if columns.cells.len() <= 6 => {
            let name = |text: &str, axis: &str| format!("{axis} {text}");
            let groups: Vec<String> = rows.cells.iter().map(|cell| name(&cell.text, &rows.name)).collect();
            let series = columns.cells.iter().enumerate().map(|(place, column)| Series {
                name: name(&column.text, &columns.name),
                marks: cells
                    .values
                    .iter()
                    .skip(place)
                    .step_by(columns.cells.len())
                    .map(|cell| mark(&cell.count))
                    .collect(),
            });
            (groups, series.collect())
        }
        _ => {
            let shown = cells.values.iter().take(BARS_MAX);
            let groups: Vec<String> = shown.clone().map(|cell| named(&cell.cell, "everyone")).collect();
            (groups, vec![Series { name: "people".into(), marks: shown.map(|cell| mark(&cell.count)).collect() }])
        }
    };
    let figure =
        Figure::new("People", Axis::names(""), Axis::linear("people", ""), Kind::Bars(Bars { groups, series }))?;
    let left_out = cells.values.len().saturating_sub(BARS_MAX);
    Ok(if left_out > 0 && cells.axes.len() != 2 {
        figure.with_notes([format!("The first {BARS_MAX} cells; {left_out} more are in the table.")])
    } else {
        figure
    })
}

fn of_funnel(funnel: &Funnel) -> Result<Figure, Error> {
    let stage = |name: String, estimate: &Stated<Estimate>| match estimate {
        Stated::Value(estimate) if estimate.standard_error > 0.0 => Stage { name, people: (*estimate).into() },
        Stated::Value(estimate) => Stage { name, people: Mark::exact(estimate.value) },
        Stated::Undefined { .. } => Stage { name, people: Mark::exact(0.0) },
    };
    let steps = funnel.steps.iter().map(|step| stage(format!("criterion {}", step.group), &step.left));
    let stages = std::iter::once(stage("contributors".into(), &funnel.start)).chain(steps).collect();
    Figure::new("Attrition", Axis::linear("people", ""), Axis::names(""), Kind::Attrition(Attrition { stages }))
}

fn of_histogram(histogram: &Distribution) -> Result<Figure, Error> {
    let bounds: Vec<(f64, f64)> =
        histogram.bins.iter().filter_map(|bin| Some((bin.values.lo?, bin.values.end?))).collect();
    let (start, end) = bounds.first().copied().unwrap_or((0.0, 1.0));
    let counts = histogram.bins.iter().map(|bin| mark(&bin.count)).collect();
    let kind = Kind::Histogram(Histogram { start, width: end - start, counts });
    let x = Axis::linear(&histogram.measure, &histogram.unit);
    Figure::new(&format!("Distribution of {}", histogram.measure), x, Axis::linear("people", ""), kind)
}

/// Odds and risk ratios of a two by two table, and the common one over strata.
fn of_effects(table: &Stated<Contingency>, strata: Option<&Stated<Stratified>>) -> Result<Option<Figure>, Error> {
    let Some(effects) = table.value().and_then(|table| table.two_by_two.as_ref()) else { return Ok(None) };
    let row = |name: &str, effect: &Stated<Effect>, pooled| ForestRow {
        name: name.into(),
        detail: String::new(),
        mark: effect_mark(effect),
        pooled,
    };
    let mut rows = vec![row("Odds ratio", &effects.odds_ratio, false), row("Risk ratio", &effects.risk_ratio, false)];
    if let Some(strata) = strata.and_then(Stated::value) {
        rows.push(row("Odds ratio over strata", &strata.common_odds_ratio, true));
    }
    if rows.iter().all(|row| why(&row.mark).is_some()) {
        return Ok(None);
    }
    let kind = Kind::Forest(Forest { rows, reference: 1.0, detail: String::new() });
    Figure::new("Ratios of the second row to the first", Axis::log("ratio", ""), Axis::names(""), kind).map(Some)
}

fn of_moments(cells: &[CellSummary]) -> Result<Vec<(&'static str, Figure)>, Error> {
    let Some(first) = cells.first() else { return Ok(vec![]) };
    if first.attributes.len() < 2 {
        return Ok(vec![("means", of_means(cells)?)]);
    }
    let names: Vec<String> = first.attributes.iter().map(|summary| summary.attribute.clone()).collect();
    let correlation = |one: usize, other: usize| {
        let (low, high) = (one.min(other), one.max(other));
        // Pairs follow the later attribute, each with all before it.
        let pair = first.pairs.get(high.saturating_sub(1) * high / 2 + low);
        match pair.map(|pair| &pair.correlation) {
            _ if one == other => Stated::Value(1.0),
            Some(Stated::Value(estimate)) => Stated::Value(estimate.value),
            Some(Stated::Undefined { undefined }) => Stated::Undefined { undefined: undefined.clone() },
            None => Stated::Undefined { undefined: Undefined::AllMissing },
        }
    };
    let size = names.len();
    let values = (0..size).flat_map(|row| (0..size).map(move |column| (row, column)));
    let values = values.map(|(row, column)| correlation(row, column)).collect();
    let map =
        HeatMap { rows: names.clone(), columns: names, values, measure: "Pearson correlation".into(), limit: 1.0 };
    let title = named(&first.cell, "everyone");
    let figure = Figure::new(&format!("Correlations: {title}"), Axis::names(""), Axis::names(""), Kind::HeatMap(map))?;
    Ok(vec![("correlations", figure)])
}

/// The mean of the first attribute in each cell.
fn of_means(cells: &[CellSummary]) -> Result<Figure, Error> {
    let attribute = cells.first().and_then(|cell| cell.attributes.first());
    let (name, unit) = attribute.map_or(("", ""), |summary| (&summary.attribute, &summary.unit));
    let rows = cells.iter().take(BARS_MAX).filter_map(|cell| {
        Some(ForestRow {
            name: named(&cell.cell, "everyone"),
            detail: cell.count.value.to_string(),
            mark: mark(&cell.attributes.first()?.mean),
            pooled: false,
        })
    });
    let reference = attribute.and_then(|summary| summary.mean.value()).map_or(0.0, |mean| mean.value);
    let kind = Kind::Forest(Forest { rows: rows.collect(), reference, detail: "people".into() });
    Figure::new(&format!("Mean {name}"), Axis::linear(name, unit), Axis::names(""), kind)
}

fn of_regression(fit: &Stated<Regression>, band: Option<&Stated<Band>>) -> Result<Vec<(&'static str, Figure)>, Error> {
    let Some(fit) = fit.value() else { return Ok(vec![]) };
    if let Some(band) = band.and_then(Stated::value) {
        let line = band.points.iter().filter_map(|point| Some((*point.at.first()?, point.mean.into()))).collect();
        let fits = vec![Fit { name: "least squares".into(), line, points: vec![] }];
        let x = Axis::linear(&band.predictor, "");
        let y = Axis::linear(&fit.response, &fit.unit);
        let title = format!("{} by {}", fit.response, band.predictor);
        return Ok(vec![("regression", Figure::new(&title, x, y, Kind::Regression(Lines { fits }))?)]);
    }
    let rows = fit.coefficients.iter().skip(1).map(|coefficient| ForestRow {
        name: coefficient.name.clone(),
        detail: coefficient.test.value().map_or_else(String::new, |test| format!("p = {:.3}", test.p_value)),
        mark: Stated::Value(coefficient.estimate.into()),
        pooled: false,
    });
    let kind = Kind::Forest(Forest { rows: rows.collect(), reference: 0.0, detail: "p-value".into() });
    let x = Axis::linear(&format!("change of {} for each unit", fit.response), &fit.unit);
    Ok(vec![("coefficients", Figure::new(&format!("Coefficients for {}", fit.response), x, Axis::names(""), kind)?)])
}

fn of_frequencies(groups: &[GroupFrequencies]) -> Result<Vec<(&'static str, Figure)>, Error> {
    let Some(first) = groups.first() else { return Ok(vec![]) };
    if first.variants.len() <= FREQUENCIES_MAX && groups.len() <= 6 {
        let names = first.variants.iter().map(|variant| variant.name.clone()).collect();
        let series = groups.iter().map(|group| Series {
            name: group.group.clone(),
            marks: group.variants.iter().map(|variant| mark(&variant.frequency)).collect(),
        });
        let kind = Kind::Bars(Bars { groups: names, series: series.collect() });
        let y = Axis::share("frequency of the alternate allele");
        return Ok(vec![("frequencies", Figure::new("Allele frequencies", Axis::names(""), y, kind)?)]);
    }
    let minor: Vec<f64> =
        first.variants.iter().filter_map(|variant| Some(variant.minor_allele_frequency.value()?.value)).collect();
    let width = 0.5 / f64::from(FREQUENCY_BINS);
    let count = |bin: u32| {
        let (lo, end) = (width * f64::from(bin), width * f64::from(bin + 1));
        let last = bin + 1 == FREQUENCY_BINS;
        let inside = |value: &&f64| **value >= lo && (**value < end || last);
        let variants = u32::try_from(minor.iter().filter(inside).count()).unwrap_or(u32::MAX);
        Stated::Value(Mark::exact(f64::from(variants)))
    };
    let counts = (0..FREQUENCY_BINS).map(count).collect();
    let kind = Kind::Histogram(Histogram { start: 0.0, width, counts });
    let title = format!("Minor allele frequencies of {} variants: {}", minor.len(), first.group);
    let x = Axis::linear("minor allele frequency", "");
    let mut figures = vec![("frequencies", Figure::new(&title, x, Axis::linear("variants", ""), kind)?)];
    let p_values: Vec<f64> = first
        .variants
        .iter()
        .filter_map(|variant| Some(variant.hardy_weinberg.mid_p.value()?.p_value))
        .filter(|p| *p > 0.0)
        .collect();
    if !p_values.is_empty() {
        figures.push(("hardy-weinberg", quantiles("Hardy–Weinberg tests (mid-p)", p_values)?));
    }
    Ok(figures)
}

fn quantiles(title: &str, p_values: Vec<f64>) -> Result<Figure, Error> {
    let axis = |what: &str| Axis::linear(what, "");
    Figure::new(title, axis("expected −log₁₀ p"), axis("observed −log₁₀ p"), Kind::Quantiles(Quantiles { p_values }))
}

fn of_scan(scan: &Scan) -> Result<Vec<(&'static str, Figure)>, Error> {
    let tested = || scan.variants.iter().filter_map(|variant| Some((variant, variant.trend_test.value()?.p_value)));
    let p_values: Vec<f64> = tested().map(|(_, p)| p.max(f64::MIN_POSITIVE)).collect();
    if p_values.is_empty() {
        return Ok(vec![]);
    }
    let hits = tested().map(|(variant, p_value)| Hit {
        name: variant.name.clone(),
        chromosome: variant.variant.chrom.clone(),
        position: variant.variant.pos.into(),
        p_value: p_value.max(f64::MIN_POSITIVE),
    });
    let manhattan = Kind::Manhattan(Manhattan { hits: hits.collect(), tests: p_values.len() });
    let title = format!("Association: {} and {}", scan.cases, scan.controls);
    let manhattan =
        Figure::new(&title, Axis::names("chromosome"), Axis::linear("−log₁₀ p of the trend", ""), manhattan)?;
    let mut expected = quantiles("Association: observed and expected", p_values)?;
    if let Stated::Value(inflation) = scan.inflation {
        expected = expected.with_notes([format!("Genomic inflation λ = {inflation:.3}.")]);
    }
    Ok(vec![("manhattan", manhattan), ("quantiles", expected)])
}

fn of_survival(survival: &Survival) -> Result<Figure, Error> {
    let points = |group: &GroupSurvival| group.curve.value().cloned().unwrap_or_default();
    let end = survival.groups.iter().filter_map(|group| Some(points(group).last()?.time)).fold(0.0, f64::max);
    let times = nice_times(end);
    let curves = survival.groups.iter().filter(|group| group.curve.value().is_some());
    let curves = curves.map(|group| {
        let points = points(group);
        let at_risk = |time: &f64| {
            // Whoever is at risk at a time leaves at it or later.
            points.iter().find(|point| point.time >= *time).map_or(0, |point| point.at_risk.value)
        };
        let start = Step { time: 0.0, value: 1.0, interval: None };
        let steps = points.iter().map(|point| Step {
            time: point.time,
            value: point.survival,
            interval: point.interval.value().copied(),
        });
        // The first point may itself be at time 0.
        let starts = points.first().is_none_or(|point| point.time > 0.0);
        Curve {
            name: named(&group.group, "everyone"),
            steps: starts.then_some(start).into_iter().chain(steps).collect(),
            end: points.last().map_or(0.0, |point| point.time),
            censored: points.iter().filter(|point| point.censored.value > 0).map(|point| point.time).collect(),
            at_risk: times.iter().map(at_risk).collect(),
        }
    });
    let curves: Vec<Curve> = curves.collect();
    let kind = Kind::Steps(Steps { curves, times: times.clone() });
    let (x, y) = (Axis::linear(&survival.time.name, &survival.time.unit), Axis::share("survival").within(0.0, 1.0));
    let figure = Figure::new("Survival", x, y, kind)?;
    let test = survival.log_rank.as_ref().and_then(Stated::value);
    let note = test.map(|test| format!("Log-rank test: p = {:.3}.", test.p_value));
    Ok(figure.with_notes(note.into_iter().chain([survival.within_bins.into()])))
}
