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
mod browser;
mod ceremony;
mod certify;
mod cli;
mod commands;
mod consortium;
mod data_use;
mod database;
mod demo;
mod fuzz;
mod genome;
mod guides;
mod import_truth;
mod introduced;
#[path = "ledger/consortium/lan.rs"]
#[allow(dead_code, reason = "links are cut elsewhere")]
mod lan;
mod licence_terms;
#[path = "ledger/life.rs"]
#[allow(dead_code, reason = "each binary uses a part of the world")]
mod life;
#[path = "market/world.rs"]
#[allow(dead_code, reason = "each binary uses a part of the world")]
mod market_world;
mod network;
mod operator;
mod ports;
mod postgres;
mod python;
mod recruitment;
#[allow(dead_code, reason = "each binary uses a part of it")]
mod s3;
#[path = "ledger/screened.rs"]
#[allow(dead_code, reason = "each binary uses a part of the world")]
mod screened;
mod skipped;
mod statements;
mod statistics;
mod story;
mod tidy;
#[path = "ledger/world.rs"]
#[allow(dead_code, reason = "each binary uses a part of the world")]
mod world;
