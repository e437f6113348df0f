//! What a measure's sums say: the statistics of its family, as numbers, figures, tables and words.
//!
//! A [`crate::query::Measure`] names what a researcher wants and which parts measure it; [`analyze`] reads the parts' sums
//! accordingly. Everything here is computed from the released sums alone, so anyone with a receipt gets the same.

mod figures;
mod rows;
#[cfg(test)]
mod tests;

use circuits::{
    layout::{Layout, Statistic},
    schema::{Schema, VariantPanel},
};
use serde::Serialize;

pub use self::figures::Figures;
use super::{
    Cells, PartSums, Stated, Sum, Undefined,
    cohort::{self, Contingency, Counts, Funnel, Histogram, Stratified, Trend},
    genotypes::{PolygenicScore, Scan, VariantSummary, VariantTable, Weights},
    moments::{Anova, Band, CellSummary, Comparison, Intercepts, Model, MomentTable, Regression},
    survival::{self, Survival},
};
use crate::{Error, query::Measure};

/// Points of a regression's band.
const BAND_POINTS: u16 = 41;
/// The groups of an association: the axis of cases has controls first.
const CONTROLS: usize = 0;
const CASES: usize = 1;

/// The statistics of one measure.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "snake_case", tag = "statistic")]
#[allow(clippy::large_enum_variant, reason = "a result holds a handful")]
pub enum Analysis {
    /// How many people there are.
    Count(Counts),
    /// How many are left after each group of the match criteria.
    Funnel {
        /// For each cell.
        cells: Vec<Funnel>,
    },
    /// How an attribute is distributed.
    Histogram {
        /// For each group.
        groups: Stated<Vec<Histogram>>,
    },
    /// A contingency table.
    Contingency {
        /// The counts, all strata together.
        counts: Counts,
        /// Its tests and effects, all strata together.
        table: Stated<Contingency>,
        /// The trend over rows, when there are two columns.
        #[serde(skip_serializing_if = "Option::is_none")]
        trend: Option<Stated<Trend>>,
        /// The tests over strata, when there are any.
        #[serde(skip_serializing_if = "Option::is_none")]
        stratified: Option<Stated<Stratified>>,
    },
    /// Means, variances and correlations.
    Moments {
        /// The names of the axes that cells are of.
        by: Vec<String>,
        /// For each cell.
        cells: Vec<CellSummary>,
    },
    /// Whether a mean differs between groups.
    Comparison {
        /// The names of the axes that groups are of.
        by: Vec<String>,
        /// The two groups, when there are two.
        #[serde(skip_serializing_if = "Option::is_none")]
        pair: Option<Comparison>,
        /// All groups.
        anova: Anova,
        /// Each group.
        cells: Vec<CellSummary>,
    },
    /// Least squares.
    Regression {
        /// The fit.
        fit: Stated<Regression>,
        /// Predictions along the only predictor, when there is one.
        #[serde(skip_serializing_if = "Option::is_none")]
        band: Option<Stated<Band>>,
    },
    /// Allele frequencies.
    AlleleFrequencies {
        /// For each group.
        groups: Vec<GroupFrequencies>,
    },
    /// Association of variants with being a case.
    Association(Scan),
    /// Mean polygenic scores.
    Score(PolygenicScore),
    /// Survival.
    Survival {
        /// Curves and tests.
        curves: Stated<Survival>,
    },
}

/// The variants of one group.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct GroupFrequencies {
    /// The group's name.
    pub group: String,
    /// Each variant.
    pub variants: Vec<VariantSummary>,
}

/// What sums are read with.
#[derive(Debug, Clone, Copy)]
pub struct Context<'c> {
    /// The schema of the records.
    pub schema: &'c Schema,
    /// Its panel, if it is at hand: variants are named and analysed with it alone.
    pub panel: Option<&'c VariantPanel>,
    /// Everyone who contributed, measured or not, which is public; none where it is not known.
    pub contributors: Option<u32>,
    /// Whether match criteria leave out some of them, whom nobody knows.
    pub matched: bool,
    /// What makes simulated p-values the same each time, such as a digest of the query's id: known before the sums, so
    /// that nobody chooses among p-values.
    pub seed: [u8; 32],
}

