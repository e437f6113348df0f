//! What an `Exact` query's part measures, so that a record enters one exact release of it in each period.
//!
//! Two releases of the same measure over cohorts that differ in one person would subtract to that person. So a measure
//! names no more than the schema and what is read: the axes of the layout, the range of variants within a window and
//! the criteria do not enter it. Parts of one query that read the same are numbered: contributions carry all parts or
//! none, so every query on a measure spends its number 0, and no two such queries share a record.

use std::collections::BTreeSet;

use borsh::BorshSerialize;
use circuits::{
    domain::{ByteTag, hash},
    id::{Digest, SchemaId},
    layout::{Layout, Statistic},
};

use crate::{Error, codec::encode, query::CohortQuery};

/// What a layout reads of a record.
#[derive(BorshSerialize, PartialEq, Eq)]
enum Reads {
    /// Nothing but that the criteria hold.
    Membership,
    /// The dosages of one window.
    Genotypes(u32),
    /// Attributes, whichever: two sets that share one could be subtracted in it.
    Moments,
}

fn reads(layout: &Layout) -> Reads {
    match layout.statistic {
        Statistic::Count | Statistic::Funnel { .. } => Reads::Membership,
        Statistic::Genotypes { .. } => Reads::Genotypes(layout.window),
        Statistic::Moments { .. } => Reads::Moments,
    }
}

/// The measure of a query's part.
///
/// # Errors
/// [`Error::Unknown`] for a part that the query lacks.
pub fn measure(schema: &SchemaId, parts: &[Layout], part: u8) -> Result<Digest, Error> {
    let unknown = || Error::Unknown { what: "query part", id: part.to_string() };
    let layout = parts.get(usize::from(part)).ok_or_else(unknown)?;
    let what = reads(layout);
    let ordinal = parts.iter().take(usize::from(part)).filter(|earlier| reads(earlier) == what).count();
    let ordinal = u8::try_from(ordinal).map_err(|_| unknown())?;
    Ok(hash(ByteTag::Measure, &[schema.as_bytes(), &encode("measure", &what)?, &[ordinal]]))
}

/// What a query asks, whoever it asks it of and whenever: its schema, criteria, match criteria, issuers and layouts. A study
/// registers it before it asks. It is finer than the [`measure`], which leaves criteria and axes out: another subgroup or
/// another grouping is another analysis. Price, size, days and privacy loss do not enter it.
///
/// # Errors
/// [`Error::Malformed`] when a list exceeds borsh's length prefix.
pub fn analysis(query: &CohortQuery) -> Result<Digest, Error> {
    let issuers: BTreeSet<_> = query.issuers.iter().collect();
    let asked = (&query.schema, &query.criteria, &query.matching, issuers, &query.parts);
    Ok(hash(ByteTag::Analysis, &[&encode("analysis", &asked)?]))
}
