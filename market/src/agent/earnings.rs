//! What a wallet's answers earned.

use circuits::id::{AccountId, QueryId};
use node::units::Amount;
use serde::{Deserialize, Serialize};

use crate::{
    Error,
    wallet::{Answer, AnswerStage, Settlement, Wallet},
};

/// What became of the price of an answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum EarningState {
    /// The query is not at its end.
    Pending,
    /// The payout account was paid.
    Paid,
    /// Nothing was released: the researcher has the money back, and nobody learned anything.
    Refunded,
    /// The query closed without the answer.
    Missed,
    /// The owner took the answer back.
    Withdrawn,
}

/// One answer's price.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Earning {
    /// The query.
    pub query: QueryId,
    /// What it pays for a contribution, in minor units.
    pub price: Amount,
    /// What became of it.
    pub state: EarningState,
    /// The one-time account that is paid.
    pub payout: AccountId,
}

/// What a wallet's answers earned.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Statement {
    /// The answers, by query.
    pub earnings: Vec<Earning>,
    /// The sum of those paid, in minor units.
    pub paid: Amount,
    /// The sum of those that may yet be.
    pub pending: Amount,
}

fn state(answer: &Answer) -> EarningState {
    match (&answer.stage, answer.settled) {
        (AnswerStage::Withdrawn { .. }, _) => EarningState::Withdrawn,
        (_, None) => EarningState::Pending,
        (_, Some(Settlement::Released)) => EarningState::Paid,
        (_, Some(Settlement::Refunded)) => EarningState::Refunded,
        (_, Some(Settlement::Missed)) => EarningState::Missed,
    }
}

/// A wallet's statement, from what the wallet knows: whoever is asked about several payout accounts at once learns that
/// they are one person's. [`settle`](super::settle) brings it up to date.
///
/// # Errors
/// [`Error::Ledger`] when the prices add up beyond 2^64 − 1.
pub fn statement(wallet: &Wallet) -> Result<Statement, Error> {
    let earnings: Vec<_> = wallet
        .answers()
        .iter()
        .map(|(query, answer)| Earning {
            query: *query,
            price: answer.price,
            state: state(answer),
            payout: answer.payout_account(),
        })
        .collect();
    let sum = |wanted| {
        let prices = earnings.iter().filter(|earning| earning.state == wanted).map(|earning| earning.price);
        prices.into_iter().try_fold(Amount::default(), Amount::plus)
    };
    let (paid, pending) = (sum(EarningState::Paid)?, sum(EarningState::Pending)?);
    Ok(Statement { earnings, paid, pending })
}
