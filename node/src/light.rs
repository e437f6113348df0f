//! The light client: from a trusted genesis, follows who validates and believes headers, state and transactions by their
//! proofs alone. It needs no server's word and no database.
//!
//! What it trusts: that of the validators of each height less than a third of the voting power was dishonest then. One
//! that missed a handover refuses later headers instead of believing the validators it knows.

use borsh::{BorshDeserialize, BorshSerialize};
use circuits::id::{ChainId, Digest};
use serde::{Deserialize, Serialize};

use crate::{
    Error, StateProof,
    block::{Header, SignedHeader},
    genesis::Genesis,
    inclusion::TransactionProof,
    state::StateKey,
    transaction::TransactionId,
    units::Height,
    validator::ValidatorSet,
};

/// Handovers that are followed at once; ask for more after the last.
pub const HANDOVERS_MAX: usize = 256;

/// A block after which other validators sign, with the proof of who they are.
#[derive(Debug, Clone, BorshSerialize, BorshDeserialize, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Handover {
    /// The block, signed by the validators before it.
    pub header: SignedHeader,
    /// What [`StateKey::Validators`] holds after it.
    pub validators: StateProof,
}

/// The validators of a chain as far as their handovers were followed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LightClient {
    chain: ChainId,
    first: ValidatorSet,
    /// The block of each handover followed, with the validators after it, in order.
    later: Vec<(Height, ValidatorSet)>,
}

/// A header that the validators of its height made final.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct VerifiedHeader(Header);

impl LightClient {
    /// Begins at a genesis, which the caller trusts.
    ///
    /// # Errors
    /// [`Error::Genesis`] for an unsound genesis.
    pub fn new(genesis: &Genesis) -> Result<Self, Error> {
        Ok(Self { chain: genesis.chain_id()?, first: genesis.validators.clone(), later: vec![] })
    }

    /// The chain.
    #[must_use]
    pub const fn chain(&self) -> ChainId {
        self.chain
    }

    /// The block of the last handover followed; 0 before any.
    #[must_use]
    pub fn since(&self) -> Height {
        self.later.last().map(|(height, _)| *height).unwrap_or_default()
    }

    /// Who signs the block at a height, as far as is known.
    #[must_use]
    pub fn validators(&self, height: Height) -> &ValidatorSet {
        let before = self.later.iter().rev().find(|(handover, _)| *handover < height);
        before.map_or(&self.first, |(_, validators)| validators)
    }

    /// Follows the next handover.
    ///
    /// # Errors
    /// [`Error::ForeignChain`], [`Error::Block`], [`Error::Signature`] or [`Error::Inclusion`]; nothing changed then.
    pub fn follow(&mut self, handover: &Handover) -> Result<(), Error> {
        let header = self.verify(&handover.header)?;
        let height = header.header().height;
        if height <= self.since() {
            let why = format!("it is not after block {}, the last one followed", self.since());
            return Err(Error::Block { height, field: "handover", why });
        }
        let missing = || Error::Block { height, field: "handover", why: "it names no validators".into() };
        let validators = header.read(StateKey::Validators(), &handover.validators)?.ok_or_else(missing)?;
        self.later.push((height, validators));
        Ok(())
    }

    /// Believes a header if its certificate is of the validators of its height.
    ///
    /// # Errors
    /// [`Error::ForeignChain`], [`Error::Block`] (with the field `validators` when a handover is missing) or
    /// [`Error::Signature`].
    pub fn verify(&self, signed: &SignedHeader) -> Result<VerifiedHeader, Error> {
        signed.verify(self.chain, self.validators(signed.header.height))?;
        Ok(VerifiedHeader(signed.header))
    }
}

impl VerifiedHeader {
    /// The header.
    #[must_use]
    pub const fn header(&self) -> &Header {
        &self.0
    }

    /// The root that state proofs are verified against.
    #[must_use]
    pub const fn state(&self) -> Digest {
        self.0.state
    }

    /// Believes what a key holds after the block, absence included.
    ///
    /// # Errors
    /// [`Error::Inclusion`] when the proof is of another state, or of another key than `key`.
    pub fn read<T: BorshDeserialize>(&self, key: StateKey, proof: &StateProof) -> Result<Option<T>, Error> {
        if proof.key != key {
            return Err(Error::Inclusion { what: "the state holds the key asked for", root: self.0.state });
        }
        proof.verify(self.0.state)?;
        proof.value.is_some().then(|| proof.decode()).transpose()
    }

    /// Believes that the block holds a transaction.
    ///
    /// # Errors
    /// [`Error::Inclusion`] otherwise.
    pub fn includes(&self, id: TransactionId, proof: &TransactionProof) -> Result<(), Error> {
        proof.verify(&self.0, id)
    }
}
