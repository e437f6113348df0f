//! Availability: a member keeps a ciphertext and attests it; later it signs the sum that it computed itself.

use std::sync::PoisonError;

use circuits::{
    id::{Digest, QueryId},
    rlwe::{Aggregate, Ciphertext, params::CIPHERTEXT_BYTES},
};
use node::{
    signature,
    state::{QueryState, QueryStatus},
    transaction::{MemberSignature, Receipt, aggregate_message, receipt_message},
};

use super::Member;
use crate::{
    Error,
    committee::access::{KeepCiphertext, SignAggregate},
    ledger::{LedgerAccess, require_query},
    objects::{BlobAccess, BlobAddress, BlobKind, Objects, put},
    sealing::SealingPublicKey,
};

/// Ciphertexts that a member keeps of a query for each contribution and part it may admit: an agent whose epoch ended
/// encrypts again, but nobody fills the disk.
const KEPT_PER_CONTRIBUTION: u64 = 4;

impl Member {
    /// Keeps a ciphertext for a collecting query, passes it on to the shared store, and attests that it did. Asking again
    /// gives the same receipt.
    ///
    /// # Errors
    /// [`Error::Refused`] when the query does not collect, was opened under a key this member has no share of, could not
    /// be released for want of a sealing key, or has all the ciphertexts kept that it may; [`Error::Statement`] when the
    /// bytes are no canonical ciphertext.
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
        if self.store.shares(state.committee)?.is_none() {
            return self.refused(ACTION, format!("it has no share of committee key {}", state.committee));
        }
        SealingPublicKey::from_bytes(state.query.sealing.as_bytes())?;
        Ciphertext::from_packed_bytes(&request.ciphertext)?;
        let digest = Ciphertext::digest_of_packed(&request.ciphertext);
        let own = self.store.ciphertexts(state.committee)?;
        self.take_room(&own, request.query, &state, digest)?;
        put(&own, BlobKind::Ciphertext, request.ciphertext.clone())?;
        // Whoever aggregates, and members that were not asked, find it there: no contributor can withhold it later.
        put(blobs, BlobKind::Ciphertext, request.ciphertext.clone())?;
        let message = receipt_message(&ledger.chain(), state.committee, &request.query, request.part, &digest);
        Ok(Receipt { member: self.index, signature: signature::sign(&self.key.signing_key(), &message) })
    }

    /// Counts a new ciphertext against its query's bound.
    fn take_room(&self, own: &Objects, query: QueryId, state: &QueryState, digest: Digest) -> Result<(), Error> {
        let address = BlobAddress { kind: BlobKind::Ciphertext, digest };
        if own.read(address, CIPHERTEXT_BYTES)?.is_some() {
            return Ok(());
        }
        let parts = u64::try_from(state.query.parts.len()).unwrap_or(u64::MAX);
        let room = u64::from(state.query.contributions_max).saturating_mul(parts).saturating_mul(KEPT_PER_CONTRIBUTION);
        let mut kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        let count = kept.entry(query).or_default();
        if *count >= room {
            return self.refused("keep a ciphertext", format!("it keeps {room} for query {query} already"));
        }
        *count += 1;
        Ok(())
    }

    /// Signs the sums of a sealed query, if they are those the member computes itself over the frozen set.
    ///
    /// # Errors
    /// [`Error::Refused`] when the query is not sealed over this set or the sums differ.
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
        let sums = self.sums(ledger, blobs, request.query, &state, request.set)?;
        let digests: Vec<_> = sums.iter().map(Aggregate::digest).collect();
        if digests != request.parts {
            return self.refused(ACTION, "its own sums of the frozen set are others");
        }
        let message = aggregate_message(&ledger.chain(), &request.query, &request.set, &digests);
        Ok(MemberSignature { member: self.index, signature: signature::sign(&self.key.signing_key(), &message) })
    }
}
