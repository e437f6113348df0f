//! The ledger: proposes, executes and stores blocks. The seam for a consensus engine.
//!
//! An engine calls [`Ledger::propose`] when it is its turn, [`Ledger::check`] for another's proposal and
//! [`Ledger::commit`] once a certificate is complete.

use std::{
    collections::BTreeSet,
    path::Path,
    sync::{Arc, Mutex, PoisonError, RwLock},
};

use circuits::{
    domain::PROTOCOL_VERSION,
    id::{ChainId, Digest},
    merkle::LeafTree,
};
use jmt::storage::NodeBatch;
use rayon::prelude::*;
use tokio::sync::watch;

use crate::{
    Error,
    authenticated::{Extended, extend, prove},
    block::{
        BLOCK_BYTES_MAX, BLOCK_PROOFS_MAX, BLOCK_TRANSACTIONS_MAX, Block, Certificate, Header, Parent, check_follows,
    },
    block_execution::{Execution, RefusedTransaction, execute_all, execute_possible},
    codec::check_length,
    epoch::rebuild_tree,
    execute::{Context, ProofVerifier, genesis_state},
    genesis::Genesis,
    inclusion::transactions_root,
    light::Handover,
    proof::{Groth16Verifier, verify_block},
    snapshot::Snapshot,
    state::{StateKey, StateRead, Tip},
    store::{Store, Undecided},
    transaction::{Transaction, TransactionId, require_protocol, require_validators},
    units::{Epoch, Height, Timestamp},
};

/// Transactions whose checks are remembered.
const CHECKED_MAX: usize = 65_536;

/// A chain on disk. Shared by reference between threads; reads never wait for writes.
pub struct Ledger {
    store: Store,
    genesis: Genesis,
    chain: ChainId,
    proofs: Box<dyn ProofVerifier>,
    tree: RwLock<Arc<LeafTree>>,
    /// Held while a block is stored, so that the tree and the database move together.
    committing: Mutex<()>,
    /// Transactions that passed their stateless checks; all are forgotten when it is full.
    checked: Mutex<BTreeSet<TransactionId>>,
    latest: watch::Sender<Height>,
}

/// A block that awaits its certificate, with its execution done.
pub struct Proposal {
    header: Header,
    transactions: Vec<Transaction>,
    refused: Vec<RefusedTransaction>,
    executed: Executed,
}

struct Executed {
    execution: Execution,
    nodes: NodeBatch,
    state: Digest,
}

impl Proposal {
    /// The header to sign.
    #[must_use]
    pub const fn header(&self) -> &Header {
        &self.header
    }

    /// The transactions in order.
    #[must_use]
    pub fn transactions(&self) -> &[Transaction] {
        &self.transactions
    }

    /// The candidates that were refused, with their errors.
    #[must_use]
    pub fn refused(&self) -> &[RefusedTransaction] {
        &self.refused
    }
}

impl Ledger {
    /// Opens the chain in a directory's database file, or begins it there.
    ///
    /// # Errors
    /// [`Error::Genesis`] for an unsound genesis, [`Error::ForeignChain`] when the file holds another chain,
    /// [`Error::Storage`] or [`Error::Corrupt`].
    pub fn open(path: &Path, genesis: Genesis) -> Result<Self, Error> {
        let proofs = Box::new(Groth16Verifier::new(genesis.contribution.clone()));
        Self::start(Store::open(path)?, genesis, proofs)
    }

    /// As [`Ledger::open`], for a node that is to sign what it finds there: every page of the file and the whole state are
    /// checked first. Takes time in proportion to both.
    ///
    /// # Errors
    /// As [`Ledger::open`] and [`Ledger::check_state`].
    pub fn open_checked(path: &Path, genesis: Genesis) -> Result<Self, Error> {
        let proofs = Box::new(Groth16Verifier::new(genesis.contribution.clone()));
        let mut store = Store::open(path)?;
        store.check_pages()?;
        let ledger = Self::start(store, genesis, proofs)?;
        ledger.check_state()?;
        Ok(ledger)
    }

    /// As [`Ledger::open`] with another proof verifier.
    ///
    /// # Errors
    /// As [`Ledger::open`].
    pub fn open_with(path: &Path, genesis: Genesis, proofs: Box<dyn ProofVerifier>) -> Result<Self, Error> {
        Self::start(Store::open(path)?, genesis, proofs)
    }

    /// A chain that lives in memory, for replays and tests.
    ///
    /// # Errors
    /// [`Error::Genesis`] for an unsound genesis.
    pub fn in_memory(genesis: Genesis, proofs: Box<dyn ProofVerifier>) -> Result<Self, Error> {
        Self::start(Store::in_memory()?, genesis, proofs)
    }

