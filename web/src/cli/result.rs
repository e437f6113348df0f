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
    query::schema_and_panel,
    receipt,
    researcher::{decrypt, handed_out},
    wallet::Role,
};
use node::state::QueryStatus;
use serde::Serialize;

use super::{Home, Output, session::write_private_file};
use crate::{
    Error,
    counts::{PartCounts, counts},
};

/// How long to wait for the components of a released query.
const COMPONENTS_TIME_MAX: Duration = Duration::from_secs(60);
/// How often to look for them.
const POLL_TIME: Duration = Duration::from_millis(200);
/// Variants that the text form lists for each part.
const LISTED_MAX: usize = 20;

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
    /// For each part what its slots count; none where the schema's panel is not at hand.
    parts: Option<Vec<PartCounts>>,
    slots: Vec<Vec<i32>>,
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
        write_private_file("receipt", &self.receipt, receipt.to_json()?.as_bytes())?;
        let (_, panel) = schema_and_panel(ledger, blobs, require_query(ledger, self.query)?.query.schema)?;
        if panel.is_none() {
            output.say("nobody has stored the schema's panel; the slots are printed without the variants' names");
        }
        let parts = counts(panel.as_ref(), &require_query(ledger, self.query)?.query.parts, result.slots());
        let slots = result.slots().to_vec();
        output.result(&Decrypted { query: self.query, parts, slots, receipt: self.receipt }, describe)
    }
}

fn describe(decrypted: &Decrypted) -> String {
    let mut lines = vec![];
    match &decrypted.parts {
        Some(parts) => lines.extend(parts.iter().enumerate().flat_map(|(number, part)| describe_part(number, part))),
        None => lines.extend(decrypted.slots.iter().enumerate().map(|(part, slots)| format!("part {part}: {slots:?}"))),
    }
    lines.push(format!("receipt: {}", decrypted.receipt.display()));
    lines.join("\n")
}

/// A part as a table that begins with the variants whose alternate allele somebody has.
fn describe_part(number: usize, part: &PartCounts) -> Vec<String> {
    let variants = match part {
        PartCounts::Slots(slots) => return vec![format!("part {number}: {slots:?}")],
        PartCounts::Variants(variants) => variants,
    };
    let seen: Vec<_> = variants.iter().filter(|counts| counts.het + counts.hom_alt > 0).collect();
    let mut lines = vec![
        format!("part {number}: {} variants, {} of them seen", variants.len(), seen.len()),
        format!("  {:<22} {:>5} {:>5} {:>7} {:>9}", "variant", "het", "hom", "called", "frequency"),
    ];
    lines.extend(seen.iter().take(LISTED_MAX).map(|counts| {
        let (name, frequency) = (counts.name(), counts.frequency());
        format!("  {name:<22} {:>5} {:>5} {:>7} {frequency:>9}", counts.het, counts.hom_alt, counts.called)
    }));
    if seen.len() > LISTED_MAX {
        lines.push(format!("  the first {LISTED_MAX} of them; --json prints all variants"));
    }
    lines
}
