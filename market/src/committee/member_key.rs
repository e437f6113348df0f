//! What a member keeps secret: the secrets of every subset it is not in.

use std::{collections::BTreeMap, fmt};

use borsh::{BorshDeserialize, BorshSerialize, io};
use circuits::{
    id::{ChainId, Digest},
    quorum::{MemberIndex, Quorum, SubsetIndex},
    rlwe::{KeyEpoch, Ternary},
};
use rand::CryptoRng;
use zeroize::{Zeroize, ZeroizeOnDrop};

use crate::Error;

/// `k_A`: the 32-byte key from which a subset's floods and sealing randomness derive.
#[derive(Clone, Zeroize, ZeroizeOnDrop, BorshSerialize, BorshDeserialize)]
pub struct PrfKey([u8; 32]);

impl PrfKey {
    /// A fresh key.
    #[must_use]
    pub fn random(rng: &mut (impl CryptoRng + ?Sized)) -> Self {
        let mut key = Self([0; 32]);
        rng.fill_bytes(&mut key.0);
        key
    }

    /// The key of these bytes.
    #[must_use]
    pub const fn from_bytes(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }

    /// The secret bytes.
    #[must_use]
    pub const fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }
}

impl fmt::Debug for PrfKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("PrfKey(redacted)")
    }
}

/// `(s_A, k_A)`: the share of the decryption key that everyone outside `A` holds.
#[derive(Debug, Clone, BorshSerialize, BorshDeserialize)]
pub struct SubsetSecret {
    pub(super) share: Ternary,
    pub(super) prf_key: PrfKey,
}

impl SubsetSecret {
    /// A fresh secret.
    #[must_use]
    pub fn random(rng: &mut (impl CryptoRng + ?Sized)) -> Self {
        Self { share: Ternary::random(rng), prf_key: PrfKey::random(rng) }
    }
}

/// One member's part of a committee's key, for a key file that is encrypted at rest. About 1 KB to a subset.
#[derive(Clone, BorshSerialize)]
pub struct MemberKey {
    chain: ChainId,
    epoch: KeyEpoch,
    quorum: Quorum,
    member: MemberIndex,
    public_key: Digest,
    secrets: BTreeMap<SubsetIndex, SubsetSecret>,
}

impl MemberKey {
    pub(super) fn new(
        (chain, epoch): (ChainId, KeyEpoch),
        quorum: Quorum,
        member: MemberIndex,
        public_key: Digest,
        secrets: BTreeMap<SubsetIndex, SubsetSecret>,
    ) -> Result<Self, Error> {
        quorum.check_member(member)?;
        if quorum.subsets_of(member).eq(secrets.keys().copied()) {
            return Ok(Self { chain, epoch, quorum, member, public_key, secrets });
        }
        let why = format!("member {member} of {quorum} must hold exactly the secrets of the subsets it is not in");
        Err(Error::KeyGeneration { why })
    }

    /// The chain the key serves.
    #[must_use]
    pub const fn chain(&self) -> &ChainId {
        &self.chain
    }

    /// The key's epoch.
    #[must_use]
    pub const fn epoch(&self) -> KeyEpoch {
        self.epoch
    }

    /// The committee's shape.
    #[must_use]
    pub const fn quorum(&self) -> &Quorum {
        &self.quorum
    }

    /// Whose key this is.
    #[must_use]
    pub const fn member(&self) -> MemberIndex {
        self.member
    }

    /// Digest of the public key that the committee made together.
    #[must_use]
    pub const fn public_key(&self) -> &Digest {
        &self.public_key
    }

    /// The secret of a subset, if this member holds it.
    #[must_use]
    pub fn secret(&self, subset: SubsetIndex) -> Option<&SubsetSecret> {
        self.secrets.get(&subset)
    }
}

impl fmt::Debug for MemberKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "MemberKey(member {} of {}, redacted)", self.member, self.quorum)
    }
}

impl BorshDeserialize for MemberKey {
    fn deserialize_reader<R: io::Read>(reader: &mut R) -> io::Result<Self> {
        let (scope, quorum, member, public_key, secrets) = BorshDeserialize::deserialize_reader(reader)?;
        Self::new(scope, quorum, member, public_key, secrets)
            .map_err(|error| io::Error::new(io::ErrorKind::InvalidData, error))
    }
}
