//! Listings: a page, and a row of each.

use utoipa::ToSchema;

/// A page of a listing.
#[derive(ToSchema)]
pub(in crate::api) struct Page<T> {
    items: Vec<T>,
    /// Where the next page begins; none on the last.
    next: Option<u64>,
}

/// What a network holds.
#[derive(ToSchema)]
pub(in crate::api) struct Totals {
    /// Records that were ever certified.
    records: u32,
    studies: u64,
    /// Queries that were ever opened.
    queries: u64,
    /// Of these, those whose result is released.
    released: u64,
    /// Transactions in blocks.
    transactions: u64,
    /// Issuers accredited now.
    issuers: u64,
    /// Researchers accredited now.
    researchers: u64,
}

/// A block in a listing.
#[derive(ToSchema)]
pub(in crate::api) struct BlockRow {
    sequence: u64,
    header: String,
    time: u64,
    epoch: u32,
    transactions: u32,
}

/// A transaction in a listing.
#[derive(ToSchema)]
pub(in crate::api) struct TransactionRow {
    sequence: u64,
    id: String,
    action: String,
}

/// An issuer or a researcher in a listing.
#[derive(ToSchema)]
pub(in crate::api) struct PartyRow {
    role: String,
    account: String,
    name: String,
    accredited: bool,
    sequence: u64,
}

/// A schema in a listing.
#[derive(ToSchema)]
pub(in crate::api) struct SchemaRow {
    sequence: u64,
    id: String,
    name: String,
}

/// A study in a listing.
#[derive(ToSchema)]
pub(in crate::api) struct StudyRow {
    sequence: u64,
    id: String,
    researcher: String,
    title: String,
}

/// What a researcher says of a query and of themselves.
#[derive(ToSchema)]
pub(in crate::api) struct Introduction {
    /// The query.
    query: String,
    /// The account that asks.
    researcher: String,
    /// When it was written, in seconds since 1970-01-01T00:00:00Z.
    written: u64,
    /// The declared use in TOML.
    declared: Option<String>,
    /// A GA4GH Passport, or visas in JSON.
    passport: Option<String>,
    /// The account's signature.
    signature: String,
}

/// A dataset in a listing.
#[derive(ToSchema)]
pub(in crate::api) struct DatasetRow {
    sequence: u64,
    id: String,
    owner: String,
}

/// A licence in a listing.
#[derive(ToSchema)]
pub(in crate::api) struct LicenceRow {
    sequence: u64,
    id: String,
    dataset: String,
    licensee: String,
}

/// A query in a listing.
#[derive(ToSchema)]
pub(in crate::api) struct QueryRow {
    sequence: u64,
    id: String,
    study: String,
    researcher: String,
    stage: String,
    admitted: u32,
    surviving: u32,
}

/// How far a query is.
#[derive(ToSchema)]
pub(in crate::api) struct QueryProgress {
    /// `collecting`, `sealed`, `aggregated`, `released` or `refunded`.
    stage: String,
    /// Contributions that were admitted.
    admitted: u32,
    /// Those that were not withdrawn.
    surviving: u32,
    /// The fewest that give a result.
    minimum: u32,
    /// The most that are admitted.
    maximum: u32,
    /// Committee members that were caught lying.
    caught_lying: u32,
}

/// A contribution in a listing.
#[derive(ToSchema)]
pub(in crate::api) struct ContributionRow {
    sequence: u64,
    query: String,
    number: u32,
    payout: String,
    id: String,
    withdrawn: bool,
}

/// A page of the ids of queries.
#[derive(ToSchema)]
pub(in crate::api) struct QueryIdPage {
    /// The block after which the state held them.
    height: u64,
    items: Vec<String>,
    /// Where the next page begins; none on the last.
    next: Option<String>,
}
