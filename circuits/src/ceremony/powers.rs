//! Phase 1: powers of τ in both groups, also times α and β.

use ark_bn254::{Fr, G1Affine, G2Affine};
use ark_ec::{AffineRepr, CurveGroup};
use ark_ff::One;
use borsh::{BorshDeserialize, BorshSerialize};
use rand::CryptoRng;
use serde::Serialize;
use zeroize::Zeroizing;

use super::{
    LOG2_SIZE_MAX,
    contribution::{Beacon, Contributor, ContributorName, Factor, Trapdoor},
    points::{NonZero, combine, same_ratio, scale_each, take_points, weights, write_points},
    transcript::{Heads, Transcript},
};
use crate::{
    Error,
    domain::{ByteTag, hash},
    id::Digest,
};

/// The trapdoors of this phase.
const TRAPDOORS: [Trapdoor; 3] = [Trapdoor::Tau, Trapdoor::Alpha, Trapdoor::Beta];

/// What the first contribution builds on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Base {
    /// The groups' generators: every trapdoor is one, and nothing is secret yet.
    Generators,
    /// A `.ptau` file with this SHA-256. Who contributed to it is for its own transcript to say; what is checked here is
    /// that it holds powers of one secret.
    Imported(Digest),
}

/// What a file says before its points.
#[derive(Clone, BorshSerialize, BorshDeserialize)]
struct Header {
    log2_size: u8,
    imported: Option<(Digest, Heads<3>)>,
    transcript: Transcript<3>,
}

/// The points, with n = 2^log2_size: 2n − 1 powers in the first group, n of each other kind.
#[derive(Clone, PartialEq, Eq)]
pub(super) struct PowerPoints {
    pub(super) tau_g1: Vec<G1Affine>,
    pub(super) tau_g2: Vec<G2Affine>,
    pub(super) alpha_g1: Vec<G1Affine>,
    pub(super) beta_g1: Vec<G1Affine>,
    pub(super) beta_g2: G2Affine,
}

/// Powers as read: points of the right subgroups, in the right numbers, whose relations nobody checked.
#[derive(Clone)]
pub struct UnverifiedPowers {
    header: Header,
    points: PowerPoints,
}

/// Powers of one τ with a valid chain of contributions; only [`UnverifiedPowers::verify`] and [`Powers::new`] make them.
#[derive(Clone)]
pub struct Powers(UnverifiedPowers);

impl std::fmt::Debug for UnverifiedPowers {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "UnverifiedPowers(2^{})", self.header.log2_size)
    }
}

impl std::fmt::Debug for Powers {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Powers(2^{})", self.0.header.log2_size)
    }
}

fn refused(why: &str) -> Error {
    Error::Ceremony { what: "powers of tau", why: why.into() }
}

fn malformed(why: &impl ToString) -> Error {
    Error::Malformed { what: "powers of tau", why: why.to_string() }
}

/// Rows of a domain.
///
/// # Errors
/// [`Error::OutOfRange`] beyond [`LOG2_SIZE_MAX`], and for 0: a key needs two powers.
pub(super) fn size_of(log2_size: u8) -> Result<usize, Error> {
    if log2_size == 0 || log2_size > LOG2_SIZE_MAX {
        let (value, limit) = (log2_size.into(), LOG2_SIZE_MAX.into());
        return Err(Error::OutOfRange { what: "ceremony's size as a power of two, 1 at least,", value, limit });
    }
    Ok(1 << log2_size)
}

impl Header {
    const fn base(&self) -> Base {
        match &self.imported {
            None => Base::Generators,
            Some((digest, _)) => Base::Imported(*digest),
        }
    }

    /// Where the chain starts: its digest and the trapdoors.
    fn start(&self) -> Result<(Digest, Heads<3>), Error> {
        let base = borsh::to_vec(&(self.log2_size, &self.imported)).map_err(|error| malformed(&error))?;
        let heads = self.imported.map_or([NonZero::generator(); 3], |(_, heads)| heads);
        Ok((hash(ByteTag::CeremonyPowers, &[&base]), heads))
    }
}

impl UnverifiedPowers {
    /// Powers read from a `.ptau` file with this SHA-256.
    pub(super) fn imported(file: Digest, log2_size: u8, points: PowerPoints) -> Result<Self, Error> {
        let heads = points.heads().ok_or_else(|| refused("a trapdoor is zero, so that anyone can forge proofs"))?;
        let header = Header { log2_size, imported: Some((file, heads)), transcript: Transcript::new() };
        Ok(Self { header, points })
    }