/// Analyzes a measure's sums: one list of slots for each of its layouts.
///
/// # Errors
/// [`Error::Statistics`] when the sums are not those of the layouts, or name variants that the panel lacks.
pub fn analyze(
    measure: &Measure,
    layouts: &[Layout],
    sums: &[Vec<Sum>],
    Context { schema, panel, contributors, matched, seed }: Context<'_>,
) -> Result<Analysis, Error> {
    let parts = parts(layouts, sums, (schema, panel))?;
    if let Measure::AlleleFrequencies { .. } | Measure::Association { .. } = measure {
        let table = variants(layouts, &parts, panel)?;
        return Ok(match measure {
            Measure::Association { .. } => Analysis::Association(table.scan(CASES, CONTROLS, seed)),
            _ => {
                // How many of a group were asked is not known, nor how many match.
                let grouped = layouts.iter().any(|layout| !layout.axes.is_empty());
                let cohort = contributors.filter(|_| !grouped && !matched).map(|people| Sum::exact(people.into()));
                frequencies(&table, cohort, seed)
            }
        });
    }
    match (parts.as_slice(), layouts) {
        ([PartSums::Counts(cells)], _) => Ok(counted(measure, cells, seed)),
        ([PartSums::Funnel(cells)], _) => {
            // Everybody begins the funnel, and how many they are is public: no noise belongs there.
            let start = contributors.filter(|_| cells.axes.is_empty()).map(|people| Sum::exact(people.into()));
            let begun = |sums: &Vec<Sum>| -> Vec<Sum> {
                start.into_iter().chain(sums.iter().skip(usize::from(start.is_some())).copied()).collect()
            };
            Ok(Analysis::Funnel { cells: cohort::funnels(&cells.map(begun)).values })
        }
        ([PartSums::Moments(cells)], [Layout { statistic: Statistic::Moments { attributes }, .. }]) => {
            let table = MomentTable::new(attributes, schema, cells.clone())?;
            Ok(measured(measure, &table, seed))
        }
        _ => Err(wrong("they are of another statistic than the measure's")),
    }
}

/// The mean scores that a measure's genotypes give under a table of weights: released sums say them, and nothing more is
/// spent.
///
/// # Errors
/// [`Error::Statistics`] when the sums are not those of the layouts or of genotypes, the panel is not at hand or of another
/// genome than the weights, or a weight is no number.
pub fn score(
    layouts: &[Layout],
    sums: &[Vec<Sum>],
    Context { schema, panel, .. }: Context<'_>,
    weights: &Weights,
) -> Result<Analysis, Error> {
    let table = variants(layouts, &parts(layouts, sums, (schema, panel))?, panel)?;
    weights.check_build(panel.map_or("", |panel| panel.build.as_str()))?;
    Ok(Analysis::Score(table.score(&weights.weights)?))
}

fn wrong(why: &str) -> Error {
    Error::Statistics { what: "the sums of a measure", why: why.into() }
}

/// What the slots of each part mean, variants of axes by their names.
fn parts(
    layouts: &[Layout],
    sums: &[Vec<Sum>],
    (schema, panel): (&Schema, Option<&VariantPanel>),
) -> Result<Vec<PartSums>, Error> {
    if layouts.is_empty() || layouts.len() != sums.len() {
        return Err(wrong("they are of other parts"));
    }
    let read = |(layout, sums): (&Layout, &Vec<Sum>)| {
        let part = PartSums::of_slots(layout, schema, sums)?;
        Ok(match panel {
            Some(panel) => part.naming_variants(layout, panel),
            None => part,
        })
    };
    layouts.iter().zip(sums).map(read).collect()
}

