//! `locus aggregate`.

use std::path::PathBuf;

use circuits::id::QueryId;
use clap::Args;
use market::aggregator::{Added, aggregate_watched};

use super::{Home, Output, committee::Members};
use crate::Error;

/// Add up a sealed query's ciphertexts, have the committee sign the sum, and send it to the ledger.
#[derive(Debug, Args)]
pub struct Aggregate {
    /// The query's id.
    query: QueryId,
    #[command(flatten)]
    members: Members,
    /// Key file that signs the transaction; any party's, of any role.
    #[arg(long, value_name = "FILE")]
    key: PathBuf,
}

impl Aggregate {
    pub(super) fn run(self, home: &Home, output: &Output) -> Result<(), Error> {
        let key = home.any_key(&self.key)?;
        let connection = home.connect()?;
        let ledger = &*connection.ledger;
        let committee = self.members.directory()?;
        let sender = key.signing_key();
        let bar = output.progress("adding up ciphertexts", 0);
        let mut watch = |added: Added| {
            bar.set_length(added.of.into());
            bar.set_position(added.contributions.into());
            Ok(())
        };
        let blobs = &*connection.blobs;
        let inclusion = aggregate_watched(ledger, blobs, &committee, &sender, self.query, &mut watch)?;
        bar.finish_and_clear();
        output.result(&inclusion, |inclusion| format!("aggregate of {} in block {}", self.query, inclusion.height))
    }
}