    /// Reads the file form.
    ///
    /// # Errors
    /// [`Error::Malformed`] for anything but canonical points of the right subgroups in the right number;
    /// [`Error::OutOfRange`] for a size beyond [`LOG2_SIZE_MAX`].
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, Error> {
        let tag = ByteTag::CeremonyPowers.text().as_bytes();
        let mut rest = bytes.strip_prefix(tag).ok_or_else(|| malformed(&"not a file of this version's powers"))?;
        let header = Header::deserialize(&mut rest).map_err(|error| malformed(&error))?;
        let size = size_of(header.log2_size)?;
        let points = PowerPoints {
            tau_g1: take_points("powers of tau, first group", &mut rest, 2 * size - 1)?,
            tau_g2: take_points("powers of tau, second group", &mut rest, size)?,
            alpha_g1: take_points("powers of tau times alpha", &mut rest, size)?,
            beta_g1: take_points("powers of tau times beta", &mut rest, size)?,
            beta_g2: take_points("beta", &mut rest, 1)?.into_iter().next().unwrap_or_default(),
        };
        if !rest.is_empty() {
            return Err(malformed(&format!("{} bytes follow the last point", rest.len())));
        }
        Ok(Self { header, points })
    }

    /// Checks that the points are powers of one τ, times one α and one β, and that the chain of contributions leads to
    /// them.
    ///
    /// # Errors
    /// [`Error::Ceremony`] that names the relation or the contribution that fails.
    pub fn verify(self, rng: &mut (impl CryptoRng + ?Sized)) -> Result<Powers, Error> {
        let (start, heads) = self.header.start()?;
        self.header.transcript.verify((&start, heads), TRAPDOORS, rng)?;
        if self.points.heads() != Some(self.header.transcript.heads(heads)) {
            return Err(refused("its points are not those that the last contribution names"));
        }
        self.points.check(rng)?;
        Ok(Powers(self))
    }
}

impl PowerPoints {
    /// `[τ]₁`, `[α]₁`, `[β]₁`.
    fn heads(&self) -> Option<Heads<3>> {
        let [tau, alpha, beta] = [self.tau_g1.get(1)?, self.alpha_g1.first()?, self.beta_g1.first()?];
        Some([NonZero::new(*tau)?, NonZero::new(*alpha)?, NonZero::new(*beta)?])
    }

    /// Each vector's neighbours have the ratio τ, by random combinations; β is the same in both groups.
    fn check(&self, rng: &mut (impl CryptoRng + ?Sized)) -> Result<(), Error> {
        let short = || refused("it has too few points");
        let (first, tau_g1) = self.tau_g1.split_first_chunk::<1>().ok_or_else(short)?;
        let (one_g2, tau_g2) = self.tau_g2.split_first_chunk::<1>().ok_or_else(short)?;
        let (g1, g2) = (G1Affine::generator(), G2Affine::generator());
        if *first != [g1] || *one_g2 != [g2] {
            return Err(refused("the zeroth power of tau is not the generator"));
        }
        let tau_in_g1 = *tau_g1.first().ok_or_else(short)?;
        let tau_in_g2 = *tau_g2.first().ok_or_else(short)?;
        for (name, points) in
            [("tau", &self.tau_g1), ("alpha times tau", &self.alpha_g1), ("beta times tau", &self.beta_g1)]
        {
            let weights = weights(points.len().saturating_sub(1), rng);
            let after = points.get(1..).unwrap_or_default();
            if !same_ratio((combine(points, &weights), combine(after, &weights)), (g2, tau_in_g2)) {
                return Err(refused(&format!("the powers of {name} in the first group are not powers of one secret")));
            }
        }
        let weights = weights(tau_g2.len(), rng);
        if !same_ratio((g1, tau_in_g1), (combine(&self.tau_g2, &weights), combine(tau_g2, &weights))) {
            return Err(refused("the powers of tau in the second group are not powers of one secret"));
        }
        let beta = *self.beta_g1.first().ok_or_else(short)?;
        if !same_ratio((g1, beta), (g2, self.beta_g2)) {
            return Err(refused("beta differs between the groups"));
        }
        Ok(())
    }

