//! Whether the books agree with the ledger: every account, every pot, and the postings behind each balance.

use std::collections::BTreeMap;

use diesel::{BoolExpressionMethods, ExpressionMethods, QueryDsl, RunQueryDsl};
use node::{Ledger, Snapshot, state::StateRead, units::Height};
use serde::{Deserialize, Serialize};

use super::{
    books::Purse,
    schema::{balances, postings},
    store::Index,
};
use crate::{Error, database::bits};

/// Postings that are read at a time.
const BATCH: i64 = 4_096;
/// Withdrawals that wait, together: the ledger knows their sum for each institution.
const WITHDRAWALS: &str = "withdrawals";

/// A purse on which books and ledger, or balance and postings, disagree. Amounts are in minor units; what a purse owes
/// is negative.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Difference {
    /// The account's id, or a pot's name.
    pub purse: String,
    /// What the books' balance is.
    pub balance: i64,
    /// What its postings add up to.
    pub postings: i64,
    /// What the ledger says.
    pub ledger: i64,
}

/// What a comparison of books and ledger found.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Reconciliation {
    /// The block up to which both go.
    pub height: Height,
    /// Purses compared.
    pub purses: usize,
    /// Those that differ; none when all is well.
    pub differences: Vec<Difference>,
}

type Sums = BTreeMap<String, i64>;

impl Index {
    /// Follows the ledger, then compares every balance with it and with its postings.
    ///
    /// # Errors
    /// [`Error::IndexGap`] when the ledger lacks blocks that the index would need; [`Error::IndexElsewhere`] when the index is
    /// not, or not all the while, where the ledger is; [`Error::Ledger`] or [`Error::Database`] when one of the two fails.
    pub fn reconcile(&self, ledger: &Ledger) -> Result<Reconciliation, Error> {
        let height = self.follow(ledger)?;
        self.check_follows(ledger)?;
        let snapshot = ledger.snapshot()?;
        let (held, posted, expected) = (self.balances()?, self.sums()?, expected(ledger, &snapshot)?);
        // Others that share the database may have gone on between these.
        let (indexed, latest) = (self.position()?.height, snapshot.latest()?.height);
        if indexed != height || indexed != latest {
            return Err(Error::IndexElsewhere { indexed, latest });
        }
        let mut purses: Vec<_> = held.keys().chain(posted.keys()).chain(expected.keys()).cloned().collect();
        purses.sort();
        purses.dedup();
        let of = |sums: &Sums, purse: &String| sums.get(purse).copied().unwrap_or_default();
        let compared = purses.iter().map(|purse| Difference {
            purse: purse.clone(),
            balance: of(&held, purse),
            postings: of(&posted, purse),
            ledger: of(&expected, purse),
        });
        let differs = |found: &Difference| found.balance != found.ledger || found.postings != found.balance;
        Ok(Reconciliation { height, purses: purses.len(), differences: compared.filter(differs).collect() })
    }

    fn balances(&self) -> Result<Sums, Error> {
        let rows: Vec<(String, i64)> =
            self.read(|connection| balances::table.select((balances::account, balances::amount)).load(connection))?;
        Ok(gathered(rows))
    }

    /// The sums of all postings, read in batches: there are as many as ever money moved.
    fn sums(&self) -> Result<Sums, Error> {
        let mut sums = Sums::new();
        let mut after = (String::new(), i64::MIN);
        loop {
            let (account, place) = after.clone();
            let rows: Vec<(String, i64, bool, i64)> = self.read(|connection| {
                let further = postings::account.gt(account.clone());
                let here = postings::account.eq(account).and(postings::place.gt(place));
                postings::table
                    .filter(further.or(here))
                    .order((postings::account.asc(), postings::place.asc()))
                    .limit(BATCH)
                    .select((postings::account, postings::place, postings::credit, postings::amount))
                    .load(connection)
            })?;
            let Some((account, place, ..)) = rows.last() else { return Ok(gathered(sums)) };
            after = (account.clone(), *place);
            for (account, _, credit, amount) in rows {
                let sum = sums.entry(account).or_default();
                *sum = if credit { sum.wrapping_add(amount) } else { sum.wrapping_sub(amount) };
            }
        }
    }
}

/// Sums by purse, those of withdrawals together and without empty ones.
fn gathered(rows: impl IntoIterator<Item = (String, i64)>) -> Sums {
    let mut sums = Sums::new();
    for (purse, amount) in rows {
        let purse = if purse.starts_with("withdrawal:") { WITHDRAWALS.into() } else { purse };
        let sum = sums.entry(purse).or_default();
        *sum = sum.wrapping_add(amount);
    }
    sums.retain(|_, amount| *amount != 0);
    sums
}

/// What the ledger says of every purse.
fn expected(ledger: &Ledger, snapshot: &Snapshot) -> Result<Sums, Error> {
    let mut all = vec![
        (Purse::Fees.to_string(), bits(snapshot.fees()?.unwrap_or_default())),
        (Purse::Genesis.to_string(), bits(ledger.genesis().supply()?).wrapping_neg()),
    ];
    all.extend(
        snapshot.accounts()?.into_iter().map(|(id, state)| (Purse::Account(id).to_string(), bits(state.balance))),
    );
    all.extend(snapshot.queries()?.into_iter().map(|(id, state)| (Purse::Escrow(id).to_string(), bits(state.escrow))));
    all.extend(
        snapshot.licences()?.into_iter().map(|(id, state)| (Purse::Licence(id).to_string(), bits(state.escrow))),
    );
    all.extend(
        snapshot.screenings()?.into_iter().map(|(id, state)| (Purse::Screening(id).to_string(), bits(state.escrow))),
    );
    for (id, state) in snapshot.settlements()? {
        all.push((Purse::Outside(id).to_string(), bits(state.settled).wrapping_sub(bits(state.deposited))));
        all.push((WITHDRAWALS.into(), bits(state.pending)));
    }
    Ok(gathered(all))
}
