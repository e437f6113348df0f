//! Availability: a member keeps a ciphertext and attests it; later it signs the sum that it computed itself.

use std::{
    collections::btree_map::Entry,
    sync::{Arc, PoisonError},
};

use circuits::{
    contribution::Opening,
    id::{Digest, Evaluation, QueryId},
    rlwe::{Aggregate, Ciphertext},
};
use node::{
    QueryPart, signature,
    state::{QueryState, QueryStatus, StateRead},
    transaction::{Attestation, MemberSignature, Receipt, aggregate_message},
    units::{CommitteeEpoch, Epoch},
};

use super::{
    Member,
    together::PartVerifier,
    uploads::{KEPT_PER_NULLIFIER, NoRoom, Upload, Uploads},
};
use crate::{
    Error,
    committee::access::{KeepCiphertext, SignAggregate},
    ledger::{LedgerAccess, require_query, tip},
    objects::{BlobAccess, BlobKind, put},
    sealing::SealingPublicKey,
};

/// Query parts whose verifier a member keeps, each with the committee's key; the set is dropped when it is full.
const VERIFIERS_MAX: usize = 64;

impl Member {
    /// Keeps a ciphertext for a collecting query, passes it on to the shared store, and attests that it did and that the
    /// ciphertext has the opening that its proof claims. Only a registered record's proof gets it kept, so that nobody
    /// else fills the disk. Asking again gives the same receipt.
    ///
    /// # Errors
    /// [`Error::Refused`] when the query does not collect, was opened under a key this member has no share of, could not
    /// be released for want of a sealing key, when the proof does not verify or is against no late root, when record or
    /// query have all the ciphertexts kept that they may, or when the ciphertext has another opening than the proof
    /// claims; [`Error::Statement`] when the bytes are no canonical ciphertext or no proof.
    pub fn keep(
        &self,
        ledger: &dyn LedgerAccess,
        blobs: &dyn BlobAccess,
        request: &KeepCiphertext,
    ) -> Result<Receipt, Error> {
        const ACTION: &str = "keep a ciphertext";
        let state = require_query(ledger, request.query)?;
        if state.status != QueryStatus::Collecting || usize::from(request.part) >= state.query.parts.len() {
            return self.refused(ACTION, format!("query {} collects no part {}", request.query, request.part));
        }
        if !self.store.has_shares(state.committee)? {
            return self.refused(ACTION, format!("it has no share of committee key {}", state.committee));
        }
        let member = self.require_index(ledger, state.committee, ACTION)?;
        SealingPublicKey::from_bytes(state.query.sealing.as_bytes())?;
        let attestation = self.check(ledger, &state, request)?;
        self.take_room(request, &state, attestation.ciphertext)?;
        let own = self.store.ciphertexts(state.committee)?;
        put(&own, BlobKind::Ciphertext, request.ciphertext.clone())?;
        // Whoever aggregates, and members that were not asked, find it there: no contributor can withhold it later.
        put(blobs, BlobKind::Ciphertext, request.ciphertext.clone())?;
        let message = attestation.message(&ledger.chain());
        Ok(Receipt { member, signature: signature::sign(&self.key.signing_key(), &message) })
    }

    /// Opens the ciphertext at the challenge, which follows from the query on the ledger, the committee's key, and what
    /// was proven, compares it with what the proof claims, and verifies the proof.
    fn check(
        &self,
        ledger: &dyn LedgerAccess,
        state: &QueryState,
        request: &KeepCiphertext,
    ) -> Result<Attestation, Error> {
        const ATTEST: &str = "attest a ciphertext";
        let ciphertext = Ciphertext::from_packed_bytes(&request.ciphertext)?;
        let verifier = self.verifier(ledger, state, (request.query, request.part))?;
        let gamma = verifier.verifier().challenges(&request.instance, &request.contribution.proof)?.gamma;
        let (found, claimed) = (Opening::of(&ciphertext, gamma), request.contribution.opening);
        for (name, found, claimed) in [("c0", found.c0, claimed.c0), ("c1", found.c1, claimed.c1)] {
            if found != claimed {
                let why = format!("{name} is {found} at the challenge, and the proof claims {claimed}");
                return self.refused(ATTEST, why);
            }
        }
        self.check_root(ledger, request)?;
        match verifier.verify(&request.instance, &request.contribution) {
            Some(Ok(())) => {}
            Some(Err(error)) => {
                return self.refused(ATTEST, format!("the contribution proof does not verify: {error}"));
            }
            None => return self.refused(ATTEST, "the verification of its proof was cut off; ask again"),
        }
        Ok(Attestation {
            committee: state.committee,
            query: request.query,
            part: request.part,
            ciphertext: Ciphertext::digest_of_packed(&request.ciphertext),
            gamma: Evaluation::from_element(gamma),
            opening: found,
        })
    }

