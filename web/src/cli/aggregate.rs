//! `locus aggregate`.

use std::path::PathBuf;

use circuits::id::QueryId;
use clap::Args;
use market::{
    aggregator::{Added, aggregate_watched, restore_sums},
    so_many,
};
use serde::Serialize;

use super::{Home, Output, committee::Members};
use crate::Error;

/// Add up a sealed query's ciphertexts, have the committee sign the sum, and send it to the ledger. Where the ledger has it
/// already and the object store lacks it, make it again and store it.
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

/// Sums that the store had lost, or never had.
#[derive(Debug, Serialize)]
struct Restored {
    query: QueryId,
    sums: usize,
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
        let sums = restore_sums(ledger, blobs, self.query, &mut watch)?;
        if sums > 0 {
            bar.finish_and_clear();
            return output.result(&Restored { query: self.query, sums }, |restored| {
                let sums = so_many(restored.sums, "sum is", "sums are");
                format!("the ledger has the aggregate of {}; {sums} stored that the store lacked", restored.query)
            });
        }
        let inclusion = aggregate_watched(ledger, blobs, &committee, &sender, self.query, &mut watch)?;
        bar.finish_and_clear();
        output.result(&inclusion, |inclusion| format!("aggregate of {} in block {}", self.query, inclusion.height))
    }
}