    /// Every point times the factors that belong to it.
    fn scale(&self, [tau, alpha, beta]: &[Factor; 3]) -> Self {
        let powers_times = |first: Fr, count: usize| {
            let powers = std::iter::successors(Some(first), |power| Some(*power * tau.element()));
            Zeroizing::new(powers.take(count).collect::<Vec<_>>())
        };
        Self {
            tau_g1: scale_each(&self.tau_g1, &powers_times(Fr::one(), self.tau_g1.len())),
            tau_g2: scale_each(&self.tau_g2, &powers_times(Fr::one(), self.tau_g2.len())),
            alpha_g1: scale_each(&self.alpha_g1, &powers_times(*alpha.element(), self.alpha_g1.len())),
            beta_g1: scale_each(&self.beta_g1, &powers_times(*beta.element(), self.beta_g1.len())),
            beta_g2: (self.beta_g2 * beta.element()).into_affine(),
        }
    }
}

impl Powers {
    /// Powers with every trapdoor one, for circuits of up to 2^`log2_size` rows: where a ceremony starts.
    ///
    /// # Errors
    /// [`Error::OutOfRange`] beyond [`LOG2_SIZE_MAX`].
    pub fn new(log2_size: u8) -> Result<Self, Error> {
        let size = size_of(log2_size)?;
        let points = PowerPoints {
            tau_g1: vec![G1Affine::generator(); 2 * size - 1],
            tau_g2: vec![G2Affine::generator(); size],
            alpha_g1: vec![G1Affine::generator(); size],
            beta_g1: vec![G1Affine::generator(); size],
            beta_g2: G2Affine::generator(),
        };
        let header = Header { log2_size, imported: None, transcript: Transcript::new() };
        Ok(Self(UnverifiedPowers { header, points }))
    }

    /// Multiplies τ, α and β by fresh factors, which are erased afterwards.
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
    /// [`Error::Ceremony`] as [`Powers::contribute`].
    pub fn beacon(self, beacon: Beacon) -> Result<Self, Error> {
        let factors = Factor::of_beacon(&beacon, TRAPDOORS);
        self.extend(Contributor::Beacon(beacon), &factors)
    }

    pub(super) fn extend(mut self, contributor: Contributor, factors: &[Factor; 3]) -> Result<Self, Error> {
        let (start, heads) = self.0.header.start()?;
        self.0.header.transcript.extend((&start, heads), contributor, TRAPDOORS, factors)?;
        self.0.points = self.0.points.scale(factors);
        Ok(self)
    }

    /// The file form.
    ///
    /// # Errors
    /// [`Error::Ceremony`] when memory cannot be written to.
    pub fn to_bytes(&self) -> Result<Vec<u8>, Error> {
        let mut bytes = ByteTag::CeremonyPowers.text().as_bytes().to_vec();
        self.0.header.serialize(&mut bytes).map_err(|error| malformed(&error))?;
        let PowerPoints { tau_g1, tau_g2, alpha_g1, beta_g1, beta_g2 } = &self.0.points;
        write_points(tau_g1, &mut bytes)?;
        write_points(tau_g2, &mut bytes)?;
        write_points(alpha_g1, &mut bytes)?;
        write_points(beta_g1, &mut bytes)?;
        write_points(&[*beta_g2], &mut bytes)?;
        Ok(bytes)
    }

    /// The digest of the whole chain, which contributors publish and compare.
    ///
    /// # Errors
    /// [`Error::Ceremony`] when memory cannot be written to.
    pub fn digest(&self) -> Result<Digest, Error> {
        self.0.header.transcript.digest(&self.0.header.start()?.0)
    }

    /// Rows of the largest circuit, as a power of two.
    #[must_use]
    pub const fn log2_size(&self) -> u8 {
        self.0.header.log2_size
    }

    /// What the first contribution built on.
    #[must_use]
    pub const fn base(&self) -> Base {
        self.0.header.base()
    }

    /// Who contributed, in order.
    pub fn contributors(&self) -> impl Iterator<Item = &Contributor> {
        self.0.header.transcript.contributors()
    }

    /// Whether a secret can be in them: somebody contributed, or they were imported.
    #[must_use]
    pub fn has_secret(&self) -> bool {
        self.0.header.imported.is_some() || self.0.header.transcript.has_secret()
    }

    pub(super) const fn points(&self) -> &PowerPoints {
        &self.0.points
    }
}