    fn start(store: Store, genesis: Genesis, proofs: Box<dyn ProofVerifier>) -> Result<Self, Error> {
        let chain = genesis.chain_id()?;
        match store.genesis()? {
            Some(stored) if stored == genesis => {}
            Some(stored) => {
                return Err(Error::ForeignChain { what: "database", found: stored.chain_id()?, expected: chain });
            }
            None => begin(&store, &genesis)?,
        }
        let snapshot = Snapshot::new(store.read()?)?;
        let tree = RwLock::new(Arc::new(check_recovered(&snapshot)?));
        let (latest, committing) = (watch::Sender::new(snapshot.latest()?.height), Mutex::new(()));
        let checked = Mutex::default();
        Ok(Self { store, genesis, chain, proofs, tree, committing, checked, latest })
    }

    /// The chain id.
    #[must_use]
    pub const fn chain(&self) -> ChainId {
        self.chain
    }

    /// The genesis.
    #[must_use]
    pub const fn genesis(&self) -> &Genesis {
        &self.genesis
    }

    /// A view of the latest height.
    ///
    /// # Errors
    /// [`Error::Storage`].
    pub fn snapshot(&self) -> Result<Snapshot, Error> {
        Snapshot::new(self.store.read()?)
    }

    /// The registration tree of the latest snapshot.
    #[must_use]
    pub fn leaf_tree(&self) -> Arc<LeafTree> {
        Arc::clone(&self.tree.read().unwrap_or_else(PoisonError::into_inner))
    }

    /// Whether the interval between blocks lets the next one be made.
    ///
    /// # Errors
    /// [`Error::Storage`].
    pub fn is_due(&self, now: Timestamp) -> Result<bool, Error> {
        let tip = self.snapshot()?.latest()?;
        Ok(self.due(&tip) <= now.max(tip.time))
    }

    /// The earliest time that the next block may have.
    pub(crate) fn due(&self, tip: &Tip) -> Timestamp {
        tip.time.after(self.genesis.parameters.block_seconds_min)
    }

