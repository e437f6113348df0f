//! Reading the chain.

use std::{
    thread,
    time::{Duration, Instant},
};

use clap::Subcommand;
use market::ledger::tip;
use node::{
    Groth16Verifier,
    calendar::utc,
    consensus::{Engine, EngineHandle},
    transaction::TransactionId,
    units::{Epoch, Height},
};

use super::{
    Connection, Home, Output,
    block::{Teller, show_block, show_transaction},
    database::DatabaseOption,
    listing::{List, count},
};
use crate::{
    Error,
    api::{EpochPage, Found, ListedEpoch, find},
    client::Remote,
};

/// How often the node is asked for its height.
const POLL_TIME: Duration = Duration::from_millis(20);
/// How long a node may take to make a block: more than its longest heartbeat.
const BLOCK_TIME_MAX: Duration = Duration::from_secs(3_700);

/// Read blocks, wait for epochs, and replay the chain.
#[derive(Debug, Subcommand)]
pub enum Ledger {
    /// Show where the chain stands.
    Head,
    /// Show a block, and what its transactions and its end did.
    Block {
        /// Its height, from 1.
        height: u64,
    },
    /// Say what a height or an id is of: a block, query, screening, study, schema, transaction or account.
    Find {
        /// A height, or 64 hex digits.
        text: String,
    },
    /// List blocks, queries, studies, schemas, issuers or researchers, the newest first, from the index of a node (with --url)
    /// or of this data directory.
    List(List),
    /// Count records, studies, queries, transactions, issuers and researchers, from the index of a node (with --url) or of this
    /// data directory.
    Counts {
        #[command(flatten)]
        database: DatabaseOption,
    },
    /// Show what became of a transaction, and where a block holds it, what it says and did.
    Transaction {
        /// Its id, 64 hex digits.
        id: TransactionId,
    },
    /// List epochs, the latest first, each with the root that proofs were made against, and say what waits for the next.
    Epochs {
        /// Go on with those before this one.
        #[arg(long, value_name = "EPOCH")]
        before: Option<u32>,
    },
    /// Wait until the next epoch, in which records registered and consent changed so far count.
    ///
    /// Works against a node, which makes blocks; on a network in the data directory it asks for them.
    NextEpoch,
    /// Apply every block again from the genesis and compare each state root.
    Replay,
}

impl Ledger {
    pub(super) fn run(&self, home: &Home, output: &Output) -> Result<(), Error> {
        let connection = match self {
            Self::Find { text } => return look_up(home, output, text),
            Self::List(list) => return list.run(home, output),
            Self::Counts { database } => return count(home, database, output),
            Self::NextEpoch => home.connect()?,
            Self::Head | Self::Block { .. } | Self::Transaction { .. } | Self::Epochs { .. } | Self::Replay => {
                home.connect_reading()?
            }
        };
        let ledger = &*connection.ledger;
        match self {
            // Answered above: they open the ledger themselves.
            Self::Find { .. } | Self::List(_) | Self::Counts { .. } => Ok(()),
            Self::Transaction { id } => show_transaction(ledger, Teller::of(home), output, *id),
            Self::Head => output.result(&tip(ledger)?, |tip| {
                format!("height {}\nepoch  {}\ntime   {}", tip.height, tip.epoch, utc(tip.time))
            }),
            Self::Epochs { before } => {
                let (current, before) = (tip(ledger)?.epoch, before.map(Epoch::new));
                output.result(&EpochPage::of(ledger, ledger.genesis(), current, before)?, describe_epochs)
            }
            Self::Block { height } => show_block(ledger, Teller::of(home), output, *height),
            Self::NextEpoch => {
                next_epoch(&connection, output)?;
                output.result(&tip(ledger)?, |tip| format!("epoch {} began by block {}", tip.epoch, tip.height))
            }
            Self::Replay => {
                let height = tip(ledger)?.height;
                let block = |at| {
                    let why = "which is pruned here: replay at a node that keeps every block";
                    let missing = || node::Error::Unknown { what: "block", id: format!("{at}, {why}") };
                    ledger
                        .block(Height::new(at))
                        .map_err(|error| node::Error::Storage { what: "read a block", why: error.to_string() })?
                        .ok_or_else(missing)
                };
                let genesis = ledger.genesis().clone();
                let verifier = Box::new(Groth16Verifier::new(genesis.contribution.clone()));
                let root = node::replay(genesis, (1..=height.get()).map(block), verifier)?;
                let replayed = serde_json::json!({ "height": height, "state": root });
                let shown = root.map_or("none".into(), |root| root.to_string());
                output.result(&replayed, |_| format!("{height} blocks give state root {shown}"))
            }
        }
    }
}

fn describe_epochs(page: &EpochPage) -> String {
    let mut lines = vec![format!(
        "the next block is of epoch {}; {} changes wait for its end; an epoch is {} blocks",
        page.current, page.waiting, page.epoch_blocks
    )];
    lines.extend(page.items.iter().map(|ListedEpoch { epoch, snapshot }| {
        format!(
            "epoch {epoch:>6}  after block {:>8}  {:>8} records  root {}",
            snapshot.height, snapshot.leaves, snapshot.root
        )
    }));
    lines.extend(page.next.map(|next| format!("earlier ones: --before {next}")));
    lines.join("\n")
}

/// Looks a height or an id up, at the node or in the ledger of the data directory.
fn look_up(home: &Home, output: &Output, text: &str) -> Result<(), Error> {
    let known: Option<Found> = match home.url() {
        None => find(&home.open_checked_ledger()?.snapshot()?, text)?,
        Some(url) if text.chars().all(|letter| letter.is_ascii_alphanumeric()) => {
            Remote::new(url)?.json(&format!("/v1/search/{text}"))?
        }
        Some(_) => None,
    };
    let known = known.ok_or_else(|| Error::NotFound { what: "block or id", id: text.into() })?;
    output.result(&known, |known| format!("{} {}", known.kind.name(), known.id))
}

/// Waits for blocks, or asks for them, until the epoch is another.
fn next_epoch(connection: &Connection, output: &Output) -> Result<(), Error> {
    let ledger = &*connection.ledger;
    let started = tip(ledger)?;
    let blocks = ledger.genesis().parameters.epoch_blocks;
    let progress = output.progress("waiting for the next epoch", blocks as usize);
    let mut asked: Option<(Height, Instant)> = None;
    loop {
        let now = tip(ledger)?;
        if now.epoch != started.epoch {
            progress.finish_and_clear();
            return Ok(());
        }
        progress.set_position(now.height.get().saturating_sub(started.height.get()));
        let engine = connection.engine.as_ref().map(Engine::handle);
        match asked {
            Some((height, since)) if height == now.height => {
                if since.elapsed() > BLOCK_TIME_MAX {
                    let why = format!("no block follows {height}; see whether the node runs");
                    return Err(Error::Input { what: "epoch", why });
                }
            }
            _ => {
                asked = Some((now.height, Instant::now()));
                // Once for each block: one more would be signed, and left half-way when this ends.
                engine.inspect(|engine| engine.request_block());
            }
        }
        if let Some(Err(error)) = engine.and_then(EngineHandle::outcome) {
            return Err(error.into());
        }
        thread::sleep(POLL_TIME);
    }
}
