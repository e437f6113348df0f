//! The one error enum of this crate.

use std::{io, path::PathBuf};

use circuits::id::{LicenceId, QueryId, ScreeningId};
use node::{transaction::TransactionId, units::Height};
use thiserror::Error;

use crate::objects::BlobAddress;

/// Why something people do with Locus was refused.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum Error {
    /// A file breaks its format.
    #[error("{file}, {place}: {why}; {remedy}")]
    InvalidInput {
        /// The file as the caller names it.
        file: String,
        /// Line, record or column.
        place: String,
        /// What is wrong.
        why: String,
        /// What to do.
        remedy: String,
    },
    /// A file is sound but uses what Locus does not support.
    #[error("{file}, {place}: {feature} is not supported; {remedy}")]
    UnsupportedInput {
        /// The file as the caller names it.
        file: String,
        /// Line, record or column.
        place: String,
        /// The feature, by name.
        feature: String,
        /// What to do.
        remedy: String,
    },
    /// A file cannot be read.
    #[error("{file}, {place}: cannot be read ({source}); check that the file is complete and readable")]
    UnreadableInput {
        /// The file as the caller names it.
        file: String,
        /// Line, record or column reached.
        place: String,
        /// What the system or the decompressor said.
        source: io::Error,
    },
    /// A statement, record or encoding that `circuits` refuses.
    #[error(transparent)]
    Statement(#[from] circuits::Error),
    /// A message cannot be sealed or opened.
    #[error("the sealed message is refused: {why}")]
    Sealing {
        /// What is wrong, and what to do.
        why: String,
    },
    /// A committee's key generation cannot go on.
    #[error("the key generation stops: {why}")]
    KeyGeneration {
        /// What is wrong, and what to do.
        why: String,
    },
    /// A release's components are refused.
    #[error("the release of query {query}, part {part}, is refused: {why}")]
    Release {
        /// The query.
        query: QueryId,
        /// Its part.
        part: u8,
        /// What is wrong, and what to do.
        why: String,
    },
    /// Sums that no statistic can be computed from.
    #[error("{what} are refused: {why}")]
    Statistics {
        /// Which sums.
        what: &'static str,
        /// What is wrong, and what to do.
        why: String,
    },
    /// The ledger refused or failed.
    #[error(transparent)]
    Ledger(#[from] node::Error),
    /// A page of a listing that is too long or empty.
    #[error("a page of {limit} rows is refused; ask for 1 to {limit_max}")]
    Page {
        /// Rows asked for.
        limit: usize,
        /// The bound.
        limit_max: usize,
    },
    /// A name that the index does not know.
    #[error("{what} {found:?} is not known; it is one of {known}")]
    IndexName {
        /// What was named.
        what: &'static str,
        /// The name given.
        found: String,
        /// The names there are.
        known: String,
    },
    /// A database's address cannot be used. It is not repeated here: it may hold a password.
    #[error("the database's address is refused: {why}")]
    DatabaseUrl {
        /// What is wrong, and what would be right.
        why: String,
    },
    /// A database cannot be used.
    #[error("the database {database} cannot be opened: {why}")]
    DatabaseOpen {
        /// The database, without its password.
        database: String,
        /// The cause and the remedy.
        why: String,
    },
    /// A database's server does not answer: it is away, it starts, or the address is wrong.
    #[error("the database {database} does not answer: {why}")]
    DatabaseUnreachable {
        /// The database, without its password.
        database: String,
        /// The cause and the remedy.
        why: String,
    },
    /// No connection to the database is free in time, or it cannot be reached any more. The log has the cause.
    #[error("the database has no connection free; try again shortly")]
    DatabaseBusy,
    /// The database failed.
    #[error("the database failed: {0}; check that it runs, its disk space and permissions, then try again")]
    Database(#[from] diesel::result::Error),
    /// The ledger here lacks blocks that the index is made from.
    #[error(
        "the ledger here begins after block {missing}, so the index cannot be made from it, and nothing was changed; \
         restore a copy that has every block (`locus node restore`)"
    )]
    IndexBlocks {
        /// The first block that is not here.
        missing: Height,
    },
    /// An index that cannot follow its ledger, since neither has the blocks between them.
    #[error(
        "this node cannot list what its ledger holds: it has not indexed block {missing}, and keeps blocks from {first} on \
         alone, as a node does that began from a snapshot or was pruned; ask a node that keeps every block, or restore a \
         backup of one here (`locus node backup` there, `locus node restore --replace` here)"
    )]
    IndexGap {
        /// The first block that is neither indexed nor kept.
        missing: Height,
        /// The first block that the ledger keeps.
        first: Height,
    },
    /// An index too far behind its ledger: what it lists would leave out what the blocks between them hold.
    #[error(
        "this node does not list yet what its ledger holds: it has not indexed blocks {missing} to {latest}; try again \
         later, or ask another node"
    )]
    IndexBehind {
        /// The first block that is not indexed.
        missing: Height,
        /// The latest block of the ledger.
        latest: Height,
    },
    /// An index that is further than the ledger it is compared with, or went on meanwhile.
    #[error(
        "the index is at block {indexed} and this ledger at block {latest}: another node goes on in the same database, or \
         this ledger is an older copy; stop the nodes that share the database and compare where the ledger is the longest, \
         or make the index again from this one with `locus index rebuild`"
    )]
    IndexElsewhere {
        /// The last block that is indexed.
        indexed: Height,
        /// The latest block of the ledger.
        latest: Height,
    },
    /// An index without a screening that a block changes.
    #[error("the index lacks screening {screening}, which a block changes; run `locus index rebuild`")]
    IndexLacks {
        /// The screening.
        screening: ScreeningId,
    },
    /// An index that another version of this program writes.
    #[error(
        "another version of Locus writes the index of this database (format {found}; this one writes {known}); run on every \
         node that shares the database the version that its latest node runs"
    )]
    IndexFormat {
        /// The format that the database is in.
        found: i64,
        /// The format that this version writes.
        known: i64,
    },
    /// A job that is not as its caller thinks.
    #[error("job {job}: {why}")]
    Job {
        /// Its number or key.
        job: String,
        /// What is wrong, and what to do.
        why: String,
    },
    /// Work on a job must end: its process stops, or another one took the job over.
    #[error("the work on the job was interrupted; it goes on with its next attempt")]
    JobInterrupted,
    /// An account, session or credential of the service is refused.
    #[error("the account is refused: {why}")]
    Account {
        /// What is wrong, and what to do.
        why: String,
    },
    /// A block that does not follow the last one indexed.
    #[error("block {found} does not follow block {at} of the index; run `locus index rebuild`")]
    IndexOrder {
        /// Height of the block.
        found: Height,
        /// Height of the index.
        at: Height,
    },
    /// A transaction of which it is not known that a block has it.
    #[error("what became of transaction {transaction} is not settled: {why}")]
    Unsettled {
        /// The transaction.
        transaction: TransactionId,
        /// What became of it, and what to do.
        why: String,
    },
    /// A ledger's leaves do not give its epoch root.
    #[error("the ledger's leaves do not give the epoch root it holds; use another node")]
    LeavesDisagree,
    /// The system could not read or write a file of a party.
    #[error("{path}: cannot {action} ({source}); check the path, its permissions and the disk's free space")]
    File {
        /// The file.
        path: PathBuf,
        /// What was attempted.
        action: &'static str,
        /// What the system said.
        source: io::Error,
    },
    /// A file of a party is there already, and overwriting it could lose a secret.
    #[error("{path} exists and is not overwritten; name a new path, or move that file away first")]
    FileExists {
        /// The file.
        path: PathBuf,
    },
    /// The passphrase or key does not open a file.
    #[error("{path}: the passphrase or key does not open this file; try the one it was written with")]
    WrongPassphrase {
        /// The file.
        path: PathBuf,
    },
    /// Another process has a file of a party open.
    #[error("{path} is open in another process; wait until that one ends, or stop it")]
    FileInUse {
        /// The file.
        path: PathBuf,
    },
    /// A file of a party is sound and of another kind than the step needs.
    #[error("{path} is {found}, and {expected} is needed here; give that file")]
    FileKind {
        /// The file.
        path: PathBuf,
        /// What it is.
        found: String,
        /// What it should be.
        expected: String,
    },
    /// A file that a demonstration wrote without encrypting it, opened for another network.
    #[error(
        "{path} is of a demonstration, which encrypts nothing, and opens beside its files alone: give its folder, as in \
         --data-dir .locus/demo, or make a key of your own with `locus keys new`"
    )]
    DemoFile {
        /// The file.
        path: PathBuf,
    },
    /// A file of a party is truncated, altered, or none of Locus.
    #[error("{path}: {why}; restore it from its backup")]
    FileDamaged {
        /// The file.
        path: PathBuf,
        /// What was found.
        why: String,
    },
    /// A blob is nowhere in the store.
    #[error("{address} is not in the object store; ask whoever made it to upload it again")]
    BlobMissing {
        /// Its address.
        address: BlobAddress,
    },
    /// A blob is not here, and is not to be had from another node at the moment.
    #[error("{address} is not here, and cannot be fetched at the moment: {why}")]
    BlobBusy {
        /// Its address.
        address: BlobAddress,
        /// What keeps it away, and when to ask again.
        why: String,
    },
    /// A blob's bytes are not those its address names.
    #[error("{address}: {why}; delete that object and fetch it again from another party")]
    BlobDamaged {
        /// Its address.
        address: BlobAddress,
        /// What is wrong with the bytes.
        why: String,
    },
    /// The object store failed.
    #[error("the object store failed to {action}: {why}; check its location and permissions, then retry")]
    BlobStore {
        /// What was attempted.
        action: &'static str,
        /// What the store said.
        why: String,
    },
    /// A chunk of an upload begins where none is missing.
    #[error("the chunk begins at byte {offset}, and the upload goes on at byte {expected}; ask how far it is")]
    UploadOffset {
        /// Where it begins.
        offset: u64,
        /// Where the next one must.
        expected: u64,
    },
    /// A chunk of an upload is too short or too long.
    #[error("a chunk of {bytes} bytes is refused; {least} to {most} are taken here")]
    UploadChunk {
        /// Bytes of the chunk.
        bytes: u64,
        /// The fewest.
        least: u64,
        /// The most.
        most: u64,
    },
    /// A party will not do what it is asked.
    #[error("{who} refuses to {action}: {why}")]
    Refused {
        /// Who refuses.
        who: String,
        /// What it was asked to do.
        action: &'static str,
        /// Why, and what would be right.
        why: String,
    },
    /// A query file asks for what cannot be.
    #[error("the query file is refused: {why}")]
    QueryFile {
        /// What is wrong, and what to do.
        why: String,
    },
    /// Data use terms, or a use declared in them, that cannot be.
    #[error("the data use is refused: {why}")]
    DataUse {
        /// What is wrong, and what to do.
        why: String,
    },
    /// A passport, a visa or the trust in issuers that cannot be used.
    #[error("the passport is refused: {why}")]
    Passport {
        /// What is wrong, and what to do.
        why: String,
    },
    /// What a researcher introduces themselves with for a query cannot be used.
    #[error("the introduction is refused: {why}")]
    Introduction {
        /// What is wrong, and what to do.
        why: String,
    },
    /// A query cannot take this step now.
    #[error("query {query}: {why}")]
    Query {
        /// The query.
        query: QueryId,
        /// What is missing, and what to do.
        why: String,
    },
    /// A Crypt4GH file is malformed, altered or beyond a bound.
    #[error("the Crypt4GH file is refused at its {place}: {why}")]
    Crypt4gh {
        /// Header, packet, or segment.
        place: String,
        /// What is wrong, and what to do.
        why: String,
    },
    /// A Crypt4GH file is encrypted to others.
    #[error(
        "none of the header's {packets} packets gives this key a data key; use the key that the file was encrypted to, \
         or ask one of its readers to re-encrypt the header for you"
    )]
    Crypt4ghReader {
        /// Packets in the header.
        packets: usize,
    },
    /// A Crypt4GH body is not the one that its manifest names.
    #[error("the {what} should be {expected} and is {found}: the file is cut or altered; get it again")]
    Crypt4ghBody {
        /// What differs.
        what: &'static str,
        /// As the manifest has it.
        expected: String,
        /// As the file has it.
        found: String,
    },
    /// A stream of a Crypt4GH file failed.
    #[error("cannot {action} ({source}); check the disk's free space and the connection, then retry")]
    Crypt4ghStream {
        /// What was attempted.
        action: &'static str,
        /// What the system said.
        source: io::Error,
    },
    /// A screening file asks for what cannot be.
    #[error("the screening file is refused: {why}")]
    ScreeningFile {
        /// What is wrong, and what to do.
        why: String,
    },
    /// A screening cannot take this step now.
    #[error("screening {screening}: {why}")]
    Screening {
        /// The screening.
        screening: ScreeningId,
        /// What is missing, and what to do.
        why: String,
    },
    /// The ledger refused an answer to an invitation that was never sent before. The wallet keeps nothing of it.
    #[error(
        "the ledger refused the answer to the invitation of screening {screening} ({source}); no contact was sent and nothing \
         is kept, so another answer can be given"
    )]
    AnswerRefused {
        /// The screening.
        screening: ScreeningId,
        /// Why.
        source: node::Error,
    },
    /// The text of an invitation or a contact cannot be sent, or is not one that was.
    #[error("the {what} is refused: {why}")]
    Letter {
        /// Which text.
        what: &'static str,
        /// What is wrong with it, and what to do.
        why: String,
    },
    /// A receipt that does not hold together.
    #[error("the receipt is refused at {check}: {why}")]
    Receipt {
        /// The check that failed.
        check: &'static str,
        /// What was found.
        why: String,
    },
    /// A Beacon request that cannot be answered.
    #[error("the Beacon request is refused: {why}")]
    BeaconRequest {
        /// What is wrong, and what to do.
        why: String,
    },
    /// A licence cannot take this step now.
    #[error("licence {licence}: {why}")]
    Licence {
        /// The licence.
        licence: LicenceId,
        /// What is missing, and what to do.
        why: String,
    },
}

impl Error {
    /// What could not be read, where a check ended with that alone: then nothing is known, neither for what was checked nor
    /// against it. What concerns a store's operator is left out. The ledger's damage is not among it, since a forged receipt
    /// reads like that too.
    #[must_use]
    pub fn unread(&self) -> Option<String> {
        match self {
            Self::BlobMissing { address } | Self::BlobBusy { address, .. } | Self::BlobDamaged { address, .. } => {
                Some(format!("{address} is not here"))
            }
            Self::BlobStore { .. } => Some("the store of blobs cannot be read".into()),
            Self::DatabaseBusy | Self::Database(_) | Self::DatabaseOpen { .. } | Self::DatabaseUnreachable { .. } => {
                Some("the database cannot be read".into())
            }
            Self::Ledger(node::Error::Storage { .. } | node::Error::InUse { .. }) => {
                Some("the ledger cannot be read".into())
            }
            Self::File { .. } => Some("a file cannot be read".into()),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests;
