//! Refunding the escrow of a query whose deadline passed; the opening fee stays.

use circuits::id::QueryId;

use crate::{
    Error,
    event::Event,
    execute::{Context, credit, query_error, require_query},
    state::{Deadline, Draft, QueryState, QueryStatus, RefundReason, StateRead},
};

/// Refunds after a missed deadline. Anyone may ask: the outcome is fixed.
pub(super) fn execute(id: QueryId, draft: &mut Draft<'_>, context: &Context<'_>) -> Result<Vec<Event>, Error> {
    let state = require_query(draft, id)?;
    let Some(Deadline { last, missed }) = state.deadline() else {
        return Err(query_error(id, nothing_is_late(&state.status)));
    };
    if context.height <= last {
        let what = if missed == RefundReason::NotAggregated { "the aggregate" } else { "the release" };
        let why = format!("{what} is due until block {last}; this is block {}", context.height);
        return Err(query_error(id, why));
    }
    refund(id, state, missed, draft, context)
}

/// Why a query without a deadline is not refunded.
const fn nothing_is_late(status: &QueryStatus) -> &'static str {
    match status {
        QueryStatus::Released { .. } => "it was released and paid; nothing is left",
        QueryStatus::Refunded { .. } => "it was refunded already",
        QueryStatus::Collecting | QueryStatus::Sealed { .. } | QueryStatus::Aggregated { .. } => {
            "it still collects; seal it after its closing day"
        }
    }
}

/// Gives the whole escrow back, and the committee key its releases, and ends the query. Callers hold a state that is neither released nor refunded.
pub(super) fn refund(
    id: QueryId,
    mut state: QueryState,
    reason: RefundReason,
    draft: &mut Draft<'_>,
    context: &Context<'_>,
) -> Result<Vec<Event>, Error> {
    let amount = std::mem::take(&mut state.escrow);
    credit(draft, state.researcher, amount)?;
    let gap = || Error::Corrupt { what: "committee keys", why: format!("key {} is absent", state.committee) };
    let mut key = draft.committee(state.committee)?.ok_or_else(gap)?;
    key.return_releases(state.query.parts.len());
    draft.put_committee(state.committee, &key)?;
    state.status = QueryStatus::Refunded { height: context.height, reason };
    draft.put_query(id, &state)?;
    Ok(vec![Event::QueryRefunded { query: id, reason, amount }])
}
