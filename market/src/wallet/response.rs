//! What a wallet remembers of a screening it responded to, so that asking again neither responds twice nor loses the keys
//! that are paid, that open an invitation and that answer it.

use std::fmt;

use borsh::{BorshDeserialize, BorshSerialize};
use circuits::id::AccountId;
use ed25519_dalek::SigningKey;
use node::{
    signature::account_of,
    transaction::ScreeningResponse,
    units::{Amount, ResponseIndex},
};

use super::SecretSeed;
use crate::{recruitment::Contact, sealing::SealingSecretKey};

/// How far a response is.
#[derive(Debug, Clone, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub enum ResponseStage {
    /// Proven, ready to send, or sent. The very same bytes are sent again on a retry; when the epoch ends before they are
    /// admitted, they are proven anew for the same keys.
    Proven(Box<ScreeningResponse>),
    /// On the ledger.
    Admitted {
        /// Its place in the screening.
        response: ResponseIndex,
    },
}

/// What the person says to an invitation.
#[derive(Clone, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub enum InvitationReply {
    /// Yes.
    Accept {
        /// How the person wants to be reached.
        contact: Contact,
        /// The same, sealed to the screening's key. The very same bytes are sent again on a retry.
        sealed: Vec<u8>,
    },
    /// No.
    Decline,
}

impl fmt::Debug for InvitationReply {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Accept { .. } => "Accept(contact redacted)",
            Self::Decline => "Decline",
        })
    }
}

/// One response.
#[derive(Debug, Clone, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct Response {
    /// Which of the wallet's records responded.
    pub holding: u32,
    /// Seed of the one-time key that is paid and answers an invitation.
    pub reply: SecretSeed,
    /// Seed of the one-time key that opens an invitation.
    pub sealing: SecretSeed,
    /// What the screening pays.
    pub price: Amount,
    /// How far it is.
    pub stage: ResponseStage,
    /// What the person said to the invitation, once it was begun to be said.
    pub answer: Option<InvitationReply>,
}

impl Response {
    /// The key that is paid and answers an invitation.
    #[must_use]
    pub fn reply_key(&self) -> SigningKey {
        self.reply.signing_key()
    }

    /// The account that is paid.
    #[must_use]
    pub fn reply_account(&self) -> AccountId {
        account_of(&self.reply_key())
    }

    /// The key that opens an invitation.
    #[must_use]
    pub fn secret(&self) -> SealingSecretKey {
        SealingSecretKey::from_bytes(self.sealing.as_bytes())
    }

    /// The response's place in the screening, once the ledger admitted it.
    #[must_use]
    pub const fn place(&self) -> Option<ResponseIndex> {
        match self.stage {
            ResponseStage::Admitted { response } => Some(response),
            ResponseStage::Proven(_) => None,
        }
    }
}
