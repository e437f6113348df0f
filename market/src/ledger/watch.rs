//! Noticing queries as they open.

use std::collections::BTreeSet;

use circuits::id::QueryId;
use node::{
    block::Block,
    state::StateRead,
    transaction::{Action, Transaction},
    units::Height,
};
use serde::{Deserialize, Serialize};

use super::LedgerAccess;
use crate::Error;

/// Notices queries as they open, block by block, without telling anyone what it looks for. Where a ledger no longer keeps
/// the blocks to look at, as after pruning, it takes the queries that the state lists, and goes on with the blocks after.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct QueryWatch {
    next: Height,
    /// The first block of which a list took the place. Nothing proves that a list is whole.
    gap: Option<Height>,
}

impl Default for QueryWatch {
    fn default() -> Self {
        Self { next: Height::new(1), gap: None }
    }
}

impl QueryWatch {
    /// Whether every block up to this one was looked at. It is false while a list stands in for some: who must know that no
    /// query was missed, asks a ledger that keeps every block.
    #[must_use]
    pub const fn has_seen(&self, height: Height) -> bool {
        self.gap.is_none() && self.next.get() > height.get()
    }

    /// The queries that opened since the last call, in the order of their blocks, as far as the ledger shows them. Once it
    /// shows a block that it did not keep before, all from there on are looked at, and their queries told again.
    ///
    /// # Errors
    /// [`Error::Ledger`] when the ledger cannot be reached; the next call looks at the same blocks again, so that no
    /// query is missed.
    pub fn poll(&mut self, ledger: &dyn LedgerAccess) -> Result<Vec<QueryId>, Error> {
        let (mut opened, mut watch) = (vec![], *self);
        if let Some(first) = watch.gap
            && ledger.block(first)?.is_some()
        {
            watch = Self { next: first, gap: None };
        }
        while let Some(block) = ledger.block(watch.next)? {
            opened.extend(opened_in(&block)?);
            watch.next = watch.next.next();
        }
        if let Some(latest) = beyond_gap(ledger, watch.next)? {
            opened.extend(opened_between(ledger, watch.next, latest)?);
            let first = watch.gap.unwrap_or(watch.next);
            watch = Self { next: latest.next(), gap: Some(first) };
        }
        if let (None, Some(first)) = (self.gap, watch.gap) {
            tracing::warn!(
                block = %first,
                "the ledger does not keep this block: queries are taken from its list, which may leave one out, and a \
                 committee member keeps the shares of past keys, until a ledger shows every block"
            );
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

/// The queries of the state that opened in these blocks, both included. What the list names and the state does not have is
/// left out: whoever makes up ids keeps nobody from the queries that are.
fn opened_between(ledger: &dyn LedgerAccess, first: Height, last: Height) -> Result<Vec<QueryId>, Error> {
    let mut opened = BTreeSet::new();
    for id in ledger.queries()? {
        let Some(state) = ledger.query(id)? else {
            tracing::warn!(query = %id, "the ledger lists a query that its state does not have");
            continue;
        };
        state.check_id(&ledger.chain(), id)?;
        if (first..=last).contains(&state.opened) {
            opened.insert((state.opened, id));
        }
    }
    Ok(opened.into_iter().map(|(_, id)| id).collect())
}
