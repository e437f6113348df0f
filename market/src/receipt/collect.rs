//! Making a receipt from a ledger that released a query.

use std::collections::{BTreeMap, BTreeSet};

use circuits::{id::QueryId, quorum::SubsetIndex, rlwe::params::CIPHERTEXT_BYTES};
use node::{
    committee_key,
    state::{CommitteeState, ContributionState, QueryStatus, StateKey},
    transaction::{Action, Aggregate, Transaction},
    units::{Epoch, Height},
};

use super::{Bytes, ContributionEvidence, EMBEDDED_BYTES_MAX, FORMAT, Receipt};
use crate::{
    Error,
    committee::Component,
    ledger::{LedgerAccess, handovers, require_query, sent, surviving},
    objects::{BlobAccess, BlobAddress, BlobKind, get},
};

/// Collects everything that supports a released result. The opened components come from the researcher.
///
/// # Errors
/// [`Error::Query`] when it is not released; [`Error::Ledger`] or [`Error::BlobMissing`] when evidence is missing.
pub fn collect(
    ledger: &dyn LedgerAccess,
    blobs: &dyn BlobAccess,
    query: QueryId,
    components: &[BTreeMap<SubsetIndex, Component>],
    result: &[Vec<i32>],
) -> Result<Receipt, Error> {
    let state = require_query(ledger, query)?;
    let QueryStatus::Released { height, .. } = state.status else {
        return Err(Error::Query { query, why: "it is not released; a receipt attests a release".into() });
    };
    let missing = || node::Error::Unknown { what: "block", id: height.to_string() };
    let header = ledger.header(height)?.ok_or_else(missing)?;
    let set = surviving(ledger, query, &state)?;
    let embed = set.len() * state.query.parts.len() * CIPHERTEXT_BYTES <= EMBEDDED_BYTES_MAX;
    let mut epochs = BTreeSet::new();
    let mut contributions = vec![];
    for (index, admitted) in set {
        epochs.insert(Epoch::of(admitted.height, ledger.genesis().parameters.epoch_blocks));
        contributions.push(ContributionEvidence {
            index,
            state: ledger.prove(height, StateKey::Contribution(query, index))?,
            contribution: sent(ledger, query, index, &admitted)?,
            ciphertexts: if embed { ciphertexts(blobs, &admitted)? } else { vec![] },
        });
    }
    let committee = ledger.prove(height, StateKey::Committee(state.committee))?;
    let seated = committee.decode::<CommitteeState>()?.seated;
    let proven = epochs.into_iter().map(|epoch| ledger.prove(height, StateKey::EpochSnapshot(epoch)));
    Ok(Receipt {
        format: FORMAT.into(),
        genesis: ledger.genesis().clone(),
        handovers: handovers(ledger, height)?,
        query,
        committee_key: committee,
        committee_members: ledger.prove(height, StateKey::CommitteeMembers(seated))?,
        committee_polynomial: Bytes(committee_key(ledger, ledger.chain(), &state)?.b().to_packed_bytes()),
        query_state: ledger.prove(height, StateKey::Query(query))?,
        epochs: proven.collect::<Result<_, _>>()?,
        contributions,
        aggregate: aggregate(ledger, query, height, state.opened)?,
        components: components.iter().map(encode_components).collect::<Result<_, _>>()?,
        result: result.to_vec(),
        header,
    })
}

fn ciphertexts(blobs: &dyn BlobAccess, admitted: &ContributionState) -> Result<Vec<Bytes>, Error> {
    let fetch = |part: &node::state::AdmittedPart| {
        let address = BlobAddress { kind: BlobKind::Ciphertext, digest: part.ciphertext };
        get(blobs, address, CIPHERTEXT_BYTES).map(Bytes)
    };
    admitted.parts.iter().map(fetch).collect()
}

/// The transaction that froze the aggregate, searched from the release backwards.
fn aggregate(ledger: &dyn LedgerAccess, query: QueryId, release: Height, opened: Height) -> Result<Aggregate, Error> {
    for height in (opened.get()..=release.get()).rev() {
        let Some(block) = ledger.block(Height::new(height))? else { continue };
        for transaction in block.transactions {
            if let Transaction::Signed(signed) = transaction {
                match signed.action {
                    Action::Aggregate(aggregate) if aggregate.query == query => return Ok(aggregate),
                    _ => {}
                }
            }
        }
    }
    Err(node::Error::Unknown { what: "aggregate of query", id: query.to_string() }.into())
}

fn encode_components(components: &BTreeMap<SubsetIndex, Component>) -> Result<Vec<Bytes>, Error> {
    let encode = |component: &Component| {
        borsh::to_vec(component)
            .map(Bytes)
            .map_err(|error| Error::Receipt { check: "components", why: error.to_string() })
    };
    components.values().map(encode).collect()
}
