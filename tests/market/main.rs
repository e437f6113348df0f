//! The market's parties on one small chain: the whole flow, and what each of them refuses.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing, unreachable_pub)]

mod accounts;
mod agent;
mod aggregation;
mod budget;
mod committee;
mod crypt4gh_reference;
mod data_use;
mod database;
mod fault;
mod flow;
mod handover;
mod introductions;
mod jobs;
mod memory;
mod objects;
mod overview;
mod plans;
#[path = "../ports.rs"]
mod ports;
#[path = "../postgres.rs"]
#[allow(dead_code, reason = "each binary uses a part of the cluster")]
mod postgres;
mod receipt;
mod recruitment;
mod runner;
#[path = "../s3.rs"]
#[allow(dead_code, reason = "each binary uses a part of the server")]
mod s3;
mod secrecy;
#[path = "../skipped.rs"]
mod skipped;
mod steps;
mod tampering;
mod world;
