//! Epochs: leaf changes wait in a queue and enter the registration tree together, when the epoch's root is taken.

use circuits::{id::Leaf, merkle::LeafTree};

use crate::{
    Error,
    event::Event,
    execute::Context,
    state::{Draft, EpochSnapshot, LeafChange, StateKey, StateRead},
    units::LeafIndex,
};

/// Replacing this share of the leaves or more, rebuilding the tree costs less than replacing them one by one.
const REBUILD_SHARE: usize = 16;

/// Queues a leaf change for the end of the epoch.
pub(crate) fn queue_leaf(draft: &mut Draft<'_>, index: LeafIndex, leaf: Leaf) -> Result<(), Error> {
    let place = draft.leaf_change_count()?.unwrap_or_default();
    let next = place.checked_add(1).ok_or(Error::Overflow { what: "leaf changes" })?;
    draft.put_leaf_change(place, &LeafChange { index, leaf })?;
    draft.put_leaf_change_count(&next)
}

/// Applies the queued changes to the tree and takes the snapshot for the next epoch.
///
/// # Errors
/// [`Error::Corrupt`] when the queue has a gap.
pub(crate) fn close_epoch(
    tree: &LeafTree,
    draft: &mut Draft<'_>,
    context: &Context<'_>,
) -> Result<(LeafTree, Event), Error> {
    let count = draft.leaf_change_count()?.unwrap_or_default();
    let mut changes = vec![];
    for place in 0..count {
        let gap = || Error::Corrupt { what: "leaf changes", why: format!("number {place} of {count} is absent") };
        changes.push(draft.leaf_change(place)?.ok_or_else(gap)?);
        draft.remove(&StateKey::LeafChange(place))?;
    }
    draft.put_leaf_change_count(&0)?;
    for change in &changes {
        draft.put_leaf(change.index, &change.leaf)?;
    }
    let tree = changed_tree(tree, &changes, draft)?;
    let leaves = u32::try_from(tree.len()).map_err(|_| Error::Overflow { what: "leaf count" })?;
    let snapshot = EpochSnapshot { root: tree.root(), leaves, height: context.height };
    draft.put_epoch_snapshot(context.epoch.next(), &snapshot)?;
    Ok((tree, Event::EpochClosed { epoch: context.epoch, root: snapshot.root, leaves }))
}

fn changed_tree(tree: &LeafTree, changes: &[LeafChange], draft: &Draft<'_>) -> Result<LeafTree, Error> {
    if changes.len() > tree.len() / REBUILD_SHARE {
        let count = draft.registration_count()?.unwrap_or_default();
        return rebuild_tree(draft, count);
    }
    let mut tree = tree.clone();
    for change in changes {
        tree.set(change.index.get(), change.leaf)?;
    }
    Ok(tree)
}

/// The tree over the first `count` leaves of a state.
///
/// # Errors
/// [`Error::Corrupt`] when a leaf is absent.
pub(crate) fn rebuild_tree(view: &impl StateRead, count: u32) -> Result<LeafTree, Error> {
    let mut leaves = vec![];
    for index in (0..count).map(LeafIndex::new) {
        let gap = || Error::Corrupt { what: "leaves", why: format!("leaf {index} of {count} is absent") };
        leaves.push(view.leaf(index)?.ok_or_else(gap)?);
    }
    Ok(LeafTree::from_leaves(leaves))
}
