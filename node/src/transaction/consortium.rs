//! What validators decide among themselves by vote: who validates, who may connect, who sits on the committee, and when all
//! run another version.

use std::collections::BTreeSet;

use borsh::{BorshDeserialize, BorshSerialize};
use circuits::{
    domain::{ByteTag, hash},
    id::{AccountId, Digest},
    quorum::MEMBERS_MAX,
};
use serde::{Deserialize, Serialize};

use crate::{
    Error,
    codec::{check_length, encode},
    consensus::check_address,
    event::Event,
    execute::Context,
    genesis::Committee,
    state::{Approvals, Draft, Protocol, StateKey, StateRead, Upgrade},
    transaction::committee::seat,
    units::Height,
    validator::{Validator, ValidatorSet},
};

/// Blocks after the first approval in which a change must find its quorum; past it the vote starts over.
pub const APPROVAL_BLOCKS_MAX: u32 = 100_000;

/// Changes that validators vote on at the same time.
pub const CHANGES_MAX: usize = 32;

/// A change of the consortium. Each validator approves it with a transaction of its own; the one that completes more
/// than two thirds of the voting power applies it, and the next block is made under it.
#[derive(Debug, Clone, PartialEq, Eq, BorshSerialize, BorshDeserialize, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ConsortiumChange {
    /// Adds a validator or an observer, or gives one another key, address or power.
    SetValidator(Validator),
    /// Takes one off the network.
    RemoveValidator(AccountId),
    /// From a height on blocks are executed by another version of the protocol; nodes that do not speak it stop there.
    Upgrade(Upgrade),
    /// Seats another committee: the next key is made among its members. Whoever sits opens what is encrypted to that key, so
    /// this is for no one organisation to decide.
    SeatCommittee(Committee),
}

impl ConsortiumChange {
    pub(super) fn check(&self) -> Result<(), Error> {
        match self {
            Self::SetValidator(validator) => {
                check_address(&validator.address)?;
                validator.check()
            }
            Self::SeatCommittee(seats) => {
                check_length("committee members", seats.members.len(), usize::from(MEMBERS_MAX))
            }
            Self::RemoveValidator(_) | Self::Upgrade(_) => Ok(()),
        }
    }

    /// The digest that approvals are collected under.
    ///
    /// # Errors
    /// Never in practice: a change is bounded.
    pub fn digest(&self) -> Result<Digest, Error> {
        Ok(hash(ByteTag::ConsortiumChange, &[&encode("consortium change", self)?]))
    }

    pub(super) fn execute(
        &self,
        sender: AccountId,
        draft: &mut Draft<'_>,
        context: &Context<'_>,
    ) -> Result<Vec<Event>, Error> {
        let validators = require_validators(draft)?;
        if validators.power(sender) == 0 {
            return Err(Error::Unauthorized {
                account: sender,
                action: "vote on the consortium",
                remedy: "the validators do, each with its own key",
            });
        }
        // Refused at the first approval, not when the quorum is there.
        self.outcome(&validators, draft, context)?;
        let change = self.digest()?;
        let mut approvals = match draft.approvals(change)? {
            Some(approvals) if !approvals.lapsed(context.height) => approvals,
            _ => self.open_vote(change, draft, context.height)?,
        };
        if !approvals.validators.insert(sender) {
            let remedy = "this validator approved it; the others are to";
            return Err(Error::Duplicate { what: "approval of change", id: change.to_string(), remedy });
        }
        let power = approvals.validators.iter().map(|account| validators.power(*account)).sum();
        let approved = Event::ConsortiumChangeApproved { change, validator: sender };
        if !validators.is_quorum(power) {
            draft.put_approvals(change, &approvals)?;
            return Ok(vec![approved]);
        }
        close_vote(change, draft)?;
        let mut events = vec![approved, Event::ConsortiumChanged { change: self.clone() }];
        match self.outcome(&validators, draft, context)? {
            Outcome::Validators(validators) => draft.put_validators(&validators)?,
            Outcome::Protocol(protocol) => draft.put_protocol(&protocol)?,
            Outcome::Committee(seats) => events.extend(seat(seats, draft, context)?),
        }
        Ok(events)
    }

