//! What the ledger remembers of money that comes from elsewhere and goes there.

use borsh::{BorshDeserialize, BorshSerialize};
use circuits::id::{AccountId, Digest};
use serde::{Deserialize, Serialize};

use super::Party;
use crate::{
    transaction::RequestWithdrawal,
    units::{Amount, Height},
};

/// An institution that takes money in and pays it out off the ledger, and says so on it.
#[derive(Debug, Clone, PartialEq, Eq, BorshSerialize, BorshDeserialize, Serialize, Deserialize)]
pub struct Settlement {
    /// Its name, and whether it may act.
    pub party: Party,
    /// What it may have deposited and not yet settled, at most: the money it could invent.
    pub cap: Amount,
    /// All it ever deposited.
    pub deposited: Amount,
    /// All it ever settled.
    pub settled: Amount,
    /// Withdrawals that wait for it.
    pub pending: Amount,
}

/// A deposit on the ledger.
#[derive(Debug, Clone, Copy, PartialEq, Eq, BorshSerialize, BorshDeserialize, Serialize, Deserialize)]
pub struct DepositRecord {
    /// Who was credited.
    pub to: AccountId,
    /// How much.
    pub amount: Amount,
    /// When.
    pub height: Height,
}

/// The stage of a withdrawal. Each is left once.
#[derive(Debug, Clone, Copy, PartialEq, Eq, BorshSerialize, BorshDeserialize, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "stage")]
pub enum WithdrawalStatus {
    /// The money left the account and waits for the institution.
    Pending,
    /// The institution paid it out, and the money is no more.
    Settled {
        /// When.
        height: Height,
        /// SHA-256 of the institution's receipt of the payment.
        receipt: Digest,
    },
    /// The money went back to the account.
    Rejected {
        /// When.
        height: Height,
    },
}

/// A withdrawal on the ledger.
#[derive(Debug, Clone, Copy, PartialEq, Eq, BorshSerialize, BorshDeserialize, Serialize, Deserialize)]
pub struct WithdrawalState {
    /// What was asked for.
    pub request: RequestWithdrawal,
    /// Whose money it is.
    pub account: AccountId,
    /// When it was asked for.
    pub height: Height,
    /// The stage it is in.
    pub status: WithdrawalStatus,
}
