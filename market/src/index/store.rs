//! The index in its database: followed block by block, and made anew.

use circuits::id::{ChainId, Digest};
use diesel::{
    ExpressionMethods, OptionalExtension, QueryDsl, QueryResult, Queryable, RunQueryDsl, insert_into, update,
};
use node::{Ledger, Snapshot, block::Block, event::Event, units::Height};
use serde::{Deserialize, Serialize};

use super::{
    append::append,
    books::Books,
    page::Sequence,
    schema::{blocks, empty, position},
};
use crate::{
    Error,
    database::{Bytes, Database, DatabaseConnection, Number, on_each, signed},
};

/// Blocks that `Index::follow` writes in one SQL transaction at most.
const FOLLOW_BLOCKS_MAX: u64 = 256;
/// What this version writes for a block. A migration that changes it raises both this and `position.format`, and a node that
/// still runs a version before stands still.
const FORMAT: i64 = 1;

/// How far the index is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Queryable, Serialize, Deserialize)]
pub struct IndexPosition {
    /// The chain it indexes.
    #[diesel(deserialize_as = Bytes)]
    pub chain: ChainId,
    /// The latest block indexed; 0 for none.
    #[diesel(deserialize_as = Number)]
    pub height: Height,
    /// Hash of that block's header; the chain id's bytes for none.
    #[diesel(deserialize_as = Bytes)]
    pub header: Digest,
}

/// The index of one chain, in a database that may hold other things beside it.
#[derive(Debug, Clone)]
pub struct Index {
    database: Database,
    chain: ChainId,
}

impl Index {
    /// The index of a chain in a database, begun when the database has none.
    ///
    /// # Errors
    /// [`Error::DatabaseOpen`] when it indexes another chain, [`Error::Database`] when it fails.
    pub fn open(database: Database, chain: ChainId) -> Result<Self, Error> {
        database.write(|connection| Ok(begin(connection, chain)?))?;
        let index = Self { database, chain };
        let found = index.position()?.chain;
        if found == chain {
            return Ok(index);
        }
        let why = format!("it belongs to chain {found}, not {chain}; give each network a database of its own");
        Err(Error::DatabaseOpen { database: index.database.url().to_string(), why })
    }

    /// The database that it is in.
    #[must_use]
    pub const fn database(&self) -> &Database {
        &self.database
    }

    /// How far the index is.
    ///
    /// # Errors
    /// [`Error::Database`] when the database fails.
    pub fn position(&self) -> Result<IndexPosition, Error> {
        self.read(|connection| {
            position::table.select((position::chain, position::height, position::tip)).first(connection)
        })
    }

    /// Adds the next block with the events of each of its transactions, in one SQL transaction. A block that is indexed
    /// already changes nothing.
    ///
    /// # Errors
    /// [`Error::IndexOrder`] for a block that does not follow the last one, [`Error::IndexLacks`] for one that changes a
    /// screening which the index lacks, [`Error::IndexFormat`] where another version writes the index, [`Error::Database`] when
    /// the database fails.
    pub fn append(&self, block: &Block, events: &[Vec<Event>]) -> Result<(), Error> {
        self.database.write(|connection| {
            let at = hold_position(connection)?;
            let height = block.header.height;
            if height <= at.height {
                return Ok(());
            }
            let follows =
                height == at.height.next() && block.header.parent == at.header && block.header.chain == self.chain;
            if !follows || events.len() != block.transactions.len() {
                return Err(Error::IndexOrder { found: height, at: at.height });
            }
            append(connection, block, events)
        })
    }

    /// Indexes every block that the ledger has and the index lacks, and returns how far it then is.
    ///
    /// Another process whose ledger is ahead may have indexed more than this ledger has; that stays. An index that holds
    /// another block at the height where the two meet, as after a lost disk, is emptied and made again.
    ///
    /// # Errors
    /// [`Error::IndexLacks`] and [`Error::IndexFormat`] as for [`Index::append`], [`Error::Ledger`] or [`Error::Database`] when
    /// one of the two fails; the blocks before stay indexed.
    pub fn follow(&self, ledger: &Ledger) -> Result<Height, Error> {
        let snapshot = ledger.snapshot()?;
        let tip = snapshot.latest()?.height;
        loop {
            let (before, after) = self.database.write(|connection| {
                let mut at = hold_position(connection)?.height;
                if !agrees(connection, &snapshot, at.min(tip))? {
                    tracing::warn!(height = %at, "the index does not follow from this ledger and is made again");
                    restart(connection, self.chain)?;
                    at = Height::default();
                }
                Ok((at, extend(connection, ledger, &snapshot, at, FOLLOW_BLOCKS_MAX)?))
            })?;
            if after == before {
                return Ok(after);
            }
        }
    }

    /// That nothing keeps this index from following the ledger. Where a ledger began from a snapshot or was pruned, and the
    /// index lacks the blocks before, it stands still, and its listings would lack what is there.
    ///
    /// # Errors
    /// [`Error::IndexGap`] where it cannot follow, [`Error::Ledger`] or [`Error::Database`] when one of the two fails.
    pub fn check_follows(&self, ledger: &Ledger) -> Result<(), Error> {
        let (missing, first) = (self.position()?.height.next(), ledger.first_block()?);
        if missing < first { Err(Error::IndexGap { missing, first }) } else { Ok(()) }
    }

