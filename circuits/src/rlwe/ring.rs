//! Elements of `Z_q[X]/(X^4096 + 1)`.

use std::{fmt, sync::LazyLock};

use borsh::{BorshDeserialize, BorshSerialize, io};
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use tfhe::core_crypto::prelude::{Polynomial, PolynomialOwned, PolynomialSize, polynomial_algorithms};
use tfhe_ntt::native_binary128::Plan32;
use zeroize::{Zeroize, Zeroizing};

use super::{
    codec,
    params::{ALIGNMENT_BITS, MODULUS_BITS, POLYNOMIAL_BYTES, RING_DEGREE},
    short::{ErrorPolynomial, Ternary},
    xof::Xof,
};
use crate::Error;

/// A residue of `q = 2^93`, as tfhe keeps it: shifted to the most significant bit.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Coefficient(u128);

impl Coefficient {
    /// The residue class of an integer.
    #[must_use]
    pub const fn from_integer(value: i128) -> Self {
        Self((value as u128) << ALIGNMENT_BITS)
    }

    /// The representative in `[-q/2, q/2)`.
    #[must_use]
    pub const fn centred(self) -> i128 {
        (self.0 as i128) >> ALIGNMENT_BITS
    }

    /// The sum in `Z_q`.
    #[must_use]
    pub const fn plus(self, other: Self) -> Self {
        Self(self.0.wrapping_add(other.0))
    }

    pub(super) const fn from_aligned(value: u128) -> Self {
        Self(value)
    }

    pub(super) const fn aligned(self) -> u128 {
        self.0
    }

    /// The packed form of a list of coefficients, 12 bytes each.
    #[must_use]
    pub fn pack(coefficients: &[Self]) -> Vec<u8> {
        let mut bytes = Vec::new();
        codec::pack(&coefficients.iter().map(|c| c.0).collect::<Vec<_>>(), &mut bytes);
        bytes
    }

    /// The `count` coefficients of a packed form.
    ///
    /// # Errors
    /// [`Error::Malformed`] for another length or a set spare bit.
    pub fn unpack(what: &'static str, bytes: &[u8], count: usize) -> Result<Vec<Self>, Error> {
        Ok(codec::unpack(what, bytes, count)?.map(Self).collect())
    }
}

/// A ring element, 4,096 coefficients from the constant term. On the wire 49,152 packed bytes.
#[derive(Clone, PartialEq)]
pub struct RingElement(PolynomialOwned<u128>);

impl Eq for RingElement {}

/// For elements that would give a secret away, such as its product with a public one.
impl Zeroize for RingElement {
    fn zeroize(&mut self) {
        self.0.as_mut().zeroize();
    }
}

impl fmt::Debug for RingElement {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("RingElement(..)")
    }
}

impl RingElement {
    /// The zero polynomial.
    #[must_use]
    pub fn zero() -> Self {
        Self(Polynomial::new(0, PolynomialSize(RING_DEGREE)))
    }

    /// The next element of a stream: 12 bytes to a coefficient, the three spare bits dropped.
    #[must_use]
    pub fn from_xof(stream: &mut Xof) -> Self {
        let mut element = Self::zero();
        for coefficient in element.0.iter_mut() {
            let mut wide = [0; 16];
            if let Some(low) = wide.first_chunk_mut::<{ super::params::COEFFICIENT_BYTES }>() {
                stream.fill(low);
            }
            *coefficient = u128::from_le_bytes(wide) << ALIGNMENT_BITS;
        }
        element
    }

    /// Coefficients given as aligned values; the caller vouches for their number.
    pub(super) fn from_aligned(values: Vec<u128>) -> Self {
        debug_assert_eq!(values.len(), RING_DEGREE);
        Self(Polynomial::from_container(values))
    }

    /// The tfhe polynomial.
    #[must_use]
    pub const fn polynomial(&self) -> &PolynomialOwned<u128> {
        &self.0
    }

