//! A ciphertext as an identity of polynomials, and its evaluation at a challenge.
//!
//! With every coefficient centred in `[-q/2, q/2)`, `b·u + e0 + Δ·m = c0 + q·k0 + (X^N + 1)·r0` over the integers, and
//! likewise `a·u + e1 = c1 + q·k1 + (X^N + 1)·r1`. Both are checked at one random point as first + 2^108 · second, with
//! `r = r0 + 2^108 · r1` (compare Bottazzi, *Greco*, ePrint 2024/594).

use std::sync::LazyLock;

use ark_bn254::Fr;
use ark_ff::Zero;
use tfhe_ntt::native_binary128::Plan32;
use zeroize::{Zeroize, ZeroizeOnDrop, Zeroizing};

use super::{
    encrypt::{Ciphertext, EncryptionWitness, Plaintext},
    key::PublicKey,
    params::{DELTA_BITS, IDENTITY_SHIFT, MODULUS_BITS, QUOTIENT_BOUND, RING_DEGREE},
    ring::{Coefficient, RingElement},
    short::Ternary,
};
use crate::Error;

/// The integers that complete an encryption's identities. Secret, as they follow from its randomness.
#[derive(Clone, Zeroize, ZeroizeOnDrop)]
pub struct Quotients {
    k0: Vec<i16>,
    k1: Vec<i16>,
    r0: Vec<i128>,
    r1: Vec<i128>,
}

impl std::fmt::Debug for Quotients {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Quotients(redacted)")
    }
}

impl Quotients {
    /// The quotients of an encryption.
    ///
    /// # Errors
    /// [`Error::Proving`] when the ciphertext is not this encryption, or a quotient by `q` does not fit a byte: then
    /// encrypt again, which happens about twice in 10^13 times.
    pub fn new(
        key: &PublicKey,
        plaintext: &Plaintext,
        witness: &EncryptionWitness,
        ciphertext: &Ciphertext,
    ) -> Result<Self, Error> {
        Self::within(QUOTIENT_BOUND, key, plaintext, witness, ciphertext)
    }

    /// The quotients of an encryption, beyond a byte too, for tests of forgeries.
    #[cfg(test)]
    pub(crate) fn unbounded(
        key: &PublicKey,
        plaintext: &Plaintext,
        witness: &EncryptionWitness,
        ciphertext: &Ciphertext,
    ) -> Result<Self, Error> {
        Self::within(i16::MAX.into(), key, plaintext, witness, ciphertext)
    }

    fn within(
        bound: i32,
        key: &PublicKey,
        plaintext: &Plaintext,
        witness: &EncryptionWitness,
        ciphertext: &Ciphertext,
    ) -> Result<Self, Error> {
        let (c0, c1) = ciphertext.halves();
        let slots = plaintext.slots().iter().map(|slot| i128::from(*slot) << DELTA_BITS);
        let errors0 = witness.e0().coefficients().iter().map(|e| i128::from(*e));
        let errors1 = witness.e1().coefficients().iter().map(|e| i128::from(*e));
        let added0 = errors0.zip(slots.chain(std::iter::repeat(0))).map(|(e, m)| e + m);
        let (k0, r0) = divide(key.b(), witness.u(), added0, c0, bound)?;
        let (k1, r1) = divide(key.a(), witness.u(), errors1, c1, bound)?;
        Ok(Self { k0, k1, r0, r1 })
    }

    /// The quotients of `c0` and of `c1` by `q`.
    #[must_use]
    pub fn by_modulus(&self) -> [&[i16]; 2] {
        [&self.k0, &self.k1]
    }

    /// Quotients that no encryption has, for tests of forgeries: the first coefficient of `k0` or of `k1` replaced.
    #[cfg(test)]
    pub(crate) fn with_first_quotient(mut self, half: usize, k: i16) -> Self {
        let quotients = if half == 0 { &mut self.k0 } else { &mut self.k1 };
        quotients[0] = k;
        self
    }

