//! Signatures of consensus: what is signed is a [`Ballot`](crate::vote::Ballot), so that a light client checks a
//! certificate with the same message.

use std::sync::{Arc, OnceLock};

use arc_malachitebft_app_channel::{
    Signer, Verifier,
    app::types::core::{SignedMessage, SigningScheme, ValidatorProof, VoteExtensionScope},
};
use arc_malachitebft_signing::{Error as SigningError, VerificationResult};
use async_trait::async_trait;
use circuits::id::{AccountId, ChainId};
use ed25519_dalek::{SigningKey, VerifyingKey};

use super::context::{Address, Chain, Proposal, Vote};
use crate::{
    Error,
    signature::{Signature, account_of, verify},
    vote::Ballot,
};

/// Signs what a validator says; the seam for a key in hardware. An implementation must keep the key to itself and may
/// refuse, for one that remembers what it signed.
pub trait ConsensusSigner: Send + Sync {
    /// The validator's account, which is the public key.
    fn account(&self) -> AccountId;

    /// Signs bytes that carry their own domain: a transaction's digest, the announcement of a block, or a proof that a
    /// network key is this validator's.
    ///
    /// # Errors
    /// [`Error::Refused`] when it does not sign this.
    fn sign(&self, message: &[u8]) -> Result<Signature, Error>;

    /// Signs a ballot.
    ///
    /// # Errors
    /// [`Error::Refused`] when it contradicts an earlier one.
    fn sign_ballot(&self, ballot: &Ballot) -> Result<Signature, Error> {
        self.sign(ballot.message()?.as_bytes())
    }
}

/// A key in this process's memory.
impl ConsensusSigner for SigningKey {
    fn account(&self) -> AccountId {
        account_of(self)
    }

    fn sign(&self, message: &[u8]) -> Result<Signature, Error> {
        Ok(Signature::from_bytes(ed25519_dalek::Signer::sign(self, message).to_bytes()))
    }
}

/// Ed25519 as the engine names it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Ed25519;

impl SigningScheme for Ed25519 {
    type DecodingError = &'static str;
    type Signature = Signature;
    type PublicKey = Address;
    /// Keys stay behind [`ConsensusSigner`].
    type PrivateKey = ();

    fn decode_signature(bytes: &[u8]) -> Result<Signature, &'static str> {
        bytes.try_into().map(Signature::from_bytes).map_err(|_| "a signature has 64 bytes")
    }

    fn encode_signature(signature: &Signature) -> Vec<u8> {
        signature.to_bytes().to_vec()
    }

    fn decode_public_key(bytes: &[u8]) -> Result<Address, &'static str> {
        bytes.try_into().map(|bytes| Address(AccountId::from_bytes(bytes))).map_err(|_| "a public key has 32 bytes")
    }

    fn encode_public_key(key: &Address) -> Vec<u8> {
        key.0.to_bytes().to_vec()
    }
}

/// Verifies the signatures of one chain.
#[derive(Debug, Clone, Copy)]
pub(crate) struct ChainVerifier(pub(crate) ChainId);

fn judge(ballot: &Ballot, signature: &Signature, key: &Address) -> Result<VerificationResult, SigningError> {
    let message = ballot.message().map_err(SigningError::from_source)?;
    Ok(VerificationResult::from_bool(verify("ballot", key.0, &message, signature).is_ok()))
}

#[async_trait]
impl Verifier<Chain> for ChainVerifier {
    async fn verify_signed_vote(
        &self,
        vote: &Vote,
        signature: &Signature,
        key: &Address,
    ) -> Result<VerificationResult, SigningError> {
        judge(&vote.ballot(self.0), signature, key)
    }

    async fn verify_signed_proposal(
        &self,
        proposal: &Proposal,
        signature: &Signature,
        key: &Address,
    ) -> Result<VerificationResult, SigningError> {
        judge(&proposal.ballot(self.0), signature, key)
    }

    /// Votes carry none.
    async fn verify_signed_vote_extension(
        &self,
        _: &VoteExtensionScope<Chain>,
        (): &(),
        _: &Signature,
        _: &Address,
    ) -> Result<VerificationResult, SigningError> {
        Ok(VerificationResult::Invalid)
    }

    async fn verify_validator_proof(&self, proof: &ValidatorProof<Chain>) -> Result<VerificationResult, SigningError> {
        let Ok(address) = proof.decoded_public_key() else { return Ok(VerificationResult::Invalid) };
        let Ok(key) = VerifyingKey::from_bytes(address.0.as_bytes()) else { return Ok(VerificationResult::Invalid) };
        let signature = ed25519_dalek::Signature::from_bytes(&proof.signature.to_bytes());
        Ok(VerificationResult::from_bool(key.verify_strict(&proof.preimage(), &signature).is_ok()))
    }
}

/// A validator's voice on one chain.
#[derive(Clone)]
pub(crate) struct ChainSigner {
    chain: ChainId,
    pub(crate) signer: Arc<dyn ConsensusSigner>,
    /// Why the key did not sign, the first time. The engine ends over it and tells nobody.
    failure: Arc<OnceLock<Error>>,
}

impl ChainSigner {
    pub(crate) fn new(chain: ChainId, signer: Arc<dyn ConsensusSigner>) -> Self {
        Self { chain, signer, failure: Arc::default() }
    }

    /// Why the key did not sign, if it once did not.
    pub(crate) fn failure(&self) -> Option<&Error> {
        self.failure.get()
    }

    fn sign(&self, message: &[u8]) -> Result<Signature, SigningError> {
        self.signer.sign(message).map_err(|error| self.failed(error))
    }

    fn sign_ballot(&self, ballot: &Ballot) -> Result<Signature, SigningError> {
        self.signer.sign_ballot(ballot).map_err(|error| self.failed(error))
    }

    fn failed(&self, error: Error) -> SigningError {
        tracing::error!(%error, "the validator's key does not sign");
        let _ = self.failure.set(error.clone());
        SigningError::from_source(error)
    }
}

#[async_trait]
impl Signer<Chain> for ChainSigner {
    async fn sign_vote(&self, vote: Vote) -> Result<SignedMessage<Chain, Vote>, SigningError> {
        let signature = self.sign_ballot(&vote.ballot(self.chain))?;
        Ok(SignedMessage::new(vote, signature))
    }

    async fn sign_proposal(&self, proposal: Proposal) -> Result<SignedMessage<Chain, Proposal>, SigningError> {
        let signature = self.sign_ballot(&proposal.ballot(self.chain))?;
        Ok(SignedMessage::new(proposal, signature))
    }

    async fn sign_vote_extension(
        &self,
        _: VoteExtensionScope<Chain>,
        (): (),
    ) -> Result<SignedMessage<Chain, ()>, SigningError> {
        Err(SigningError::new())
    }

    async fn sign_validator_proof(
        &self,
        public_key: Vec<u8>,
        peer_id: Vec<u8>,
    ) -> Result<ValidatorProof<Chain>, SigningError> {
        let signature = self.sign(&ValidatorProof::<Chain>::signing_bytes(&public_key, &peer_id))?;
        Ok(ValidatorProof::new(public_key, peer_id, signature))
    }
}
