//! Verification of eligibility proofs, with what repeats done once.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::{Arc, Mutex, PoisonError},
};

use circuits::{
    domain::{ByteTag, hash},
    eligibility::{EligibilityInstance, EligibilityProof, EligibilityTerms, EligibilityVerifier, VerifyingKey},
    id::Digest,
};

use crate::{Error, codec::encode, execute::ProofVerifier};

/// Terms whose folded inputs are kept; the set is dropped when it is full.
const FOLDED_MAX: usize = 1_024;
/// Verified proofs that are remembered between admission and block; the set is dropped when it is full.
const VERIFIED_MAX: usize = 65_536;

/// The verifier of a chain: folds each query part's inputs once, and remembers proofs that verified, because every
/// proof is met at admission, in the proposal and in the block.
pub struct Groth16Verifier {
    key: VerifyingKey,
    folded: Mutex<BTreeMap<Digest, Arc<EligibilityVerifier>>>,
    verified: Mutex<BTreeSet<Digest>>,
}

impl Groth16Verifier {
    /// A verifier under a key.
    #[must_use]
    pub const fn new(key: VerifyingKey) -> Self {
        Self { key, folded: Mutex::new(BTreeMap::new()), verified: Mutex::new(BTreeSet::new()) }
    }

    fn folded(&self, part: u8, id: Digest, terms: &EligibilityTerms) -> Result<Arc<EligibilityVerifier>, Error> {
        let mut folded = self.folded.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(verifier) = folded.get(&id) {
            return Ok(Arc::clone(verifier));
        }
        let fold = EligibilityVerifier::new(&self.key, terms);
        let verifier = Arc::new(fold.map_err(|error| Error::Proof { part, why: error.to_string() })?);
        if folded.len() >= FOLDED_MAX {
            folded.clear();
        }
        folded.insert(id, Arc::clone(&verifier));
        Ok(verifier)
    }
}

impl ProofVerifier for Groth16Verifier {
    fn verify(
        &self,
        terms: &EligibilityTerms,
        instance: &EligibilityInstance,
        proof: &EligibilityProof,
    ) -> Result<(), Error> {
        let terms_id = hash(ByteTag::VerifyingKey, &[b"terms", &encode("eligibility terms", terms)?]);
        let instance_bytes = encode("eligibility instance", instance)?;
        let parts: [&[u8]; 4] = [b"verified", terms_id.as_bytes(), &instance_bytes, proof.as_bytes()];
        let id = hash(ByteTag::VerifyingKey, &parts);
        if self.verified.lock().unwrap_or_else(PoisonError::into_inner).contains(&id) {
            return Ok(());
        }
        let verifier = self.folded(terms.part, terms_id, terms)?;
        verifier.verify(instance, proof).map_err(|error| Error::Proof { part: terms.part, why: error.to_string() })?;
        let mut verified = self.verified.lock().unwrap_or_else(PoisonError::into_inner);
        if verified.len() >= VERIFIED_MAX {
            verified.clear();
        }
        verified.insert(id);
        Ok(())
    }
}
