//! The open database: a pool of connections with bounds.

use std::{error::Error as StdError, fmt, time::Duration};

use diesel::{
    QueryResult,
    r2d2::{HandleError, Pool, PooledConnection},
};

use super::{
    DatabaseConnection, DatabaseUrl,
    connection::{Connector, connect, transaction},
    migrate::migrate,
};
use crate::Error;

/// Connections that one process opens at most.
pub const CONNECTIONS_MAX: u32 = 8;
/// How long anyone waits for one of them.
pub const WAIT_TIME_MAX: Duration = Duration::from_secs(10);
/// How long one stays open without work.
const IDLE_TIME_MAX: Duration = Duration::from_secs(300);
/// How long one stays open at all.
const LIFE_TIME_MAX: Duration = Duration::from_secs(1_800);

/// A database that is open and has this program's schema. Clones share its connections.
#[derive(Clone)]
pub struct Database {
    pool: Pool<Connector>,
    url: DatabaseUrl,
}

impl fmt::Debug for Database {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Database").field(&self.url).finish()
    }
}

impl Database {
    /// Opens a database and runs the migrations that it lacks. A file of SQLite is made when it is absent.
    ///
    /// # Errors
    /// [`Error::DatabaseUnreachable`] for a server that does not answer yet, [`Error::DatabaseOpen`] when it lets nobody in,
    /// is none of Locus, or a later version made it.
    pub fn open(url: &DatabaseUrl) -> Result<Self, Error> {
        let database = url.to_string();
        let why = |error: &dyn fmt::Display| url.without_secrets(&error.to_string());
        let failed = |error: &dyn fmt::Display| Error::DatabaseOpen { database: database.clone(), why: why(error) };
        let remedy = if url.is_shared() {
            "check that it runs, and its host, user, password and name"
        } else {
            "check that its folder exists and can be written, and that it is a database"
        };
        let mut first = connect(url).map_err(|error| {
            let told = format_args!("{error}; {remedy}").to_string();
            if url.is_shared() && is_away(&error.to_string()) {
                Error::DatabaseUnreachable { database: database.clone(), why: why(&told) }
            } else {
                failed(&told)
            }
        })?;
        url.warn_if_unencrypted();
        migrate(&mut first).map_err(|error| failed(&error))?;
        drop(first);
        let pool = Pool::builder()
            .max_size(CONNECTIONS_MAX)
            .min_idle(Some(1))
            .connection_timeout(WAIT_TIME_MAX)
            .idle_timeout(Some(IDLE_TIME_MAX))
            .max_lifetime(Some(LIFE_TIME_MAX))
            .error_handler(Box::new(LogWithoutSecrets(url.clone())))
            .build(Connector(url.clone()));
        Ok(Self { pool: pool.map_err(|error| failed(&error))?, url: url.clone() })
    }

    /// Where it is, without its password.
    #[must_use]
    pub const fn url(&self) -> &DatabaseUrl {
        &self.url
    }

    /// Runs one query.
    ///
    /// # Errors
    /// [`Error::DatabaseBusy`] when no connection is free within [`WAIT_TIME_MAX`], [`Error::Database`] when it fails.
    pub fn read<T>(&self, query: impl FnOnce(&mut DatabaseConnection) -> QueryResult<T>) -> Result<T, Error> {
        Ok(query(&mut *self.connection()?)?)
    }

    /// Runs changes in one SQL transaction: all of them, or none when they return an error.
    ///
    /// # Errors
    /// As [`Database::read`], and what the changes return.
    pub fn write<T>(&self, changes: impl FnOnce(&mut DatabaseConnection) -> Result<T, Error>) -> Result<T, Error> {
        transaction(&mut *self.connection()?, changes)
    }

    fn connection(&self) -> Result<PooledConnection<Connector>, Error> {
        self.pool.get().map_err(|error| {
            let why = self.url.without_secrets(&error.to_string());
            tracing::warn!(database = %self.url, why, "no database connection is free");
            Error::DatabaseBusy
        })
    }
}

/// What libpq and PostgreSQL say of a server that is away, starts or ends. They give no code for it; in another language
/// they say it in other words, which then counts as any other failure.
const AWAY: [&str; 13] = [
    "Connection refused",
    "Connection reset",
    "Connection timed out",
    "timeout expired",
    "No such file or directory",
    "No route to host",
    "Network is unreachable",
    "could not translate host name",
    "server closed the connection",
    "the database system is starting up",
    "the database system is shutting down",
    "the database system is in recovery mode",
    "the database system is not yet accepting connections",
];

/// Whether a server that was refused with these words may answer a little later to who asks the same again. Of a name with
/// several addresses each has its words, and a server that let nobody in has the last ones.
fn is_away(told: &str) -> bool {
    let last = told.rfind("failed: ").and_then(|at| told.get(at..)).unwrap_or(told);
    AWAY.iter().any(|away| last.contains(away))
}

/// Where failures to connect go that nobody waits for.
#[derive(Debug)]
struct LogWithoutSecrets(DatabaseUrl);

impl<E: StdError> HandleError<E> for LogWithoutSecrets {
    fn handle_error(&self, error: E) {
        tracing::warn!(database = %self.0, why = self.0.without_secrets(&error.to_string()), "a database connection failed");
    }
}

#[cfg(test)]
mod tests {
    use super::is_away;

    #[test]
    fn a_server_that_lets_nobody_in_is_not_away_whatever_its_other_addresses_do() {
        let refused =
            "connection to server at \"::1\", port 5432 failed: Connection refused\n\tIs the server running?\n";
        let password =
            "connection to server at \"127.0.0.1\", port 5432 failed: FATAL:  password authentication failed";
        assert!(is_away(refused));
        assert!(!is_away(password));
        assert!(!is_away(&format!("{refused}{password}")));
        assert!(is_away("could not translate host name \"db\" to address: Name or service not known"));
    }
}
