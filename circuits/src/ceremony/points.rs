//! Points of the two groups: canonical encodings, a hash to the second group, random combinations, equal ratios.

use ark_bn254::{Bn254, Fq, Fq2, Fr, G1Affine, G2Affine};
use ark_ec::{AffineRepr, CurveGroup, VariableBaseMSM, pairing::Pairing};
use ark_ff::{PrimeField, Zero};
use borsh::{BorshDeserialize, BorshSerialize, io};
use rand::CryptoRng;
use rayon::prelude::*;

use crate::{
    Error,
    domain::{ByteTag, hash},
    id::Digest,
};

/// Tries of [`hash_to_g2`]; each succeeds with probability one half.
const HASH_TRIES_MAX: u64 = 256;

/// A point other than infinity, of the right subgroup; compressed on the wire.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct NonZero<G>(G);

impl<G: AffineRepr> NonZero<G> {
    /// The point, unless it is infinity.
    pub(super) fn new(point: G) -> Option<Self> {
        (!point.is_zero()).then_some(Self(point))
    }

    /// The group's generator.
    pub(super) fn generator() -> Self {
        Self(G::generator())
    }

    /// The point.
    pub(super) const fn point(&self) -> &G {
        &self.0
    }
}

impl<G: AffineRepr> BorshSerialize for NonZero<G> {
    fn serialize<W: io::Write>(&self, writer: &mut W) -> io::Result<()> {
        self.0.serialize_compressed(writer).map_err(io::Error::other)
    }
}

impl<G: AffineRepr> BorshDeserialize for NonZero<G> {
    fn deserialize_reader<R: io::Read>(reader: &mut R) -> io::Result<Self> {
        let refused = |why: &str| io::Error::new(io::ErrorKind::InvalidData, why.to_owned());
        let mut bytes = vec![0; G::zero().compressed_size()];
        reader.read_exact(&mut bytes)?;
        let point = G::deserialize_compressed(bytes.as_slice())
            .map_err(|error| refused(&format!("no point of the right subgroup: {error}")))?;
        let mut canonical = vec![];
        point.serialize_compressed(&mut canonical).map_err(io::Error::other)?;
        if canonical != bytes {
            return Err(refused("a second spelling of a point"));
        }
        Self::new(point).ok_or_else(|| refused("the point at infinity, which a factor of zero makes"))
    }
}

/// Appends points, uncompressed.
pub(super) fn write_points<G: AffineRepr>(points: &[G], bytes: &mut Vec<u8>) -> Result<(), Error> {
    bytes.reserve(points.len() * G::zero().uncompressed_size());
    let failed = |error: ark_serialize::SerializationError| Error::Ceremony { what: "point", why: error.to_string() };
    points.iter().try_for_each(|point| point.serialize_uncompressed(&mut *bytes).map_err(failed))
}

/// Takes `count` uncompressed points off the front, each on the curve, in the subgroup and canonically spelt.
///
/// # Errors
/// [`Error::Malformed`] that names the points and the place of the first bad one.
pub(super) fn take_points<G: AffineRepr>(what: &'static str, bytes: &mut &[u8], count: usize) -> Result<Vec<G>, Error> {
    let size = G::zero().uncompressed_size();
    let total = count.checked_mul(size).and_then(|total| bytes.split_at_checked(total));
    let (taken, rest) = total.ok_or_else(|| {
        let why = format!("{} bytes are left and {count} points of {size} bytes expected", bytes.len());
        Error::Malformed { what, why }
    })?;
    *bytes = rest;
    let decode = |(place, chunk): (usize, &[u8])| {
        let malformed = |why: &str| Error::Malformed { what, why: format!("point {place}: {why}") };
        let point = G::deserialize_uncompressed(chunk).map_err(|_| malformed("not on the curve or the subgroup"))?;
        let mut canonical = Vec::with_capacity(size);
        point.serialize_uncompressed(&mut canonical).map_err(|error| malformed(&error.to_string()))?;
        if canonical == chunk { Ok(point) } else { Err(malformed("a second spelling of a point")) }
    };
    taken.par_chunks_exact(size).enumerate().map(decode).collect()
}

/// A point of the second group whose discrete logarithm nobody knows, by try and increment: what is hashed is public,
/// so the time this takes tells nothing.
///
/// # Errors
/// [`Error::Ceremony`] with probability 2^-256.
pub(super) fn hash_to_g2(context: &Digest) -> Result<G2Affine, Error> {
    let attempt = |attempt: u64| {
        let [c0, c1] = [0u8, 1].map(|coordinate| {
            let half = |half: u8| {
                hash(ByteTag::CeremonyBase, &[context.as_bytes(), &attempt.to_le_bytes(), &[coordinate, half]])
            };
            Fq::from_le_bytes_mod_order(&[half(0).to_bytes(), half(1).to_bytes()].concat())
        });
        let point = G2Affine::get_point_from_x_unchecked(Fq2::new(c0, c1), false)?.clear_cofactor();
        (!point.is_zero()).then_some(point)
    };
    let failed = || Error::Ceremony { what: "hash to the curve", why: "no try found a point".into() };
    (0..HASH_TRIES_MAX).find_map(attempt).ok_or_else(failed)
}

/// Random 128-bit weights: a combination of false equations holds with probability 2^-128.
pub(super) fn weights(count: usize, rng: &mut (impl CryptoRng + ?Sized)) -> Vec<Fr> {
    let mut bytes = [0; 16];
    std::iter::repeat_with(|| {
        rng.fill_bytes(&mut bytes);
        Fr::from(u128::from_le_bytes(bytes))
    })
    .take(count)
    .collect()
}

/// `Σ weight·point`, over the shorter of the two.
pub(super) fn combine<G: AffineRepr>(points: &[G], weights: &[Fr]) -> G::Group
where
    G::Group: VariableBaseMSM<MulBase = G, ScalarField = Fr>,
{
    let count = points.len().min(weights.len());
    let (points, weights) = (points.get(..count).unwrap_or_default(), weights.get(..count).unwrap_or_default());
    G::Group::msm_unchecked(points, weights)
}

/// Whether `left.1 = x·left.0` and `right.1 = x·right.0` for one `x`: `e(left.1, right.0) = e(left.0, right.1)`.
pub(super) fn same_ratio(
    left: (impl Into<G1Affine>, impl Into<G1Affine>),
    right: (impl Into<G2Affine>, impl Into<G2Affine>),
) -> bool {
    let (before, after): (G1Affine, G1Affine) = (left.0.into(), left.1.into());
    let (base, scaled): (G2Affine, G2Affine) = (right.0.into(), right.1.into());
    Bn254::multi_pairing([after, -before], [base, scaled]).is_zero()
}

/// Every point times its own scalar, affine.
pub(super) fn scale_each<G: AffineRepr<ScalarField = Fr>>(points: &[G], scalars: &[Fr]) -> Vec<G>
where
    G::Group: CurveGroup<Affine = G>,
{
    let scaled: Vec<_> = points.par_iter().zip(scalars).map(|(point, scalar)| *point * scalar).collect();
    G::Group::normalize_batch(&scaled)
}

/// Checks points on the curve for the right subgroup.
///
/// # Errors
/// The place of one that is outside.
pub(super) fn in_subgroup<G: AffineRepr>(points: &[G]) -> Result<(), usize> {
    let outside = points.par_iter().position_any(|point| point.check().is_err());
    outside.map_or(Ok(()), Err)
}
