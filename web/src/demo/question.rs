//! What the demo asks: allele frequencies of the whole panel, or an example of the library of queries.

use std::{ops::Range, path::PathBuf};

use circuits::{
    consent::Day,
    criteria::Criteria,
    id::{SchemaId, StudyId},
    record::WINDOW_VARIANTS,
};
use clap::ValueEnum;
use market::data_use::RegionTable;
use market::query::{Measure, NamedClause, Privacy, QueryFile, VariantRange};
use node::query::{PARTS_MAX, SealingKey, check_against_schema};
use serde::Serialize;

use super::people::{PRICE, Sources};
use crate::Error;

/// Days the demo's query stays open.
const QUERY_DAYS: u32 = 7;
/// Blocks that the demo's query allows for its aggregate and for its release.
const DEADLINE_BLOCKS: u32 = 10_000;
/// ε of an example that cannot be answered exactly: match criteria are for private queries.
const EPSILON_OF_FUNNEL: f64 = 10.0;

/// An example of the library of queries, `docs/queries`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Example {
    /// People by sex and age band.
    Count,
    /// How many are left after each match criterion.
    Funnel,
    /// The distribution of age.
    Histogram,
    /// Death by sex, over strata of age.
    Contingency,
    /// Means, variances and correlation of age and follow-up.
    Moments,
    /// Mean age of the sexes: t-test and analysis of variance.
    Comparison,
    /// Follow-up on age and sex, by least squares.
    Regression,
    /// Allele frequencies and Hardy–Weinberg tests.
    Frequencies,
    /// Variants and death: association tests.
    Association,
    /// Kaplan–Meier curves by sex and the log-rank test.
    Survival,
}

impl Example {
    const fn text(self) -> &'static str {
        match self {
            Self::Count => include_str!("../../../docs/queries/count.toml"),
            Self::Funnel => include_str!("../../../docs/queries/funnel.toml"),
            Self::Histogram => include_str!("../../../docs/queries/histogram.toml"),
            Self::Contingency => include_str!("../../../docs/queries/contingency.toml"),
            Self::Moments => include_str!("../../../docs/queries/moments.toml"),
            Self::Comparison => include_str!("../../../docs/queries/comparison.toml"),
            Self::Regression => include_str!("../../../docs/queries/regression.toml"),
            Self::Frequencies => include_str!("../../../docs/queries/frequencies.toml"),
            Self::Association => include_str!("../../../docs/queries/association.toml"),
            Self::Survival => include_str!("../../../docs/queries/survival.toml"),
        }
    }
}

/// What the demo asks.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Asked {
    /// Allele frequencies of the whole panel, of European adults.
    Panel,
    /// An example of the library.
    Example(Example),
    /// A query file. Study, schema, price and how many contribute are the demo's; privacy is the file's.
    File(PathBuf),
}

/// A query before its study is registered.
pub(super) struct Question {
    /// The query as a researcher writes it.
    pub(super) file: QueryFile,
    /// Its public criteria, as the ledger has them.
    pub(super) criteria: Criteria,
    /// What is asked, for headings and the study's title.
    pub(super) title: String,
    /// Who is asked, in words.
    pub(super) cohort: String,
}

