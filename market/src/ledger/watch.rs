//! Noticing queries as they open.

use circuits::id::QueryId;
use node::{
    block::Block,
    state::StateRead,
    transaction::{Action, Transaction},
    units::Height,
};
use serde::{Deserialize, Serialize};

use super::{LedgerAccess, require_query};
use crate::Error;

/// Notices queries as they open, block by block, without telling anyone what it looks for. Where a ledger no longer keeps
/// the blocks to look at, as after pruning, it takes the queries that the state lists, and goes on with the blocks after.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct QueryWatch {
    next: Height,
    /// Whether a list took the place of blocks. Nothing proves that a list is whole.
    listed: bool,
}

impl Default for QueryWatch {
    fn default() -> Self {
        Self { next: Height::new(1), listed: false }
    }
}

impl QueryWatch {
    /// Whether every block up to this one was looked at. It stays false once a list took the place of some: who must know
    /// that no query was missed, asks a ledger that keeps every block.
    #[must_use]
    pub const fn has_seen(&self, height: Height) -> bool {
        !self.listed && self.next.get() > height.get()
    }

    /// The queries that opened since the last call, in the order of their blocks, as far as the ledger shows them.
    ///
    /// # Errors
    /// [`Error::Ledger`] when the ledger cannot be reached; the next call looks at the same blocks again, so that no
    /// query is missed.
    pub fn poll(&mut self, ledger: &dyn LedgerAccess) -> Result<Vec<QueryId>, Error> {
        let (mut opened, mut watch) = (vec![], *self);
        while let Some(block) = ledger.block(watch.next)? {
            opened.extend(opened_in(&block)?);
            watch.next = watch.next.next();
        }
        if let Some(latest) = beyond_gap(ledger, watch.next)? {
            opened.extend(opened_between(ledger, watch.next, latest)?);
            watch = Self { next: latest.next(), listed: true };
        }
        *self = watch;
        Ok(opened)
    }
}

/// The queries that a block opened.
fn opened_in(block: &Block) -> Result<Vec<QueryId>, Error> {
    let mut opened = vec![];
    for transaction in &block.transactions {
        let Transaction::Signed(signed) = transaction else { continue };
        if let Action::OpenQuery(query) = &signed.action {
            opened.push(query.id(&signed.chain, &signed.sender, signed.nonce)?);
        }
    }
    Ok(opened)
}

/// The latest block, where the ledger keeps it and not this earlier one. A block that is not there is still to come, unless
/// a later one is there: behind one address there may be several nodes, of which one is behind the others.
fn beyond_gap(ledger: &dyn LedgerAccess, missing: Height) -> Result<Option<Height>, Error> {
    let Some(tip) = ledger.tip()?.filter(|tip| tip.height > missing) else { return Ok(None) };
    let is_gap = ledger.block(tip.height)?.is_some() && ledger.block(missing)?.is_none();
    Ok(is_gap.then_some(tip.height))
}

/// The queries of the state that opened in these blocks, both included.
fn opened_between(ledger: &dyn LedgerAccess, first: Height, last: Height) -> Result<Vec<QueryId>, Error> {
    let mut opened = vec![];
    for id in ledger.queries()? {
        let height = require_query(ledger, id)?.opened;
        if (first..=last).contains(&height) {
            opened.push((height, id));
        }
    }
    opened.sort_unstable();
    Ok(opened.into_iter().map(|(_, id)| id).collect())
}
