//! `locus ceremony powers`.

use std::{
    io::BufReader,
    path::{Path, PathBuf},
};

use circuits::ceremony::{Powers, UnverifiedPowers, read_ptau};
use clap::Subcommand;

use super::{BeaconValue, Name, Out, Output, State, files};
use crate::Error;

/// Steps of a command: read, verify, work, write.
const STEPS: usize = 4;

/// Phase 1: powers of a secret that nobody knows, for every circuit up to a size.
#[derive(Debug, Subcommand)]
pub enum PowersCommand {
    /// Start from nothing.
    New {
        /// Rows of the largest circuit, as a power of two: 14 for eligibility, 16 for contributions.
        #[arg(long, value_name = "K")]
        log2_size: u8,
        #[command(flatten)]
        out: Out,
    },
    /// Start from a phase 1 of snarkjs; run `snarkjs powersoftau verify` for its own transcript.
    Import {
        /// The `.ptau` file, which may be for larger circuits.
        #[arg(value_name = "PTAU")]
        file: PathBuf,
        /// Rows of the largest circuit, as a power of two: 14 for eligibility, 16 for contributions.
        #[arg(long, value_name = "K")]
        log2_size: u8,
        #[command(flatten)]
        out: Out,
    },
    /// Verify a file, multiply its secrets by fresh ones of yours, and forget those.
    Contribute {
        /// The file of the contributor before you.
        #[arg(value_name = "POWERS")]
        file: PathBuf,
        #[command(flatten)]
        name: Name,
        #[command(flatten)]
        out: Out,
    },
    /// End the phase with a public value.
    Beacon {
        /// The last contributor's file.
        #[arg(value_name = "POWERS")]
        file: PathBuf,
        #[command(flatten)]
        value: BeaconValue,
        #[command(flatten)]
        out: Out,
    },
    /// Verify a file: that it holds powers of one secret, and each contribution. Which `.ptau` file it came from is its own
    /// word: import the published file too, and compare the digests.
    Verify {
        /// The file.
        #[arg(value_name = "POWERS")]
        file: PathBuf,
    },
}

/// Reads and verifies powers.
///
/// # Errors
/// [`Error`] when the file cannot be read or a check fails.
pub(super) fn verified(file: &Path) -> Result<Powers, Error> {
    Ok(UnverifiedPowers::from_bytes(&files::read("powers of tau", file)?)?.verify(&mut rand::rng())?)
}

impl PowersCommand {
    pub(super) fn run(self, output: &Output) -> Result<(), Error> {
        let progress = output.progress("powers of tau", STEPS);
        if let Some(out) = self.out() {
            files::ensure_new("powers of tau", &out.path)?;
        }
        let before = match &self {
            Self::New { log2_size, .. } => Powers::new(*log2_size)?,
            Self::Import { file, log2_size, .. } => {
                let reader = BufReader::new(files::open(".ptau file", file)?);
                read_ptau(reader, *log2_size)?.verify(&mut rand::rng())?
            }
            Self::Contribute { file, .. } | Self::Beacon { file, .. } | Self::Verify { file } => verified(file)?,
        };
        progress.inc(2);
        let after = match &self {
            Self::Contribute { name, .. } => before.contribute(name.name.clone(), &mut rand::rng())?,
            Self::Beacon { value, .. } => before.beacon(value.beacon()?)?,
            Self::New { .. } | Self::Import { .. } | Self::Verify { .. } => before,
        };
        progress.inc(1);
        if let Some(out) = self.out() {
            files::create("powers of tau", &out.path, &after.to_bytes()?)?;
        }
        progress.finish_and_clear();
        output.result(&state(&after)?, State::describe)
    }

    const fn out(&self) -> Option<&Out> {
        match self {
            Self::New { out, .. }
            | Self::Import { out, .. }
            | Self::Contribute { out, .. }
            | Self::Beacon { out, .. } => Some(out),
            Self::Verify { .. } => None,
        }
    }
}

fn state(powers: &Powers) -> Result<State, Error> {
    Ok(State {
        digest: powers.digest()?,
        contributors: powers.contributors().cloned().collect(),
        has_secret: powers.has_secret(),
        about: serde_json::json!({ "log2_size": powers.log2_size(), "base": powers.base() }),
    })
}
