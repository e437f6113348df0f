//! The market of Locus: what people do with records, queries and results.
//!
//! Every call blocks. Inside an asynchronous runtime, call from its blocking pool.

#![cfg_attr(test, allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing))]

pub mod accounts;
pub mod agent;
pub mod aggregator;
pub mod beacon;
pub mod committee;
pub mod consent;
pub mod crypt4gh;
pub mod data_use;
pub mod database;
mod error;
pub mod import;
pub mod index;
pub mod introduction;
pub mod issuer;
pub mod jobs;
pub mod ledger;
pub mod licence;
pub mod objects;
pub mod overview;
pub mod passport;
pub mod query;
pub mod receipt;
pub mod recruitment;
pub mod researcher;
pub mod sealing;
mod so_many;
pub mod statistics;
pub mod wallet;

pub use self::{error::Error, so_many::so_many};

#[cfg(test)]
#[path = "../../tests/skipped.rs"]
mod skipped;
