//! Committee key generation: leaders commit to their shares, then every member checks and confirms.
//!
//! The shares themselves travel off the ledger; their digests are here first, so that nobody chooses a share after
//! seeing the others'.

use borsh::{BorshDeserialize, BorshSerialize};
use circuits::{
    id::{AccountId, ChainId, Digest},
    quorum::{MemberIndex, SubsetIndex},
    rlwe::{PublicKey, RingElement},
};
use serde::{Deserialize, Serialize};

use crate::{
    Error,
    codec::check_length,
    event::Event,
    execute::{Context, require_member},
    genesis::Committee,
    state::{CommitteeStage, CommitteeState, Draft, StateRead, committee_of},
    units::CommitteeEpoch,
};

/// The longest reason of a complaint, in bytes.
pub const REASON_BYTES_MAX: usize = 256;

/// What a leader commits to for its subset.
#[derive(Debug, Clone, Copy, PartialEq, Eq, BorshSerialize, BorshDeserialize, Serialize, Deserialize)]
pub struct CommitteeShare {
    /// Digest of the public polynomial `b_A`.
    pub public: Digest,
    /// Commitment to the PRF key `k_A`.
    pub prf: Digest,
}

/// A leader's commitment.
#[derive(Debug, Clone, Copy, PartialEq, Eq, BorshSerialize, BorshDeserialize, Serialize, Deserialize)]
pub struct CommitteeCommit {
    /// The key in the making.
    pub epoch: CommitteeEpoch,
    /// The subset that the sender leads.
    pub subset: SubsetIndex,
    /// The commitments.
    pub share: CommitteeShare,
}

/// Where a leader's revealed share is found, once every share is committed. The message itself lies off the ledger; its
/// digest here lets nobody show different shares to different members.
#[derive(Debug, Clone, Copy, PartialEq, Eq, BorshSerialize, BorshDeserialize, Serialize, Deserialize)]
pub struct CommitteeReveal {
    /// The key in the making.
    pub epoch: CommitteeEpoch,
    /// The subset that the sender leads.
    pub subset: SubsetIndex,
    /// Digest of the message: the public polynomial, and the secret sealed to each holder.
    pub message: Digest,
}

/// A member's confirmation that every share it holds opens its commitment and that the shares add up to the key.
#[derive(Debug, Clone, PartialEq, Eq, BorshSerialize, BorshDeserialize, Serialize, Deserialize)]
pub struct CommitteeConfirm {
    /// The key in the making.
    pub epoch: CommitteeEpoch,
    /// The sum of the public shares. The ledger keeps it, since proofs are about it; nobody needs another source.
    pub polynomial: RingElement,
}

impl CommitteeConfirm {
    /// Digest of the public key confirmed.
    #[must_use]
    pub fn key(&self, chain: ChainId) -> Digest {
        PublicKey::new(chain, self.epoch.into(), self.polynomial.clone()).digest()
    }
}

/// A member's complaint that a leader's share is missing or wrong.
#[derive(Debug, Clone, PartialEq, Eq, BorshSerialize, BorshDeserialize, Serialize, Deserialize)]
pub struct CommitteeComplain {
    /// The key in the making.
    pub epoch: CommitteeEpoch,
    /// The leader.
    pub accused: MemberIndex,
    /// What is wrong, for people.
    pub reason: String,
}

fn refuse(epoch: CommitteeEpoch, why: &str) -> Error {
    Error::Refused { what: "committee key step", why: format!("committee key {epoch}: {why}") }
}

fn latest(epoch: CommitteeEpoch, draft: &Draft<'_>) -> Result<CommitteeState, Error> {
    let latest = draft.committee_epoch()?.unwrap_or_default();
    if epoch != latest {
        return Err(refuse(epoch, &format!("the key in the making is {latest}")));
    }
    Ok(draft.committee(epoch)?.unwrap_or_default())
}

