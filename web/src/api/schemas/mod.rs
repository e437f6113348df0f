//! What answers look like, for the API's document. The types answered lie in rooms that know no HTTP, so their shapes
//! are stated here once more; a test compares each with what a server answers. Ids, keys, digests and signatures are
//! text of hex digits. What has many forms, such as transactions and events, is left open.

#![allow(dead_code, reason = "the derive reads the fields, nobody else does")]

mod epochs;
mod governance;
mod rows;
mod study;
mod variants;

use std::collections::BTreeMap;

use serde_json::Value;
use utoipa::ToSchema;

pub(super) use self::{
    epochs::{CurrentEpoch, EpochPage, LeafPage},
    governance::{Approvals, Governance},
    rows::{
        BlockRow, ContributionRow, DatasetRow, Introduction, LicenceRow, Page, PartyRow, QueryIdPage, QueryProgress,
        QueryRow, SchemaRow, StudyRow, Totals, TransactionRow,
    },
    study::{StudyOutcomePage, StudyRecord, StudyVersionPage},
    variants::VariantPage,
};

/// Bytes: a blob, a stored value, or a value's canonical borsh encoding.
#[derive(ToSchema)]
#[schema(value_type = String, format = Binary)]
pub(super) struct Bytes(Vec<u8>);

/// What a height or an id is of.
#[derive(ToSchema)]
pub(super) struct Found {
    /// `block`, `query`, `screening`, `study`, `schema`, `transaction` or `account`.
    kind: String,
    /// Its height or its id.
    id: String,
}

/// What a search for a disease's name found.
#[derive(ToSchema)]
pub(super) struct FoundDiseases {
    /// The best first.
    diseases: Vec<NamedDisease>,
}

/// A disease that was found by its name.
#[derive(ToSchema)]
pub(super) struct NamedDisease {
    /// The ontology's code, such as `MONDO:0005148`.
    code: String,
    /// What the ontology calls it.
    name: String,
    /// What stands for it on the ledger and in query files.
    number: u32,
}

/// What the checks of a receipt amount to.
#[derive(ToSchema)]
pub(super) struct ExaminedReceipt {
    /// Whether every check held.
    holds: bool,
    /// The check that failed, and why; null when none did.
    refused: Option<RefusedReceipt>,
    /// What `locus verify --json` prints of a receipt that holds; null of another one.
    verified: Option<Value>,
}

/// Why a receipt does not hold.
#[derive(ToSchema)]
pub(super) struct RefusedReceipt {
    /// The rule that it breaks, where it is one.
    check: Option<String>,
    /// Why.
    why: String,
}

/// What released sums say.
#[derive(ToSchema)]
pub(super) struct Analyses {
    /// For each measure, its statistics.
    analyses: Vec<Value>,
    /// The cohort and what protects it, in words.
    notes: Vec<String>,
    /// What `form` can draw.
    figures: Vec<NamedFigure>,
    /// Figures that there are none of, and why.
    undrawn: Vec<String>,
}

/// A figure that can be asked for.
#[derive(ToSchema)]
pub(super) struct NamedFigure {
    /// Its measure's place, from 0, and its own name, as in `0-survival`.
    name: String,
    title: String,
}

/// Where the chain stands.
#[derive(ToSchema)]
pub(super) struct Head {
    /// The latest block.
    height: u64,
    /// Its time, in seconds since 1970-01-01T00:00:00Z.
    time: u64,
    /// The epoch of the next block.
    epoch: u32,
}

/// What the chain started from.
#[derive(ToSchema)]
pub(super) struct Genesis {
    /// `demo`, `test` or `consortium`.
    network: String,
    name: String,
    /// In seconds since 1970-01-01T00:00:00Z.
    time: u64,
    /// Governance's constants.
    parameters: BTreeMap<String, Value>,
    /// Money by account, in minor units.
    balances: BTreeMap<String, u64>,
    /// The account that accredits and suspends.
    governor: String,
    /// The first validators.
    validators: Vec<Validator>,
    /// Quorum and members.
    committee: BTreeMap<String, Value>,
    /// The key under which contributions verify.
    contribution: Value,
    /// The key under which screening proofs verify.
    eligibility: Value,
}

/// A validator's node.
#[derive(ToSchema)]
pub(super) struct Validator {
    /// The key that signs blocks.
    account: String,
    /// The key of its network links.
    peer: String,
    /// Where other nodes reach it, as a multiaddress.
    address: String,
    /// Its share of the votes; 0 for an observer.
    power: u32,
}

