//! The file of a query that is on the ledger: what a researcher would write to ask the same again.

use circuits::{
    consent::Purposes,
    criteria::MatchClause,
    layout::{Axis, Layout, Statistic},
    record::WINDOW_VARIANTS,
    schema::{Schema, VariantPanel},
};
use node::query::{CohortQuery, PrivacyMode};

use super::{
    Measure, NamedAxis, NamedClause, Privacy, QueryFile, VariantRange, measure::part_variants_max,
    named::name_and_scale,
};
use crate::data_use::RegionTable;

/// The file that asks the same as a query of the ledger, as far as a file can.
///
/// The ledger keeps how sums are laid out and not what they were to be read as: a histogram, a table or a survival curve
/// comes back as the count of its cells, a comparison or a regression as moments, an association as allele frequencies of
/// its two groups.
#[derive(Debug, Clone, PartialEq)]
pub struct Again {
    /// The file.
    pub file: QueryFile,
    /// Where it asks something else, in words: promises that it does not repeat, and what files cannot say.
    pub remarks: Vec<String>,
}

impl Again {
    /// Of a query under its schema, with the panel if it is at hand.
    #[must_use]
    pub fn of(query: &CohortQuery, schema: &Schema, panel: Option<&VariantPanel>) -> Self {
        let file = file_of(query, schema, panel);
        let remarks = match file.resolve(schema, panel, query.opening, query.sealing.clone()) {
            Ok(again) => differences(query, &again),
            Err(error) => vec![format!("it does not open as it is: {error}")],
        };
        Self { file, remarks }
    }
}

fn differences(query: &CohortQuery, again: &CohortQuery) -> Vec<String> {
    let mut remarks = vec![];
    let (now, before) = (again.data_use.purposes, query.data_use.purposes);
    let promised = Purposes::REQUIREMENTS.iter().filter(|(_, bit)| now.contains(*bit) && !before.contains(*bit));
    let promised: Vec<&str> = promised.map(|(name, _)| *name).collect();
    if !promised.is_empty() {
        remarks.push(format!(
            "the query promised {}, and this file promises nothing, so that owners who require it will not answer: \
             declare the use under data_use to promise it again",
            promised.join(", ")
        ));
    }
    if !now.contains(before) {
        remarks.push("the query demanded more of consents than a file can say, and this one demands less".into());
    }
    if (CohortQuery { data_use: query.data_use, ..again.clone() }) != *query {
        remarks.push("the query was laid out as no file is; compare the two plans".into());
    }
    remarks
}

fn file_of(query: &CohortQuery, schema: &Schema, panel: Option<&VariantPanel>) -> QueryFile {
    let window = query.parts.first().map_or(0, |part| part.window);
    let clause = |clause: MatchClause| NamedClause::of(&clause, schema, panel, window);
    let purposes = Purposes::NAMED.iter().filter(|(_, purpose)| query.data_use.purposes.contains(*purpose));
    QueryFile {
        study: query.study,
        schema: query.schema,
        criteria: groups(&query.criteria.groups, |one| clause((*one).into())),
        matching: groups(&query.matching.groups, |one| clause(*one)),
        issuers: query.issuers.clone(),
        privacy: match query.privacy {
            PrivacyMode::Exact => Privacy::Exact,
            PrivacyMode::Private { epsilon_milli } => Privacy::Epsilon(f64::from(epsilon_milli.milli()) / 1_000.0),
        },
        measures: measures(&query.parts, schema, panel),
        purposes: purposes.map(|(name, _)| (*name).to_owned()).collect(),
        disease: query.data_use.disease,
        regions: query.data_use.regions.0,
        data_use: None,
        region_table: RegionTable::default(),
        price: query.price.get(),
        contributions_min: query.contributions_min,
        contributions_max: query.contributions_max,
        days: query.closing.0.saturating_sub(query.opening.0),
        aggregate_blocks_max: query.aggregate_blocks_max,
        release_blocks_max: query.release_blocks_max,
    }
}

fn groups<C>(groups: &[Vec<C>], named: impl Fn(&C) -> NamedClause) -> Vec<Vec<NamedClause>> {
    groups.iter().map(|group| group.iter().map(&named).collect()).collect()
}

/// What parts measure: parts of genotypes that one measure would be laid out in are one.
fn measures(parts: &[Layout], schema: &Schema, panel: Option<&VariantPanel>) -> Vec<Measure> {
    let mut measures = vec![];
    let mut rest = parts;
    while let Some((part, after)) = rest.split_first() {
        let by = part.axes.iter().map(|axis| NamedAxis::of(axis, schema, panel, part.window)).collect();
        let of_part = part.statistic.clone();
        rest = after;
        measures.push(match of_part {
            Statistic::Count => Measure::Count { by },
            Statistic::Funnel { .. } => Measure::Funnel { by },
            Statistic::Moments { attributes } => {
                let name = |index| name_and_scale(schema, index).0;
                Measure::Moments { attributes: attributes.iter().map(|moment| name(moment.attribute)).collect(), by }
            }
            Statistic::Genotypes { .. } => {
                let (first, mut end) = variants(part);
                let mut last = part;
                while let Some((next, after)) = rest.split_first()
                    && goes_on(last, next)
                {
                    (last, end, rest) = (next, variants(next).1, after);
                }
                let count = end.min(schema.panel.variants).saturating_sub(first);
                let variants = VariantRange { first, count: Some(count), region: None };
                Measure::AlleleFrequencies { variants, by }
            }
        });
    }
    measures
}

/// The numbers in the panel of the first variant of a part of genotypes and of the one behind its last.
fn variants(part: &Layout) -> (u32, u32) {
    let Statistic::Genotypes { first, length } = part.statistic else { return (0, 0) };
    let first = part.window.saturating_mul(WINDOW_VARIANTS as u32).saturating_add(first.into());
    (first, first.saturating_add(length.into()))
}

/// Whether a part only goes on where another had no more room.
fn goes_on(part: &Layout, next: &Layout) -> bool {
    let (Statistic::Genotypes { length, .. }, Statistic::Genotypes { .. }) = (&part.statistic, &next.statistic) else {
        return false;
    };
    let end = variants(part).1;
    // A variant that groups is named within its window.
    let is_same_window = part.window == next.window;
    let groups_by_variant = part.axes.iter().any(|axis| matches!(axis, Axis::Dosage { .. }));
    let is_full = u32::from(*length) == part_variants_max(part.cells()) || end.is_multiple_of(WINDOW_VARIANTS as u32);
    let is_grouped_alike = part.axes == next.axes && (is_same_window || !groups_by_variant);
    is_full && end == variants(next).0 && is_grouped_alike
}
