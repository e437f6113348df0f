//! `locus result`.

use std::path::PathBuf;

use circuits::id::QueryId;
use clap::Args;
use market::{receipt, researcher::decrypt, wallet::Role};
use serde::Serialize;

use super::{Home, Output, session::write_file};
use crate::Error;

/// Decrypt a released query's result with the researcher's key, and write its receipt.
#[derive(Debug, Args)]
pub struct ResultCommand {
    /// The query's id.
    query: QueryId,
    /// The researcher's key file.
    #[arg(long, value_name = "FILE")]
    key: PathBuf,
    /// Where to write the receipt.
    #[arg(long, value_name = "FILE")]
    receipt: PathBuf,
}

/// The decrypted sums.
#[derive(Debug, Serialize)]
struct Decrypted {
    query: QueryId,
    slots: Vec<Vec<u32>>,
    receipt: PathBuf,
}

impl ResultCommand {
    pub(super) fn run(self, home: &Home, output: &Output) -> Result<(), Error> {
        let key = home.key(&self.key, Role::Researcher)?;
        let connection = home.connect()?;
        let (ledger, blobs) = (&*connection.ledger, &*connection.blobs);
        let result = decrypt(ledger, blobs, &key, self.query)?;
        let receipt = receipt::collect(ledger, blobs, self.query, result.components(), result.slots())?;
        write_file("receipt", &self.receipt, receipt.to_json()?.as_bytes())?;
        let decrypted = Decrypted { query: self.query, slots: result.slots().to_vec(), receipt: self.receipt };
        output.result(&decrypted, |decrypted| {
            let parts = decrypted.slots.iter().enumerate();
            let lines = parts.map(|(part, slots)| format!("part {part}: {slots:?}"));
            let receipt = format!("receipt: {}", decrypted.receipt.display());
            lines.chain([receipt]).collect::<Vec<_>>().join("\n")
        })
    }
}