impl CommitteeCommit {
    pub(super) fn execute(
        &self,
        sender: AccountId,
        draft: &mut Draft<'_>,
        context: &Context<'_>,
    ) -> Result<Vec<Event>, Error> {
        let mut state = latest(self.epoch, draft)?;
        let member = require_member(draft, self.epoch, sender, "commit to a key share")?;
        let quorum = &committee_of(draft, self.epoch)?.quorum;
        if quorum.leader(quorum.check_subset(self.subset)?) != Some(member) {
            return Err(refuse(self.epoch, "only the subset's leader, its first holder, commits to its share"));
        }
        if state.stage != CommitteeStage::Committing {
            return Err(refuse(self.epoch, "it no longer takes commitments"));
        }
        if state.shares.insert(self.subset, self.share).is_some() {
            return Err(refuse(self.epoch, "this subset is committed already, and a commitment is final"));
        }
        let complete = state.shares.len() == quorum.subset_count();
        if complete {
            state.stage = CommitteeStage::Confirming;
            state.since = context.height;
        }
        draft.put_committee(self.epoch, &state)?;
        let mut events = vec![Event::CommitteeCommitted { epoch: self.epoch, subset: self.subset }];
        events.extend(complete.then_some(Event::CommitteeConfirming { epoch: self.epoch }));
        Ok(events)
    }
}

impl CommitteeReveal {
    pub(super) fn execute(
        &self,
        sender: AccountId,
        draft: &mut Draft<'_>,
        context: &Context<'_>,
    ) -> Result<Vec<Event>, Error> {
        let mut state = latest(self.epoch, draft)?;
        let member = require_member(draft, self.epoch, sender, "reveal a key share")?;
        let quorum = &committee_of(draft, self.epoch)?.quorum;
        if quorum.leader(quorum.check_subset(self.subset)?) != Some(member) {
            return Err(refuse(self.epoch, "only the subset's leader, its first holder, reveals its share"));
        }
        if state.stage != CommitteeStage::Confirming {
            return Err(refuse(self.epoch, "shares are revealed after every one is committed and before it is active"));
        }
        if state.reveals.insert(self.subset, self.message).is_some() {
            return Err(refuse(self.epoch, "this subset is revealed already, and a reveal is final"));
        }
        if state.reveals.len() == quorum.subset_count() {
            state.since = context.height;
        }
        draft.put_committee(self.epoch, &state)?;
        Ok(vec![Event::CommitteeRevealed { epoch: self.epoch, subset: self.subset, message: self.message }])
    }
}

impl CommitteeConfirm {
    pub(super) fn execute(
        &self,
        sender: AccountId,
        draft: &mut Draft<'_>,
        context: &Context<'_>,
    ) -> Result<Vec<Event>, Error> {
        let mut state = latest(self.epoch, draft)?;
        let member = require_member(draft, self.epoch, sender, "confirm a committee key")?;
        if state.stage != CommitteeStage::Confirming {
            return Err(refuse(self.epoch, "members confirm after every share is committed and before it is active"));
        }
        let key = self.key(context.chain);
        if state.confirmations.insert(member, key).is_some() {
            return Err(refuse(self.epoch, "this member confirmed already"));
        }
        let mut events = vec![Event::CommitteeConfirmed { epoch: self.epoch, member }];
        if state.confirmations.len() == usize::from(committee_of(draft, self.epoch)?.quorum.members()) {
            events.extend(self.conclude(key, state, draft, context)?);
        } else {
            draft.put_committee(self.epoch, &state)?;
        }
        Ok(events)
    }

    /// Once all confirmed: the key is active when it is the same, else whoever is outside the one that most confirmed is
    /// named and the next attempt begins. A single liar can neither make a key nor have an honest member named.
    fn conclude(
        &self,
        key: Digest,
        mut state: CommitteeState,
        draft: &mut Draft<'_>,
        context: &Context<'_>,
    ) -> Result<Vec<Event>, Error> {
        let epoch = self.epoch;
        if state.confirmations.values().all(|other| *other == key) {
            state.stage = CommitteeStage::Active { key };
            state.since = context.height;
            draft.put_committee_polynomial(epoch, &self.polynomial)?;
            draft.put_committee(epoch, &state)?;
            return Ok(vec![Event::CommitteeActive { epoch, key }]);
        }
        let outside = state.outside(&committee_of(draft, epoch)?.quorum);
        state.stage = CommitteeStage::Disputed { outside: outside.clone() };
        draft.put_committee(epoch, &state)?;
        Ok(vec![Event::CommitteeDisputed { epoch, outside }, begin(epoch.next(), state.seated, draft, context)?])
    }
}

