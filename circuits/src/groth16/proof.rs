//! A proof and its one encoding.

use std::fmt;

use ark_bn254::{G1Affine, G2Affine};
use ark_serialize::{CanonicalDeserialize, CanonicalSerialize};
use borsh::{BorshDeserialize, BorshSerialize};
use serde::{Deserialize, Serialize};

use crate::Error;

/// Bytes of a proof: three compressed points of G1 and one of G2.
pub const PROOF_BYTES: usize = 160;

/// Four points of the right curves and subgroups.
#[derive(Debug, Clone, Copy, PartialEq, Eq, CanonicalSerialize, CanonicalDeserialize)]
pub struct Proof {
    /// `A`.
    pub a: G1Affine,
    /// `B`.
    pub b: G2Affine,
    /// `C`.
    pub c: G1Affine,
    /// `D`, the commitment.
    pub d: G1Affine,
}

impl Proof {
    /// The canonical encoding.
    ///
    /// # Errors
    /// [`Error::Proving`], which points on the curve never give.
    pub fn encode(&self) -> Result<ProofBytes, Error> {
        let mut bytes = [0; PROOF_BYTES];
        self.serialize_compressed(bytes.as_mut_slice()).map_err(|error| Error::Proving { why: error.to_string() })?;
        Ok(ProofBytes(bytes))
    }
}

/// A proof as it travels: 160 bytes, not yet checked. `A`, `B`, `C`, `D` compressed.
#[derive(Clone, Copy, PartialEq, Eq, BorshSerialize, BorshDeserialize, Serialize, Deserialize)]
#[serde(transparent)]
pub struct ProofBytes(#[serde(with = "hex::serde")] [u8; PROOF_BYTES]);

impl ProofBytes {
    /// The bytes as received.
    #[must_use]
    pub const fn new(bytes: [u8; PROOF_BYTES]) -> Self {
        Self(bytes)
    }

    /// The bytes.
    #[must_use]
    pub const fn as_bytes(&self) -> &[u8; PROOF_BYTES] {
        &self.0
    }

    /// The points.
    ///
    /// # Errors
    /// [`Error::ProofRefused`] for bytes that are no points of the right subgroups, or a second spelling of some.
    pub fn decode(&self) -> Result<Proof, Error> {
        let proof = Proof::deserialize_compressed(self.0.as_slice())
            .map_err(|_| Error::ProofRefused { why: "its bytes are not four points of the right subgroups" })?;
        if proof.encode()? != *self {
            return Err(Error::ProofRefused { why: "its encoding is not canonical" });
        }
        Ok(proof)
    }
}

impl fmt::Debug for ProofBytes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "ProofBytes({}…)", hex::encode(self.0.first_chunk::<8>().unwrap_or(&[0; 8])))
    }
}
