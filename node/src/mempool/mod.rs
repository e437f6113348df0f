//! The mempool: transactions that the latest state allows and that wait for a block.
//!
//! A transaction is checked once, before it waits: stateless checks and proofs outside the lock, its effect on what waits
//! inside. Proofs that come at the same time are verified together, on threads of their own. After each block the rest is
//! tried again on the new state.

mod admission;
mod queue;

use std::{
    collections::{BTreeMap, VecDeque},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use circuits::id::{AccountId, Digest};
use tokio::sync::Notify;

pub use self::queue::{MEMPOOL_MAX, SENDER_WAITING_MAX};
use self::{admission::Admission, queue::Queue};
use crate::{
    Error,
    block_execution::RefusedTransaction,
    execute::apply_checked,
    ledger::Ledger,
    proof::verify_block,
    state::{Draft, StateRead, committee_of},
    transaction::{Action, FalseReceipt, SignedAction, Transaction, TransactionId, require_validators},
    units::Timestamp,
};

/// Refused evidence that is remembered with the reason; all is forgotten when it is full.
const REFUSED_EVIDENCE_MAX: usize = 4_096;
/// Refusals of transactions that waited, which are remembered for those who ask; the oldest are forgotten beyond it.
const REFUSALS_MAX: usize = 4_096;

/// The waiting transactions of one node. All methods block; call them from a thread that may.
pub struct Mempool {
    pool: Arc<Pool>,
    admission: Admission,
}

/// What waits, shared with the threads that verify proofs.
struct Pool {
    ledger: Arc<Ledger>,
    queue: Mutex<Queue>,
    /// Why evidence was refused, by its digest: it stays refused for ever.
    refused_evidence: Mutex<BTreeMap<Digest, Error>>,
    refusals: Mutex<VecDeque<RefusedTransaction>>,
    /// Transactions sent to this node, which its peers do not have yet.
    fresh: Mutex<Vec<Transaction>>,
    /// Rings when a transaction begins to wait.
    arrival: Notify,
}

impl Mempool {
    /// An empty mempool in front of a ledger.
    #[must_use]
    pub fn new(ledger: Arc<Ledger>) -> Self {
        let pool = Arc::new(Pool {
            ledger,
            queue: Mutex::default(),
            refused_evidence: Mutex::default(),
            refusals: Mutex::default(),
            fresh: Mutex::default(),
            arrival: Notify::new(),
        });
        Self { admission: Admission::start(&pool), pool }
    }

    /// The ledger, for reading.
    #[must_use]
    pub fn ledger(&self) -> &Arc<Ledger> {
        &self.pool.ledger
    }

    /// Whether a transaction waits for a block.
    #[must_use]
    pub fn is_waiting(&self, id: TransactionId) -> bool {
        self.pool.lock().contains(&id)
    }

    /// How many transactions wait.
    #[must_use]
    pub fn waiting(&self) -> usize {
        self.pool.lock().len()
    }

    /// Why a transaction that had waited was refused when its turn came, if that is remembered.
    #[must_use]
    pub fn refusal(&self, id: TransactionId) -> Option<Error> {
        let refusals = self.pool.refusals.lock().unwrap_or_else(PoisonError::into_inner);
        refusals.iter().find(|(refused, _)| *refused == id).map(|(_, error)| error.clone())
    }

    /// Returns when a transaction begins to wait, or at once if one did since the last call returned.
    pub(crate) async fn arrived(&self) {
        self.pool.arrival.notified().await;
    }

    /// The nonce that an account's next transaction must carry, counting those that wait.
    ///
    /// # Errors
    /// [`Error::Storage`].
    pub fn next_nonce(&self, account: AccountId) -> Result<u64, Error> {
        let mut queue = self.pool.lock();
        let snapshot = self.pool.ledger.snapshot()?;
        let draft = Draft::resume(&snapshot, std::mem::take(&mut queue.change));
        let found = draft.account(account);
        queue.change = draft.finish();
        Ok(found?.unwrap_or_default().nonce)
    }

    /// Admits a transaction that the latest state and the waiting transactions allow.
    ///
    /// # Errors
    /// Why it is refused; [`Error::Busy`] when the mempool, the sender's share of it or the queue of proofs is full,
    /// [`Error::Duplicate`] when it waits already or is in a block.
    pub fn submit(&self, transaction: Transaction, now: Timestamp) -> Result<TransactionId, Error> {
        let copy = transaction.clone();
        let id = match transaction {
            Transaction::Contribute(_) | Transaction::Respond(_) => {
                self.admission.verify_and_admit(transaction, now)?
            }
            Transaction::Signed(_) => self.pool.take_in(transaction, now)?,
        };
        let mut fresh = self.pool.fresh.lock().unwrap_or_else(PoisonError::into_inner);
        // Nobody passes on what finds no room here: it is when it has waited for long.
        if fresh.len() < MEMPOOL_MAX {
            fresh.push(copy);
        }
        drop(fresh);
        self.pool.arrival.notify_one();
        Ok(id)
    }

    /// Admits transactions that a peer passed on; their proofs are verified together.
    pub(crate) fn submit_from_peer(
        &self,
        transactions: Vec<Transaction>,
        now: Timestamp,
    ) -> Vec<Result<TransactionId, Error>> {
        // Stateless checks first: what follows relies on the bounds they hold.
        let (mut sound, mut outcomes) = (vec![], vec![]);
        for transaction in transactions {
            match self.pool.ledger.check_transaction(&transaction) {
                Ok(_) => sound.push(transaction),
                Err(error) => outcomes.push(Err(error)),
            }
        }
        self.pool.verify_together(&sound, now);
        outcomes.extend(sound.into_iter().map(|transaction| self.pool.take_in(transaction, now)));
        self.pool.arrival.notify_one();
        outcomes
    }

    /// The transactions sent to this node since the last call.
    pub(crate) fn take_fresh(&self) -> Vec<Transaction> {
        std::mem::take(&mut *self.pool.fresh.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// The transaction that waits longest.
    pub(crate) fn oldest(&self) -> Option<TransactionId> {
        self.pool.lock().oldest()
    }

    /// The oldest waiting transactions that fit a block together.
    ///
    /// # Errors
    /// [`Error::Malformed`] when a transaction does not encode.
    pub(crate) fn candidates(&self) -> Result<Vec<Transaction>, Error> {
        self.pool.lock().first_fitting()
    }

    /// Follows the ledger after a block: forgets what the chain has now, and tries the rest again on the new state. What
    /// is refused is forgotten, but for the reason.
    ///
    /// # Errors
    /// [`Error::Storage`] when the ledger cannot be read.
    pub(crate) fn settle(&self, now: Timestamp) -> Result<Vec<RefusedTransaction>, Error> {
        let refused = self.pool.settle(now)?;
        let mut refusals = self.pool.refusals.lock().unwrap_or_else(PoisonError::into_inner);
        refusals.extend(refused.iter().cloned());
        let surplus = refusals.len().saturating_sub(REFUSALS_MAX);
        refusals.drain(..surplus);
        Ok(refused)
    }
}

impl Pool {
    fn lock(&self) -> MutexGuard<'_, Queue> {
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Verifies the proofs of contributions together, which the verifier remembers. Whether one is wrong shows when each
    /// is taken in.
    fn verify_together(&self, transactions: &[Transaction], now: Timestamp) {
        let verified = self.ledger.snapshot().and_then(|snapshot| {
            let context = self.ledger.next_context(&snapshot.latest()?, now);
            verify_block(&snapshot, transactions, &context)
        });
        if let Err(error) = verified {
            tracing::debug!(%error, "proofs are verified one by one");
        }
    }

    fn take_in(&self, transaction: Transaction, now: Timestamp) -> Result<TransactionId, Error> {
        let id = self.ledger.check_transaction(&transaction)?;
        let known =
            || Error::Duplicate { what: "transaction", id: id.to_string(), remedy: "it need not be sent again" };
        // Before any proof is verified: peers send each other the same transactions.
        if self.lock().contains(&id) || self.ledger.snapshot()?.location(id)?.is_some() {
            return Err(known());
        }
        self.check_alone(&transaction, now)?;
        let mut queue = self.lock();
        if queue.contains(&id) {
            return Err(known());
        }
        let snapshot = self.ledger.snapshot()?;
        let validators = require_validators(&snapshot)?;
        let committee = committee_of(&snapshot, snapshot.committee_epoch()?.unwrap_or_default())?;
        let genesis = self.ledger.genesis();
        let runs_the_chain = |account| {
            account == genesis.governor || committee.index_of(account).is_some() || validators.power(account) > 0
        };
        queue.check_room(&transaction, runs_the_chain)?;
        self.admit(&mut queue, id, transaction, now)?;
        Ok(id)
    }

    /// Does what is expensive before the mempool is locked: pairings, which the verifier remembers, and evidence.
    fn check_alone(&self, transaction: &Transaction, now: Timestamp) -> Result<(), Error> {
        match transaction {
            Transaction::Contribute(_) | Transaction::Respond(_) => {
                let snapshot = self.ledger.snapshot()?;
                apply_checked(&snapshot, transaction, &self.ledger.next_context(&snapshot.latest()?, now)).map(|_| ())
            }
            Transaction::Signed(SignedAction { action: Action::FalseReceipt(evidence), .. }) => {
                self.check_evidence(evidence, now)
            }
            Transaction::Signed(_) => Ok(()),
        }
    }

    /// Refuses evidence that proves nothing, from memory when it was seen before: nothing of it reaches the mempool.
    fn check_evidence(&self, evidence: &FalseReceipt, now: Timestamp) -> Result<(), Error> {
        let refused = || self.refused_evidence.lock().unwrap_or_else(PoisonError::into_inner);
        let digest = evidence.digest()?;
        if let Some(error) = refused().get(&digest) {
            return Err(error.clone());
        }
        let snapshot = self.ledger.snapshot()?;
        let outcome = evidence.accused(&snapshot, &self.ledger.next_context(&snapshot.latest()?, now));
        if let Err(error) = &outcome
            && error.is_refusal()
            && !matches!(error, Error::Unknown { .. })
        {
            let mut refused = refused();
            if refused.len() >= REFUSED_EVIDENCE_MAX {
                refused.clear();
            }
            refused.insert(digest, error.clone());
        }
        outcome.map(|_| ())
    }

    /// Lets a checked transaction wait if what waits before it allows it.
    fn admit(
        &self,
        queue: &mut Queue,
        id: TransactionId,
        transaction: Transaction,
        now: Timestamp,
    ) -> Result<(), Error> {
        let snapshot = self.ledger.snapshot()?;
        let context = self.ledger.next_context(&snapshot.latest()?, now);
        let draft = Draft::resume(&snapshot, std::mem::take(&mut queue.change));
        let outcome = apply_checked(&draft, &transaction, &context);
        queue.change = draft.finish();
        let (change, _) = outcome?;
        queue.change.merge(change);
        queue.push(id, transaction);
        Ok(())
    }

    fn settle(&self, now: Timestamp) -> Result<Vec<RefusedTransaction>, Error> {
        let mut queue = self.lock();
        let snapshot = self.ledger.snapshot()?;
        let mut refused = vec![];
        for transaction in queue.take_all() {
            let id = transaction.id()?;
            if snapshot.location(id)?.is_some() {
                continue;
            }
            if let Err(error) = self.admit(&mut queue, id, transaction, now) {
                refused.push((id, error));
            }
        }
        Ok(refused)
    }
}
