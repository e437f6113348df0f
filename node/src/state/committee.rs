//! A committee key as the ledger follows it: its generation, and how often it was used.

use std::collections::{BTreeMap, BTreeSet};

use borsh::{BorshDeserialize, BorshSerialize};
use circuits::{
    id::Digest,
    quorum::{MemberIndex, Quorum, SubsetIndex},
};
use serde::{Deserialize, Serialize};

use super::StateRead;
use crate::{
    Error,
    genesis::Committee,
    query::RELEASES_PER_KEY_MAX,
    transaction::CommitteeShare,
    units::{CommitteeEpoch, Height},
};

/// How far a committee key is.
#[derive(Debug, Clone, PartialEq, Eq, BorshSerialize, BorshDeserialize, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "stage")]
pub enum CommitteeStage {
    /// Leaders commit to their subsets' shares.
    Committing,
    /// Every share is committed; members open, check and confirm.
    Confirming,
    /// Every member confirmed; queries may open.
    Active {
        /// Digest of the public key.
        key: Digest,
    },
    /// A member complained before the key was active; the next epoch starts over.
    Abandoned {
        /// Who complained.
        by: MemberIndex,
        /// The leader accused.
        accused: MemberIndex,
    },
    /// A step was not done by its deadline; the next epoch starts over.
    Expired {
        /// The members that the step waited for: those that did not do it, or confirmed another key than most.
        absent: BTreeSet<MemberIndex>,
    },
    /// Governance started the next epoch; queries opened under this key finish under it.
    Retired {
        /// Digest of the public key.
        key: Digest,
    },
    /// All members confirmed, but not the same; the next epoch starts over.
    Disputed {
        /// Those outside the key that at least `n − t + 1` confirmed; nobody where there is no such key.
        outside: BTreeSet<MemberIndex>,
    },
    /// The validators seated another committee before the key was active; the next epoch is that committee's.
    Replaced,
}

/// A committee key, from its generation on.
#[derive(Debug, Clone, PartialEq, Eq, BorshSerialize, BorshDeserialize, Serialize, Deserialize)]
pub struct CommitteeState {
    /// How far it is.
    pub stage: CommitteeStage,
    /// The block in which the step that is due began, or the key became active.
    pub since: Height,
    /// Digests committed by the subsets' leaders.
    pub shares: BTreeMap<SubsetIndex, CommitteeShare>,
    /// Digests of the leaders' revealed shares, which lie off the ledger.
    pub reveals: BTreeMap<SubsetIndex, Digest>,
    /// The key digest that each member confirmed.
    pub confirmations: BTreeMap<MemberIndex, Digest>,
    /// Releases that queries opened under the key may take, one for each part; a refunded query takes none.
    pub releases: u32,
    /// The key since which its committee sits: see [`committee_of`].
    pub seated: CommitteeEpoch,
}

/// The committee whose key this is. A key belongs to the members seated when its generation began, whoever follows them.
///
/// # Errors
/// [`Error::Unknown`] for a key that was not begun; [`Error::Corrupt`] when the state lacks its committee.
pub fn committee_of(view: &(impl StateRead + ?Sized), epoch: CommitteeEpoch) -> Result<Committee, Error> {
    let unknown = || Error::Unknown { what: "committee key", id: epoch.to_string() };
    let seated = view.committee(epoch)?.ok_or_else(unknown)?.seated;
    let gap = || Error::Corrupt { what: "committee keys", why: format!("nobody sits for key {epoch}") };
    view.committee_members(seated)?.ok_or_else(gap)
}

impl CommitteeState {
    /// A key whose generation begins in a block.
    #[must_use]
    pub const fn new(since: Height, seated: CommitteeEpoch) -> Self {
        Self {
            stage: CommitteeStage::Committing,
            since,
            shares: BTreeMap::new(),
            reveals: BTreeMap::new(),
            confirmations: BTreeMap::new(),
            releases: 0,
            seated,
        }
    }

    /// Digest of the public key while queries may open under it.
    #[must_use]
    pub const fn active_key(&self) -> Option<Digest> {
        match self.stage {
            CommitteeStage::Active { key } => Some(key),
            _ => None,
        }
    }

    /// The members that confirmed another key than at least `n − t + 1` did. There is no second such key, and where at
    /// most `t − 1` lie, the honest members' is it.
    #[must_use]
    pub fn outside(&self, quorum: &Quorum) -> BTreeSet<MemberIndex> {
        let confirmed = |key: &Digest| self.confirmations.values().filter(|other| *other == key).count();
        let needed = usize::from(quorum.receipts_min());
        let Some(agreed) = self.confirmations.values().find(|key| confirmed(key) >= needed) else {
            return BTreeSet::new();
        };
        self.confirmations.iter().filter(|(_, key)| *key != agreed).map(|(member, _)| *member).collect()
    }

    /// Sets a release aside for each part of a query that opens.
    ///
    /// # Errors
    /// [`Error::Refused`] when the key has too few left.
    pub(crate) fn take_releases(&mut self, epoch: CommitteeEpoch, parts: usize) -> Result<(), Error> {
        let left = RELEASES_PER_KEY_MAX.saturating_sub(self.releases);
        match u32::try_from(parts) {
            Ok(parts) if parts <= left => self.releases += parts,
            _ => {
                let why = format!(
                    "it takes {parts} releases, and committee key {epoch} has {left} left of {RELEASES_PER_KEY_MAX}; \
                     ask the governor to start a new committee key"
                );
                return Err(Error::Refused { what: "query", why });
            }
        }
        Ok(())
    }

    /// Gives back what a query took that releases nothing.
    pub(crate) fn return_releases(&mut self, parts: usize) {
        self.releases = self.releases.saturating_sub(u32::try_from(parts).unwrap_or(u32::MAX));
    }

    /// The members whose step is due: leaders that have to commit, then leaders that have to reveal, then members that
    /// have to confirm, or confirmed another key than most. Empty once the generation is over.
    #[must_use]
    pub fn awaited(&self, quorum: &Quorum) -> BTreeSet<MemberIndex> {
        let leaders = |done: &dyn Fn(&SubsetIndex) -> bool| {
            quorum.subsets().filter(|subset| !done(subset)).filter_map(|subset| quorum.leader(subset)).collect()
        };
        match self.stage {
            CommitteeStage::Committing => leaders(&|subset| self.shares.contains_key(subset)),
            CommitteeStage::Confirming if self.reveals.len() < quorum.subset_count() => {
                leaders(&|subset| self.reveals.contains_key(subset))
            }
            CommitteeStage::Confirming => {
                let silent = quorum.all_members().filter(|member| !self.confirmations.contains_key(member));
                silent.chain(self.outside(quorum)).collect()
            }
            _ => BTreeSet::new(),
        }
    }
}

impl Default for CommitteeState {
    fn default() -> Self {
        Self::new(Height::default(), CommitteeEpoch::default())
    }
}
