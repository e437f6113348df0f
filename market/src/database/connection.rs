//! One connection, of either kind.

#![allow(missing_docs, unreachable_pub, reason = "the derive writes types of its own")]

use std::{
    thread,
    time::{Duration, Instant},
};

use diesel::{
    Connection, ConnectionError, PgConnection, QueryResult, SqliteConnection,
    connection::{AnsiTransactionManager, SimpleConnection, TransactionManager},
    r2d2::{ManageConnection, R2D2Connection},
    result::Error::DatabaseError,
};

use super::url::{DatabaseUrl, Target};
use crate::Error;

/// How SQLite works here. Write-ahead logging lets readers go on while somebody writes; a commit is on the disk when it
/// returns, since accounts and jobs are nowhere else.
const SQLITE_SETTINGS: &str = "PRAGMA busy_timeout = 5000; PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; \
                               PRAGMA foreign_keys = ON; PRAGMA trusted_schema = OFF;";

/// How long a file that others just make is waited for, as `busy_timeout` waits for what others write.
const SQLITE_WAIT_MAX: Duration = Duration::from_secs(5);
/// How long until it is looked at again.
const SQLITE_PAUSE: Duration = Duration::from_millis(5);
/// What SQLite says of a file that another holds.
const SQLITE_BUSY: &str = "database is locked";

/// How long PostgreSQL works on one statement, waits for a lock, or for a process that holds a transaction and is silent.
const POSTGRES_SETTINGS: &str = "SET statement_timeout = '60s'; SET lock_timeout = '10s'; \
                                 SET idle_in_transaction_session_timeout = '60s'; SET client_min_messages = warning; \
                                 SET TIME ZONE 'UTC'";

/// A connection to SQLite or PostgreSQL. What both understand runs through it as it is; upserts, rows to be locked and
/// lists of rows are written once and compiled for each.
#[derive(diesel::MultiConnection)]
pub enum DatabaseConnection {
    /// A file.
    Sqlite(SqliteConnection),
    /// A server.
    Postgres(PgConnection),
}

/// Runs one expression on the connection inside, whichever it is.
macro_rules! on_each {
    ($connection:expr, $inner:ident => $body:expr) => {
        match $connection {
            $crate::database::DatabaseConnection::Sqlite($inner) => $body,
            $crate::database::DatabaseConnection::Postgres($inner) => $body,
        }
    };
}

pub(crate) use on_each;

/// Connects, and sets every bound.
pub(super) fn connect(url: &DatabaseUrl) -> Result<DatabaseConnection, ConnectionError> {
    let settled = |error| ConnectionError::CouldntSetupConfiguration(error);
    match url.target() {
        Target::Sqlite(path) => {
            let mut connection = SqliteConnection::establish(path)?;
            set_up_sqlite(&mut connection).map_err(settled)?;
            Ok(DatabaseConnection::Sqlite(connection))
        }
        Target::Postgres(text) => {
            let mut connection = PgConnection::establish(text)?;
            connection.batch_execute(POSTGRES_SETTINGS).map_err(settled)?;
            Ok(DatabaseConnection::Postgres(connection))
        }
    }
}

/// Sets how SQLite works. Of those who open a new file at once one switches it to write-ahead logging; the others SQLite
/// refuses without waiting, whatever `busy_timeout` says, since each holds what another waits for.
fn set_up_sqlite(connection: &mut SqliteConnection) -> QueryResult<()> {
    let started = Instant::now();
    loop {
        match connection.batch_execute(SQLITE_SETTINGS) {
            Err(DatabaseError(_, told)) if told.message() == SQLITE_BUSY && started.elapsed() < SQLITE_WAIT_MAX => {
                thread::sleep(SQLITE_PAUSE);
            }
            done => return done,
        }
    }
}

/// Makes connections for the pool.
#[derive(Debug)]
pub(super) struct Connector(pub(super) DatabaseUrl);

impl ManageConnection for Connector {
    type Connection = DatabaseConnection;
    type Error = diesel::r2d2::Error;

    fn connect(&self) -> Result<Self::Connection, Self::Error> {
        Ok(connect(&self.0)?)
    }

    fn is_valid(&self, connection: &mut Self::Connection) -> Result<(), Self::Error> {
        Ok(connection.ping()?)
    }

    fn has_broken(&self, connection: &mut Self::Connection) -> bool {
        std::thread::panicking() || R2D2Connection::is_broken(connection)
    }
}

type Transactions = <DatabaseConnection as Connection>::TransactionManager;

/// Runs changes in one SQL transaction. On SQLite it takes the right to write first, so that what is read inside is what
/// is changed; on PostgreSQL rows that must not change meanwhile are locked by whoever reads them.
pub(super) fn transaction<T>(
    connection: &mut DatabaseConnection,
    changes: impl FnOnce(&mut DatabaseConnection) -> Result<T, Error>,
) -> Result<T, Error> {
    match connection {
        DatabaseConnection::Sqlite(inner) => AnsiTransactionManager::begin_transaction_sql(inner, "BEGIN IMMEDIATE")?,
        DatabaseConnection::Postgres(inner) => AnsiTransactionManager::begin_transaction(inner)?,
    }
    match changes(connection) {
        Ok(value) => {
            Transactions::commit_transaction(connection)?;
            Ok(value)
        }
        Err(error) => {
            // The connection is broken when even this fails, and the pool drops it.
            drop(Transactions::rollback_transaction(connection));
            Err(error)
        }
    }
}

impl DatabaseConnection {
    /// Lets the rest of this transaction take as long as it needs, for what goes through whole tables.
    pub(crate) fn without_statement_timeout(&mut self) -> QueryResult<()> {
        match self {
            Self::Sqlite(_) => Ok(()),
            Self::Postgres(inner) => inner.batch_execute("SET LOCAL statement_timeout = 0"),
        }
    }
}
