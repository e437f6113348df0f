//! The registration tree: depth 32, arity 2, leaves appended and replaced in place.

use std::fmt;

use ark_bn254::Fr;
use ark_ff::Zero;
use ark_r1cs_std::{boolean::Boolean, fields::fp::FpVar, select::CondSelectGadget};
use ark_relations::gr1cs::SynthesisError;

use crate::{
    Error,
    domain::FieldTag,
    id::{AccountId, BodyCommitment, ConsentCommitment, EpochRoot, Leaf},
    poseidon::{hash, hash_var},
    record::issuer_element,
};

/// Depth of the registration tree: four billion records.
pub const TREE_DEPTH: usize = 32;

/// `H(LEAF, body, issuer, consent, registration epoch)`, with the issuer that the ledger saw sign the registration.
///
/// The body names an issuer too, but only its opener sees it: without the second, an accredited issuer could register
/// bodies in another's name and get around an allow-list.
#[must_use]
pub fn leaf(body: BodyCommitment, issuer: &AccountId, consent: ConsentCommitment, registration_epoch: u32) -> Leaf {
    let inputs = [body.element(), issuer_element(issuer), consent.element(), Fr::from(registration_epoch)];
    Leaf::from_element(hash(FieldTag::Leaf, &inputs))
}

/// `H(NODE, left, right)`.
fn node(left: Fr, right: Fr) -> Fr {
    hash(FieldTag::Node, &[left, right])
}

/// The siblings from a leaf to the root, with the leaf's index. Secret where its owner proves: it names the leaf.
#[derive(Clone, PartialEq, Eq)]
pub struct MerklePath {
    index: u32,
    siblings: [Fr; TREE_DEPTH],
}

impl fmt::Debug for MerklePath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("MerklePath(redacted)")
    }
}

impl MerklePath {
    /// The path's siblings, the leaf's own first.
    #[must_use]
    pub const fn siblings(&self) -> &[Fr; TREE_DEPTH] {
        &self.siblings
    }

    /// For each level from the leaf up, whether the node on the path is the right child.
    pub fn sides(&self) -> impl Iterator<Item = bool> {
        let index = self.index;
        (0..TREE_DEPTH).map(move |level| index >> level & 1 == 1)
    }

    /// The root that this path and leaf imply.
    #[must_use]
    pub fn root(&self, leaf: Leaf) -> EpochRoot {
        let fold = |child: Fr, (right, sibling): (bool, &Fr)| {
            if right { node(*sibling, child) } else { node(child, *sibling) }
        };
        EpochRoot::from_element(self.sides().zip(&self.siblings).fold(leaf.element(), fold))
    }
}

/// The constraint form of [`MerklePath::root`]: the sides and siblings from the leaf up.
///
/// # Errors
/// [`SynthesisError`] when a witness value is absent while proving.
pub fn root_var(leaf: FpVar<Fr>, sides: &[Boolean<Fr>], siblings: &[FpVar<Fr>]) -> Result<FpVar<Fr>, SynthesisError> {
    sides.iter().zip(siblings).try_fold(leaf, |child, (right, sibling)| {
        let left_child = FpVar::conditionally_select(right, sibling, &child)?;
        let right_child = sibling + &child - &left_child;
        hash_var(FieldTag::Node, &[left_child, right_child])
    })
}

/// The tree over all registered leaves, dense up to the last one and empty beyond.
#[derive(Debug, Clone)]
pub struct LeafTree {
    /// `levels[0]` are the leaves, each next level their parents, up to the root.
    levels: Vec<Vec<Fr>>,
    /// The root of an empty subtree of each height.
    empty: [Fr; TREE_DEPTH + 1],
}

impl Default for LeafTree {
    fn default() -> Self {
        Self::new()
    }
}

impl LeafTree {
    /// A tree without leaves.
    #[must_use]
    pub fn new() -> Self {
        let mut empty = [Fr::zero(); TREE_DEPTH + 1];
        let mut child = Fr::zero();
        for slot in empty.iter_mut().skip(1) {
            child = node(child, child);
            *slot = child;
        }
        Self { levels: vec![vec![]; TREE_DEPTH + 1], empty }
    }

