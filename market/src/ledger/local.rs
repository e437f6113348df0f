//! The ledger of this process, behind its mempool.

use std::sync::Arc;

use circuits::id::{AccountId, ChainId, Leaf, QueryId, ScreeningId};
use node::{
    BlockEvents, Ledger, Mempool, Produced, Sequencer, StateProof,
    block::{Block, SignedHeader},
    genesis::Genesis,
    light::Handover,
    state::{StateKey, StateView},
    transaction::{Transaction, TransactionId},
    units::{Height, Timestamp},
};

use super::{LedgerAccess, TransactionStatus};
use crate::Error;

/// A ledger in this process.
pub struct LocalLedger {
    mempool: Arc<Mempool>,
    clock: fn() -> Timestamp,
    on_demand: Option<Arc<Sequencer>>,
}

impl LocalLedger {
    /// A ledger whose blocks a consensus engine makes, with the clock that stamps what is submitted.
    #[must_use]
    pub const fn new(mempool: Arc<Mempool>, clock: fn() -> Timestamp) -> Self {
        Self { mempool, clock, on_demand: None }
    }

    /// A ledger where whoever waits for a transaction makes the block that takes it, once it may be made: for tests.
    #[must_use]
    pub fn on_demand(sequencer: Arc<Sequencer>, clock: fn() -> Timestamp) -> Self {
        Self { mempool: Arc::clone(sequencer.mempool()), clock, on_demand: Some(sequencer) }
    }

    /// The mempool.
    #[must_use]
    pub const fn mempool(&self) -> &Arc<Mempool> {
        &self.mempool
    }

    /// The ledger itself.
    #[must_use]
    pub fn ledger(&self) -> &Ledger {
        self.mempool.ledger()
    }

    /// Makes a block of what waits, empty when nothing does, on a ledger of [`LocalLedger::on_demand`].
    ///
    /// # Errors
    /// [`Error::Ledger`] when it cannot be made yet, or not stored, or a consensus engine makes blocks here.
    pub fn produce_block(&self) -> Result<Produced, Error> {
        let engine = || node::Error::Consensus { why: "its engine makes the blocks here".into() };
        Ok(self.on_demand.as_ref().ok_or_else(engine)?.produce_block((self.clock)())?)
    }
}

impl StateView for LocalLedger {
    fn bytes(&self, key: &[u8]) -> Result<Option<Vec<u8>>, node::Error> {
        self.ledger().snapshot()?.bytes(key)
    }
}

impl LedgerAccess for LocalLedger {
    fn genesis(&self) -> &Genesis {
        self.ledger().genesis()
    }

    fn chain(&self) -> ChainId {
        self.ledger().chain()
    }

    fn submit(&self, transaction: Transaction) -> Result<TransactionId, Error> {
        Ok(self.mempool.submit(transaction, (self.clock)())?)
    }

    fn status(&self, transaction: TransactionId) -> Result<TransactionStatus, Error> {
        if self.on_demand.is_some() && self.mempool.is_waiting(transaction) && self.ledger().is_due((self.clock)())? {
            self.produce_block()?;
        }
        // In this order: a transaction leaves the mempool only after its block is stored.
        if self.mempool.is_waiting(transaction) {
            return Ok(TransactionStatus::Pending);
        }
        if let Some((height, index)) = self.ledger().snapshot()?.location(transaction)? {
            return Ok(TransactionStatus::Included { height, index });
        }
        Ok(match self.mempool.refusal(transaction) {
            Some(error) => TransactionStatus::Refused { why: error.to_string() },
            None => TransactionStatus::Unknown,
        })
    }

    fn next_nonce(&self, account: AccountId) -> Result<u64, Error> {
        Ok(self.mempool.next_nonce(account)?)
    }

    fn block(&self, height: Height) -> Result<Option<Block>, Error> {
        Ok(self.ledger().snapshot()?.block(height)?)
    }

    fn header(&self, height: Height) -> Result<Option<SignedHeader>, Error> {
        Ok(self.ledger().snapshot()?.header(height)?)
    }

    fn events(&self, height: Height) -> Result<Option<BlockEvents>, Error> {
        Ok(self.ledger().snapshot()?.events(height)?)
    }

    fn handovers(&self, after: Height) -> Result<Vec<Handover>, Error> {
        Ok(self.ledger().snapshot()?.handovers(after)?)
    }

    fn prove(&self, height: Height, key: StateKey) -> Result<StateProof, Error> {
        Ok(self.ledger().snapshot()?.prove(key, height)?)
    }

    fn screenings(&self) -> Result<Vec<ScreeningId>, Error> {
        Ok(self.ledger().snapshot()?.screenings()?.into_iter().map(|(id, _)| id).collect())
    }

    fn open_screening_ids(&self) -> Result<Vec<ScreeningId>, Error> {
        let all = self.ledger().snapshot()?.screenings()?;
        Ok(all.into_iter().filter(|(_, state)| !state.has_ended()).map(|(id, _)| id).collect())
    }

    fn queries(&self) -> Result<Vec<QueryId>, Error> {
        Ok(self.ledger().snapshot()?.query_ids(None, usize::MAX)?)
    }

    fn leaves(&self, count: u32) -> Result<Vec<Leaf>, Error> {
        let leaves = self.ledger().snapshot()?.leaves()?;
        if leaves.len() == count as usize { Ok(leaves) } else { Err(Error::LeavesDisagree) }
    }
}
