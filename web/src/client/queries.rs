//! Queries of a ledger across the network: the list as the server gives it.

use circuits::id::QueryId;

use super::{RemoteLedger, ledger::failed};
use crate::api::QueryIdPage;

/// Queries that are listed at most.
const QUERIES_MAX: usize = 1 << 20;

impl RemoteLedger {
    /// The ids that the server lists, from states no earlier than one that it showed. It may withhold some, and each
    /// one's state is proven when it is read.
    pub(super) fn listed_queries(&self) -> Result<Vec<QueryId>, node::Error> {
        let seen = self.seen();
        let mut listed: Vec<QueryId> = vec![];
        let mut after: Option<QueryId> = None;
        while listed.len() < QUERIES_MAX {
            let behind = after.map(|id| format!("?after={id}")).unwrap_or_default();
            let page: Option<QueryIdPage> = self.remote().json(&format!("/v1/query-ids{behind}")).map_err(failed)?;
            let page = page.ok_or_else(|| self.disbelieved("it lists no queries"))?;
            self.check_advances(seen, page.height)?;
            // A page of none would let a server go on for ever.
            let holds_some = !page.items.is_empty();
            listed.extend(page.items);
            match page.next {
                Some(next) if holds_some && after.is_none_or(|after| after < next) => after = Some(next),
                Some(_) => return Err(self.disbelieved("its list of queries does not advance")),
                None => return Ok(listed),
            }
        }
        Err(self.disbelieved("its list of queries does not end"))
    }
}
