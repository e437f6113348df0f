//! One contribution: factors that the contributor forgets, and a proof that they knew them.
//!
//! Source: Bowe, Gabizon, Miers, *Scalable Multi-party Computation for zk-SNARK Parameters in the Random Beacon Model*,
//! ePrint 2017/1050, section 4 (proof of knowledge and same-ratio check); Kohlweiss, Maller, Siim, Volkhov, *Snarky
//! Ceremonies*, ASIACRYPT 2021 (its security with adaptive adversaries, and without a beacon).

use std::{fmt, str::FromStr};

use ark_bn254::{Fr, G1Affine, G2Affine};
use ark_ec::{AffineRepr, CurveGroup};
use ark_ff::{PrimeField, Zero};
use borsh::{BorshDeserialize, BorshSerialize, io};
use rand::CryptoRng;
use serde::{Serialize, Serializer};
use sha2::{Digest as _, Sha256};
use zeroize::{Zeroize, ZeroizeOnDrop};

use super::{
    BEACON_BYTES_MAX, BEACON_LOG2_ITERATIONS_MAX, NAME_BYTES_MAX,
    points::{NonZero, hash_to_g2, same_ratio, weights},
};
use crate::{
    Error,
    domain::{ByteTag, hash},
    id::Digest,
    record::random_element,
};

/// What a factor multiplies.
#[derive(Debug, Clone, Copy, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub(super) enum Trapdoor {
    /// The point at which polynomials are evaluated.
    Tau,
    /// Keeps `A` apart.
    Alpha,
    /// Keeps `B` apart.
    Beta,
    /// Divides the uncommitted witnesses.
    Delta,
    /// Divides the committed witnesses.
    Kappa,
}

/// How a contributor wants to be named: 1 to 128 bytes without control characters. Not checked against anything; who
/// wants to be recognized publishes the digest of the transcript after their contribution.
#[derive(Debug, Clone, PartialEq, Eq, BorshSerialize, Serialize)]
#[serde(transparent)]
pub struct ContributorName(String);

impl FromStr for ContributorName {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self, Error> {
        if text.is_empty() || text.len() > NAME_BYTES_MAX || text.chars().any(char::is_control) {
            let why = format!("expected 1 to {NAME_BYTES_MAX} bytes without control characters");
            return Err(Error::Malformed { what: "contributor's name", why });
        }
        Ok(Self(text.into()))
    }
}

impl fmt::Display for ContributorName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl BorshDeserialize for ContributorName {
    fn deserialize_reader<R: io::Read>(reader: &mut R) -> io::Result<Self> {
        let bytes = read_bounded(reader, NAME_BYTES_MAX)?;
        let text = String::from_utf8(bytes).map_err(|error| io::Error::new(io::ErrorKind::InvalidData, error))?;
        text.parse().map_err(|error: Error| io::Error::new(io::ErrorKind::InvalidData, error))
    }
}

fn read_bounded<R: io::Read>(reader: &mut R, limit: usize) -> io::Result<Vec<u8>> {
    let length = u32::deserialize_reader(reader)? as usize;
    if length > limit {
        let why = format!("{length} bytes where at most {limit} are allowed");
        return Err(io::Error::new(io::ErrorKind::InvalidData, why));
    }
    let mut bytes = vec![0; length];
    reader.read_exact(&mut bytes)?;
    Ok(bytes)
}

/// A public value that nobody could predict when the last contribution was made (a block hash, a lottery), hashed 2^k
/// times so that whoever sees it first cannot try many.
#[derive(Debug, Clone, PartialEq, Eq, BorshSerialize, Serialize)]
pub struct Beacon {
    #[serde(serialize_with = "as_hex")]
    value: Vec<u8>,
    log2_iterations: u8,
}

fn as_hex<S: Serializer>(bytes: &[u8], serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(&hex::encode(bytes))
}

impl Beacon {
    /// A beacon of 1 to 128 bytes.
    ///
    /// # Errors
    /// [`Error::Malformed`] for an empty or longer value; [`Error::OutOfRange`] for more iterations than any verifier
    /// would repeat.
    pub fn new(value: Vec<u8>, log2_iterations: u8) -> Result<Self, Error> {
        if value.is_empty() || value.len() > BEACON_BYTES_MAX {
            let why = format!("{} bytes; give 1 to {BEACON_BYTES_MAX}", value.len());
            return Err(Error::Malformed { what: "beacon", why });
        }
        if log2_iterations > BEACON_LOG2_ITERATIONS_MAX {
            let (value, limit) = (log2_iterations.into(), BEACON_LOG2_ITERATIONS_MAX.into());
            return Err(Error::OutOfRange { what: "beacon's iterations as a power of two", value, limit });
        }
        Ok(Self { value, log2_iterations })
    }

