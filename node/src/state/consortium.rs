//! What the ledger remembers of its validators' decisions and faults.

use std::collections::BTreeSet;

use borsh::{BorshDeserialize, BorshSerialize};
use circuits::id::AccountId;
use serde::{Deserialize, Serialize};

use crate::{transaction::ConsortiumChange, units::Height};

/// Validators that want a change, until more than two thirds do or the vote lapses.
#[derive(Debug, Clone, PartialEq, Eq, BorshSerialize, BorshDeserialize, Serialize, Deserialize)]
pub struct Approvals {
    /// What they want.
    pub change: ConsortiumChange,
    /// When the first wanted it.
    pub opened: Height,
    /// Who wants it.
    pub validators: BTreeSet<AccountId>,
}

/// Proof that a validator signed two statements of which an honest one signs one. Nothing follows by itself: the other
/// validators decide whether it stays.
#[derive(Debug, Clone, PartialEq, Eq, BorshSerialize, BorshDeserialize, Serialize, Deserialize)]
pub struct EquivocationRecord {
    /// The round in which it did.
    pub round: u32,
    /// Who brought both statements.
    pub reporter: AccountId,
    /// The block that took them.
    pub height: Height,
}

/// Which rules blocks are executed by.
#[derive(Debug, Clone, Copy, PartialEq, Eq, BorshSerialize, BorshDeserialize, Serialize, Deserialize)]
pub struct Protocol {
    /// The version of the next block.
    pub version: u16,
    /// The version to come, and the first block of it.
    pub upgrade: Option<Upgrade>,
}

/// A version to come.
#[derive(Debug, Clone, Copy, PartialEq, Eq, BorshSerialize, BorshDeserialize, Serialize, Deserialize)]
pub struct Upgrade {
    /// The version.
    pub version: u16,
    /// The first block that is executed by it.
    pub height: Height,
}
