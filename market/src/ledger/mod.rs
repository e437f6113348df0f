//! How parties reach a ledger: in this process or across a network, through one seam.
//!
//! Reads are typed by `node`'s `StateRead`, which every [`LedgerAccess`] has. Calls block; inside an asynchronous
//! runtime make them from its blocking pool.

mod local;
mod screening;
mod watch;

use std::{
    thread,
    time::{Duration, Instant},
};

use circuits::{
    id::{AccountId, ChainId, EpochRoot, QueryId, ScreeningId},
    merkle::LeafTree,
};
use ed25519_dalek::SigningKey;
use node::{
    BlockEvents, SENDER_WAITING_MAX, StateProof,
    block::{Block, SignedHeader},
    genesis::Genesis,
    light::{Handover, LightClient, VerifiedHeader},
    signature::account_of,
    state::{ContributionState, EpochSnapshot, QueryState, ResponseState, StateKey, StateRead, StateView, Tip},
    transaction::{Action, Contribution, Transaction, TransactionId},
    units::{ContributionIndex, Epoch, Height, LeafIndex, ResponseIndex},
};
use serde::{Deserialize, Serialize};

pub use self::{
    local::LocalLedger,
    screening::{filtered_screenings, open_screenings, require_screening},
    watch::QueryWatch,
};
use crate::{Error, index::ScreeningFilter};

/// How long [`act`] and [`settle`] wait for a transaction to be in a block, beside the interval between blocks.
pub const SETTLE_TIME_MAX: Duration = Duration::from_secs(60);
/// How often a ledger is asked again while waiting.
const POLL_TIME: Duration = Duration::from_millis(5);
/// What to do where nobody knows what became of a transaction.
const LOOK_UP: &str = "look it up before sending again";
/// Attempts to read a consistent snapshot of the leaves while blocks arrive.
const SYNC_ATTEMPTS_MAX: usize = 8;

/// What became of a transaction.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "status")]
pub enum TransactionStatus {
    /// The ledger does not know it: never sent, or dropped before a block took it.
    Unknown,
    /// It waits for a block.
    Pending,
    /// It is in a block.
    Included {
        /// The block.
        height: Height,
        /// Its place in the block.
        index: u32,
    },
    /// It was refused when its turn came; nothing changed.
    Refused {
        /// Why.
        why: String,
    },
}

/// Where a transaction is on the ledger.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Inclusion {
    /// Its id.
    pub transaction: TransactionId,
    /// The block.
    pub height: Height,
    /// Its place in the block.
    pub index: u32,
}

/// A ledger as a party sees it. The state is read key by key through `StateView`, at the latest block.
pub trait LedgerAccess: StateView + Send + Sync {
    /// What the chain starts from.
    fn genesis(&self) -> &Genesis;

    /// The chain.
    fn chain(&self) -> ChainId;

    /// Sends a transaction. It was checked against the latest state when this returns, and waits for a block.
    ///
    /// # Errors
    /// [`Error::Ledger`] with the ledger's refusal.
    fn submit(&self, transaction: Transaction) -> Result<TransactionId, Error>;

    /// The nonce that an account's next action must carry: the one in the state, which a ledger across a network proves. A
    /// ledger of this process counts its own waiting actions too. Nobody else's word counts: whoever signs a later nonce on
    /// a stranger's word, and then the right one, has paid twice.
    ///
    /// # Errors
    /// [`Error::Ledger`] when the ledger cannot be reached.
    fn next_nonce(&self, account: AccountId) -> Result<u64, Error> {
        Ok(self.account(account)?.unwrap_or_default().nonce)
    }

    /// What became of a transaction.
    ///
    /// # Errors
    /// [`Error::Ledger`] when the ledger cannot be reached.
    fn status(&self, transaction: TransactionId) -> Result<TransactionStatus, Error>;

    /// A block; `None` beyond the chain's end.
    ///
    /// # Errors
    /// [`Error::Ledger`] when the ledger cannot be reached.
    fn block(&self, height: Height) -> Result<Option<Block>, Error>;