    /// Anyone proves against a tree of their own making; the ledger has a root for each epoch. The one before the latest
    /// serves an agent whose epoch just ended: the ledger tells it so.
    fn check_root(&self, ledger: &dyn LedgerAccess, request: &KeepCiphertext) -> Result<(), Error> {
        let (root, latest) = (request.instance.root, tip(ledger)?.epoch);
        for epoch in [Some(latest.get()), latest.get().checked_sub(1)].into_iter().flatten().map(Epoch::new) {
            if ledger.epoch_snapshot(epoch)?.is_some_and(|snapshot| snapshot.root == root) {
                return Ok(());
            }
        }
        let why = format!("the proof is against root {root}, which neither epoch {latest} nor the one before has");
        self.refused("attest a ciphertext", why)
    }

    pub(super) fn verifier(
        &self,
        ledger: &dyn LedgerAccess,
        state: &QueryState,
        place: (QueryId, u8),
    ) -> Result<Arc<PartVerifier>, Error> {
        if let Some(verifier) = self.verifiers.lock().unwrap_or_else(PoisonError::into_inner).get(&place) {
            return Ok(Arc::clone(verifier));
        }
        let part = QueryPart::new(ledger, ledger.chain(), place.0, state, place.1);
        let verifier = Arc::new(PartVerifier::new(part.verifier(&ledger.genesis().contribution)?));
        let mut verifiers = self.verifiers.lock().unwrap_or_else(PoisonError::into_inner);
        if verifiers.len() >= VERIFIERS_MAX {
            verifiers.clear();
        }
        verifiers.insert(place, Arc::clone(&verifier));
        Ok(verifier)
    }

    /// Counts a new ciphertext against its record's bound and its query's.
    fn take_room(&self, request: &KeepCiphertext, state: &QueryState, ciphertext: Digest) -> Result<(), Error> {
        let KeepCiphertext { query, part, instance, .. } = request;
        let kept_max = state.query.parts.len().saturating_mul(KEPT_PER_NULLIFIER) as u64;
        let room = u64::from(state.query.contributions_max).saturating_mul(kept_max);
        let upload = Upload { part: *part, nullifier: instance.nullifier, ciphertext };
        match self.of_uploads(state.committee, *query, |uploads| uploads.note(upload, room))?? {
            Ok(()) => Ok(()),
            Err(NoRoom::OfRecord) => {
                let why =
                    format!("it keeps {KEPT_PER_NULLIFIER} of this record for part {part} of query {query} already");
                self.refused("keep a ciphertext", why)
            }
            Err(NoRoom::OfQuery) => {
                self.refused("keep a ciphertext", format!("it keeps {room} for query {query} already"))
            }
        }
    }

    /// What a function makes of the ciphertexts kept for a query.
    pub(super) fn of_uploads<T>(
        &self,
        committee: CommitteeEpoch,
        query: QueryId,
        look: impl FnOnce(&mut Uploads) -> T,
    ) -> Result<T, Error> {
        let mut uploads = self.uploads.lock().unwrap_or_else(PoisonError::into_inner);
        Ok(look(match uploads.entry(query) {
            Entry::Occupied(known) => known.into_mut(),
            Entry::Vacant(unknown) => unknown.insert(Uploads::open(self.store.uploads_path(committee, query)?)?),
        }))
    }

    /// Signs the sums of a sealed query, if they are those the member computes itself over the frozen set.
    ///
    /// # Errors
    /// [`Error::Refused`] when the query is not sealed over this set, is another committee's, or the sums differ.
    pub fn sign(
        &self,
        ledger: &dyn LedgerAccess,
        blobs: &dyn BlobAccess,
        request: &SignAggregate,
    ) -> Result<MemberSignature, Error> {
        const ACTION: &str = "sign an aggregate";
        let state = require_query(ledger, request.query)?;
        match &state.status {
            QueryStatus::Sealed { set, .. } if *set == request.set => {}
            _ => return self.refused(ACTION, format!("query {} is not sealed over this set", request.query)),
        }
        let member = self.require_index(ledger, state.committee, ACTION)?;
        let sums = self.sums(ledger, blobs, request.query, &state, request.set)?;
        let digests: Vec<_> = sums.iter().map(Aggregate::digest).collect();
        if digests != request.parts {
            return self.refused(ACTION, "its own sums of the frozen set are others");
        }
        let message = aggregate_message(&ledger.chain(), &request.query, &request.set, &digests);
        Ok(MemberSignature { member, signature: signature::sign(&self.key.signing_key(), &message) })
    }
}
