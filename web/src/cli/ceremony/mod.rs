//! `locus ceremony`: the set-up of proving keys by many, of whom one honest one suffices.

mod files;
mod phase2;
mod powers;

use std::path::PathBuf;

use circuits::{
    ceremony::{Beacon, Contributor, ContributorName},
    id::Digest,
};
use clap::{Args, Subcommand};
use market::so_many;
use serde::Serialize;

use super::Output;
use crate::Error;

/// Make proving keys together with others: phase 1 for all circuits up to a size, phase 2 for one circuit.
#[derive(Debug, Subcommand)]
pub enum Ceremony {
    /// Phase 1: powers of a secret that nobody knows, for every circuit up to a size.
    #[command(subcommand)]
    Powers(powers::PowersCommand),
    /// Phase 2: one circuit's key.
    #[command(subcommand)]
    Phase2(phase2::Phase2Command),
}

impl Ceremony {
    pub(super) fn run(self, output: &Output) -> Result<(), Error> {
        match self {
            Self::Powers(powers) => powers.run(output),
            Self::Phase2(phase2) => phase2.run(output),
        }
    }
}

/// Who contributes.
#[derive(Debug, Args)]
pub struct Name {
    /// Your name in the transcript. It is public, and nobody checks it.
    #[arg(long, value_name = "NAME")]
    name: ContributorName,
}

/// A public value that ends a phase.
#[derive(Debug, Args)]
pub struct BeaconValue {
    /// The value, in hex: one that nobody could predict when the last person contributed.
    #[arg(long, value_name = "HEX")]
    value: String,
    /// The value is hashed 2^K times, by everyone who verifies too.
    #[arg(long, value_name = "K", default_value_t = 10)]
    log2_iterations: u8,
}

impl BeaconValue {
    fn beacon(&self) -> Result<Beacon, Error> {
        let value = hex::decode(&self.value)
            .map_err(|error| Error::Input { what: "beacon", why: format!("--value takes hex digits ({error})") })?;
        Ok(Beacon::new(value, self.log2_iterations)?)
    }
}

/// Where the result goes.
#[derive(Debug, Args)]
pub struct Out {
    /// The file to write; never overwritten.
    #[arg(long = "out", value_name = "FILE")]
    path: PathBuf,
}

/// The state of a phase after a command.
#[derive(Debug, Serialize)]
struct State {
    /// The phase's digest, which contributors publish and compare.
    digest: Digest,
    /// Who contributed, in order.
    contributors: Vec<Contributor>,
    /// Whether a key may be made of it: somebody's secret is in it.
    has_secret: bool,
    /// What else the phase has to say: its size and base, or its circuit.
    #[serde(flatten)]
    about: serde_json::Value,
}

impl State {
    fn describe(&self) -> String {
        let name = |contributor: &Contributor| match contributor {
            Contributor::Person(name) => format!("  {name}"),
            Contributor::Beacon(_) => "  a beacon, which ends the phase".into(),
        };
        let mut lines = vec![format!("digest {}", self.digest)];
        lines.extend(self.about.as_object().into_iter().flatten().map(|(key, value)| format!("{key} {value}")));
        lines.push(so_many(self.contributors.len(), "contribution", "contributions"));
        lines.extend(self.contributors.iter().map(name));
        if !self.has_secret {
            lines.push("Nobody's secret is in it yet: whoever uses it can be deceived by anyone.".into());
        }
        lines.join("\n")
    }
}
