//! A refusal before its file and line are known.

use std::{fmt::Display, io};

use crate::Error;

/// Why a line, a record or a whole file is not imported.
#[derive(Debug)]
pub(super) enum Refusal {
    /// The input breaks its format.
    Invalid { why: String, remedy: String },
    /// The input is sound but asks for something Locus does not do.
    Unsupported { feature: String, remedy: String },
    /// The bytes cannot be read.
    Unreadable(io::Error),
}

pub(super) type Checked<T> = Result<T, Refusal>;

impl From<io::Error> for Refusal {
    fn from(error: io::Error) -> Self {
        Self::Unreadable(error)
    }
}

/// A breach of the format.
pub(super) fn invalid<T>(why: impl Into<String>, remedy: impl Into<String>) -> Checked<T> {
    Err(Refusal::Invalid { why: why.into(), remedy: remedy.into() })
}

/// A feature outside this version.
pub(super) fn unsupported<T>(feature: impl Into<String>, remedy: impl Into<String>) -> Checked<T> {
    Err(Refusal::Unsupported { feature: feature.into(), remedy: remedy.into() })
}

impl Refusal {
    /// The error with its file and place.
    pub(super) fn at(self, file: &str, place: impl Display) -> Error {
        let (file, place) = (file.to_owned(), place.to_string());
        match self {
            Self::Invalid { why, remedy } => Error::InvalidInput { file, place, why, remedy },
            Self::Unsupported { feature, remedy } => Error::UnsupportedInput { file, place, feature, remedy },
            Self::Unreadable(source) => Error::UnreadableInput { file, place, source },
        }
    }
}

/// Untrusted bytes as they may be shown in a message: at most 60 characters, escaped.
pub(super) fn shown(bytes: &[u8]) -> String {
    const SHOWN_CHARS_MAX: usize = 60;
    let text = String::from_utf8_lossy(bytes.get(..4 * SHOWN_CHARS_MAX).unwrap_or(bytes));
    let cut: String = text.chars().take(SHOWN_CHARS_MAX).collect();
    let more = if cut.len() < bytes.len() { "…" } else { "" };
    format!("\"{}{more}\"", cut.escape_debug())
}
