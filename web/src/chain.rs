//! The chain as a server holds it: this process's ledger, and the bell that wakes its block driver.

use std::{
    sync::Arc,
    time::{SystemTime, UNIX_EPOCH},
};

use circuits::id::AccountId;
use market::ledger::{LedgerAccess, LocalLedger, TransactionStatus};
use node::{
    Ledger, Produced, Sequencer, Snapshot,
    transaction::{Transaction, TransactionId},
    units::Timestamp,
};
use tokio::sync::Notify;

use crate::Error;

/// Now, by this machine's clock.
#[must_use]
pub fn now() -> Timestamp {
    // A clock before 1970 reads as 1970, and the ledger refuses that time with its own error.
    Timestamp::new(SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs()))
}

/// One validator's chain, shared by the endpoints and the driver.
pub struct Chain {
    local: LocalLedger,
    /// Rings when a transaction begins to wait.
    pub(crate) work: Notify,
}

impl Chain {
    /// The chain of a sequencer, by this machine's clock.
    #[must_use]
    pub fn new(sequencer: Arc<Sequencer>) -> Self {
        Self::with_clock(sequencer, now)
    }

    /// The chain of a sequencer, by another clock.
    #[must_use]
    pub fn with_clock(sequencer: Arc<Sequencer>, clock: fn() -> Timestamp) -> Self {
        Self { local: LocalLedger::new(sequencer, clock), work: Notify::new() }
    }

    /// The ledger.
    #[must_use]
    pub fn ledger(&self) -> &Ledger {
        self.local.sequencer().ledger()
    }

    /// The state and the blocks at the latest height.
    ///
    /// # Errors
    /// [`Error::Ledger`] when the database fails.
    pub fn snapshot(&self) -> Result<Snapshot, Error> {
        Ok(self.ledger().snapshot()?)
    }

    /// How many transactions wait for a block.
    #[must_use]
    pub fn waiting(&self) -> usize {
        self.local.sequencer().waiting()
    }

    /// Whether the next block may be made by now. What cannot be read is left to who makes it.
    pub(crate) fn is_due(&self) -> bool {
        self.local.is_due().unwrap_or(true)
    }

    /// The nonce that an account's next action must carry, counting actions that wait.
    ///
    /// # Errors
    /// [`Error::Ledger`] when the database fails.
    pub fn next_nonce(&self, account: AccountId) -> Result<u64, Error> {
        Ok(self.local.next_nonce(account)?)
    }

    /// Admits a transaction and wakes the driver.
    ///
    /// # Errors
    /// [`Error::Ledger`] with the refusal.
    pub fn submit(&self, transaction: Transaction) -> Result<TransactionId, Error> {
        let id = self.local.submit(transaction)?;
        self.work.notify_one();
        Ok(id)
    }

    /// What became of a transaction.
    ///
    /// # Errors
    /// [`Error::Ledger`] when the database fails.
    pub fn status(&self, id: TransactionId) -> Result<TransactionStatus, Error> {
        Ok(self.local.status(id)?)
    }

    /// Makes the next block and logs what it refused.
    ///
    /// # Errors
    /// [`Error::Ledger`] when the block cannot be made or stored.
    pub fn produce(&self) -> Result<Produced, Error> {
        let produced = self.local.produce_block()?;
        for (id, error) in &produced.refused {
            tracing::warn!(transaction = %id, %error, "a waiting transaction was refused");
        }
        Ok(produced)
    }
}
