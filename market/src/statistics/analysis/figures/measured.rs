//! Means, correlations and regressions.

use super::{Figures, by, listed, mark, named, numbered, of_cell, spoken, titled};
use crate::{
    Error,
    statistics::{
        Estimate, Stated, Undefined,
        analysis::why,
        figure::{
            Axis, Figure, Fit, Forest, ForestRow, HeatMap, Kind, Regression as Lines, p_value, unit_in_words, whole,
        },
        moments::{Anova, Band, CellSummary, Comparison, PairwiseComparison, Regression},
    },
};

/// Rows of one forest plot.
const ROWS_MAX: usize = 40;

/// Of one attribute its means; of several the correlations of each cell, and the means where cells are to be compared.
pub(super) fn moments(figures: &mut Figures, by: &[String], cells: &[CellSummary]) {
    let attributes = cells.first().map_or(0, |cell| cell.attributes.len());
    if attributes >= 2 {
        figures.add_each("correlations", cells, correlations);
    }
    if attributes == 1 || cells.len() > 1 {
        means(figures, by, cells);
    }
}

fn correlations(cell: &CellSummary) -> Result<Figure, Error> {
    let names: Vec<String> = cell.attributes.iter().map(|summary| spoken(&summary.attribute)).collect();
    let title = format!("Correlations of {}", listed(&names, "attributes"));
    let correlation = |one: usize, other: usize| {
        let (low, high) = (one.min(other), one.max(other));
        // Pairs follow the later attribute, each with all before it.
        let pair = cell.pairs.get(high.saturating_sub(1) * high / 2 + low);
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
    Figure::new(&of_cell(&title, &spoken(&cell.cell)), Axis::names(""), Axis::names(""), Kind::HeatMap(map))
}

/// The mean of each attribute in each cell.
pub(super) fn means(figures: &mut Figures, by: &[String], cells: &[CellSummary]) {
    let attributes: Vec<usize> = (0..cells.first().map_or(0, |cell| cell.attributes.len())).collect();
    figures.add_each("means", &attributes, |attribute| means_of(by, cells, *attribute));
}

fn means_of(axes: &[String], cells: &[CellSummary], place: usize) -> Result<Figure, Error> {
    let attribute = cells.first().and_then(|cell| cell.attributes.get(place));
    let (name, unit) = attribute.map_or(("", ""), |summary| (&summary.attribute, &summary.unit));
    let name = spoken(name);
    let rows = cells.iter().take(ROWS_MAX).filter_map(|cell| {
        Some(ForestRow {
            name: named(&spoken(&cell.cell), "everyone"),
            detail: whole(cell.count.to_f64()),
            mark: mark(&cell.attributes.get(place)?.mean),
            pooled: false,
        })
    });
    let rows: Vec<_> = rows.collect();
    if rows.iter().all(|row| row.mark.value().is_none()) {
        return Err(Error::Statistics { what: "figure", why: format!("no mean of {name} is estimated") });
    }
    let kind = Kind::Forest(Forest { rows, reference: None, detail: "people".into() });
    let title = format!("Mean {name}{}", by(axes));
    let figure = Figure::new(&title, Axis::linear(&name, unit), Axis::names(""), kind)?;
    let note =
        (cells.len() > ROWS_MAX).then(|| format!("The first {ROWS_MAX} of {} cells; the table has all.", cells.len()));
    Ok(figure.with_notes(note))
}

/// The difference of two groups' means, or of each pair of more: Welch's intervals.
pub(super) fn differences(figures: &mut Figures, axes: &[String], (pair, anova): (Option<&Comparison>, &Anova)) {
    let row = |first: &str, second: &str, difference: &Stated<Estimate>, p: Option<f64>| ForestRow {
        name: format!("{} less {}", spoken(first), spoken(second)),
        detail: p.map_or_else(String::new, p_value),
        mark: mark(difference),
        pooled: false,
    };
    let (rows, detail): (Vec<ForestRow>, _) = match (pair, &anova.pairwise) {
        (Some(pair), _) => {
            let p = pair.welch_test.value().map(|test| test.p_value);
            (vec![row(&pair.first, &pair.second, &pair.difference, p)], "p-value")
        }
        (None, Stated::Value(pairs)) => {
            let row = |pair: &PairwiseComparison| {
                row(&pair.first, &pair.second, &pair.difference, pair.adjusted_p_value.value().copied())
            };
            (pairs.iter().take(ROWS_MAX).map(row).collect(), "adjusted p")
        }
        (None, Stated::Undefined { undefined }) => return figures.leave_out("differences", &undefined.to_string()),
    };
    if let Some(why) = rows.iter().map(|row| why(&row.mark)).collect::<Option<Vec<_>>>() {
        return figures.leave_out("differences", &why.first().map_or_else(String::new, ToString::to_string));
    }
    let all = anova.pairwise.value().map_or(0, Vec::len);
    let cut = (all > rows.len()).then(|| format!("The first {} of {all} pairs; the table has all.", rows.len()));
    let kind = Kind::Forest(Forest { rows, reference: Some(0.0), detail: detail.into() });
    let name = spoken(&anova.attribute);
    let title = format!("Differences of mean {name}{}", by(axes));
    let figure =
        Figure::new(&title, Axis::linear(&format!("difference of {name}"), &anova.unit), Axis::names(""), kind);
    let adjusted = (detail == "adjusted p").then(|| "P-values are adjusted by Holm's procedure.".to_owned());
    let notes = ["Each group has its own variance (Welch).".to_owned()].into_iter().chain(adjusted).chain(cut);
    figures.add("differences", figure.map(|figure| figure.with_notes(notes)));
}

/// A line with its band for one predictor, coefficients for several.
pub(super) fn regression(figures: &mut Figures, fit: &Stated<Regression>, band: Option<&Stated<Band>>) {
    let fit = match fit {
        Stated::Value(fit) => fit,
        Stated::Undefined { undefined } => return figures.leave_out("regression", &undefined.to_string()),
    };
    match band {
        Some(Stated::Value(band)) => figures.add(&numbered("regression", 0), line(fit, band)),
        Some(Stated::Undefined { undefined }) => figures.leave_out("regression", &undefined.to_string()),
        None => figures.add("coefficients", coefficients(fit)),
    }
}

fn line(fit: &Regression, band: &Band) -> Result<Figure, Error> {
    let line = band.points.iter().filter_map(|point| Some((*point.at.first()?, point.mean.into()))).collect();
    let fits = vec![Fit { name: "least squares".into(), line, points: vec![] }];
    let (predictor, response) = (spoken(&band.predictor), spoken(&fit.response));
    let (x, y) = (Axis::linear(&predictor, &band.unit), Axis::linear(&response, &fit.unit));
    let title = titled(&format!("{response} by {predictor}"));
    let figure = Figure::new(&title, x, y, Kind::Regression(Lines { fits }))?;
    Ok(figure.with_notes(["Least squares; the band is that of the mean, from two standard deviations below the \
                           predictor's mean to two above."
        .into()]))
}

fn per_unit(name: &str, unit: &str) -> String {
    let words = unit_in_words(unit.trim());
    let unit = if words == unit.trim() { words } else { words.trim_end_matches('s') };
    let name = spoken(name);
    if unit.is_empty() { name } else { format!("{name} (per {unit})") }
}

fn coefficients(fit: &Regression) -> Result<Figure, Error> {
    let rows = fit.coefficients.iter().skip(1).map(|coefficient| ForestRow {
        name: per_unit(&coefficient.name, &coefficient.unit),
        detail: coefficient.test.value().map_or_else(String::new, |test| p_value(test.p_value)),
        mark: Stated::Value(coefficient.estimate.into()),
        pooled: false,
    });
    let kind = Kind::Forest(Forest { rows: rows.collect(), reference: Some(0.0), detail: "p-value".into() });
    let response = spoken(&fit.response);
    let predictors = listed(fit.coefficients.iter().skip(1).map(|coefficient| &coefficient.name), "predictors");
    let title = titled(&format!("{response} by {predictors}: least-squares coefficients"));
    Figure::new(&title, Axis::linear(&format!("change of {response}"), &fit.unit), Axis::names(""), kind)
}
