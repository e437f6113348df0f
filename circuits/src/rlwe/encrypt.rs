//! Public-key encryption of one contribution.

use std::fmt;

use borsh::{BorshDeserialize, BorshSerialize, io};
use rand::CryptoRng;
use tfhe::core_crypto::prelude::{CiphertextModulus, GlweCiphertext, GlweCiphertextOwned, PolynomialSize};
use zeroize::{Zeroize, ZeroizeOnDrop};

use super::{
    codec,
    key::PublicKey,
    params::{
        CIPHERTEXT_BYTES, DELTA_BITS, ERROR_BOUND, LAYOUT_SLOTS, MODULUS_BITS, PLAINTEXT_BITS, POLYNOMIAL_BYTES,
        RING_DEGREE,
    },
    ring::{Coefficient, add_error, multiply_ephemeral_into},
    short::{ErrorPolynomial, Ternary},
};
use crate::{
    Error,
    domain::{self, ByteTag},
    id::Digest,
};

/// The modulus in tfhe's terms.
pub(super) const CIPHERTEXT_MODULUS: CiphertextModulus<u128> =
    match CiphertextModulus::try_new_power_of_2(MODULUS_BITS as usize) {
        Ok(modulus) => modulus,
        Err(_) => panic!("the modulus fits a u128"),
    };

/// What a contribution says: up to 4,032 slots below 2^24, the rest zero. Secret.
#[derive(Clone, PartialEq, Eq, Zeroize, ZeroizeOnDrop)]
pub struct Plaintext(Vec<u32>);

impl Plaintext {
    /// These slots from slot 0.
    ///
    /// # Errors
    /// [`Error::OutOfRange`] for more than 4,032 slots or a value of 2^24 or more.
    pub fn new(slots: Vec<u32>) -> Result<Self, Error> {
        // Wrapped first, so that refused slots are wiped too.
        let plaintext = Self(slots);
        if plaintext.0.len() > LAYOUT_SLOTS {
            let (value, limit) = (plaintext.0.len() as u64, LAYOUT_SLOTS as u64);
            return Err(Error::OutOfRange { what: "number of plaintext slots", value, limit });
        }
        let limit = (1u64 << PLAINTEXT_BITS) - 1;
        match plaintext.0.iter().map(|slot| u64::from(*slot)).find(|slot| *slot > limit) {
            Some(value) => Err(Error::OutOfRange { what: "plaintext slot", value, limit }),
            None => Ok(plaintext),
        }
    }

    /// The slots given, from slot 0.
    #[must_use]
    pub fn slots(&self) -> &[u32] {
        &self.0
    }
}

impl fmt::Debug for Plaintext {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Plaintext(redacted)")
    }
}

/// The randomness of one encryption: what a proof of a well-formed ciphertext opens.
#[derive(Clone)]
pub struct EncryptionWitness {
    u: Ternary,
    e0: ErrorPolynomial,
    e1: ErrorPolynomial,
}

impl EncryptionWitness {
    /// Fresh randomness.
    #[must_use]
    pub fn random(rng: &mut (impl CryptoRng + ?Sized)) -> Self {
        Self { u: Ternary::random(rng), e0: ErrorPolynomial::random(rng), e1: ErrorPolynomial::random(rng) }
    }

    /// Randomness of a test's choice.
    #[cfg(test)]
    pub(crate) const fn from_parts(u: Ternary, e0: ErrorPolynomial, e1: ErrorPolynomial) -> Self {
        Self { u, e0, e1 }
    }

    /// The ephemeral secret.
    #[must_use]
    pub const fn u(&self) -> &Ternary {
        &self.u
    }

    /// The error of `c0`.
    #[must_use]
    pub const fn e0(&self) -> &ErrorPolynomial {
        &self.e0
    }

    /// The error of `c1`.
    #[must_use]
    pub const fn e1(&self) -> &ErrorPolynomial {
        &self.e1
    }

    /// Whether u is ternary and the errors are within their bound.
    pub(crate) fn is_short(&self) -> bool {
        let within = |coefficients: &[i8], bound: i8| coefficients.iter().all(|c| (-bound..=bound).contains(c));
        within(self.u.coefficients(), 1) && [&self.e0, &self.e1].iter().all(|e| within(e.coefficients(), ERROR_BOUND))
    }
}

impl fmt::Debug for EncryptionWitness {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("EncryptionWitness(redacted)")
    }
}

/// `(c0, c1)` in tfhe's container, whose mask is `c1` and whose body is `c0`. On the wire 98,304 packed bytes,
/// `c0` first.
#[derive(Clone, PartialEq)]
pub struct Ciphertext(GlweCiphertextOwned<u128>);

impl Eq for Ciphertext {}

impl fmt::Debug for Ciphertext {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Ciphertext({})", self.digest())
    }
}

/// A pair of polynomials from its container: mask, then body.
pub(super) fn pair_from_container(container: Vec<u128>) -> GlweCiphertextOwned<u128> {
    GlweCiphertext::from_container(container, PolynomialSize(RING_DEGREE), CIPHERTEXT_MODULUS)
}

