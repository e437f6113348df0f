//! The SQL database: one schema on embedded SQLite or on PostgreSQL, chosen by a URL.
//!
//! It holds what is kept apart: the index of the ledger, which is made again from the ledger at any time; the queue of jobs;
//! and the service's own accounts and researchers' introductions, which nothing else has. Migrations for both kinds of database are
//! in the program, in `market/migrations`, and run when it is opened.
//!
//! To add a table of the index: write it in a new migration of the same name under `migrations/sqlite` and
//! `migrations/postgres`, with an index for every listing; name it in `index/schema.rs`, there also in `tables!`, so that
//! a rebuild empties it; write its rows in `index/append.rs`; list them in `index/list.rs`. The tests compare both kinds of
//! database, the live index with the rebuilt one, and each listing's plan.

mod connection;
mod migrate;
mod names;
mod pool;
mod stored;
mod url;

pub(crate) use self::{
    connection::on_each,
    names::names,
    stored::{Bits, Bytes, MaybeTime, Number, bits, signed, storable},
};
pub use self::{
    connection::{DatabaseConnection, MultiBackend},
    pool::{CONNECTIONS_MAX, Database, WAIT_TIME_MAX},
    url::DatabaseUrl,
};
