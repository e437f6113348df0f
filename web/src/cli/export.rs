//! `locus export`.

use std::path::{Path, PathBuf};

use circuits::eligibility::export::{
    Groth16Key, Groth16Proof, PublicSignals, SnarkjsKey, SnarkjsProof, SnarkjsSignals, calldata, solidity_verifier,
};
use clap::{Subcommand, ValueEnum};
use market::{
    receipt::{file::AnyReceipt, screening::verify},
    so_many,
};
use node::{genesis::Genesis, screening::ResponseClaim};
use serde::Serialize;

use super::{
    Home, Output,
    session::{write_file, write_json},
};
use crate::Error;

/// Write keys and proofs for programs by others.
#[derive(Debug, Subcommand)]
pub enum Export {
    /// Write the verifying key of screening proofs, and the proofs of a screening's receipt.
    ///
    /// snarkjs: verification_key.json, and for response N of the receipt public-N.json and proof-N.json, which `snarkjs
    /// groth16 verify` takes in this order. solidity: a contract that verifies, and calldata-N.hex for a call of it.
    Eligibility {
        /// Who reads the files.
        #[arg(long, value_enum, default_value_t = Format::Snarkjs)]
        format: Format,
        /// Receipt whose network's key is written, and whose proofs if it is of a screening and holds; without it, the key of
        /// the network in --data-dir.
        #[arg(long, value_name = "FILE")]
        receipt: Option<PathBuf>,
        /// Folder that receives the files.
        #[arg(long, value_name = "DIR")]
        out: PathBuf,
    },
}

/// The form of the files.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Format {
    /// JSON as snarkjs reads it.
    Snarkjs,
    /// A Solidity contract.
    Solidity,
}

/// What was written.
#[derive(Debug, Serialize)]
struct Exported {
    /// Anybody can found a chain: compare it with the one that the consortium published.
    chain: String,
    key: String,
    proofs: usize,
    folder: PathBuf,
}

impl Export {
    pub(super) fn run(self, home: &Home, output: &Output) -> Result<(), Error> {
        let Self::Eligibility { format, receipt, out } = self;
        let (genesis, proofs) = match receipt.as_deref().map(AnyReceipt::open).transpose()? {
            None => (home.genesis()?, vec![]),
            Some(AnyReceipt::Release(receipt)) => (receipt.genesis, vec![]),
            Some(AnyReceipt::Screening(receipt)) => {
                let verified = verify(&receipt)?;
                let terms = verified.state().terms(verified.screening());
                let proven = |(instance, proof): &ResponseClaim| {
                    Ok((PublicSignals::new(&terms, instance)?, Groth16Proof::try_from(proof)?))
                };
                let proofs = verified.proofs().iter().map(proven).collect::<Result<Vec<_>, circuits::Error>>()?;
                (receipt.genesis, proofs)
            }
        };
        write_key(format, &genesis, &out)?;
        for (number, (signals, proof)) in proofs.iter().enumerate() {
            write_proof(format, (number, signals, proof), &out)?;
        }
        let chain = genesis.chain_id()?.to_string();
        let exported = Exported { chain, key: genesis.eligibility.id().to_string(), proofs: proofs.len(), folder: out };
        output.result(&exported, |Exported { chain, key, proofs, folder }| {
            let proofs = so_many(proofs, "proof", "proofs");
            format!("wrote key {key} and {proofs} of chain {chain} to {}", folder.display())
        })
    }
}

fn write_proof(
    format: Format,
    (number, signals, proof): (usize, &PublicSignals, &Groth16Proof),
    out: &Path,
) -> Result<(), Error> {
    match format {
        Format::Snarkjs => {
            let inputs = SnarkjsSignals::from(signals);
            write_json("public inputs", &out.join(format!("public-{number}.json")), &inputs)?;
            write_json("proof", &out.join(format!("proof-{number}.json")), &SnarkjsProof::from(proof))
        }
        Format::Solidity => {
            let call = hex::encode(calldata(proof, signals));
            write_file("calldata", &out.join(format!("calldata-{number}.hex")), call.as_bytes())
        }
    }
}

fn write_key(format: Format, genesis: &Genesis, out: &Path) -> Result<(), Error> {
    let key = &genesis.eligibility;
    match format {
        Format::Snarkjs => {
            let file = SnarkjsKey::from(&Groth16Key::from(key));
            write_json("verifying key", &out.join("verification_key.json"), &file)
        }
        Format::Solidity => {
            write_file("contract", &out.join("EligibilityVerifier.sol"), solidity_verifier(key).as_bytes())
        }
    }
}
