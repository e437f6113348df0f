//! Deleting what belongs to past committee keys: who takes a member's folder and its own key later finds nothing that
//! opens what was encrypted then.

use node::state::{CommitteeStage, StateRead};

use super::{Duty, Member, WatchedQueries};
use crate::{
    Error,
    ledger::{LedgerAccess, require_query, tip},
};

impl Member {
    /// Deletes everything of one key before the active one, once the retention period of the genesis passed and none of
    /// the open queries was opened under it.
    ///
    /// A past key's queries opened before the state that shows a later one active. So every block up to the tip must have
    /// been looked at, and the tip is read last: a node that shows an earlier state, or withholds blocks, destroys nothing.
    /// Nor does one that lacks blocks: its list of queries may leave one out.
    pub(super) fn forget_past_key(
        &self,
        ledger: &dyn LedgerAccess,
        queries: &WatchedQueries,
    ) -> Result<Option<Duty>, Error> {
        let mut past = self.store.epochs()?;
        let latest = ledger.committee_epoch()?.unwrap_or_default();
        past.retain(|epoch| *epoch < latest);
        if past.is_empty() {
            return Ok(None);
        }
        let newest = ledger.committee(latest)?.unwrap_or_default();
        let kept_until = newest.since.after(ledger.genesis().parameters.key_retention_blocks);
        let height = tip(ledger)?.height;
        let is_active = matches!(newest.stage, CommitteeStage::Active { .. });
        if !is_active || height < kept_until || !queries.watch.has_seen(height) {
            return Ok(None);
        }
        for query in &queries.open {
            past.remove(&require_query(ledger, *query)?.committee);
        }
        let Some(epoch) = past.first().copied() else { return Ok(None) };
        self.store.forget_epoch(epoch)?;
        Ok(Some(Duty::Forgot { epoch }))
    }
}
