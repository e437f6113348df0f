//! From a query file back to a draft, to go on with it.

use circuits::consent::Regions;
use market::{
    data_use::DeclaredUse,
    query::{Measure, NamedAxis, NamedClause, Privacy, QueryFile},
};

use super::draft::{AxisDraft, ClauseDraft, Draft, MeasureDraft};

/// The draft of a query file, to go on with it.
///
/// # Errors
/// [`market::Error::DataUse`] for a declared use that cannot be written in the form.
pub(super) fn to_draft(file: &QueryFile) -> Result<Draft, market::Error> {
    let (exact, epsilon) = match file.privacy {
        Privacy::Exact => (true, "1".into()),
        Privacy::Epsilon(epsilon) => (false, epsilon.to_string()),
    };
    let (criteria, criteria_not) = to_groups(&file.criteria);
    let (matching, matching_not) = to_groups(&file.matching);
    Ok(Draft {
        study: file.study.to_string(),
        schema: file.schema.to_string(),
        criteria,
        matching,
        criteria_not,
        matching_not,
        issuers: file.issuers.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n"),
        exact,
        epsilon,
        measures: file.measures.iter().map(measure).collect(),
        purposes: file.purposes.iter().cloned().collect(),
        disease: if file.disease == 0 { String::new() } else { file.disease.to_string() },
        regions: Regions(file.regions),
        data_use: file.data_use.as_ref().map_or_else(|| Ok(String::new()), DeclaredUse::to_toml)?,
        region_table: file.region_table.to_string(),
        price: file.price.to_string(),
        contributions_min: file.contributions_min.to_string(),
        contributions_max: file.contributions_max.to_string(),
        days: file.days.to_string(),
        aggregate_blocks_max: file.aggregate_blocks_max.to_string(),
        release_blocks_max: file.release_blocks_max.to_string(),
        cohort: String::new(),
    })
}

/// Groups as the form shows them: those at the end of one negated clause each are what is excluded, so that groups come back
/// in the order in which they were.
pub(super) fn to_groups(groups: &[Vec<NamedClause>]) -> (Vec<Vec<ClauseDraft>>, Vec<ClauseDraft>) {
    let excludes = |group: &&Vec<NamedClause>| matches!(group.as_slice(), [only] if only.negated);
    let excluded = groups.iter().rev().take_while(excludes).count();
    let (included, excluded) = groups.split_at(groups.len().saturating_sub(excluded));
    let interval = |named: &NamedClause| ClauseDraft { negated: false, ..clause(named) };
    let included = included.iter().map(|group| group.iter().map(clause).collect());
    (included.collect(), excluded.iter().flatten().map(interval).collect())
}

fn clause(named: &NamedClause) -> ClauseDraft {
    let subject = named.attribute.clone().or_else(|| named.variant.clone()).unwrap_or_default();
    ClauseDraft { subject, lo: named.lo.to_string(), hi: named.hi.to_string(), negated: named.negated }
}

fn axis(named: &NamedAxis) -> AxisDraft {
    match named {
        NamedAxis::Cuts { attribute, cuts } => AxisDraft {
            subject: attribute.clone(),
            cuts: cuts.iter().map(ToString::to_string).collect::<Vec<_>>().join(", "),
            ..AxisDraft::default()
        },
        NamedAxis::Bins { attribute, lo, width, count } => AxisDraft {
            subject: attribute.clone(),
            lo: lo.to_string(),
            width: width.to_string(),
            count: count.to_string(),
            ..AxisDraft::default()
        },
        NamedAxis::Variant { variant } => AxisDraft { subject: variant.clone(), ..AxisDraft::default() },
    }
}

fn measure(measure: &Measure) -> MeasureDraft {
    let (statistic, attribute, attributes, variants, listed): (&str, &str, &[String], _, Vec<Option<&NamedAxis>>) =
        match measure {
            Measure::Count { by } => ("count", "", &[], None, by.iter().map(Some).collect()),
            Measure::Funnel { by } => ("funnel", "", &[], None, by.iter().map(Some).collect()),
            Measure::Histogram { of } => ("histogram", "", &[], None, vec![Some(of)]),
            Measure::Contingency { rows, columns, strata } => {
                ("contingency", "", &[], None, vec![Some(rows), Some(columns), strata.as_ref()])
            }
            Measure::Moments { attributes, by } => ("moments", "", attributes, None, by.iter().map(Some).collect()),
            Measure::Comparison { attribute, groups } => ("comparison", attribute, &[], None, vec![Some(groups)]),
            Measure::Regression { outcome, predictors } => ("regression", outcome, predictors, None, vec![]),
            Measure::AlleleFrequencies { variants, by } => {
                ("allele_frequencies", "", &[], Some(variants), by.iter().map(Some).collect())
            }
            Measure::Association { variants, cases } => ("association", "", &[], Some(variants), vec![Some(cases)]),
            Measure::Survival { time, event, groups, .. } => {
                ("survival", "", &[], None, vec![Some(time), Some(event), groups.as_ref()])
            }
        };
    let mut axes = <[AxisDraft; circuits::layout::AXES_MAX]>::default();
    for (draft, named) in axes.iter_mut().zip(listed) {
        *draft = named.map(axis).unwrap_or_default();
    }
    let numbered = variants.filter(|range| range.region.is_none());
    MeasureDraft {
        statistic: statistic.into(),
        attribute: attribute.into(),
        attributes: attributes.to_vec(),
        first: numbered.map_or_else(String::new, |range| range.first.to_string()),
        count: numbered.and_then(|range| range.count).map_or_else(String::new, |count| count.to_string()),
        region: variants.and_then(|range| range.region.clone()).unwrap_or_default(),
        horizon: match measure {
            Measure::Survival { horizon: Some(horizon), .. } => horizon.to_string(),
            _ => String::new(),
        },
        axes,
    }
}
