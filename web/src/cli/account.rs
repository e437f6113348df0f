//! Accounts and transfers.

use std::path::PathBuf;

use circuits::id::AccountId;
use clap::Subcommand;
use market::ledger::act;
use node::{
    state::StateRead,
    transaction::{Action, Transfer},
    units::Amount,
};

use super::{Home, Output};
use crate::Error;

/// Show accounts and move money.
#[derive(Debug, Subcommand)]
pub enum Account {
    /// Show an account's balance and next nonce.
    Show {
        /// The account, 64 hex digits.
        account: AccountId,
    },
    /// Send money. It cannot be taken back.
    Transfer {
        /// Whom to.
        to: AccountId,
        /// How much, in minor units.
        amount: u64,
        /// The sender's key file.
        #[arg(long, value_name = "FILE")]
        key: PathBuf,
        /// Send without asking.
        #[arg(long)]
        yes: bool,
    },
}

impl Account {
    pub(super) fn run(self, home: &Home, output: &Output) -> Result<(), Error> {
        let connection = home.connect()?;
        match self {
            Self::Show { account } => {
                let state = connection.ledger.account(account)?.unwrap_or_default();
                output.result(&state, |state| format!("balance {}\nnext nonce {}", state.balance, state.nonce))
            }
            Self::Transfer { to, amount, key, yes } => {
                let key = home.any_key(&key)?;
                output.confirm(yes, &format!("Send {amount} from {} to {to}?", key.account()))?;
                let transfer = Transfer { to, amount: Amount::new(amount) };
                let inclusion = act(&*connection.ledger, &key.signing_key(), Action::Transfer(transfer))?;
                output.result(&inclusion, |inclusion| format!("sent {amount} in block {}", inclusion.height))
            }
        }
    }
}
