//! The durable store: blocks, state and its tree in `redb`, one atomic transaction for each block.

use std::path::Path;

use borsh::{BorshDeserialize, BorshSerialize};
use circuits::id::{AccountId, Digest};
use jmt::storage::NodeBatch;
use redb::{
    Database, DatabaseError, ReadTransaction, ReadableDatabase, ReadableTable, StorageError, TableDefinition,
    WriteTransaction,
};

use crate::{
    Error,
    block::{BLOCK_BYTES_MAX, Block, SignedHeader},
    block_execution::BlockEvents,
    codec::{decode, encode},
    genesis::Genesis,
    light::{HANDOVERS_MAX, Handover},
    signature::Signature,
    state::StateChange,
    transaction::{Transaction, TransactionId},
    units::Height,
};

pub(crate) type Bytes = TableDefinition<'static, &'static [u8], &'static [u8]>;
pub(crate) type ByHeight = TableDefinition<'static, u64, &'static [u8]>;

const GENESIS: Bytes = TableDefinition::new("genesis");
pub(crate) const HEADERS: ByHeight = TableDefinition::new("headers");
pub(crate) const BODIES: ByHeight = TableDefinition::new("bodies");
pub(crate) const EVENTS: ByHeight = TableDefinition::new("events");
pub(crate) const LOCATIONS: TableDefinition<'static, [u8; 32], (u64, u32)> = TableDefinition::new("locations");
pub(crate) const STATE: Bytes = TableDefinition::new("state");
pub(crate) const NODES: Bytes = TableDefinition::new("nodes");
pub(crate) const VALUES: Bytes = TableDefinition::new("values");

/// The blocks that handed over to other validators, with the proof of who they are: it outlives the state it is of.
const HANDOVERS: ByHeight = TableDefinition::new("handovers");
/// Proposed blocks that are not decided, by height and header hash.
const UNDECIDED: TableDefinition<'static, (u64, [u8; 32]), &'static [u8]> = TableDefinition::new("undecided");

/// Proposed blocks of one height that are kept: two for each round, for a hundred rounds without a decision.
const UNDECIDED_MAX: usize = 256;

/// A proposed block as it is kept until its height is decided.
#[derive(Debug, Clone, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub(crate) struct Undecided {
    pub(crate) round: u32,
    pub(crate) valid_round: Option<u32>,
    pub(crate) proposer: AccountId,
    /// The proposer's signature of the announcement; none for a block that came decided.
    pub(crate) signature: Option<Signature>,
    /// The block's bytes.
    pub(crate) block: Vec<u8>,
}

/// The largest genesis.
const GENESIS_BYTES_MAX: usize = 16 * 1024 * 1024;

pub(crate) fn failed<E: std::fmt::Display>(what: &'static str) -> impl Fn(E) -> Error {
    move |error| Error::Storage { what, why: error.to_string() }
}

/// A value's place among the versions of its position: the position and the big-endian height.
pub(crate) fn version_key(position: &[u8; 32], height: u64) -> [u8; 40] {
    let mut key = [0; 40];
    let (head, tail) = key.split_at_mut(32);
    head.copy_from_slice(position);
    tail.copy_from_slice(&height.to_be_bytes());
    key
}

/// Decodes what this store wrote.
pub(crate) fn stored<T: BorshDeserialize>(what: &'static str, bytes: &[u8]) -> Result<T, Error> {
    let bytes_max = 4 * BLOCK_BYTES_MAX;
    decode(what, bytes, bytes_max).map_err(|error| Error::Corrupt { what, why: error.to_string() })
}

/// The database of one chain.
pub(crate) struct Store(Database);

impl Store {
    pub(crate) fn open(path: &Path) -> Result<Self, Error> {
        Database::create(path).map(Self).map_err(|error| match error {
            DatabaseError::DatabaseAlreadyOpen => Error::InUse { path: path.into() },
            other => failed("open")(other),
        })
    }

    /// Verifies the checksum of every page. The database itself verifies them after a crash alone, and damage that it then
    /// meets may be a panic.
    ///
    /// # Errors
    /// [`Error::Corrupt`] when one is not its page's.
    pub(crate) fn check_pages(&mut self) -> Result<(), Error> {
        let damaged = |why: String| Err(Error::Corrupt { what: "database", why });
        match self.0.check_integrity() {
            Ok(true) => Ok(()),
            Ok(false) => damaged("pages do not have their checksums".into()),
            Err(DatabaseError::Storage(StorageError::Corrupted(why))) => damaged(why),
            Err(error) => Err(failed("check its pages")(error)),
        }
    }

    pub(crate) fn in_memory() -> Result<Self, Error> {
        let backend = redb::backends::InMemoryBackend::new();
        Database::builder().create_with_backend(backend).map(Self).map_err(failed("open in memory"))
    }

