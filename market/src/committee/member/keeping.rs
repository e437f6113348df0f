//! Availability: a member keeps a ciphertext and attests it; later it signs the sum that it computed itself.

use circuits::{
    id::{Digest, QueryId},
    rlwe::{Accumulator, Aggregate, Ciphertext, params::CIPHERTEXT_BYTES},
};
use node::{
    signature,
    state::{ContributionState, QueryState, QueryStatus},
    transaction::{MemberSignature, Receipt, aggregate_message, contribution_set_digest, receipt_message},
    units::ContributionIndex,
};

use super::Member;
use crate::{
    Error,
    committee::access::{KeepCiphertext, SignAggregate},
    ledger::{LedgerAccess, require_query, surviving},
    objects::{BlobAccess, BlobAddress, BlobKind, get, put},
};

impl Member {
    /// Keeps a ciphertext for a collecting query, and attests that it did. Asking again gives the same receipt.
    ///
    /// # Errors
    /// [`Error::Refused`] when the query does not collect, was opened under a key this member has no share of, or the
    /// bytes are no canonical ciphertext.
    pub fn keep(&self, ledger: &dyn LedgerAccess, request: &KeepCiphertext) -> Result<Receipt, Error> {
        const ACTION: &str = "keep a ciphertext";
        let state = require_query(ledger, request.query)?;
        if state.status != QueryStatus::Collecting || usize::from(request.part) >= state.query.parts.len() {
            return self.refused(ACTION, format!("query {} collects no part {}", request.query, request.part));
        }
        if self.store.shares(state.committee)?.is_none() {
            return self.refused(ACTION, format!("it has no share of committee key {}", state.committee));
        }
        Ciphertext::from_packed_bytes(&request.ciphertext)?;
        let digest = Ciphertext::digest_of_packed(&request.ciphertext);
        put(&self.store.ciphertexts, BlobKind::Ciphertext, request.ciphertext.clone())?;
        let message = receipt_message(&ledger.chain(), state.committee, &request.query, request.part, &digest);
        Ok(Receipt { member: self.index, signature: signature::sign(&self.key.signing_key(), &message) })
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

    /// Adds up every part over the set with this digest, from the member's own store and, for what it did not attest
    /// itself, from the shared one. Digests are checked on every read.
    pub(super) fn sums(
        &self,
        ledger: &dyn LedgerAccess,
        blobs: &dyn BlobAccess,
        query: QueryId,
        state: &QueryState,
        set: Digest,
    ) -> Result<Vec<Aggregate>, Error> {
        let contributions = surviving(ledger, query, state)?;
        let listed = contributions.iter().map(|(index, contribution)| (*index, contribution));
        if contribution_set_digest(&query, listed) != set {
            return self.refused("add up a query", "the contributions it was shown are not the frozen set");
        }
        (0..state.query.parts.len()).map(|part| self.sum(blobs, &contributions, part)).collect()
    }

    fn sum(
        &self,
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
            let own = get(&self.store.ciphertexts, address, CIPHERTEXT_BYTES);
            sum.add_packed(&own.or_else(|_| get(blobs, address, CIPHERTEXT_BYTES))?)?;
        }
        Ok(sum.finish())
    }
}
