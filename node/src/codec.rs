//! Canonical bytes: borsh without trailing bytes, under a named bound.

use borsh::{BorshDeserialize, BorshSerialize};

use crate::Error;

/// The canonical encoding.
///
/// # Errors
/// [`Error::Malformed`] when a list is longer than borsh's 32-bit length prefix holds.
pub fn encode(what: &'static str, value: &impl BorshSerialize) -> Result<Vec<u8>, Error> {
    borsh::to_vec(value).map_err(|error| Error::Malformed { what, why: error.to_string() })
}

/// The value of a canonical encoding of at most `bytes_max` bytes; trailing bytes are refused.
///
/// # Errors
/// [`Error::TooLarge`] beyond the bound, [`Error::Malformed`] otherwise.
pub fn decode<T: BorshDeserialize>(what: &'static str, bytes: &[u8], bytes_max: usize) -> Result<T, Error> {
    check_length(what, bytes.len(), bytes_max)?;
    borsh::from_slice(bytes).map_err(|error| Error::Malformed { what, why: error.to_string() })
}

/// Refuses more than `limit` of something.
///
/// # Errors
/// [`Error::TooLarge`] beyond the limit.
pub fn check_length(what: &'static str, length: usize, limit: usize) -> Result<(), Error> {
    if length > limit { Err(Error::TooLarge { what, value: length as u64, limit: limit as u64 }) } else { Ok(()) }
}
