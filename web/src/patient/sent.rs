//! Money that was sent on from the one-time account of an answer.
//!
//! A wallet does not remember it, and whoever is asked about several of these accounts learns that they are one person's. So
//! what the pages sent is kept while they run, and of an answer that somebody looks at, its own account alone is asked about.

use std::collections::BTreeMap;

use circuits::{
    consent::Day,
    id::{AccountId, QueryId},
};
use node::{state::StateRead as _, units::Amount};

use super::{Act, PatientPages, act::Done, lock, shown::PAGE_TIME_MAX};
use crate::{Error, chain::now, client::within};

/// What is known of money that was sent on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Sent {
    /// How much, if these pages sent it.
    pub(crate) amount: Option<Amount>,
    /// When, if these pages sent it.
    pub(crate) day: Option<Day>,
}

/// What was sent on of every wallet.
#[derive(Debug, Default)]
pub(super) struct AllSent(BTreeMap<(usize, QueryId), Sent>);

impl PatientPages {
    /// Notes what a change did to the money of an answer, if it sent it on.
    pub(super) fn note_done(&self, wallet: usize, act: &Act, done: &Done) {
        if let Act::PayOut { query, .. } = act {
            let sent = Sent { amount: done.paid, day: Some(now().day()) };
            lock(&self.sent).0.insert((wallet, *query), sent);
        }
    }

    /// What is known to be sent on of a wallet's money, by what it was earned with.
    pub(crate) fn sent_on(&self, wallet: usize) -> BTreeMap<QueryId, Sent> {
        let all = lock(&self.sent);
        all.0.iter().filter(|((of, _), _)| *of == wallet).map(|((_, query), sent)| (*query, *sent)).collect()
    }

    /// Whether the money of an answer was sent on: the ledger is asked about its account alone. What the ledger does not say
    /// is not known, and the money may be there.
    pub(crate) fn look_for_sent(&self, wallet: usize, query: QueryId, payout: AccountId) -> Option<Sent> {
        let known = self.sent_on(wallet).get(&query).copied();
        if known.is_some() || self.balance(payout).ok()? > Amount::default() {
            return known;
        }
        lock(&self.sent).0.insert((wallet, query), Sent::default());
        Some(Sent::default())
    }

    /// What lies on an account.
    ///
    /// # Errors
    /// [`Error::Market`] when the ledger cannot be reached.
    pub(crate) fn balance(&self, account: AccountId) -> Result<Amount, Error> {
        let found = within(PAGE_TIME_MAX, || self.ledger().account(account)).map_err(market::Error::from)?;
        Ok(found.unwrap_or_default().balance)
    }
}
