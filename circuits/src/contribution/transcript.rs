//! The challenges of one contribution.

use ark_bn254::{Fr, G1Affine};
use ark_ff::PrimeField;
use ark_serialize::CanonicalSerialize;

use super::{committed::SMALL_TABLE, statement::ContributionStatement};
use crate::{
    Error,
    domain::{ByteTag, hash},
    groth16::VerifyingKeyId,
    id::field_to_bytes,
};

/// `γ`, where polynomials are evaluated and pairs are packed, and `α`, the point of the lookup arguments' fractions.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Challenges {
    /// `γ`.
    pub gamma: Fr,
    /// `α`.
    pub alpha: Fr,
}

impl Challenges {
    /// The challenges of a statement, drawn after its commitment: from the verifying key, the committee's key (which
    /// names its chain and epoch), the terms, root, nullifiers, binding (chain, query, part, payout key, ciphertext
    /// digest) and `D`. Nothing derived from `γ` goes in.
    ///
    /// # Errors
    /// [`Error::ProofRefused`] for a challenge that lies in a constant table, where a fraction could be anything.
    pub fn draw(
        key: &VerifyingKeyId,
        statement: &ContributionStatement<'_>,
        commitment: &G1Affine,
    ) -> Result<Self, Error> {
        let mut point = vec![];
        commitment.serialize_compressed(&mut point).map_err(|error| Error::Proving { why: error.to_string() })?;
        let instance = statement.instance;
        let transcript = hash(
            ByteTag::Challenge,
            &[
                b"transcript",
                key.as_bytes(),
                statement.key.digest().as_bytes(),
                statement.terms.digest()?.as_bytes(),
                &field_to_bytes(&instance.root.element()),
                &field_to_bytes(&instance.nullifier.element()),
                &field_to_bytes(&instance.scope_nullifier.element()),
                instance.binding.as_bytes(),
                &point,
            ],
        );
        let draw = |name: &[u8]| {
            Fr::from_le_bytes_mod_order(hash(ByteTag::Challenge, &[name, transcript.as_bytes()]).as_bytes())
        };
        let challenges = Self { gamma: draw(b"gamma"), alpha: draw(b"alpha") };
        if SMALL_TABLE.map(Fr::from).any(|entry| entry == challenges.alpha) {
            return Err(Error::ProofRefused { why: "its challenge lies in a lookup table; prove again" });
        }
        Ok(challenges)
    }
}
