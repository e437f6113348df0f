//! The driver of a chain with one validator: a mempool in front of the ledger. A consensus engine replaces it.

use std::{
    collections::{BTreeSet, VecDeque},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use ed25519_dalek::SigningKey;

use crate::{
    Error,
    block::{BLOCK_BYTES_MAX, BLOCK_TRANSACTIONS_MAX, Block, Certificate},
    block_execution::RefusedTransaction,
    execute::apply,
    ledger::Ledger,
    signature::account_of,
    state::{Draft, StateChange, StateRead},
    transaction::{Transaction, TransactionId},
    units::Timestamp,
};

/// Transactions that wait for a block.
pub const MEMPOOL_MAX: usize = 16_384;

/// One validator and its mempool. All methods block; call them from a thread that may.
pub struct Sequencer {
    ledger: Arc<Ledger>,
    key: SigningKey,
    mempool: Mutex<Mempool>,
}

#[derive(Default)]
struct Mempool {
    queue: VecDeque<Transaction>,
    ids: BTreeSet<TransactionId>,
    /// What the queue does to the latest state, so that a sender's next nonce counts what waits.
    change: StateChange,
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
    /// Drives a ledger with the key of its only validator.
    ///
    /// # Errors
    /// [`Error::Unauthorized`] when the genesis names another validator, or several.
    pub fn new(ledger: Arc<Ledger>, key: SigningKey) -> Result<Self, Error> {
        let account = account_of(&key);
        if ledger.genesis().validators != [account] {
            let remedy = "use the key of the genesis's only validator, or a consensus engine for several";
            return Err(Error::Unauthorized { account, action: "sequence this chain alone", remedy });
        }
        Ok(Self { ledger, key, mempool: Mutex::new(Mempool::default()) })
    }

    /// The ledger, for reading.
    #[must_use]
    pub const fn ledger(&self) -> &Arc<Ledger> {
        &self.ledger
    }

    /// Whether a transaction waits for a block.
    #[must_use]
    pub fn is_waiting(&self, id: TransactionId) -> bool {
        self.lock().ids.contains(&id)
    }

    /// How many transactions wait.
    #[must_use]
    pub fn waiting(&self) -> usize {
        self.lock().queue.len()
    }

    /// The nonce that an account's next transaction must carry, counting those that wait.
    ///
    /// # Errors
    /// [`Error::Storage`].
    pub fn next_nonce(&self, account: circuits::id::AccountId) -> Result<u64, Error> {
        let mut mempool = self.lock();
        let snapshot = self.ledger.snapshot()?;
        let draft = Draft::resume(&snapshot, std::mem::take(&mut mempool.change));
        let found = draft.account(account);
        mempool.change = draft.finish();
        Ok(found?.unwrap_or_default().nonce)
    }

    fn lock(&self) -> MutexGuard<'_, Mempool> {
        self.mempool.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Admits a transaction that the latest state and the waiting transactions allow.
    ///
    /// # Errors
    /// Why it is refused; [`Error::Busy`] when the mempool is full, [`Error::Duplicate`] when it waits already or is in
    /// a block.
    pub fn submit(&self, transaction: Transaction, now: Timestamp) -> Result<TransactionId, Error> {
        transaction.check(&self.ledger.chain())?;
        let id = transaction.id()?;
        let known =
            || Error::Duplicate { what: "transaction", id: id.to_string(), remedy: "it need not be sent again" };
        if self.ledger.snapshot()?.location(id)?.is_some() {
            return Err(known());
        }
        if matches!(transaction, Transaction::Contribute(_)) {
            // Pairings are done before the mempool is locked; the verifier remembers them.
            let snapshot = self.ledger.snapshot()?;
            let tip = snapshot.latest()?;
            apply(&snapshot, &transaction, &self.ledger.next_context(&tip, now.max(tip.time)))?;
        }
        let mut mempool = self.lock();
        if mempool.ids.contains(&id) {
            return Err(known());
        }
        if mempool.queue.len() >= MEMPOOL_MAX {
            return Err(Error::Busy { limit: MEMPOOL_MAX });
        }
        self.admit(&mut mempool, transaction, now)?;
        Ok(id)
    }

    fn admit(&self, mempool: &mut Mempool, transaction: Transaction, now: Timestamp) -> Result<(), Error> {
        let snapshot = self.ledger.snapshot()?;
        let tip = snapshot.latest()?;
        let context = self.ledger.next_context(&tip, now.max(tip.time));
        let draft = Draft::resume(&snapshot, std::mem::take(&mut mempool.change));
        let outcome = apply(&draft, &transaction, &context);
        mempool.change = draft.finish();
        let (change, _) = outcome?;
        mempool.change.merge(change);
        mempool.ids.insert(transaction.id()?);
        mempool.queue.push_back(transaction);
        Ok(())
    }

    /// Makes the next block from the waiting transactions, empty when none waits, and stores it.
    ///
    /// # Errors
    /// [`Error::Time`] when the clock is behind the chain, [`Error::Storage`] when the block cannot be stored; the
    /// mempool is unchanged then.
    pub fn produce_block(&self, now: Timestamp) -> Result<Produced, Error> {
        let mut mempool = self.lock();
        let candidates = first_fitting(&mempool.queue)?;
        let taken = candidates.len();
        let proposal = self.ledger.propose(candidates, now)?;
        let refused = proposal.refused().to_vec();
        let certificate = Certificate::single(proposal.header(), &self.key)?;
        let block = self.ledger.commit(proposal, certificate)?;
        let rest = mempool.queue.split_off(taken);
        *mempool = Mempool::default();
        let refused = self.readmit(&mut mempool, rest, refused, now)?;
        Ok(Produced { block, refused })
    }

    fn readmit(
        &self,
        mempool: &mut Mempool,
        rest: VecDeque<Transaction>,
        mut refused: Vec<RefusedTransaction>,
        now: Timestamp,
    ) -> Result<Vec<RefusedTransaction>, Error> {
        for transaction in rest {
            let id = transaction.id()?;
            if let Err(error) = self.admit(mempool, transaction, now) {
                refused.push((id, error));
            }
        }
        Ok(refused)
    }
}

/// The longest front of the queue that fits a block.
fn first_fitting(queue: &VecDeque<Transaction>) -> Result<Vec<Transaction>, Error> {
    let mut bytes = 0;
    let mut taken = vec![];
    for transaction in queue.iter().take(BLOCK_TRANSACTIONS_MAX) {
        bytes += transaction.to_bytes()?.len();
        if bytes > BLOCK_BYTES_MAX {
            break;
        }
        taken.push(transaction.clone());
    }
    Ok(taken)
}
