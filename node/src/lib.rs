//! The ledger of Locus: a pure state machine, its blocks and their durable store.
//!
//! [`apply`] changes state by one transaction and depends on nothing but its arguments. [`Ledger`] keeps blocks and
//! state on disk and executes blocks; [`consensus`] decides them among validators, and [`Sequencer`] makes them for tests.
//! Nothing here knows plaintext records, files of genotypes, HTTP or SQL.

#![cfg_attr(test, allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing))]

pub mod archive;
mod authenticated;
pub mod block;
mod block_execution;
pub mod calendar;
pub mod codec;
pub mod consensus;
mod epoch;
mod error;
pub mod event;
mod execute;
pub mod fees;
pub mod genesis;
pub mod inclusion;
mod ledger;
pub mod light;
mod measure;
mod mempool;
mod proof;
pub mod query;
pub mod screening;
mod sequencer;
pub mod signature;
mod snapshot;
pub mod state;
mod store;
pub mod transaction;
pub mod units;
pub mod validator;
pub mod vote;

pub use authenticated::{StateProof, genesis_root};
pub use block_execution::{BlockEvents, RefusedTransaction};
pub use error::Error;
pub use execute::{Context, ProofVerifier, apply, foresee_opening, genesis_state};
pub use ledger::{Ledger, Proposal, replay};
pub use measure::{analysis, measure};
pub use mempool::{MEMPOOL_MAX, Mempool, SENDER_WAITING_MAX};
pub use proof::{Claim, Groth16Verifier, QueryPart, committee_key};
pub use sequencer::{Produced, Sequencer};
pub use snapshot::{LocatedTransaction, Snapshot};
