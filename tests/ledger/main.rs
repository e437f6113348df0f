//! The ledger from outside: every transaction with its rejected twins, conservation, recovery and offline proofs.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]
#![allow(clippy::type_complexity, missing_docs, unreachable_pub)]

mod admission;
mod books;
mod chain;
mod codec;
mod committee;
mod consensus;
mod conservation;
mod consortium;
mod device;
mod exact;
mod false_receipt;
mod handover;
mod licences;
mod life;
mod light;
mod money;
mod people;
#[path = "../ports.rs"]
mod ports;
mod private;
mod proof_queue;
mod prover;
mod real_proofs;
mod recovery;
mod recruitment;
mod release;
mod rights;
mod screened;
#[path = "../skipped.rs"]
mod skipped;
mod studies;
mod world;
