//! Studies: a record, and pages of versions and outcomes.

use serde_json::Value;
use utoipa::ToSchema;

/// A study.
#[derive(ToSchema)]
pub(in crate::api) struct StudyRecord {
    /// The account that registered it.
    researcher: String,
    /// Title, digest of the protocol document, and reference of the ethics approval, of the first version.
    registration: Value,
    /// The block that registered it.
    height: u64,
    /// The latest version of its protocol, from 1.
    version: u32,
    /// Queries and screenings opened under that version.
    opened: u32,
    /// Outcomes posted.
    outcomes: u32,
    /// The block that closed it, if one did.
    closed: Option<u64>,
    /// The researcher's name, where governance knows one.
    researcher_name: Option<String>,
    /// The day of that block, in days since 1970-01-01, unless the node dropped the block.
    registered: Option<u32>,
    /// What its private releases spent.
    spent: Odometer,
    /// The same as ε, in thousandths.
    spent_epsilon_milli: u32,
    /// What was asked beside what is planned; null where the node lacks blocks that it would list.
    asked: Option<Asked>,
}

/// What private releases spent.
#[derive(ToSchema)]
pub(in crate::api) struct Odometer {
    /// How many there were.
    releases: u32,
    /// Their losses ρ of zero-concentrated differential privacy, added up, in billionths.
    rho: u64,
}

/// What a study asked, beside what the version in force plans.
#[derive(ToSchema)]
pub(in crate::api) struct Asked {
    /// The questions planned.
    planned: Vec<PlannedQuestion>,
    /// Queries that were compared: the latest.
    compared: u32,
    /// Whether there are earlier ones.
    earlier: bool,
    /// Of those compared, the ones that the plan of their time did not list.
    deviating: u32,
    /// Of those compared, the ones of a time without a plan.
    unplanned: u32,
}

/// A question of a plan.
#[derive(ToSchema)]
pub(in crate::api) struct PlannedQuestion {
    /// Digest of what is asked: schema, criteria, issuers and measures.
    question: String,
    /// The latest query that asks it.
    query: Option<String>,
}

/// Versions of a study's protocol.
#[derive(ToSchema)]
pub(in crate::api) struct StudyVersionPage {
    /// The latest first.
    items: Vec<StudyVersion>,
    /// Where the next page begins; none on the last.
    next: Option<u32>,
}

/// A version of a study's protocol.
#[derive(ToSchema)]
pub(in crate::api) struct StudyVersion {
    /// From 1.
    number: u32,
    /// SHA-256 of the protocol document.
    protocol: String,
    /// Reference of the ethics committee's approval.
    ethics: String,
    /// Why the version before was amended; empty for the first.
    reason: String,
    /// Sites by name and region, the sponsor's account, and digests of the questions planned.
    design: Value,
    /// The block since which it is in force.
    height: u64,
    /// The day of that block, in days since 1970-01-01, unless the node dropped the block.
    since: Option<u32>,
    /// The sponsor's name, where governance knows one.
    sponsor_name: Option<String>,
}

/// Outcomes of a study.
#[derive(ToSchema)]
pub(in crate::api) struct StudyOutcomePage {
    /// The latest first.
    items: Vec<StudyOutcome>,
    /// Where the next page begins; none on the last.
    next: Option<u32>,
}

/// What a study says came out of queries.
#[derive(ToSchema)]
pub(in crate::api) struct StudyOutcome {
    /// SHA-256 of the outcome document.
    document: String,
    /// The outcome in a few sentences.
    summary: String,
    /// The released queries that it rests on.
    queries: Vec<String>,
    /// The block that posted it.
    height: u64,
}
