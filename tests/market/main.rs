//! The market's parties on one small chain: the whole flow, and what each of them refuses.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing, unreachable_pub)]

mod agent;
mod budget;
mod committee;
mod data_use;
mod fault;
mod flow;
mod receipt;
mod secrecy;
mod tampering;
mod world;
