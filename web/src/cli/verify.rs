//! `locus verify`.

use std::path::PathBuf;

use circuits::{groth16::KeyOrigin, id::ChainId};
use clap::Args;
use market::{
    objects::{BlobAccess, Objects},
    receipt::{
        Check, VerifiedReceipt,
        file::{AnyReceipt, AnyVerifiedReceipt},
        screening::VerifiedScreeningReceipt,
    },
    so_many,
};
use node::{calendar::date, genesis::Network};

use super::Output;
use crate::Error;

/// Check a result, or how many are eligible for a screening, offline, from its receipt.
///
/// Trusts nothing but the genesis inside the receipt, which anyone can make up together with a key that forges proofs:
/// compare the chain id printed with the one your consortium published, or give it with --chain.
#[derive(Debug, Args)]
pub struct Verify {
    /// The receipt file, of `locus result` or of `locus screening receipt`.
    #[arg(value_name = "RECEIPT")]
    receipt: PathBuf,
    /// The chain id that the receipt must be of, 64 hex digits.
    #[arg(long, value_name = "ID")]
    chain: Option<ChainId>,
    /// Folder of blobs, for receipts too large to hold their ciphertexts.
    #[arg(long, value_name = "DIR")]
    blobs: Option<PathBuf>,
}

/// What it comes to.
const OF_YOUR_CHAIN: &str = "The receipt holds, and it is of the chain that you named.";
const OF_SOME_CHAIN: &str = "The receipt holds. Anyone can found a chain: it is of worth only if your consortium published the \
                             chain id above. Give that id with --chain to have it compared.";

impl Verify {
    pub(super) fn run(&self, output: &Output) -> Result<(), Error> {
        let receipt = AnyReceipt::open(&self.receipt)?;
        let blobs = self.blobs.as_deref().map(Objects::directory).transpose()?;
        let blobs = blobs.as_ref().map(|blobs| blobs as &dyn BlobAccess);
        let verified = receipt.verify_watched(blobs, &mut |check| show_check(output, check))?;
        if let Some(expected) = self.chain.filter(|expected| *expected != verified.chain()) {
            let why = format!(
                "all of it holds, and it is of chain {}, not of {expected} that you named: it shows nothing of that one",
                verified.chain()
            );
            return Err(Error::Input { what: "receipt", why });
        }
        output.result(&verified, |verified| {
            let verdict = if self.chain.is_some() { OF_YOUR_CHAIN } else { OF_SOME_CHAIN };
            format!("{}\n\n{verdict}", describe(verified))
        })
    }
}

const fn proving_key(origin: KeyOrigin) -> &'static str {
    match origin {
        KeyOrigin::InsecureSeed => {
            "from a public seed, so anybody can forge proofs; right for demonstrations and tests alone"
        }
        KeyOrigin::Ceremony => "said to come from a ceremony",
    }
}

fn describe(verified: &AnyVerifiedReceipt) -> String {
    match verified {
        AnyVerifiedReceipt::Release(verified) => describe_release(verified),
        AnyVerifiedReceipt::Screening(verified) => describe_screening(verified),
    }
}

/// Where a receipt comes from, below the checks that were printed as they ended.
fn origin(chain: ChainId, of: Network, key: KeyOrigin) -> [String; 4] {
    let (network, key) = (format!("network: {}", of.in_words()), format!("proving key: {}", proving_key(key)));
    [String::new(), format!("chain {chain}"), network, key]
}

/// Prints a check that held, while the next one runs.
pub(super) fn show_check(output: &Output, check: &Check) {
    output.found(format!("  ✓ {} {}", check.rule, check.says));
}

fn describe_release(verified: &VerifiedReceipt) -> String {
    let mut lines = origin(verified.chain(), verified.network(), verified.proving_key()).to_vec();
    lines.extend([
        format!("query {}", verified.query()),
        so_many(
            verified.records(),
            "distinct certified record met the criteria and its holder agreed to this use.",
            "distinct certified records met the criteria and their holders agreed to this use.",
        ),
        "One contribution for each certified record; that a person has only one is their issuers' duty.".into(),
        "The numbers are in it: `locus result --from FILE --url NODE` shows them, and so does the page /results of a node.".into(),
    ]);
    lines.join("\n")
}

/// What a screening's receipt shows, in words.
pub(super) fn describe_screening(verified: &VerifiedScreeningReceipt) -> String {
    let mut lines = origin(verified.chain(), verified.network(), verified.proving_key()).to_vec();
    let (height, day) = (verified.height(), date(verified.time().day()));
    lines.extend([
        format!("screening {} as of block {height}, {day}", verified.screening()),
        so_many(
            verified.records(),
            "distinct certified record meets the criteria and its holder allows to be asked for this use.",
            "distinct certified records meet the criteria and their holders allow to be asked for this use.",
        ),
    ]);
    lines.extend(verified.criteria().iter().map(|group| format!("criterion: {group}")));
    lines.extend([
        format!("{}.", verified.certified_by()),
        "One response for each certified record; that a person has only one is their issuers' duty.".into(),
    ]);
    lines.join("\n")
}
