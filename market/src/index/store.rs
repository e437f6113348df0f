//! The database file: opened, migrated, followed and rebuilt.

use std::{
    path::Path,
    sync::{Mutex, MutexGuard, PoisonError},
};

use circuits::id::{ChainId, Digest};
use diesel::{
    Connection, ExpressionMethods, OptionalExtension, QueryDsl, QueryResult, Queryable, RunQueryDsl, SqliteConnection,
    connection::SimpleConnection, delete, insert_into,
};
use diesel_migrations::{EmbeddedMigrations, MigrationHarness, embed_migrations};
use node::{Ledger, block::Block, event::Event, units::Height};
use serde::{Deserialize, Serialize};

use super::{
    append::append,
    schema::{account_transactions, blocks, contributions, parties, position, queries, schemas, studies, transactions},
    stored::{Bytes, Number, signed},
};
use crate::Error;

const MIGRATIONS: EmbeddedMigrations = embed_migrations!("migrations");

/// Write-ahead logging lets readers go on while a block is written; a power cut may lose the last blocks of the index,
/// never their order, and they are indexed again.
const SETTINGS: &str = "PRAGMA journal_mode = WAL; PRAGMA synchronous = NORMAL; PRAGMA foreign_keys = ON; \
                        PRAGMA busy_timeout = 5000; PRAGMA trusted_schema = OFF;";

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

/// An open index: one connection writes, one reads.
pub struct Index {
    writer: Mutex<SqliteConnection>,
    reader: Mutex<SqliteConnection>,
    chain: ChainId,
}

fn locked(connection: &Mutex<SqliteConnection>) -> MutexGuard<'_, SqliteConnection> {
    // A panic while the lock was held rolled its SQL transaction back, so the connection is as good as before.
    connection.lock().unwrap_or_else(PoisonError::into_inner)
}

fn connect(path: &str) -> Result<SqliteConnection, Error> {
    let failed = |why: String| Error::IndexOpen { path: path.into(), why };
    let mut connection = SqliteConnection::establish(path).map_err(|error| failed(error.to_string()))?;
    connection.batch_execute(SETTINGS).map_err(|error| failed(error.to_string()))?;
    Ok(connection)
}

impl Index {
    /// Opens the index of a chain, and makes it when the file is absent.
    ///
    /// # Errors
    /// [`Error::IndexOpen`] when the file cannot be opened, is no such index, or indexes another chain.
    pub fn open(path: &Path, chain: ChainId) -> Result<Self, Error> {
        let failed = |why: String| Error::IndexOpen { path: path.into(), why };
        let text = path.to_str().ok_or_else(|| failed("its path is not UTF-8".into()))?;
        let mut writer = connect(text)?;
        writer.run_pending_migrations(MIGRATIONS).map_err(|error| failed(error.to_string()))?;
        let index = Self { writer: Mutex::new(writer), reader: Mutex::new(connect(text)?), chain };
        index.write(|connection| begin(connection, chain))?;
        let found = index.position()?.chain;
        if found != chain {
            return Err(failed(format!("it indexes chain {found}, not {chain}; delete it, it is made again")));
        }
        Ok(index)
    }

    /// How far the index is.
    ///
    /// # Errors
    /// [`Error::Index`] when the database fails.
    pub fn position(&self) -> Result<IndexPosition, Error> {
        self.read(|connection| {
            position::table.select((position::chain, position::height, position::header)).first(connection)
        })
    }

    /// Adds the next block with the events of each of its transactions, in one SQL transaction. A block that is indexed
    /// already changes nothing.
    ///
    /// # Errors
    /// [`Error::IndexOrder`] for a block that does not follow the last one, [`Error::Index`] when the database fails.
    pub fn append(&self, block: &Block, events: &[Vec<Event>]) -> Result<(), Error> {
        let at = self.position()?;
        let height = block.header.height;
        if height <= at.height {
            return Ok(());
        }
        if height != at.height.next() || block.header.parent != at.header || block.header.chain != self.chain {
            return Err(Error::IndexOrder { found: height, at: at.height });
        }
        if events.len() != block.transactions.len() {
            return Err(Error::IndexOrder { found: height, at: at.height });
        }
        locked(&self.writer).immediate_transaction(|connection| append(connection, block, events))
    }

    /// Indexes every block that the ledger has and the index lacks, and returns how far it then is. An index whose last
    /// block the ledger does not have, as after a lost disk, is emptied and made again.
    ///
    /// # Errors
    /// [`Error::Ledger`] or [`Error::Index`] when a database fails; the blocks before stay indexed.
    pub fn follow(&self, ledger: &Ledger) -> Result<Height, Error> {
        let snapshot = ledger.snapshot()?;
        let at = self.position()?;
        if at.height > Height::default() {
            let held = snapshot.header(at.height)?.map(|signed| signed.header.hash()).transpose()?;
            if held != Some(at.header) {
                tracing::warn!(height = %at.height, "the index does not follow from this ledger and is made again");
                self.clear()?;
            }
        }
        let mut height = self.position()?.height;
        while let (Some(block), Some(events)) = (snapshot.block(height.next())?, snapshot.events(height.next())?) {
            self.append(&block, &events.transactions)?;
            height = height.next();
        }
        Ok(height)
    }

    /// Empties the index, so that following the ledger makes it again.
    ///
    /// # Errors
    /// [`Error::Index`] when the database fails.
    pub fn clear(&self) -> Result<(), Error> {
        let chain = self.chain;
        self.write(|connection| {
            connection.immediate_transaction(|connection| {
                delete(contributions::table).execute(connection)?;
                delete(queries::table).execute(connection)?;
                delete(studies::table).execute(connection)?;
                delete(schemas::table).execute(connection)?;
                delete(parties::table).execute(connection)?;
                delete(account_transactions::table).execute(connection)?;
                delete(transactions::table).execute(connection)?;
                delete(blocks::table).execute(connection)?;
                delete(position::table).execute(connection)?;
                begin(connection, chain)
            })
        })
    }

    pub(super) fn read<T>(&self, query: impl FnOnce(&mut SqliteConnection) -> QueryResult<T>) -> Result<T, Error> {
        Ok(query(&mut locked(&self.reader))?)
    }

    fn write<T>(&self, change: impl FnOnce(&mut SqliteConnection) -> QueryResult<T>) -> Result<T, Error> {
        Ok(change(&mut locked(&self.writer))?)
    }
}

/// The position before the first block, unless there is one.
fn begin(connection: &mut SqliteConnection, chain: ChainId) -> QueryResult<()> {
    if position::table.select(position::id).first::<i64>(connection).optional()?.is_some() {
        return Ok(());
    }
    insert_into(position::table)
        .values((
            position::id.eq(0),
            position::chain.eq(chain.as_bytes().as_slice()),
            position::height.eq(signed(0)),
            position::header.eq(chain.as_bytes().as_slice()),
        ))
        .execute(connection)
        .map(|_| ())
}
