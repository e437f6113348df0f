//! The market's parties on one small chain: the whole flow, and what each of them refuses.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing, unreachable_pub)]

mod accounts;
mod agent;
mod aggregation;
mod budget;
mod committee;
mod database;
mod fault;
mod flow;
mod jobs;
mod plans;
#[path = "../postgres.rs"]
mod postgres;
mod receipt;
mod secrecy;
mod tampering;
mod world;
