//! Edit lists: which parts of the plaintext a reader is to see (section 4.3).

use std::ops::Range;

use super::{HEADER_BYTES_MAX, refused};
use crate::Error;

/// Lengths that fit in a header.
const LENGTHS_MAX: usize = HEADER_BYTES_MAX / 8;

/// Byte counts to leave out and to keep, in turn, beginning with one to leave out. After a last count to leave out,
/// everything is kept; after a last one to keep, nothing is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EditList(Vec<u64>);

impl EditList {
    /// The list of these lengths.
    ///
    /// # Errors
    /// [`Error::Crypt4gh`] when it is longer than a header can hold.
    pub fn new(lengths: Vec<u64>) -> Result<Self, Error> {
        if lengths.len() > LENGTHS_MAX {
            let why = format!("it has {} lengths, at most {LENGTHS_MAX} fit in a header", lengths.len());
            return Err(refused("edit list", why));
        }
        Ok(Self(lengths))
    }

    /// The lengths.
    #[must_use]
    pub fn lengths(&self) -> &[u64] {
        &self.0
    }

    /// The kept parts of a plaintext of `plaintext_bytes` bytes, in order, none of them empty. An empty list keeps all.
    #[must_use]
    pub fn kept(&self, plaintext_bytes: u64) -> Vec<Range<u64>> {
        if self.0.is_empty() {
            return whole(plaintext_bytes);
        }
        let (mut parts, mut position) = (vec![], 0_u64);
        for pair in self.0.chunks(2) {
            // Beyond the largest position there is nothing to keep, so a sum that overflows keeps nothing.
            let start = position.saturating_add(pair.first().copied().unwrap_or_default());
            position = pair.get(1).map_or(u64::MAX, |keep| start.saturating_add(*keep));
            let part = start.min(plaintext_bytes)..position.min(plaintext_bytes);
            if !part.is_empty() {
                parts.push(part);
            }
        }
        parts
    }
}

/// All of a plaintext.
pub(super) fn whole(plaintext_bytes: u64) -> Vec<Range<u64>> {
    (plaintext_bytes > 0).then_some(0..plaintext_bytes).into_iter().collect()
}