impl Question {
    /// What is asked of `people` people; with differential privacy if an ε is given. Without one a file says how it is
    /// protected, and the others are asked exactly where that can be.
    ///
    /// # Errors
    /// [`Error::Market`] when the query names what the schema lacks, [`Error::Ledger`] for what no ledger would open.
    pub(super) fn new(asked: &Asked, epsilon: Option<f64>, people: usize, sources: &Sources) -> Result<Self, Error> {
        let (mut file, title, cohort) = match asked {
            Asked::Panel => of_frequencies(sources, people)?,
            Asked::Example(example) => {
                let text = example.text();
                let title = text.lines().next().unwrap_or_default().trim_start_matches("# ").trim_end_matches('.');
                of_file(QueryFile::from_toml("the example", text)?, title.into())
            }
            Asked::File(path) => of_file(QueryFile::open(path)?, path.display().to_string()),
        };
        // The truth counts variants by their numbers.
        for measure in &mut file.measures {
            if let Measure::AlleleFrequencies { variants, .. } | Measure::Association { variants, .. } = measure {
                let Range { start: first, end } = variants.numbers(&sources.panel)?;
                *variants = VariantRange { first, count: Some(end.saturating_sub(first)), region: None };
            }
        }
        file.schema = sources.schema.id()?;
        file.price = PRICE;
        file.contributions_min = u32::try_from(people).unwrap_or(u32::MAX);
        file.contributions_max = file.contributions_min.saturating_add(1);
        file.privacy = match (epsilon, asked) {
            (Some(epsilon), _) => Privacy::Epsilon(epsilon),
            (None, Asked::File(_)) => file.privacy,
            (None, _) if file.matching.is_empty() => Privacy::Exact,
            (None, _) => Privacy::Epsilon(EPSILON_OF_FUNNEL),
        };
        // Everything that can be wrong with the file is found before anything is made.
        let query = file.resolve(&sources.schema, Some(&sources.panel), Day(0), SealingKey::new(vec![0]))?;
        query.check()?;
        check_against_schema(&query, &sources.schema, true)?;
        Ok(Self { file, criteria: query.criteria, title, cohort })
    }
}

/// A query, its title, and whom it asks in words.
fn of_file(file: QueryFile, title: String) -> (QueryFile, String, String) {
    let groups: Vec<String> = file
        .criteria
        .iter()
        .map(|group| group.iter().map(ToString::to_string).collect::<Vec<_>>().join(" or "))
        .collect();
    let cohort = if groups.is_empty() { "everybody".into() } else { groups.join(", ") };
    (file, title, cohort)
}

/// Allele frequencies of the panel, as many windows as a query may have.
fn of_frequencies(sources: &Sources, people: usize) -> Result<(QueryFile, String, String), Error> {
    let variants = sources.panel.variants.len().min(PARTS_MAX * WINDOW_VARIANTS);
    let range = VariantRange { count: u32::try_from(variants).ok(), ..VariantRange::default() };
    let mut file = QueryFile {
        study: StudyId::from_bytes([0; 32]),
        schema: SchemaId::from_bytes([0; 32]),
        criteria: vec![],
        matching: vec![],
        issuers: vec![],
        privacy: Privacy::Exact,
        measures: vec![Measure::AlleleFrequencies { variants: range, by: vec![] }],
        purposes: vec!["health-research".into()],
        disease: 0,
        regions: 1,
        data_use: None,
        region_table: RegionTable::default(),
        price: PRICE,
        contributions_min: 0,
        contributions_max: 0,
        days: QUERY_DAYS,
        aggregate_blocks_max: DEADLINE_BLOCKS,
        release_blocks_max: DEADLINE_BLOCKS,
    };
    let cohort = of_european_adults(&mut file, sources, people)?;
    Ok((file, "Allele frequencies".into(), cohort))
}

/// European and aged 30 to 65 where enough are, European otherwise, and everybody where the schema does not know.
fn of_european_adults(file: &mut QueryFile, sources: &Sources, people: usize) -> Result<String, Error> {
    let clause = |attribute: &str, lo, hi| {
        vec![NamedClause { attribute: Some(attribute.into()), variant: None, lo, hi, negated: false }]
    };
    let known = |name| sources.schema.attribute_index(name).is_some();
    if !known("age") || !known("superpopulation") {
        return Ok("everybody".into());
    }
    file.criteria = vec![clause("superpopulation", 4.0, 4.0), clause("age", 30.0, 65.0)];
    let of_age = file.public_criteria(&sources.schema, None)?;
    if sources.rows.iter().filter(|row| of_age.hold(&row.attributes)).count() >= people {
        return Ok("European superpopulation, age 30 to 65".into());
    }
    file.criteria.pop();
    Ok("European superpopulation".into())
}
