//! The books: where every unit of money went, in double entry, from the ledger's events.
//!
//! Each entry is one amount that leaves one purse and enters another, so all balances together are always zero; the
//! genesis and the world outside are purses too, and owe what they brought in.

use std::fmt;

use circuits::id::{AccountId, LicenceId, QueryId, ScreeningId, WithdrawalId};
use diesel::{ExpressionMethods, OptionalExtension, QueryDsl, QueryResult, RunQueryDsl, insert_into, update};
use node::{event::Event, genesis::Genesis, transaction::Transaction, units::Amount};

use super::{
    page::Sequence,
    schema::{balances, contributions, postings},
};
use crate::database::{DatabaseConnection, bits, signed};

/// Postings of one transaction, at most: two for each contribution that a release pays, and some.
pub(super) const LINES_MAX: i64 = 1 << 20;

/// Where money can be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Purse {
    /// An account of the ledger.
    Account(AccountId),
    /// What a query locked.
    Escrow(QueryId),
    /// What a licence's request locked.
    Licence(LicenceId),
    /// What a screening locked.
    Screening(ScreeningId),
    /// What waits to be paid out.
    Withdrawal(WithdrawalId),
    /// What a settlement institution brought in, less what it paid out.
    Outside(AccountId),
    /// Fees that belong to the consortium.
    Fees,
    /// Where the money comes from that was there at the start.
    Genesis,
}

impl fmt::Display for Purse {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Account(id) => write!(f, "{id}"),
            Self::Escrow(id) => write!(f, "escrow:{id}"),
            Self::Licence(id) => write!(f, "licence:{id}"),
            Self::Screening(id) => write!(f, "screening:{id}"),
            Self::Withdrawal(id) => write!(f, "withdrawal:{id}"),
            Self::Outside(id) => write!(f, "outside:{id}"),
            Self::Fees => f.write_str("fees"),
            Self::Genesis => f.write_str("genesis"),
        }
    }
}

/// The postings of one transaction, as they are written.
pub(super) struct Books<'c> {
    connection: &'c mut DatabaseConnection,
    next: i64,
}

impl<'c> Books<'c> {
    pub(super) fn of(connection: &'c mut DatabaseConnection, sequence: Sequence, lines: i64) -> Self {
        Self { connection, next: signed(sequence.get()).saturating_mul(LINES_MAX).saturating_add(lines) }
    }

    /// How many postings the transaction has now.
    pub(super) const fn lines(&self) -> i64 {
        self.next % LINES_MAX
    }

    /// The opening entries.
    pub(super) fn open(&mut self, genesis: &Genesis) -> QueryResult<()> {
        genesis
            .balances
            .iter()
            .try_for_each(|(account, balance)| self.pay(Purse::Genesis, Purse::Account(*account), *balance, "genesis"))
    }

    /// The entries of an event.
    pub(super) fn record(&mut self, transaction: &Transaction, event: &Event) -> QueryResult<()> {
        use Purse::{Account, Escrow, Fees, Licence, Outside, Screening, Withdrawal};
        match event {
            Event::Transferred { from, to, amount } => self.pay(Account(*from), Account(*to), *amount, "transfer"),
            Event::QueryOpened { query, researcher, escrow, fee, .. } => {
                self.pay(Account(*researcher), Escrow(*query), *escrow, "escrow of a query")?;
                self.pay(Account(*researcher), Fees, *fee, "opening fee")
            }
            Event::QueryReleased { query, price, returned, .. } => {
                for payout in payouts(self.connection, *query)? {
                    self.pay(Escrow(*query), Account(payout), *price, "contribution")?;
                }
                self.give_back(Escrow(*query), *returned, "rest of an escrow")
            }
            Event::FeesPaid { query, undivided, shares, .. } => {
                for (account, share) in shares {
                    self.pay(Escrow(*query), Account(*account), *share, "fee")?;
                }
                self.pay(Escrow(*query), Fees, *undivided, "undivided fees")
            }
            Event::QueryRefunded { query, amount, .. } => self.give_back(Escrow(*query), *amount, "refund of a query"),
            Event::LicenceRequested { licence, licensee, price, .. } => {
                self.pay(Account(*licensee), Licence(*licence), *price, "price of a licence")
            }
            Event::LicenceGranted { licence, paid, .. } => match sender(transaction) {
                Some(owner) => self.pay(Licence(*licence), Account(owner), *paid, "licence"),
                None => Ok(()),
            },
            Event::LicenceDeclined { licence, returned } | Event::LicenceReclaimed { licence, returned } => {
                self.give_back(Licence(*licence), *returned, "price of a licence, returned")
            }
            Event::Deposited { institution, to, amount, .. } => {
                self.pay(Outside(*institution), Account(*to), *amount, "deposit")
            }
            Event::WithdrawalRequested { withdrawal, account, amount, .. } => {
                self.pay(Account(*account), Withdrawal(*withdrawal), *amount, "withdrawal")
            }
            Event::WithdrawalSettled { withdrawal, amount, .. } => match sender(transaction) {
                Some(institution) => self.pay(Withdrawal(*withdrawal), Outside(institution), *amount, "paid out"),
                None => Ok(()),
            },
            Event::WithdrawalRejected { withdrawal, account, returned } => {
                self.pay(Withdrawal(*withdrawal), Account(*account), *returned, "withdrawal, returned")
            }
            Event::ScreeningOpened { screening, sponsor, escrow, fee, .. } => {
                self.pay(Account(*sponsor), Screening(*screening), *escrow, "escrow of a screening")?;
                self.pay(Account(*sponsor), Fees, *fee, "opening fee")
            }
            Event::ResponseAdmitted { screening, paid, .. } => match transaction {
                Transaction::Respond(response) => {
                    self.pay(Screening(*screening), Account(response.reply), *paid, "response to a screening")
                }
                _ => Ok(()),
            },
            Event::ScreeningClosed { screening, returned, .. } => {
                self.give_back(Screening(*screening), *returned, "rest of an escrow")
            }
            // The others move no money.
            _ => Ok(()),
        }
    }

