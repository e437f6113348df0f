//! Blocks: a header that commits to transactions and state, and the signatures that make it final.

use borsh::{BorshDeserialize, BorshSerialize};
use circuits::{
    domain::{ByteTag, hash},
    id::{AccountId, ChainId, Digest},
};
use ed25519_dalek::SigningKey;
use serde::{Deserialize, Serialize};

use crate::{
    Error,
    codec::{check_length, decode, encode},
    inclusion::transactions_root,
    signature::{self, Signature, account_of},
    transaction::Transaction,
    units::{Epoch, Height, Timestamp},
    validator::{VALIDATORS_MAX, ValidatorSet},
    vote::Ballot,
};

/// Transactions of a block.
pub const BLOCK_TRANSACTIONS_MAX: usize = 4_096;
/// Proofs of a block, one for each part of a contribution and for each response: verifying one takes each validator 2 ms or
/// so of a core, and a round does not wait longer.
pub const BLOCK_PROOFS_MAX: usize = 512;
/// Bytes of a block's transactions.
pub const BLOCK_BYTES_MAX: usize = 8 * 1024 * 1024;

/// What validators sign: everything in the block and the state after it follows from this.
#[derive(Debug, Clone, Copy, PartialEq, Eq, BorshSerialize, BorshDeserialize, Serialize, Deserialize)]
pub struct Header {
    /// The chain.
    pub chain: ChainId,
    /// Place in the chain, from 1.
    pub height: Height,
    /// Time, the parent's and `block_seconds_min` of the genesis more at least.
    pub time: Timestamp,
    /// The epoch that the block belongs to.
    pub epoch: Epoch,
    /// Hash of the parent's header; for block 1 the chain id.
    pub parent: Digest,
    /// Root over the transactions in order.
    pub transactions: Digest,
    /// How many transactions there are.
    pub transaction_count: u32,
    /// Root of the authenticated state after the block.
    pub state: Digest,
    /// Digest of the validators of this height, whose signatures make it final; the state after the parent holds them.
    pub validators: Digest,
}

impl Header {
    /// The header's hash, which the validators sign and the next header names.
    ///
    /// # Errors
    /// Never in practice: a header has a fixed, short encoding.
    pub fn hash(&self) -> Result<Digest, Error> {
        Ok(hash(ByteTag::Header, &[&encode("header", self)?]))
    }
}

/// A validator's precommit for a header.
#[derive(Debug, Clone, Copy, PartialEq, Eq, BorshSerialize, BorshDeserialize, Serialize, Deserialize)]
pub struct ValidatorSignature {
    /// Who signed.
    pub validator: AccountId,
    /// Over the [`Ballot`] that precommits [`Header::hash`] in the certificate's round.
    pub signature: Signature,
}

/// Precommits of one round by more than two thirds of the voting power, in the order of the validators' accounts.
#[derive(Debug, Clone, PartialEq, Eq, Default, BorshSerialize, BorshDeserialize, Serialize, Deserialize)]
pub struct Certificate {
    /// The round.
    pub round: u32,
    /// The signatures.
    pub signatures: Vec<ValidatorSignature>,
}

impl Certificate {
    /// The certificate that these keys give a header in round 0.
    ///
    /// # Errors
    /// As [`Header::hash`].
    pub fn sign<'a>(header: &Header, keys: impl IntoIterator<Item = &'a SigningKey>) -> Result<Self, Error> {
        let message = Ballot::precommit(header.chain, header.height, 0, header.hash()?).message()?;
        let signed = |key| ValidatorSignature { validator: account_of(key), signature: signature::sign(key, &message) };
        let mut signatures: Vec<_> = keys.into_iter().map(signed).collect();
        signatures.sort_by_key(|signed| signed.validator);
        Ok(Self { round: 0, signatures })
    }

    /// Verifies that these validators, whom the header names, precommitted it with more than two thirds of their power.
    ///
    /// # Errors
    /// [`Error::Block`] or [`Error::Signature`].
    pub fn verify(&self, header: &Header, validators: &ValidatorSet) -> Result<(), Error> {
        check_length("certificate signatures", self.signatures.len(), VALIDATORS_MAX)?;
        let refuse = |field, why: String| Err(Error::Block { height: header.height, field, why });
        if header.validators != validators.digest()? {
            return refuse("validators", "these are not the validators of its height".into());
        }
        let message = Ballot::precommit(header.chain, header.height, self.round, header.hash()?).message()?;
        let (mut last, mut power) = (None, 0);
        for ValidatorSignature { validator, signature } in &self.signatures {
            if last >= Some(*validator) {
                return refuse("certificate", "list each validator once, in ascending order".into());
            }
            last = Some(*validator);
            if validators.power(*validator) == 0 {
                return refuse("certificate", format!("{validator} has no vote at this height"));
            }
            power += validators.power(*validator);
            signature::verify("block header", *validator, &message, signature)?;
        }
        if !validators.is_quorum(power) {
            let total = validators.total_power();
            return refuse("certificate", format!("validators with {power} of {total} votes signed"));
        }
        Ok(())
    }
}

