//! The chain as a server holds it: this process's ledger behind its mempool.

use std::{
    sync::Arc,
    time::{SystemTime, UNIX_EPOCH},
};

use circuits::id::AccountId;
use market::ledger::{LedgerAccess, LocalLedger, TransactionStatus};
use node::{
    Ledger, Mempool, Snapshot,
    transaction::{Transaction, TransactionId},
    units::Timestamp,
};

use crate::Error;

/// Now, by this machine's clock.
#[must_use]
pub fn now() -> Timestamp {
    // A clock before 1970 reads as 1970, and the ledger refuses that time with its own error.
    Timestamp::new(SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs()))
}

/// A node's chain, shared by the endpoints.
pub struct Chain(LocalLedger, fn() -> Timestamp);

impl Chain {
    /// The chain behind a mempool, by this machine's clock.
    #[must_use]
    pub fn new(mempool: Arc<Mempool>) -> Self {
        Self::with_clock(mempool, now)
    }

    /// The chain behind a mempool, by another clock.
    #[must_use]
    pub fn with_clock(mempool: Arc<Mempool>, clock: fn() -> Timestamp) -> Self {
        Self(LocalLedger::new(mempool, clock), clock)
    }

    /// Now, by the chain's clock.
    #[must_use]
    pub fn now(&self) -> Timestamp {
        (self.1)()
    }

    /// The ledger as a party of this process sees it.
    #[must_use]
    pub fn access(&self) -> &dyn LedgerAccess {
        &self.0
    }

    /// The ledger.
    #[must_use]
    pub fn ledger(&self) -> &Ledger {
        self.0.ledger()
    }

    /// The mempool, and behind it the ledger.
    #[must_use]
    pub const fn mempool(&self) -> &Arc<Mempool> {
        self.0.mempool()
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
        self.0.mempool().waiting()
    }

    /// The nonce that an account's next action must carry, counting actions that wait.
    ///
    /// # Errors
    /// [`Error::Ledger`] when the database fails.
    pub fn next_nonce(&self, account: AccountId) -> Result<u64, Error> {
        Ok(self.0.next_nonce(account)?)
    }

    /// Admits a transaction.
    ///
    /// # Errors
    /// [`Error::Ledger`] with the refusal.
    pub fn submit(&self, transaction: Transaction) -> Result<TransactionId, Error> {
        Ok(self.0.submit(transaction)?)
    }

    /// What became of a transaction.
    ///
    /// # Errors
    /// [`Error::Ledger`] when the database fails.
    pub fn status(&self, id: TransactionId) -> Result<TransactionStatus, Error> {
        Ok(self.0.status(id)?)
    }
}
