//! The points of a key.

use std::fmt;

use ark_bn254::{Bn254, G1Affine, G2Affine};
use ark_ec::{AffineRepr, pairing::Pairing};
use ark_serialize::{CanonicalDeserialize, CanonicalSerialize};
use borsh::{BorshDeserialize, BorshSerialize};
use serde::{Deserialize, Serialize};

use crate::{
    Error,
    domain::{ByteTag, hash},
    id::Digest,
};

/// Where a key's randomness came from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, BorshSerialize, BorshDeserialize, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum KeyOrigin {
    /// A public seed: anyone can forge proofs. For demo and test networks only.
    InsecureSeed,
    /// A multi-party ceremony, sound if one contributor was honest.
    Ceremony,
}

/// Digest of a verifying key and its origin.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, BorshSerialize, BorshDeserialize, Serialize, Deserialize,
)]
#[serde(transparent)]
pub struct VerifyingKeyId(Digest);

impl VerifyingKeyId {
    /// The id of a key with these canonical bytes.
    pub(crate) fn new(origin: KeyOrigin, bytes: &[u8]) -> Self {
        Self(hash(ByteTag::VerifyingKey, &[&[origin as u8], bytes]))
    }

    /// The 32 bytes.
    #[must_use]
    pub const fn as_bytes(&self) -> &[u8; 32] {
        self.0.as_bytes()
    }
}

impl fmt::Display for VerifyingKeyId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// What verifies: the points that the pairing equation names.
#[derive(Debug, Clone, PartialEq, Eq, CanonicalSerialize, CanonicalDeserialize)]
pub struct VerifyingPoints {
    /// `[α]₁`.
    pub alpha_g1: G1Affine,
    /// `[β]₂`.
    pub beta_g2: G2Affine,
    /// `[γ]₂`, the divisor of public inputs.
    pub gamma_g2: G2Affine,
    /// `[δ]₂`, the divisor of uncommitted witnesses.
    pub delta_g2: G2Affine,
    /// `[κ]₂`, the divisor of committed witnesses.
    pub kappa_g2: G2Affine,
    /// `[(β·Aᵢ(τ) + α·Bᵢ(τ) + Cᵢ(τ))/γ]₁` for the constant one and each public input.
    pub input_query: Vec<G1Affine>,
}

/// What proves. Witnesses are numbered with the committed ones first; assignments start with one and the public inputs.
#[derive(Debug, Clone, PartialEq, Eq, CanonicalSerialize, CanonicalDeserialize)]
pub struct ProvingPoints {
    /// The verifying points.
    pub verifying: VerifyingPoints,
    /// `[β]₁`.
    pub beta_g1: G1Affine,
    /// `[δ]₁`.
    pub delta_g1: G1Affine,
    /// `[κ]₁`.
    pub kappa_g1: G1Affine,
    /// `[Aᵢ(τ)]₁` for every wire.
    pub a_query: Vec<G1Affine>,
    /// `[Bᵢ(τ)]₁` for every wire.
    pub b_g1_query: Vec<G1Affine>,
    /// `[Bᵢ(τ)]₂` for every wire.
    pub b_g2_query: Vec<G2Affine>,
    /// `[τⁱ·Z(τ)/δ]₁`.
    pub h_query: Vec<G1Affine>,
    /// `[(β·Aᵢ(τ) + α·Bᵢ(τ) + Cᵢ(τ))/κ]₁` for every committed witness.
    pub commit_query: Vec<G1Affine>,
    /// `[(β·Aᵢ(τ) + α·Bᵢ(τ) + Cᵢ(τ))/δ]₁` for every other witness.
    pub witness_query: Vec<G1Affine>,
}

/// What a prover says whose own proof does not verify. An altered point of the key adds to a proof what its maker can read of
/// the witness, so such a proof never leaves.
pub(crate) fn altered_key() -> Error {
    let why = "the proof does not verify: the key's file is damaged or was altered; copy it again from whoever founded the network";
    Error::Proving { why: why.into() }
}

impl ProvingPoints {
    /// Checks that the points which blind a proof are those of the verifying points: with others, such as zero, proofs
    /// would verify and hide nothing.
    ///
    /// # Errors
    /// [`Error::Malformed`] when one is not.
    pub(crate) fn check_blinding(&self) -> Result<(), Error> {
        let (g1, g2) = (G1Affine::generator(), G2Affine::generator());
        let VerifyingPoints { beta_g2, delta_g2, kappa_g2, .. } = self.verifying;
        let pairs = [(self.beta_g1, beta_g2), (self.delta_g1, delta_g2), (self.kappa_g1, kappa_g2)];
        if pairs.into_iter().all(|(first, second)| Bn254::pairing(first, g2) == Bn254::pairing(g1, second)) {
            return Ok(());
        }
        Err(Error::Malformed {
            what: "proving key",
            why: "its blinding points are not those of its verifying key".into(),
        })
    }
}

/// The wire and text form of a verifying key: its origin and its compressed points.
#[derive(BorshSerialize, BorshDeserialize, Serialize, Deserialize)]
pub(crate) struct EncodedKey {
    pub(crate) origin: KeyOrigin,
    #[serde(with = "hex::serde")]
    pub(crate) bytes: Vec<u8>,
}

/// Wire, text and debug forms and equality of a verifying key with `origin()`, `id()`, `encoded()` and `decode()`.
macro_rules! verifying_key_forms {
    ($key:ty) => {
        impl std::fmt::Debug for $key {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                write!(f, "VerifyingKey({}, {:?})", self.id(), self.origin())
            }
        }

        impl PartialEq for $key {
            fn eq(&self, other: &Self) -> bool {
                self.id() == other.id()
            }
        }

        impl Eq for $key {}

        impl borsh::BorshSerialize for $key {
            fn serialize<W: borsh::io::Write>(&self, writer: &mut W) -> borsh::io::Result<()> {
                borsh::BorshSerialize::serialize(&self.encoded(), writer)
            }
        }

        impl borsh::BorshDeserialize for $key {
            fn deserialize_reader<R: borsh::io::Read>(reader: &mut R) -> borsh::io::Result<Self> {
                Self::decode(&borsh::BorshDeserialize::deserialize_reader(reader)?)
                    .map_err(|error| borsh::io::Error::new(borsh::io::ErrorKind::InvalidData, error))
            }
        }

        impl serde::Serialize for $key {
            fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serde::Serialize::serialize(&self.encoded(), serializer)
            }
        }

        impl<'de> serde::Deserialize<'de> for $key {
            fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                let encoded = serde::Deserialize::deserialize(deserializer)?;
                Self::decode(&encoded).map_err(serde::de::Error::custom)
            }
        }
    };
}
pub(crate) use verifying_key_forms;
