//! Phase 2: one circuit's key, to which each contributor adds a factor of δ and one of κ.

use ark_bn254::{Fr, G1Affine, G2Affine};
use ark_ec::{AffineRepr, CurveGroup};
use ark_ff::Field;
use ark_poly::EvaluationDomain;
use borsh::{BorshDeserialize, BorshSerialize};
use rand::CryptoRng;
use zeroize::Zeroizing;

use super::{
    contribution::{Beacon, Contributor, ContributorName, Factor, Trapdoor},
    points::{NonZero, scale_each, take_points, write_points},
    powers::{Powers, size_of},
    qap::{circuit_digest, domain_of, prefix, vanishing_powers, wires},
    transcript::{Heads, Transcript},
};
use crate::{
    Error,
    domain::{ByteTag, hash},
    groth16::{ProvingPoints, Relation, VerifyingPoints},
    id::Digest,
};

/// The trapdoors of this phase.
const TRAPDOORS: [Trapdoor; 2] = [Trapdoor::Delta, Trapdoor::Kappa];
/// The most wires of a circuit.
const WIRES_MAX: u32 = 1 << 22;

/// What a file says before its points.
#[derive(Clone, BorshSerialize, BorshDeserialize)]
struct Header {
    circuit: Digest,
    powers: Digest,
    transcript: Transcript<2>,
    inputs: u32,
    committed: u32,
    wires: u32,
    log2_size: u8,
}

/// A key in the making, as read: points of the right subgroups, in the right numbers, whose relations nobody checked.
#[derive(Clone)]
pub struct UnverifiedCircuitKey {
    header: Header,
    points: ProvingPoints,
}

/// A circuit's key, checked against the circuit, the powers and the chain of contributions; only [`CircuitKey::start`]
/// and [`UnverifiedCircuitKey::verify`] make one.
#[derive(Clone)]
pub struct CircuitKey(UnverifiedCircuitKey);

/// The result of a ceremony: a circuit's key to which somebody contributed a secret in both phases.
#[derive(Clone)]
pub struct CeremonyKey {
    circuit: Digest,
    transcript: Digest,
    points: ProvingPoints,
}

impl std::fmt::Debug for UnverifiedCircuitKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "UnverifiedCircuitKey(circuit {})", self.header.circuit)
    }
}

impl std::fmt::Debug for CircuitKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "CircuitKey(circuit {})", self.0.header.circuit)
    }
}

impl std::fmt::Debug for CeremonyKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "CeremonyKey(circuit {}, transcript {})", self.circuit, self.transcript)
    }
}

fn refused(why: &str) -> Error {
    Error::Ceremony { what: "key", why: why.into() }
}

fn malformed(why: &impl ToString) -> Error {
    Error::Malformed { what: "ceremony key", why: why.to_string() }
}

impl Header {
    /// Where the chain starts: δ and κ are one.
    fn start(&self) -> (Digest, Heads<2>) {
        let digest = hash(ByteTag::CeremonyKey, &[self.circuit.as_bytes(), self.powers.as_bytes()]);
        (digest, [NonZero::generator(); 2])
    }

    fn check_bounds(&self) -> Result<(), Error> {
        if self.wires > WIRES_MAX {
            let (value, limit) = (self.wires.into(), WIRES_MAX.into());
            return Err(Error::OutOfRange { what: "number of wires", value, limit });
        }
        if self.inputs.checked_add(self.committed).is_none_or(|first| first > self.wires) {
            return Err(malformed(&"it has fewer wires than inputs and committed witnesses"));
        }
        Ok(())
    }
}

