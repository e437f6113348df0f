//! What the members of one key generation agree on, and the public messages they exchange.

use std::collections::{BTreeMap, BTreeSet};

use borsh::{BorshDeserialize, BorshSerialize};
use circuits::{
    domain::{self, ByteTag},
    id::{ChainId, Digest},
    quorum::{MemberIndex, Quorum, SubsetIndex},
    rlwe::{KeyEpoch, PublicKey, RingElement},
};
use serde::{Deserialize, Serialize};

use super::member_key::PrfKey;
use crate::{
    Error,
    sealing::{SealingContext, SealingPublicKey},
};

/// One attempt at a committee's key generation. A complaint ends it and the next attempt has a higher epoch, so that
/// no message of one serves in another.
#[derive(Debug, Clone, PartialEq, Eq, BorshSerialize)]
pub struct Session {
    chain: ChainId,
    epoch: KeyEpoch,
    quorum: Quorum,
    sealing_keys: Vec<SealingPublicKey>,
}

impl Session {
    /// The session of these members, in their order, on this chain.
    ///
    /// # Errors
    /// [`Error::KeyGeneration`] unless every member of the quorum has a sealing key of its own.
    pub fn new(
        chain: ChainId,
        epoch: KeyEpoch,
        quorum: Quorum,
        sealing_keys: Vec<SealingPublicKey>,
    ) -> Result<Self, Error> {
        let session = Self { chain, epoch, quorum, sealing_keys };
        session.check()?;
        Ok(session)
    }

    /// One key of its own for every member.
    fn check(&self) -> Result<(), Error> {
        let distinct: BTreeSet<Vec<u8>> = self.sealing_keys.iter().map(SealingPublicKey::to_bytes).collect();
        if self.sealing_keys.len() == usize::from(self.quorum.members()) && distinct.len() == self.sealing_keys.len() {
            return Ok(());
        }
        let why = format!("a committee of {} needs one sealing key of its own for each member", self.quorum);
        Err(Error::KeyGeneration { why })
    }

    /// The chain.
    #[must_use]
    pub const fn chain(&self) -> &ChainId {
        &self.chain
    }

    /// The epoch of the key to be made.
    #[must_use]
    pub const fn epoch(&self) -> KeyEpoch {
        self.epoch
    }

    /// The committee's shape.
    #[must_use]
    pub const fn quorum(&self) -> &Quorum {
        &self.quorum
    }

    /// Where messages to a member are sealed to.
    ///
    /// # Errors
    /// [`Error::Statement`] for a member the committee lacks.
    pub fn sealing_key(&self, member: MemberIndex) -> Result<&SealingPublicKey, Error> {
        self.quorum.check_member(member)?;
        self.sealing_keys
            .get(usize::from(member.get()))
            .ok_or_else(|| Error::KeyGeneration { why: format!("member {member} has no sealing key in this session") })
    }

    /// What every commitment and sealed message of the session binds.
    fn digest(&self) -> Digest {
        let keys: Vec<u8> = self.sealing_keys.iter().flat_map(SealingPublicKey::to_bytes).collect();
        domain::hash(
            ByteTag::KeyGeneration,
            &[
                self.chain.as_bytes(),
                &self.epoch.get().to_le_bytes(),
                &[self.quorum.threshold(), self.quorum.members()],
                &keys,
            ],
        )
    }

    /// The digest that commits to `b_A` before it is revealed.
    #[must_use]
    pub fn public_share_digest(&self, subset: SubsetIndex, public_share: &RingElement) -> Digest {
        let session = self.digest();
        domain::hash(ByteTag::PublicShare, &[session.as_bytes(), &[subset.get()], &public_share.to_packed_bytes()])
    }

    /// The digest that commits to `k_A`, hiding because the key is random.
    #[must_use]
    pub fn prf_commitment(&self, subset: SubsetIndex, key: &PrfKey) -> Digest {
        domain::hash(ByteTag::PrfCommitment, &[self.digest().as_bytes(), &[subset.get()], key.as_bytes()])
    }

    /// The context of the secret of `A` on its way to one holder.
    pub(super) fn sealing_context(&self, subset: SubsetIndex, holder: MemberIndex) -> SealingContext {
        let place = [subset.get(), holder.get()];
        SealingContext::new(ByteTag::KeyGeneration, &self.chain, &[self.digest().as_bytes(), &place])
    }
}

impl BorshDeserialize for Session {
    fn deserialize_reader<R: borsh::io::Read>(reader: &mut R) -> borsh::io::Result<Self> {
        let (chain, epoch, quorum, sealing_keys) = BorshDeserialize::deserialize_reader(reader)?;
        Self::new(chain, epoch, quorum, sealing_keys)
            .map_err(|error| borsh::io::Error::new(borsh::io::ErrorKind::InvalidData, error))
    }
}

