//! The ledger of this process, through its sequencer.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, PoisonError},
};

use circuits::id::{AccountId, ChainId, Leaf};
use node::{
    Produced, Sequencer, StateProof,
    block::{Block, SignedHeader},
    genesis::Genesis,
    state::{StateKey, StateView},
    transaction::{Transaction, TransactionId},
    units::{Height, Timestamp},
};

use super::{LedgerAccess, TransactionStatus};
use crate::Error;

/// Refusals that are remembered for those who ask; the oldest ids by value are forgotten beyond it.
const REFUSALS_MAX: usize = 4_096;

/// A ledger in this process.
pub struct LocalLedger {
    sequencer: Arc<Sequencer>,
    clock: fn() -> Timestamp,
    on_demand: bool,
    refused: Mutex<BTreeMap<TransactionId, String>>,
}

impl LocalLedger {
    /// A ledger whose blocks someone else makes, with the clock that stamps what is submitted.
    #[must_use]
    pub const fn new(sequencer: Arc<Sequencer>, clock: fn() -> Timestamp) -> Self {
        Self { sequencer, clock, on_demand: false, refused: Mutex::new(BTreeMap::new()) }
    }

    /// A ledger where whoever waits for a transaction makes the block that takes it, once it may be made. Needs no thread,
    /// for tools and tests.
    #[must_use]
    pub const fn on_demand(sequencer: Arc<Sequencer>, clock: fn() -> Timestamp) -> Self {
        Self { sequencer, clock, on_demand: true, refused: Mutex::new(BTreeMap::new()) }
    }

    /// The sequencer.
    #[must_use]
    pub const fn sequencer(&self) -> &Arc<Sequencer> {
        &self.sequencer
    }

    /// Whether the genesis lets the next block follow by now.
    ///
    /// # Errors
    /// [`Error::Ledger`] when the database fails.
    pub fn is_due(&self) -> Result<bool, Error> {
        Ok(self.sequencer.ledger().is_due((self.clock)())?)
    }

    /// Makes a block of what waits, empty when nothing does.
    ///
    /// # Errors
    /// [`Error::Ledger`] when it cannot be made yet, or not stored.
    pub fn produce_block(&self) -> Result<Produced, Error> {
        let produced = self.sequencer.produce_block((self.clock)())?;
        let mut refused = self.refused.lock().unwrap_or_else(PoisonError::into_inner);
        refused.extend(produced.refused.iter().map(|(id, error)| (*id, error.to_string())));
        while refused.len() > REFUSALS_MAX {
            refused.pop_first();
        }
        Ok(produced)
    }
}

impl StateView for LocalLedger {
    fn bytes(&self, key: &[u8]) -> Result<Option<Vec<u8>>, node::Error> {
        self.sequencer.ledger().snapshot()?.bytes(key)
    }
}

impl LedgerAccess for LocalLedger {
    fn genesis(&self) -> &Genesis {
        self.sequencer.ledger().genesis()
    }

    fn chain(&self) -> ChainId {
        self.sequencer.ledger().chain()
    }

    fn submit(&self, transaction: Transaction) -> Result<TransactionId, Error> {
        Ok(self.sequencer.submit(transaction, (self.clock)())?)
    }

    fn status(&self, transaction: TransactionId) -> Result<TransactionStatus, Error> {
        if self.on_demand && self.sequencer.is_waiting(transaction) && self.is_due()? {
            self.produce_block()?;
        }
        // In this order: a transaction leaves the mempool only after its block is stored.
        if self.sequencer.is_waiting(transaction) {
            return Ok(TransactionStatus::Pending);
        }
        if let Some((height, index)) = self.sequencer.ledger().snapshot()?.location(transaction)? {
            return Ok(TransactionStatus::Included { height, index });
        }
        let refused = self.refused.lock().unwrap_or_else(PoisonError::into_inner);
        Ok(match refused.get(&transaction) {
            Some(why) => TransactionStatus::Refused { why: why.clone() },
            None => TransactionStatus::Unknown,
        })
    }

    fn next_nonce(&self, account: AccountId) -> Result<u64, Error> {
        Ok(self.sequencer.next_nonce(account)?)
    }

    fn block(&self, height: Height) -> Result<Option<Block>, Error> {
        Ok(self.sequencer.ledger().snapshot()?.block(height)?)
    }

    fn header(&self, height: Height) -> Result<Option<SignedHeader>, Error> {
        Ok(self.sequencer.ledger().snapshot()?.header(height)?)
    }

    fn prove(&self, height: Height, key: StateKey) -> Result<StateProof, Error> {
        Ok(self.sequencer.ledger().snapshot()?.prove(key, height)?)
    }

    fn leaves(&self, count: u32) -> Result<Vec<Leaf>, Error> {
        let leaves = self.sequencer.ledger().snapshot()?.leaves()?;
        if leaves.len() == count as usize { Ok(leaves) } else { Err(Error::LeavesDisagree) }
    }
}
