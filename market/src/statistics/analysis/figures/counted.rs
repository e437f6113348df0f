//! Counts, funnels, histograms and tables.

use super::{Figures, by, effect_mark, mark, named, of_cell, spoken, titled};
use crate::{
    Error,
    statistics::{
        AxisLabels, Cells, Estimate, Stated,
        analysis::why,
        cohort::{Contingency, CountedCell, Effect, Funnel, Histogram as Distribution, Stratified},
        figure::{
            Attrition, Axis, Bars, Figure, Forest, ForestRow, HISTOGRAM_BINS_MAX, Histogram, Kind, Mark, Series, Stage,
        },
    },
};

/// Groups of bars, and bars, that one chart shows: slanted names need as much room.
const GROUPS_MAX: usize = 30;
const BARS_MAX: usize = 144;
/// Series that one chart shows.
const SERIES_MAX: usize = 6;

/// Bars of the people in each cell. Of three axes, and of two with many cells each, every cell of the first has a figure.
pub(super) fn counts(figures: &mut Figures, cells: &Cells<CountedCell>) {
    let few = |axis: &AxisLabels| axis.cells.len() <= SERIES_MAX;
    let apart = match cells.axes.as_slice() {
        [rows, columns] => !few(rows) && !few(columns),
        axes => axes.len() > 2,
    };
    match cells.axes.split_first() {
        Some((first, rest)) if apart => {
            let each = cells.values.chunks(rest.iter().map(|axis| axis.cells.len()).product::<usize>().max(1));
            let parts = first.cells.iter().zip(each).map(|(cell, values)| {
                (
                    format!("{} {}", spoken(&first.name), cell.text),
                    Cells { axes: rest.to_vec(), values: values.to_vec() },
                )
            });
            figures.add_each("counts", &parts.collect::<Vec<_>>(), |(cell, cells)| bars(cell, cells));
        }
        None => figures.leave_out("counts", "a single number needs none"),
        _ => figures.add("counts", bars("", cells)),
    }
}

/// Of two axes the last becomes the series, or the first where the last has many cells.
fn bars(of: &str, cells: &Cells<CountedCell>) -> Result<Figure, Error> {
    let (groups, series) = match cells.axes.as_slice() {
        [rows, columns] if columns.cells.len() <= SERIES_MAX => crossed(cells, (rows, columns), false),
        [rows, columns] => crossed(cells, (columns, rows), true),
        [axis] => (axis.cells.iter().map(|cell| cell.text.clone()).collect(), listed(cells)),
        // Tables of more axes are taken apart before.
        _ => (cells.values.iter().map(|cell| named(&cell.cell, "everyone")).collect(), listed(cells)),
    };
    let all = groups.len();
    let shown = all.min(GROUPS_MAX).min((BARS_MAX / series.len().max(1)).max(1));
    let cut = |series: Series| Series { marks: series.marks.into_iter().take(shown).collect(), ..series };
    let bars = Bars { groups: groups.into_iter().take(shown).collect(), series: series.into_iter().map(cut).collect() };
    let names: Vec<String> = cells.axes.iter().map(|axis| axis.name.clone()).collect();
    let title = format!("People{}", by(&names));
    let x = match cells.axes.as_slice() {
        [axis] => Axis::linear(&spoken(&axis.name), &axis.unit),
        _ => Axis::names(""),
    };
    let kind = Kind::Bars(bars);
    let notes = (shown < all).then(|| format!("The first {shown} of {all} groups; the table has all."));
    let notes = notes.into_iter().chain(below_zero(cells.values.iter().map(|cell| &cell.count)));
    Ok(Figure::new(&of_cell(&title, of), x, Axis::count("people"), kind)?.with_notes(notes))
}

/// What a count below zero means, where there is one.
fn below_zero<'c>(mut counts: impl Iterator<Item = &'c Stated<Estimate>>) -> Option<String> {
    let below = counts.any(|count| count.value().is_some_and(|count| count.value < 0.0));
    below.then(|| "A count below zero is as released, noise included, and so is its interval.".into())
}

