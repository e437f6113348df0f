//! What agents and aggregators ask of committee members: to keep a ciphertext, and to sign a sum.
//!
//! Everything else members learn from the ledger and the object store, which they poll on their own.

use std::{
    sync::{Mutex, PoisonError},
    time::{Duration, Instant},
};

use borsh::{BorshDeserialize, BorshSerialize};
use circuits::{
    contribution::UnverifiedContribution,
    eligibility::EligibilityInstance,
    id::{AccountId, Digest, QueryId},
};
use node::{
    genesis::Committee,
    transaction::{MemberSignature, Receipt},
};
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

/// How long whoever asks several members at once still waits for those that have not answered: for ever at first.
#[derive(Debug, Default)]
pub struct Patience {
    ends: Mutex<Option<Instant>>,
}

impl Patience {
    /// Ends it after this time, unless an end is set already.
    pub fn end_in(&self, time: Duration) {
        self.ends.lock().unwrap_or_else(PoisonError::into_inner).get_or_insert_with(|| Instant::now() + time);
    }

    /// Whether nobody waits any more.
    #[must_use]
    pub fn is_over(&self) -> bool {
        self.ends.lock().unwrap_or_else(PoisonError::into_inner).is_some_and(|end| Instant::now() >= end)
    }
}

/// Committee members that can be reached, here or across a network. Each call reaches one member, named by its account: an
/// index means another member in the next committee.
pub trait CommitteeAccess: Send + Sync {
    /// Refuses when fewer of a committee's members are known here than must attest a ciphertext. An agent asks before it
    /// encrypts to that committee's key: members whom nobody gave it may be of somebody who seated themselves. All members of
    /// one process are known.
    ///
    /// # Errors
    /// [`Error::Refused`] that says who is not known.
    fn require(&self, _committee: &Committee) -> Result<(), Error> {
        Ok(())
    }

    /// Hands a member a ciphertext; its receipt attests that it is stored.
    ///
    /// # Errors
    /// [`Error::Refused`] with the member's reason, or when it cannot be reached.
    fn keep(&self, member: AccountId, request: &KeepCiphertext) -> Result<Receipt, Error>;

    /// As [`CommitteeAccess::keep`], but gives up on a member that has not answered once the patience is over. Members of
    /// this process answer at once and need none.
    ///
    /// # Errors
    /// As [`CommitteeAccess::keep`].
    fn keep_within(&self, member: AccountId, request: &KeepCiphertext, _patience: &Patience) -> Result<Receipt, Error> {
        self.keep(member, request)
    }

    /// Asks a member to sign an aggregate.
    ///
    /// # Errors
    /// [`Error::Refused`] with the member's reason, or when it cannot be reached.
    fn sign(&self, member: AccountId, request: &SignAggregate) -> Result<MemberSignature, Error>;
}
