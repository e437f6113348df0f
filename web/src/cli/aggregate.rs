//! `locus aggregate`.

use std::path::PathBuf;

use circuits::id::QueryId;
use clap::Args;

use super::{Home, Output, committee::remote_committee};
use crate::Error;

/// Add up a sealed query's ciphertexts, have the committee sign the sum, and send it to the ledger.
#[derive(Debug, Args)]
pub struct Aggregate {
    /// The query's id.
    query: QueryId,
    /// Addresses of the committee members' endpoints, in their order.
    #[arg(long, value_delimiter = ',', required = true, value_name = "URL")]
    members: Vec<String>,
    /// Key file that signs the transaction; any party's, of any role.
    #[arg(long, value_name = "FILE")]
    key: PathBuf,
}

impl Aggregate {
    pub(super) fn run(self, home: &Home, output: &Output) -> Result<(), Error> {
        let key = home.any_key(&self.key)?;
        let connection = home.connect()?;
        let committee = remote_committee(&self.members)?;
        let sender = key.signing_key();
        let inclusion =
            market::aggregator::aggregate(&*connection.ledger, &*connection.blobs, &committee, &sender, self.query)?;
        output.result(&inclusion, |inclusion| format!("aggregate of {} in block {}", self.query, inclusion.height))
    }
}