    /// Begins a vote, in the place of one that lapsed when there are many.
    fn open_vote(&self, change: Digest, draft: &mut Draft<'_>, height: Height) -> Result<Approvals, Error> {
        for other in draft.changes()?.unwrap_or_default() {
            if draft.approvals(other)?.is_none_or(|approvals| approvals.lapsed(height)) {
                close_vote(other, draft)?;
            }
        }
        let mut changes = draft.changes()?.unwrap_or_default();
        if changes.len() >= CHANGES_MAX {
            let why = format!("{CHANGES_MAX} wait for approvals; withdraw one that is not wanted any more");
            return Err(Error::Refused { what: "change of the consortium", why });
        }
        changes.insert(change);
        draft.put_changes(&changes)?;
        Ok(Approvals { change: self.clone(), opened: height, validators: BTreeSet::new() })
    }

    fn outcome(
        &self,
        validators: &ValidatorSet,
        draft: &Draft<'_>,
        context: &Context<'_>,
    ) -> Result<Outcome<'_>, Error> {
        match self {
            Self::SeatCommittee(seats) => {
                seats.check(context.genesis.network)?;
                Ok(Outcome::Committee(seats))
            }
            Self::SetValidator(validator) => validators.with(validator.clone()).map(Outcome::Validators),
            Self::RemoveValidator(account) => validators.without(*account).map(Outcome::Validators),
            Self::Upgrade(upgrade) => {
                let protocol = require_protocol(draft)?;
                let next = protocol.version.checked_add(1).ok_or(Error::Overflow { what: "protocol version" })?;
                if upgrade.version != next || upgrade.height <= context.height.next() {
                    let why = format!("name version {next} and a height after {}", context.height.next());
                    return Err(Error::Refused { what: "upgrade", why });
                }
                Ok(Outcome::Protocol(Protocol { upgrade: Some(*upgrade), ..protocol }))
            }
        }
    }
}

impl Approvals {
    /// Whether the vote ended without a quorum.
    #[must_use]
    pub fn lapsed(&self, height: Height) -> bool {
        height > self.opened.after(APPROVAL_BLOCKS_MAX)
    }
}

fn close_vote(change: Digest, draft: &mut Draft<'_>) -> Result<(), Error> {
    draft.remove(&StateKey::Approvals(change))?;
    let mut changes = draft.changes()?.unwrap_or_default();
    changes.remove(&change);
    draft.put_changes(&changes)
}

/// Takes a validator's approval back, while the change is not decided.
pub(super) fn withdraw_approval(change: Digest, sender: AccountId, draft: &mut Draft<'_>) -> Result<Vec<Event>, Error> {
    let unknown = || Error::Unknown { what: "approval of this validator for change", id: change.to_string() };
    let mut approvals = draft.approvals(change)?.ok_or_else(unknown)?;
    if !approvals.validators.remove(&sender) {
        return Err(unknown());
    }
    if approvals.validators.is_empty() {
        close_vote(change, draft)?;
    } else {
        draft.put_approvals(change, &approvals)?;
    }
    Ok(vec![Event::ConsortiumApprovalWithdrawn { change, validator: sender }])
}

/// The votes on changes that are open at the latest block.
///
/// # Errors
/// [`Error::Storage`] or [`Error::Corrupt`] when the database fails.
pub fn open_votes(state: &(impl StateRead + ?Sized)) -> Result<Vec<Approvals>, Error> {
    let height = state.tip()?.map(|tip| tip.height).unwrap_or_default();
    let changes = state.changes()?.unwrap_or_default();
    let votes = changes.into_iter().filter_map(|change| state.approvals(change).transpose());
    votes.filter(|vote| vote.as_ref().map_or(true, |vote| !vote.lapsed(height))).collect()
}

enum Outcome<'c> {
    Validators(ValidatorSet),
    Protocol(Protocol),
    Committee(&'c Committee),
}

/// The validators of the next block, which every state has.
pub(crate) fn require_validators(state: &(impl StateRead + ?Sized)) -> Result<ValidatorSet, Error> {
    state.validators()?.ok_or_else(|| Error::Corrupt { what: "state", why: "it names no validators".into() })
}

/// The protocol's version, which every state has.
pub(crate) fn require_protocol(state: &(impl StateRead + ?Sized)) -> Result<Protocol, Error> {
    state.protocol()?.ok_or_else(|| Error::Corrupt { what: "state", why: "it names no protocol version".into() })
}

/// At the end of a block: the version of the next one.
pub(crate) fn upgrade(draft: &mut Draft<'_>, next: Height) -> Result<Option<Event>, Error> {
    let protocol = require_protocol(draft)?;
    let Some(upgrade) = protocol.upgrade.filter(|upgrade| upgrade.height <= next) else { return Ok(None) };
    draft.put_protocol(&Protocol { version: upgrade.version, upgrade: None })?;
    Ok(Some(Event::ProtocolUpgraded { version: upgrade.version, height: next }))
}
