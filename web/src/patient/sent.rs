//! Money that was sent on from the one-time account of an answer.
//!
//! A wallet does not remember it, and whoever is asked about several of these accounts learns that they are one person's. So
//! what the pages sent is kept while they run, and nobody is asked.

use std::collections::BTreeMap;

use circuits::{consent::Day, id::QueryId};
use node::units::Amount;

use super::{Act, PatientPages, act::Done, lock};
use crate::chain::now;

/// What is known of money that was sent on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Sent {
    /// How much, if that is known.
    pub(crate) amount: Option<Amount>,
    /// When.
    pub(crate) day: Day,
}

/// What was sent on of every wallet.
#[derive(Debug, Default)]
pub(super) struct AllSent(BTreeMap<(usize, QueryId), Sent>);

impl PatientPages {
    /// Notes what a change did to the money of an answer, if it sent it on.
    pub(super) fn note_done(&self, wallet: usize, act: &Act, done: &Done) {
        if let Act::PayOut { query, .. } = act {
            let sent = Sent { amount: done.paid, day: now().day() };
            lock(&self.sent).0.insert((wallet, *query), sent);
        }
    }

    /// What is known to be sent on of a wallet's money, by what it was earned with.
    pub(crate) fn sent_on(&self, wallet: usize) -> BTreeMap<QueryId, Sent> {
        let all = lock(&self.sent);
        all.0.iter().filter(|((of, _), _)| *of == wallet).map(|((_, query), sent)| (*query, *sent)).collect()
    }
}