    /// The header of a block; `None` beyond the chain's end.
    ///
    /// # Errors
    /// [`Error::Ledger`] when the ledger cannot be reached.
    fn header(&self, height: Height) -> Result<Option<SignedHeader>, Error> {
        Ok(self.block(height)?.map(|block| block.signed_header()))
    }

    /// What a block did, transaction by transaction; `None` beyond the chain's end, and where the ledger does not keep it.
    /// Nothing on the chain proves it: whoever takes it across a network takes the server's word, and checks what counts in
    /// the state.
    ///
    /// # Errors
    /// [`Error::Ledger`] when the ledger cannot be reached.
    fn events(&self, _height: Height) -> Result<Option<BlockEvents>, Error> {
        Ok(None)
    }

    /// The blocks after a height that handed over to other validators, in order, up to
    /// [`HANDOVERS_MAX`](node::light::HANDOVERS_MAX).
    ///
    /// # Errors
    /// [`Error::Ledger`] when the ledger cannot be reached.
    fn handovers(&self, after: Height) -> Result<Vec<Handover>, Error>;

    /// Proves what a key holds in the state after a block.
    ///
    /// # Errors
    /// [`Error::Ledger`] when the ledger cannot be reached or no longer has that state.
    fn prove(&self, height: Height, key: StateKey) -> Result<StateProof, Error>;

    /// The leaves of the latest epoch's snapshot, in order, up to `count`.
    ///
    /// # Errors
    /// [`Error::Ledger`] when the ledger cannot be reached.
    fn leaves(&self, count: u32) -> Result<Vec<circuits::id::Leaf>, Error> {
        let missing = |index| node::Error::Unknown { what: "leaf", id: format!("{index}") };
        (0..count).map(|index| Ok(self.leaf(LeafIndex::new(index))?.ok_or_else(|| missing(index))?)).collect()
    }

    /// The screenings that were ever opened, closed ones included: from every block, unless the ledger has a list. Whoever
    /// takes a list across a network may miss one, and must look at each screening's own state.
    ///
    /// # Errors
    /// [`Error::Ledger`] when the ledger cannot be reached.
    fn screenings(&self) -> Result<Vec<ScreeningId>, Error> {
        let mut opened = vec![];
        let mut next = Height::new(1);
        while let Some(block) = self.block(next)? {
            opened.extend(screening::opened_in(&block)?);
            next = next.next();
        }
        Ok(opened)
    }

    /// Of the screenings, those that were neither closed nor full when the list was made; all of them, where the ledger has no list of
    /// those. Whoever takes it across a network does as with the whole list.
    ///
    /// # Errors
    /// [`Error::Ledger`] when the ledger cannot be reached.
    fn open_screening_ids(&self) -> Result<Vec<ScreeningId>, Error> {
        self.screenings()
    }

    /// Of the screenings, those that a filter leaves, and perhaps some more: its filter by study or sponsor counts where the
    /// ledger has such a list. Whoever takes it across a network does as with the whole list.
    ///
    /// # Errors
    /// [`Error::Ledger`] when the ledger cannot be reached.
    fn filtered_screening_ids(&self, filter: &ScreeningFilter) -> Result<Vec<ScreeningId>, Error> {
        if filter.open { self.open_screening_ids() } else { self.screenings() }
    }

    /// Of the screenings, as many of the latest as are wanted, in any order, and perhaps some more; all of them, where the ledger has no
    /// list by time. Whoever takes it across a network does as with the whole list.
    ///
    /// # Errors
    /// [`Error::Ledger`] when the ledger cannot be reached.
    fn latest_screenings(&self, _wanted: usize) -> Result<Vec<ScreeningId>, Error> {
        self.screenings()
    }

    /// The queries that were ever opened, by id, from a state no earlier than any that this ledger showed before. Whoever
    /// takes the list across a network may miss one, and must look at each query's own state.
    ///
    /// # Errors
    /// [`Error::Ledger`] when the ledger cannot be reached.
    fn queries(&self) -> Result<Vec<QueryId>, Error>;

