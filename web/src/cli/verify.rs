//! `locus verify`.

use std::path::PathBuf;

use circuits::id::ChainId;
use clap::Args;
use market::{
    objects::{BlobAccess, Objects},
    receipt::{Receipt, VerifiedReceipt, verify},
};

use super::Output;
use crate::Error;

/// Check a result offline, from its receipt.
///
/// Trusts nothing but the genesis inside the receipt; compare the chain id printed with the one your consortium
/// published, or give it with --chain.
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
        output.result(&verified, describe)
    }
}

fn describe(verified: &VerifiedReceipt) -> String {
    let mut lines = vec![
        format!("chain {}", verified.chain()),
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
