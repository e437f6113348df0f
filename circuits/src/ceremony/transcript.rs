//! The chain of a phase's contributions, each bound to all before it.

use ark_bn254::G1Affine;
use borsh::{BorshDeserialize, BorshSerialize, io};
use rand::CryptoRng;

use super::{
    CONTRIBUTIONS_MAX,
    contribution::{Contributor, Factor, Trapdoor, Update},
    points::NonZero,
};
use crate::{
    Error,
    domain::{ByteTag, hash},
    id::Digest,
};

/// The trapdoors' products in the first group.
pub(super) type Heads<const K: usize> = [NonZero<G1Affine>; K];

/// One step for each of a phase's trapdoors.
#[derive(Debug, Clone, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
struct Contribution<const K: usize> {
    contributor: Contributor,
    updates: [Update; K],
}

/// A phase's contributions, in order.
#[derive(Debug, Clone, PartialEq, Eq, BorshSerialize)]
pub(super) struct Transcript<const K: usize> {
    contributions: Vec<Contribution<K>>,
}

impl<const K: usize> BorshDeserialize for Transcript<K> {
    fn deserialize_reader<R: io::Read>(reader: &mut R) -> io::Result<Self> {
        let count = u32::deserialize_reader(reader)? as usize;
        if count > CONTRIBUTIONS_MAX {
            let why = format!("{count} contributions where at most {CONTRIBUTIONS_MAX} are allowed");
            return Err(io::Error::new(io::ErrorKind::InvalidData, why));
        }
        let contributions = (0..count).map(|_| Contribution::deserialize_reader(reader)).collect::<Result<_, _>>()?;
        Ok(Self { contributions })
    }
}

fn refused(why: String) -> Error {
    Error::Ceremony { what: "transcript", why }
}

fn encoded(value: &impl BorshSerialize) -> Result<Vec<u8>, Error> {
    borsh::to_vec(value).map_err(|error| refused(error.to_string()))
}

/// What a contribution's proofs of knowledge are made for: everything before, and the contributor.
fn context(before: &Digest, contributor: &Contributor) -> Result<Digest, Error> {
    Ok(hash(ByteTag::CeremonyContribution, &[before.as_bytes(), &encoded(contributor)?]))
}

impl<const K: usize> Contribution<K> {
    fn digest(&self, before: &Digest) -> Result<Digest, Error> {
        Ok(hash(ByteTag::CeremonyTranscript, &[before.as_bytes(), &encoded(self)?]))
    }
}

impl<const K: usize> Transcript<K> {
    /// No contribution yet.
    pub(super) const fn new() -> Self {
        Self { contributions: vec![] }
    }

    /// Who contributed, in order.
    pub(super) fn contributors(&self) -> impl Iterator<Item = &Contributor> {
        self.contributions.iter().map(|contribution| &contribution.contributor)
    }

    /// Whether somebody's secret is in the chain; a beacon's is public.
    pub(super) fn has_secret(&self) -> bool {
        self.contributors().any(|contributor| matches!(contributor, Contributor::Person(_)))
    }

    /// The digest of a chain that begins with `start`.
    pub(super) fn digest(&self, start: &Digest) -> Result<Digest, Error> {
        self.contributions.iter().try_fold(*start, |before, contribution| contribution.digest(&before))
    }

    /// The trapdoors after the last contribution.
    pub(super) fn heads(&self, start: Heads<K>) -> Heads<K> {
        self.contributions.last().map_or(start, |last| last.updates.map(|update| update.after))
    }

    /// Adds a contribution with these factors.
    ///
    /// # Errors
    /// [`Error::Ceremony`] after a beacon, for a zero factor, or beyond [`CONTRIBUTIONS_MAX`].
    pub(super) fn extend(
        &mut self,
        (start, heads): (&Digest, Heads<K>),
        contributor: Contributor,
        trapdoors: [Trapdoor; K],
        factors: &[Factor; K],
    ) -> Result<(), Error> {
        self.check_open(self.contributions.len())?;
        let context = context(&self.digest(start)?, &contributor)?;
        let heads = self.heads(heads);
        let steps = heads.iter().zip(trapdoors).zip(factors);
        let updates = steps.map(|((before, trapdoor), factor)| Update::new(before, &context, trapdoor, factor));
        let updates = updates.collect::<Result<Vec<_>, _>>()?;
        let updates = updates.try_into().map_err(|_| refused("a trapdoor lacks its factor".into()))?;
        self.contributions.push(Contribution { contributor, updates });
        Ok(())
    }

    fn check_open(&self, count: usize) -> Result<(), Error> {
        if count >= CONTRIBUTIONS_MAX {
            return Err(refused(format!("it has {CONTRIBUTIONS_MAX} contributions, the most allowed")));
        }
        let before = self.contributors().take(count);
        if before.last().is_some_and(|last| matches!(last, Contributor::Beacon(_))) {
            return Err(refused("a beacon ended it; nobody contributes after that".into()));
        }
        Ok(())
    }

    /// Checks every contribution: knowledge of the factors, the step of each trapdoor, beacons recomputed.
    ///
    /// # Errors
    /// [`Error::Ceremony`] that names the first bad contribution.
    pub(super) fn verify(
        &self,
        (start, heads): (&Digest, Heads<K>),
        trapdoors: [Trapdoor; K],
        rng: &mut (impl CryptoRng + ?Sized),
    ) -> Result<(), Error> {
        let (mut digest, mut heads) = (*start, heads);
        for (place, contribution) in self.contributions.iter().enumerate() {
            self.check_open(place)?;
            let named = |error: Error| refused(format!("contribution {place}: {error}"));
            let context = context(&digest, &contribution.contributor)?;
            for ((update, before), trapdoor) in contribution.updates.iter().zip(&heads).zip(trapdoors) {
                update.verify(before, &context, trapdoor, rng).map_err(named)?;
            }
            if let Contributor::Beacon(beacon) = &contribution.contributor {
                let mut expected = Self { contributions: self.contributions.iter().take(place).cloned().collect() };
                let factors = Factor::of_beacon(beacon, trapdoors);
                expected.extend((start, heads), contribution.contributor.clone(), trapdoors, &factors)?;
                if expected.contributions.last() != Some(contribution) {
                    return Err(refused(format!("contribution {place} is not what its beacon makes")));
                }
            }
            digest = contribution.digest(&digest)?;
            heads = contribution.updates.map(|update| update.after);
        }
        Ok(())
    }
}
