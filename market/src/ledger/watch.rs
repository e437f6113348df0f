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

/// Blocks that one call looks at of those that a list stood in for.
const BEHIND_BLOCKS_MAX: usize = 64;

/// Notices queries as they open, block by block, without telling anyone what it looks for. Where a ledger no longer keeps
/// the blocks to look at, as after pruning, it takes the queries that the state lists, and goes on with the blocks after.
/// Meanwhile it asks for the blocks again that it lacks: another node may answer by then.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct QueryWatch {
    /// The last block that was looked at, or that a list stood in for.
    last: Height,
    /// The blocks that a list stood in for. Nothing proves that a list is whole.
    gap: Option<Gap>,
}

/// Blocks that were not looked at, both included.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
struct Gap {
    first: Height,
    last: Height,
}

impl QueryWatch {
    /// Whether every block up to this one was looked at. It is false while a list stands in for some: who must know that no
    /// query was missed, asks a ledger that keeps every block.
    #[must_use]
    pub const fn has_seen(&self, height: Height) -> bool {
        self.gap.is_none() && self.last.get() >= height.get()
    }

    /// The queries that opened since the last call, as far as the ledger shows them, in the order of their blocks. Those of
    /// blocks that a list stood in for may have been told before, and come first.
    ///
    /// # Errors
    /// [`Error::Ledger`] when the ledger cannot be reached; the next call looks at the same blocks again, so that no
    /// query is missed.
    pub fn poll(&mut self, ledger: &dyn LedgerAccess) -> Result<Vec<QueryId>, Error> {
        let (mut opened, mut watch) = (vec![], *self);
        watch.follow(ledger, &mut opened)?;
        *self = watch;
        let mut told = BTreeSet::new();
        opened.retain(|id| told.insert(*id));
        Ok(opened)
    }

    /// The same for whoever keeps `opened` with the watch: when the ledger stops to answer half-way, the next call goes on
    /// from there. One can be told twice.
    ///
    /// # Errors
    /// [`Error::Ledger`] when the ledger cannot be reached.
    pub fn follow(&mut self, ledger: &dyn LedgerAccess, opened: &mut Vec<QueryId>) -> Result<(), Error> {
        while let Some(block) = ledger.block(self.last.next())? {
            opened.extend(opened_in(&block)?);
            self.last = self.last.next();
        }
        let missing = self.last.next();
        if let Some(latest) = beyond_gap(ledger, missing)? {
            opened.extend(opened_between(ledger, missing, latest)?);
            let first = self.gap.map_or(missing, |gap| gap.first);
            if self.gap.is_none() {
                tracing::warn!(
                    block = %missing,
                    "the ledger does not keep this block: queries are taken from its list, which may leave one out, and a \
                     committee member keeps the shares of past keys, until a ledger shows every block"
                );
            }
            *self = Self { last: latest, gap: Some(Gap { first, last: latest }) };
        }
        opened.splice(..0, self.look_behind(ledger));
        Ok(())
    }

    /// Looks at some of the blocks that a list stood in for. Where one is still not there, or anything fails, the next call
    /// goes on; what is ahead does not wait for it.
    fn look_behind(&mut self, ledger: &dyn LedgerAccess) -> Vec<QueryId> {
        let mut opened = vec![];
        for _ in 0..BEHIND_BLOCKS_MAX {
            let Some(gap) = &mut self.gap else { break };
            let Ok(Some(block)) = ledger.block(gap.first) else { break };
            let Ok(found) = opened_in(&block) else { break };
            opened.extend(found);
            if gap.first == gap.last {
                self.gap = None;
            } else {
                gap.first = gap.first.next();
            }
        }
        opened
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