    /// A tree with these leaves, hashing each inner node once.
    #[must_use]
    pub fn from_leaves(leaves: impl IntoIterator<Item = Leaf>) -> Self {
        let mut tree = Self::new();
        let mut level: Vec<Fr> = leaves.into_iter().map(|leaf| leaf.element()).collect();
        for (slot, empty) in tree.levels.iter_mut().zip(tree.empty) {
            let parents = level
                .chunks(2)
                .map(|pair| match pair {
                    [left, right] => node(*left, *right),
                    [left] => node(*left, empty),
                    _ => empty,
                })
                .collect();
            *slot = std::mem::replace(&mut level, parents);
        }
        tree
    }

    /// Number of leaves, revoked ones included.
    #[must_use]
    pub fn len(&self) -> usize {
        self.levels.first().map_or(0, Vec::len)
    }

    /// Whether no leaf was ever added.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Puts a leaf at an index: replaces it, or appends it when the index is the tree's length.
    ///
    /// # Errors
    /// [`Error::OutOfRange`] beyond the length, which would leave a gap.
    pub fn set(&mut self, index: u32, leaf: Leaf) -> Result<(), Error> {
        if index as usize > self.len() {
            return Err(Error::OutOfRange { what: "leaf index", value: index.into(), limit: self.len() as u64 });
        }
        let mut position = index as usize;
        let mut child = leaf.element();
        for (level, empty) in self.levels.iter_mut().zip(self.empty) {
            match level.get_mut(position) {
                Some(slot) => *slot = child,
                None => level.push(child),
            }
            let sibling = level.get(position ^ 1).copied().unwrap_or(empty);
            child = if position & 1 == 1 { node(sibling, child) } else { node(child, sibling) };
            position >>= 1;
        }
        Ok(())
    }

    /// The root.
    #[must_use]
    pub fn root(&self) -> EpochRoot {
        let top = self.levels.last().and_then(|level| level.first()).copied();
        EpochRoot::from_element(top.unwrap_or(self.empty[TREE_DEPTH]))
    }

    /// The path of an existing leaf.
    ///
    /// # Errors
    /// [`Error::OutOfRange`] beyond the length.
    pub fn path(&self, index: u32) -> Result<MerklePath, Error> {
        if index as usize >= self.len() {
            return Err(Error::OutOfRange { what: "leaf index", value: index.into(), limit: self.len() as u64 });
        }
        let mut siblings = [Fr::zero(); TREE_DEPTH];
        for (height, ((slot, level), empty)) in siblings.iter_mut().zip(&self.levels).zip(self.empty).enumerate() {
            *slot = level.get((index as usize >> height) ^ 1).copied().unwrap_or(empty);
        }
        Ok(MerklePath { index, siblings })
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn leaves(values: &[u64]) -> Vec<Leaf> {
        values.iter().map(|value| Leaf::from_element(Fr::from(*value))).collect()
    }

    #[test]
    fn a_gap_is_refused() {
        let mut tree = LeafTree::from_leaves(leaves(&[1, 2]));
        assert!(tree.set(3, Leaf::from_element(Fr::from(3u64))).is_err());
        assert!(tree.path(2).is_err());
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(8))]
        #[test]
        fn appends_and_replacements_give_the_root_of_the_final_leaves(
            values in prop::collection::vec(any::<u64>(), 1..12),
            replaced in any::<prop::sample::Index>(),
            value in any::<u64>(),
        ) {
            let mut expected = leaves(&values);
            let mut tree = LeafTree::new();
            for (index, leaf) in expected.iter().enumerate() {
                tree.set(index as u32, *leaf).unwrap();
            }
            let index = replaced.index(values.len());
            expected[index] = Leaf::from_element(Fr::from(value));
            tree.set(index as u32, expected[index]).unwrap();

            prop_assert_eq!(tree.root(), LeafTree::from_leaves(expected.clone()).root());
            for (index, leaf) in expected.iter().enumerate() {
                prop_assert_eq!(tree.path(index as u32).unwrap().root(*leaf), tree.root());
            }
            let other = Leaf::from_element(Fr::from(value) + Fr::from(1u64));
            prop_assert_ne!(tree.path(index as u32).unwrap().root(other), tree.root());
        }
    }
}
