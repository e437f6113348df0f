//! What governs the network.

use std::collections::BTreeMap;

use serde_json::Value;
use utoipa::ToSchema;

use super::Validator;

/// Who decides what, what is decided now, and what is in force.
#[derive(ToSchema)]
pub(in crate::api) struct Governance {
    /// `demo`, `test` or `consortium`.
    network: String,
    /// The account that accredits, suspends and sets fees.
    governor: String,
    /// Those of the next block, observers included.
    validators: Vec<Validator>,
    /// The version of the next block, and one to come with its first block.
    protocol: Option<Value>,
    /// Changes that wait for approvals.
    votes: Vec<Vote>,
    /// Of the committee, the validators and the treasury, for queries that open now.
    fees: BTreeMap<String, Value>,
    /// All the money there is, in minor units.
    supply: Option<u64>,
    /// What the genesis fixed for good, but for its fees, which were the first ones.
    parameters: BTreeMap<String, Value>,
    /// Threshold and members of the first committee.
    first_quorum: Value,
}

/// A change of the consortium that validators vote on.
#[derive(ToSchema)]
pub(in crate::api) struct Vote {
    /// What to name it by.
    digest: String,
    /// A validator's new terms, one to remove, another committee, or a version to come.
    change: Value,
    /// The block in which the first approved.
    opened: u64,
    /// The accounts that approve.
    validators: Vec<String>,
    /// Validators with a vote that do not.
    waiting: Vec<String>,
    /// Votes of those that approve.
    power: u64,
    /// Votes of all; more than two thirds decide.
    total: u64,
}

/// A vote of validators on a change of the consortium.
#[derive(ToSchema)]
pub(in crate::api) struct Approvals {
    /// A validator's new terms, one to remove, or a version to come.
    change: Value,
    /// The block in which the first approved.
    opened: u64,
    /// The accounts that approve.
    validators: Vec<String>,
}
