//! The listing index.

use clap::{Args, Subcommand};
use market::index::Index as Listing;
use node::Ledger;

use super::{Home, Output, database::DatabaseOption};
use crate::Error;

/// Maintain the listing index.
#[derive(Debug, Subcommand)]
pub enum Index {
    /// Make the index anew from the ledger. Nothing is lost: it holds nothing else. The node must not run meanwhile; others
    /// that read the database see the old index, and then the new one. Jobs and accounts stay as they are.
    Rebuild(Rebuild),
}

/// Where the index is.
#[derive(Debug, Args)]
pub struct Rebuild {
    #[command(flatten)]
    database: DatabaseOption,
}

impl Index {
    pub(super) fn run(&self, home: &Home, output: &Output) -> Result<(), Error> {
        let Self::Rebuild(Rebuild { database }) = self;
        let ledger = Ledger::open(&home.ledger_path(), home.genesis()?)?;
        let index = Listing::open(database.open(home)?, ledger.chain())?;
        let height = index.rebuild(&ledger)?;
        output.result(&serde_json::json!({ "height": height }), |_| format!("index rebuilt up to block {height}"))
    }
}
