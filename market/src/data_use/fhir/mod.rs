//! FHIR R4 Consent resources as data use terms and back.
//!
//! A condition of the Data Use Ontology is a `modifierExtension` under the IRI of its term: FHIR forbids whoever does
//! not know one to pass over it (hl7.org/fhir/R4/extensibility.html), so no reader takes the consent for wider than it
//! is.

mod read;
mod resource;
mod write;

use std::fmt;

use serde::Serialize;

pub use self::{
    read::{CONSENT_BYTES_MAX, read},
    write::write,
};
use super::DataUseTerms;

/// An element of a resource, with what became of it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Element {
    /// Where it is, such as `provision.purpose[0]`.
    pub path: String,
    /// What it means, why it is passed over, or what forbids it.
    pub why: String,
}

impl Element {
    fn new(path: &str, why: impl Into<String>) -> Self {
        Self { path: path.into(), why: why.into() }
    }
}

impl fmt::Display for Element {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.path, self.why)
    }
}

/// What became of every element of a resource.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Report {
    /// Elements that the terms come from.
    pub used: Vec<Element>,
    /// Elements that were passed over, which limit nothing.
    pub ignored: Vec<Element>,
    /// Elements that no data use term says; with one of them there are no terms.
    pub refused: Vec<Element>,
}

/// A resource that was read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Imported {
    /// What became of its elements.
    pub report: Report,
    /// The terms; none when anything was refused.
    pub terms: Option<DataUseTerms>,
}
