//! `locus export`.

use std::path::{Path, PathBuf};

use circuits::eligibility::export::{
    Groth16Key, Groth16Proof, PublicSignals, SnarkjsKey, SnarkjsProof, SnarkjsSignals, calldata, solidity_verifier,
};
use clap::{Subcommand, ValueEnum};
use market::receipt::Receipt;
use node::{genesis::Genesis, state::QueryState};
use serde::Serialize;

use super::{
    Home, Output,
    session::{write_file, write_json},
};
use crate::Error;

/// Write keys and proofs for programs by others.
#[derive(Debug, Subcommand)]
pub enum Export {
    /// Write the eligibility verifying key and, of a receipt, each proof with its public inputs.
    ///
    /// snarkjs: verification_key.json, and proof.json and public.json in a folder for each proof, which
    /// `snarkjs groth16 verify` takes. solidity: a contract, and the call of it for each proof in hexadecimal.
    Eligibility {
        /// Who reads the files.
        #[arg(long, value_enum, default_value_t = Format::Snarkjs)]
        format: Format,
        /// Receipt whose key and proofs are written, as they stand: `locus verify` checks a receipt. Without it, the
        /// network's key alone.
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
    /// A Solidity contract and its calls.
    Solidity,
}

/// What was written.
#[derive(Debug, Serialize)]
struct Exported {
    key: String,
    proofs: usize,
    folder: PathBuf,
}

impl Export {
    pub(super) fn run(self, home: &Home, output: &Output) -> Result<(), Error> {
        let Self::Eligibility { format, receipt, out } = self;
        let receipt = receipt.as_deref().map(Receipt::open).transpose()?;
        let genesis = receipt.as_ref().map_or_else(|| home.genesis(), |receipt| Ok(receipt.genesis.clone()))?;
        let proofs = receipt.as_ref().map_or(Ok(vec![]), proofs)?;
        write_key(format, &genesis, &out)?;
        for (name, proof, signals) in &proofs {
            write_proof(format, proof, signals, &out.join(name))?;
        }
        let exported = Exported { key: genesis.eligibility.id().to_string(), proofs: proofs.len(), folder: out };
        output.result(&exported, |exported| {
            format!("wrote key {} and {} proofs to {}", exported.key, exported.proofs, exported.folder.display())
        })
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

fn write_proof(format: Format, proof: &Groth16Proof, signals: &PublicSignals, out: &Path) -> Result<(), Error> {
    match format {
        Format::Snarkjs => {
            write_json("proof", &out.join("proof.json"), &SnarkjsProof::from(proof))?;
            write_json("public inputs", &out.join("public.json"), &SnarkjsSignals::from(signals))
        }
        Format::Solidity => {
            let call = format!("0x{}\n", hex::encode(calldata(proof, signals)));
            write_file("call", &out.join("calldata.hex"), call.as_bytes())
        }
    }
}

/// Each proof of a receipt with its public inputs, named by its place. Nothing is verified.
fn proofs(receipt: &Receipt) -> Result<Vec<(String, Groth16Proof, PublicSignals)>, Error> {
    let chain = receipt.genesis.chain_id()?;
    let query: QueryState = receipt.query_state.decode()?;
    let mut proofs = vec![];
    for evidence in &receipt.contributions {
        let contribution = &evidence.contribution;
        for (number, part) in contribution.parts.iter().enumerate() {
            let number = u8::try_from(number)
                .map_err(|_| Error::Input { what: "receipt", why: "a contribution has more than 256 parts".into() })?;
            let instance = part.instance(&chain, &receipt.query, number, &contribution.payout);
            let signals = PublicSignals::new(&query.terms(receipt.query, number)?, &instance)?;
            let name = format!("contribution-{}-part-{number}", evidence.index);
            proofs.push((name, Groth16Proof::try_from(&part.proof)?, signals));
        }
    }
    Ok(proofs)
}
