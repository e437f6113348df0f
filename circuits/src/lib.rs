//! The statements of Locus: what a record is, what a proof says about it, and how a contribution is encrypted.
//!
//! Everything here is pure. There is no I/O, no clock and no global randomness: randomness is always a parameter.
//! The protocol pages under `docs/protocol/` restate each statement in words, with numbered invariants.

#![cfg_attr(test, allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing))]

pub mod ceremony;
pub mod consent;
pub mod contribution;
pub mod criteria;
pub mod domain;
pub mod eligibility;
mod error;
pub mod groth16;
pub mod id;
pub mod layout;
pub mod merkle;
pub mod nullifier;
pub mod poseidon;
pub mod privacy;
pub mod quorum;
pub mod record;
pub mod rlwe;
pub mod schema;

pub use error::Error;
