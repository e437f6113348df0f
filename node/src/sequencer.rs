//! The driver of a chain with one validator: a mempool in front of the ledger. A consensus engine replaces it.

use std::{
    collections::{BTreeMap, VecDeque},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use circuits::id::Digest;
use ed25519_dalek::SigningKey;

use crate::{
    Error,
    block::{Block, Certificate},
    block_execution::RefusedTransaction,
    execute::apply,
    ledger::Ledger,
    mempool::Mempool,
    signature::account_of,
    state::{Draft, StateRead},
    transaction::{Action, FalseReceipt, SignedAction, Transaction, TransactionId},
    units::Timestamp,
};

/// Refused evidence that is remembered with the reason; all is forgotten when it is full.
const REFUSED_EVIDENCE_MAX: usize = 4_096;

/// One validator and its mempool. All methods block; call them from a thread that may.
pub struct Sequencer {
    ledger: Arc<Ledger>,
    key: SigningKey,
    mempool: Mutex<Mempool>,
    /// Why evidence was refused, by its digest: it stays refused for ever.
    refused_evidence: Mutex<BTreeMap<Digest, Error>>,
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
        Ok(Self { ledger, key, mempool: Mutex::default(), refused_evidence: Mutex::default() })
    }

    /// The ledger, for reading.
    #[must_use]
    pub const fn ledger(&self) -> &Arc<Ledger> {
        &self.ledger
    }

    /// Whether a transaction waits for a block.
    #[must_use]
    pub fn is_waiting(&self, id: TransactionId) -> bool {
        self.lock().contains(&id)
    }

    /// How many transactions wait.
    #[must_use]
    pub fn waiting(&self) -> usize {
        self.lock().len()
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
    /// Why it is refused; [`Error::Busy`] when the mempool or the sender's share of it is full, [`Error::Duplicate`] when
    /// it waits already or is in a block.
    pub fn submit(&self, transaction: Transaction, now: Timestamp) -> Result<TransactionId, Error> {
        transaction.check(&self.ledger.chain())?;
        let id = transaction.id()?;
        let known =
            || Error::Duplicate { what: "transaction", id: id.to_string(), remedy: "it need not be sent again" };
        if self.ledger.snapshot()?.location(id)?.is_some() {
            return Err(known());
        }
        self.check_alone(&transaction, now)?;
        let mut mempool = self.lock();
        if mempool.contains(&id) {
            return Err(known());
        }
        let genesis = self.ledger.genesis();
        let runs_the_chain = |account| account == genesis.governor || genesis.committee.index_of(account).is_some();
        mempool.check_room(&transaction, runs_the_chain)?;
        self.admit(&mut mempool, transaction, now)?;
        Ok(id)
    }

    /// Does what is expensive before the mempool is locked: pairings, which the verifier remembers, and evidence.
    fn check_alone(&self, transaction: &Transaction, now: Timestamp) -> Result<(), Error> {
        match transaction {
            Transaction::Contribute(_) => {
                let snapshot = self.ledger.snapshot()?;
                apply(&snapshot, transaction, &self.ledger.next_context(&snapshot.latest()?, now)).map(|_| ())
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
        {
            let mut refused = refused();
            if refused.len() >= REFUSED_EVIDENCE_MAX {
                refused.clear();
            }
            refused.insert(digest, error.clone());
        }
        outcome.map(|_| ())
    }

    fn admit(&self, mempool: &mut Mempool, transaction: Transaction, now: Timestamp) -> Result<(), Error> {
        let snapshot = self.ledger.snapshot()?;
        let context = self.ledger.next_context(&snapshot.latest()?, now);
        let draft = Draft::resume(&snapshot, std::mem::take(&mut mempool.change));
        let outcome = apply(&draft, &transaction, &context);
        mempool.change = draft.finish();
        let (change, _) = outcome?;
        mempool.change.merge(change);
        mempool.push(transaction.id()?, transaction);
        Ok(())
    }

    /// Makes the next block from the waiting transactions, empty when none waits, and stores it.
    ///
    /// # Errors
    /// [`Error::Time`] when the clock is behind the chain or the interval between blocks has not passed,
    /// [`Error::Storage`] when the block cannot be stored; the mempool is unchanged then.
    pub fn produce_block(&self, now: Timestamp) -> Result<Produced, Error> {
        let mut mempool = self.lock();
        let candidates = mempool.first_fitting()?;
        let taken = candidates.len();
        let proposal = self.ledger.propose(candidates, now)?;
        let refused = proposal.refused().to_vec();
        let certificate = Certificate::single(proposal.header(), &self.key)?;
        let block = self.ledger.commit(proposal, certificate)?;
        let rest = mempool.take_rest(taken);
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
