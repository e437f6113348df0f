//! How long introductions are kept: a passport is a person's, and nobody decides on it once its query is over.

use std::sync::{Mutex, PoisonError};

use circuits::id::QueryId;
use node::{
    Ledger, Snapshot,
    state::{QueryStatus, StateRead as _, Tip},
    units::SECONDS_PER_DAY,
};

use super::Introductions;
use crate::Error;

/// Days for which an introduction stays after its query was released or refunded, for whoever answered on what it promised.
pub const INTRODUCTION_DAYS_KEPT: u32 = 90;
/// Introductions that are looked at for one block; the next block looks at those behind them.
const LOOKED_AT: u32 = 16;

/// Forgets introductions some time after their queries are over, a bounded number for each block.
#[derive(Debug)]
pub struct Keeping {
    introductions: Introductions,
    /// Behind which query the next round begins.
    behind: Mutex<Option<QueryId>>,
}

impl Keeping {
    /// Keeps house among these.
    #[must_use]
    pub const fn new(introductions: Introductions) -> Self {
        Self { introductions, behind: Mutex::new(None) }
    }

    /// Looks at the next introductions, and returns how many it forgot.
    ///
    /// # Errors
    /// [`Error::Ledger`] or [`Error::Database`] when one of the two fails.
    pub fn round(&self, ledger: &Ledger) -> Result<usize, Error> {
        let snapshot = ledger.snapshot()?;
        let tip = snapshot.latest()?;
        let mut behind = self.behind.lock().unwrap_or_else(PoisonError::into_inner);
        let queries = self.introductions.queries(*behind, LOOKED_AT)?;
        let mut forgotten = 0;
        for query in &queries {
            if is_long_over(&snapshot, &tip, *query)? {
                forgotten += usize::from(self.introductions.forget(*query)?);
            }
        }
        let is_last = queries.len() < LOOKED_AT as usize;
        *behind = if is_last { None } else { queries.last().copied() };
        Ok(forgotten)
    }
}

/// Whether a query ended longer ago than introductions are kept. One that this ledger does not know yet did not, and one
/// whose last block it no longer has did.
fn is_long_over(snapshot: &Snapshot, tip: &Tip, query: QueryId) -> Result<bool, Error> {
    let Some(state) = snapshot.query(query)? else { return Ok(false) };
    let (QueryStatus::Released { height, .. } | QueryStatus::Refunded { height, .. }) = state.status else {
        return Ok(false);
    };
    let Some(ended) = snapshot.header(height)? else { return Ok(true) };
    let kept = u64::from(INTRODUCTION_DAYS_KEPT).saturating_mul(SECONDS_PER_DAY);
    Ok(ended.header.time.get().saturating_add(kept) < tip.time.get())
}
