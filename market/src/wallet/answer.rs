//! What a wallet remembers of a query it answered, so that asking again neither answers twice nor loses the payout key.

use borsh::{BorshDeserialize, BorshSerialize};
use circuits::{
    id::{AccountId, Digest},
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
    /// What an `Exact` query measures: the owner enters no other exact release of it, in whichever period, since two
    /// would subtract to whoever is in one of them alone.
    pub measures: Vec<Digest>,
    /// How far it is.
    pub stage: AnswerStage,
    /// What became of the query, once that is final.
    pub settled: Option<Settlement>,
}

/// How an answer ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub enum Settlement {
    /// A sum with it was released.
    Released,
    /// Nothing was released and nobody was paid.
    Refunded,
    /// The query closed without it.
    Missed,
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

    /// Whether it is in a released sum, or may yet be.
    #[must_use]
    pub const fn counts(&self) -> bool {
        let taken_back = matches!(self.stage, AnswerStage::Withdrawn { .. });
        !taken_back && !matches!(self.settled, Some(Settlement::Refunded | Settlement::Missed))
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
