//! Allele frequencies and association.

use super::{FIGURES_MAX, Figures, mark, numbered, spoken};
use crate::{
    Error,
    statistics::{
        Stated, Undefined,
        analysis::{GroupFrequencies, why},
        figure::{
            Axis, Bars, Figure, Forest, ForestRow, Histogram, Hit, Kind, Manhattan, Mark, Quantiles, Series, whole,
        },
        genotypes::{PolygenicScore, Scan},
        noise::SIMULATIONS,
    },
};

/// Variants whose frequencies are drawn one by one, a block of them; more are drawn as a distribution.
const VARIANTS_MAX: usize = 32;
/// Bars that are drawn one by one.
const BARS_MAX: usize = 64;
/// Rows of one forest plot.
const ROWS_MAX: usize = 40;
/// Bins of the distribution of minor allele frequencies.
const FREQUENCY_BINS: u32 = 20;

pub(super) fn frequencies(figures: &mut Figures, groups: &[GroupFrequencies]) {
    let variants = groups.first().map_or(0, |group| group.variants.len());
    if variants <= VARIANTS_MAX && variants * groups.len() <= BARS_MAX {
        figures.add("frequencies", beside(groups));
    } else {
        figures.add_each("frequencies", groups, distribution);
    }
    if variants > VARIANTS_MAX {
        for (place, group) in groups.iter().take(FIGURES_MAX).enumerate() {
            hardy_weinberg(figures, &numbered("hardy-weinberg", place), group);
        }
    }
}

/// The frequency of each variant, groups beside one another.
fn beside(groups: &[GroupFrequencies]) -> Result<Figure, Error> {
    let names = groups.first().into_iter().flat_map(|group| &group.variants).map(|variant| variant.name.clone());
    let series = groups.iter().map(|group| Series {
        name: spoken(&group.group),
        marks: group.variants.iter().map(|variant| mark(&variant.frequency)).collect(),
    });
    let kind = Kind::Bars(Bars { groups: names.collect(), series: series.collect() });
    let y = Axis::share("frequency of the alternate allele");
    let variants = groups.first().map_or(0, |group| group.variants.len());
    let of = match groups {
        [only] => format!(": {}", spoken(&only.group)),
        _ => " by group".into(),
    };
    Figure::new(&format!("Allele frequencies of {variants} variants{of}"), Axis::names(""), y, kind)
}

/// The mean score of each group.
pub(super) fn scores(score: &PolygenicScore) -> Result<Figure, Error> {
    let rows = score.groups.iter().take(ROWS_MAX).map(|group| ForestRow {
        name: spoken(&group.group),
        detail: whole(group.called.to_f64()),
        mark: mark(&group.mean),
        pooled: false,
    });
    let rows: Vec<_> = rows.collect();
    if let Some(why) = rows.iter().map(|row| why(&row.mark)).collect::<Option<Vec<_>>>() {
        let why = why.first().map_or_else(String::new, ToString::to_string);
        return Err(Error::Statistics { what: "figure", why });
    }
    let kind = Kind::Forest(Forest { rows, reference: None, detail: "people".into() });
    let of = match score.groups.as_slice() {
        [only] => format!(": {}", spoken(&only.group)),
        _ => " by group".into(),
    };
    let title = format!("Mean polygenic score of {} variants{of}", score.used.len());
    let figure = Figure::new(&title, Axis::linear("mean score", ""), Axis::names(""), kind)?;
    let left_out: usize =
        [&score.missing, &score.mismatched, &score.repeated, &score.unmeasured].map(Vec::len).iter().sum();
    let groups = score.groups.len();
    let cut = (groups > ROWS_MAX).then(|| format!("The first {ROWS_MAX} of {groups} groups; the table has all."));
    let without = (left_out > 0).then(|| format!("{left_out} weights are not counted; the table says why."));
    Ok(figure.with_notes([format!("Intervals assume {}.", score.assumption)].into_iter().chain(cut).chain(without)))
}

