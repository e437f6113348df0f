//! The challenges of one contribution.

use ark_bn254::{Fr, G1Affine};
use ark_ff::PrimeField;
use ark_serialize::CanonicalSerialize;

use super::{committed::SMALL_TABLE, statement::ContributionTerms};
use crate::{
    Error,
    domain::{ByteTag, hash},
    eligibility::EligibilityInstance,
    groth16::VerifyingKeyId,
    id::{Digest, field_to_bytes},
    rlwe::PublicKey,
};

/// `γ`, where polynomials are evaluated and pairs are packed, and `α`, the point of the lookup arguments' fractions.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Challenges {
    /// `γ`.
    pub gamma: Fr,
    /// `α`.
    pub alpha: Fr,
}

/// What all contributions to one part share of their challenges' transcript.
#[derive(Debug, Clone, Copy)]
pub struct Transcript(Digest);

impl Transcript {
    /// The transcript of a part: the verifying key, the committee's key (which names its chain and epoch) and the terms.
    ///
    /// # Errors
    /// [`Error::Malformed`] when the terms do not encode.
    pub fn new(key: &VerifyingKeyId, committee: &PublicKey, terms: &ContributionTerms) -> Result<Self, Error> {
        let (committee, terms) = (committee.digest(), terms.digest()?);
        let parts: [&[u8]; 4] = [b"part", key.as_bytes(), committee.as_bytes(), terms.as_bytes()];
        Ok(Self(hash(ByteTag::Challenge, &parts)))
    }

    /// The challenges of one contribution, drawn after its commitment `D`, from the part's transcript, root, nullifiers,
    /// binding (chain, query, part, payout key, ciphertext digest) and `D`. Nothing derived from `γ` goes in.
    ///
    /// # Errors
    /// [`Error::ProofRefused`] for a challenge that lies in a constant table, where a fraction could be anything.
    pub fn challenges(&self, instance: &EligibilityInstance, commitment: &G1Affine) -> Result<Challenges, Error> {
        let mut point = vec![];
        commitment.serialize_compressed(&mut point).map_err(|error| Error::Proving { why: error.to_string() })?;
        let transcript = hash(
            ByteTag::Challenge,
            &[
                b"contribution",
                self.0.as_bytes(),
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
        let challenges = Challenges { gamma: draw(b"gamma"), alpha: draw(b"alpha") };
        check_alpha(challenges.alpha)?;
        Ok(challenges)
    }
}

/// Refuses an `α` that lies in a constant table, where a fraction could be anything.
fn check_alpha(alpha: Fr) -> Result<(), Error> {
    if SMALL_TABLE.map(Fr::from).any(|entry| entry == alpha) {
        return Err(Error::ProofRefused { why: "its challenge lies in a lookup table; prove again" });
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use ark_ec::AffineRepr;

    use super::*;

    #[test]
    fn a_challenge_in_a_table_is_refused() {
        for entry in [-8, -1, 0, 1, 255] {
            assert!(check_alpha(Fr::from(entry)).is_err());
        }
        assert!(check_alpha(Fr::from(-9)).is_ok() && check_alpha(Fr::from(256)).is_ok());
    }

    #[test]
    fn the_challenges_are_pinned_for_one_transcript() {
        let instance = borsh::from_slice(&[[1; 32], [2; 32], [3; 32], [4; 32]].concat()).unwrap();
        let transcript = Transcript(Digest::from_bytes([7; 32]));
        let Challenges { gamma, alpha } = transcript.challenges(&instance, &G1Affine::generator()).unwrap();
        let text = |element| hex::encode(field_to_bytes(&element));
        assert_eq!(
            [text(gamma), text(alpha)],
            [
                "0edf19db1c0f773de198535a7eb237237ae58fc91c6e17c2578c1a8e451ddd11",
                "533a17a5fe829f811565755ad7be935eb2b4ddc1ca9682523673fbf33d0e2525",
            ]
        );
    }
}