    /// The same, and that this index is so many blocks behind the ledger at most: one that is made again lists little of what is
    /// there until it has come far.
    ///
    /// # Errors
    /// [`Error::IndexBehind`] where it is further behind, else as [`Index::check_follows`].
    pub fn check_near(&self, ledger: &Ledger, blocks_max: u64) -> Result<(), Error> {
        self.check_follows(ledger)?;
        let (indexed, latest) = (self.position()?.height, ledger.snapshot()?.latest()?.height);
        if latest.get().saturating_sub(indexed.get()) <= blocks_max {
            return Ok(());
        }
        Err(Error::IndexBehind { missing: indexed.next(), latest })
    }

    /// Makes the index anew from a ledger that has every block, in one SQL transaction: who reads meanwhile sees the old
    /// index, and then the new one.
    ///
    /// # Errors
    /// [`Error::IndexBlocks`] when the ledger lacks blocks, [`Error::IndexFormat`] where another version writes the index,
    /// [`Error::Ledger`] or [`Error::Database`] when one of the two fails. The old index stays then.
    pub fn rebuild(&self, ledger: &Ledger) -> Result<Height, Error> {
        let snapshot = ledger.snapshot()?;
        let tip = snapshot.latest()?.height;
        self.database.write(|connection| {
            hold_position(connection)?;
            restart(connection, self.chain)?;
            let height = extend(connection, ledger, &snapshot, Height::default(), u64::MAX)?;
            if height == tip { Ok(height) } else { Err(Error::IndexBlocks { missing: height.next() }) }
        })
    }

    /// Empties the index, so that following the ledger makes it again.
    ///
    /// # Errors
    /// [`Error::IndexFormat`] where another version writes the index, [`Error::Database`] when the database fails.
    pub fn clear(&self) -> Result<(), Error> {
        self.database.write(|connection| {
            hold_position(connection)?;
            restart(connection, self.chain)
        })
    }

    pub(super) fn read<T>(&self, query: impl FnOnce(&mut DatabaseConnection) -> QueryResult<T>) -> Result<T, Error> {
        self.database.read(query)
    }
}

/// The position, which nobody else can change before this transaction ends. An index that another version writes is refused.
fn hold_position(connection: &mut DatabaseConnection) -> Result<IndexPosition, Error> {
    let query = position::table.select(((position::chain, position::height, position::tip), position::format));
    let (at, found): (IndexPosition, i64) = match connection {
        // The transaction began with the right to write.
        DatabaseConnection::Sqlite(inner) => query.first(inner)?,
        DatabaseConnection::Postgres(inner) => query.for_update().first(inner)?,
    };
    if found == FORMAT { Ok(at) } else { Err(Error::IndexFormat { found, known: FORMAT }) }
}

/// Whether ledger and index hold the same block at a height. Before the first block they do, and where the ledger no
/// longer has the block nothing speaks against it.
fn agrees(connection: &mut DatabaseConnection, snapshot: &Snapshot, height: Height) -> Result<bool, Error> {
    if height == Height::default() {
        return Ok(true);
    }
    let held = snapshot.header(height)?.map(|signed| signed.header.hash()).transpose()?;
    let sequence = signed(Sequence::of(height, 0).get());
    let indexed: Option<Vec<u8>> = blocks::table.find(sequence).select(blocks::header).first(connection).optional()?;
    Ok(held.is_none_or(|held| indexed.as_deref() == Some(held.as_bytes().as_slice())))
}

/// Adds the blocks after a height, as many as the ledger has and `blocks_max` allows, and returns how far the index is.
fn extend(
    connection: &mut DatabaseConnection,
    ledger: &Ledger,
    snapshot: &Snapshot,
    mut height: Height,
    blocks_max: u64,
) -> Result<Height, Error> {
    let mut left = blocks_max;
    if height == Height::default() && snapshot.block(height.next())?.is_some() {
        Books::of(connection, Sequence::default(), 0).open(ledger.genesis())?;
    }
    while left > 0
        && let (Some(block), Some(events)) = (snapshot.block(height.next())?, snapshot.events(height.next())?)
    {
        append(connection, &block, &events.transactions)?;
        height = height.next();
        left -= 1;
    }
    Ok(height)
}

/// Empties every table and goes back to before the first block. The position's row stays: it is what writers hold.
fn restart(connection: &mut DatabaseConnection, chain: ChainId) -> Result<(), Error> {
    connection.without_statement_timeout()?;
    empty(connection)?;
    update(position::table)
        .set((position::height.eq(0), position::tip.eq(chain.as_bytes().as_slice())))
        .execute(connection)?;
    Ok(())
}

/// The position before the first block, unless there is one.
fn begin(connection: &mut DatabaseConnection, chain: ChainId) -> QueryResult<()> {
    let row = (
        position::id.eq(0),
        position::chain.eq(chain.as_bytes().as_slice()),
        position::height.eq(0),
        position::tip.eq(chain.as_bytes().as_slice()),
        position::format.eq(FORMAT),
    );
    let insert = insert_into(position::table).values(row).on_conflict_do_nothing();
    on_each!(connection, inner => insert.execute(inner)).map(|_| ())
}