impl UnverifiedCircuitKey {
    /// Reads the file form.
    ///
    /// # Errors
    /// [`Error::Malformed`] for anything but canonical points of the right subgroups in the right number;
    /// [`Error::OutOfRange`] for a circuit beyond the bounds.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, Error> {
        let tag = ByteTag::CeremonyKey.text().as_bytes();
        let mut rest = bytes.strip_prefix(tag).ok_or_else(|| malformed(&"not a file of this version's keys"))?;
        let header = Header::deserialize(&mut rest).map_err(|error| malformed(&error))?;
        header.check_bounds()?;
        let size = size_of(header.log2_size)?;
        let [inputs, committed, wires] = [header.inputs, header.committed, header.wires].map(|count| count as usize);
        let [alpha_g1, beta_g1, delta_g1, kappa_g1] = take_array("trapdoors, first group", &mut rest)?;
        let [beta_g2, delta_g2, kappa_g2] = take_array("trapdoors, second group", &mut rest)?;
        let gamma_g2 = G2Affine::generator();
        let input_query = take_points("input query", &mut rest, inputs)?;
        let points = ProvingPoints {
            verifying: VerifyingPoints { alpha_g1, beta_g2, gamma_g2, delta_g2, kappa_g2, input_query },
            beta_g1,
            delta_g1,
            kappa_g1,
            a_query: take_points("A query", &mut rest, wires)?,
            b_g1_query: take_points("B query, first group", &mut rest, wires)?,
            b_g2_query: take_points("B query, second group", &mut rest, wires)?,
            h_query: take_points("H query", &mut rest, size - 1)?,
            commit_query: take_points("commitment query", &mut rest, committed)?,
            witness_query: take_points("witness query", &mut rest, wires - inputs - committed)?,
        };
        if !rest.is_empty() {
            return Err(malformed(&format!("{} bytes follow the last point", rest.len())));
        }
        Ok(Self { header, points })
    }

    /// Checks the whole phase: that somebody contributed to the powers, that the chain begins with this circuit over them,
    /// every contribution, and that the points are this circuit's key for the δ and κ that the chain ends with.
    ///
    /// # Errors
    /// [`Error::Ceremony`] that names the contribution or the relation that fails, or says that nobody contributed to the
    /// powers.
    pub fn verify(
        self,
        powers: &Powers,
        relation: &Relation,
        rng: &mut (impl CryptoRng + ?Sized),
    ) -> Result<CircuitKey, Error> {
        require_secret(powers)?;
        if self.header.circuit != circuit_digest(relation) {
            return Err(refused("it is of another circuit"));
        }
        if self.header.powers != powers.digest()? {
            return Err(refused("it is made from other powers of tau"));
        }
        let (start, heads) = self.header.start();
        self.header.transcript.verify((&start, heads), TRAPDOORS, rng)?;
        let [delta, kappa] = self.header.transcript.heads(heads);
        if (delta.point(), kappa.point()) != (&self.points.delta_g1, &self.points.kappa_g1) {
            return Err(refused("its delta or kappa is not the one that the last contribution names"));
        }
        let domain = domain_of(relation)?;
        super::check::check(&self.points, &prefix(powers.points(), domain.size())?, relation, &domain, rng)?;
        Ok(CircuitKey(self))
    }
}

/// Whoever knows τ forges under every key made from it, whatever phase 2 adds.
fn require_secret(powers: &Powers) -> Result<(), Error> {
    if powers.has_secret() {
        return Ok(());
    }
    Err(Error::Ceremony { what: "powers of tau", why: "nobody has contributed to them yet".into() })
}

fn take_array<G: AffineRepr, const N: usize>(what: &'static str, rest: &mut &[u8]) -> Result<[G; N], Error> {
    take_points(what, rest, N)?.try_into().map_err(|_| malformed(&what))
}

impl CircuitKey {
    /// The circuit's key with δ and κ one, and γ one for good.
    ///
    /// # Errors
    /// [`Error::Ceremony`] when the powers are too few for the circuit, or nobody contributed to them;
    /// [`Error::OutOfRange`] for a circuit beyond the bounds.
    pub fn start(powers: &Powers, relation: &Relation) -> Result<Self, Error> {
        require_secret(powers)?;
        let domain = domain_of(relation)?;
        let count = |number: usize| u32::try_from(number).map_err(|_| refused("the circuit is too large"));
        let header = Header {
            circuit: circuit_digest(relation),
            powers: powers.digest()?,
            transcript: Transcript::new(),
            inputs: count(relation.inputs())?,
            committed: count(relation.committed())?,
            wires: count(relation.wires())?,
            log2_size: u8::try_from(domain.size().ilog2()).map_err(|_| refused("the circuit is too large"))?,
        };
        header.check_bounds()?;
        let powers = prefix(powers.points(), size_of(header.log2_size)?)?;
        let wires = wires(relation, &domain, &powers);
        let (inputs, witnesses) = wires.combined_g1.split_at_checked(relation.inputs()).unwrap_or_default();
        let (committed, others) = witnesses.split_at_checked(relation.committed()).unwrap_or_default();
        let (g1, g2) = (G1Affine::generator(), G2Affine::generator());
        let trapdoor = |powers: &[G1Affine]| powers.first().copied().unwrap_or_default();
        let points = ProvingPoints {
            verifying: VerifyingPoints {
                alpha_g1: trapdoor(&powers.alpha_g1),
                beta_g2: powers.beta_g2,
                gamma_g2: g2,
                delta_g2: g2,
                kappa_g2: g2,
                input_query: inputs.to_vec(),
            },
            beta_g1: trapdoor(&powers.beta_g1),
            delta_g1: g1,
            kappa_g1: g1,
            h_query: vanishing_powers(&powers),
            commit_query: committed.to_vec(),
            witness_query: others.to_vec(),
            a_query: wires.a_g1,
            b_g1_query: wires.b_g1,
            b_g2_query: wires.b_g2,
        };
        Ok(Self(UnverifiedCircuitKey { header, points }))
    }

    /// Multiplies δ and κ by fresh factors, independent of each other, which are erased afterwards.
    ///
    /// # Errors
    /// [`Error::Ceremony`] after a beacon or beyond the bound on contributions.
    pub fn contribute(self, name: ContributorName, rng: &mut (impl CryptoRng + ?Sized)) -> Result<Self, Error> {
        let factors = TRAPDOORS.map(|_| Factor::random(rng));
        self.extend(Contributor::Person(name), &factors)
    }

