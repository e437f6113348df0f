//! Which blobs the ledger names. They are taken whatever room there is: strangers who fill a store must not keep a query
//! from its components, nor a key from its shares.

use std::collections::BTreeSet;

use circuits::id::{Digest, ScreeningId};
use market::{
    index::{Index, Order, PAGE_ROWS_MAX, Paging, QueryFilter},
    objects::{BlobAddress, BlobKind},
};
use node::{
    Snapshot,
    event::Event,
    state::{QueryStatus, ResponseStatus, StateRead},
    units::ResponseIndex,
};

use super::behind::{BLOCKS_BEHIND_MAX, events_behind};
use crate::{Error, chain::Chain};

/// The rows that are looked through: those of the latest page, so that a stranger's upload costs no more than that.
const LATEST: Paging = Paging { after: None, limit: PAGE_ROWS_MAX, order: Order::Newest };

/// Responses that are looked through for a letter.
const RESPONSES_LOOKED_AT_MAX: u32 = 16_384;

/// Whether the ledger names a blob: an admitted ciphertext, a signed sum, an accepted component, an announced message of
/// the key in the making, a letter of a screening, or a schema's panel. Asked when there is no room.
///
/// # Errors
/// [`market::Error::IndexGap`] and [`market::Error::IndexBehind`] where the index leaves out what may name it: then the answer
/// is not no.
pub(super) fn is_named(chain: &Chain, index: &Index, address: BlobAddress) -> Result<bool, Error> {
    match address.kind {
        BlobKind::Ciphertext => Ok(chain.snapshot()?.ciphertext(address.digest)?.is_some()),
        kind => {
            // Looked at first: an index that follows meanwhile may not have had what was looked through.
            let is_near = if is_listed(kind) { index.check_near(chain.ledger(), BLOCKS_BEHIND_MAX) } else { Ok(()) };
            if all_named(chain, index, kind)?.contains(&address.digest) {
                Ok(true)
            } else {
                Ok(is_near.map(|()| false)?)
            }
        }
    }
}

/// Whether the index alone says where a kind is named: for letters the state does where the index cannot.
const fn is_listed(kind: BlobKind) -> bool {
    matches!(kind, BlobKind::Aggregate | BlobKind::SealedComponent | BlobKind::Panel)
}

/// Everything of a kind that the ledger names, ciphertexts apart: of sums, components and panels what the latest
/// [`PAGE_ROWS_MAX`] queries or schemas name, of letters what the first [`RESPONSES_LOOKED_AT_MAX`] responses of the latest
/// [`PAGE_ROWS_MAX`] screenings do that invited somebody.
///
/// What the index does not have yet is left out.
///
/// # Errors
/// [`market::Error::IndexGap`] where the index cannot follow the ledger.
pub(super) fn all_named(chain: &Chain, index: &Index, kind: BlobKind) -> Result<BTreeSet<Digest>, Error> {
    let snapshot = chain.snapshot()?;
    let listings = || index.check_follows(chain.ledger()).map(|()| index);
    let mut named = BTreeSet::new();
    match kind {
        BlobKind::KeyGeneration => {
            let latest = snapshot.committee_epoch()?.unwrap_or_default();
            named.extend(snapshot.committee(latest)?.unwrap_or_default().reveals.values());
        }
        BlobKind::Aggregate | BlobKind::SealedComponent => {
            // The index knows which queries there are; how far each is, the ledger itself says.
            for row in listings()?.queries(&QueryFilter::default(), &LATEST)?.items {
                let status = snapshot.query(row.id)?.map(|state| state.status);
                named.extend(status.iter().flat_map(|status| of_query(status, kind)));
            }
        }
        BlobKind::Panel => {
            for row in listings()?.schemas(&LATEST)?.items {
                named.extend(snapshot.schema(row.id)?.map(|schema| schema.panel.digest));
            }
        }
        BlobKind::Invitation | BlobKind::Contact => letters(chain, index, kind, &mut named)?,
        BlobKind::Ciphertext | BlobKind::PublicShare | BlobKind::Blob | BlobKind::Genome | BlobKind::GenomeHeader => {}
    }
    Ok(named)
}

/// The screenings whose letters are looked for. Ended ones count too: most invitations follow when a screening is full. A
/// node whose listings lack blocks serves people's agents from its state, and takes as many of that, by id.
fn screenings(chain: &Chain, index: &Index, snapshot: &Snapshot) -> Result<Vec<ScreeningId>, Error> {
    match inviting(chain, index, snapshot) {
        Err(Error::Market(market::Error::IndexGap { .. } | market::Error::IndexBehind { .. })) => {
            Ok(snapshot.screenings_after(None, PAGE_ROWS_MAX)?.into_iter().map(|(id, _)| id).collect())
        }
        inviting => inviting,
    }
}

/// The latest screenings that invited somebody. Those that did in blocks behind the index come first, since a letter follows
/// its invitation at once.
fn inviting(chain: &Chain, index: &Index, snapshot: &Snapshot) -> Result<Vec<ScreeningId>, Error> {
    index.check_follows(chain.ledger())?;
    let indexed = index.position()?.height;
    let since = events_behind(snapshot, indexed, |event| match event {
        Event::Invited { screening, .. } => Some(*screening),
        _ => None,
    })?;
    let since = BTreeSet::from_iter(since);
    let listed = index.inviting_screenings(&LATEST)?.items.into_iter().map(|row| row.id);
    let earlier: Vec<_> = listed.filter(|id| !since.contains(id)).collect();
    Ok(since.into_iter().chain(earlier).take(PAGE_ROWS_MAX).collect())
}

/// The letters that responses name, the first [`RESPONSES_LOOKED_AT_MAX`] of the screenings that invited somebody.
fn letters(chain: &Chain, index: &Index, kind: BlobKind, named: &mut BTreeSet<Digest>) -> Result<(), Error> {
    let snapshot = chain.snapshot()?;
    let mut left = RESPONSES_LOOKED_AT_MAX;
    for id in screenings(chain, index, &snapshot)? {
        let Some(state) = snapshot.screening(id)?.filter(|state| state.invited > 0) else { continue };
        for index in (0..state.eligible.min(left)).map(ResponseIndex::new) {
            let response = snapshot.response(id, index)?;
            named.extend(response.and_then(|response| letter(&response.status, kind)));
        }
        left = left.saturating_sub(state.eligible);
    }
    Ok(())
}

/// The letter of a kind that a response names.
fn letter(status: &ResponseStatus, kind: BlobKind) -> Option<Digest> {
    match status {
        ResponseStatus::Invited { invitation, .. }
        | ResponseStatus::Accepted { invitation, .. }
        | ResponseStatus::Declined { invitation, .. }
            if kind == BlobKind::Invitation =>
        {
            Some(*invitation)
        }
        ResponseStatus::Accepted { contact, .. } if kind == BlobKind::Contact => Some(*contact),
        _ => None,
    }
}

/// The sums or the components of a query.
fn of_query(status: &QueryStatus, kind: BlobKind) -> Vec<Digest> {
    match (status, kind) {
        (
            QueryStatus::Aggregated { aggregates, .. } | QueryStatus::Released { aggregates, .. },
            BlobKind::Aggregate,
        ) => aggregates.clone(),
        (QueryStatus::Released { components, .. }, BlobKind::SealedComponent) => {
            components.iter().flatten().map(|component| component.sealed).collect()
        }
        _ => vec![],
    }
}
