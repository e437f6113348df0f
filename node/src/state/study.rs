//! What the ledger remembers of a study: every version of its protocol, its plan, and what it said came out.

use borsh::{BorshDeserialize, BorshSerialize};
use circuits::id::{AccountId, Digest, QueryId};
use serde::{Deserialize, Serialize};

use crate::{
    transaction::{StudyDesign, StudyRegistration},
    units::{Height, StudyVersion},
};

/// A registered study.
#[derive(Debug, Clone, PartialEq, Eq, BorshSerialize, BorshDeserialize, Serialize, Deserialize)]
pub struct Study {
    /// The researcher who registered it and may open queries for it.
    pub researcher: AccountId,
    /// What was registered. Its protocol and ethics reference are those of the first version.
    pub registration: StudyRegistration,
    /// When.
    pub height: Height,
    /// The latest version of its protocol.
    pub version: StudyVersion,
    /// Queries and screenings opened under that version.
    pub opened: u32,
    /// Outcomes posted; the next one's index.
    pub outcomes: u32,
    /// When it was closed: nothing opens for it since.
    pub closed: Option<Height>,
}

/// One version of a study's protocol; every version stays readable.
#[derive(Debug, Clone, PartialEq, Eq, BorshSerialize, BorshDeserialize, Serialize, Deserialize)]
pub struct StudyProtocol {
    /// SHA-256 of the protocol document.
    pub protocol: Digest,
    /// Reference of the ethics committee's approval.
    pub ethics: String,
    /// Why the version before was amended; empty for the first.
    pub reason: String,
    /// Where it runs, who pays, and what it plans to ask.
    pub design: StudyDesign,
    /// When the version began.
    pub height: Height,
}

/// How what a query asks compares with what its study had planned when it opened.
#[derive(Debug, Clone, Copy, PartialEq, Eq, BorshSerialize, BorshDeserialize, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Conformance {
    /// The study had registered no plan.
    Unplanned,
    /// The plan lists it.
    Planned,
    /// The study had a plan, and this is not in it.
    Deviates,
}

/// What a study says came out of queries.
#[derive(Debug, Clone, PartialEq, Eq, BorshSerialize, BorshDeserialize, Serialize, Deserialize)]
pub struct Outcome {
    /// SHA-256 of the outcome document.
    pub document: Digest,
    /// The outcome in a few sentences.
    pub summary: String,
    /// The released queries that it rests on.
    pub queries: Vec<QueryId>,
    /// When it was posted.
    pub height: Height,
}