    fn pay(&mut self, from: Purse, to: Purse, amount: Amount, reason: &str) -> QueryResult<()> {
        self.transfer(&from.to_string(), &to.to_string(), amount, reason)
    }

    /// What is left in a purse goes to whoever filled it.
    fn give_back(&mut self, from: Purse, amount: Amount, reason: &str) -> QueryResult<()> {
        let payer: String = postings::table
            .filter(postings::account.eq(from.to_string()))
            .filter(postings::credit.eq(true))
            .order(postings::place.asc())
            .select(postings::counterpart)
            .first(self.connection)?;
        self.transfer(&from.to_string(), &payer, amount, reason)
    }

    fn transfer(&mut self, from: &str, to: &str, amount: Amount, reason: &str) -> QueryResult<()> {
        if amount == Amount::default() {
            return Ok(());
        }
        self.post(from, to, false, amount, reason)?;
        self.post(to, from, true, amount, reason)
    }

    fn post(
        &mut self,
        account: &str,
        counterpart: &str,
        credit: bool,
        amount: Amount,
        reason: &str,
    ) -> QueryResult<()> {
        insert_into(postings::table)
            .values((
                postings::account.eq(account),
                postings::place.eq(self.next),
                postings::counterpart.eq(counterpart),
                postings::credit.eq(credit),
                postings::amount.eq(bits(amount)),
                postings::reason.eq(reason),
            ))
            .execute(self.connection)?;
        self.next = self.next.saturating_add(1);
        let change = if credit { bits(amount) } else { bits(amount).wrapping_neg() };
        let before: Option<i64> =
            balances::table.find(account).select(balances::amount).first(self.connection).optional()?;
        let after = balances::amount.eq(before.unwrap_or_default().wrapping_add(change));
        match before {
            Some(_) => update(balances::table.find(account)).set(after).execute(self.connection)?,
            None => {
                insert_into(balances::table).values((balances::account.eq(account), after)).execute(self.connection)?
            }
        };
        Ok(())
    }
}

fn sender(transaction: &Transaction) -> Option<AccountId> {
    match transaction {
        Transaction::Signed(signed) => Some(signed.sender),
        Transaction::Contribute(_) | Transaction::Respond(_) => None,
    }
}

/// The one-time accounts of a query's surviving contributions, in order.
fn payouts(connection: &mut DatabaseConnection, query: QueryId) -> QueryResult<Vec<AccountId>> {
    let rows: Vec<Vec<u8>> = contributions::table
        .filter(contributions::query.eq(query.as_bytes().as_slice()))
        .filter(contributions::withdrawn.eq(false))
        .order(contributions::number.asc())
        .select(contributions::payout)
        .load(connection)?;
    Ok(rows.iter().filter_map(|bytes| Some(AccountId::from_bytes(bytes.as_slice().try_into().ok()?))).collect())
}
