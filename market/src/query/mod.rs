//! Queries as researchers write them: a file with names and units, what it measures, and what it would cost.
//!
//! A [`QueryFile`] names attributes, variants and purposes; resolved against a schema and its panel it is the
//! `CohortQuery` that the ledger takes. Each [`Measure`] of the file becomes one or more parts, and says afterwards how
//! their sums are read. A [`Plan`] tells slots, proofs, money, privacy and precision before anything is spent.

mod again;
mod file;
mod measure;
mod named;
mod plan;
mod precision;
#[cfg(test)]
mod tests;

use circuits::{
    id::SchemaId,
    schema::{Schema, VariantPanel},
};
use node::{
    codec::decode,
    state::{StateRead, StateView},
};

pub use self::{
    again::Again,
    file::{Privacy, QUERY_FILE_BYTES_MAX, QueryFile},
    measure::{Measure, VariantBlock, VariantRange},
    named::{NamedAxis, NamedClause, groups_in_words, variant_name},
    plan::{Plan, PrivacyPlan, plan, plan_of_study},
    precision::Expectation,
};
pub(crate) use self::{
    file::{first_region, parse_toml, public_criteria, read},
    named::Names,
};
use crate::{
    Error,
    objects::{BLOB_BYTES_MAX, BlobAccess, BlobAddress, BlobKind, get},
};

/// A registered schema, and its panel if the store has it.
///
/// # Errors
/// [`Error::Ledger`] for a schema that nobody registered, [`Error::BlobBusy`] while it is not known whether anybody has the
/// panel, [`Error::BlobStore`] when the store fails.
pub fn schema_and_panel(
    view: &dyn StateView,
    blobs: &dyn BlobAccess,
    id: SchemaId,
) -> Result<(Schema, Option<VariantPanel>), Error> {
    let missing = || node::Error::Unknown { what: "schema", id: id.to_string() };
    let schema = view.schema(id)?.ok_or_else(missing)?;
    let address = BlobAddress { kind: BlobKind::Panel, digest: schema.panel.digest };
    match get(blobs, address, BLOB_BYTES_MAX) {
        Ok(bytes) => Ok((schema, Some(decode("variant panel", &bytes, BLOB_BYTES_MAX)?))),
        Err(Error::BlobMissing { .. }) => Ok((schema, None)),
        Err(error) => Err(error),
    }
}

/// The same for what is shown with or without the panel: one that is not to be had at the moment counts as missing.
///
/// # Errors
/// As [`schema_and_panel`], [`Error::BlobBusy`] apart.
pub fn schema_and_panel_at_hand(
    view: &dyn StateView,
    blobs: &dyn BlobAccess,
    id: SchemaId,
) -> Result<(Schema, Option<VariantPanel>), Error> {
    match schema_and_panel(view, blobs, id) {
        Err(Error::BlobBusy { .. }) => {
            let missing = || node::Error::Unknown { what: "schema", id: id.to_string() };
            Ok((view.schema(id)?.ok_or_else(missing)?, None))
        }
        found => found,
    }
}
