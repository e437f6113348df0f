//! Reading the chain.

use clap::Subcommand;
use market::ledger::tip;
use node::{Groth16Verifier, units::Height};

use super::{Home, Output};
use crate::Error;

/// Read blocks and transactions, and replay the chain.
#[derive(Debug, Subcommand)]
pub enum Ledger {
    /// Show where the chain stands.
    Head,
    /// Show a block.
    Block {
        /// Its height, from 1.
        height: u64,
    },
    /// Apply every block again from the genesis and compare each state root.
    Replay,
}

impl Ledger {
    pub(super) fn run(&self, home: &Home, output: &Output) -> Result<(), Error> {
        let connection = home.connect()?;
        let ledger = &*connection.ledger;
        match self {
            Self::Head => output.result(&tip(ledger)?, |tip| {
                format!("height {}\nepoch  {}\ntime   {}", tip.height, tip.epoch, tip.time)
            }),
            Self::Block { height } => {
                let missing = || Error::NotFound { what: "block", id: height.to_string() };
                let block = ledger.block(Height::new(*height))?.ok_or_else(missing)?;
                output.result(&block, |block| {
                    let lines = block.transactions.iter().map(|transaction| format!("  {}", kind(transaction)));
                    let header = &block.header;
                    let text = format!("block {} at {}, state {}", header.height, header.time, header.state);
                    std::iter::once(text).chain(lines).collect::<Vec<_>>().join("\n")
                })
            }
            Self::Replay => {
                let height = tip(ledger)?.height;
                let block = |at| {
                    let missing = || node::Error::Unknown { what: "block", id: format!("{at}") };
                    ledger
                        .block(Height::new(at))
                        .map_err(|error| node::Error::Storage { what: "read a block", why: error.to_string() })?
                        .ok_or_else(missing)
                };
                let genesis = ledger.genesis().clone();
                let verifier = Box::new(Groth16Verifier::new(genesis.eligibility.clone()));
                let root = node::replay(genesis, (1..=height.get()).map(block), verifier)?;
                let replayed = serde_json::json!({ "height": height, "state": root });
                let shown = root.map_or("none".into(), |root| root.to_string());
                output.result(&replayed, |_| format!("{height} blocks give state root {shown}"))
            }
        }
    }
}

fn kind(transaction: &node::transaction::Transaction) -> String {
    use node::transaction::Transaction;
    match transaction {
        Transaction::Contribute(contribution) => format!("contribution to {}", contribution.query),
        Transaction::Signed(signed) => {
            let text = format!("{:?}", signed.action);
            let name: String = text.chars().take_while(|letter| letter.is_alphanumeric()).collect();
            format!("{name} by {}", signed.sender)
        }
    }
}
