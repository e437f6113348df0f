//! Receipts: one file with which anybody checks offline what the ledger holds.
//!
//! A released result: statement and checks R1 to R7 in `docs/protocol/receipt.md`. The file is JSON; long bytes are
//! base64. Reading one gives an unverified [`Receipt`]; only [`verify`] makes a [`VerifiedReceipt`]. A screening's count
//! of eligible people has a receipt of its own, in [`screening`]; [`file`] reads either.

mod chain;
mod collect;
pub mod file;
mod proofs;
pub mod screening;
mod verify;

use std::path::Path;

use circuits::id::{Digest, QueryId};
use node::{
    StateProof,
    block::SignedHeader,
    genesis::Genesis,
    light::Handover,
    transaction::{Aggregate, Contribution},
    units::ContributionIndex,
};
use serde::{Deserialize, Serialize};

pub use self::{
    collect::collect,
    file::RECEIPT_BYTES_MAX,
    verify::{Check, VerifiedReceipt, verify, verify_watched},
};
use crate::Error;

/// Ciphertexts are inside the receipt up to this many bytes; beyond, they are found by digest in a blob store.
pub const EMBEDDED_BYTES_MAX: usize = 64 << 20;

/// The version of the file's format.
const FORMAT: &str = "locus/v5/receipt";

/// A released result with everything that supports it; nothing in it is checked yet.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Receipt {
    format: String,
    /// What the chain starts from; compare its id with the one the consortium published.
    pub genesis: Genesis,
    /// The blocks before the release that handed over to other validators, in order.
    pub handovers: Vec<Handover>,
    /// The header of the block that released the query; every proof below refers to its state.
    pub header: SignedHeader,
    /// The query.
    pub query: QueryId,
    /// Proves the query's final state.
    pub query_state: StateProof,
    /// Proves the committee key that the query names, and since which key its committee sits.
    pub committee_key: StateProof,
    /// Proves who sits in that committee, and its quorum.
    pub committee_members: StateProof,
    /// The public polynomial of the committee's key, packed; the query names the key's digest.
    pub committee_polynomial: Bytes,
    /// The snapshots of the epochs in which contributions were admitted.
    pub epochs: Vec<StateProof>,
    /// The surviving contributions in ledger order.
    pub contributions: Vec<ContributionEvidence>,
    /// The committee's signatures of the sums.
    pub aggregate: Aggregate,
    /// For each part, the opened component of each subset in order.
    pub components: Vec<Vec<Bytes>>,
    /// For each part, the sum's slots: what the result claims.
    pub result: Vec<Vec<i32>>,
}

/// A contribution with its proofs.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ContributionEvidence {
    /// Its place in the query.
    pub index: ContributionIndex,
    /// Proves its state.
    pub state: StateProof,
    /// What was sent, with its proofs.
    pub contribution: Contribution,
    /// Its ciphertexts, one for each part; empty when they are found by digest.
    pub ciphertexts: Vec<Bytes>,
}

/// Bytes that are base64 in JSON.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Bytes(#[serde(with = "base64_text")] pub Vec<u8>);

impl std::fmt::Debug for Bytes {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Bytes({})", self.0.len())
    }
}

mod base64_text {
    use base64::{Engine as _, engine::general_purpose::STANDARD};
    use serde::{Deserialize, Deserializer, Serializer, de::Error as _};

    pub(super) fn serialize<S: Serializer>(bytes: &[u8], serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&STANDARD.encode(bytes))
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<u8>, D::Error> {
        STANDARD.decode(<&str>::deserialize(deserializer)?).map_err(D::Error::custom)
    }
}

impl Receipt {
    /// Reads a receipt's JSON.
    ///
    /// # Errors
    /// [`Error::Receipt`] when the text is truncated or is no receipt of this version.
    pub fn from_json(text: &str) -> Result<Self, Error> {
        let receipt: Self = file::decode(text)?;
        file::check_format(&receipt.format, FORMAT)?;
        Ok(receipt)
    }

    /// Reads a receipt file.
    ///
    /// # Errors
    /// [`Error::File`] when it cannot be read, else as [`Receipt::from_json`].
    pub fn open(path: &Path) -> Result<Self, Error> {
        Self::from_json(&file::read(path)?)
    }

    /// The receipt's JSON.
    ///
    /// # Errors
    /// [`Error::Receipt`] when it cannot be written as JSON.
    pub fn to_json(&self) -> Result<String, Error> {
        file::encode(self)
    }
}

/// The digests of a query's accepted components, one for each part and subset.
type AcceptedComponents = Vec<Vec<Digest>>;
