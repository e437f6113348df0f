//! The market of Locus: what people do with records, queries and results.
//!
//! Every call blocks. Inside an asynchronous runtime, call from its blocking pool.

#![cfg_attr(test, allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing))]

pub mod agent;
pub mod aggregator;
pub mod committee;
pub mod data_use;
mod error;
pub mod import;
pub mod index;
pub mod issuer;
pub mod ledger;
pub mod objects;
pub mod passport;
pub mod query;
pub mod receipt;
pub mod researcher;
pub mod sealing;
pub mod statistics;
pub mod wallet;

pub use self::error::Error;
