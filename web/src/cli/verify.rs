//! `locus verify`.

use std::path::PathBuf;

use circuits::{groth16::KeyOrigin, id::ChainId};
use clap::Args;
use market::{
    objects::{BlobAccess, Objects},
    receipt::{Receipt, VerifiedReceipt, verify},
};
use node::genesis::Network;

use super::Output;
use crate::Error;

/// Check a result offline, from its receipt.
///
/// Trusts nothing but the genesis inside the receipt, which anyone can make up together with a key that forges proofs:
/// compare the chain id printed with the one your consortium published, or give it with --chain.
#[derive(Debug, Args)]
pub struct Verify {
    /// The receipt file.
    #[arg(value_name = "RECEIPT")]
    receipt: PathBuf,
    /// The chain id that the receipt must be of, 64 hex digits.
    #[arg(long, value_name = "ID")]
    chain: Option<ChainId>,
    /// Folder of blobs, for receipts too large to hold their ciphertexts.
    #[arg(long, value_name = "DIR")]
    blobs: Option<PathBuf>,
}

impl Verify {
    pub(super) fn run(&self, output: &Output) -> Result<(), Error> {
        let receipt = Receipt::open(&self.receipt)?;
        let blobs = self.blobs.as_deref().map(Objects::directory).transpose()?;
        let verified = verify(&receipt, blobs.as_ref().map(|blobs| blobs as &dyn BlobAccess))?;
        if let Some(expected) = self.chain.filter(|expected| *expected != verified.chain()) {
            let why = format!("it is of chain {}, not of {expected}", verified.chain());
            return Err(Error::Input { what: "receipt", why });
        }
        if self.chain.is_none() {
            output.say(
                "anyone can found a chain; this receipt is of worth only if your consortium published the chain id \
                 below: give it with --chain",
            );
        }
        output.result(&verified, describe)
    }
}

fn network(verified: &VerifiedReceipt) -> &'static str {
    match verified.network() {
        Network::Demo => "a demonstration, played by one machine",
        Network::Test => "a test network",
        Network::Consortium => "a consortium's network",
    }
}

fn proving_key(verified: &VerifiedReceipt) -> &'static str {
    match verified.proving_key() {
        KeyOrigin::InsecureSeed => "from a seed: whoever knows it forges proofs",
        KeyOrigin::Ceremony => "said to come from a ceremony",
    }
}

fn describe(verified: &VerifiedReceipt) -> String {
    let mut lines = vec![
        format!("chain {}", verified.chain()),
        format!("network: {}", network(verified)),
        format!("proving key: {}", proving_key(verified)),
        format!("query {}", verified.query()),
        format!(
            "{} distinct certified records met the criteria and their holders agreed to this use.",
            verified.records()
        ),
        "One contribution for each certified record; that a person has only one is their issuers' duty.".into(),
        String::new(),
    ];
    lines.extend(verified.checks().iter().map(|check| format!("  ✓ {} {}", check.rule, check.says)));
    lines.join("\n")
}