    /// SHA-256 of the value, 2^k times over.
    fn seed(&self) -> Digest {
        let first = Sha256::digest(&self.value);
        let last = (1..1u64 << self.log2_iterations).fold(first, |digest, _| Sha256::digest(digest));
        Digest::from_bytes(last.into())
    }
}

impl BorshDeserialize for Beacon {
    fn deserialize_reader<R: io::Read>(reader: &mut R) -> io::Result<Self> {
        let value = read_bounded(reader, BEACON_BYTES_MAX)?;
        Self::new(value, u8::deserialize_reader(reader)?)
            .map_err(|error| io::Error::new(io::ErrorKind::InvalidData, error))
    }
}

/// Where a contribution's factors came from.
#[derive(Debug, Clone, PartialEq, Eq, BorshSerialize, BorshDeserialize, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Contributor {
    /// Somebody's randomness. One honest one suffices.
    Person(ContributorName),
    /// A public value: adds no secret; ends the phase.
    Beacon(Beacon),
}

/// A secret factor of a trapdoor, never zero.
#[derive(Zeroize, ZeroizeOnDrop)]
pub(super) struct Factor(Fr);

impl Factor {
    /// A fresh factor.
    pub(super) fn random(rng: &mut (impl CryptoRng + ?Sized)) -> Self {
        let mut element = random_element(rng);
        while element.is_zero() {
            element = random_element(rng);
        }
        Self(element)
    }

    /// The factors of a beacon, which anyone computes.
    pub(super) fn of_beacon<const K: usize>(beacon: &Beacon, trapdoors: [Trapdoor; K]) -> [Self; K] {
        let seed = beacon.seed();
        trapdoors.map(|trapdoor| {
            let half = |half: u8| hash(ByteTag::CeremonyBeacon, &[seed.as_bytes(), &[trapdoor as u8, half]]);
            Self(Fr::from_le_bytes_mod_order(&[half(0).to_bytes(), half(1).to_bytes()].concat()))
        })
    }

    /// The factor's value.
    pub(super) const fn element(&self) -> &Fr {
        &self.0
    }

    #[cfg(test)]
    pub(super) const fn chosen(element: Fr) -> Self {
        Self(element)
    }
}

impl fmt::Debug for Factor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Factor(redacted)")
    }
}

/// A trapdoor's step by a factor `x`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub(super) struct Update {
    /// The product of all factors so far, in the first group.
    pub(super) after: NonZero<G1Affine>,
    /// `[x]₁`.
    factor: NonZero<G1Affine>,
    /// `x·R`, where `R` hashes everything before and `[x]₁`.
    proof: NonZero<G2Affine>,
}

/// `R`: what the contributor multiplies to show that they know their factor.
fn proof_base(context: &Digest, trapdoor: Trapdoor, factor: &G1Affine) -> Result<G2Affine, Error> {
    let factor = borsh::to_vec(&NonZero::new(*factor)).map_err(|error| refused(&error))?;
    hash_to_g2(&hash(ByteTag::CeremonyBase, &[context.as_bytes(), &[trapdoor as u8], &factor]))
}

fn refused(why: &impl ToString) -> Error {
    Error::Ceremony { what: "contribution", why: why.to_string() }
}

impl Update {
    /// The step from `before`, for this context.
    pub(super) fn new(
        before: &NonZero<G1Affine>,
        context: &Digest,
        trapdoor: Trapdoor,
        factor: &Factor,
    ) -> Result<Self, Error> {
        let non_zero = |point: Option<_>| point.ok_or_else(|| refused(&"its factor is zero"));
        let public = (G1Affine::generator() * factor.element()).into_affine();
        let base = proof_base(context, trapdoor, &public)?;
        Ok(Self {
            after: non_zero(NonZero::new((*before.point() * factor.element()).into_affine()))?,
            factor: non_zero(NonZero::new(public))?,
            proof: NonZero::new((base * factor.element()).into_affine())
                .ok_or_else(|| refused(&"its proof is zero"))?,
        })
    }

    /// Checks that the contributor knew `x` and that `after` is `x·before`: two equal ratios to `(R, x·R)`, combined
    /// with a random weight.
    ///
    /// # Errors
    /// [`Error::Ceremony`] when either fails.
    pub(super) fn verify(
        &self,
        before: &NonZero<G1Affine>,
        context: &Digest,
        trapdoor: Trapdoor,
        rng: &mut (impl CryptoRng + ?Sized),
    ) -> Result<(), Error> {
        let weight: Fr = weights(1, rng).into_iter().sum();
        let base = proof_base(context, trapdoor, self.factor.point())?;
        let left = *before.point() * weight + G1Affine::generator();
        let right = *self.after.point() * weight + self.factor.point();
        if same_ratio((left, right), (base, *self.proof.point())) {
            return Ok(());
        }
        Err(refused(&format!("its {trapdoor:?} is not the one before times a factor known to the contributor")))
    }
}