    /// What the transactions of the next block may depend on, if it is made now or as soon as it may be.
    pub(crate) fn next_context(&self, tip: &Tip, now: Timestamp) -> Context<'_> {
        let height = tip.height.next();
        Context {
            chain: self.chain,
            genesis: &self.genesis,
            height,
            time: now.max(self.due(tip)),
            epoch: Epoch::of(height, self.genesis.parameters.epoch_blocks),
            proofs: self.proofs.as_ref(),
        }
    }

    /// A transaction's stateless checks, done once: it is met at admission, in the proposal and in the block.
    ///
    /// # Errors
    /// As [`Transaction::check`].
    pub fn check_transaction(&self, transaction: &Transaction) -> Result<TransactionId, Error> {
        let id = transaction.id()?;
        let checked = || self.checked.lock().unwrap_or_else(PoisonError::into_inner);
        if checked().contains(&id) {
            return Ok(id);
        }
        transaction.check(&self.chain)?;
        let mut checked = checked();
        if checked.len() >= CHECKED_MAX {
            checked.clear();
        }
        checked.insert(id);
        Ok(id)
    }

    /// Builds the next block from the candidates that can be executed, in order.
    ///
    /// # Errors
    /// [`Error::Time`] when the clock is behind the chain by more than the drift allowed, or the parent's time less than
    /// the interval ago; [`Error::TooLarge`] for more candidates than a block holds; whatever
    /// [`Ledger::check_transaction`] refuses.
    pub fn propose(&self, candidates: Vec<Transaction>, now: Timestamp) -> Result<Proposal, Error> {
        let snapshot = self.snapshot()?;
        let tip = snapshot.latest()?;
        // A parent that is ahead of this clock does not cost this node its turn: the drift bounds both.
        let time = now.max(self.due(&tip));
        self.check_time(time, &tip, now)?;
        check_size(&candidates)?;
        candidates.par_iter().try_for_each(|candidate| self.check_transaction(candidate).map(drop))?;
        check_version(&snapshot, tip.height.next())?;
        let parent = self.parent(&snapshot, &tip)?;
        let context = self.next_context(&tip, time);
        let (transactions, execution, refused) = execute_possible(&snapshot, &self.leaf_tree(), candidates, &context)?;
        let executed = seal_execution(&snapshot, context.height, execution)?;
        let header = Header {
            chain: self.chain,
            height: context.height,
            time,
            epoch: context.epoch,
            parent: parent.hash,
            transactions: transactions_root(&transactions)?,
            transaction_count: u32::try_from(transactions.len()).unwrap_or(u32::MAX),
            state: executed.state,
            validators: require_validators(&snapshot)?.digest()?,
        };
        Ok(Proposal { header, transactions, refused, executed })
    }

    /// Executes another's block on the latest state and compares every field of its header.
    ///
    /// # Errors
    /// [`Error::Block`], [`Error::Time`] or [`Error::ForeignChain`] naming what does not follow.
    pub fn check(&self, header: Header, transactions: Vec<Transaction>, now: Timestamp) -> Result<Proposal, Error> {
        let snapshot = self.snapshot()?;
        let tip = snapshot.latest()?;
        if header.chain != self.chain {
            return Err(Error::ForeignChain { what: "block", found: header.chain, expected: self.chain });
        }
        check_version(&snapshot, tip.height.next())?;
        check_follows(&header, &self.parent(&snapshot, &tip)?)?;
        self.check_time(header.time, &tip, now)?;
        check_size(&transactions)?;
        let block = Block { header, transactions, certificate: Certificate::default() };
        block.check_transactions()?;
        let context = self.next_context(&tip, header.time);
        let refuse = |field, why: String| Err(Error::Block { height: header.height, field, why });
        if header.epoch != context.epoch {
            return refuse("epoch", format!("it belongs to epoch {}", context.epoch));
        }
        if header.validators != require_validators(&snapshot)?.digest()? {
            return refuse("validators", "the state after the parent names others".into());
        }
        self.check_transactions(&block)?;
        verify_block(&snapshot, &block.transactions, &context)?;
        let execution = execute_all(&snapshot, &self.leaf_tree(), &block.transactions, &context)?;
        let executed = seal_execution(&snapshot, header.height, execution)?;
        if header.state != executed.state {
            return refuse("state", format!("execution gives {}", executed.state));
        }
        Ok(Proposal { header, transactions: block.transactions, refused: vec![], executed })
    }

    fn check_transactions(&self, block: &Block) -> Result<(), Error> {
        block.transactions.par_iter().enumerate().try_for_each(|(index, transaction)| {
            let refused = |error| {
                let why = format!("number {index} is refused: {error}");
                Error::Block { height: block.header.height, field: "transactions", why }
            };
            self.check_transaction(transaction).map(drop).map_err(refused)
        })
    }

    /// Stores a block once its certificate is complete, atomically and durably.
    ///
    /// # Errors
    /// [`Error::Block`] for a certificate that is incomplete or a proposal that the chain has passed.
    pub fn commit(&self, proposal: Proposal, certificate: Certificate) -> Result<Block, Error> {
        let _committing = self.committing.lock().unwrap_or_else(PoisonError::into_inner);
        let Proposal { header, transactions, executed: Executed { execution, nodes, .. }, .. } = proposal;
        let snapshot = self.snapshot()?;
        let tip = snapshot.latest()?;
        check_follows(&header, &self.parent(&snapshot, &tip)?)?;
        certificate.verify(&header, &require_validators(&snapshot)?)?;
        let block = Block { header, transactions, certificate };
        let handover = if execution.change.touches(&StateKey::Validators())? {
            let extended = Extended { base: &snapshot, batch: &nodes };
            let validators = prove(&extended, block.header.height, StateKey::Validators())?;
            Some(Handover { header: block.signed_header(), validators })
        } else {
            None
        };
        self.store.put_block(&block, &execution.events, &execution.change, &nodes, handover.as_ref())?;
        if let Some(tree) = execution.tree {
            *self.tree.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(tree);
        }
        self.latest.send_replace(block.header.height);
        Ok(block)
    }

    /// Tells whoever waits for blocks: the latest height, and each one that follows.
    #[must_use]
    pub fn watch(&self) -> watch::Receiver<Height> {
        self.latest.subscribe()
    }

    /// The first block that is kept; the next one to come on a chain without blocks.
    ///
    /// # Errors
    /// [`Error::Storage`].
    pub fn first_block(&self) -> Result<Height, Error> {
        self.store.first_block()
    }

    pub(crate) const fn store(&self) -> &Store {
        &self.store
    }

    /// Keeps a proposed block until its height is decided.
    pub(crate) fn keep_undecided(&self, height: Height, id: Digest, block: &Undecided) -> Result<bool, Error> {
        self.store.put_undecided(height, id, block)
    }

    /// Drops a kept block that this node never voted for.
    pub(crate) fn drop_undecided(&self, height: Height, id: Digest) -> Result<(), Error> {
        self.store.remove_undecided(height, id)
    }

    /// A proposed block that is kept.
    pub(crate) fn undecided(&self, height: Height, id: Digest) -> Result<Option<Undecided>, Error> {
        self.store.undecided(height, id)
    }

    /// The proposed blocks of a height that are kept.
    pub(crate) fn undecided_of(&self, height: Height) -> Result<Vec<(Digest, Undecided)>, Error> {
        self.store.undecided_of(height)
    }

    /// Checks, executes and stores a final block from elsewhere: sync and replay.
    ///
    /// # Errors
    /// As [`Ledger::check`] and [`Ledger::commit`].
    pub fn import(&self, block: Block, now: Timestamp) -> Result<Block, Error> {
        let proposal = self.check(block.header, block.transactions, now)?;
        self.commit(proposal, block.certificate)
    }

    fn check_time(&self, time: Timestamp, tip: &Tip, now: Timestamp) -> Result<(), Error> {
        let drift = u64::from(self.genesis.parameters.drift_seconds_max);
        let latest = Timestamp::new(now.get().saturating_add(drift));
        let earliest = self.due(tip);
        if time < earliest || time > latest {
            return Err(Error::Time { found: time, earliest, latest });
        }
        Ok(())
    }

    fn parent(&self, snapshot: &Snapshot, tip: &Tip) -> Result<Parent, Error> {
        let hash = if tip.height == Height::default() {
            Digest::from_bytes(self.chain.to_bytes())
        } else {
            let missing = || Error::Corrupt { what: "blocks", why: format!("no header at height {}", tip.height) };
            snapshot.header(tip.height)?.ok_or_else(missing)?.header.hash()?
        };
        Ok(Parent { height: tip.height, hash, next_time: self.due(tip) })
    }
}

