//! What validators sign: votes on a block and proposals of one. A signature binds chain, height and round, so that it
//! counts nowhere else.

use borsh::{BorshDeserialize, BorshSerialize};
use circuits::{
    domain::{ByteTag, hash},
    id::{ChainId, Digest},
};
use serde::{Deserialize, Serialize};

use crate::{Error, codec::encode, units::Height};

/// Which of Tendermint's two votes: "The latest gossip on BFT consensus" (Buchman, Kwon, Milosevic 2018), algorithm 1.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, BorshSerialize, BorshDeserialize, Serialize, Deserialize,
)]
#[serde(rename_all = "snake_case")]
pub enum VoteKind {
    /// The block was proposed and is sound.
    Prevote,
    /// More than two thirds prevoted for the block: a quorum of these makes it final.
    Precommit,
}

/// What a validator's signature is given to.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, BorshSerialize, BorshDeserialize, Serialize, Deserialize,
)]
#[serde(rename_all = "snake_case", tag = "statement")]
pub enum Statement {
    /// A vote.
    Vote {
        /// Which vote.
        kind: VoteKind,
        /// The hash of the block's header; none for a vote against every block of the round.
        block: Option<Digest>,
    },
    /// A proposal, by the round's proposer.
    Proposal {
        /// The hash of the block's header.
        block: Digest,
        /// The round in which more than two thirds prevoted for it, if it is proposed again.
        pol_round: Option<u32>,
    },
}

/// A statement where it counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, BorshSerialize, BorshDeserialize, Serialize, Deserialize)]
pub struct Ballot {
    /// The chain.
    pub chain: ChainId,
    /// The block's place in the chain.
    pub height: Height,
    /// The attempt at that place, from 0.
    pub round: u32,
    /// What is said.
    pub statement: Statement,
}

impl Ballot {
    /// The precommit for a block.
    #[must_use]
    pub const fn precommit(chain: ChainId, height: Height, round: u32, block: Digest) -> Self {
        let statement = Statement::Vote { kind: VoteKind::Precommit, block: Some(block) };
        Self { chain, height, round, statement }
    }

    /// The digest that is signed.
    ///
    /// # Errors
    /// Never in practice: a ballot has a short encoding.
    pub fn message(&self) -> Result<Digest, Error> {
        Ok(hash(ByteTag::Ballot, &[&encode("ballot", self)?]))
    }
}