    /// The responses to a screening from `first` on, in order, up to `count`; fewer when there are no more.
    ///
    /// # Errors
    /// [`Error::Ledger`] when the ledger cannot be reached.
    fn responses(&self, id: ScreeningId, first: ResponseIndex, count: u32) -> Result<Vec<ResponseState>, Error> {
        let run = (first.get()..first.get().saturating_add(count)).map(ResponseIndex::new);
        run.map_while(|index| self.response(id, index).transpose()).map(|found| Ok(found?)).collect()
    }
}

/// A light client of the ledger's chain that followed every handover before a height.
///
/// # Errors
/// [`Error::Ledger`] when the ledger cannot be reached, or shows a handover that its validators did not sign.
pub fn light_client(ledger: &dyn LedgerAccess, before: Height) -> Result<LightClient, Error> {
    let mut client = LightClient::new(ledger.genesis())?;
    for handover in handovers(ledger, before)? {
        client.follow(&handover)?;
    }
    Ok(client)
}

/// Every handover before a height, in order.
///
/// # Errors
/// [`Error::Ledger`] when the ledger cannot be reached.
pub fn handovers(ledger: &dyn LedgerAccess, before: Height) -> Result<Vec<Handover>, Error> {
    let mut found: Vec<Handover> = vec![];
    loop {
        let after = found.last().map_or(Height::default(), |last| last.header.header.height);
        let mut more = ledger.handovers(after)?;
        more.retain(|handover| (after.next()..before).contains(&handover.header.header.height));
        if more.is_empty() {
            return Ok(found);
        }
        found.append(&mut more);
    }
}

/// Where the chain stands.
///
/// # Errors
/// [`Error::Ledger`] when the ledger cannot be reached.
pub fn tip(ledger: &dyn LedgerAccess) -> Result<Tip, Error> {
    Ok(ledger.tip()?.ok_or_else(|| node::Error::Unknown { what: "tip of the chain", id: "latest".into() })?)
}

/// The header of the latest block, by validators whom the genesis and every handover since vouch for.
///
/// # Errors
/// [`Error::Ledger`] when the ledger cannot be reached, or its validators did not sign what it shows.
pub fn verified_tip(ledger: &dyn LedgerAccess) -> Result<VerifiedHeader, Error> {
    let height = tip(ledger)?.height;
    let missing = || node::Error::Unknown { what: "block", id: height.to_string() };
    let header = ledger.header(height)?.ok_or_else(missing)?;
    Ok(light_client(ledger, height)?.verify(&header)?)
}

/// The state of a query, whose terms are those that its id stands for: members attest, agents answer and researchers read
/// under no others, whatever validators show.
///
/// # Errors
/// [`Error::Ledger`] when the ledger does not know it, or shows another query under the id.
pub fn require_query(ledger: &dyn LedgerAccess, id: QueryId) -> Result<QueryState, Error> {
    let state = ledger.query(id)?.ok_or_else(|| node::Error::Unknown { what: "query", id: id.to_string() })?;
    state.check_id(&ledger.chain(), id)?;
    Ok(state)
}

/// The contributions of a query that were not withdrawn, in ledger order: the set that is added up. One after another, as
/// they are asked for; each is an error where the ledger cannot be reached.
pub fn each_surviving(
    ledger: &dyn LedgerAccess,
    id: QueryId,
    state: &QueryState,
) -> impl Iterator<Item = Result<(ContributionIndex, ContributionState), Error>> {
    let read = move |index| {
        let missing = || node::Error::Unknown { what: "contribution", id: format!("{id}/{index}") };
        Ok((index, ledger.contribution(id, index)?.ok_or_else(missing)?))
    };
    let indices = (0..state.admitted).map(ContributionIndex::new);
    indices.map(read).filter(|found| !matches!(found, Ok((_, contribution)) if contribution.withdrawn))
}

