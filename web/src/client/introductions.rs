//! Introductions of researchers, as a node keeps them. Whoever decides on one verifies it first.

use circuits::id::QueryId;
use market::introduction::Introduction;

use super::Remote;
use crate::Error;

fn path(query: QueryId) -> String {
    format!("/v1/queries/{query}/introduction")
}

impl Remote {
    /// The introduction that the node has of a query, unchecked.
    ///
    /// # Errors
    /// As [`Remote::json`].
    pub fn introduction(&self, query: QueryId) -> Result<Option<Introduction>, Error> {
        self.json(&path(query))
    }

    /// Sends an introduction.
    ///
    /// # Errors
    /// As [`Remote::put`].
    pub fn introduce(&self, introduction: &Introduction) -> Result<(), Error> {
        self.put_json(&path(introduction.query()), introduction)
    }
}
