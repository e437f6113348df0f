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

/// Queues a leaf change for the end of the epoch. The last change of a leaf replaces those before it, so that the end of
/// an epoch costs no more than one change for each leaf.
pub(crate) fn queue_leaf(draft: &mut Draft<'_>, index: LeafIndex, leaf: Leaf) -> Result<(), Error> {
    if let Some(place) = waiting_change(draft, index)? {
        return draft.put_leaf_change(place, &LeafChange { index, leaf });
    }
    let place = draft.leaf_change_count()?.unwrap_or_default();
    let next = place.checked_add(1).ok_or(Error::Overflow { what: "leaf changes" })?;
    draft.put_leaf_change(place, &LeafChange { index, leaf })?;
    draft.put_leaf_change_place(index, &place)?;
    draft.put_leaf_change_count(&next)
}

/// Where a change of this leaf waits. Places of earlier epochs stay noted; what waits there now is another leaf's, or
/// nothing.
fn waiting_change(draft: &Draft<'_>, index: LeafIndex) -> Result<Option<u32>, Error> {
    let Some(place) = draft.leaf_change_place(index)? else { return Ok(None) };
    Ok(draft.leaf_change(place)?.filter(|change| change.index == index).map(|_| place))
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
    let changes = take_queue(draft)?;
    for change in &changes {
        draft.put_leaf(change.index, &change.leaf)?;
    }
    let tree = changed_tree(tree, &changes, draft)?;
    let leaves = u32::try_from(tree.len()).map_err(|_| Error::Overflow { what: "leaf count" })?;
    let snapshot = EpochSnapshot { root: tree.root(), leaves, height: context.height };
    draft.put_epoch_snapshot(context.epoch.next(), &snapshot)?;
    Ok((tree, Event::EpochClosed { epoch: context.epoch, root: snapshot.root, leaves }))
}

/// Empties the queue: one change for each leaf, new leaves in the order of their registration.
fn take_queue(draft: &mut Draft<'_>) -> Result<Vec<LeafChange>, Error> {
    let count = draft.leaf_change_count()?.unwrap_or_default();
    let mut changes = vec![];
    for place in 0..count {
        let gap = || Error::Corrupt { what: "leaf changes", why: format!("number {place} of {count} is absent") };
        changes.push(draft.leaf_change(place)?.ok_or_else(gap)?);
        draft.remove(&StateKey::LeafChange(place))?;
    }
    draft.put_leaf_change_count(&0)?;
    Ok(changes)
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

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use proptest::prelude::*;

    use super::*;
    use crate::state::StateView;

    struct Nothing;

    impl StateView for Nothing {
        fn bytes(&self, _: &[u8]) -> Result<Option<Vec<u8>>, Error> {
            Ok(None)
        }
    }

    fn leaf(number: u64) -> Leaf {
        let mut bytes = [0; 32];
        bytes[..8].copy_from_slice(&number.to_le_bytes());
        Leaf::from_bytes(&bytes).unwrap()
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]
        #[test]
        fn one_change_waits_for_each_leaf_and_gives_the_tree_that_all_in_order_give(
            epochs in prop::collection::vec(prop::collection::vec((0u32..12, any::<u64>()), 0..24), 1..4),
        ) {
            let mut draft = Draft::new(&Nothing);
            let start: Vec<Leaf> = (0..12).map(leaf).collect();
            let (mut in_order, mut tree) = (LeafTree::from_leaves(start.clone()), LeafTree::from_leaves(start));
            for changes in epochs {
                let mut last = BTreeMap::new();
                for (index, value) in changes {
                    queue_leaf(&mut draft, LeafIndex::new(index), leaf(value)).unwrap();
                    in_order.set(index, leaf(value)).unwrap();
                    last.insert(index, leaf(value));
                }
                let queued = take_queue(&mut draft).unwrap();
                prop_assert_eq!(queued.len(), last.len());
                for change in queued {
                    tree.set(change.index.get(), change.leaf).unwrap();
                }
                prop_assert_eq!(tree.root(), in_order.root());
            }
        }
    }
}
