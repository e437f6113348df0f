//! What agents and aggregators ask of committee members: to keep a ciphertext, and to sign a sum.
//!
//! Everything else members learn from the ledger and the object store, which they poll on their own.

use borsh::{BorshDeserialize, BorshSerialize};
use circuits::{
    contribution::UnverifiedContribution,
    eligibility::EligibilityInstance,
    id::{Digest, QueryId},
    quorum::MemberIndex,
};
use node::transaction::{MemberSignature, Receipt};
use serde::{Deserialize, Serialize};

use crate::Error;

/// Asks a member to keep a ciphertext and attest it.
#[derive(Clone, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct KeepCiphertext {
    /// The query it answers.
    pub query: QueryId,
    /// The part of the query.
    pub part: u8,
    /// What was proven of it.
    pub instance: EligibilityInstance,
    /// The proof, from which the challenge follows, and the opening that it claims.
    pub contribution: UnverifiedContribution,
    /// The packed ciphertext.
    pub ciphertext: Vec<u8>,
}

/// Asks a member to sign a sum, which the member computes for itself and compares.
#[derive(Debug, Clone, PartialEq, Eq, BorshSerialize, BorshDeserialize, Serialize, Deserialize)]
pub struct SignAggregate {
    /// The query.
    pub query: QueryId,
    /// Digest of the frozen set.
    pub set: Digest,
    /// Digest of each part's sum.
    pub parts: Vec<Digest>,
}

/// Committee members that can be reached, here or across a network. Each call reaches one member.
pub trait CommitteeAccess: Send + Sync {
    /// Hands a member a ciphertext; its receipt attests that it is stored.
    ///
    /// # Errors
    /// [`Error::Refused`] with the member's reason, or when it cannot be reached.
    fn keep(&self, member: MemberIndex, request: &KeepCiphertext) -> Result<Receipt, Error>;

    /// Asks a member to sign an aggregate.
    ///
    /// # Errors
    /// [`Error::Refused`] with the member's reason, or when it cannot be reached.
    fn sign(&self, member: MemberIndex, request: &SignAggregate) -> Result<MemberSignature, Error>;
}
