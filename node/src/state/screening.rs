//! What the ledger remembers of a screening: how many are eligible, and what became of each response.

use borsh::{BorshDeserialize, BorshSerialize};
use circuits::{
    eligibility::EligibilityTerms,
    id::{AccountId, Digest, Nullifier, ScreeningId},
};
use serde::{Deserialize, Serialize};

use crate::{
    query::SealingKey,
    screening::ScreeningQuery,
    transaction::TransactionId,
    units::{Amount, Epoch, Height, ResponseIndex, StudyVersion},
};

/// A screening on the ledger.
#[derive(Debug, Clone, PartialEq, Eq, BorshSerialize, BorshDeserialize, Serialize, Deserialize)]
pub struct ScreeningState {
    /// The screening as opened.
    pub screening: ScreeningQuery,
    /// Who opened it: invites, and holds the claim to what is left.
    pub sponsor: AccountId,
    /// The sponsor's nonce then; with it the screening hashes to its id.
    pub nonce: u64,
    /// When it opened.
    pub opened: Height,
    /// The epoch it opened in: records registered before may answer.
    pub opening_epoch: Epoch,
    /// The version of the study's protocol that it opened under.
    pub study_version: StudyVersion,
    /// Money still locked.
    pub escrow: Amount,
    /// People who proved that they are eligible, once each; the next response's index.
    pub eligible: u32,
    /// Of these, those invited.
    pub invited: u32,
    /// Of these, those who accepted.
    pub accepted: u32,
    /// Of those invited, those who declined.
    pub declined: u32,
    /// When it was closed: no response is admitted since.
    pub closed: Option<Height>,
}

impl ScreeningState {
    /// What every response must prove.
    #[must_use]
    pub fn terms(&self, id: ScreeningId) -> EligibilityTerms {
        self.screening.terms(id, self.opening_epoch)
    }

    /// Whether it admits no response ever again, whatever the day: it was closed, or has as many as it pays for.
    #[must_use]
    pub const fn has_ended(&self) -> bool {
        self.closed.is_some() || self.eligible >= self.screening.responses_max
    }
}

/// What became of a response. Who never accepts stays unknown.
#[derive(Debug, Clone, Copy, PartialEq, Eq, BorshSerialize, BorshDeserialize, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "stage")]
pub enum ResponseStatus {
    /// Admitted and paid.
    Eligible,
    /// The sponsor left an invitation.
    Invited {
        /// When.
        height: Height,
        /// Digest of the invitation, sealed to the response's key.
        invitation: Digest,
    },
    /// The person accepted, and left a contact.
    Accepted {
        /// When.
        height: Height,
        /// Digest of the invitation.
        invitation: Digest,
        /// Digest of the contact, sealed to the sponsor's key.
        contact: Digest,
    },
    /// The person declined.
    Declined {
        /// When.
        height: Height,
        /// Digest of the invitation.
        invitation: Digest,
    },
}

/// An admitted response. Its proof is in the transaction.
#[derive(Debug, Clone, PartialEq, Eq, BorshSerialize, BorshDeserialize, Serialize, Deserialize)]
pub struct ResponseState {
    /// The one-time key that was paid and answers an invitation.
    pub reply: AccountId,
    /// The one-time key that an invitation is sealed to.
    pub sealing: SealingKey,
    /// The nullifier that it spent.
    pub nullifier: Nullifier,
    /// The transaction that carried it.
    pub transaction: TransactionId,
    /// The block that admitted it.
    pub height: Height,
    /// What became of it.
    pub status: ResponseStatus,
}

/// Where a screening nullifier was spent.
#[derive(Debug, Clone, Copy, PartialEq, Eq, BorshSerialize, BorshDeserialize, Serialize, Deserialize)]
pub struct ResponseAdmission {
    /// The screening.
    pub screening: ScreeningId,
    /// The response.
    pub response: ResponseIndex,
}