/// `c0` packed, then `c1`.
pub(super) fn pack_pair(pair: &GlweCiphertextOwned<u128>) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(CIPHERTEXT_BYTES);
    codec::pack(pair.get_body().as_ref(), &mut bytes);
    codec::pack(pair.get_mask().as_ref(), &mut bytes);
    bytes
}

/// The aligned values of a packed pair in the container's order: `[c1, c0]`.
pub(super) fn unpack_pair<'b>(
    what: &'static str,
    bytes: &'b [u8],
) -> Result<[impl Iterator<Item = u128> + use<'b>; 2], Error> {
    let Some((c0, c1)) = bytes.split_at_checked(POLYNOMIAL_BYTES) else {
        let why = format!("{} bytes given, {CIPHERTEXT_BYTES} expected", bytes.len());
        return Err(Error::Malformed { what, why });
    };
    if c1.len() != POLYNOMIAL_BYTES {
        let why = format!("{} bytes given, {CIPHERTEXT_BYTES} expected", bytes.len());
        return Err(Error::Malformed { what, why });
    }
    let c0 = codec::unpack(what, c0, RING_DEGREE)?;
    Ok([codec::unpack(what, c1, RING_DEGREE)?, c0])
}

impl Ciphertext {
    /// The tfhe ciphertext.
    #[must_use]
    pub const fn glwe(&self) -> &GlweCiphertextOwned<u128> {
        &self.0
    }

    /// The coefficients in the container's order: `c1`, then `c0`.
    pub(super) fn values(&self) -> &[u128] {
        self.0.as_ref()
    }

    /// The coefficients of `c0` and of `c1`.
    pub(super) fn halves(
        &self,
    ) -> (impl DoubleEndedIterator<Item = Coefficient>, impl DoubleEndedIterator<Item = Coefficient>) {
        let (c1, c0) = self.values().split_at(RING_DEGREE);
        let coefficient = |value: &u128| Coefficient::from_aligned(*value);
        (c0.iter().map(coefficient), c1.iter().map(coefficient))
    }

    /// The 98,304 packed bytes.
    #[must_use]
    pub fn to_packed_bytes(&self) -> Vec<u8> {
        pack_pair(&self.0)
    }

    /// The ciphertext of packed bytes.
    ///
    /// # Errors
    /// [`Error::Malformed`] for another length or a set spare bit.
    pub fn from_packed_bytes(bytes: &[u8]) -> Result<Self, Error> {
        let [c1, c0] = unpack_pair("ciphertext", bytes)?;
        Ok(Self(pair_from_container(c1.chain(c0).collect())))
    }

    /// The digest that a contribution's proof binds and its receipts attest.
    #[must_use]
    pub fn digest(&self) -> Digest {
        Self::digest_of_packed(&self.to_packed_bytes())
    }

    /// The digest of a packed ciphertext, whether or not it decodes.
    #[must_use]
    pub fn digest_of_packed(bytes: &[u8]) -> Digest {
        domain::hash(ByteTag::Ciphertext, &[bytes])
    }
}

impl BorshSerialize for Ciphertext {
    fn serialize<W: io::Write>(&self, writer: &mut W) -> io::Result<()> {
        writer.write_all(&self.to_packed_bytes())
    }
}

impl BorshDeserialize for Ciphertext {
    fn deserialize_reader<R: io::Read>(reader: &mut R) -> io::Result<Self> {
        let mut bytes = vec![0; CIPHERTEXT_BYTES];
        reader.read_exact(&mut bytes)?;
        Self::from_packed_bytes(&bytes).map_err(|error| io::Error::new(io::ErrorKind::InvalidData, error))
    }
}

/// Encrypts a plaintext under fresh randomness, which is returned for the proof.
#[must_use]
pub fn encrypt(
    key: &PublicKey,
    plaintext: &Plaintext,
    rng: &mut (impl CryptoRng + ?Sized),
) -> (Ciphertext, EncryptionWitness) {
    let witness = EncryptionWitness::random(rng);
    (encrypt_with(key, plaintext, &witness), witness)
}

/// `c0 = b·u + e0 + Δ·m`, `c1 = a·u + e1`.
pub(crate) fn encrypt_with(key: &PublicKey, plaintext: &Plaintext, witness: &EncryptionWitness) -> Ciphertext {
    let mut pair = pair_from_container(vec![0; 2 * RING_DEGREE]);
    let (mut mask, mut body) = pair.get_mut_mask_and_body();
    let (c0, c1) = (body.as_mut(), mask.as_mut());
    multiply_ephemeral_into(c0, key.b(), &witness.u);
    add_error(c0, &witness.e0);
    for (value, slot) in c0.iter_mut().zip(plaintext.slots()) {
        *value = value.wrapping_add(Coefficient::from_integer(i128::from(*slot) << DELTA_BITS).aligned());
    }
    multiply_ephemeral_into(c1, key.a(), &witness.u);
    add_error(c1, &witness.e1);
    Ciphertext(pair)
}
