//! Key pairs of readers.

use std::path::PathBuf;

use clap::{Args, ValueEnum};
use market::crypt4gh::{KeyProtection, SecretKey};
use serde::Serialize;

use super::{
    staged::{Readers, Target, check_free, write_short},
    with_suffix,
};
use crate::{
    Error,
    cli::{Home, Output, session::Asked},
};

/// Make a key pair: FILE holds the private key, FILE.pub the public one.
///
/// Whoever has the private key and its passphrase reads every file encrypted to it. There is no reset.
#[derive(Debug, Args)]
pub struct Keygen {
    /// Where to write the private key.
    #[arg(value_name = "FILE")]
    path: PathBuf,
    /// What protects the private key: a passphrase by scrypt or by bcrypt, or nothing.
    #[arg(long, value_enum, default_value = "scrypt")]
    protect: Protect,
    /// Replace key files that exist. Files encrypted to the old key alone can then never be read again.
    #[arg(long)]
    force: bool,
}

/// A protection as typed.
#[derive(Debug, Clone, Copy, ValueEnum)]
enum Protect {
    Scrypt,
    Bcrypt,
    None,
}

#[derive(Debug, Serialize)]
struct Made {
    private: String,
    public: String,
    key: String,
}

impl Keygen {
    pub(super) fn run(&self, home: &Home, output: &Output) -> Result<(), Error> {
        let public_path = with_suffix(&self.path, ".pub");
        check_free(&self.path, self.force)?;
        check_free(&public_path, self.force)?;
        let passphrase = || home.passphrase(&self.path.display().to_string(), Asked::Twice);
        let protection = match self.protect {
            Protect::Scrypt => KeyProtection::Scrypt(passphrase()?),
            Protect::Bcrypt => KeyProtection::Bcrypt(passphrase()?),
            Protect::None => KeyProtection::None,
        };
        let key = SecretKey::random(&mut rand::rng());
        let text = key.to_file(&protection, &mut rand::rng())?;
        let target = |path, readers| Target { path, readers, force: self.force };
        write_short(target(&self.path, Readers::Owner), text.as_bytes())?;
        write_short(target(&public_path, Readers::Everybody), key.public_key().to_file().as_bytes())?;
        if matches!(protection, KeyProtection::None) {
            output.say("the private key is not encrypted: whoever reads the file has it");
        }
        let made = Made {
            private: self.path.display().to_string(),
            public: public_path.display().to_string(),
            key: key.public_key().to_string(),
        };
        output.result(&made, |made| format!("public key {}\ngive {} to who encrypts for you", made.key, made.public))
    }
}
