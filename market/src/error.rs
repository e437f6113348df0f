//! The one error enum of this crate.

use std::io;

use circuits::id::QueryId;
use thiserror::Error;

/// Why something people do with Locus was refused.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum Error {
    /// A file breaks its format.
    #[error("{file}, {place}: {why}; {remedy}")]
    InvalidInput {
        /// The file as the caller names it.
        file: String,
        /// Line, record or column.
        place: String,
        /// What is wrong.
        why: String,
        /// What to do.
        remedy: String,
    },
    /// A file is sound but uses what Locus does not support.
    #[error("{file}, {place}: {feature} is not supported; {remedy}")]
    UnsupportedInput {
        /// The file as the caller names it.
        file: String,
        /// Line, record or column.
        place: String,
        /// The feature, by name.
        feature: String,
        /// What to do.
        remedy: String,
    },
    /// A file cannot be read.
    #[error("{file}, {place}: cannot be read ({source}); check that the file is complete and readable")]
    UnreadableInput {
        /// The file as the caller names it.
        file: String,
        /// Line, record or column reached.
        place: String,
        /// What the system or the decompressor said.
        source: io::Error,
    },
    /// A statement, record or encoding that `circuits` refuses.
    #[error(transparent)]
    Statement(#[from] circuits::Error),
    /// A message cannot be sealed or opened.
    #[error("the sealed message is refused: {why}")]
    Sealing {
        /// What is wrong, and what to do.
        why: String,
    },
    /// A committee's key generation cannot go on.
    #[error("the key generation stops: {why}")]
    KeyGeneration {
        /// What is wrong, and what to do.
        why: String,
    },
    /// A release's components are refused.
    #[error("the release of query {query}, part {part}, is refused: {why}")]
    Release {
        /// The query.
        query: QueryId,
        /// Its part.
        part: u8,
        /// What is wrong, and what to do.
        why: String,
    },
}
