//! What dishonest validators do otherwise: doubles behind the seams of verifier and signer.

use std::sync::Arc;

use circuits::{
    eligibility::EligibilityInstance,
    groth16::ProofBytes,
    id::{AccountId, Evaluation},
};
use ed25519_dalek::SigningKey;
use node::{
    Claim, Error, ProofVerifier, QueryPart,
    consensus::ConsensusSigner,
    screening::{ResponseClaim, ScreeningStatement},
    signature::Signature,
    vote::Ballot,
};

use crate::world::DigestInsteadOfPairing;

/// Takes every proof for sound.
pub struct Gullible;

impl ProofVerifier for Gullible {
    fn challenge(
        &self,
        part: &QueryPart<'_>,
        instance: &EligibilityInstance,
        proof: &ProofBytes,
    ) -> Result<Evaluation, Error> {
        DigestInsteadOfPairing.challenge(part, instance, proof)
    }

    fn verify(&self, _: &QueryPart<'_>, _: &Claim) -> Result<(), Error> {
        Ok(())
    }

    fn verify_response(&self, _: &ScreeningStatement<'_>, _: &ResponseClaim) -> Result<(), Error> {
        Ok(())
    }
}

/// Signs its proposals and votes, and none of the blocks that it streams: nobody takes a part of them, as if none had
/// been sent.
pub struct Withholding(pub Arc<SigningKey>);

/// Bytes of a digest: what is signed of a block's stream. The proof of a link is longer.
const DIGEST_BYTES: usize = 32;

impl ConsensusSigner for Withholding {
    fn account(&self) -> AccountId {
        self.0.account()
    }

    fn sign(&self, message: &[u8]) -> Result<Signature, Error> {
        if message.len() == DIGEST_BYTES { Ok(Signature::from_bytes([0; 64])) } else { self.0.sign(message) }
    }

    fn sign_ballot(&self, ballot: &Ballot) -> Result<Signature, Error> {
        self.0.sign_ballot(ballot)
    }
}
