//! Copies of a chain: backups, which keep every block, and snapshots, which keep the state and the latest blocks.
//!
//! A copy is believed no more than a peer: restoring one follows its handovers from the genesis, checks the last block's
//! certificate and the parents' hashes, and rebuilds the whole state, whose root must be the one in the last header.
//! Proposed blocks that it holds are dropped: nobody signed them. Only the blocks' events, which feed the listings and
//! nothing else, are the copy's word.

use std::path::Path;

use circuits::id::Digest;

use crate::{
    Error,
    authenticated::{genesis_root, rebuild},
    block::SignedHeader,
    genesis::Genesis,
    ledger::Ledger,
    light::LightClient,
    snapshot::Snapshot,
    state::Tip,
    store::Store,
    transaction::{TransactionId, require_validators},
    units::Height,
};

impl Ledger {
    /// Writes a copy of the chain as it is now to a new file, with every block from `first` on; the latest is always
    /// there. Blocks may be made meanwhile.
    ///
    /// # Errors
    /// [`Error::Storage`]; remove the unfinished file then.
    pub fn copy_to(&self, path: &Path, first: Height) -> Result<Tip, Error> {
        let tip = self.snapshot()?.latest()?;
        self.store().copy_to(path, first.min(tip.height))?;
        Ok(tip)
    }

    /// Writes a new file from which this node goes on with fewer blocks, those from `first` on. It has the proposed
    /// blocks that this node voted on too: the engine's log counts on them.
    ///
    /// # Errors
    /// As [`Ledger::copy_to`] and [`restore`].
    pub fn prune_to(&self, path: &Path, first: Height) -> Result<Tip, Error> {
        self.copy_to(path, first)?;
        let tip = restore(path, self.genesis())?;
        self.store().copy_undecided(path)?;
        Ok(tip)
    }

    /// Rebuilds the tree of the whole state and compares its root with the one in the last header, so that a balance that
    /// no block gave is noticed before anything is signed on it. Takes time and memory in proportion to the state.
    ///
    /// # Errors
    /// [`Error::Corrupt`] when they differ; [`Error::Storage`].
    pub fn check_state(&self) -> Result<(), Error> {
        let snapshot = self.snapshot()?;
        let tip = snapshot.latest()?;
        let expected = match snapshot.header(tip.height)? {
            Some(signed) => verify_tip(&snapshot, self.genesis(), &signed)?,
            None => genesis_root(self.genesis())?,
        };
        if rebuild(&snapshot.whole_state()?, tip.height)?.0 == expected {
            return Ok(());
        }
        let why = format!("it is not the one that block {} commits to", tip.height);
        Err(Error::Corrupt { what: "state", why })
    }
}

/// Verifies a copy from anywhere against a genesis, and makes it a store of its own: its state is authenticated anew, so
/// that nothing of an earlier height is left but the blocks it brought.
///
/// # Errors
/// [`Error::ForeignChain`] for another chain's; [`Error::Corrupt`], [`Error::Block`], [`Error::Signature`] or
/// [`Error::Inclusion`] for what its validators did not sign.
pub fn restore(path: &Path, genesis: &Genesis) -> Result<Tip, Error> {
    let (store, expected) = (Store::open(path)?, genesis.chain_id()?);
    let damaged = |why: &str| Error::Corrupt { what: "copy", why: why.into() };
    let held = store.genesis()?.ok_or_else(|| damaged("it has no genesis"))?;
    if held != *genesis {
        return Err(Error::ForeignChain { what: "copy", found: held.chain_id()?, expected });
    }
    let snapshot = Snapshot::new(store.read()?)?;
    let tip = snapshot.latest()?;
    let header = snapshot.header(tip.height)?.ok_or_else(|| damaged("its last block is missing"))?;
    let root = verify_tip(&snapshot, genesis, &header)?;
    if store.last_block()? != Some(tip.height) {
        return Err(damaged("it has blocks after the one its state is of"));
    }
    let locations = verify_blocks(&snapshot, &header, store.first_block()?)?;
    let state = snapshot.whole_state()?;
    drop(snapshot);
    let (found, nodes) = rebuild(&state, tip.height)?;
    if found != root {
        return Err(damaged("its state is not the one that its last block commits to"));
    }
    store.replace_tree(&nodes, &locations)?;
    Ok(tip)
}

/// Follows the parents' hashes from the last header down to the first block, whose transactions each header commits to.
/// Returns where the transactions lie.
fn verify_blocks(
    snapshot: &Snapshot,
    last: &SignedHeader,
    first: Height,
) -> Result<Vec<(TransactionId, Height, u32)>, Error> {
    let mut locations = vec![];
    let mut expected = last.header.hash()?;
    let mut height = last.header.height;
    while height >= first {
        let missing = || Error::Corrupt { what: "copy", why: format!("block {height} is missing") };
        let block = snapshot.block(height)?.ok_or_else(missing)?;
        if block.header.hash()? != expected {
            let why = "the block after it names another parent".into();
            return Err(Error::Block { height, field: "parent", why });
        }
        block.check_transactions()?;
        for (index, transaction) in (0..).zip(&block.transactions) {
            locations.push((transaction.id()?, height, index));
        }
        expected = block.header.parent;
        height = Height::new(height.get().saturating_sub(1));
    }
    Ok(locations)
}

/// Follows the handovers, believes the last header, and checks that they lead to the validators of the state. Returns
/// its root.
fn verify_tip(snapshot: &Snapshot, genesis: &Genesis, header: &SignedHeader) -> Result<Digest, Error> {
    let mut client = LightClient::new(genesis)?;
    loop {
        let handovers = snapshot.handovers(client.since())?;
        if handovers.is_empty() {
            break;
        }
        handovers.iter().try_for_each(|handover| client.follow(handover))?;
    }
    let next = header.header.height.next();
    if client.since() >= next || *client.validators(next) != require_validators(snapshot)? {
        let why = "its handovers do not lead to the validators of its state".into();
        return Err(Error::Corrupt { what: "copy", why });
    }
    Ok(client.verify(header)?.state())
}
