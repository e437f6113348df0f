//! Pages of the listings, and the rows they hold.

use circuits::id::{AccountId, DatasetId, Digest, LicenceId, QueryId, SchemaId, ScreeningId, StudyId};
use diesel::Queryable;
use node::{
    block::BLOCK_TRANSACTIONS_MAX,
    transaction::TransactionId,
    units::{Amount, ContributionIndex, Epoch, Height, Timestamp},
};
use serde::{Deserialize, Serialize};

use super::books::LINES_MAX;
use crate::{
    Error,
    database::{Bits, Bytes, Number, names},
};

/// Rows of a page, at most.
pub const PAGE_ROWS_MAX: usize = 500;
/// Rows of a page when nothing else is asked for.
pub const PAGE_ROWS_DEFAULT: usize = 100;

/// Place of a transaction in the chain: height × 4,096 + place in the block. Listings are in this order, and a page's
/// last sequence is where the next page begins.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Sequence(u64);

impl TryFrom<Number> for Sequence {
    type Error = std::num::TryFromIntError;

    fn try_from(number: Number) -> Result<Self, Self::Error> {
        number.try_into().map(Self)
    }
}

impl Sequence {
    /// The sequence with this value.
    #[must_use]
    pub const fn new(value: u64) -> Self {
        Self(value)
    }

    /// Where a transaction lies; place 0 also stands for the block itself.
    #[must_use]
    pub const fn of(height: Height, place: u32) -> Self {
        Self(height.get().saturating_mul(BLOCK_TRANSACTIONS_MAX as u64).saturating_add(place as u64))
    }

    /// The value.
    #[must_use]
    pub const fn get(self) -> u64 {
        self.0
    }

    /// The block.
    #[must_use]
    pub const fn height(self) -> Height {
        Height::new(self.0 / BLOCK_TRANSACTIONS_MAX as u64)
    }

    /// The place in the block.
    #[must_use]
    pub const fn place(self) -> u32 {
        (self.0 % BLOCK_TRANSACTIONS_MAX as u64) as u32
    }
}

/// In which order a listing runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Order {
    /// From genesis on.
    #[default]
    Oldest,
    /// From the latest block back.
    Newest,
}

/// Which page of a listing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Paging {
    /// Begin behind this sequence; without it, at the beginning.
    pub after: Option<Sequence>,
    /// Rows, at most [`PAGE_ROWS_MAX`].
    pub limit: usize,
    /// The order.
    pub order: Order,
}

impl Default for Paging {
    fn default() -> Self {
        Self { after: None, limit: PAGE_ROWS_DEFAULT, order: Order::default() }
    }
}

impl Paging {
    /// Refuses a page without rows or of too many.
    ///
    /// # Errors
    /// [`Error::Page`] otherwise.
    pub const fn check(&self) -> Result<(), Error> {
        if self.limit == 0 || self.limit > PAGE_ROWS_MAX {
            return Err(Error::Page { limit: self.limit, limit_max: PAGE_ROWS_MAX });
        }
        Ok(())
    }
}

/// A page of a listing.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Page<T> {
    /// The rows, in order.
    pub items: Vec<T>,
    /// Where the next page begins; absent on the last page.
    pub next: Option<Sequence>,
}

impl<T> Page<T> {
    /// A page of rows read with one more than the limit, which tells whether there is a next page.
    pub(super) fn cut(mut items: Vec<T>, paging: &Paging, sequence: impl Fn(&T) -> Sequence) -> Self {
        let more = items.len() > paging.limit;
        items.truncate(paging.limit);
        let next = if more { items.last().map(sequence) } else { None };
        Self { items, next }
    }
}

names! {
    /// What governance accredits a party as.
    Role {
        /// Certifies records.
        Issuer = "issuer",
        /// Asks.
        Researcher = "researcher",
    }
}

names! {
    /// The stage of a query, without its data.
    Stage {
        /// Contributions are admitted.
        Collecting = "collecting",
        /// The set is frozen.
        Sealed = "sealed",
        /// The sum is signed.
        Aggregated = "aggregated",
        /// Released and paid.
        Released = "released",
        /// The escrow went back.
        Refunded = "refunded",
    }
}

/// A block in a listing.
#[derive(Debug, Clone, PartialEq, Eq, Queryable, Serialize, Deserialize)]
pub struct BlockRow {
    /// Its place; the height is the sequence's.
    #[diesel(deserialize_as = Number)]
    pub sequence: Sequence,
    /// Hash of its header.
    #[diesel(deserialize_as = Bytes)]
    pub header: Digest,
    /// Its time.
    #[diesel(deserialize_as = Number)]
    pub time: Timestamp,
    /// Its epoch.
    #[diesel(deserialize_as = Number)]
    pub epoch: Epoch,
    /// How many transactions it holds.
    #[diesel(deserialize_as = Number)]
    pub transactions: u32,
}

/// A transaction in a listing.
#[derive(Debug, Clone, PartialEq, Eq, Queryable, Serialize, Deserialize)]
pub struct TransactionRow {
    /// Its place.
    #[diesel(deserialize_as = Number)]
    pub sequence: Sequence,
    /// Its id.
    #[diesel(deserialize_as = Bytes)]
    pub id: TransactionId,
    /// What it does, in the words of its JSON form.
    pub action: String,
}

/// An issuer or a researcher in a listing.
#[derive(Debug, Clone, PartialEq, Eq, Queryable, Serialize, Deserialize)]
pub struct PartyRow {
    /// As what governance knows it.
    pub role: Role,
    /// Its account.
    #[diesel(deserialize_as = Bytes)]
    pub account: AccountId,
    /// Its name.
    pub name: String,
    /// Whether it may act now.
    pub accredited: bool,
    /// Where it was first accredited.
    #[diesel(deserialize_as = Number)]
    pub sequence: Sequence,
}