/// The same all at once.
///
/// # Errors
/// [`Error::Ledger`] when the ledger cannot be reached.
pub fn surviving(
    ledger: &dyn LedgerAccess,
    id: QueryId,
    state: &QueryState,
) -> Result<Vec<(ContributionIndex, ContributionState)>, Error> {
    each_surviving(ledger, id, state).collect()
}

/// An admitted contribution as its agent sent it, proofs and receipts included.
///
/// # Errors
/// [`Error::Ledger`] when the ledger cannot be reached or its block lacks the transaction.
pub fn sent(
    ledger: &dyn LedgerAccess,
    query: QueryId,
    index: ContributionIndex,
    admitted: &ContributionState,
) -> Result<Contribution, Error> {
    let missing = || node::Error::Unknown { what: "transaction of contribution", id: format!("{query}/{index}") };
    let block = ledger.block(admitted.height)?.ok_or_else(missing)?;
    for transaction in block.transactions {
        if transaction.id()? == admitted.transaction
            && let Transaction::Contribute(contribution) = transaction
        {
            return Ok(contribution);
        }
    }
    Err(missing().into())
}

/// Signs an action with the account's next nonce, sends it and waits until it is in a block.
///
/// # Errors
/// [`Error::Ledger`] with the refusal; [`Error::Unsettled`] when no block takes it in time, or when it was sent before.
pub fn act(ledger: &dyn LedgerAccess, key: &SigningKey, action: Action) -> Result<Inclusion, Error> {
    let inclusions = act_all(ledger, key, vec![action])?;
    inclusions.first().copied().ok_or_else(|| node::Error::Unknown { what: "action", id: "none".into() }.into())
}

/// Sends a signed transaction and waits until it is in a block.
///
/// # Errors
/// As [`act`].
pub fn send(ledger: &dyn LedgerAccess, signed: Transaction) -> Result<Inclusion, Error> {
    settle(ledger, submit(ledger, signed)?)
}

/// Signs actions with the account's next nonces, sends as many at once as may wait, and waits until each is in a block.
///
/// # Errors
/// As [`act`]; those before the refused one stand.
pub fn act_all(ledger: &dyn LedgerAccess, key: &SigningKey, actions: Vec<Action>) -> Result<Vec<Inclusion>, Error> {
    let mut numbered = (next_nonce(ledger, key)?..).zip(actions);
    let mut settled = vec![];
    loop {
        let mut sent = vec![];
        for (nonce, action) in numbered.by_ref().take(SENDER_WAITING_MAX) {
            sent.push(submit(ledger, Transaction::sign(ledger.chain(), key, nonce, action)?)?);
        }
        if sent.is_empty() {
            return Ok(settled);
        }
        for transaction in sent {
            settled.push(settle(ledger, transaction)?);
        }
    }
}

/// Sends a transaction. A refusal of one that the ledger has, or may have, is none: whoever repeats an action while no block
/// comes signs the same one again.
///
/// # Errors
/// [`Error::Ledger`] with the refusal; [`Error::Unsettled`] when it was sent before, or may have been.
pub(crate) fn submit(ledger: &dyn LedgerAccess, signed: Transaction) -> Result<TransactionId, Error> {
    let transaction = signed.id()?;
    match ledger.submit(signed) {
        Err(Error::Ledger(refusal)) if refusal.is_refusal() => match ledger.status(transaction) {
            Ok(TransactionStatus::Unknown | TransactionStatus::Refused { .. }) => Err(refusal.into()),
            Ok(TransactionStatus::Pending) => {
                let why = "it was sent before and waits; see what became of it before sending it again".into();
                Err(Error::Unsettled { transaction, why })
            }
            Ok(TransactionStatus::Included { height, .. }) => {
                let why =
                    format!("it was sent before, and block {height} has it; what was sent now adds nothing to that");
                Err(Error::Unsettled { transaction, why })
            }
            Err(error) => {
                let why = format!("{refusal}; whether it was sent before cannot be told: {error}; {LOOK_UP}");
                Err(Error::Unsettled { transaction, why })
            }
        },
        sent => sent,
    }
}

