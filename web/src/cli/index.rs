//! The listing index.

use clap::{Args, Subcommand};
use market::index::{Difference, Index as Listing, Reconciliation};

use super::{Home, Output, database::DatabaseOption};
use crate::Error;

/// Maintain the listing index.
#[derive(Debug, Subcommand)]
pub enum Index {
    /// Make the index anew from the ledger. Nothing is lost: it holds nothing else. The node must not run meanwhile; others
    /// that read the database see the old index, and then the new one. Jobs and accounts stay as they are.
    Rebuild(Place),
    /// Compare every balance of the books with the ledger and with its postings; fails when one differs. The node must not
    /// run meanwhile.
    Reconcile(Place),
}

/// Where the index is.
#[derive(Debug, Args)]
pub struct Place {
    #[command(flatten)]
    database: DatabaseOption,
}

impl Index {
    pub(super) fn run(&self, home: &Home, output: &Output) -> Result<(), Error> {
        let (Self::Rebuild(place) | Self::Reconcile(place)) = self;
        let ledger = home.open_own_ledger()?;
        let index = Listing::open(place.database.open(home)?, ledger.chain())?;
        match self {
            Self::Rebuild(_) => {
                let height = index.rebuild(&ledger)?;
                output
                    .result(&serde_json::json!({ "height": height }), |_| format!("index rebuilt up to block {height}"))
            }
            Self::Reconcile(_) => {
                let found = index.reconcile(&ledger)?;
                output.result(&found, describe)?;
                if found.differences.is_empty() {
                    return Ok(());
                }
                let why = "they differ from the ledger as printed; `locus index rebuild` makes them again".into();
                Err(Error::Input { what: "books", why })
            }
        }
    }
}

fn describe(found: &Reconciliation) -> String {
    let mut lines = vec![format!("{} purses compared up to block {}", found.purses, found.height)];
    lines.extend(found.differences.iter().map(|Difference { purse, balance, postings, ledger }| {
        format!("{purse}  balance {balance}, postings {postings}, ledger {ledger}")
    }));
    if found.differences.is_empty() {
        lines.push("books and ledger agree".into());
    }
    lines.join("\n")
}
