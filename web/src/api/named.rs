//! Which blobs the ledger names. They are taken whatever room there is: strangers who fill a store must not keep a query
//! from its components, nor a key from its shares.

use circuits::id::Digest;
use market::{
    index::{Index, Order, PAGE_ROWS_MAX, Paging, QueryFilter},
    objects::{BlobAddress, BlobKind},
};
use node::{
    Snapshot,
    state::{QueryState, QueryStatus, ResponseStatus, StateRead},
    units::ResponseIndex,
};

use crate::{Error, chain::Chain};

/// The rows that are looked through: those of the latest page, so that a stranger's upload costs no more than that.
const LATEST: Paging = Paging { after: None, limit: PAGE_ROWS_MAX, order: Order::Newest };

/// Responses that are looked through for a letter.
const RESPONSES_LOOKED_AT_MAX: u32 = 16_384;

/// Whether the ledger names a blob: an admitted ciphertext, a signed sum, an accepted component, an announced message of
/// the key in the making, a letter of a screening, or a schema's panel. Asked when there is no room, or no blob.
///
/// # Errors
/// [`market::Error::IndexGap`] where the index would leave out what names it: then the answer is not no.
pub(super) fn is_named(chain: &Chain, index: &Index, address: BlobAddress) -> Result<bool, Error> {
    let (snapshot, digest) = (chain.snapshot()?, address.digest);
    let listings = || index.check_follows(chain.ledger()).map(|()| index);
    match address.kind {
        BlobKind::Ciphertext => Ok(snapshot.ciphertext(digest)?.is_some()),
        BlobKind::KeyGeneration => {
            let latest = snapshot.committee_epoch()?.unwrap_or_default();
            let state = snapshot.committee(latest)?.unwrap_or_default();
            Ok(state.reveals.values().any(|message| *message == digest))
        }
        BlobKind::Aggregate | BlobKind::SealedComponent => {
            // The index knows which queries there are; how far each is, the ledger itself says.
            for row in listings()?.queries(&QueryFilter::default(), &LATEST)?.items {
                if snapshot.query(row.id)?.is_some_and(|state| names(&state, digest)) {
                    return Ok(true);
                }
            }
            Ok(false)
        }
        BlobKind::Panel => {
            for row in listings()?.schemas(&LATEST)?.items {
                if snapshot.schema(row.id)?.is_some_and(|schema| schema.panel.digest == digest) {
                    return Ok(true);
                }
            }
            Ok(false)
        }
        BlobKind::Invitation | BlobKind::Contact => is_letter(&snapshot, address),
        BlobKind::PublicShare | BlobKind::Blob | BlobKind::Genome | BlobKind::GenomeHeader => Ok(false),
    }
}

/// Whether a response names a letter, among the first [`RESPONSES_LOOKED_AT_MAX`] of the screenings that invited somebody.
fn is_letter(snapshot: &Snapshot, address: BlobAddress) -> Result<bool, Error> {
    let mut left = RESPONSES_LOOKED_AT_MAX;
    for (id, state) in snapshot.screenings()?.into_iter().filter(|(_, state)| state.invited > 0) {
        for index in (0..state.eligible.min(left)).map(ResponseIndex::new) {
            let response = snapshot.response(id, index)?;
            if response.is_some_and(|response| letter(&response.status, address.kind) == Some(address.digest)) {
                return Ok(true);
            }
        }
        left = left.saturating_sub(state.eligible);
    }
    Ok(false)
}

/// The letter of a kind that a response names.
fn letter(status: &ResponseStatus, kind: BlobKind) -> Option<Digest> {
    match status {
        ResponseStatus::Invited { invitation, .. } if kind == BlobKind::Invitation => Some(*invitation),
        ResponseStatus::Accepted { contact, .. } if kind == BlobKind::Contact => Some(*contact),
        _ => None,
    }
}

/// Whether a query's sums or components have the digest.
fn names(state: &QueryState, digest: Digest) -> bool {
    match &state.status {
        QueryStatus::Aggregated { aggregates, .. } => aggregates.contains(&digest),
        QueryStatus::Released { aggregates, components, .. } => {
            aggregates.contains(&digest) || components.iter().flatten().any(|component| component.sealed == digest)
        }
        QueryStatus::Collecting | QueryStatus::Sealed { .. } | QueryStatus::Refunded { .. } => false,
    }
}
