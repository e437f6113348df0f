//! The researcher's side of a release: open the sealed components, combine them, and have the sums.

use std::collections::BTreeMap;

use circuits::{
    id::{ChainId, Digest, QueryId},
    layout::Layout,
    quorum::{Quorum, SubsetIndex},
    rlwe::{Aggregate, params::CIPHERTEXT_BYTES},
};
use node::{
    query::CohortQuery,
    state::{QueryState, QueryStatus, committee_of},
    transaction::ComponentDigests,
};

use crate::{
    Error,
    committee::{
        Component, ReleaseContext, SEALED_COMPONENT_BYTES_MAX, SealedComponent, SumBounds, combine, open_component,
    },
    ledger::{LedgerAccess, require_query},
    objects::{BlobAccess, BlobAddress, BlobKind, get},
    sealing::SealingSecretKey,
    statistics::Sum,
    wallet::PartyKey,
};

/// A query's decrypted sums, with the opened components that prove them.
#[derive(Debug, Clone)]
pub struct CohortResult {
    slots: Vec<Vec<i32>>,
    components: Vec<BTreeMap<SubsetIndex, Component>>,
}

impl CohortResult {
    /// For each part, the layout's slots of the sum; with privacy noise some can be negative.
    #[must_use]
    pub fn slots(&self) -> &[Vec<i32>] {
        &self.slots
    }

    /// For each part, the opened component of each subset.
    #[must_use]
    pub fn components(&self) -> &[BTreeMap<SubsetIndex, Component>] {
        &self.components
    }
}

/// The release that a part's components belong to, with the noise that the query's terms ask for.
///
/// # Errors
/// [`Error::Query`] for a part that the query or its aggregate lacks.
pub fn release_context(
    chain: ChainId,
    quorum: &Quorum,
    query: QueryId,
    state: &QueryState,
    aggregates: &[Digest],
    part: u8,
) -> Result<ReleaseContext, Error> {
    let missing = || Error::Query { query, why: format!("it has no part {part}") };
    let index = usize::from(part);
    let layout = state.query.parts.get(index).ok_or_else(missing)?;
    let aggregate = aggregates.get(index).ok_or_else(missing)?;
    let scope = (chain, state.committee.into());
    let context = ReleaseContext::new(scope, (query, part), *aggregate, layout.slots_used())?;
    Ok(context.with_noise(state.query.noise(part, quorum.subset_count())?))
}

/// A query's slots as sums, each with the variance of the noise that the query's terms put into it.
///
/// # Errors
/// [`Error::Statistics`] when there are other parts than the query's.
pub fn sums(query: &CohortQuery, quorum: &Quorum, slots: &[Vec<i32>]) -> Result<Vec<Vec<Sum>>, Error> {
    if slots.len() != query.parts.len() {
        let why = format!("{} parts where the query has {}", slots.len(), query.parts.len());
        return Err(Error::Statistics { what: "the sums of a query", why });
    }
    let subsets = quorum.subset_count();
    let mut sums = vec![];
    for (part, slots) in (0u8..).zip(slots) {
        let noise = query.noise(part, subsets)?;
        let variance = |slot| noise.as_ref().map_or(0.0, |noise| noise.variance(slot, subsets));
        sums.push(slots.iter().enumerate().map(|(slot, value)| Sum::noisy((*value).into(), variance(slot))).collect());
    }
    Ok(sums)
}

/// Whether members have handed out every accepted component, which they do once they see the release.
///
/// # Errors
/// [`Error::BlobStore`] when the store fails.
pub fn handed_out(blobs: &dyn BlobAccess, accepted: &[Vec<ComponentDigests>]) -> Result<bool, Error> {
    for digests in accepted.iter().flatten() {
        let address = BlobAddress { kind: BlobKind::SealedComponent, digest: digests.sealed };
        if blobs.read(address, SEALED_COMPONENT_BYTES_MAX)?.is_none() {
            return Ok(false);
        }
    }
    Ok(true)
}

/// Opens and combines a released query's components with the researcher's key.
///
/// # Errors
/// [`Error::Query`] when the query is not released or another researcher asked it; [`Error::BlobMissing`] when a sum or component is absent, also while
/// members have not handed the components out yet;
/// [`Error::Release`] when what opens is not what the ledger accepted, or does not decrypt soundly.
pub fn decrypt(
    ledger: &dyn LedgerAccess,
    blobs: &dyn BlobAccess,
    researcher: &PartyKey,
    query: QueryId,
) -> Result<CohortResult, Error> {
    let state = require_query(ledger, query)?;
    if state.researcher != researcher.account() {
        let why = format!("researcher {} asked it, and only their key opens its result", state.researcher);
        return Err(Error::Query { query, why });
    }
    let QueryStatus::Released { aggregates, components: accepted, .. } = &state.status else {
        return Err(Error::Query { query, why: "it is not released yet; see its stage".into() });
    };
    let quorum = &committee_of(ledger, state.committee)?.quorum;
    let secret = SealingSecretKey::from_bytes(researcher.sealing_seed().as_bytes());
    let mut result = CohortResult { slots: vec![], components: vec![] };
    for (part, (aggregate, digests)) in (0u8..).zip(aggregates.iter().zip(accepted)) {
        let context = release_context(ledger.chain(), quorum, query, &state, aggregates, part)?;
        let mut components = BTreeMap::new();
        for (subset, digests) in quorum.subsets().zip(digests) {
            components.insert(subset, open(blobs, &secret, &context, subset, digests)?);
        }
        let slot_max_each = state.query.parts.get(usize::from(part)).map_or(0, Layout::slot_max_each);
        let bounds = SumBounds { contributions: state.surviving, slot_max_each };
        let address = BlobAddress { kind: BlobKind::Aggregate, digest: *aggregate };
        let sum = Aggregate::from_packed_bytes(&get(blobs, address, CIPHERTEXT_BYTES)?)?;
        result.slots.push(combine(quorum, &sum, &context, &components, bounds)?);
        result.components.push(components);
    }
    Ok(result)
}

fn open(
    blobs: &dyn BlobAccess,
    secret: &SealingSecretKey,
    context: &ReleaseContext,
    subset: SubsetIndex,
    digests: &ComponentDigests,
) -> Result<Component, Error> {
    let address = BlobAddress { kind: BlobKind::SealedComponent, digest: digests.sealed };
    let bytes = get(blobs, address, SEALED_COMPONENT_BYTES_MAX)?;
    let component = open_component(secret, context, &SealedComponent { subset, bytes })?;
    if component.digest(context) != digests.opened {
        let why = format!("component {subset} opens to another one than the ledger accepted");
        return Err(context.refused(why));
    }
    Ok(component)
}
