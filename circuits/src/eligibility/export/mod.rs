//! Keys, proofs and public inputs as other verifiers read them: snarkjs files, and a Solidity contract.
//!
//! Only what leaves or enters through such a file takes these types, which leave the number of public inputs open; the
//! protocol itself verifies with [`EligibilityVerifier`](super::EligibilityVerifier).

#[cfg(test)]
mod evm;
mod snarkjs;
mod solidity;
#[cfg(test)]
mod tests;

use ark_bn254::{Bn254, Fr};
use ark_groth16::{Groth16, Proof, prepare_verifying_key};

pub use snarkjs::{SnarkjsKey, SnarkjsProof, SnarkjsSignals};
pub use solidity::{calldata, solidity_verifier};

use super::{
    EligibilityInstance, EligibilityProof, EligibilityTerms, VerifyingKey,
    circuit::{instance_inputs, terms_inputs},
};
use crate::Error;

/// Public inputs that a foreign key may have.
pub const FOREIGN_INPUTS_MAX: usize = 1024;

/// A Groth16 verifying key over BN254 for a circuit of any shape: its points lie in the right subgroups.
#[derive(Debug, Clone, PartialEq)]
pub struct Groth16Key(ark_groth16::VerifyingKey<Bn254>);

impl From<&VerifyingKey> for Groth16Key {
    fn from(key: &VerifyingKey) -> Self {
        Self(key.groth16().clone())
    }
}

impl Groth16Key {
    /// Verifies one proof.
    ///
    /// # Errors
    /// [`Error::Malformed`] when the key takes another number of inputs; [`Error::ProofRefused`] when the pairing
    /// equation does not hold.
    pub fn verify(&self, signals: PublicSignals, proof: &Groth16Proof) -> Result<VerifiedSignals, Error> {
        let expected = self.0.gamma_abc_g1.len().saturating_sub(1);
        if signals.0.len() != expected {
            let why = format!("{} given; the key takes {expected}", signals.0.len());
            return Err(Error::Malformed { what: "list of public inputs", why });
        }
        match Groth16::<Bn254>::verify_proof(&prepare_verifying_key(&self.0), &proof.0, &signals.0) {
            Ok(true) => Ok(VerifiedSignals(signals)),
            _ => Err(Error::ProofRefused { why: "the pairing equation does not hold for these public inputs" }),
        }
    }
}

/// A proof whose points lie in the right subgroups; not yet verified.
#[derive(Debug, Clone, PartialEq)]
pub struct Groth16Proof(Proof<Bn254>);

impl TryFrom<&EligibilityProof> for Groth16Proof {
    type Error = Error;

    fn try_from(proof: &EligibilityProof) -> Result<Self, Error> {
        proof.decode().map(Self)
    }
}

/// Public inputs in the circuit's order, without the constant one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PublicSignals(Vec<Fr>);

impl PublicSignals {
    /// The public inputs of an eligibility proof.
    ///
    /// # Errors
    /// [`Error::Malformed`] or [`Error::OutOfRange`] when the terms break a bound.
    pub fn new(terms: &EligibilityTerms, instance: &EligibilityInstance) -> Result<Self, Error> {
        terms.check()?;
        Ok(Self(terms_inputs(terms).into_iter().chain(instance_inputs(instance)).collect()))
    }
}

/// Public inputs for which a proof was verified; only [`Groth16Key::verify`] makes them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct VerifiedSignals(PublicSignals);

impl VerifiedSignals {
    /// What was proven.
    #[must_use]
    pub const fn signals(&self) -> &PublicSignals {
        &self.0
    }
}