impl CommitteeComplain {
    pub(super) fn check(&self) -> Result<(), Error> {
        check_length("complaint in bytes", self.reason.len(), REASON_BYTES_MAX)
    }

    pub(super) fn execute(
        &self,
        sender: AccountId,
        draft: &mut Draft<'_>,
        context: &Context<'_>,
    ) -> Result<Vec<Event>, Error> {
        let mut state = latest(self.epoch, draft)?;
        let by = require_member(draft, self.epoch, sender, "complain of a leader")?;
        let accused = committee_of(draft, self.epoch)?.quorum.check_member(self.accused)?;
        if !matches!(state.stage, CommitteeStage::Committing | CommitteeStage::Confirming) {
            return Err(refuse(self.epoch, "it is active; governance starts a new key"));
        }
        state.stage = CommitteeStage::Abandoned { by, accused };
        draft.put_committee(self.epoch, &state)?;
        Ok(vec![
            Event::CommitteeComplained { epoch: self.epoch, by, accused, reason: self.reason.clone() },
            begin(self.epoch.next(), state.seated, draft, context)?,
        ])
    }
}

/// Seats another committee: the active key retires, and the next is made among these members. A key in the making is given
/// up: whoever stopped serving must not be able to keep others from being seated.
pub(super) fn seat(seats: &Committee, draft: &mut Draft<'_>, context: &Context<'_>) -> Result<Vec<Event>, Error> {
    let epoch = draft.committee_epoch()?.unwrap_or_default();
    let mut committee = draft.committee(epoch)?.unwrap_or_default();
    committee.stage = match committee.stage {
        CommitteeStage::Active { key } => CommitteeStage::Retired { key },
        _ => CommitteeStage::Replaced,
    };
    draft.put_committee(epoch, &committee)?;
    let next = epoch.next();
    draft.put_committee_members(next, seats)?;
    let members = seats.members.iter().map(|member| member.account).collect();
    Ok(vec![Event::CommitteeReplaced { epoch: next, members }, begin(next, next, draft, context)?])
}

/// Begins the generation of a key among the members seated since `seated`.
pub(super) fn begin(
    epoch: CommitteeEpoch,
    seated: CommitteeEpoch,
    draft: &mut Draft<'_>,
    context: &Context<'_>,
) -> Result<Event, Error> {
    draft.put_committee(epoch, &CommitteeState::new(context.height, seated))?;
    draft.put_committee_epoch(&epoch)?;
    Ok(Event::CommitteeStarted { epoch })
}

/// Ends an attempt whose step was not done by its deadline, names the members it waited for, and begins the next.
/// Anyone may ask: the outcome is fixed.
pub(super) fn expire(epoch: CommitteeEpoch, draft: &mut Draft<'_>, context: &Context<'_>) -> Result<Vec<Event>, Error> {
    let mut state = latest(epoch, draft)?;
    let absent = state.awaited(&committee_of(draft, epoch)?.quorum);
    if absent.is_empty() {
        return Err(refuse(epoch, "its generation is over; governance starts a new key"));
    }
    let deadline = state.since.after(context.genesis.parameters.key_step_blocks_max);
    if context.height <= deadline {
        let why = format!("its members have until block {deadline} for this step; this is block {}", context.height);
        return Err(refuse(epoch, &why));
    }
    state.stage = CommitteeStage::Expired { absent: absent.clone() };
    draft.put_committee(epoch, &state)?;
    Ok(vec![Event::CommitteeExpired { epoch, absent }, begin(epoch.next(), state.seated, draft, context)?])
}
