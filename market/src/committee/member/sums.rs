//! The sums of sealed sets, each added up once however often a signature is asked for.

use std::{
    collections::{BTreeSet, VecDeque},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use circuits::{
    id::{Digest, Evaluation, QueryId},
    rlwe::{Accumulator, Aggregate, params::CIPHERTEXT_BYTES},
};
use node::{
    state::{AdmittedPart, ContributionState, QueryState},
    transaction::ContributionSetHasher,
    units::ContributionIndex,
};

use super::{Member, uploads::Upload};
use crate::{
    Error,
    ledger::{LedgerAccess, each_surviving, sent},
    objects::{BlobAccess, BlobAddress, BlobKind, get},
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
    /// Digests are checked on every read. Each contribution is read once and dropped: a ledger that showed others when it is
    /// asked again would have a sum of what was not checked. Sums count for nothing before the set's digest is the frozen one.
    fn add_up(
        &self,
        ledger: &dyn LedgerAccess,
        blobs: &dyn BlobAccess,
        query: QueryId,
        state: &QueryState,
        set: Digest,
    ) -> Result<Vec<Aggregate>, Error> {
        let parts = state.query.parts.len();
        let own = self.store.ciphertexts(state.committee)?;
        let mut sums: Vec<_> = (0..parts).map(|_| Accumulator::default()).collect();
        let mut shown = ContributionSetHasher::new(&query, state.surviving, parts);
        let mut nullifiers = BTreeSet::new();
        for found in each_surviving(ledger, query, state) {
            let (index, contribution) = found?;
            let is_first = contribution.nullifier().is_some_and(|nullifier| nullifiers.insert(nullifier));
            if !is_first || contribution.parts.len() != parts {
                let why =
                    format!("contribution {index} repeats a nullifier, or its parts have several, or are not all");
                return self.refused("add up a query", why);
            }
            self.check_attested(ledger, query, state, (index, &contribution))?;
            for (admitted, sum) in contribution.parts.iter().zip(&mut sums) {
                let address = BlobAddress { kind: BlobKind::Ciphertext, digest: admitted.ciphertext };
                let attested = get(&own, address, CIPHERTEXT_BYTES);
                sum.add_packed(&attested.or_else(|_| get(blobs, address, CIPHERTEXT_BYTES))?)?;
            }
            shown.add(index, &contribution);
        }
        if shown.finish() != Some(set) {
            return self.refused("add up a query", "the contributions it was shown are not the frozen set");
        }
        Ok(sums.into_iter().map(Accumulator::finish).collect())
    }

    /// Every ciphertext of a contribution was attested for this query and part by this member, or by so many that one of them
    /// is honest. Whoever orders transactions could otherwise have a sum of what nobody proved.
    fn check_attested(
        &self,
        ledger: &dyn LedgerAccess,
        query: QueryId,
        state: &QueryState,
        (index, contribution): (ContributionIndex, &ContributionState),
    ) -> Result<(), Error> {
        for (part, admitted) in (0u8..).zip(&contribution.parts) {
            let AdmittedPart { nullifier, ciphertext, .. } = *admitted;
            let upload = Upload { part, nullifier, ciphertext };
            if !self.of_uploads(state.committee, query, |uploads| uploads.has(upload))? {
                self.check_receipts(ledger, query, state, (index, contribution), part)?;
            }
        }
        Ok(())
    }

    /// Checks the receipts of a part that this member did not attest.
    fn check_receipts(
        &self,
        ledger: &dyn LedgerAccess,
        query: QueryId,
        state: &QueryState,
        (index, contribution): (ContributionIndex, &ContributionState),
        part: u8,
    ) -> Result<(), Error> {
        let sent = sent(ledger, query, index, contribution)?;
        let place = usize::from(part);
        let (Some(carried), Some(admitted)) = (sent.parts.get(place), contribution.parts.get(place)) else {
            return self.refused("add up a query", format!("contribution {index} has no part {part}"));
        };
        if carried.admitted() != *admitted {
            return self.refused("add up a query", format!("contribution {index} is not what its agent sent"));
        }
        let instance = carried.instance(&ledger.chain(), &query, part, &sent.payout);
        let verifier = self.verifier(ledger, state, (query, part))?;
        let gamma = verifier.verifier().challenges(&instance, &carried.contribution.proof)?.gamma;
        let attestation = carried.attestation(state.committee, query, part, Evaluation::from_element(gamma));
        let committee = self.committee(ledger, state.committee)?;
        let signers = carried.receipt_signers(&committee, &attestation.message(&ledger.chain()))?;
        if signers.len() < usize::from(committee.quorum.receipts_min()) {
            let why = format!("contribution {index} has {} receipts for part {part}", signers.len());
            return self.refused("add up a query", why);
        }
        Ok(())
    }
}