/// A block after which other validators sign.
#[derive(ToSchema)]
pub(super) struct Handover {
    header: SignedHeader,
    /// Proves who they are.
    validators: Value,
}

/// A node that is connected.
#[derive(ToSchema)]
pub(super) struct Peer {
    /// Its network id.
    id: String,
    address: String,
    /// The validator that proved the link to be its own.
    validator: Option<String>,
}

/// A block's header.
#[derive(ToSchema)]
pub(super) struct Header {
    chain: String,
    height: u64,
    time: u64,
    epoch: u32,
    /// Hash of the parent's header; for block 1 the chain id.
    parent: String,
    /// Root over the transactions.
    transactions: String,
    transaction_count: u32,
    /// Root of the state after the block.
    state: String,
    /// Digest of the validators of this height.
    validators: String,
}

/// A header with the signatures that make it final.
#[derive(ToSchema)]
pub(super) struct SignedHeader {
    header: Header,
    certificate: Certificate,
}

/// The precommits that make a block final.
#[derive(ToSchema)]
pub(super) struct Certificate {
    round: u32,
    signatures: Vec<Value>,
}

/// A block.
#[derive(ToSchema)]
pub(super) struct Block {
    header: Header,
    transactions: Vec<Value>,
    certificate: Certificate,
}

/// What a block did.
#[derive(ToSchema)]
pub(super) struct BlockEvents {
    /// The events of each transaction, in order.
    transactions: Vec<Vec<Value>>,
    /// Events of the end of the block.
    end: Vec<Value>,
}

/// An account.
#[derive(ToSchema)]
pub(super) struct Account {
    /// In minor units.
    balance: u64,
    /// The nonce of its next action.
    nonce: u64,
    /// What it is on this network, in words.
    roles: Vec<String>,
}

/// What records mean.
#[derive(ToSchema)]
pub(super) struct Schema {
    name: String,
    attributes: Vec<Value>,
    /// Reference genome, number of variants and digest; the panel is the blob `panel/{digest}`.
    panel: Value,
}

/// A query and how far it is.
#[derive(ToSchema)]
pub(super) struct Query {
    /// Criteria, parts, data use, price and deadlines.
    query: Value,
    researcher: String,
    /// The researcher's nonce then, which enters the query's id.
    nonce: u64,
    /// The block that opened it.
    opened: u64,
    opening_epoch: Value,
    /// Number of the committee key.
    committee: u32,
    /// Digest of the committee key.
    committee_key: String,
    /// The stage, with its data.
    status: Value,
    /// What is reserved, in minor units.
    escrow: u64,
    /// Contributions ever admitted.
    admitted: u32,
    /// Contributions not withdrawn.
    surviving: u32,
    /// Members whose components were proven wrong.
    liars: Vec<u8>,
    /// The version of the study's protocol that it opened under.
    study_version: u32,
    /// `unplanned`, `planned` or `deviates`: how it compares with that version's plan.
    conformance: String,
    /// What it pays beside its contributors, for each contribution.
    fees: Value,
}

/// A screening and how far it is.
#[derive(ToSchema)]
pub(super) struct Screening {
    /// Criteria, data use, price, maximum, days and the key that contacts are sealed to.
    screening: Value,
    sponsor: String,
    /// The sponsor's nonce then, which enters the screening's id.
    nonce: u64,
    /// The block that opened it.
    opened: u64,
    opening_epoch: u32,
    /// The version of the study's protocol that it opened under.
    study_version: u32,
    /// What is still locked, in minor units.
    escrow: u64,
    /// People who proved that they are eligible.
    eligible: u32,
    invited: u32,
    accepted: u32,
    declined: u32,
    /// The block that closed it, if one did.
    closed: Option<u64>,
}

/// A screening with its id.
#[derive(ToSchema)]
pub(super) struct ListedScreening {
    id: String,
    state: Screening,
}

/// A page of screenings.
#[derive(ToSchema)]
pub(super) struct ScreeningPage {
    items: Vec<ListedScreening>,
    /// Where the next page begins; none on the last.
    next: Option<String>,
}

