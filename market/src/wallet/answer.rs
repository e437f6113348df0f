//! What a wallet remembers of a query it answered, so that asking again neither answers twice nor loses the payout key.

use borsh::{BorshDeserialize, BorshSerialize};
use circuits::{
    id::{AccountId, ScopeNullifier},
    privacy::Rho,
};
use ed25519_dalek::SigningKey;
use node::{
    signature::account_of,
    transaction::Contribution,
    units::{Amount, ContributionIndex},
};

use super::SecretSeed;

/// How far an answer is.
#[derive(Debug, Clone, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub enum AnswerStage {
    /// Encrypted and proven; the committee's receipts come next. Nothing of it was sent to the ledger.
    Proven(Contribution),
    /// With its receipts, ready to send, or sent. The very same bytes are sent again on a retry; when the epoch ends
    /// before it is admitted, the answer is encrypted and proven anew.
    Attested(Contribution),
    /// On the ledger.
    Admitted {
        /// Its place in the query.
        contribution: ContributionIndex,
    },
    /// Taken back before the query was sealed. The record cannot answer this query again.
    Withdrawn {
        /// Its place in the query.
        contribution: ContributionIndex,
    },
}

/// One answer.
#[derive(Debug, Clone, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct Answer {
    /// Which of the wallet's records answered.
    pub holding: u32,
    /// Seed of the one-time key that is paid and may withdraw.
    pub payout: SecretSeed,
    /// What the query pays.
    pub price: Amount,
    /// What the query's release costs the owner; zero for an exact query, which no noise protects.
    pub rho: Rho,
    /// Scope nullifiers that it spends, in an `Exact` query: the record enters no other release of these scopes.
    pub scopes: Vec<ScopeNullifier>,
    /// How far it is.
    pub stage: AnswerStage,
}

impl Answer {
    /// The key that is paid and may withdraw.
    #[must_use]
    pub fn payout_key(&self) -> SigningKey {
        self.payout.signing_key()
    }

    /// The account that is paid.
    #[must_use]
    pub fn payout_account(&self) -> AccountId {
        account_of(&self.payout_key())
    }

    /// The answer's place in the query, once the ledger admitted it.
    #[must_use]
    pub const fn contribution(&self) -> Option<ContributionIndex> {
        match self.stage {
            AnswerStage::Admitted { contribution } | AnswerStage::Withdrawn { contribution } => Some(contribution),
            AnswerStage::Proven(_) | AnswerStage::Attested(_) => None,
        }
    }
}
