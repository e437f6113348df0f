//! The engine's vocabulary in Locus's types.

use std::fmt;

use arc_malachitebft_app_channel::app::types::core::{
    self as engine, LinearTimeouts, NilOrVal, Round, SignedExtension, VotingPower,
};
use borsh::{BorshDeserialize, BorshSerialize};
use circuits::id::{AccountId, ChainId, Digest};

use super::{part::Part, signing::Ed25519};
use crate::{
    units::Height,
    validator::ValidatorSet,
    vote::{Ballot, Statement, VoteKind},
};

/// Names the types. It holds nothing: what is signed binds the chain's id.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Chain;

impl engine::Height for Height {
    const ZERO: Self = Self::new(0);
    const INITIAL: Self = Self::new(1);

    fn increment_by(&self, n: u64) -> Self {
        Self::new(self.get().saturating_add(n))
    }

    fn decrement_by(&self, n: u64) -> Option<Self> {
        self.get().checked_sub(n).map(Self::new)
    }

    fn as_u64(&self) -> u64 {
        self.get()
    }
}

/// A validator's account, which is also its public key.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, BorshSerialize, BorshDeserialize)]
pub(crate) struct Address(pub(crate) AccountId);

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl engine::Address for Address {}

/// A validator who has a vote.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Voter {
    address: Address,
    power: VotingPower,
}

impl engine::Validator<Chain> for Voter {
    fn address(&self) -> &Address {
        &self.address
    }

    fn public_key(&self) -> &Address {
        &self.address
    }

    fn voting_power(&self) -> VotingPower {
        self.power
    }
}

/// The validators who have a vote, by account.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Voters(Vec<Voter>);

impl From<&ValidatorSet> for Voters {
    fn from(set: &ValidatorSet) -> Self {
        let voter = |validator: &crate::validator::Validator| Voter {
            address: Address(validator.account),
            power: validator.power.into(),
        };
        Self(set.voters().map(voter).collect())
    }
}

impl engine::ValidatorSet<Chain> for Voters {
    fn count(&self) -> usize {
        self.0.len()
    }

    fn total_voting_power(&self) -> VotingPower {
        self.0.iter().map(|voter| voter.power).sum()
    }

    fn get_by_address(&self, address: &Address) -> Option<&Voter> {
        self.0.iter().find(|voter| voter.address == *address)
    }

    fn get_by_index(&self, index: usize) -> Option<&Voter> {
        self.0.get(index)
    }
}

/// A proposed block by the hash of its header; its parts travel beside it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, BorshSerialize, BorshDeserialize)]
pub(crate) struct BlockId(pub(crate) Digest);

impl fmt::Display for BlockId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl engine::Value for BlockId {
    type Id = Self;

    fn id(&self) -> Self {
        *self
    }
}

/// A proposal of a block.
#[derive(Debug, Clone, Copy, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub(crate) struct Proposal {
    height: Height,
    round: Round,
    block: BlockId,
    pol_round: Round,
    proposer: Address,
}

impl Proposal {
    /// What the proposer signs.
    pub(crate) fn ballot(&self, chain: ChainId) -> Ballot {
        let statement = Statement::Proposal { block: self.block.0, pol_round: self.pol_round.as_u32() };
        Ballot { chain, height: self.height, round: number(self.round), statement }
    }
}

impl engine::Proposal<Chain> for Proposal {
    fn height(&self) -> Height {
        self.height
    }

    fn round(&self) -> Round {
        self.round
    }

    fn value(&self) -> &BlockId {
        &self.block
    }

    fn take_value(self) -> BlockId {
        self.block
    }

    fn pol_round(&self) -> Round {
        self.pol_round
    }

    fn validator_address(&self) -> &Address {
        &self.proposer
    }
}

/// A vote on a block, or against every block of its round. It carries no extension.
#[derive(Debug, Clone, Copy, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub(crate) struct Vote {
    kind: VoteKind,
    height: Height,
    round: Round,
    block: NilOrVal<BlockId>,
    voter: Address,
}

impl Vote {
    /// What the voter signs.
    pub(crate) fn ballot(&self, chain: ChainId) -> Ballot {
        let block = match self.block {
            NilOrVal::Nil => None,
            NilOrVal::Val(block) => Some(block.0),
        };
        let statement = Statement::Vote { kind: self.kind, block };
        Ballot { chain, height: self.height, round: number(self.round), statement }
    }
}

/// The number of a round. Nobody votes in the nil round; its number is one that no chain reaches.
pub(crate) fn number(round: Round) -> u32 {
    round.as_u32().unwrap_or(u32::MAX)
}

impl engine::Vote<Chain> for Vote {
    fn height(&self) -> Height {
        self.height
    }

    fn round(&self) -> Round {
        self.round
    }

    fn value(&self) -> &NilOrVal<BlockId> {
        &self.block
    }

    fn take_value(self) -> NilOrVal<BlockId> {
        self.block
    }

    fn vote_type(&self) -> engine::VoteType {
        match self.kind {
            VoteKind::Prevote => engine::VoteType::Prevote,
            VoteKind::Precommit => engine::VoteType::Precommit,
        }
    }

    fn validator_address(&self) -> &Address {
        &self.voter
    }

    fn extension(&self) -> Option<&SignedExtension<Chain>> {
        None
    }

    fn take_extension(&mut self) -> Option<SignedExtension<Chain>> {
        None
    }

    fn extend(self, _: SignedExtension<Chain>) -> Self {
        self
    }
}

impl engine::Context for Chain {
    type Address = Address;
    type Height = Height;
    type ProposalPart = Part;
    type Proposal = Proposal;
    type Validator = Voter;
    type ValidatorSet = Voters;
    type Timeouts = LinearTimeouts;
    type Value = BlockId;
    type Vote = Vote;
    type Extension = ();
    type SigningScheme = Ed25519;

    /// Validators propose in turn, whatever their power: it weighs their votes alone.
    fn select_proposer<'a>(&self, validators: &'a Voters, height: Height, round: Round) -> &'a Voter {
        let turn = height.get().wrapping_add(number(round).into());
        let place = usize::try_from(turn % validators.0.len().max(1) as u64).unwrap_or_default();
        #[allow(
            clippy::indexing_slicing,
            reason = "a set has a voter by construction, and the place is below its size"
        )]
        &validators.0[place]
    }

    fn new_proposal(
        &self,
        height: Height,
        round: Round,
        block: BlockId,
        pol_round: Round,
        proposer: Address,
    ) -> Proposal {
        Proposal { height, round, block, pol_round, proposer }
    }

    fn new_prevote(&self, height: Height, round: Round, block: NilOrVal<BlockId>, voter: Address) -> Vote {
        Vote { kind: VoteKind::Prevote, height, round, block, voter }
    }

    fn new_precommit(&self, height: Height, round: Round, block: NilOrVal<BlockId>, voter: Address) -> Vote {
        Vote { kind: VoteKind::Precommit, height, round, block, voter }
    }
}