/// Blocks of a version that this program does not speak are neither made nor judged.
pub(crate) fn check_version(snapshot: &Snapshot, height: Height) -> Result<(), Error> {
    let found = require_protocol(snapshot)?.version;
    if found == PROTOCOL_VERSION { Ok(()) } else { Err(Error::Version { height, found, spoken: PROTOCOL_VERSION }) }
}

fn begin(store: &Store, genesis: &Genesis) -> Result<(), Error> {
    store.create_tables()?;
    let change = genesis_state(genesis, LeafTree::new().root())?;
    let snapshot = Snapshot::new(store.read()?)?;
    let (_, nodes) = extend(&snapshot, Height::default(), &change)?;
    store.put_genesis(genesis, &change, &nodes)
}

/// Rebuilds the registration tree and checks that blocks, state and tree agree.
fn check_recovered(snapshot: &Snapshot) -> Result<LeafTree, Error> {
    let tip = snapshot.latest()?;
    let damaged = |what, why: &str| Error::Corrupt { what, why: format!("{why} at height {}", tip.height) };
    if tip.height > Height::default() {
        let header = snapshot.header(tip.height)?.ok_or_else(|| damaged("blocks", "no header"))?.header;
        let proof = snapshot.prove(StateKey::Tip(), tip.height)?;
        proof.verify(header.state).map_err(|_| damaged("state", "its root differs from the header"))?;
        if proof.decode::<Tip>()? != tip {
            return Err(damaged("state", "the tip differs from the authenticated one"));
        }
    }
    let epoch = snapshot.epoch_snapshot(tip.epoch)?.ok_or_else(|| damaged("epochs", "no snapshot"))?;
    let tree = rebuild_tree(snapshot, epoch.leaves)?;
    if tree.root() != epoch.root {
        return Err(damaged("leaves", "their root differs from the epoch's"));
    }
    Ok(tree)
}

fn seal_execution(snapshot: &Snapshot, height: Height, execution: Execution) -> Result<Executed, Error> {
    let (state, nodes) = extend(snapshot, height, &execution.change)?;
    Ok(Executed { execution, nodes, state })
}

fn check_size(transactions: &[Transaction]) -> Result<(), Error> {
    check_length("block transactions", transactions.len(), BLOCK_TRANSACTIONS_MAX)?;
    let (mut bytes, mut proofs) = (0, 0);
    for transaction in transactions {
        bytes += transaction.to_bytes()?.len();
        proofs += transaction.proof_count();
    }
    check_length("proofs of a block", proofs, BLOCK_PROOFS_MAX)?;
    check_length("block in bytes", bytes, BLOCK_BYTES_MAX)
}

/// Re-executes a chain from its genesis in memory, certificates included, and returns the last state root, which each
/// header's must have equalled on the way.
///
/// # Errors
/// [`Error::Block`] with the first block that does not follow.
pub fn replay(
    genesis: Genesis,
    blocks: impl IntoIterator<Item = Result<Block, Error>>,
    proofs: Box<dyn ProofVerifier>,
) -> Result<Option<Digest>, Error> {
    let ledger = Ledger::in_memory(genesis, proofs)?;
    let mut root = None;
    for block in blocks {
        let block = block?;
        let time = block.header.time;
        root = Some(ledger.import(block, time)?.header.state);
    }
    Ok(root)
}