    pub(crate) fn read(&self) -> Result<ReadTransaction, Error> {
        self.0.begin_read().map_err(failed("begin reading"))
    }

    fn write(&self) -> Result<WriteTransaction, Error> {
        self.0.begin_write().map_err(failed("begin writing"))
    }

    /// The genesis that the store was made with, if it was.
    pub(crate) fn genesis(&self) -> Result<Option<Genesis>, Error> {
        let table = match self.read()?.open_table(GENESIS) {
            Ok(table) => table,
            Err(redb::TableError::TableDoesNotExist(_)) => return Ok(None),
            Err(error) => return Err(failed("read the genesis")(error)),
        };
        let Some(bytes) = table.get(&b"genesis"[..]).map_err(failed("read the genesis"))? else { return Ok(None) };
        decode("genesis", bytes.value(), GENESIS_BYTES_MAX)
            .map(Some)
            .map_err(|error| Error::Corrupt { what: "genesis", why: error.to_string() })
    }

    /// Makes every table, so that readers find them empty.
    pub(crate) fn create_tables(&self) -> Result<(), Error> {
        let write = self.write()?;
        for table in [STATE, NODES, VALUES] {
            write.open_table(table).map_err(failed("create tables"))?;
        }
        for table in [HEADERS, BODIES, EVENTS] {
            write.open_table(table).map_err(failed("create tables"))?;
        }
        write.open_table(LOCATIONS).map_err(failed("create tables"))?;
        write.open_table(UNDECIDED).map_err(failed("create tables"))?;
        write.open_table(HANDOVERS).map_err(failed("create tables"))?;
        write.commit().map_err(failed("create tables"))
    }

    /// Stores a genesis and its state, in one transaction.
    pub(crate) fn put_genesis(&self, genesis: &Genesis, change: &StateChange, nodes: &NodeBatch) -> Result<(), Error> {
        let write = self.write()?;
        {
            let mut table = write.open_table(GENESIS).map_err(failed("store the genesis"))?;
            let bytes = encode("genesis", genesis)?;
            table.insert(&b"genesis"[..], bytes.as_slice()).map_err(failed("store the genesis"))?;
        }
        put_state(&write, change, nodes)?;
        write.commit().map_err(failed("store the genesis"))
    }

    /// Stores a block and everything it did, in one transaction.
    pub(crate) fn put_block(
        &self,
        block: &Block,
        events: &BlockEvents,
        change: &StateChange,
        nodes: &NodeBatch,
        handover: Option<&Handover>,
    ) -> Result<(), Error> {
        let write = self.write()?;
        put_block(&write, block, events)?;
        put_state(&write, change, nodes)?;
        forget_undecided(&write, block.header.height)?;
        if let Some(handover) = handover {
            let mut handovers = write.open_table(HANDOVERS).map_err(failed("note a handover"))?;
            let bytes = encode("handover", handover)?;
            handovers.insert(block.header.height.get(), bytes.as_slice()).map_err(failed("note a handover"))?;
        }
        write.commit().map_err(failed("commit a block"))
    }

    /// Copies the chain as it is now into a new file: every block from `first` on, the state, and the handovers. What is
    /// not decided is this node's own, and stays.
    pub(crate) fn copy_to(&self, path: &Path, first: Height) -> Result<(), Error> {
        let read = self.read()?;
        let target = Self(Database::create(path).map_err(failed("create the copy"))?);
        target.create_tables()?;
        let write = target.write()?;
        let all: Vec<u8> = vec![];
        for table in [GENESIS, STATE, NODES, VALUES] {
            copy_rows(&read, &write, table, all.as_slice()..)?;
        }
        for table in [HEADERS, BODIES, EVENTS] {
            copy_rows(&read, &write, table, first.get()..)?;
        }
        copy_rows(&read, &write, HANDOVERS, 0..)?;
        write.commit().map_err(failed("copy"))
    }

    /// Copies the proposed blocks that are kept into another store of this node.
    pub(crate) fn copy_undecided(&self, path: &Path) -> Result<(), Error> {
        let (read, target) = (self.read()?, Self::open(path)?);
        let write = target.write()?;
        copy_rows(&read, &write, UNDECIDED, (0, [0; 32])..)?;
        write.commit().map_err(failed("copy"))
    }

    /// The last block that is kept.
    pub(crate) fn last_block(&self) -> Result<Option<Height>, Error> {
        let table = self.read()?.open_table(HEADERS).map_err(failed("read a block"))?;
        Ok(table.last().map_err(failed("read a block"))?.map(|(height, _)| Height::new(height.value())))
    }

