//! The committee's public key.

use std::fmt;

use borsh::{BorshDeserialize, BorshSerialize, io};
use serde::{Deserialize, Serialize};

use super::{ring::RingElement, xof::Xof};
use crate::{
    domain::{self, ByteTag},
    id::{ChainId, Digest},
};

/// Number of a committee's key: each key generation that succeeds begins a new one.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, BorshSerialize, BorshDeserialize, Serialize, Deserialize,
)]
#[serde(transparent)]
pub struct KeyEpoch(u64);

impl KeyEpoch {
    /// The epoch of this number.
    #[must_use]
    pub const fn new(number: u64) -> Self {
        Self(number)
    }

    /// The number.
    #[must_use]
    pub const fn get(self) -> u64 {
        self.0
    }
}

impl fmt::Display for KeyEpoch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// The public polynomial `a` of a chain's key epoch, from an extendable-output hash: nobody chose it.
#[must_use]
pub fn common_polynomial(chain: &ChainId, epoch: KeyEpoch) -> RingElement {
    let mut stream = Xof::new(ByteTag::CommonPolynomial, &[chain.as_bytes(), &epoch.0.to_le_bytes()]);
    RingElement::from_xof(&mut stream)
}

/// `(a, b)` with `b = -a·s + e` for the committee's joint secret `s`. On the wire: chain, epoch and packed `b`.
#[derive(Clone, PartialEq, Eq)]
pub struct PublicKey {
    chain: ChainId,
    epoch: KeyEpoch,
    a: RingElement,
    b: RingElement,
}

impl fmt::Debug for PublicKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "PublicKey(epoch {}, {})", self.epoch, self.digest())
    }
}

impl PublicKey {
    /// The key of this epoch with this `b`; `a` follows from chain and epoch.
    #[must_use]
    pub fn new(chain: ChainId, epoch: KeyEpoch, b: RingElement) -> Self {
        Self { a: common_polynomial(&chain, epoch), chain, epoch, b }
    }

    /// The chain the key belongs to.
    #[must_use]
    pub const fn chain(&self) -> &ChainId {
        &self.chain
    }

    /// The key's epoch.
    #[must_use]
    pub const fn epoch(&self) -> KeyEpoch {
        self.epoch
    }

    /// The common polynomial.
    #[must_use]
    pub const fn a(&self) -> &RingElement {
        &self.a
    }

    /// The sum of the public shares.
    #[must_use]
    pub const fn b(&self) -> &RingElement {
        &self.b
    }

    /// The digest that the ledger knows the key by.
    #[must_use]
    pub fn digest(&self) -> Digest {
        domain::hash(
            ByteTag::CommitteeKey,
            &[self.chain.as_bytes(), &self.epoch.0.to_le_bytes(), &self.b.to_packed_bytes()],
        )
    }
}

impl BorshSerialize for PublicKey {
    fn serialize<W: io::Write>(&self, writer: &mut W) -> io::Result<()> {
        BorshSerialize::serialize(&(&self.chain, self.epoch, &self.b), writer)
    }
}

impl BorshDeserialize for PublicKey {
    fn deserialize_reader<R: io::Read>(reader: &mut R) -> io::Result<Self> {
        let (chain, epoch, b) = BorshDeserialize::deserialize_reader(reader)?;
        Ok(Self::new(chain, epoch, b))
    }
}
