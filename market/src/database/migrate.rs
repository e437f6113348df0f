//! Brings a database to this program's schema.

use diesel::{
    Connection, PgConnection, RunQueryDsl, SqliteConnection,
    backend::Backend,
    migration::{Migration, MigrationSource},
    sql_query,
};
use diesel_migrations::{EmbeddedMigrations, MigrationHarness, embed_migrations};

use super::DatabaseConnection;

const SQLITE: EmbeddedMigrations = embed_migrations!("migrations/sqlite");
const POSTGRES: EmbeddedMigrations = embed_migrations!("migrations/postgres");

/// Names the lock that processes hold while they migrate one PostgreSQL database.
const MIGRATION_LOCK: i64 = 0x6c6f_6375_7301;

type Failure = Box<dyn std::error::Error + Send + Sync>;

/// Runs what is pending, in one transaction; of several processes that start at once, one.
pub(super) fn migrate(connection: &mut DatabaseConnection) -> Result<(), Failure> {
    match connection {
        DatabaseConnection::Sqlite(inner) => {
            inner.immediate_transaction(|inner: &mut SqliteConnection| run_pending(inner, SQLITE))
        }
        DatabaseConnection::Postgres(inner) => inner.transaction(|inner: &mut PgConnection| {
            sql_query(format!("SELECT pg_advisory_xact_lock({MIGRATION_LOCK})")).execute(inner)?;
            run_pending(inner, POSTGRES)
        }),
    }
}

/// Refuses a database that has migrations which this program does not know: a later version made it.
fn run_pending<DB: Backend>(
    connection: &mut impl MigrationHarness<DB>,
    known: EmbeddedMigrations,
) -> Result<(), Failure> {
    let migrations: Vec<Box<dyn Migration<DB>>> = known.migrations()?;
    for applied in connection.applied_migrations()? {
        if !migrations.iter().any(|migration| migration.name().version() == applied) {
            return Err(format!("a later version of Locus made it (migration {applied}); run that version").into());
        }
    }
    connection.run_pending_migrations(known)?;
    Ok(())
}