/// An anonymous response to a screening.
#[derive(ToSchema)]
pub(super) struct ScreeningResponse {
    /// The one-time key that was paid and answers an invitation.
    reply: String,
    /// The one-time key that an invitation is sealed to.
    sealing: String,
    nullifier: String,
    transaction: String,
    /// The block that admitted it.
    height: u64,
    /// The stage, with the digests of what was sealed.
    status: Value,
}

/// A run of responses.
#[derive(ToSchema)]
pub(super) struct ResponsePage {
    /// Place of the first.
    first: u32,
    responses: Vec<ScreeningResponse>,
}

/// A run of responses, each proven.
#[derive(ToSchema)]
pub(super) struct ResponseProofs {
    /// None for the state of genesis.
    header: Option<SignedHeader>,
    /// Key, value and path to the state root, of each response in order.
    proofs: Vec<Value>,
}

/// A committee key.
#[derive(ToSchema)]
pub(super) struct CommitteeKey {
    epoch: u32,
    /// Stage, shares, reveals, confirmations, and how many released sums it served, of 1,024 at most.
    state: Value,
    /// The committee whose key it is: quorum, and members with account and sealing key, by index.
    committee: Value,
    /// By account, the members that are suspended: the block, and the digest of the evidence.
    suspended: BTreeMap<String, Value>,
}

/// What a key holds, proven.
#[derive(ToSchema)]
pub(super) struct ProvenState {
    /// None for the state of genesis.
    header: Option<SignedHeader>,
    /// Key, value or its absence, and the path to the state root.
    proof: Value,
}

/// A transaction that waits for a block.
#[derive(ToSchema)]
pub(super) struct Accepted {
    transaction: String,
}

/// What became of a transaction.
#[derive(ToSchema)]
pub(super) struct TransactionStatus {
    /// `unknown`, `pending`, `included` or `refused`.
    status: String,
    /// The block, once included.
    height: Option<u64>,
    /// The place in the block, once included.
    index: Option<u32>,
    /// Why it is refused.
    why: Option<String>,
}

/// A transaction with the proof that the chain holds it.
#[derive(ToSchema)]
pub(super) struct IncludedTransaction {
    header: SignedHeader,
    transaction: Value,
    /// Its place, and the siblings up to the header's transaction root.
    proof: Value,
}

/// Digests of blobs.
#[derive(ToSchema)]
pub(super) struct BlobPage {
    digests: Vec<String>,
    /// Where the next page begins; none on the last.
    next: Option<String>,
}

/// How far an upload is.
#[derive(ToSchema)]
pub(super) struct UploadProgress {
    /// Bytes that are stored; the next chunk begins here.
    received_bytes: u64,
    /// Bytes of the whole blob.
    bytes: u64,
    /// Whether the blob is in its place.
    stored: bool,
}

/// That the server works, and how far it is.
#[derive(ToSchema)]
pub(super) struct Health {
    version: String,
    chain: String,
    height: u64,
    /// Height of the listings.
    index: u64,
    /// False where the node lacks blocks that it would list, or its index is more than 1,024 blocks behind; its listings answer
    /// 503 then.
    listings: bool,
    /// Transactions that wait for a block.
    waiting: u64,
    /// The validator whose node this is.
    validator: Option<String>,
    /// Who this node reaches of those who make blocks.
    consensus: Option<Votes>,
}

/// The votes of the nodes that a node reaches, its own included unless it only follows, and of all.
#[derive(ToSchema)]
pub(super) struct Votes {
    /// How many other nodes are connected, observers among them.
    nodes: u64,
    connected: u64,
    total: u64,
    /// Whether those connected are enough to make blocks.
    reached: bool,
    /// Whether this node's own account has a vote now.
    votes: bool,
}

/// How many jobs the node has.
#[derive(ToSchema)]
pub(super) struct JobSummary {
    counts: Vec<JobCount>,
}

/// How many jobs of a kind are in a state.
#[derive(ToSchema)]
pub(super) struct JobCount {
    /// `follow-index`, `aggregate-query`, `seal-query` or `refund-query`.
    kind: String,
    /// `waiting`, `running`, `done` or `failed`.
    state: String,
    count: u64,
}

/// One side of an entry of the books.
#[derive(ToSchema)]
pub(super) struct PostingRow {
    /// Its place in the books.
    sequence: u64,
    /// The other side: an account, or a pot such as `escrow:` with a query's id.
    counterpart: String,
    /// Whether the account received the amount.
    credit: bool,
    /// In minor units.
    amount: u64,
    /// What for.
    reason: String,
}