/// The nonce that the next action signed with a key must carry.
///
/// # Errors
/// [`Error::Ledger`] when the ledger cannot be reached.
pub fn next_nonce(ledger: &dyn LedgerAccess, key: &SigningKey) -> Result<u64, Error> {
    ledger.next_nonce(account_of(key))
}

/// The least time between two blocks.
#[must_use]
pub fn block_interval(ledger: &dyn LedgerAccess) -> Duration {
    Duration::from_secs(ledger.genesis().parameters.block_seconds_min.into())
}

/// Waits until a transaction is in a block.
///
/// # Errors
/// [`Error::Unsettled`] when it was refused, dropped, or no block took it within [`SETTLE_TIME_MAX`] and the interval
/// between two blocks, or when what is told of it proves nothing.
pub fn settle(ledger: &dyn LedgerAccess, transaction: TransactionId) -> Result<Inclusion, Error> {
    let started = Instant::now();
    let patience = SETTLE_TIME_MAX + block_interval(ledger) * 2;
    loop {
        let status = match ledger.status(transaction) {
            // A refusal to tell is none of the transaction, which may be in a block.
            Err(Error::Ledger(error)) if error.is_refusal() => {
                let why = format!("what became of it cannot be told: {error}; {LOOK_UP}");
                return Err(Error::Unsettled { transaction, why });
            }
            status => status?,
        };
        let why = match status {
            TransactionStatus::Included { height, index } => return Ok(Inclusion { transaction, height, index }),
            TransactionStatus::Refused { why } => why,
            TransactionStatus::Unknown => {
                format!("the node that was asked does not have it, and others may; {LOOK_UP}")
            }
            TransactionStatus::Pending if started.elapsed() < patience => {
                thread::sleep(POLL_TIME);
                continue;
            }
            TransactionStatus::Pending => "no block took it in time; see whether the validators run".into(),
        };
        return Err(Error::Unsettled { transaction, why });
    }
}

/// Waits until the chain is at a height.
///
/// # Errors
/// [`Error::Ledger`] when the ledger cannot be reached or does not get there within `patience`.
pub fn wait_for_height(ledger: &dyn LedgerAccess, height: Height, patience: Duration) -> Result<Tip, Error> {
    let started = Instant::now();
    loop {
        let tip = tip(ledger)?;
        if tip.height >= height {
            return Ok(tip);
        }
        if started.elapsed() > patience {
            return Err(node::Error::Unknown { what: "block", id: height.to_string() }.into());
        }
        thread::sleep(POLL_TIME);
    }
}

/// The registration tree that proofs must be made against now.
#[derive(Debug, Clone)]
pub struct SyncedTree {
    /// The epoch it is valid in.
    pub epoch: Epoch,
    /// Its root, which the ledger holds.
    pub root: EpochRoot,
    /// All leaves: asking for one path would tell the ledger who asks.
    pub tree: LeafTree,
}

/// Fetches every leaf of the latest snapshot and checks that they give its root.
///
/// # Errors
/// [`Error::Ledger`] when the ledger cannot be reached; [`Error::LeavesDisagree`] when its leaves do not give the root.
pub fn sync_tree(ledger: &dyn LedgerAccess) -> Result<SyncedTree, Error> {
    for _ in 0..SYNC_ATTEMPTS_MAX {
        let epoch = tip(ledger)?.epoch;
        let missing = || node::Error::Unknown { what: "snapshot of epoch", id: epoch.to_string() };
        let snapshot: EpochSnapshot = ledger.epoch_snapshot(epoch)?.ok_or_else(missing)?;
        // The epoch may end between the reads; then the next attempt agrees.
        let leaves = match ledger.leaves(snapshot.leaves) {
            Err(Error::LeavesDisagree) => continue,
            leaves => leaves?,
        };
        let tree = LeafTree::from_leaves(leaves);
        if tree.root() == snapshot.root {
            return Ok(SyncedTree { epoch, root: snapshot.root, tree });
        }
    }
    Err(Error::LeavesDisagree)
}