/// How many variants of a group have which minor allele frequency.
fn distribution(group: &GroupFrequencies) -> Result<Figure, Error> {
    let minor: Vec<f64> =
        group.variants.iter().filter_map(|variant| Some(variant.minor_allele_frequency.value()?.value)).collect();
    if minor.len() < 2 && group.variants.len() > 1 {
        let why = format!("{} of {} variants have an estimated frequency", minor.len(), group.variants.len());
        return Err(Error::Statistics { what: "figure", why });
    }
    let width = 0.5 / f64::from(FREQUENCY_BINS);
    let count = |bin: u32| {
        let (lo, end) = (width * f64::from(bin), width * f64::from(bin + 1));
        let last = bin + 1 == FREQUENCY_BINS;
        let inside = |value: &&f64| **value >= lo && (**value < end || last);
        let variants = u32::try_from(minor.iter().filter(inside).count()).unwrap_or(u32::MAX);
        Stated::Value(Mark::exact(f64::from(variants)))
    };
    let kind = Kind::Histogram(Histogram { start: 0.0, width, counts: (0..FREQUENCY_BINS).map(count).collect() });
    let title = format!("Minor allele frequencies of {} variants: {}", minor.len(), spoken(&group.group));
    let (x, y) = (Axis::linear("minor allele frequency", ""), Axis::count("variants"));
    let figure = Figure::new(&title, x, y, kind)?;
    Ok(figure.with_notes(untold(group.variants.len() - minor.len(), group.variants.len(), "have no frequency")))
}

/// How many of all are not shown, and why.
fn untold(missing: usize, all: usize, why: &str) -> Option<String> {
    (missing > 0).then(|| format!("{missing} of {all} variants {why}."))
}

/// Mid-p, which is exact; of noisy sums, of which there is none, the simulated χ².
fn hardy_weinberg(figures: &mut Figures, name: &str, group: &GroupFrequencies) {
    let found = || group.variants.iter().map(|variant| &variant.hardy_weinberg);
    let noisy = found().any(|tests| why(&tests.mid_p) == Some(&Undefined::NeedsExact));
    let tests = || found().map(|tests| if noisy { &tests.chi_squared } else { &tests.mid_p });
    let p_values: Vec<f64> = tests().filter_map(|test| Some(drawn(test.value()?.p_value))).collect();
    if p_values.is_empty() {
        let why = tests().next().and_then(why).map_or_else(String::new, ToString::to_string);
        return figures.leave_out(name, &why);
    }
    let untested = untold(group.variants.len() - p_values.len(), group.variants.len(), "could not be tested");
    let (tested, group) = (p_values.len(), spoken(&group.group));
    let by = if noisy { "χ² with noise" } else { "exact mid-p" };
    let title = format!("Hardy–Weinberg equilibrium of {tested} variants ({by}): {group}");
    let least = noisy.then(|| format!("P-values are simulated: the least is 1/{}.", SIMULATIONS + 1));
    figures.add(name, quantiles(&title, p_values).map(|figure| figure.with_notes(untested.into_iter().chain(least))));
}

/// A p-value as a logarithm can show it: one that left the range of numbers is the least.
fn drawn(p_value: f64) -> f64 {
    p_value.max(f64::MIN_POSITIVE)
}

fn quantiles(title: &str, p_values: Vec<f64>) -> Result<Figure, Error> {
    let axis = |what: &str| Axis::linear(what, "");
    Figure::new(title, axis("expected −log₁₀ p"), axis("observed −log₁₀ p"), Kind::Quantiles(Quantiles { p_values }))
}

pub(super) fn scan(figures: &mut Figures, scan: &Scan) {
    let tested = || scan.variants.iter().filter_map(|variant| Some((variant, variant.trend_test.value()?.p_value)));
    let p_values: Vec<f64> = tested().map(|(_, p)| drawn(p)).collect();
    if p_values.is_empty() {
        let why = scan.variants.first().and_then(|variant| why(&variant.trend_test));
        return figures.leave_out("association", &why.map_or_else(String::new, ToString::to_string));
    }
    let hits = tested().map(|(variant, p_value)| Hit {
        name: variant.name.clone(),
        chromosome: variant.variant.chrom.clone(),
        position: variant.variant.pos.into(),
        p_value: drawn(p_value),
    });
    let manhattan = Kind::Manhattan(Manhattan { hits: hits.collect(), tests: p_values.len() });
    let untested = || untold(scan.variants.len() - p_values.len(), scan.variants.len(), "could not be tested");
    let compared = format!("cases {}, controls {}", spoken(&scan.cases), spoken(&scan.controls));
    let title = format!("Association of {} variants: {compared}", p_values.len());
    // The kind names the axis: megabases of one chromosome, or chromosomes.
    let manhattan = Figure::new(&title, Axis::names(""), Axis::linear("−log₁₀ p of the trend", ""), manhattan);
    figures.add("manhattan", manhattan.map(|figure| figure.with_notes(untested())));
    let title = format!("Observed and expected p-values of the trend test: {compared}");
    let inflation = scan.inflation.value().map(|inflation| format!("Genomic inflation λ = {inflation:.3}."));
    let notes = inflation.into_iter().chain(untested());
    figures.add("quantiles", quantiles(&title, p_values.clone()).map(|figure| figure.with_notes(notes)));
}
