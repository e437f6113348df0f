//! Inclusion of a transaction in a block: a tagged binary Merkle tree, as in RFC 9162 but with this protocol's tags.

use borsh::{BorshDeserialize, BorshSerialize};
use circuits::{
    domain::{ByteTag, hash},
    id::Digest,
};
use serde::{Deserialize, Serialize};

use crate::{
    Error,
    block::{BLOCK_TRANSACTIONS_MAX, Header},
    transaction::{Transaction, TransactionId},
};

/// The deepest path: that of the largest block.
pub const PATH_MAX: usize = BLOCK_TRANSACTIONS_MAX.ilog2() as usize;

const _: () = assert!(BLOCK_TRANSACTIONS_MAX.is_power_of_two());

fn leaf(id: TransactionId) -> Digest {
    hash(ByteTag::TransactionLeaf, &[id.digest().as_bytes()])
}

fn node(left: &Digest, right: &Digest) -> Digest {
    hash(ByteTag::TransactionNode, &[left.as_bytes(), right.as_bytes()])
}

/// One level up: pairs are hashed, an odd last node is carried.
fn parents(level: &[Digest]) -> Vec<Digest> {
    let parent = |pair: &[Digest]| match pair {
        [left, right] => node(left, right),
        _ => pair.first().copied().unwrap_or(EMPTY),
    };
    level.chunks(2).map(parent).collect()
}

/// The root over no transaction.
const EMPTY: Digest = Digest::from_bytes([0; 32]);

/// The root over the transactions in order; zero over none. The header's count pins the shape, so that an inner node
/// cannot pass as a leaf of a shallower tree.
///
/// # Errors
/// [`Error::Malformed`] when a transaction does not encode.
pub fn transactions_root(transactions: &[Transaction]) -> Result<Digest, Error> {
    let mut level = transactions.iter().map(|transaction| transaction.id().map(leaf)).collect::<Result<Vec<_>, _>>()?;
    while level.len() > 1 {
        level = parents(&level);
    }
    Ok(level.first().copied().unwrap_or(EMPTY))
}

/// Where a transaction lies in a block, with the siblings up to the root.
#[derive(Debug, Clone, PartialEq, Eq, BorshSerialize, BorshDeserialize, Serialize, Deserialize)]
pub struct TransactionProof {
    /// Place in the block.
    pub index: u32,
    /// Siblings from the leaf up; levels where the node is carried have none.
    pub siblings: Vec<Digest>,
}

/// Proves that the transaction at `index` is in the block.
///
/// # Errors
/// [`Error::Unknown`] beyond the block's transactions.
pub fn prove_transaction(transactions: &[Transaction], index: u32) -> Result<TransactionProof, Error> {
    let mut position = index as usize;
    if position >= transactions.len() {
        return Err(Error::Unknown { what: "transaction number", id: index.to_string() });
    }
    let mut level = transactions.iter().map(|transaction| transaction.id().map(leaf)).collect::<Result<Vec<_>, _>>()?;
    let mut siblings = vec![];
    while level.len() > 1 {
        siblings.extend(level.get(position ^ 1));
        level = parents(&level);
        position >>= 1;
    }
    Ok(TransactionProof { index, siblings })
}

impl TransactionProof {
    /// Verifies that the header's block holds the transaction at this place.
    ///
    /// # Errors
    /// [`Error::Inclusion`] otherwise.
    pub fn verify(&self, header: &Header, transaction: TransactionId) -> Result<(), Error> {
        let refused = || Error::Inclusion { what: "the block holds the transaction", root: header.transactions };
        let mut position = self.index;
        let mut width = header.transaction_count;
        if position >= width || self.siblings.len() > PATH_MAX {
            return Err(refused());
        }
        let mut siblings = self.siblings.iter();
        let mut child = leaf(transaction);
        while width > 1 {
            // The last node of an odd level is carried up without a sibling.
            if position ^ 1 < width {
                let sibling = siblings.next().ok_or_else(refused)?;
                child = if position & 1 == 1 { node(sibling, &child) } else { node(&child, sibling) };
            }
            position >>= 1;
            width = width.div_ceil(2);
        }
        if siblings.next().is_some() || child != header.transactions { Err(refused()) } else { Ok(()) }
    }
}
