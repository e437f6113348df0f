//! Key files of the parties that hold no records: issuers, researchers, governance, validators, committee members.

use std::{fmt, path::Path};

use borsh::{BorshDeserialize, BorshSerialize};
use circuits::{domain::ByteTag, id::AccountId};
use ed25519_dalek::SigningKey;
use hkdf::Hkdf;
use node::signature::account_of;
use rand::CryptoRng;
use serde::{Deserialize, Serialize};
use sha2::Sha256;
use zeroize::{Zeroize, ZeroizeOnDrop};

use super::{
    Protection, StorageKey,
    file::{self, KEY_KIND},
};
use crate::Error;

/// What a key file is for. A file of one role does not open as another.
#[derive(Debug, Clone, Copy, PartialEq, Eq, BorshSerialize, BorshDeserialize, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Role {
    /// Certifies records.
    Issuer,
    /// Registers studies, opens queries and reads their results.
    Researcher,
    /// Accredits and suspends.
    Governor,
    /// Signs blocks.
    Validator,
    /// Holds shares of the decryption key.
    Member,
    /// Runs many people's wallets: a hospital's agent. Its storage key protects them.
    Custodian,
}

impl Role {
    /// The role's name, as in `issuer`.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Issuer => "issuer",
            Self::Researcher => "researcher",
            Self::Governor => "governor",
            Self::Validator => "validator",
            Self::Member => "member",
            Self::Custodian => "custodian",
        }
    }

    fn file_kind(self) -> String {
        format!("{KEY_KIND}{}", self.name())
    }

    /// The role whose key files are of a kind.
    fn of_file_kind(kind: &str) -> Option<Self> {
        let roles = [Self::Issuer, Self::Researcher, Self::Governor, Self::Validator, Self::Member, Self::Custodian];
        roles.into_iter().find(|role| role.file_kind() == kind)
    }
}

/// A seed of 32 secret bytes.
#[derive(Clone, PartialEq, Eq, BorshSerialize, BorshDeserialize, Zeroize, ZeroizeOnDrop)]
pub struct SecretSeed([u8; 32]);

impl SecretSeed {
    /// A fresh seed.
    #[must_use]
    pub fn random(rng: &mut (impl CryptoRng + ?Sized)) -> Self {
        let mut bytes = [0; 32];
        rng.fill_bytes(&mut bytes);
        Self(bytes)
    }

    /// A seed that only whoever has this one can tell from a fresh one (HKDF, RFC 5869), for one purpose and these names
    /// of 32 bytes.
    ///
    /// # Errors
    /// Never for 32 bytes; the derivation's bound is 8,160.
    pub(crate) fn derive(&self, purpose: ByteTag, names: &[&[u8; 32]]) -> Result<Self, Error> {
        let mut derived = Self([0; 32]);
        let kdf = Hkdf::<Sha256>::new(Some(purpose.text().as_bytes()), &self.0);
        let parts: Vec<&[u8]> = names.iter().map(|name| name.as_slice()).collect();
        let failed = |_| Error::Sealing { why: "key derivation failed".into() };
        kdf.expand_multi_info(&parts, &mut derived.0).map_err(failed)?;
        Ok(derived)
    }

    /// The secret bytes.
    #[must_use]
    pub const fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }

    /// The Ed25519 key of this seed (RFC 8032).
    #[must_use]
    pub fn signing_key(&self) -> SigningKey {
        SigningKey::from_bytes(&self.0)
    }
}

impl fmt::Debug for SecretSeed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SecretSeed(redacted)")
    }
}

/// A party's secrets: one seed to sign with, one to open sealed messages with, and one to encrypt its own files with.
#[derive(Clone, PartialEq, Eq)]
pub struct PartyKey {
    role: Role,
    signing: SecretSeed,
    sealing: SecretSeed,
    storage: SecretSeed,
}

impl fmt::Debug for PartyKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "PartyKey({}, {}, secrets redacted)", self.role.name(), self.account())
    }
}

impl PartyKey {
    /// Fresh keys for a role.
    #[must_use]
    pub fn random(role: Role, rng: &mut (impl CryptoRng + ?Sized)) -> Self {
        let [signing, sealing, storage] = [0; 3].map(|_| SecretSeed::random(rng));
        Self { role, signing, sealing, storage }
    }

    /// What the keys are for.
    #[must_use]
    pub const fn role(&self) -> Role {
        self.role
    }

    /// The account that the signing key controls.
    #[must_use]
    pub fn account(&self) -> AccountId {
        account_of(&self.signing_key())
    }

    /// The Ed25519 key.
    #[must_use]
    pub fn signing_key(&self) -> SigningKey {
        self.signing.signing_key()
    }

    /// The seed of the key that messages to this party are sealed to.
    #[must_use]
    pub const fn sealing_seed(&self) -> &SecretSeed {
        &self.sealing
    }

    /// The key that encrypts this party's own files.
    #[must_use]
    pub fn storage_key(&self) -> StorageKey {
        StorageKey::from_bytes(*self.storage.as_bytes())
    }

    /// Writes the keys to a new file.
    ///
    /// # Errors
    /// [`Error::FileExists`] or [`Error::File`].
    pub fn create(&self, path: &Path, protection: &Protection) -> Result<(), Error> {
        let seeds = (self.signing.clone(), self.sealing.clone(), self.storage.clone());
        file::create(path, &self.role.file_kind(), &seeds, protection)
    }

    /// Reads the keys of a role.
    ///
    /// # Errors
    /// [`Error::File`], [`Error::WrongPassphrase`], [`Error::FileKind`] for another role's file, or
    /// [`Error::FileDamaged`].
    pub fn open(path: &Path, role: Role, protection: &Protection) -> Result<Self, Error> {
        let (signing, sealing, storage) = file::load(path, &role.file_kind(), protection)?;
        Ok(Self { role, signing, sealing, storage })
    }

    /// Reads the keys of whichever role the file holds.
    ///
    /// # Errors
    /// As [`PartyKey::open`], with [`Error::FileKind`] for a file that is no key file.
    pub fn open_any(path: &Path, protection: &Protection) -> Result<Self, Error> {
        let role_of = |kind: &str| Role::of_file_kind(kind).ok_or_else(|| "a key file".to_owned());
        let (role, (signing, sealing, storage)) = file::load_any(path, protection, role_of)?;
        Ok(Self { role, signing, sealing, storage })
    }
}
