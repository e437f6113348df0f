//! `locus export`.

use std::path::{Path, PathBuf};

use circuits::eligibility::export::{Groth16Key, SnarkjsKey, solidity_verifier};
use clap::{Subcommand, ValueEnum};
use market::receipt::Receipt;
use node::genesis::Genesis;
use serde::Serialize;

use super::{
    Home, Output,
    session::{write_file, write_json},
};
use crate::Error;

/// Write keys for programs by others.
#[derive(Debug, Subcommand)]
pub enum Export {
    /// Write the verifying key of screening proofs.
    ///
    /// snarkjs: verification_key.json, which `snarkjs groth16 verify` takes. solidity: a contract that verifies.
    Eligibility {
        /// Who reads the files.
        #[arg(long, value_enum, default_value_t = Format::Snarkjs)]
        format: Format,
        /// Receipt whose network's key is written; without it, that of the network in --data-dir.
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
    key: String,
    folder: PathBuf,
}

impl Export {
    pub(super) fn run(self, home: &Home, output: &Output) -> Result<(), Error> {
        let Self::Eligibility { format, receipt, out } = self;
        let receipt = receipt.as_deref().map(Receipt::open).transpose()?;
        let genesis = receipt.as_ref().map_or_else(|| home.genesis(), |receipt| Ok(receipt.genesis.clone()))?;
        write_key(format, &genesis, &out)?;
        let exported = Exported { key: genesis.eligibility.id().to_string(), folder: out };
        output.result(&exported, |exported| format!("wrote key {} to {}", exported.key, exported.folder.display()))
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
