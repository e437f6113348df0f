//! The latest blocks, which the index does not have yet: it takes a block moments after the ledger.

use node::{Snapshot, event::Event, units::Height};

use crate::Error;

/// Blocks behind an index that are looked through, at most.
pub(crate) const BLOCKS_BEHIND_MAX: u64 = 64;

/// What is wanted of the events of the blocks behind an index at a height, in their order.
///
/// # Errors
/// [`market::Error::IndexBehind`] where those are more than [`BLOCKS_BEHIND_MAX`] blocks, or one of them is not here: what it
/// has would be left out.
pub(super) fn events_behind<T>(
    snapshot: &Snapshot,
    indexed: Height,
    wanted: impl Fn(&Event) -> Option<T>,
) -> Result<Vec<T>, Error> {
    let latest = snapshot.latest()?.height;
    let behind = || market::Error::IndexBehind { missing: indexed.next(), latest };
    if latest.get().saturating_sub(indexed.get()) > BLOCKS_BEHIND_MAX {
        return Err(behind().into());
    }
    let mut found = vec![];
    for height in (indexed.next().get()..=latest.get()).map(Height::new) {
        let events = snapshot.events(height)?.ok_or_else(behind)?;
        found.extend(events.transactions.iter().flatten().filter_map(&wanted));
    }
    Ok(found)
}