/// All parts' variants in one table.
fn variants(layouts: &[Layout], parts: &[PartSums], panel: Option<&VariantPanel>) -> Result<VariantTable, Error> {
    let panel = panel.ok_or_else(|| wrong("they need the schema's panel"))?;
    let of_part = |(layout, sums): (&Layout, &PartSums)| match (&layout.statistic, sums) {
        (Statistic::Genotypes { first, .. }, PartSums::Genotypes(cells)) => {
            VariantTable::of_part(panel, layout.window, *first, cells)
        }
        _ => Err(wrong("a part holds no genotypes")),
    };
    VariantTable::join(layouts.iter().zip(parts).map(of_part).collect::<Result<_, _>>()?)
}

fn frequencies(table: &VariantTable, cohort: Option<Sum>, seed: [u8; 32]) -> Analysis {
    let group = |(place, group): (usize, &String)| GroupFrequencies {
        group: group.clone(),
        variants: table.summarize(place, cohort, seed),
    };
    Analysis::AlleleFrequencies { groups: table.groups().iter().enumerate().map(group).collect() }
}

fn counted(measure: &Measure, cells: &Cells<Sum>, seed: [u8; 32]) -> Analysis {
    match measure {
        Measure::Histogram { .. } => Analysis::Histogram { groups: cohort::histograms(cells).into() },
        Measure::Survival { horizon, .. } => {
            Analysis::Survival { curves: survival::survival(cells, *horizon, seed).into() }
        }
        Measure::Contingency { strata, .. } => {
            let table = if strata.is_some() { over_strata(cells) } else { cells.clone() };
            let two_columns = table.axes.last().is_some_and(|axis| axis.cells.len() == 2);
            Analysis::Contingency {
                counts: cohort::counts(&table),
                table: cohort::contingency(&table, seed).into(),
                trend: two_columns.then(|| cohort::trend(&table, None).into()),
                stratified: strata.as_ref().map(|_| cohort::stratified(cells).into()),
            }
        }
        _ => Analysis::Count(cohort::counts(cells)),
    }
}

/// The table of all strata together: the first axis is summed over.
fn over_strata(cells: &Cells<Sum>) -> Cells<Sum> {
    let axes: Vec<_> = cells.axes.iter().skip(1).cloned().collect();
    let size: usize = axes.iter().map(|axis| axis.cells.len()).product();
    let total = |cell: usize| cells.values.iter().skip(cell).step_by(size.max(1)).copied().sum();
    Cells { axes, values: (0..size).map(total).collect() }
}

fn measured(measure: &Measure, table: &MomentTable, seed: [u8; 32]) -> Analysis {
    let cells: Vec<usize> = (0..table.cells().values.len()).collect();
    let by = || table.cells().axes.iter().map(|axis| axis.name.clone()).collect();
    match measure {
        Measure::Comparison { .. } => Analysis::Comparison {
            by: by(),
            pair: (cells.len() == 2).then(|| table.compare(0, 0, 1)),
            anova: table.anova(0, &cells, seed),
            cells: table.describe(),
        },
        Measure::Regression { predictors, .. } => {
            let predictors: Vec<usize> = (1..=predictors.len()).collect();
            let band = predictors.len() == 1;
            let model = Model { response: 0, predictors, cells, intercepts: Intercepts::Common };
            Analysis::Regression {
                fit: table.regress(&model, seed),
                band: band.then(|| table.band(&model, 0, 0, BAND_POINTS)),
            }
        }
        _ => Analysis::Moments { by: by(), cells: table.describe() },
    }
}

/// Why nothing is stated, for figures and words.
const fn why<T>(stated: &Stated<T>) -> Option<&Undefined> {
    match stated {
        Stated::Value(_) => None,
        Stated::Undefined { undefined } => Some(undefined),
    }
}
