//! The introductions that a node keeps: the newest of each query.

use circuits::id::QueryId;
use diesel::{ExpressionMethods, OptionalExtension, QueryDsl, RunQueryDsl, delete, insert_into};

use super::{INTRODUCTION_JSON_BYTES_MAX, Introduction, refused, schema::introductions};
use crate::{
    Error,
    database::{Database, on_each, signed},
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
        let query = introduction.query.as_bytes().to_vec();
        let written = signed(introduction.written.get());
        let same = introductions::table.find(query.clone());
        self.database.write(|connection| {
            let columns = (introductions::document, introductions::versions);
            let found: Option<(String, i64)> = same.clone().select(columns).first(connection).optional()?;
            let mut versions = 1;
            if let Some((found, before)) = found {
                if found == document {
                    return Ok(false);
                }
                // A damaged one is replaced: nobody can read what it promised.
                let kept: Option<Introduction> = serde_json::from_str(&found).ok();
                if kept.is_some_and(|kept| kept.declared.is_some() && kept.declared != introduction.declared) {
                    return Err(refused(PROMISED.into()));
                }
                if before >= INTRODUCTIONS_MAX.into() {
                    return Err(refused(format!(
                        "the query was introduced {before} times at this node, and no more is taken; the latest stays"
                    )));
                }
                versions = before.saturating_add(1);
                // Only this one: another that came meanwhile may promise more.
                let older = same.clone().filter(introductions::written.lt(written));
                delete(older.filter(introductions::document.eq(found))).execute(connection)?;
            }
            let row = (
                introductions::query.eq(&query),
                introductions::written.eq(written),
                introductions::versions.eq(versions),
                introductions::document.eq(&document),
            );
            let insert = insert_into(introductions::table).values(row).on_conflict_do_nothing();
            if on_each!(connection, inner => insert.execute(inner))? == 1 {
                return Ok(true);
            }
            let kept: String = same.select(introductions::document).first(connection)?;
            if kept == document {
                Ok(false)
            } else {
                Err(refused("one that is as new or newer is here already".into()))
            }
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
