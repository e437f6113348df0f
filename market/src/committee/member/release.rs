//! Releasing: only what the ledger allows, verified by the member itself, once.

use std::sync::Arc;

use circuits::{
    id::{Digest, QueryId},
    rlwe::Aggregate,
};
use node::{
    state::{QueryState, QueryStatus, StateKey, StateRead},
    transaction::{Action, ComponentDigests, SubmitComponents},
};

use super::{Duty, Member, store::ReleaseRecord};
use crate::{
    Error,
    committee::{MemberKey, ReleaseContext, SEALED_COMPONENT_BYTES_MAX, component, sealed_components},
    ledger::{LedgerAccess, act, verified_tip},
    objects::{BlobAccess, BlobAddress, BlobKind, Objects, put},
    researcher::release_context,
    sealing::SealingPublicKey,
    so_many,
};

/// A release that this member found to be allowed: the query's state is in a header that the validators signed, its
/// minimum is met, and the sums signed by the committee are those the member computed itself. Only
/// [`Member::approve`] makes one.
#[derive(Debug)]
pub struct ApprovedRelease {
    query: QueryId,
    state: QueryState,
    digests: Vec<Digest>,
    sums: Arc<[Aggregate]>,
}

/// What a member did for a query, and whether nothing more will be asked of it.
pub(super) struct Progress {
    pub(super) duty: Option<Duty>,
    pub(super) is_over: bool,
}

impl Member {
    /// Reports the components of an aggregated query; hands them out once the ledger released it and paid. Whoever could
    /// fetch them earlier would have the result and the refund.
    pub(super) fn release(
        &self,
        ledger: &dyn LedgerAccess,
        blobs: &dyn BlobAccess,
        query: QueryId,
    ) -> Result<Progress, Error> {
        let progress = |duty, is_over| Ok(Progress { duty, is_over });
        let Some(state) = ledger.query(query)? else { return progress(None, false) };
        let Some(index) = self.index(ledger, state.committee)? else { return progress(None, true) };
        match &state.status {
            QueryStatus::Collecting | QueryStatus::Sealed { .. } => progress(None, false),
            QueryStatus::Refunded { .. } => progress(None, true),
            QueryStatus::Aggregated { .. } => {
                if ledger.component_vote(query, index)?.is_some() {
                    return progress(None, false);
                }
                let approved = self.approve(ledger, blobs, query)?;
                let components = self.components(ledger, &approved)?;
                act(ledger, &self.key.signing_key(), Action::SubmitComponents(components))?;
                progress(Some(Duty::Reported { query }), false)
            }
            QueryStatus::Released { components, .. } => {
                let handed_out = self.hand_out(blobs, &state, components)?;
                progress(handed_out.then_some(Duty::Released { query }), true)
            }
        }
    }

    /// Checks that a release is allowed, trusting nothing but the genesis.
    ///
    /// # Errors
    /// [`Error::Ledger`] when header or proof do not verify; [`Error::Refused`] when a condition does not hold.
    pub fn approve(
        &self,
        ledger: &dyn LedgerAccess,
        blobs: &dyn BlobAccess,
        query: QueryId,
    ) -> Result<ApprovedRelease, Error> {
        const ACTION: &str = "release";
        let header = verified_tip(ledger)?;
        let proof = ledger.prove(header.header().height, StateKey::Query(query))?;
        let Some(state) = header.read::<QueryState>(StateKey::Query(query), &proof)? else {
            return self.refused(ACTION, "the ledger does not have the query");
        };
        // The id fixes the query's terms: its noise, its minimum and who reads the result.
        state.check_id(&ledger.chain(), query)?;
        let QueryStatus::Aggregated { set, aggregates, .. } = &state.status else {
            return self.refused(ACTION, format!("query {query} has no aggregate"));
        };
        if state.surviving < state.query.contributions_min {
            let few = so_many(state.surviving, "contribution is", "contributions are");
            return self.refused(ACTION, format!("{few} below the minimum"));
        }
        let sums = self.sums(ledger, blobs, query, &state, *set)?;
        let digests: Vec<_> = sums.iter().map(Aggregate::digest).collect();
        if digests != *aggregates {
            return self.refused(ACTION, "its own sums of the frozen set are others");
        }
        Ok(ApprovedRelease { query, digests, sums, state })
    }

    /// Uploads the accepted components that this member computed; whether there was any.
    fn hand_out(
        &self,
        blobs: &dyn BlobAccess,
        state: &QueryState,
        accepted: &[Vec<ComponentDigests>],
    ) -> Result<bool, Error> {
        if !self.store.epochs()?.contains(&state.committee) {
            // Released and forgotten before this member started again.
            return Ok(false);
        }
        let own = self.store.components(state.committee)?;
        let mut any = false;
        for digests in accepted.iter().flatten() {
            let address = BlobAddress { kind: BlobKind::SealedComponent, digest: digests.sealed };
            if let Some(bytes) = own.read(address, SEALED_COMPONENT_BYTES_MAX)? {
                put(blobs, BlobKind::SealedComponent, bytes)?;
                any = true;
            }
        }
        Ok(any)
    }

    /// Computes the sealed components of an approved release and keeps them, after recording it durably.
    fn components(&self, ledger: &dyn LedgerAccess, approved: &ApprovedRelease) -> Result<SubmitComponents, Error> {
        let ApprovedRelease { query, state, digests, sums } = approved;
        let Some(shares) = self.store.shares(state.committee)? else {
            return self.refused("release", format!("it has no share of committee key {}", state.committee));
        };
        self.store.commit_release(*query, &ReleaseRecord { aggregates: digests.clone() })?;
        let researcher = SealingPublicKey::from_bytes(state.query.sealing.as_bytes())?;
        let own = self.store.components(state.committee)?;
        let committee = self.committee(ledger, state.committee)?;
        let mut parts = vec![];
        for (part, sum) in (0u8..).zip(sums.iter()) {
            let context = release_context(ledger.chain(), &committee.quorum, *query, state, digests, part)?;
            parts.push(seal(&own, &shares, sum, &context, &researcher)?);
        }
        Ok(SubmitComponents { query: *query, parts })
    }
}

fn seal(
    own: &Objects,
    shares: &MemberKey,
    sum: &Aggregate,
    context: &ReleaseContext,
    researcher: &SealingPublicKey,
) -> Result<Vec<ComponentDigests>, Error> {
    let mut digests = vec![];
    for (subset, sealed) in sealed_components(shares, sum, context, researcher)? {
        let opened = component(shares, sum, context, subset)?.digest(context);
        let sealed = put(own, BlobKind::SealedComponent, sealed.bytes)?.digest;
        digests.push(ComponentDigests { sealed, opened });
    }
    Ok(digests)
}
