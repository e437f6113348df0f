//! A deterministic driver of a chain that holds its validators' keys, for tests of the state machine: blocks are made when
//! it is told to. Networks run the consensus engine.

use std::sync::{Arc, Mutex, PoisonError};

use ed25519_dalek::SigningKey;

use crate::{
    Error,
    block::{Block, Certificate},
    block_execution::RefusedTransaction,
    ledger::Ledger,
    mempool::Mempool,
    units::Timestamp,
};

/// All validators of a chain with one mempool. All methods block.
pub struct Sequencer {
    mempool: Arc<Mempool>,
    keys: Vec<SigningKey>,
    /// Held while a block is made: several threads may ask for one at once.
    producing: Mutex<()>,
}

/// A block as stored, and the waiting transactions that it had to refuse.
#[derive(Debug)]
pub struct Produced {
    /// The block.
    pub block: Block,
    /// Refused transactions with their errors; they are forgotten.
    pub refused: Vec<RefusedTransaction>,
}

impl Sequencer {
    /// Drives a ledger with its validators' keys. Blocks are refused when they are no quorum.
    #[must_use]
    pub fn new(ledger: Arc<Ledger>, keys: Vec<SigningKey>) -> Self {
        Self { mempool: Arc::new(Mempool::new(ledger)), keys, producing: Mutex::new(()) }
    }

    /// The mempool.
    #[must_use]
    pub const fn mempool(&self) -> &Arc<Mempool> {
        &self.mempool
    }

    /// The ledger, for reading.
    #[must_use]
    pub fn ledger(&self) -> &Arc<Ledger> {
        self.mempool.ledger()
    }

    /// Makes the next block from the waiting transactions, empty when none waits, and stores it.
    ///
    /// # Errors
    /// [`Error::Block`] when the keys are no quorum, [`Error::Time`] when the clock is behind the chain or the interval between blocks has not passed,
    /// [`Error::Storage`] when the block cannot be stored; the mempool is unchanged then.
    pub fn produce_block(&self, now: Timestamp) -> Result<Produced, Error> {
        let _producing = self.producing.lock().unwrap_or_else(PoisonError::into_inner);
        let proposal = self.ledger().propose(self.mempool.candidates()?, now)?;
        let certificate = Certificate::sign(proposal.header(), &self.keys)?;
        let block = self.ledger().commit(proposal, certificate)?;
        Ok(Produced { block, refused: self.mempool.settle(now)? })
    }
}
