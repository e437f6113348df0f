//! The sum of ciphertexts: bounded memory, one pass, at the memory's speed.

use std::{fmt, num::NonZeroUsize};

use borsh::{BorshDeserialize, BorshSerialize, io};
use tfhe::core_crypto::prelude::GlweCiphertextOwned;

use super::{
    encrypt::{Ciphertext, pack_pair, pair_from_container, unpack_pair},
    params::{CIPHERTEXT_BYTES, CONTRIBUTIONS_EXACT_MAX, RING_DEGREE},
    ring::{Coefficient, RingElement},
};
use crate::{
    Error,
    domain::{self, ByteTag},
    id::Digest,
};

/// A running sum of ciphertexts, 128 KiB whatever their number.
#[derive(Clone)]
pub struct Accumulator {
    values: Vec<u128>,
    contributions: u32,
}

impl fmt::Debug for Accumulator {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Accumulator({} contributions)", self.contributions)
    }
}

impl Default for Accumulator {
    fn default() -> Self {
        Self { values: vec![0; 2 * RING_DEGREE], contributions: 0 }
    }
}

impl Accumulator {
    /// How many ciphertexts are in the sum.
    #[must_use]
    pub const fn contributions(&self) -> u32 {
        self.contributions
    }

    /// Adds one ciphertext.
    ///
    /// # Errors
    /// [`Error::OutOfRange`] past 65,536 contributions, whose sums could wrap; the sum is then unchanged.
    pub fn add(&mut self, ciphertext: &Ciphertext) -> Result<(), Error> {
        self.count(1)?;
        add_one(&mut self.values, ciphertext.values());
        Ok(())
    }

    /// Adds one packed ciphertext without allocating.
    ///
    /// # Errors
    /// [`Error::Malformed`] for bytes that are not a canonical ciphertext and [`Error::OutOfRange`] past 65,536
    /// contributions; the sum is then unchanged.
    pub fn add_packed(&mut self, bytes: &[u8]) -> Result<(), Error> {
        let [c1, c0] = unpack_pair("ciphertext", bytes)?;
        self.count(1)?;
        let (mask, body) = self.values.split_at_mut(RING_DEGREE);
        // One loop for each half: a chain of both takes three times as long.
        for (sums, values) in [(mask, c1), (body, c0)] {
            sums.iter_mut().zip(values).for_each(|(sum, value)| *sum = sum.wrapping_add(value));
        }
        Ok(())
    }

    /// Adds many ciphertexts on `threads` threads, each of which takes its own range of coefficients, so that the
    /// running sum stays in a core's cache while the ciphertexts stream past.
    ///
    /// # Errors
    /// [`Error::OutOfRange`] past 65,536 contributions; the sum is then unchanged.
    pub fn add_all(&mut self, ciphertexts: &[Ciphertext], threads: NonZeroUsize) -> Result<(), Error> {
        self.count(ciphertexts.len())?;
        let width = self.values.len().div_ceil(threads.get());
        std::thread::scope(|scope| {
            for (place, sums) in self.values.chunks_mut(width).enumerate() {
                scope.spawn(move || add_range(sums, ciphertexts, place * width));
            }
        });
        Ok(())
    }

    /// The sum.
    #[must_use]
    pub fn finish(self) -> Aggregate {
        Aggregate(pair_from_container(self.values))
    }

    fn count(&mut self, more: usize) -> Result<(), Error> {
        let total = more as u64 + u64::from(self.contributions);
        match u32::try_from(total) {
            Ok(total) if total <= CONTRIBUTIONS_EXACT_MAX => {
                self.contributions = total;
                Ok(())
            }
            _ => {
                let limit = CONTRIBUTIONS_EXACT_MAX.into();
                Err(Error::OutOfRange { what: "number of contributions in one sum", value: total, limit })
            }
        }
    }
}

/// Adds the coefficients from `start` of every ciphertext, four ciphertexts to a pass over the sums.
fn add_range(sums: &mut [u128], ciphertexts: &[Ciphertext], start: usize) {
    let width = sums.len();
    let (fours, rest) = ciphertexts.as_chunks::<4>();
    for four in fours {
        let [a, b, c, d] = four.each_ref().map(|ciphertext| range(ciphertext, start, width));
        for ((((sum, a), b), c), d) in sums.iter_mut().zip(a).zip(b).zip(c).zip(d) {
            *sum = sum.wrapping_add(a.wrapping_add(*b)).wrapping_add(c.wrapping_add(*d));
        }
    }
    for ciphertext in rest {
        add_one(sums, range(ciphertext, start, width));
    }
}

/// The coefficients `start..start + width`, a range that `add_all` cut from a sum of the same length.
fn range(ciphertext: &Ciphertext, start: usize, width: usize) -> &[u128] {
    ciphertext.values().get(start..start + width).unwrap_or_default()
}

fn add_one(sums: &mut [u128], values: &[u128]) {
    for (sum, value) in sums.iter_mut().zip(values) {
        *sum = sum.wrapping_add(*value);
    }
}

/// A finished sum of ciphertexts. On the wire 98,304 packed bytes like a ciphertext's, `c0` first.
#[derive(Clone, PartialEq)]
pub struct Aggregate(GlweCiphertextOwned<u128>);

impl Eq for Aggregate {}

impl fmt::Debug for Aggregate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Aggregate({})", self.digest())
    }
}

impl Aggregate {
    /// The tfhe ciphertext.
    #[must_use]
    pub const fn glwe(&self) -> &GlweCiphertextOwned<u128> {
        &self.0
    }

    /// The coefficients of `c0`.
    pub fn c0(&self) -> impl Iterator<Item = Coefficient> + '_ {
        // The container holds the mask, then the body.
        let values: &[u128] = self.0.as_ref();
        values.iter().skip(RING_DEGREE).map(|value| Coefficient::from_aligned(*value))
    }

    /// `c1`, what the committee's secrets multiply.
    #[must_use]
    pub fn c1(&self) -> RingElement {
        RingElement::from_aligned(self.0.get_mask().as_ref().to_vec())
    }

    /// The 98,304 packed bytes.
    #[must_use]
    pub fn to_packed_bytes(&self) -> Vec<u8> {
        pack_pair(&self.0)
    }

    /// The aggregate of packed bytes.
    ///
    /// # Errors
    /// [`Error::Malformed`] for another length or a set spare bit.
    pub fn from_packed_bytes(bytes: &[u8]) -> Result<Self, Error> {
        let [c1, c0] = unpack_pair("aggregate", bytes)?;
        Ok(Self(pair_from_container(c1.chain(c0).collect())))
    }

    /// The digest that the committee signs and every component derives from.
    #[must_use]
    pub fn digest(&self) -> Digest {
        domain::hash(ByteTag::Aggregate, &[&self.to_packed_bytes()])
    }
}

impl BorshSerialize for Aggregate {
    fn serialize<W: io::Write>(&self, writer: &mut W) -> io::Result<()> {
        writer.write_all(&self.to_packed_bytes())
    }
}

impl BorshDeserialize for Aggregate {
    fn deserialize_reader<R: io::Read>(reader: &mut R) -> io::Result<Self> {
        let mut bytes = vec![0; CIPHERTEXT_BYTES];
        reader.read_exact(&mut bytes)?;
        Self::from_packed_bytes(&bytes).map_err(|error| io::Error::new(io::ErrorKind::InvalidData, error))
    }
}
