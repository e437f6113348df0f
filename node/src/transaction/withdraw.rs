//! Withdrawing a contribution before the query is sealed.

use borsh::{BorshDeserialize, BorshSerialize};
use circuits::id::{AccountId, QueryId};
use serde::{Deserialize, Serialize};

use crate::{
    Error,
    event::Event,
    execute::{query_error, require_query},
    state::{Draft, QueryStatus, StateRead},
    units::ContributionIndex,
};

/// A contribution to take back.
#[derive(Debug, Clone, Copy, PartialEq, Eq, BorshSerialize, BorshDeserialize, Serialize, Deserialize)]
pub struct Withdraw {
    /// The query.
    pub query: QueryId,
    /// The contribution, which the sender's key is to be paid for.
    pub contribution: ContributionIndex,
}

impl Withdraw {
    /// The nullifiers stay spent: re-entry would let a record's owner signal by leaving and coming back, and would make
    /// the set depend on who returned.
    pub(super) fn execute(&self, sender: AccountId, draft: &mut Draft<'_>) -> Result<Vec<Event>, Error> {
        let mut state = require_query(draft, self.query)?;
        if state.status != QueryStatus::Collecting {
            return Err(query_error(self.query, "its set is frozen; a contribution can be withdrawn only before that"));
        }
        let unknown = || Error::Unknown { what: "contribution", id: self.contribution.to_string() };
        let mut contribution = draft.contribution(self.query, self.contribution)?.ok_or_else(unknown)?;
        if contribution.payout != sender {
            let remedy = "the contribution's payout key does";
            return Err(Error::Unauthorized { account: sender, action: "withdraw this contribution", remedy });
        }
        if contribution.withdrawn {
            return Err(query_error(self.query, "this contribution is withdrawn already"));
        }
        contribution.withdrawn = true;
        state.surviving = state.surviving.saturating_sub(1);
        draft.put_contribution(self.query, self.contribution, &contribution)?;
        draft.put_query(self.query, &state)?;
        Ok(vec![Event::ContributionWithdrawn { query: self.query, contribution: self.contribution }])
    }
}