    /// The coefficients of `r0 + 2^108 · r1`: 4,095 of them.
    pub fn by_cyclotomic(&self) -> impl Iterator<Item = Fr> {
        let shift = Fr::from(1u128 << IDENTITY_SHIFT);
        self.r0.iter().zip(&self.r1).map(move |(r0, r1)| Fr::from(*r0) + shift * Fr::from(*r1))
    }
}

/// Products of polynomials of degree below 4,096, which a ring of twice that degree does not wrap.
static PRODUCT: LazyLock<Option<Plan32>> = LazyLock::new(|| Plan32::try_new(2 * RING_DEGREE));

/// `(element·u + added − c)` divided by `X^N + 1`, and the rest by `q`: quotients within `[-bound, bound)`.
fn divide(
    element: &RingElement,
    u: &Ternary,
    added: impl Iterator<Item = i128>,
    c: impl Iterator<Item = Coefficient>,
    bound: i32,
) -> Result<(Vec<i16>, Vec<i128>), Error> {
    let broken = |why: &str| Error::Proving { why: why.into() };
    let product = integer_product(element, u).ok_or_else(|| broken("the ring is too large for its transform"))?;
    let (low, high) = product.split_at(RING_DEGREE);
    let quotient = |((low, high), (added, c)): ((&i128, &i128), (i128, Coefficient))| {
        let rest = low - high + added - c.centred();
        if rest & ((1 << MODULUS_BITS) - 1) != 0 {
            return Err(broken("the ciphertext is not the encryption of this plaintext"));
        }
        let quotient = i16::try_from(rest >> MODULUS_BITS).unwrap_or(i16::MAX);
        let fits = (-bound..bound).contains(&quotient.into());
        if fits { Ok(quotient) } else { Err(broken("a quotient does not fit a byte; encrypt again")) }
    };
    let quotients: Result<_, _> = low.iter().zip(high).zip(added.zip(c)).map(quotient).collect();
    Ok((quotients?, high.iter().take(RING_DEGREE - 1).copied().collect()))
}

/// The 8,192 coefficients of `element · u` over the integers, `element` centred.
fn integer_product(element: &RingElement, u: &Ternary) -> Option<Zeroizing<Vec<i128>>> {
    let plan = PRODUCT.as_ref()?;
    let mut centred: Vec<u128> = element.coefficients().map(|c| c.centred() as u128).collect();
    centred.resize(2 * RING_DEGREE, 0);
    let times = |value: i8| {
        let mut indicator = u.indicator(value);
        indicator.resize(2 * RING_DEGREE, 0);
        let mut product = Zeroizing::new(vec![0; 2 * RING_DEGREE]);
        plan.negacyclic_polymul(&mut product, &centred, &indicator);
        product
    };
    let (positive, negative) = (times(1), times(-1));
    Some(Zeroizing::new(positive.iter().zip(negative.iter()).map(|(p, n)| p.wrapping_sub(*n) as i128).collect()))
}

/// A polynomial's value at a point, from its coefficients, the constant term first.
#[must_use]
pub fn horner(coefficients: &[Fr], point: Fr) -> Fr {
    coefficients.iter().rev().fold(Fr::zero(), |sum, coefficient| sum * point + coefficient)
}

/// A polynomial's value at a point of the field, from its coefficients centred in `[-q/2, q/2)`.
fn evaluate(coefficients: impl DoubleEndedIterator<Item = Coefficient>, point: Fr) -> Fr {
    coefficients.rev().fold(Fr::zero(), |sum, coefficient| sum * point + Fr::from(coefficient.centred()))
}

impl RingElement {
    /// The centred polynomial's value at a point of the field.
    #[must_use]
    pub fn evaluate(&self, point: Fr) -> Fr {
        evaluate(self.coefficients(), point)
    }

    /// The centred coefficients as field elements, for many evaluations.
    #[must_use]
    pub fn to_field(&self) -> Vec<Fr> {
        self.coefficients().map(|coefficient| Fr::from(coefficient.centred())).collect()
    }
}

impl Ciphertext {
    /// The values of `c0` and `c1` at a point of the field.
    #[must_use]
    pub fn evaluate(&self, point: Fr) -> [Fr; 2] {
        let (c0, c1) = self.halves();
        [evaluate(c0, point), evaluate(c1, point)]
    }
}
