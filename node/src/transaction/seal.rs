//! Sealing: the set of contributions is frozen for ever.

use circuits::id::{AccountId, Digest, QueryId};

use super::{ContributionSetHasher, refund::refund};
use crate::{
    Error,
    calendar::date,
    event::Event,
    execute::{Context, query_error, require_query},
    state::{Draft, QueryState, QueryStatus, RefundReason, StateRead},
    units::ContributionIndex,
};

/// Seals a query that is full or past its closing day, or, where the chain allows it, at its researcher's wish once the
/// minimum is reached. Below the minimum the escrow goes back instead.
pub(super) fn execute(
    id: QueryId,
    sender: AccountId,
    draft: &mut Draft<'_>,
    context: &Context<'_>,
) -> Result<Vec<Event>, Error> {
    let mut state = require_query(draft, id)?;
    if state.status != QueryStatus::Collecting {
        return Err(query_error(id, "its set is frozen already"));
    }
    let enough = state.surviving >= state.query.contributions_min;
    let early = context.genesis.parameters.early_sealing_allowed && sender == state.researcher;
    if !(state.has_collected(context.time.day()) || early && enough) {
        let wanted = if early { state.query.contributions_min } else { state.query.contributions_max };
        let why = format!(
            "it collects until the end of {} or {wanted} contributions; it has {}",
            date(state.query.closing),
            state.surviving
        );
        return Err(query_error(id, why));
    }
    if !enough {
        return refund(id, state, RefundReason::BelowMinimum, draft, context);
    }
    let set = set_digest(id, &state, draft)?;
    state.status = QueryStatus::Sealed { height: context.height, set };
    draft.put_query(id, &state)?;
    Ok(vec![Event::QuerySealed { query: id, contributions: state.surviving, set }])
}

fn set_digest(id: QueryId, state: &QueryState, draft: &Draft<'_>) -> Result<Digest, Error> {
    let corrupt = |why: String| Error::Corrupt { what: "contributions", why };
    let mut set = ContributionSetHasher::new(&id, state.surviving, state.query.parts.len());
    for index in (0..state.admitted).map(ContributionIndex::new) {
        let gap = || corrupt(format!("query {id} lacks number {index}"));
        let contribution = draft.contribution(id, index)?.ok_or_else(gap)?;
        if !contribution.withdrawn {
            set.add(index, &contribution);
        }
    }
    set.finish().ok_or_else(|| corrupt(format!("query {id} has others than it counts")))
}