/// One axis as groups and the other as series; `turned` where the groups are the last axis.
fn crossed(
    cells: &Cells<CountedCell>,
    (groups, series): (&AxisLabels, &AxisLabels),
    turned: bool,
) -> (Vec<String>, Vec<Series>) {
    let words = |axis: &AxisLabels, place: usize| {
        axis.cells.get(place).map_or_else(String::new, |cell| format!("{} {}", spoken(&axis.name), cell.text))
    };
    let (across, down) = if turned { (1, groups.cells.len()) } else { (series.cells.len(), 1) };
    let bar = |group: usize, series: usize| {
        cells
            .values
            .get(group * across + series * down)
            .map_or(Stated::Value(Mark::exact(0.0)), |cell| mark(&cell.count))
    };
    let one = |place: usize| Series {
        name: words(series, place),
        marks: (0..groups.cells.len()).map(|group| bar(group, place)).collect(),
    };
    ((0..groups.cells.len()).map(|place| words(groups, place)).collect(), (0..series.cells.len()).map(one).collect())
}

/// One series of every cell.
fn listed(cells: &Cells<CountedCell>) -> Vec<Series> {
    let marks = cells.values.iter().map(|cell| mark(&cell.count)).collect();
    vec![Series { name: "people".into(), marks }]
}

/// The people left after each criterion, in one cell.
pub(super) fn funnel(funnel: &Funnel) -> Result<Figure, Error> {
    let stage = |name: String, people: &Stated<Estimate>| match mark(people) {
        Stated::Value(people) => Ok(Stage { name, people }),
        Stated::Undefined { undefined } => Err(undefined),
    };
    let steps = funnel.steps.iter().map(|step| (format!("after criterion {}", step.group), &step.left));
    let stages = std::iter::once(("contributors".to_owned(), &funnel.start)).chain(steps);
    let stages = stages.map(|(name, people)| stage(name, people)).collect::<Result<Vec<_>, _>>();
    let stages = stages.map_err(|why| Error::Statistics { what: "the steps of a funnel", why: why.to_string() })?;
    let title = of_cell("Attrition over the match criteria", &spoken(&funnel.cell));
    Figure::new(&title, Axis::count("people"), Axis::names(""), Kind::Attrition(Attrition { stages }))
}

pub(super) fn histograms(figures: &mut Figures, groups: &Stated<Vec<Distribution>>) {
    match groups {
        Stated::Value(groups) => figures.add_each("histogram", groups, histogram),
        Stated::Undefined { undefined } => figures.leave_out("histogram", &undefined.to_string()),
    }
}

/// Equal bins as a histogram. Open ones and those of other widths are bars: their areas would mislead.
fn histogram(histogram: &Distribution) -> Result<Figure, Error> {
    let measure = spoken(&histogram.measure);
    let title = of_cell(&format!("Distribution of {measure}"), &spoken(&histogram.group));
    let (x, y) = (Axis::linear(&measure, &histogram.unit), Axis::count("people"));
    let below = below_zero(histogram.bins.iter().map(|bin| &bin.count));
    let Some((start, width)) = equal_bins(histogram) else {
        let groups = histogram.bins.iter().map(|bin| bin.values.text.clone()).collect();
        let marks = histogram.bins.iter().map(|bin| mark(&bin.count)).collect();
        let bars = Bars { groups, series: vec![Series { name: "people".into(), marks }] };
        return Ok(Figure::new(&title, x, y, Kind::Bars(bars))?.with_notes(below));
    };
    let bins = histogram.bins.len();
    let together = bins_together(bins).ok_or_else(|| {
        let why = format!("{bins} bins go in no {HISTOGRAM_BINS_MAX} equal ones; give a count that divides");
        Error::Statistics { what: "the bins of a histogram", why }
    })?;
    let counts = histogram.bins.chunks(together).map(|bins| sum(bins.iter().map(|bin| &bin.count))).collect();
    let width = width * f64::from(u32::try_from(together).unwrap_or(u32::MAX));
    let figure = Figure::new(&title, x, y, Kind::Histogram(Histogram { start, width, counts }))?;
    let note = (together > 1).then(|| format!("{together} bins are drawn as one; the table has each."));
    Ok(figure.with_notes(note.into_iter().chain(below)))
}

