//! What a wallet's answers earned.

use circuits::id::{AccountId, QueryId, ScreeningId};
use ed25519_dalek::SigningKey;
use node::{
    signature::account_of,
    state::StateRead,
    transaction::{Action, Transfer},
    units::Amount,
};
use serde::{Deserialize, Serialize};

use crate::{
    Error,
    ledger::{Inclusion, LedgerAccess, act},
    wallet::{Answer, AnswerStage, Response, Settlement, Wallet},
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

/// The one-time key that was paid for an answer to a query, or for a response to the screening of the same id.
fn payout_key(wallet: &Wallet, id: QueryId) -> Result<SigningKey, Error> {
    let answered = wallet.answers().get(&id).map(Answer::payout_key);
    let responded = || wallet.responses().get(&ScreeningId::from_bytes(id.to_bytes())).map(Response::reply_key);
    let why = "the wallet knows of no answer to it; `locus agent earnings` lists what it answered, and after a restore \
               `locus wallet rescan` finds what it answered since the backup";
    answered.or_else(responded).ok_or_else(|| Error::Query { query: id, why: why.into() })
}

/// What lies on the one-time account of an answer or response. The ledger is asked for this account alone.
///
/// # Errors
/// [`Error::Query`] for what the wallet did not answer, [`Error::Ledger`] when the ledger cannot be reached.
pub fn payout_balance(ledger: &dyn LedgerAccess, wallet: &Wallet, id: QueryId) -> Result<Amount, Error> {
    Ok(ledger.account(account_of(&payout_key(wallet, id)?))?.unwrap_or_default().balance)
}

/// Refuses the accounts by which everybody would know whose the answer is: the owner's, which the ledger names beside records,
/// and those of other answers.
fn require_other(wallet: &Wallet, to: AccountId) -> Result<(), Error> {
    let answers = wallet.answers().values().map(Answer::payout_key);
    let responses = wallet.responses().values().map(Response::reply_key);
    if to != wallet.owner() && answers.chain(responses).all(|key| account_of(&key) != to) {
        return Ok(());
    }
    let why = "that account is the wallet's own, and would show whose the answer is; send it to an account of somebody else, \
               such as an institution that pays out";
    Err(Error::Refused { who: "the wallet".into(), action: "pay out to it", why: why.into() })
}

/// Sends what an answer or response earned from its one-time account to another: all there is, unless told how much.
///
/// Whoever sees two payouts arrive at one account learns that one person gave both answers.
///
/// # Errors
/// As [`payout_balance`], [`Error::Refused`] for an empty account and for one of the wallet's own, and as [`act`].
pub fn pay_out(
    ledger: &dyn LedgerAccess,
    wallet: &Wallet,
    id: QueryId,
    to: AccountId,
    amount: Option<Amount>,
) -> Result<(Amount, Inclusion), Error> {
    let key = payout_key(wallet, id)?;
    require_other(wallet, to)?;
    let amount = match amount {
        Some(amount) => amount,
        None => payout_balance(ledger, wallet, id)?,
    };
    if amount == Amount::default() {
        let why = "the answer's account is empty: it was paid out, or not paid yet".into();
        return Err(Error::Refused { who: "the wallet".into(), action: "pay out", why });
    }
    Ok((amount, act(ledger, &key, Action::Transfer(Transfer { to, amount }))?))
}