    /// The coefficients, from the constant term.
    pub fn coefficients(&self) -> impl DoubleEndedIterator<Item = Coefficient> + '_ {
        self.0.as_ref().iter().map(|value| Coefficient(*value))
    }

    /// The product with a ternary polynomial, which may be a long-lived secret.
    #[must_use]
    pub fn times(&self, ternary: &Ternary) -> Self {
        let mut product = Self::zero();
        multiply_into(product.0.as_mut(), self, ternary);
        product
    }

    /// The sum.
    #[must_use]
    pub fn plus(mut self, other: &Self) -> Self {
        polynomial_algorithms::polynomial_wrapping_add_assign(&mut self.0, &other.0);
        self
    }

    /// The negative.
    #[must_use]
    pub fn negated(mut self) -> Self {
        self.0.iter_mut().for_each(|value| *value = value.wrapping_neg());
        self
    }

    /// The sum with an error polynomial.
    #[must_use]
    pub fn plus_error(mut self, error: &ErrorPolynomial) -> Self {
        add_error(self.0.as_mut(), error);
        self
    }

    /// Whether every centred coefficient is at most `bound` in magnitude.
    #[must_use]
    pub fn is_short(&self, bound: u128) -> bool {
        self.coefficients().all(|c| c.centred().unsigned_abs() <= bound)
    }

    /// The 49,152 packed bytes.
    #[must_use]
    pub fn to_packed_bytes(&self) -> Vec<u8> {
        let mut bytes = Vec::with_capacity(POLYNOMIAL_BYTES);
        codec::pack(self.0.as_ref(), &mut bytes);
        bytes
    }

    /// The element of packed bytes.
    ///
    /// # Errors
    /// [`Error::Malformed`] for another length or a set spare bit.
    pub fn from_packed_bytes(what: &'static str, bytes: &[u8]) -> Result<Self, Error> {
        Ok(Self::from_aligned(codec::unpack(what, bytes, RING_DEGREE)?.collect()))
    }
}

/// `output = element · ternary`, by tfhe's Karatsuba product: neither its control flow nor its memory accesses depend
/// on the operands, as a secret that is used again and again needs.
fn multiply_into(output: &mut [u128], element: &RingElement, ternary: &Ternary) {
    polynomial_algorithms::polynomial_karatsuba_wrapping_mul(
        &mut Polynomial::from_container(output),
        &element.0,
        &Polynomial::from_container(ternary.operand().as_slice()),
    );
}

/// The transform that multiplies by binary polynomials; always present for this degree.
static BINARY_PRODUCT: LazyLock<Option<Plan32>> = LazyLock::new(|| Plan32::try_new(RING_DEGREE));

/// The same product seven times as fast, by tfhe's number-theoretic transform for binary operands: once for the
/// coefficients 1 and once for -1. For ephemeral operands, since its reductions are not written to take constant time.
pub(super) fn multiply_ephemeral_into(output: &mut [u128], element: &RingElement, ternary: &Ternary) {
    let Some(plan) = BINARY_PRODUCT.as_ref() else {
        return multiply_into(output, element, ternary);
    };
    let mut negative = Zeroizing::new(vec![0; RING_DEGREE]);
    plan.negacyclic_polymul(output, element.0.as_ref(), &ternary.indicator(1));
    plan.negacyclic_polymul(&mut negative, element.0.as_ref(), &ternary.indicator(-1));
    for (value, negative) in output.iter_mut().zip(negative.iter()) {
        *value = value.wrapping_sub(*negative);
    }
}

/// `output += error`.
pub(super) fn add_error(output: &mut [u128], error: &ErrorPolynomial) {
    for (value, e) in output.iter_mut().zip(error.coefficients()) {
        *value = value.wrapping_add(Coefficient::from_integer(i128::from(*e)).aligned());
    }
}

impl BorshSerialize for RingElement {
    fn serialize<W: io::Write>(&self, writer: &mut W) -> io::Result<()> {
        writer.write_all(&self.to_packed_bytes())
    }
}

impl BorshDeserialize for RingElement {
    fn deserialize_reader<R: io::Read>(reader: &mut R) -> io::Result<Self> {
        let mut bytes = vec![0; POLYNOMIAL_BYTES];
        reader.read_exact(&mut bytes)?;
        Self::from_packed_bytes("ring element", &bytes)
            .map_err(|error| io::Error::new(io::ErrorKind::InvalidData, error))
    }
}

/// The text form is the packed bytes in hexadecimal.
impl Serialize for RingElement {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        hex::serde::serialize(self.to_packed_bytes(), serializer)
    }
}

impl<'de> Deserialize<'de> for RingElement {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let bytes: Vec<u8> = hex::serde::deserialize(deserializer)?;
        Self::from_packed_bytes("ring element", &bytes).map_err(serde::de::Error::custom)
    }
}

const _: () = assert!(MODULUS_BITS + ALIGNMENT_BITS == u128::BITS);