/// Where bins begin and how wide they are, if all are as wide and none is open.
fn equal_bins(histogram: &Distribution) -> Option<(f64, f64)> {
    let bounds: Vec<(f64, f64)> =
        histogram.bins.iter().map(|bin| Some((bin.values.lo?, bin.values.end?))).collect::<Option<_>>()?;
    let &(start, end) = bounds.first()?;
    let width = end - start;
    let equal = |&(lo, end): &(f64, f64)| (end - lo - width).abs() <= 1e-9 * width;
    bounds.iter().all(equal).then_some((start, width))
}

/// How many neighbouring bins are drawn as one so that all find room.
fn bins_together(bins: usize) -> Option<usize> {
    let fits = |together: &usize| bins.is_multiple_of(*together) && bins / together <= HISTOGRAM_BINS_MAX;
    (1..=bins / 20).chain([1]).find(fits)
}

/// The sum of independent counts as released, its interval that of their noise: below zero too.
fn sum<'c>(counts: impl Iterator<Item = &'c Stated<Estimate>>) -> Stated<Mark> {
    let (mut value, mut variance) = (0.0, 0.0);
    for count in counts {
        match count {
            Stated::Value(count) => {
                value += count.value;
                variance += count.standard_error * count.standard_error;
            }
            Stated::Undefined { undefined } => return Stated::Undefined { undefined: undefined.clone() },
        }
    }
    Estimate::normal(value, variance.sqrt()).map(Mark::from).into()
}

/// Odds and risk ratios of a two by two table, and the common odds ratio within strata, which pools none of the others.
pub(super) fn effects(figures: &mut Figures, table: &Stated<Contingency>, strata: Option<&Stated<Stratified>>) {
    let table = match table {
        Stated::Value(table) => table,
        Stated::Undefined { undefined } => return figures.leave_out("effects", &undefined.to_string()),
    };
    // Larger tables have no such effects.
    let Some(effects) = &table.two_by_two else { return };
    let (mut rows, mut intervals): (Vec<ForestRow>, Vec<String>) = (vec![], vec![]);
    let mut row = |name: &str, effect: &Stated<Effect>| {
        rows.push(ForestRow { name: name.into(), detail: String::new(), mark: effect_mark(effect), pooled: false });
        intervals.extend(effect.value().map(|effect| {
            let half = if effect.half_added { ", ½ added to each cell" } else { "" };
            format!("{name}: interval by {}{half}", effect.method)
        }));
    };
    row("Crude odds ratio", &effects.odds_ratio);
    row("Crude risk ratio", &effects.risk_ratio);
    if let Some(strata) = strata.and_then(Stated::value) {
        row("Odds ratio, Mantel–Haenszel", &strata.common_odds_ratio);
    }
    if let Some(why) = rows.iter().map(|row| why(&row.mark)).collect::<Option<Vec<_>>>() {
        return figures.leave_out("effects", &why.first().map_or_else(String::new, ToString::to_string));
    }
    let kind = Kind::Forest(Forest { rows, reference: Some(1.0), detail: String::new() });
    let title = titled(&named(&table.compared(), "The second row relative to the first"));
    let figure = Figure::new(&title, Axis::log("ratio", ""), Axis::names(""), kind);
    figures.add("effects", figure.map(|figure| figure.with_notes([format!("{}.", intervals.join("; "))])));
}
