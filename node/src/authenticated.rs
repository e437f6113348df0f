//! The authenticated state: a Jellyfish Merkle tree (`jmt`) with SHA-256 over tagged keys.

use anyhow::Result as AnyResult;
use borsh::{BorshDeserialize, BorshSerialize};
use circuits::{id::Digest, merkle::LeafTree};
use jmt::{
    JellyfishMerkleTree, KeyHash, OwnedValue, RootHash, SimpleHasher,
    proof::SparseMerkleProof,
    storage::{LeafNode, Node, NodeBatch, NodeKey, TreeReader},
};
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

use crate::{
    Error,
    codec::{decode, encode},
    execute::genesis_state,
    genesis::Genesis,
    state::{StateChange, StateKey, VALUE_BYTES_MAX},
    units::Height,
};

/// SHA-256 as the tree asks for it.
pub(crate) struct StateHasher(Sha256);

impl SimpleHasher for StateHasher {
    fn new() -> Self {
        Self(Sha256::new())
    }

    fn update(&mut self, data: &[u8]) {
        self.0.update(data);
    }

    fn finalize(self) -> [u8; 32] {
        self.0.finalize().into()
    }
}

/// Storage of the tree's nodes and values.
pub(crate) trait NodeStore {
    /// The encoded node under an encoded node key.
    fn node(&self, key: &[u8]) -> Result<Option<Vec<u8>>, Error>;
    /// The value that a position had at a height; `None` when it was removed or never written.
    fn value(&self, position: &Digest, at: Height) -> Result<Option<Vec<u8>>, Error>;
}

struct Reader<'a, S: NodeStore>(&'a S);

impl<S: NodeStore> TreeReader for Reader<'_, S> {
    fn get_node_option(&self, node_key: &NodeKey) -> AnyResult<Option<Node>> {
        let Some(bytes) = self.0.node(&borsh::to_vec(node_key)?)? else { return Ok(None) };
        Ok(Some(borsh::from_slice(&bytes)?))
    }

    fn get_value_option(&self, max_version: u64, key_hash: KeyHash) -> AnyResult<Option<OwnedValue>> {
        Ok(self.0.value(&Digest::from_bytes(key_hash.0), Height::new(max_version))?)
    }

    fn get_rightmost_leaf(&self) -> AnyResult<Option<(NodeKey, LeafNode)>> {
        Ok(None)
    }
}

fn position(key: &[u8]) -> KeyHash {
    KeyHash(StateKey::position(key).to_bytes())
}

fn damaged(what: &'static str) -> impl Fn(anyhow::Error) -> Error {
    move |error| Error::Corrupt { what, why: format!("{error:#}") }
}

/// The root after a change, and the nodes and values to store with it.
pub(crate) fn extend(
    store: &impl NodeStore,
    height: Height,
    change: &StateChange,
) -> Result<(Digest, NodeBatch), Error> {
    let reader = Reader(store);
    let tree = JellyfishMerkleTree::<_, StateHasher>::new(&reader);
    let values = change.iter().map(|(key, value)| (position(key), value.map(<[u8]>::to_vec)));
    let (root, batch) = tree.put_value_set(values, height.get()).map_err(damaged("authenticated state"))?;
    Ok((Digest::from_bytes(root.0), batch.node_batch))
}

/// A store with the nodes and values that the next block brings on top.
pub(crate) struct Extended<'a, S: NodeStore> {
    pub(crate) base: &'a S,
    pub(crate) batch: &'a NodeBatch,
}

impl<S: NodeStore> NodeStore for Extended<'_, S> {
    fn node(&self, key: &[u8]) -> Result<Option<Vec<u8>>, Error> {
        let wanted: NodeKey = decode("node key", key, key.len())?;
        match self.batch.nodes().get(&wanted) {
            Some(node) => encode("node", node).map(Some),
            None => self.base.node(key),
        }
    }

    fn value(&self, position: &Digest, at: Height) -> Result<Option<Vec<u8>>, Error> {
        let key = KeyHash(position.to_bytes());
        match self.batch.values().get(&(at.get(), key)) {
            Some(value) => Ok(value.clone()),
            None => self.base.value(position, at),
        }
    }
}

/// The tree of a whole state, as if one block had written it: its root does not depend on how the state came about.
pub(crate) fn rebuild(state: &StateChange, height: Height) -> Result<(Digest, NodeBatch), Error> {
    extend(&Nothing, height, state)
}

/// Below the first state there is nothing.
struct Nothing;

impl NodeStore for Nothing {
    fn node(&self, _: &[u8]) -> Result<Option<Vec<u8>>, Error> {
        Ok(None)
    }

    fn value(&self, _: &Digest, _: Height) -> Result<Option<Vec<u8>>, Error> {
        Ok(None)
    }
}

/// The root of the state that a genesis gives, for proofs at height 0, which no header carries.
///
/// # Errors
/// [`Error::Genesis`] for an unsound genesis.
pub fn genesis_root(genesis: &Genesis) -> Result<Digest, Error> {
    let change = genesis_state(genesis, LeafTree::new().root())?;
    Ok(extend(&Nothing, Height::default(), &change)?.0)
}

/// The value under a key at a height, or that there is none, provable from the state root alone.
#[derive(Debug, Clone, BorshSerialize, BorshDeserialize, Serialize, Deserialize)]
pub struct StateProof {
    /// The key.
    pub key: StateKey,
    /// The value's bytes; `None` proves absence.
    #[serde(with = "hex_option")]
    pub value: Option<Vec<u8>>,
    proof: SparseMerkleProof<StateHasher>,
}

/// Proves what a key held at a height.
pub(crate) fn prove(store: &impl NodeStore, height: Height, key: StateKey) -> Result<StateProof, Error> {
    let reader = Reader(store);
    let tree = JellyfishMerkleTree::<_, StateHasher>::new(&reader);
    let (value, proof) =
        tree.get_with_proof(position(&key.encode()?), height.get()).map_err(damaged("authenticated state"))?;
    Ok(StateProof { key, value, proof })
}

impl StateProof {
    /// Verifies the value, or its absence, against a header's state root.
    ///
    /// # Errors
    /// [`Error::Inclusion`] otherwise.
    pub fn verify(&self, root: Digest) -> Result<(), Error> {
        let key = position(&self.key.encode()?);
        self.proof
            .verify(RootHash(root.to_bytes()), key, self.value.as_deref())
            .map_err(|_| Error::Inclusion { what: "the state holds the value", root })
    }

    /// The value, decoded as the type that the key's kind stores.
    ///
    /// # Errors
    /// [`Error::Unknown`] when the proof shows absence, [`Error::Malformed`] when the bytes are of another type.
    pub fn decode<T: BorshDeserialize>(&self) -> Result<T, Error> {
        let unknown = || Error::Unknown { what: "state key", id: format!("{:?}", self.key) };
        decode("state value", self.value.as_ref().ok_or_else(unknown)?, VALUE_BYTES_MAX)
    }
}

mod hex_option {
    use serde::{Deserialize, Deserializer, Serializer, de::Error as _};

    #[allow(clippy::ref_option, reason = "the signature serde asks for")]
    pub(super) fn serialize<S: Serializer>(value: &Option<Vec<u8>>, serializer: S) -> Result<S::Ok, S::Error> {
        match value {
            Some(bytes) => serializer.serialize_some(&hex::encode(bytes)),
            None => serializer.serialize_none(),
        }
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Vec<u8>>, D::Error> {
        let text = Option::<String>::deserialize(deserializer)?;
        text.map(|text| hex::decode(text).map_err(D::Error::custom)).transpose()
    }
}
