//! Paying for a release: each contributor its price, those who run the network their fees, and the rest goes back.

use circuits::id::{AccountId, QueryId};

use super::require_validators;
use crate::{
    Error,
    event::Event,
    execute::{collect_fee, credit},
    fees::ContributionFees,
    state::{Draft, QueryState, StateRead, committee_of},
    units::{Amount, ContributionIndex},
};

/// Pays for a query that was just released, and returns what is left of its escrow to the researcher.
pub(super) fn pay(id: QueryId, mut state: QueryState, draft: &mut Draft<'_>) -> Result<Vec<Event>, Error> {
    let paid = pay_contributors(id, &mut state, draft)?;
    let fees = state.fees.of(state.query.price).times(paid)?;
    let total = fees.total()?;
    state.escrow = state.escrow.minus(total)?;
    let (shares, undivided) = pay_fees(&fees, &state, draft)?;
    let returned = std::mem::take(&mut state.escrow);
    credit(draft, state.researcher, returned)?;
    draft.put_query(id, &state)?;
    let mut events = vec![Event::QueryReleased { query: id, paid, price: state.query.price, returned }];
    if total > Amount::default() {
        events.push(Event::FeesPaid { query: id, fees, undivided, shares });
    }
    Ok(events)
}

/// The price to each surviving contribution's payout key.
fn pay_contributors(id: QueryId, state: &mut QueryState, draft: &mut Draft<'_>) -> Result<u32, Error> {
    let mut paid = 0u32;
    for index in (0..state.admitted).map(ContributionIndex::new) {
        let gap = || Error::Corrupt { what: "contributions", why: format!("query {id} lacks number {index}") };
        let contribution = draft.contribution(id, index)?.ok_or_else(gap)?;
        if !contribution.withdrawn {
            state.escrow = state.escrow.minus(state.query.price)?;
            credit(draft, contribution.payout, state.query.price)?;
            paid = paid.saturating_add(1);
        }
    }
    Ok(paid)
}

/// Splits the fees. What does not divide, at most one unit less than there are receivers of each share, goes to the
/// consortium's pot, where opening fees go; so does a share that nobody may receive.
fn pay_fees(
    fees: &ContributionFees,
    state: &QueryState,
    draft: &mut Draft<'_>,
) -> Result<(Vec<(AccountId, Amount)>, Amount), Error> {
    let validators = require_validators(draft)?;
    let voting = validators.iter().filter(|validator| validator.power > 0).map(|validator| validator.account);
    let treasury = state.fees.treasury.map(|treasury| treasury.account);
    let mut shares = vec![];
    let mut undivided = split(fees.committee, &honest_members(state, draft)?, &mut shares)?;
    undivided = undivided.plus(split(fees.validators, &voting.collect::<Vec<_>>(), &mut shares)?)?;
    undivided = undivided.plus(split(fees.treasury, treasury.as_slice(), &mut shares)?)?;
    shares.iter().try_for_each(|(account, share)| credit(draft, *account, *share))?;
    collect_fee(draft, undivided)?;
    Ok((shares, undivided))
}

/// The members of the query's committee that are in standing and were not named liars by this query.
fn honest_members(state: &QueryState, draft: &Draft<'_>) -> Result<Vec<AccountId>, Error> {
    let committee = committee_of(draft, state.committee)?;
    let mut honest = vec![];
    for index in committee.quorum.all_members() {
        let account = committee.member(index)?.account;
        if draft.suspension(account)?.is_none() && !state.liars.contains(&index) {
            honest.push(account);
        }
    }
    Ok(honest)
}

/// An equal share to each; returns what is left.
fn split(amount: Amount, among: &[AccountId], shares: &mut Vec<(AccountId, Amount)>) -> Result<Amount, Error> {
    let count = among.len() as u64;
    let share = amount.get().checked_div(count).unwrap_or_default();
    if share > 0 {
        shares.extend(among.iter().map(|account| (*account, Amount::new(share))));
    }
    amount.minus(Amount::new(share.saturating_mul(count)))
}
