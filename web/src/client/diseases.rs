//! Diseases by name, as a node knows them that was given an ontology.

use super::Remote;
use crate::{Error, api::FoundDiseases};

impl Remote {
    /// The diseases that the node finds by a name.
    ///
    /// # Errors
    /// [`Error::NoOntology`] where it was given none, else as [`Remote::json`].
    pub fn diseases(&self, name: &str) -> Result<FoundDiseases, Error> {
        self.found_by("/v1/diseases", "name", name)?.ok_or(Error::NoOntology)
    }

    /// The disease that the node finds by the ledger's number for it.
    ///
    /// # Errors
    /// As [`Remote::diseases`].
    pub fn disease_numbered(&self, number: u32) -> Result<FoundDiseases, Error> {
        self.found_by("/v1/diseases", "number", &number.to_string())?.ok_or(Error::NoOntology)
    }
}
