//! What nodes stream to each other beside votes: proposed blocks in parts, waiting transactions, and where they stand.

use arc_malachitebft_app_channel::app::types::core::{self as engine, Context as _, Round, Validator as _};
use borsh::{BorshDeserialize, BorshSerialize};
use circuits::{
    domain::{ByteTag, hash},
    id::{ChainId, Digest},
};

use super::{
    codec::check_round,
    context::{Address, BlockId, Chain, Voters},
};
use crate::{
    Error,
    block::{BLOCK_BYTES_MAX, Header},
    codec::{check_length, decode, encode},
    inclusion::transactions_root,
    signature::{Signature, verify},
    transaction::Transaction,
    units::Height,
    validator::ValidatorSet,
};

/// Bytes of a block in one part: what a link carries in a moment, so that votes do not wait behind blocks.
pub(crate) const PART_BYTES_MAX: usize = 128 * 1024;
/// The largest proposed block as bytes: transactions and header.
pub(crate) const PROPOSED_BYTES_MAX: usize = BLOCK_BYTES_MAX + 4_096;
/// Bytes of transactions that are passed on together.
pub(crate) const GOSSIP_BYTES_MAX: usize = 1024 * 1024;

/// A part of a stream.
#[derive(Debug, Clone, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub(crate) enum Part {
    /// A block is proposed; its bytes follow.
    Announcement(Announcement),
    /// The next bytes of the block.
    Bytes(Vec<u8>),
    /// Transactions that began to wait.
    Transactions(Vec<Transaction>),
    /// The sender's latest block.
    Tip(Height),
}

impl engine::ProposalPart<Chain> for Part {
    fn is_first(&self) -> bool {
        !matches!(self, Self::Bytes(_))
    }

    fn is_last(&self) -> bool {
        matches!(self, Self::Transactions(_) | Self::Tip(_))
    }
}

/// The first part of a proposed block, signed so that no other node can fill its proposer's room.
#[derive(Debug, Clone, Copy, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub(crate) struct Announcement {
    pub(crate) height: Height,
    pub(crate) round: Round,
    /// The round in which a quorum prevoted for the block, if it is proposed again.
    pub(crate) valid_round: Round,
    pub(crate) proposer: Address,
    pub(crate) block: BlockId,
    /// Bytes that follow.
    pub(crate) length: u32,
    pub(crate) signature: Signature,
}

impl Announcement {
    /// The digest that the proposer signs.
    pub(crate) fn message(&self, chain: ChainId) -> Result<Digest, Error> {
        let fields = (self.height, self.round, self.valid_round, self.proposer, self.block, self.length);
        Ok(hash(ByteTag::BlockPart, &[chain.as_bytes(), &encode("announcement", &fields)?]))
    }

    /// Whether its round is its proposer's turn among these validators.
    pub(crate) fn is_in_turn(&self, validators: &ValidatorSet) -> bool {
        *Chain.select_proposer(&Voters::from(validators), self.height, self.round).address() == self.proposer
    }

    /// Verifies size, round and signature.
    pub(crate) fn check(&self, chain: ChainId) -> Result<(), Error> {
        check_round("proposed block", self.round)?;
        check_length("proposed block in bytes", self.length as usize, PROPOSED_BYTES_MAX)?;
        verify("proposed block", self.proposer.0, &self.message(chain)?, &self.signature)
    }
}

/// A block before it has a certificate.
#[derive(Debug, Clone, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub(crate) struct ProposedBlock {
    pub(crate) header: Header,
    pub(crate) transactions: Vec<Transaction>,
}

impl ProposedBlock {
    pub(crate) fn to_bytes(&self) -> Result<Vec<u8>, Error> {
        encode("proposed block", self)
    }

    pub(crate) fn from_bytes(bytes: &[u8]) -> Result<Self, Error> {
        decode("proposed block", bytes, PROPOSED_BYTES_MAX)
    }

    pub(crate) fn id(&self) -> Result<BlockId, Error> {
        self.header.hash().map(BlockId)
    }

    /// Whether the transactions are those that the header commits to.
    pub(crate) fn is_whole(&self) -> bool {
        transactions_root(&self.transactions).is_ok_and(|root| root == self.header.transactions)
    }
}
