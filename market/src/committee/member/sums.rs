//! The sums of sealed sets, each added up once however often a signature is asked for.

use std::{
    collections::VecDeque,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use circuits::{
    id::{Digest, QueryId},
    rlwe::{Accumulator, Aggregate, params::CIPHERTEXT_BYTES},
};
use node::{
    state::{ContributionState, QueryState},
    transaction::contribution_set_digest,
    units::ContributionIndex,
};

use super::Member;
use crate::{
    Error,
    ledger::{LedgerAccess, surviving},
    objects::{BlobAccess, BlobAddress, BlobKind, Objects, get},
};

/// Sealed sets whose sums are remembered, the latest asked for first to stay. A sum is 128 KiB, a query has at most
/// eight.
const SETS_MAX: usize = 32;

/// The sums of one set, once they are known. Locked while they are added up, so that nobody adds them up twice.
type Slot = Arc<Mutex<Option<Arc<[Aggregate]>>>>;

/// The sums that a member remembers, by the digest of the sealed set, which names query and contributions.
#[derive(Debug, Default)]
pub(super) struct SumsOfSets(Mutex<VecDeque<(Digest, Slot)>>);

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl SumsOfSets {
    fn slot(&self, set: Digest) -> Slot {
        let mut slots = lock(&self.0);
        let place = slots.iter().position(|(known, _)| *known == set);
        let known = place.and_then(|place| slots.remove(place)).map(|(_, slot)| slot);
        let slot = known.unwrap_or_default();
        slots.push_front((set, Arc::clone(&slot)));
        slots.truncate(SETS_MAX);
        slot
    }

    /// The sums of a set; added up by the first who asks, while others who ask for the same set wait.
    fn of(
        &self,
        set: Digest,
        add_up: impl FnOnce() -> Result<Vec<Aggregate>, Error>,
    ) -> Result<Arc<[Aggregate]>, Error> {
        let slot = self.slot(set);
        let mut sums = lock(&slot);
        if let Some(known) = &*sums {
            return Ok(Arc::clone(known));
        }
        let added: Arc<[Aggregate]> = add_up()?.into();
        *sums = Some(Arc::clone(&added));
        Ok(added)
    }
}

impl Member {
    /// The sum of every part over the set with this digest.
    pub(super) fn sums(
        &self,
        ledger: &dyn LedgerAccess,
        blobs: &dyn BlobAccess,
        query: QueryId,
        state: &QueryState,
        set: Digest,
    ) -> Result<Arc<[Aggregate]>, Error> {
        self.sums.of(set, || self.add_up(ledger, blobs, query, state, set))
    }

    /// Adds up every part, from the member's own store and, for what it did not attest itself, from the shared one.
    /// Digests are checked on every read.
    fn add_up(
        &self,
        ledger: &dyn LedgerAccess,
        blobs: &dyn BlobAccess,
        query: QueryId,
        state: &QueryState,
        set: Digest,
    ) -> Result<Vec<Aggregate>, Error> {
        let contributions = surviving(ledger, query, state)?;
        let parts = state.query.parts.len();
        let whole = contributions.iter().all(|(_, contribution)| contribution.parts.len() == parts);
        if !whole || contributions.len() != state.surviving as usize {
            return self.refused("add up a query", "the contributions it was shown are not all, or not whole");
        }
        let listed = contributions.iter().map(|(index, contribution)| (*index, contribution));
        if contribution_set_digest(&query, listed) != set {
            return self.refused("add up a query", "the contributions it was shown are not the frozen set");
        }
        let own = self.store.ciphertexts(state.committee)?;
        (0..parts).map(|part| self.sum(&own, blobs, &contributions, part)).collect()
    }

    fn sum(
        &self,
        own: &Objects,
        blobs: &dyn BlobAccess,
        contributions: &[(ContributionIndex, ContributionState)],
        part: usize,
    ) -> Result<Aggregate, Error> {
        let mut sum = Accumulator::default();
        for (index, contribution) in contributions {
            let Some(admitted) = contribution.parts.get(part) else {
                return self.refused("add up a query", format!("contribution {index} has no part {part}"));
            };
            let address = BlobAddress { kind: BlobKind::Ciphertext, digest: admitted.ciphertext };
            let attested = get(own, address, CIPHERTEXT_BYTES);
            sum.add_packed(&attested.or_else(|_| get(blobs, address, CIPHERTEXT_BYTES))?)?;
        }
        Ok(sum.finish())
    }
}
