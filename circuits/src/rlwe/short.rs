//! Polynomials with small coefficients: ternary secrets and bounded errors. Both are secret.

use std::fmt;

use borsh::{BorshDeserialize, BorshSerialize, io};
use rand::CryptoRng;
use zeroize::{Zeroize, ZeroizeOnDrop, Zeroizing};

use super::params::{ERROR_BOUND, ERROR_BOUND_LOG2, RING_DEGREE};

/// Bytes of an encoded ternary polynomial: two bits to a coefficient.
const TERNARY_BYTES: usize = RING_DEGREE / 4;

/// A polynomial with coefficients in {-1, 0, 1}: a secret share, or the randomness `u` of an encryption.
#[derive(Clone, PartialEq, Eq, Zeroize, ZeroizeOnDrop)]
pub struct Ternary(Vec<i8>);

impl Ternary {
    /// A uniformly random ternary polynomial.
    #[must_use]
    pub fn random(rng: &mut (impl CryptoRng + ?Sized)) -> Self {
        let mut coefficients = Vec::with_capacity(RING_DEGREE);
        let mut bytes = Zeroizing::new([0; TERNARY_BYTES]);
        while coefficients.len() < RING_DEGREE {
            rng.fill_bytes(bytes.as_mut());
            let pairs = bytes.iter().flat_map(|byte| [0, 2, 4, 6].map(|shift| (byte >> shift) & 3));
            // Rejecting the fourth pair value keeps the rest uniform; which draws are rejected says nothing of them.
            let accepted = pairs.filter(|pair| *pair < 3).map(|pair| pair as i8 - 1);
            coefficients.extend(accepted.take(RING_DEGREE - coefficients.len()));
        }
        Self(coefficients)
    }

    /// A polynomial that no honest party draws, for tests of forgeries.
    #[cfg(test)]
    pub(crate) fn with_coefficient(mut self, place: usize, value: i8) -> Self {
        self.0[place] = value;
        self
    }

    /// The coefficients, from the constant term.
    #[must_use]
    pub fn coefficients(&self) -> &[i8] {
        &self.0
    }

    /// The polynomial with coefficient 1 where this one's is `value`, and 0 elsewhere.
    pub(super) fn indicator(&self, value: i8) -> Zeroizing<Vec<u128>> {
        Zeroizing::new(self.0.iter().map(|c| u128::from(*c == value)).collect())
    }

    /// The polynomial as an operand of tfhe's products: not aligned, negative values wrapped.
    pub(super) fn operand(&self) -> Zeroizing<Vec<u128>> {
        Zeroizing::new(self.0.iter().map(|c| i128::from(*c) as u128).collect())
    }
}

impl fmt::Debug for Ternary {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Ternary(redacted)")
    }
}

impl BorshSerialize for Ternary {
    /// Two bits to a coefficient, the first in the lowest bits: 0, 1, and 2 for -1.
    fn serialize<W: io::Write>(&self, writer: &mut W) -> io::Result<()> {
        let pack = |quad: &[i8]| quad.iter().rev().fold(0u8, |byte, c| byte << 2 | (c.rem_euclid(3) as u8));
        let bytes: Zeroizing<Vec<u8>> = Zeroizing::new(self.0.chunks(4).map(pack).collect());
        writer.write_all(&bytes)
    }
}

impl BorshDeserialize for Ternary {
    fn deserialize_reader<R: io::Read>(reader: &mut R) -> io::Result<Self> {
        let mut bytes = Zeroizing::new([0; TERNARY_BYTES]);
        reader.read_exact(bytes.as_mut())?;
        let mut coefficients = Self(Vec::with_capacity(RING_DEGREE));
        for pair in bytes.iter().flat_map(|byte| [0, 2, 4, 6].map(|shift| (byte >> shift) & 3)) {
            coefficients.0.push(match pair {
                0 => 0,
                1 => 1,
                2 => -1,
                _ => return Err(io::Error::new(io::ErrorKind::InvalidData, "a ternary coefficient is 0, 1 or 2 (-1)")),
            });
        }
        Ok(coefficients)
    }
}

/// A polynomial with coefficients in `[-8, 8]`.
#[derive(Clone, PartialEq, Eq, Zeroize, ZeroizeOnDrop)]
pub struct ErrorPolynomial(Vec<i8>);

impl ErrorPolynomial {
    /// Coefficients drawn from TUniform(3).
    #[must_use]
    pub fn random(rng: &mut (impl CryptoRng + ?Sized)) -> Self {
        let mut bytes = Zeroizing::new([0; RING_DEGREE]);
        rng.fill_bytes(bytes.as_mut());
        // Five bits v: (v >> 1) + (v & 1) is 0 or 16 for one v each and every value between for two.
        let draw = |byte: &u8| {
            let v = (byte & ((4 << ERROR_BOUND_LOG2) - 1)) as i8;
            (v >> 1) + (v & 1) - ERROR_BOUND
        };
        Self(bytes.iter().map(draw).collect())
    }

    /// A polynomial that no honest party draws, for tests of forgeries.
    #[cfg(test)]
    pub(crate) fn with_coefficient(mut self, place: usize, value: i8) -> Self {
        self.0[place] = value;
        self
    }

    /// The coefficients, from the constant term.
    #[must_use]
    pub fn coefficients(&self) -> &[i8] {
        &self.0
    }
}

impl fmt::Debug for ErrorPolynomial {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ErrorPolynomial(redacted)")
    }
}
