//! `locus result`.

use std::{
    path::PathBuf,
    thread,
    time::{Duration, Instant},
};

use circuits::id::QueryId;
use clap::Args;
use market::{
    ledger::{LedgerAccess, require_query},
    objects::BlobAccess,
    receipt,
    researcher::{decrypt, handed_out},
    wallet::Role,
};
use node::state::QueryStatus;
use serde::Serialize;

use super::{Home, Output, session::write_file};
use crate::Error;

/// How long to wait for the components of a released query.
const COMPONENTS_TIME_MAX: Duration = Duration::from_secs(60);
/// How often to look for them.
const POLL_TIME: Duration = Duration::from_millis(200);

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

/// Waits for the components, which members hand out only once they see the release.
fn await_components(
    ledger: &dyn LedgerAccess,
    blobs: &dyn BlobAccess,
    query: QueryId,
    output: &Output,
) -> Result<(), Error> {
    // Any other status is refused by the decryption, with its reason.
    let QueryStatus::Released { components, .. } = require_query(ledger, query)?.status else { return Ok(()) };
    let started = Instant::now();
    while !handed_out(blobs, &components)? {
        if started.elapsed() > COMPONENTS_TIME_MAX {
            let why = "members have not handed out every component; see that enough of them run, then try again";
            return Err(Error::Input { what: "result", why: why.into() });
        }
        if started.elapsed() < POLL_TIME {
            output.say("waiting for members to hand out their components");
        }
        thread::sleep(POLL_TIME);
    }
    Ok(())
}

impl ResultCommand {
    pub(super) fn run(self, home: &Home, output: &Output) -> Result<(), Error> {
        let key = home.key(&self.key, Role::Researcher)?;
        let connection = home.connect()?;
        let (ledger, blobs) = (&*connection.ledger, &*connection.blobs);
        await_components(ledger, blobs, self.query, output)?;
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
