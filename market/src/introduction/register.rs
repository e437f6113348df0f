//! The introductions that a node keeps: the newest of each query.

use circuits::id::QueryId;
use diesel::{ExpressionMethods, OptionalExtension, QueryDsl, QueryResult, RunQueryDsl, delete, insert_into, update};

use super::{INTRODUCTION_JSON_BYTES_MAX, Introduction, refused, schema::introductions};
use crate::{
    Error,
    database::{Database, DatabaseConnection, on_each, signed},
};

/// How often a query can be introduced at one node: with a fresh passport each week of the longest query.
pub const INTRODUCTIONS_MAX: u32 = 64;

/// Why a declaration stays.
const PROMISED: &str = "people answer on what the kept one declares, so it stays as long as the query collects; declare the \
                        same again (--file with the query's own file) beside the new passport";

/// The introductions in a database. They are the service's own: no ledger has them.
#[derive(Debug, Clone)]
pub struct Introductions {
    database: Database,
}

impl Introductions {
    /// The introductions in a database.
    #[must_use]
    pub const fn new(database: Database) -> Self {
        Self { database }
    }

    /// Keeps an introduction in place of an older one of its query; whether it was not here before. Whoever calls has
    /// verified it. People answer on what it declares, so a declaration can be added and never withdrawn or changed.
    ///
    /// # Errors
    /// [`Error::Introduction`] when a newer one is here, another one of the same second, one that declares what this one does
    /// not, or as many came before as may; [`Error::Database`] when the database fails.
    pub fn keep(&self, introduction: &Introduction) -> Result<bool, Error> {
        let odd = |error: serde_json::Error| refused(format!("it cannot be written: {error}"));
        let document = serde_json::to_string(introduction).map_err(odd)?;
        if document.len() > INTRODUCTION_JSON_BYTES_MAX {
            return Err(refused(format!(
                "it has {} bytes in JSON; at most {INTRODUCTION_JSON_BYTES_MAX} can be",
                document.len()
            )));
        }
        self.database.write(|connection| {
            if insert(connection, introduction, &document)? {
                return Ok(true);
            }
            let forgotten = || refused("the one that was here is forgotten just now; send it again".into());
            let (found, versions) = found(connection, introduction.query)?.ok_or_else(forgotten)?;
            if found == document {
                return Ok(false);
            }
            // A damaged one is replaced: nobody can read what it promised.
            let kept: Option<Introduction> = serde_json::from_str(&found).ok();
            if kept.is_some_and(|kept| kept.declared.is_some() && kept.declared != introduction.declared) {
                return Err(refused(PROMISED.into()));
            }
            if versions >= INTRODUCTIONS_MAX.into() {
                return Err(refused(format!(
                    "the query was introduced {versions} times at this node, and no more is taken; the latest stays"
                )));
            }
            if !replace(connection, introduction, &document)? {
                return Err(refused("one that is as new or newer is here already".into()));
            }
            Ok(true)
        })
    }

    /// The introduction of a query, as it was kept.
    ///
    /// # Errors
    /// [`Error::Database`] when the database fails, or for a damaged row.
    pub fn of(&self, query: QueryId) -> Result<Option<Introduction>, Error> {
        let kept = introductions::table.find(query.as_bytes().to_vec()).select(introductions::document);
        let kept: Option<String> = self.database.read(|connection| kept.first(connection).optional())?;
        let read = |text: String| serde_json::from_str(&text);
        let damaged = |error: serde_json::Error| diesel::result::Error::DeserializationError(error.into());
        Ok(kept.map(read).transpose().map_err(damaged)?)
    }

    /// Queries that have one, in the order of their ids behind one of them, up to `count`.
    ///
    /// # Errors
    /// [`Error::Database`] when the database fails.
    pub(super) fn queries(&self, behind: Option<QueryId>, count: u32) -> Result<Vec<QueryId>, Error> {
        let behind = behind.map_or_else(Vec::new, |query| query.as_bytes().to_vec());
        let next = introductions::table
            .filter(introductions::query.gt(behind))
            .order(introductions::query)
            .limit(count.into())
            .select(introductions::query);
        let ids: Vec<Vec<u8>> = self.database.read(|connection| next.load(connection))?;
        let damaged = |_: Vec<u8>| refused("a row of the database has no query's id".into());
        ids.into_iter().map(|id| Ok(QueryId::from_bytes(id.try_into().map_err(damaged)?))).collect()
    }

    /// Forgets the one of a query; whether there was one.
    ///
    /// # Errors
    /// [`Error::Database`] when the database fails.
    pub(super) fn forget(&self, query: QueryId) -> Result<bool, Error> {
        let this = introductions::table.find(query.as_bytes().to_vec());
        self.database.write(|connection| Ok(delete(this).execute(connection)? > 0))
    }
}

/// Keeps the first introduction of its query; whether none was here. On PostgreSQL another first one that came at the same
/// time is waited for.
fn insert(connection: &mut DatabaseConnection, introduction: &Introduction, document: &str) -> QueryResult<bool> {
    let row = (
        introductions::query.eq(introduction.query.as_bytes().as_slice()),
        introductions::written.eq(signed(introduction.written.get())),
        introductions::versions.eq(1),
        introductions::document.eq(document),
    );
    let insert = insert_into(introductions::table).values(row).on_conflict_do_nothing();
    Ok(on_each!(connection, inner => insert.execute(inner))? > 0)
}

/// The one of a query and how many there were, its row locked on PostgreSQL, so that it is the one that is replaced.
fn found(connection: &mut DatabaseConnection, query: QueryId) -> QueryResult<Option<(String, i64)>> {
    let this = introductions::table
        .find(query.as_bytes().as_slice())
        .select((introductions::document, introductions::versions));
    match connection {
        DatabaseConnection::Sqlite(inner) => this.first(inner).optional(),
        DatabaseConnection::Postgres(inner) => this.for_update().first(inner).optional(),
    }
}

/// Puts an introduction in the place of an older one; whether that one is older.
fn replace(connection: &mut DatabaseConnection, introduction: &Introduction, document: &str) -> QueryResult<bool> {
    let written = signed(introduction.written.get());
    let older =
        introductions::table.find(introduction.query.as_bytes().as_slice()).filter(introductions::written.lt(written));
    let newer = (
        introductions::written.eq(written),
        introductions::versions.eq(introductions::versions + 1),
        introductions::document.eq(document),
    );
    Ok(update(older).set(newer).execute(connection)? > 0)
}
