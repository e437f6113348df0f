//! The market of Locus.

#![cfg_attr(test, allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing))]

pub mod committee;
mod error;
pub mod import;
pub mod index;
pub mod sealing;

pub use self::error::Error;