    /// Replaces the authenticated tree, versions of earlier heights included, and where transactions lie, and forgets
    /// every proposed block.
    pub(crate) fn replace_tree(
        &self,
        nodes: &NodeBatch,
        locations: &[(TransactionId, Height, u32)],
    ) -> Result<(), Error> {
        let write = self.write()?;
        write.delete_table(LOCATIONS).map_err(failed("replace where transactions lie"))?;
        {
            let mut table = write.open_table(LOCATIONS).map_err(failed("replace where transactions lie"))?;
            for (id, height, index) in locations {
                let place = (height.get(), *index);
                table.insert(id.digest().to_bytes(), place).map_err(failed("replace where transactions lie"))?;
            }
        }
        for table in [NODES, VALUES] {
            write.delete_table(table).map_err(failed("replace the state tree"))?;
        }
        put_state(&write, &StateChange::default(), nodes)?;
        write.delete_table(UNDECIDED).map_err(failed("forget proposed blocks"))?;
        write.open_table(UNDECIDED).map_err(failed("forget proposed blocks"))?;
        write.commit().map_err(failed("replace the state tree"))
    }

    /// Keeps a proposed block, once: what was voted on never changes. Whether it is kept now.
    pub(crate) fn put_undecided(&self, height: Height, id: Digest, block: &Undecided) -> Result<bool, Error> {
        let write = self.write()?;
        {
            let mut table = write.open_table(UNDECIDED).map_err(failed("keep a proposed block"))?;
            let key = (height.get(), id.to_bytes());
            if table.get(key).map_err(failed("keep a proposed block"))?.is_some() {
                return Ok(true);
            }
            let (first, last) = undecided_keys(height);
            if table.range(first..=last).map_err(failed("keep a proposed block"))?.count() >= UNDECIDED_MAX {
                return Ok(false);
            }
            let bytes = encode("proposed block", block)?;
            table.insert(key, bytes.as_slice()).map_err(failed("keep a proposed block"))?;
        }
        write.commit().map_err(failed("keep a proposed block"))?;
        Ok(true)
    }

    /// Drops a kept block.
    pub(crate) fn remove_undecided(&self, height: Height, id: Digest) -> Result<(), Error> {
        let write = self.write()?;
        let mut table = write.open_table(UNDECIDED).map_err(failed("drop a proposed block"))?;
        table.remove((height.get(), id.to_bytes())).map_err(failed("drop a proposed block"))?;
        drop(table);
        write.commit().map_err(failed("drop a proposed block"))
    }

    /// A proposed block that is kept.
    pub(crate) fn undecided(&self, height: Height, id: Digest) -> Result<Option<Undecided>, Error> {
        let table = self.read()?.open_table(UNDECIDED).map_err(failed("read a proposed block"))?;
        let found = table.get((height.get(), id.to_bytes())).map_err(failed("read a proposed block"))?;
        found.map(|bytes| stored("proposed block", bytes.value())).transpose()
    }

    /// The proposed blocks of a height that are kept.
    pub(crate) fn undecided_of(&self, height: Height) -> Result<Vec<(Digest, Undecided)>, Error> {
        let table = self.read()?.open_table(UNDECIDED).map_err(failed("read a proposed block"))?;
        let (first, last) = undecided_keys(height);
        let mut kept = vec![];
        for row in table.range(first..=last).map_err(failed("read a proposed block"))? {
            let (key, bytes) = row.map_err(failed("read a proposed block"))?;
            kept.push((Digest::from_bytes(key.value().1), stored("proposed block", bytes.value())?));
        }
        Ok(kept)
    }

    /// The first block that is kept.
    pub(crate) fn first_block(&self) -> Result<Height, Error> {
        let table = self.read()?.open_table(HEADERS).map_err(failed("read a block"))?;
        let first = table.first().map_err(failed("read a block"))?.map(|(height, _)| height.value());
        Ok(Height::new(first.unwrap_or(1)))
    }
}

/// Copies the rows of a range.
fn copy_rows<'k, K: redb::Key + 'static, V: redb::Value + 'static>(
    read: &ReadTransaction,
    write: &WriteTransaction,
    table: TableDefinition<'static, K, V>,
    range: impl std::ops::RangeBounds<K::SelfType<'k>> + 'k,
) -> Result<(), Error> {
    let source = read.open_table(table).map_err(failed("copy"))?;
    let mut target = write.open_table(table).map_err(failed("copy"))?;
    for row in source.range(range).map_err(failed("copy"))? {
        let (key, value) = row.map_err(failed("copy"))?;
        target.insert(key.value(), value.value()).map_err(failed("copy"))?;
    }
    Ok(())
}

const fn undecided_keys(height: Height) -> ((u64, [u8; 32]), (u64, [u8; 32])) {
    ((height.get(), [0; 32]), (height.get(), [u8::MAX; 32]))
}

