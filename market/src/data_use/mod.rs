//! Data use in the terms that the field has: what an owner allows as Data Use Ontology terms or as a FHIR Consent, what
//! a query declares, and the one decision between the two (`docs/protocol/data-use.md`).
//!
//! A consent commits to a mask of what is allowed. A prohibition or a requirement is a bit that is missing, and a query
//! demands that bit unless it keeps to the condition. What cannot be said in the mask is decided by the owner's agent.

mod country;
mod decision;
mod declared;
mod disease;
mod disease_names;
mod duo;
pub mod fhir;
mod obo;
mod stated;
mod term;
mod terms;
#[cfg(test)]
mod tests;

use circuits::consent::Day;
use node::calendar::parse_date;

pub use self::{
    country::{Country, REGIONS_MAX, RegionTable, regions_in_words},
    decision::{
        Circumstances, Refusal, decide, decide_requester, demanded_in_words, in_words, refused_purposes, refused_use,
    },
    declared::{Approval, DeclaredUse, Purpose, Requester},
    disease::{DiseaseCode, DiseaseHierarchy, LOCAL_CODE_MAX, ONTOLOGIES, ONTOLOGY_BYTES_MAX, RELATIONS_MAX},
    disease_names::DiseaseNames,
    duo::{DUO_VERSION, DuoDataUse, DuoDocument, OntologyTerm},
    stated::StatedUse,
    term::{DuoTerm, Enforcement},
    terms::{DataUseTerms, Modifier, NAME_BYTES_MAX, NAMES_MAX, Name, Offer, Permission, with_included},
};
use crate::Error;

pub(crate) fn refused(why: String) -> Error {
    Error::DataUse { why }
}

/// The day of a calendar date, `2027-01-31` (ISO 8601).
fn calendar_day(text: &str) -> Result<Day, Error> {
    let shown: String = text.chars().take(32).collect();
    parse_date(text).ok_or_else(|| refused(format!("{shown:?} is no date from 1970 on; write it as 2027-01-31")))
}
