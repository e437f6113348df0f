//! Where the money went, and that the listings are what the ledger says.

use std::collections::BTreeMap;

use diesel::{Connection as _, PgConnection, QueryableByName, RunQueryDsl as _, sql_query, sql_types};
use market::{database::Database, index::Index};
use serde_json::{Value, json};

use super::{
    cohort, screening,
    stage::{BALANCE, Stage},
    town::{Party, text},
};
use crate::api::{agent, index::rows};

/// A purse of the books.
#[derive(QueryableByName)]
struct Balance {
    #[diesel(sql_type = sql_types::Text)]
    account: String,
    #[diesel(sql_type = sql_types::BigInt)]
    amount: i64,
}

fn balances(stage: &Stage) -> BTreeMap<String, i64> {
    let mut connection = PgConnection::establish(&stage.database).unwrap();
    let rows: Vec<Balance> = sql_query("SELECT account, amount FROM balances").load(&mut connection).unwrap();
    rows.into_iter().map(|row| (row.account, row.amount)).collect()
}

/// The account's balance on the ledger, which its statement must end with.
fn balance(party: &Party, account: &str) -> i64 {
    let shown = party.run(&["account", "show", account])["balance"].as_i64().unwrap();
    let statement = party.run(&["account", "statement", account]);
    let last = statement.as_array().unwrap().last().unwrap_or_else(|| panic!("{account} has no movement"));
    assert_eq!(last["balance"], shown, "the statement of {account}");
    shown
}

/// Payout accounts of the contributions that the node lists.
fn payouts(stage: &Stage, query: &str) -> Vec<String> {
    let url = format!("{}/v1/queries/{query}/contributions?limit=500", stage.url());
    let page: Value = agent().get(url).call().unwrap().body_mut().read_json().unwrap();
    page["items"].as_array().unwrap().iter().map(|row| text(&row["payout"])).collect()
}

/// Everybody has what the story's prices say, and all that there was at the start is somewhere.
pub fn money_is_conserved(stage: &Stage, query: &str, people: usize) {
    let count = i64::try_from(people).unwrap();
    let start = i64::try_from(BALANCE).unwrap();
    let signed = |amount: u64| i64::try_from(amount).unwrap();
    let spent = |fee: u64, price: u64| start - signed(fee) - signed(price) * count;
    let paid = [
        (&stage.researcher, spent(cohort::FEE, cohort::PRICE)),
        (&stage.sponsor, spent(screening::FEE, screening::PRICE)),
    ];
    for (party, left) in paid {
        let account = text(&party.run(&["keys", "show", "researcher.key"])["account"]);
        assert_eq!(balance(party, &account), left, "{}", party.name);
    }
    let payouts = payouts(stage, query);
    assert_eq!(payouts.len(), people);
    for payout in &payouts {
        assert_eq!(balance(&stage.onlooker, payout), signed(cohort::PRICE));
    }
    let earned: u64 = stage
        .hospitals
        .iter()
        .map(|hospital| {
            let earnings = ["agent", "earnings", "--wallets", "wallets", "--custodian", "custodian.key"];
            hospital.run(&earnings)["paid"].as_u64().unwrap()
        })
        .sum();
    assert_eq!(signed(earned), signed(cohort::PRICE + screening::PRICE) * count, "with what responses earned");

    let books = balances(stage);
    let (accounts, pots): (Vec<_>, Vec<_>) = books.iter().partition(|(purse, _)| purse.len() == 64);
    assert_eq!(accounts.len(), 2 + 2 * people, "two who pay, and a one-time account for each answer and response");
    for (account, amount) in accounts {
        assert_eq!(balance(&stage.onlooker, account), *amount);
    }
    let pot = |wanted: &str| pots.iter().find(|(purse, _)| purse.as_str() == wanted).map(|(_, amount)| **amount);
    assert_eq!((pot("genesis"), pot("fees")), (Some(-2 * start), Some(signed(cohort::FEE + screening::FEE))));
    let escrowed: i64 = pots.iter().filter(|(purse, _)| purse.contains(':')).map(|(_, amount)| **amount).sum();
    assert_eq!((escrowed, books.values().sum::<i64>()), (0, 0), "all of it is somewhere");
}

/// Nothing runs any more: the books agree with the ledger, and made again the index is the same row for row.
pub fn index_is_a_function_of_the_ledger(stage: &Stage) {
    let reconciled = stage.node.run(&["index", "reconcile"]);
    assert_eq!(reconciled["differences"], json!([]), "{reconciled}");
    let database = Database::open(&stage.database.parse().unwrap()).unwrap();
    let index = Index::open(database, stage.chain.parse().unwrap()).unwrap();
    let live = rows(&index);
    assert!(live.iter().map(|(_, rows)| rows.len()).sum::<usize>() > 50, "the index holds the story");
    stage.node.run(&["index", "rebuild"]);
    assert_eq!(rows(&index), live);
    let replayed = stage.node.run(&["ledger", "replay"]);
    assert!(replayed["state"].is_string(), "{replayed}");
}