    /// Ends the phase with a public value.
    ///
    /// # Errors
    /// [`Error::Ceremony`] as [`CircuitKey::contribute`].
    pub fn beacon(self, beacon: Beacon) -> Result<Self, Error> {
        let factors = Factor::of_beacon(&beacon, TRAPDOORS);
        self.extend(Contributor::Beacon(beacon), &factors)
    }

    pub(super) fn extend(mut self, contributor: Contributor, factors: &[Factor; 2]) -> Result<Self, Error> {
        let (start, heads) = self.0.header.start();
        self.0.header.transcript.extend((&start, heads), contributor, TRAPDOORS, factors)?;
        let [delta, kappa] = factors.each_ref().map(Factor::element);
        rescale(&mut self.0.points, delta, kappa)?;
        Ok(self)
    }

    /// The file form.
    ///
    /// # Errors
    /// [`Error::Ceremony`] when memory cannot be written to.
    pub fn to_bytes(&self) -> Result<Vec<u8>, Error> {
        let UnverifiedCircuitKey { header, points } = &self.0;
        let verifying = &points.verifying;
        let mut bytes = ByteTag::CeremonyKey.text().as_bytes().to_vec();
        header.serialize(&mut bytes).map_err(|error| malformed(&error))?;
        write_points(&[verifying.alpha_g1, points.beta_g1, points.delta_g1, points.kappa_g1], &mut bytes)?;
        write_points(&[verifying.beta_g2, verifying.delta_g2, verifying.kappa_g2], &mut bytes)?;
        write_points(&verifying.input_query, &mut bytes)?;
        write_points(&points.a_query, &mut bytes)?;
        write_points(&points.b_g1_query, &mut bytes)?;
        write_points(&points.b_g2_query, &mut bytes)?;
        for query in [&points.h_query, &points.commit_query, &points.witness_query] {
            write_points(query, &mut bytes)?;
        }
        Ok(bytes)
    }

    /// The digest of the whole chain, which contributors publish and compare.
    ///
    /// # Errors
    /// [`Error::Ceremony`] when memory cannot be written to.
    pub fn digest(&self) -> Result<Digest, Error> {
        self.0.header.transcript.digest(&self.0.header.start().0)
    }

    /// Who contributed, in order.
    pub fn contributors(&self) -> impl Iterator<Item = &Contributor> {
        self.0.header.transcript.contributors()
    }

    /// Whether somebody contributed a secret.
    #[must_use]
    pub fn has_secret(&self) -> bool {
        self.0.header.transcript.has_secret()
    }

    /// The key to use.
    ///
    /// # Errors
    /// [`Error::Ceremony`] when nobody contributed a secret: a beacon's factors are public.
    pub fn finalize(self) -> Result<CeremonyKey, Error> {
        if !self.has_secret() {
            return Err(refused("nobody has contributed to it yet, so that anyone could forge proofs"));
        }
        Ok(CeremonyKey { circuit: self.0.header.circuit, transcript: self.digest()?, points: self.0.points })
    }

    #[cfg(test)]
    pub(super) const fn points_mut(&mut self) -> &mut ProvingPoints {
        &mut self.0.points
    }
}

/// Multiplies δ and κ and divides what they divide.
fn rescale(points: &mut ProvingPoints, delta: &Fr, kappa: &Fr) -> Result<(), Error> {
    let divide = |query: &mut Vec<G1Affine>, factor: &Fr| -> Result<(), Error> {
        let inverse = factor.inverse().ok_or_else(|| refused("a factor is zero"))?;
        *query = scale_each(query, &Zeroizing::new(vec![inverse; query.len()]));
        Ok(())
    };
    divide(&mut points.h_query, delta)?;
    divide(&mut points.witness_query, delta)?;
    divide(&mut points.commit_query, kappa)?;
    points.delta_g1 = (points.delta_g1 * delta).into_affine();
    points.kappa_g1 = (points.kappa_g1 * kappa).into_affine();
    points.verifying.delta_g2 = (points.verifying.delta_g2 * delta).into_affine();
    points.verifying.kappa_g2 = (points.verifying.kappa_g2 * kappa).into_affine();
    Ok(())
}

impl CeremonyKey {
    /// The digest of phase 2's chain, which names phase 1's.
    #[must_use]
    pub const fn transcript(&self) -> &Digest {
        &self.transcript
    }

    /// The points, for the circuit they belong to.
    ///
    /// # Errors
    /// [`Error::Ceremony`] for another circuit.
    pub fn into_points(self, relation: &Relation) -> Result<ProvingPoints, Error> {
        if self.circuit == circuit_digest(relation) {
            Ok(self.points)
        } else {
            Err(refused("it is of another circuit"))
        }
    }
}