/// Forgets the proposed blocks up to a decided height.
fn forget_undecided(write: &WriteTransaction, decided: Height) -> Result<(), Error> {
    let mut table = write.open_table(UNDECIDED).map_err(failed("forget proposed blocks"))?;
    let (_, last) = undecided_keys(decided);
    table.retain_in(..=last, |_, _| false).map_err(failed("forget proposed blocks"))
}

fn put_block(write: &WriteTransaction, block: &Block, events: &BlockEvents) -> Result<(), Error> {
    let height = block.header.height.get();
    let put = |table: ByHeight, bytes: Vec<u8>| -> Result<(), Error> {
        let mut table = write.open_table(table).map_err(failed("store a block"))?;
        table.insert(height, bytes.as_slice()).map_err(failed("store a block"))?;
        Ok(())
    };
    put(HEADERS, encode("header", &block.signed_header())?)?;
    put(BODIES, encode("transactions", &block.transactions)?)?;
    put(EVENTS, encode("events", events)?)?;
    let mut locations = write.open_table(LOCATIONS).map_err(failed("store a block"))?;
    for (index, transaction) in (0u32..).zip(&block.transactions) {
        let id = transaction.id()?.digest().to_bytes();
        locations.insert(id, (height, index)).map_err(failed("store a block"))?;
    }
    Ok(())
}

fn put_state(write: &WriteTransaction, change: &StateChange, nodes: &NodeBatch) -> Result<(), Error> {
    let mut state = write.open_table(STATE).map_err(failed("store state"))?;
    for (key, value) in change.iter() {
        match value {
            Some(value) => drop(state.insert(key, value).map_err(failed("store state"))?),
            None => drop(state.remove(key).map_err(failed("store state"))?),
        }
    }
    let mut table = write.open_table(NODES).map_err(failed("store state nodes"))?;
    for (key, node) in nodes.nodes() {
        let (key, node) = (encode("node key", key)?, encode("node", node)?);
        table.insert(key.as_slice(), node.as_slice()).map_err(failed("store state nodes"))?;
    }
    let mut values = write.open_table(VALUES).map_err(failed("store state values"))?;
    for ((version, position), value) in nodes.values() {
        let key = version_key(&position.0, *version);
        let bytes = encode("value version", value)?;
        values.insert(&key[..], bytes.as_slice()).map_err(failed("store state values"))?;
    }
    Ok(())
}

/// One row by height, decoded.
pub(crate) fn row<T: BorshDeserialize>(
    read: &ReadTransaction,
    table: ByHeight,
    what: &'static str,
    height: Height,
) -> Result<Option<T>, Error> {
    let table = read.open_table(table).map_err(failed("read a block"))?;
    let bytes = table.get(height.get()).map_err(failed("read a block"))?;
    bytes.map(|bytes| stored(what, bytes.value())).transpose()
}

/// A block by height.
pub(crate) fn block(read: &ReadTransaction, height: Height) -> Result<Option<Block>, Error> {
    let Some(SignedHeader { header, certificate }) = row(read, HEADERS, "header", height)? else { return Ok(None) };
    let missing = || Error::Corrupt { what: "blocks", why: format!("block {height} has a header and no body") };
    let transactions: Vec<Transaction> = row(read, BODIES, "transactions", height)?.ok_or_else(missing)?;
    Ok(Some(Block { header, transactions, certificate }))
}

/// The handovers after a height, in order, up to [`HANDOVERS_MAX`].
pub(crate) fn handovers(read: &ReadTransaction, after: Height) -> Result<Vec<Handover>, Error> {
    let table = read.open_table(HANDOVERS).map_err(failed("list handovers"))?;
    let rows = table.range(after.next().get()..).map_err(failed("list handovers"))?;
    rows.take(HANDOVERS_MAX).map(|row| stored("handover", row.map_err(failed("list handovers"))?.1.value())).collect()
}

/// Where a transaction lies.
pub(crate) fn location(read: &ReadTransaction, id: &Digest) -> Result<Option<(Height, u32)>, Error> {
    let table = read.open_table(LOCATIONS).map_err(failed("look a transaction up"))?;
    let found = table.get(id.to_bytes()).map_err(failed("look a transaction up"))?;
    Ok(found.map(|found| found.value()).map(|(height, index)| (Height::new(height), index)))
}

/// The newest value of a position at or below a height.
pub(crate) fn value_at(read: &ReadTransaction, position: &Digest, height: Height) -> Result<Option<Vec<u8>>, Error> {
    let table = read.open_table(VALUES).map_err(failed("read a state value"))?;
    let position = position.to_bytes();
    let (first, last) = (version_key(&position, 0), version_key(&position, height.get()));
    let mut range = table.range(&first[..]..=&last[..]).map_err(failed("read a state value"))?;
    let Some(found) = range.next_back() else { return Ok(None) };
    let (_, bytes) = found.map_err(failed("read a state value"))?;
    stored("value version", bytes.value())
}