/// Round one, from the leader of `A`, for the ledger: what it will reveal.
#[derive(Debug, Clone, Copy, PartialEq, Eq, BorshSerialize, BorshDeserialize, Serialize, Deserialize)]
pub struct ShareCommitment {
    /// `A`.
    pub subset: SubsetIndex,
    /// [`Session::public_share_digest`] of `b_A`.
    pub public_share: Digest,
    /// [`Session::prf_commitment`] of `k_A`.
    pub prf_key: Digest,
}

/// Every subset's commitment, each by its leader. Nobody reveals before this is complete, so nobody chooses its share
/// after seeing another's.
#[derive(Debug, Clone, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct Commitments(BTreeMap<SubsetIndex, ShareCommitment>);

impl Commitments {
    /// The complete commitments of a session, each with the member who posted it.
    ///
    /// # Errors
    /// [`Error::KeyGeneration`] for one from a member that does not lead its subset, for two of one subset, or when
    /// one is missing.
    pub fn new(
        session: &Session,
        posted: impl IntoIterator<Item = (MemberIndex, ShareCommitment)>,
    ) -> Result<Self, Error> {
        let quorum = session.quorum();
        let mut commitments = BTreeMap::new();
        for (author, commitment) in posted {
            let subset = quorum.check_subset(commitment.subset)?;
            if quorum.leader(subset) != Some(author) {
                let why = format!("member {author} does not lead subset {subset} and commits to nothing in it");
                return Err(Error::KeyGeneration { why });
            }
            if commitments.insert(subset, commitment).is_some_and(|earlier| earlier != commitment) {
                let why = format!("member {author} committed twice to subset {subset}; restart with the next epoch");
                return Err(Error::KeyGeneration { why });
            }
        }
        match quorum.subsets().find(|subset| !commitments.contains_key(subset)) {
            Some(subset) => {
                let why = format!("the commitment to subset {subset} is missing; reveal nothing before it is posted");
                Err(Error::KeyGeneration { why })
            }
            None => Ok(Self(commitments)),
        }
    }

    /// The commitment to a subset's share.
    #[must_use]
    pub fn get(&self, subset: SubsetIndex) -> Option<&ShareCommitment> {
        self.0.get(&subset)
    }
}

/// The secret of `A`, sealed to one holder.
#[derive(Debug, Clone, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct SealedSecret {
    /// Who opens it.
    pub holder: MemberIndex,
    /// Sealed bytes.
    pub bytes: Vec<u8>,
}

/// Round two, from the leader of `A`: the public share and its secret sealed to each holder. About 60 KB, kept off the
/// ledger and known there by [`ShareReveal::digest`].
#[derive(Debug, Clone, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct ShareReveal {
    /// `A`.
    pub subset: SubsetIndex,
    /// `b_A = -a·s_A + e_A`.
    pub public_share: RingElement,
    /// The secret for each holder, the leader included.
    pub sealed: Vec<SealedSecret>,
}

impl ShareReveal {
    /// The digest of the whole message.
    #[must_use]
    pub fn digest(&self) -> Digest {
        let sealed = self.sealed.iter().flat_map(|secret| [vec![secret.holder.get()], secret.bytes.clone()]);
        let parts: Vec<Vec<u8>> =
            [vec![self.subset.get()], self.public_share.to_packed_bytes()].into_iter().chain(sealed).collect();
        domain::hash(ByteTag::KeyGeneration, &parts.iter().map(Vec::as_slice).collect::<Vec<_>>())
    }
}

/// `b = Σ b_A` over all subsets, each checked against its commitment. Anyone can compute it.
///
/// # Errors
/// [`Error::KeyGeneration`] when a share is missing, given twice or not the one committed to.
pub fn joint_public_key(
    session: &Session,
    commitments: &Commitments,
    reveals: &[ShareReveal],
) -> Result<PublicKey, Error> {
    let mut b = RingElement::zero();
    for subset in session.quorum().subsets() {
        let mut shares = reveals.iter().filter(|reveal| reveal.subset == subset);
        let (Some(reveal), None) = (shares.next(), shares.next()) else {
            let why = format!("subset {subset} needs exactly one revealed share");
            return Err(Error::KeyGeneration { why });
        };
        let digest = session.public_share_digest(subset, &reveal.public_share);
        if commitments.get(subset).is_none_or(|commitment| commitment.public_share != digest) {
            let why = format!("the share revealed for subset {subset} is not the one committed to; restart");
            return Err(Error::KeyGeneration { why });
        }
        b = b.plus(&reveal.public_share);
    }
    Ok(PublicKey::new(*session.chain(), session.epoch(), b))
}
