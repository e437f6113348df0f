//! Cross-crate tests in one binary: one module per subject.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    missing_docs,
    unreachable_pub
)]

mod api;
mod attack;
mod ceremony;
mod cli;
mod consortium;
mod data_use;
mod demo;
mod fuzz;
mod import_truth;
#[path = "ledger/life.rs"]
#[allow(dead_code, reason = "each binary uses a part of the world")]
mod life;
mod network;
mod statements;
mod statistics;
mod tidy;
#[path = "ledger/world.rs"]
#[allow(dead_code, reason = "each binary uses a part of the world")]
mod world;