/// A header with its certificate.
#[derive(Debug, Clone, PartialEq, Eq, BorshSerialize, BorshDeserialize, Serialize, Deserialize)]
pub struct SignedHeader {
    /// The header.
    pub header: Header,
    /// The signatures that make it final.
    pub certificate: Certificate,
}

impl SignedHeader {
    /// Verifies the chain id and the certificate against the validators of the header's height.
    ///
    /// # Errors
    /// [`Error::ForeignChain`], [`Error::Block`] or [`Error::Signature`].
    pub fn verify(&self, expected: ChainId, validators: &ValidatorSet) -> Result<(), Error> {
        if self.header.chain != expected {
            return Err(Error::ForeignChain { what: "block header", found: self.header.chain, expected });
        }
        self.certificate.verify(&self.header, validators)
    }
}

/// A final block.
#[derive(Debug, Clone, PartialEq, Eq, BorshSerialize, BorshDeserialize, Serialize, Deserialize)]
pub struct Block {
    /// The header.
    pub header: Header,
    /// The transactions in order.
    pub transactions: Vec<Transaction>,
    /// The signatures that make it final.
    pub certificate: Certificate,
}

impl Block {
    /// The header with its certificate.
    #[must_use]
    pub fn signed_header(&self) -> SignedHeader {
        SignedHeader { header: self.header, certificate: self.certificate.clone() }
    }

    /// The canonical bytes.
    ///
    /// # Errors
    /// [`Error::Malformed`] when a list exceeds borsh's length prefix.
    pub fn to_bytes(&self) -> Result<Vec<u8>, Error> {
        encode("block", self)
    }

    /// The block of canonical bytes.
    ///
    /// # Errors
    /// [`Error::TooLarge`] or [`Error::Malformed`].
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, Error> {
        let block: Self = decode("block", bytes, BLOCK_BYTES_MAX + VALIDATORS_MAX * 128 + 1024)?;
        check_length("block transactions", block.transactions.len(), BLOCK_TRANSACTIONS_MAX)?;
        Ok(block)
    }

    /// Checks that the header commits to the transactions.
    ///
    /// # Errors
    /// [`Error::Block`] naming the field.
    pub fn check_transactions(&self) -> Result<(), Error> {
        let refuse = |field, why: &str| Err(Error::Block { height: self.header.height, field, why: why.into() });
        check_length("block transactions", self.transactions.len(), BLOCK_TRANSACTIONS_MAX)?;
        if self.header.transaction_count as usize != self.transactions.len() {
            return refuse("transaction_count", "it does not count the transactions");
        }
        if transactions_root(&self.transactions)? != self.header.transactions {
            return refuse("transactions", "it is not the root over the transactions");
        }
        Ok(())
    }
}

/// Where a chain stands, for the block that follows.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Parent {
    pub(crate) height: Height,
    pub(crate) hash: Digest,
    /// The least time of the next block.
    pub(crate) next_time: Timestamp,
}

/// Checks height, parent hash and time of a header against its parent.
pub(crate) fn check_follows(header: &Header, parent: &Parent) -> Result<(), Error> {
    let Parent { height, hash, next_time } = parent;
    let refuse = |field, why: String| Err(Error::Block { height: header.height, field, why });
    if header.height != height.next() {
        return refuse("height", format!("the parent is block {height}"));
    }
    if header.parent != *hash {
        return refuse("parent", format!("the parent's header hashes to {hash}"));
    }
    if header.time < *next_time {
        return refuse("time", format!("{} is before {next_time}, the earliest after the parent's", header.time));
    }
    Ok(())
}
