//! The outer room of Locus: the HTTP API, its clients and the `locus` command line.
//!
//! Thin on purpose: authorize, call the market, respond. No plaintext record ever reaches the server side.

#![cfg_attr(test, allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing))]

pub mod access;
pub mod api;
pub mod chain;
pub mod cli;
pub mod client;
mod consortium;
pub mod demo;
mod duties;
mod error;
mod event;
pub mod member;
pub mod node;
mod pages;
pub mod patient;
pub mod problem;
mod reading;
mod regions;
pub mod serve;
pub mod sign_in;
pub mod signed_request;
mod standing;
mod stop;

pub use self::error::Error;
