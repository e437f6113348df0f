//! X25519 keys of readers and writers, and what two of them agree on.

use std::fmt;

use base64::{Engine as _, engine::general_purpose::STANDARD};
use blake2::{Blake2b512, Digest as _};
use rand::CryptoRng;
use subtle::ConstantTimeEq;
use x25519_dalek::{X25519_BASEPOINT_BYTES, x25519};
use zeroize::{Zeroize, ZeroizeOnDrop, Zeroizing};

use super::refused;
use crate::Error;

/// Whom a file is encrypted to: an X25519 public key of 32 bytes (RFC 7748).
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct PublicKey([u8; 32]);

impl PublicKey {
    /// The key with these bytes.
    #[must_use]
    pub const fn from_bytes(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }

    /// The 32 bytes.
    #[must_use]
    pub const fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }
}

/// Base64, as in key files.
impl fmt::Display for PublicKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&STANDARD.encode(self.0))
    }
}

impl fmt::Debug for PublicKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "PublicKey({self})")
    }
}

/// Opens what is encrypted to its public key: 32 secret bytes, wiped when dropped.
#[derive(Clone, Zeroize, ZeroizeOnDrop)]
pub struct SecretKey([u8; 32]);

impl SecretKey {
    /// A fresh key.
    #[must_use]
    pub fn random(rng: &mut (impl CryptoRng + ?Sized)) -> Self {
        let mut key = Self([0; 32]);
        rng.fill_bytes(&mut key.0);
        key
    }

    /// The key with these bytes.
    #[must_use]
    pub const fn from_bytes(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }

    /// The secret bytes.
    #[must_use]
    pub const fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }

    /// Its public key.
    #[must_use]
    pub fn public_key(&self) -> PublicKey {
        PublicKey(x25519(self.0, X25519_BASEPOINT_BYTES))
    }

    /// What a reader shares with the writer of a packet, on the reader's side.
    pub(super) fn shared_with_writer(&self, writer: &PublicKey) -> Result<SharedKey, Error> {
        agree(self, writer, &self.public_key(), writer)
    }

    /// The same on the writer's side.
    pub(super) fn shared_with_reader(&self, reader: &PublicKey) -> Result<SharedKey, Error> {
        agree(self, reader, reader, &self.public_key())
    }
}

impl PartialEq for SecretKey {
    fn eq(&self, other: &Self) -> bool {
        self.0.ct_eq(&other.0).into()
    }
}

impl Eq for SecretKey {}

impl fmt::Debug for SecretKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SecretKey(redacted)")
    }
}

/// Encrypts the packets between one writer and one reader.
pub(super) type SharedKey = Zeroizing<[u8; 32]>;

/// The first half of BLAKE2b-512 over the Diffie–Hellman value, the reader's key and the writer's (section 3.3.1).
fn agree(mine: &SecretKey, theirs: &PublicKey, reader: &PublicKey, writer: &PublicKey) -> Result<SharedKey, Error> {
    let agreed = Zeroizing::new(x25519(mine.0, theirs.0));
    // A point of low order gives zero with every secret: anybody could read what it encrypts (RFC 7748, section 6.1).
    if bool::from(agreed.ct_eq(&[0; 32])) {
        return Err(refused("public key", format!("{theirs} agrees on zero with everybody; use the key of a person")));
    }
    let hash = Blake2b512::new().chain_update(agreed.as_slice()).chain_update(reader.0).chain_update(writer.0);
    let hash = Zeroizing::new(<[u8; 64]>::from(hash.finalize()));
    let mut shared = Zeroizing::new([0; 32]);
    for (byte, hashed) in shared.iter_mut().zip(hash.iter()) {
        *byte = *hashed;
    }
    Ok(shared)
}
