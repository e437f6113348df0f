//! The one error enum of this crate.

use std::path::PathBuf;

use circuits::id::{AccountId, ChainId, Digest, QueryId};
use thiserror::Error;

use crate::units::{Amount, Height, Timestamp};

/// Why the ledger refused an input or could not serve it.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum Error {
    /// Bytes do not decode to the named value.
    #[error("{what} is malformed: {why}")]
    Malformed {
        /// What was being decoded.
        what: &'static str,
        /// What is wrong with it.
        why: String,
    },
    /// More bytes, entries or units than the named bound.
    #[error("{what} is {value}; the limit is {limit}")]
    TooLarge {
        /// What is bounded.
        what: &'static str,
        /// Its size.
        value: u64,
        /// The bound.
        limit: u64,
    },
    /// A genesis that no chain may start from.
    #[error("genesis is refused at {field}: {why}")]
    Genesis {
        /// The field.
        field: &'static str,
        /// What is wrong, and what would be right.
        why: String,
    },
    /// A value made for another chain.
    #[error("{what} is for chain {found}; this is chain {expected}: make it for this chain")]
    ForeignChain {
        /// What was made for another chain.
        what: &'static str,
        /// The chain it names.
        found: ChainId,
        /// This chain.
        expected: ChainId,
    },
    /// A signature does not verify.
    #[error("{what}: the signature of {signer} does not verify; sign the message of this chain with that key")]
    Signature {
        /// What was signed.
        what: &'static str,
        /// Who should have signed.
        signer: AccountId,
    },
    /// A transaction out of turn, or one seen before.
    #[error("account {account} sent nonce {found}; its next nonce is {expected}")]
    Nonce {
        /// The sender.
        account: AccountId,
        /// The nonce in the transaction.
        found: u64,
        /// The nonce the ledger accepts next.
        expected: u64,
    },
    /// A name that the ledger does not know.
    #[error("{what} {id} is not on this ledger: register it first, or correct the id")]
    Unknown {
        /// What was looked up.
        what: &'static str,
        /// Its id.
        id: String,
    },
    /// A second registration or use of something that exists once.
    #[error("{what} {id} is already on this ledger: {remedy}")]
    Duplicate {
        /// What exists.
        what: &'static str,
        /// Its id.
        id: String,
        /// What to do instead.
        remedy: &'static str,
    },
    /// The signer may not do this.
    #[error("account {account} may not {action}: {remedy}")]
    Unauthorized {
        /// The signer.
        account: AccountId,
        /// What it tried.
        action: &'static str,
        /// Who may, or how to become one.
        remedy: &'static str,
    },
    /// The balance does not cover the amount.
    #[error("account {account} holds {balance} and needs {needed}")]
    Insufficient {
        /// The account.
        account: AccountId,
        /// Its balance.
        balance: Amount,
        /// What it would have to hold.
        needed: Amount,
    },
    /// A rule of the protocol forbids the value.
    #[error("{what} is refused: {why}")]
    Refused {
        /// The value.
        what: &'static str,
        /// The rule and the remedy.
        why: String,
    },
    /// A query is not in a state that allows the step.
    #[error("query {query}: {why}")]
    Query {
        /// The query.
        query: QueryId,
        /// The state it is in and what it allows.
        why: String,
    },
    /// A contribution's proof does not verify.
    #[error(
        "part {part}: the contribution proof does not verify ({why}); prove against the latest epoch root, for this query, part, payout key, ciphertext and chain"
    )]
    Proof {
        /// The query's part.
        part: u8,
        /// What the verifier says.
        why: String,
    },
    /// A statement, schema or criterion that `circuits` refuses.
    #[error(transparent)]
    Statement(#[from] circuits::Error),
    /// Arithmetic left its range.
    #[error("{what} leaves the range of 64-bit amounts")]
    Overflow {
        /// Which arithmetic.
        what: &'static str,
    },
    /// A block's time is out of order or ahead of the clock.
    #[error("block time {found} is outside {earliest} to {latest}: wait for it, or check the validator's clock")]
    Time {
        /// The block's time.
        found: Timestamp,
        /// The parent's time, and the least interval between blocks.
        earliest: Timestamp,
        /// The clock and the drift allowed.
        latest: Timestamp,
    },
    /// A block that does not follow from the chain.
    #[error("block {height} is refused at {field}: {why}")]
    Block {
        /// Its height.
        height: Height,
        /// The field of the header or the transaction.
        field: &'static str,
        /// What was expected.
        why: String,
    },
    /// The consensus engine cannot run.
    #[error("the node's consensus failed: {why}")]
    Consensus {
        /// The cause, and what to do.
        why: String,
    },
    /// The validators decided on a version of the protocol that this program does not speak.
    #[error(
        "block {height} is of protocol version {found}, and this program speaks {spoken}: install the release for it"
    )]
    Version {
        /// The block that cannot be made or judged.
        height: Height,
        /// The version that its chain decided on.
        found: u16,
        /// The version of this program.
        spoken: u16,
    },
    /// A proof of inclusion or absence does not verify.
    #[error("proof that {what} does not verify against root {root}")]
    Inclusion {
        /// What should have been proven.
        what: &'static str,
        /// The root.
        root: Digest,
    },
    /// The mempool, or a sender's share of it, is full.
    #[error("{limit} transactions {whose} wait already: send this one again after the next block")]
    Busy {
        /// Whose share is full.
        whose: &'static str,
        /// The bound.
        limit: usize,
    },
    /// The database failed.
    #[error("the ledger's database failed to {what}: {why}; check disk space and permissions, then reopen")]
    Storage {
        /// What was attempted.
        what: &'static str,
        /// The cause.
        why: String,
    },
    /// Another process has the database.
    #[error("another process runs the ledger {}; stop it, or reach it with --url if it is `locus serve`", path.display())]
    InUse {
        /// The database file.
        path: PathBuf,
    },
    /// Stored bytes contradict each other or do not decode.
    #[error("the ledger's database is damaged at {what}: {why}; replay it from its blocks or a peer")]
    Corrupt {
        /// Where.
        what: &'static str,
        /// What was found.
        why: String,
    },
    /// A ledger across a network refused a transaction; nothing changed.
    #[error("{url} refused: {why}")]
    Remote {
        /// Its address.
        url: String,
        /// What it said, with the remedy.
        why: String,
    },
    /// A ledger across a network did not answer, or not in a way that can be believed. What was sent may have arrived.
    #[error("{url}: {why}")]
    Unreachable {
        /// Its address.
        url: String,
        /// What went wrong, with the remedy.
        why: String,
    },
}

impl Error {
    /// Whether this says for certain that the ledger did not take what it was given, so that a caller may undo its own
    /// preparations. A failure of disk or network leaves that open.
    #[must_use]
    pub const fn is_refusal(&self) -> bool {
        !matches!(
            self,
            Self::Storage { .. }
                | Self::Corrupt { .. }
                | Self::Unreachable { .. }
                | Self::Consensus { .. }
                | Self::Version { .. }
        )
    }
}
