//! Which blobs the ledger names. They are taken whatever room there is: strangers who fill a store must not keep a query
//! from its components, nor a key from its shares.

use circuits::id::Digest;
use market::{
    index::{Order, PAGE_ROWS_MAX, Paging, QueryFilter},
    objects::{BlobAddress, BlobKind},
};
use node::state::{QueryState, QueryStatus, StateRead};

use super::Service;
use crate::Error;

/// The rows that are looked through: those of the latest page, so that a stranger's upload costs no more than that.
const LATEST: Paging = Paging { after: None, limit: PAGE_ROWS_MAX, order: Order::Newest };

/// Whether the ledger names a blob: an admitted ciphertext, a signed sum, an accepted component, an announced message of
/// the key in the making, or a schema's panel. Asked only when there is no room.
pub(super) fn is_named(service: &Service, address: BlobAddress) -> Result<bool, Error> {
    let (snapshot, digest) = (service.chain.snapshot()?, address.digest);
    match address.kind {
        BlobKind::Ciphertext => Ok(snapshot.ciphertext(digest)?.is_some()),
        BlobKind::KeyGeneration => {
            let latest = snapshot.committee_epoch()?.unwrap_or_default();
            let state = snapshot.committee(latest)?.unwrap_or_default();
            Ok(state.reveals.values().any(|message| *message == digest))
        }
        BlobKind::Aggregate | BlobKind::SealedComponent => {
            // The index knows which queries there are; how far each is, the ledger itself says.
            for row in service.index.queries(&QueryFilter::default(), &LATEST)?.items {
                if snapshot.query(row.id)?.is_some_and(|state| names(&state, digest)) {
                    return Ok(true);
                }
            }
            Ok(false)
        }
        BlobKind::Panel => {
            for row in service.index.schemas(&LATEST)?.items {
                if snapshot.schema(row.id)?.is_some_and(|schema| schema.panel.digest == digest) {
                    return Ok(true);
                }
            }
            Ok(false)
        }
        BlobKind::PublicShare | BlobKind::Blob | BlobKind::Genome | BlobKind::GenomeHeader => Ok(false),
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
