//! Looking for queries for which something is due, a bounded number for each block.

use std::{
    collections::BTreeSet,
    sync::{Mutex, PoisonError},
};

use node::{Ledger, state::StateRead as _, units::Timestamp};

use super::{
    Queue,
    job::JobKind,
    step::{due, query_job},
};
use crate::{
    Error,
    index::{Index, Paging, QueryFilter, Sequence, Stage},
};

/// Queries of one stage that are looked at for one block, at most; the next block looks at those behind them.
pub const QUERIES_PER_ROUND: usize = 64;
/// The stages in which something can be due.
const STAGES: [Stage; 3] = [Stage::Collecting, Stage::Sealed, Stage::Aggregated];

/// Asks for what is due of queries, of the kinds that somebody here does.
#[derive(Debug)]
pub struct Lookout {
    queue: Queue,
    kinds: BTreeSet<JobKind>,
    /// Behind which query of each stage the next round begins. A process that starts anew begins at the first.
    behind: Mutex<[Option<Sequence>; STAGES.len()]>,
}

impl Lookout {
    /// A lookout for these kinds.
    #[must_use]
    pub fn new(queue: Queue, kinds: BTreeSet<JobKind>) -> Self {
        Self { queue, kinds, behind: Mutex::default() }
    }

    /// Looks at the next queries of each stage, and asks for what the ledger lets anybody do for them.
    pub(super) fn round(&self, index: &Index, ledger: &Ledger, now: Timestamp) -> Result<(), Error> {
        let snapshot = ledger.snapshot()?;
        let tip = snapshot.latest()?;
        let mut behind = self.behind.lock().unwrap_or_else(PoisonError::into_inner);
        for (stage, behind) in STAGES.into_iter().zip(behind.iter_mut()) {
            let filter = QueryFilter { stage: Some(stage), of: None };
            let paging = Paging { after: *behind, limit: QUERIES_PER_ROUND, ..Paging::default() };
            let page = index.queries(&filter, &paging)?;
            for row in page.items {
                // A ledger that is behind the index does not know the latest ones yet.
                let Some(state) = snapshot.query(row.id)? else { continue };
                if let Some(kind) = due(&state, &tip).filter(|kind| self.kinds.contains(kind)) {
                    self.queue.enqueue(&query_job(kind, row.id), now)?;
                }
            }
            *behind = page.next;
        }
        Ok(())
    }
}
