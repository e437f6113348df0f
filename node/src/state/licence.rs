//! What the ledger remembers of raw data: datasets offered, licences of them, and receipts of access.

use std::fmt;

use borsh::{BorshDeserialize, BorshSerialize};
use circuits::{
    consent::Day,
    id::{AccountId, Digest},
};
use serde::{Deserialize, Serialize};

use crate::{
    transaction::{OfferDataset, RecordAccess, RequestLicence},
    units::{Amount, Height},
};

/// A dataset on the ledger.
#[derive(Debug, Clone, PartialEq, Eq, BorshSerialize, BorshDeserialize, Serialize, Deserialize)]
pub struct Dataset {
    /// What was offered.
    pub offer: OfferDataset,
    /// Who offered it, grants licences and is paid.
    pub owner: AccountId,
    /// The owner's nonce then; with it the offer hashes to its id.
    pub nonce: u64,
    /// When.
    pub height: Height,
    /// When it was withdrawn: no licence is requested or granted since.
    pub withdrawn: Option<Height>,
}

/// The stage of a licence. The price leaves the escrow with the first step, and there are at most two.
#[derive(Debug, Clone, Copy, PartialEq, Eq, BorshSerialize, BorshDeserialize, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "stage")]
pub enum LicenceStatus {
    /// The price is locked and the owner is to answer.
    Requested,
    /// The owner granted it and was paid. It ends with its last day.
    Granted {
        /// When.
        height: Height,
        /// SHA-256 of the header made for the licensee.
        header: Digest,
        /// The day of the grant.
        from: Day,
        /// Its last day.
        until: Day,
    },
    /// The owner declined it and the price went back.
    Declined {
        /// When.
        height: Height,
    },
    /// Nobody answered in time and the licensee took the price back.
    Unanswered {
        /// When.
        height: Height,
    },
    /// The owner revoked it after the grant. What was copied before stays copied.
    Revoked {
        /// When.
        height: Height,
        /// SHA-256 of the header that was made for the licensee.
        header: Digest,
    },
}

impl fmt::Display for LicenceStatus {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Requested => "requested",
            Self::Granted { .. } => "granted",
            Self::Declined { .. } => "declined",
            Self::Unanswered { .. } => "unanswered",
            Self::Revoked { .. } => "revoked",
        })
    }
}

/// A licence on the ledger.
#[derive(Debug, Clone, PartialEq, Eq, BorshSerialize, BorshDeserialize, Serialize, Deserialize)]
pub struct LicenceState {
    /// What was asked for, and is granted unchanged.
    pub request: RequestLicence,
    /// Who asked.
    pub licensee: AccountId,
    /// The licensee's nonce then; with it the request hashes to its id.
    pub nonce: u64,
    /// The last block in which the owner may grant it.
    pub deadline: Height,
    /// The stage it is in.
    pub status: LicenceStatus,
    /// Money still locked.
    pub escrow: Amount,
    /// Receipts of access; the next one's index.
    pub accesses: u32,
}

impl LicenceState {
    /// Whether it gives access on a day: granted, not revoked, and within its term.
    #[must_use]
    pub fn is_active(&self, today: Day) -> bool {
        matches!(self.status, LicenceStatus::Granted { from, until, .. } if (from..=until).contains(&today))
    }
}

/// Who left a receipt of access.
#[derive(Debug, Clone, Copy, PartialEq, Eq, BorshSerialize, BorshDeserialize, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum AccessParty {
    /// The custodian that served the object.
    Custodian,
    /// The licensee, who acknowledges it.
    Licensee,
}

/// A receipt of access.
#[derive(Debug, Clone, Copy, PartialEq, Eq, BorshSerialize, BorshDeserialize, Serialize, Deserialize)]
pub struct Access {
    /// What was said.
    pub receipt: RecordAccess,
    /// By whom.
    pub party: AccessParty,
    /// When.
    pub height: Height,
}
