//! Key files of the parties that hold no records.

use std::path::PathBuf;

use clap::{Subcommand, ValueEnum};
use market::{
    sealing::SealingSecretKey,
    wallet::{PartyKey, Role},
};
use node::{genesis::Member, query::SealingKey};
use serde::Serialize;

use super::{Home, Output, session::write_json};
use crate::Error;

/// Make and show key files.
#[derive(Debug, Subcommand)]
pub enum Keys {
    /// Make a key file. Whoever has it and its passphrase is this party; there is no reset.
    New {
        /// What the key is for.
        #[arg(value_enum)]
        role: RoleName,
        /// Where to write it; never overwrites.
        #[arg(value_name = "FILE")]
        path: PathBuf,
    },
    /// Show the public side of a key file.
    Show {
        /// The key file.
        #[arg(value_name = "FILE")]
        path: PathBuf,
    },
    /// Write the public side of a committee member's key for whoever founds the network (`network init --member`)
    /// or seats another committee (`node approve seat-committee --member`).
    Member {
        /// The member's key file.
        #[arg(value_name = "KEY")]
        path: PathBuf,
        /// Where to write it.
        #[arg(long, default_value = "member.json", value_name = "FILE")]
        out: PathBuf,
    },
}

/// A role as typed.
#[derive(Debug, Clone, Copy, ValueEnum)]
pub enum RoleName {
    /// Certifies records.
    Issuer,
    /// Asks queries, or sponsors studies and recruits for them.
    Researcher,
    /// Accredits parties.
    Governor,
    /// Signs blocks.
    Validator,
    /// Holds a share of the decryption key.
    Member,
    /// Runs many people's wallets.
    Custodian,
}

impl From<RoleName> for Role {
    fn from(name: RoleName) -> Self {
        match name {
            RoleName::Issuer => Self::Issuer,
            RoleName::Researcher => Self::Researcher,
            RoleName::Governor => Self::Governor,
            RoleName::Validator => Self::Validator,
            RoleName::Member => Self::Member,
            RoleName::Custodian => Self::Custodian,
        }
    }
}

/// The public side of a key file.
#[derive(Debug, Serialize)]
struct PublicKey {
    role: Role,
    account: String,
    sealing: String,
}

/// The key that messages to a party are sealed to.
pub(crate) fn sealing_key(key: &PartyKey) -> SealingKey {
    SealingKey::new(SealingSecretKey::from_bytes(key.sealing_seed().as_bytes()).public_key().to_bytes())
}

/// A committee member as the genesis lists it.
pub(super) fn member(key: &PartyKey) -> Member {
    Member { account: key.account(), sealing: sealing_key(key) }
}

impl Keys {
    pub(super) fn run(&self, home: &Home, output: &Output) -> Result<(), Error> {
        let key = match self {
            Self::New { role, path } => {
                let key = PartyKey::random((*role).into(), &mut rand::rng());
                if path.exists() {
                    return Err(market::Error::FileExists { path: path.clone() }.into());
                }
                key.create(path, &home.new_protection(&path.display().to_string())?)?;
                key
            }
            Self::Show { path } => home.any_key(path)?,
            Self::Member { path, out } => {
                if out.exists() {
                    return Err(market::Error::FileExists { path: out.clone() }.into());
                }
                let key = home.key(path, Role::Member)?;
                write_json("member", out, &member(&key))?;
                output.say(format!(
                    "wrote {}: send it to whoever founds the network, or to the validators who vote",
                    out.display()
                ));
                key
            }
        };
        let public = PublicKey {
            role: key.role(),
            account: key.account().to_string(),
            sealing: hex::encode(sealing_key(&key).as_bytes()),
        };
        output.result(&public, |public| {
            let bytes = public.sealing.len() / 2;
            format!("{} account {}\nsealing key of {bytes} bytes; --json prints it", key.role().name(), public.account)
        })
    }
}
