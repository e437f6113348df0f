//! The listing index.

use clap::Subcommand;
use market::index::Index as Listing;
use node::Ledger;

use super::{Home, Output};
use crate::Error;

/// Maintain the listing index.
#[derive(Debug, Subcommand)]
pub enum Index {
    /// Make the index anew from the ledger. Nothing is lost: it holds nothing else.
    Rebuild,
}

impl Index {
    pub(super) fn run(&self, home: &Home, output: &Output) -> Result<(), Error> {
        let Self::Rebuild = self;
        let ledger = Ledger::open(&home.ledger_path(), home.genesis()?)?;
        let index = Listing::open(&home.index_path(), ledger.chain())?;
        index.clear()?;
        let height = index.follow(&ledger)?;
        output.result(&serde_json::json!({ "height": height }), |_| format!("index rebuilt up to block {height}"))
    }
}