/// A schema in a listing.
#[derive(Debug, Clone, PartialEq, Eq, Queryable, Serialize, Deserialize)]
pub struct SchemaRow {
    /// Where it was registered.
    #[diesel(deserialize_as = Number)]
    pub sequence: Sequence,
    /// Its id.
    #[diesel(deserialize_as = Bytes)]
    pub id: SchemaId,
    /// Its name.
    pub name: String,
}

/// A study in a listing.
#[derive(Debug, Clone, PartialEq, Eq, Queryable, Serialize, Deserialize)]
pub struct StudyRow {
    /// Where it was registered.
    #[diesel(deserialize_as = Number)]
    pub sequence: Sequence,
    /// Its id.
    #[diesel(deserialize_as = Bytes)]
    pub id: StudyId,
    /// Who registered it.
    #[diesel(deserialize_as = Bytes)]
    pub researcher: AccountId,
    /// Its title.
    pub title: String,
}

/// A query in a listing.
#[derive(Debug, Clone, PartialEq, Eq, Queryable, Serialize, Deserialize)]
pub struct QueryRow {
    /// Where it opened.
    #[diesel(deserialize_as = Number)]
    pub sequence: Sequence,
    /// Its id.
    #[diesel(deserialize_as = Bytes)]
    pub id: QueryId,
    /// The study that asks.
    #[diesel(deserialize_as = Bytes)]
    pub study: StudyId,
    /// Who opened it.
    #[diesel(deserialize_as = Bytes)]
    pub researcher: AccountId,
    /// The stage it is in.
    pub stage: Stage,
    /// Contributions ever admitted.
    #[diesel(deserialize_as = Number)]
    pub admitted: u32,
    /// Contributions not withdrawn.
    #[diesel(deserialize_as = Number)]
    pub surviving: u32,
}

/// A contribution in a listing.
#[derive(Debug, Clone, PartialEq, Eq, Queryable, Serialize, Deserialize)]
pub struct ContributionRow {
    /// Where it was admitted.
    #[diesel(deserialize_as = Number)]
    pub sequence: Sequence,
    /// The query.
    #[diesel(deserialize_as = Bytes)]
    pub query: QueryId,
    /// Its number in the query.
    #[diesel(deserialize_as = Number)]
    pub number: ContributionIndex,
    /// The one-time key that is paid.
    #[diesel(deserialize_as = Bytes)]
    pub payout: AccountId,
    /// The transaction that carried it.
    #[diesel(deserialize_as = Bytes)]
    pub id: TransactionId,
    /// Whether it was withdrawn.
    pub withdrawn: bool,
}

/// A dataset in a listing.
#[derive(Debug, Clone, PartialEq, Eq, Queryable, Serialize, Deserialize)]
pub struct DatasetRow {
    /// Where it was offered.
    #[diesel(deserialize_as = Number)]
    pub sequence: Sequence,
    /// Its id.
    #[diesel(deserialize_as = Bytes)]
    pub id: DatasetId,
    /// Who offered it.
    #[diesel(deserialize_as = Bytes)]
    pub owner: AccountId,
}

/// A licence in a listing.
#[derive(Debug, Clone, PartialEq, Eq, Queryable, Serialize, Deserialize)]
pub struct LicenceRow {
    /// Where it was asked for.
    #[diesel(deserialize_as = Number)]
    pub sequence: Sequence,
    /// Its id.
    #[diesel(deserialize_as = Bytes)]
    pub id: LicenceId,
    /// The dataset.
    #[diesel(deserialize_as = Bytes)]
    pub dataset: DatasetId,
    /// Who asked for it.
    #[diesel(deserialize_as = Bytes)]
    pub licensee: AccountId,
}

/// A screening in a listing.
#[derive(Debug, Clone, PartialEq, Eq, Queryable, Serialize, Deserialize)]
pub struct ScreeningRow {
    /// Where it opened.
    #[diesel(deserialize_as = Number)]
    pub sequence: Sequence,
    /// Its id.
    #[diesel(deserialize_as = Bytes)]
    pub id: ScreeningId,
    /// The study that it recruits for.
    #[diesel(deserialize_as = Bytes)]
    pub study: StudyId,
    /// Who opened it.
    #[diesel(deserialize_as = Bytes)]
    pub sponsor: AccountId,
    /// How many more responses it pays for.
    #[diesel(deserialize_as = Number)]
    pub places: u32,
    /// Whether it is neither closed nor full.
    pub open: bool,
    /// Whether anybody was invited.
    pub invited: bool,
}

/// One side of an entry of the books.
#[derive(Debug, Clone, PartialEq, Eq, Queryable, Serialize, Deserialize)]
pub struct PostingRow {
    /// Its place: the transaction's sequence × 1,048,576 and its line.
    #[diesel(deserialize_as = Number)]
    pub sequence: Sequence,
    /// The other side: an account, or a pot such as `escrow:` with a query's id.
    pub counterpart: String,
    /// Whether the account received the amount.
    pub credit: bool,
    /// How much, in minor units.
    #[diesel(deserialize_as = Bits)]
    pub amount: Amount,
    /// What for.
    pub reason: String,
}

impl PostingRow {
    /// The block that moved the money; the genesis for block 0.
    #[must_use]
    pub const fn height(&self) -> Height {
        Sequence::new(self.sequence.get() / LINES_MAX as u64).height()
    }
}
