//! Accounts and transfers.

use std::path::PathBuf;

use circuits::id::AccountId;
use clap::Subcommand;
use market::{
    index::{PAGE_ROWS_MAX, Page, Paging, PostingRow},
    ledger::act,
};
use node::{
    signature::account_of,
    state::StateRead,
    transaction::{Action, Transfer},
    units::{Amount, Height},
};
use serde::Serialize;

use super::{
    Home, Output,
    database::DatabaseOption,
    listing::{Part, list_transactions, own_index},
};
use crate::{
    Error,
    api::{AccountSummary, Health},
    client::Remote,
    standing::{CUSTODIAN, standing},
};

/// Show accounts and move money.
#[derive(Debug, Subcommand)]
pub enum Account {
    /// Show an account's balance, next nonce and roles.
    Show {
        /// The account, 64 hex digits.
        account: AccountId,
    },
    /// Show every movement of an account's money with the balance after it, from the index of a node (with --url) or of this
    /// data directory.
    Statement {
        /// The account, 64 hex digits.
        account: AccountId,
        #[command(flatten)]
        database: DatabaseOption,
    },
    /// List the transactions that an account sent, or that paid or named it, the newest first, from the index of a node (with
    /// --url) or of this data directory.
    Transactions {
        /// The account, 64 hex digits.
        account: AccountId,
        #[command(flatten)]
        part: Part,
    },
    /// Send money. It cannot be taken back.
    Transfer {
        /// Whom to.
        to: AccountId,
        /// How much, in minor units.
        amount: u64,
        /// The sender's key file.
        #[arg(long, value_name = "FILE", required_unless_present = "wallet", conflicts_with = "wallet")]
        key: Option<PathBuf>,
        /// The sender's wallet, whose own account licences pay.
        #[arg(long, value_name = "WALLET")]
        wallet: Option<PathBuf>,
        /// The key file of the custodian that protects the wallet; otherwise the passphrase opens it.
        #[arg(long, value_name = "FILE", requires = "wallet")]
        wallet_custodian: Option<PathBuf>,
        /// Send without asking.
        #[arg(long)]
        yes: bool,
    },
}

/// One movement, and the balance after it.
#[derive(Debug, Serialize)]
struct Movement {
    block: Height,
    #[serde(flatten)]
    posting: PostingRow,
    balance: u64,
}

/// The movements of an account's money, and the block up to which they are known.
struct Statement {
    rows: Vec<PostingRow>,
    as_of: Height,
}

/// Every page of an account's postings.
fn postings(home: &Home, account: AccountId, database: &DatabaseOption) -> Result<Statement, Error> {
    let remote = home.url().map(Remote::new).transpose()?;
    let index = match &remote {
        Some(_) => None,
        None => Some(own_index(home, database, "statement")?),
    };
    // Before the rows: those of later blocks may be among them, and none of earlier ones is missing.
    let indexed = match (&remote, &index) {
        (Some(remote), _) => {
            let health: Option<Health> = remote.json("/health")?;
            health.ok_or_else(|| Error::NotFound { what: "health", id: remote.url().into() })?.index
        }
        (None, Some(index)) => index.position()?.height,
        (None, None) => Height::default(),
    };
    let statement = |rows: Vec<PostingRow>| {
        let as_of = rows.last().map_or(indexed, |last| last.height().max(indexed));
        Ok(Statement { rows, as_of })
    };
    let (mut rows, mut paging) = (vec![], Paging { limit: PAGE_ROWS_MAX, ..Paging::default() });
    loop {
        let page: Page<PostingRow> = match (&remote, &index) {
            (Some(remote), _) => {
                let after = paging.after.map(|after| format!("&after={}", after.get())).unwrap_or_default();
                let path = format!("/v1/accounts/{account}/postings?limit={PAGE_ROWS_MAX}{after}");
                remote.json(&path)?.ok_or_else(|| Error::NotFound { what: "account", id: account.to_string() })?
            }
            (None, Some(index)) => index.postings(account, &paging)?,
            (None, None) => return statement(rows),
        };
        rows.extend(page.items);
        match page.next {
            Some(next) => paging.after = Some(next),
            None => return statement(rows),
        }
    }
}

fn statement(home: &Home, output: &Output, account: AccountId, database: &DatabaseOption) -> Result<(), Error> {
    let mut balance = 0u64;
    let Statement { rows, as_of } = postings(home, account, database)?;
    let movements: Vec<_> = rows
        .into_iter()
        .map(|posting| {
            let amount = posting.amount.get();
            balance = if posting.credit { balance.wrapping_add(amount) } else { balance.wrapping_sub(amount) };
            Movement { block: posting.height(), posting, balance }
        })
        .collect();
    output.result(&movements, |movements| {
        let line = |Movement { block, posting, balance }: &Movement| {
            let sign = if posting.credit { '+' } else { '-' };
            let PostingRow { amount, reason, counterpart, .. } = posting;
            format!("block {block:>8}  {sign}{amount:<12}  balance {balance:<12}  {reason}  {counterpart}")
        };
        let lines = match movements.as_slice() {
            [] => "no money moved".into(),
            all => all.iter().map(line).collect::<Vec<_>>().join("\n"),
        };
        format!("{lines}\nas of block {as_of}")
    })
}

fn show(home: &Home, output: &Output, id: AccountId) -> Result<(), Error> {
    let connection = home.connect()?;
    let ledger = &*connection.ledger;
    let mut roles = standing(ledger, ledger.genesis().governor, id)?;
    // The ledger proves every role but this one, for which there is the node's word alone.
    if let Some(url) = home.url() {
        let told: Option<AccountSummary> = Remote::new(url)?.json(&format!("/v1/accounts/{id}"))?;
        roles.extend(told.into_iter().flat_map(|told| told.roles).filter(|role| role == CUSTODIAN));
    }
    let summary = AccountSummary { account: ledger.account(id)?.unwrap_or_default(), roles };
    output.result(&summary, |AccountSummary { account, roles }| {
        let money = [format!("balance {}", account.balance), format!("next nonce {}", account.nonce)];
        money.into_iter().chain(roles.clone()).collect::<Vec<_>>().join("\n")
    })
}

impl Account {
    pub(super) fn run(self, home: &Home, output: &Output) -> Result<(), Error> {
        match self {
            Self::Show { account } => show(home, output, account),
            Self::Statement { account, database } => statement(home, output, account, &database),
            Self::Transactions { account, part } => list_transactions(home, output, account, &part),
            Self::Transfer { to, amount, key, wallet, wallet_custodian, yes } => {
                let key = match (&key, &wallet) {
                    (Some(path), _) => home.any_key(path)?.signing_key(),
                    (None, Some(path)) => home.wallet(path, wallet_custodian.as_deref())?.owner_key(),
                    (None, None) => return Err(Error::Input { what: "key", why: "give --key or --wallet".into() }),
                };
                let connection = home.connect()?;
                output.confirm(yes, &format!("Send {amount} from {} to {to}?", account_of(&key)))?;
                let transfer = Transfer { to, amount: Amount::new(amount) };
                let inclusion = act(&*connection.ledger, &key, Action::Transfer(transfer))?;
                output.result(&inclusion, |inclusion| format!("sent {amount} in block {}", inclusion.height))
            }
        }
    }
}
