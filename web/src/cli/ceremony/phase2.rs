//! `locus ceremony phase2`.

use std::path::{Path, PathBuf};

use circuits::{
    ceremony::{CeremonyKey, CircuitKey, UnverifiedCircuitKey},
    contribution, eligibility,
    groth16::{Relation, VerifyingKeyId},
    id::Digest,
};
use clap::{Args, Subcommand, ValueEnum};
use serde::Serialize;

use super::{BeaconValue, Name, Out, Output, State, files, powers::verified};
use crate::Error;

/// Steps of a command: powers, key, work, write.
const STEPS: usize = 4;

/// Phase 2: one circuit's key.
#[derive(Debug, Subcommand)]
pub enum Phase2Command {
    /// Turn powers into a circuit's key to which nobody has contributed.
    Start {
        #[command(flatten)]
        setting: Setting,
        #[command(flatten)]
        out: Out,
    },
    /// Verify a key, multiply its secrets by fresh ones of yours, and forget those.
    Contribute {
        #[command(flatten)]
        setting: Setting,
        /// The file of the contributor before you.
        #[arg(value_name = "KEY")]
        file: PathBuf,
        #[command(flatten)]
        name: Name,
        #[command(flatten)]
        out: Out,
    },
    /// End the phase with a public value.
    Beacon {
        #[command(flatten)]
        setting: Setting,
        /// The last contributor's file.
        #[arg(value_name = "KEY")]
        file: PathBuf,
        #[command(flatten)]
        value: BeaconValue,
        #[command(flatten)]
        out: Out,
    },
    /// Verify a key: against the powers and this program's circuit, and each contribution.
    Verify {
        #[command(flatten)]
        setting: Setting,
        /// The file.
        #[arg(value_name = "KEY")]
        file: PathBuf,
    },
    /// Verify a key and write it as the files that provers and a genesis take.
    Finalize {
        #[command(flatten)]
        setting: Setting,
        /// The last file.
        #[arg(value_name = "KEY")]
        file: PathBuf,
        #[command(flatten)]
        out: Out,
        /// Where the verifying key goes, in JSON as a genesis has it; never overwritten.
        #[arg(long, value_name = "FILE")]
        verifying_key: PathBuf,
    },
}

/// What the key is for and made from.
#[derive(Debug, Args)]
pub struct Setting {
    /// The circuit.
    #[arg(value_enum)]
    circuit: Circuit,
    /// The file of phase 1 with which this phase began.
    #[arg(long, value_name = "POWERS")]
    powers: PathBuf,
}

/// A circuit that needs a key.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum, Serialize)]
#[serde(rename_all = "snake_case")]
enum Circuit {
    /// Somebody with a certified record meets the criteria and agrees.
    Eligibility,
    /// And their ciphertext encrypts what the record implies.
    Contribution,
}

impl Circuit {
    fn relation(self) -> Result<Relation, Error> {
        Ok(match self {
            Self::Eligibility => eligibility::relation()?,
            Self::Contribution => contribution::relation()?,
        })
    }

    /// The finished key: the prover's file, the verifier's JSON, and the id.
    fn finish(self, key: CeremonyKey) -> Result<(Vec<u8>, Vec<u8>, VerifyingKeyId), Error> {
        Ok(match self {
            Self::Eligibility => {
                let key = eligibility::ProvingKey::from_ceremony(key)?;
                (key.to_bytes()?, json(key.verifying_key())?, key.verifying_key().id())
            }
            Self::Contribution => {
                let key = contribution::ProvingKey::from_ceremony(key)?;
                (key.to_bytes()?, json(key.verifying_key())?, key.verifying_key().id())
            }
        })
    }
}

fn json(value: &impl Serialize) -> Result<Vec<u8>, Error> {
    serde_json::to_vec_pretty(value).map_err(|error| Error::Output { why: error.to_string() })
}

/// What `finalize` made.
#[derive(Debug, Serialize)]
struct Finished {
    circuit: Circuit,
    verifying_key: String,
    transcript: Digest,
}

impl Phase2Command {
    pub(super) fn run(self, output: &Output) -> Result<(), Error> {
        let (setting, file) = self.input();
        for path in self.outputs() {
            files::ensure_new("ceremony key", path)?;
        }
        let progress = output.progress("circuit's key", STEPS);
        let relation = setting.circuit.relation()?;
        let powers = verified(&setting.powers)?;
        progress.inc(1);
        let before = match file {
            None => CircuitKey::start(&powers, &relation)?,
            Some(file) => {
                let read = UnverifiedCircuitKey::from_bytes(&files::read("ceremony key", file)?)?;
                read.verify(&powers, &relation, &mut rand::rng())?
            }
        };
        progress.inc(1);
        let after = match &self {
            Self::Contribute { name, .. } => before.contribute(name.name.clone(), &mut rand::rng())?,
            Self::Beacon { value, .. } => before.beacon(value.beacon()?)?,
            Self::Start { .. } | Self::Verify { .. } | Self::Finalize { .. } => before,
        };
        progress.inc(1);
        if let Self::Finalize { setting, out, verifying_key, .. } = &self {
            let finished = finalize(setting.circuit, after, out, verifying_key)?;
            progress.finish_and_clear();
            return output.result(&finished, |finished| {
                format!("verifying key {}\ntranscript    {}", finished.verifying_key, finished.transcript)
            });
        }
        if let Some(path) = self.outputs().next() {
            files::create("ceremony key", path, &after.to_bytes()?)?;
        }
        progress.finish_and_clear();
        output.result(&state(setting.circuit, &after)?, State::describe)
    }

    /// What the command works on: a key, unless it starts one.
    const fn input(&self) -> (&Setting, Option<&PathBuf>) {
        match self {
            Self::Start { setting, .. } => (setting, None),
            Self::Contribute { setting, file, .. }
            | Self::Beacon { setting, file, .. }
            | Self::Verify { setting, file }
            | Self::Finalize { setting, file, .. } => (setting, Some(file)),
        }
    }

    /// The files that the command writes.
    fn outputs(&self) -> impl Iterator<Item = &PathBuf> {
        let (out, verifying_key) = match self {
            Self::Start { out, .. } | Self::Contribute { out, .. } | Self::Beacon { out, .. } => (Some(out), None),
            Self::Finalize { out, verifying_key, .. } => (Some(out), Some(verifying_key)),
            Self::Verify { .. } => (None, None),
        };
        out.map(|out| &out.path).into_iter().chain(verifying_key)
    }
}

fn finalize(circuit: Circuit, key: CircuitKey, out: &Out, verifying_key: &Path) -> Result<Finished, Error> {
    let transcript = key.digest()?;
    let (proving, verifying, id) = circuit.finish(key.finalize()?)?;
    files::create("verifying key", verifying_key, &verifying)?;
    files::create("proving key", &out.path, &proving)?;
    Ok(Finished { circuit, verifying_key: id.to_string(), transcript })
}

fn state(circuit: Circuit, key: &CircuitKey) -> Result<State, Error> {
    Ok(State {
        digest: key.digest()?,
        contributors: key.contributors().cloned().collect(),
        has_secret: key.has_secret(),
        about: serde_json::json!({ "circuit": circuit }),
    })
}
