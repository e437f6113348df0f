//! The packed form of coefficients: 12 little-endian bytes each, the three spare high bits zero.

use super::params::{ALIGNMENT_BITS, COEFFICIENT_BYTES, SPARE_BITS};
use crate::Error;

const PACKED_BITS: u32 = 8 * COEFFICIENT_BYTES as u32;

/// Appends the packed form of aligned values.
pub(super) fn pack(values: &[u128], bytes: &mut Vec<u8>) {
    bytes.reserve(values.len() * COEFFICIENT_BYTES);
    for value in values {
        bytes.extend((value >> ALIGNMENT_BITS).to_le_bytes().into_iter().take(COEFFICIENT_BYTES));
    }
}

/// One packed coefficient as an aligned value; its spare bits are shifted out, so check them first.
fn unpack_one(bytes: &[u8; COEFFICIENT_BYTES]) -> u128 {
    let mut wide = [0; 16];
    for (to, from) in wide.iter_mut().zip(bytes) {
        *to = *from;
    }
    u128::from_le_bytes(wide) << ALIGNMENT_BITS
}

/// The aligned values of `count` packed coefficients.
///
/// # Errors
/// [`Error::Malformed`] for another length or a set spare bit.
pub(super) fn unpack<'b>(
    what: &'static str,
    bytes: &'b [u8],
    count: usize,
) -> Result<impl Iterator<Item = u128> + use<'b>, Error> {
    let (coefficients, rest) = bytes.as_chunks::<COEFFICIENT_BYTES>();
    if coefficients.len() != count || !rest.is_empty() {
        let why = format!("{} bytes given, {} expected", bytes.len(), count * COEFFICIENT_BYTES);
        return Err(Error::Malformed { what, why });
    }
    let spare = u8::MAX << (8 - SPARE_BITS);
    if let Some(place) = coefficients.iter().position(|[.., last]| last & spare != 0) {
        let why = format!("coefficient {place} is not below 2^{}; clear its spare bits", PACKED_BITS - SPARE_BITS);
        return Err(Error::Malformed { what, why });
    }
    Ok(coefficients.iter().map(unpack_one))
}
