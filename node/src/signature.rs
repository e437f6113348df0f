//! Ed25519 signatures over tagged digests, verified strictly (no small-order keys, no malleability).

use std::fmt;

use borsh::{BorshDeserialize, BorshSerialize};
use circuits::id::{AccountId, Digest};
use ed25519_dalek::{Signer, SigningKey, VerifyingKey};
use serde::{Deserialize, Serialize};

use crate::Error;

/// An Ed25519 signature (RFC 8032), 64 bytes, as hex in JSON.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, BorshSerialize, BorshDeserialize, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Signature(#[serde(with = "hex::serde")] [u8; 64]);

impl Signature {
    /// The signature with these bytes.
    #[must_use]
    pub const fn from_bytes(bytes: [u8; 64]) -> Self {
        Self(bytes)
    }

    /// The 64 bytes.
    #[must_use]
    pub const fn to_bytes(self) -> [u8; 64] {
        self.0
    }
}

impl fmt::Debug for Signature {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Signature({})", hex::encode(self.0))
    }
}

/// The account that a signing key controls.
#[must_use]
pub fn account_of(key: &SigningKey) -> AccountId {
    AccountId::from_bytes(key.verifying_key().to_bytes())
}

/// Signs a digest that already carries its domain tag and the chain id.
#[must_use]
pub fn sign(key: &SigningKey, message: &Digest) -> Signature {
    Signature(key.sign(message.as_bytes()).to_bytes())
}

/// Verifies a signature strictly.
///
/// # Errors
/// [`Error::Signature`] naming what was signed and by whom.
pub fn verify(what: &'static str, signer: AccountId, message: &Digest, signature: &Signature) -> Result<(), Error> {
    let refused = Error::Signature { what, signer };
    let Ok(key) = VerifyingKey::from_bytes(signer.as_bytes()) else { return Err(refused) };
    let signature = ed25519_dalek::Signature::from_bytes(&signature.0);
    key.verify_strict(message.as_bytes(), &signature).map_err(|_| refused)
}
