//! `locus funding`: money that a settlement institution brings onto the ledger and pays out again.

use std::path::PathBuf;

use circuits::id::{AccountId, Digest, WithdrawalId};
use clap::Subcommand;
use market::ledger::{act, next_nonce};
use node::{
    state::{StateRead, WithdrawalStatus},
    transaction::{Action, Deposit, RequestWithdrawal, SettleWithdrawal},
    units::Amount,
};
use sha2::{Digest as _, Sha256};

use super::{Home, Output};
use crate::Error;

/// Bring money onto the ledger and off it, through an accredited institution.
#[derive(Debug, Subcommand)]
pub enum Funding {
    /// Credit what the institution was paid off the ledger (the institution). Each reference is credited once.
    Deposit {
        /// Whom to credit.
        to: AccountId,
        /// How much, in minor units.
        amount: u64,
        /// The payment's reference at the institution; its SHA-256 goes to the ledger.
        #[arg(long)]
        reference: String,
        /// The institution's key file.
        #[arg(long, value_name = "FILE")]
        key: PathBuf,
        /// Credit without asking.
        #[arg(long)]
        yes: bool,
    },
    /// Take money off the ledger: it leaves the account now, and the institution pays it out or gives it back.
    Withdraw {
        /// How much, in minor units.
        amount: u64,
        /// The institution's account.
        #[arg(long, value_name = "ACCOUNT")]
        institution: AccountId,
        /// The payment order that the institution has from you; its SHA-256 goes to the ledger.
        #[arg(long)]
        reference: String,
        /// The account's key file.
        #[arg(long, value_name = "FILE")]
        key: PathBuf,
        /// Withdraw without asking.
        #[arg(long)]
        yes: bool,
    },
    /// Say that a withdrawal was paid out (the institution). The money is then no more on the ledger.
    Settle {
        /// The withdrawal's id.
        withdrawal: WithdrawalId,
        /// The payment's receipt; its SHA-256 goes to the ledger.
        #[arg(long)]
        receipt: String,
        /// The institution's key file.
        #[arg(long, value_name = "FILE")]
        key: PathBuf,
        /// Settle without asking.
        #[arg(long)]
        yes: bool,
    },
    /// Give a withdrawal back (the institution; the governor once that is suspended).
    Reject {
        /// The withdrawal's id.
        withdrawal: WithdrawalId,
        /// The key file of who gives it back.
        #[arg(long, value_name = "FILE")]
        key: PathBuf,
    },
    /// Show a withdrawal.
    Show {
        /// The withdrawal's id.
        withdrawal: WithdrawalId,
    },
    /// Show what an institution credited, paid out, owes, and may still credit.
    Institution {
        /// Its account.
        account: AccountId,
    },
}

fn digest(text: &str) -> Digest {
    Digest::from_bytes(Sha256::digest(text).into())
}

impl Funding {
    pub(super) fn run(self, home: &Home, output: &Output) -> Result<(), Error> {
        let connection = home.connect()?;
        let ledger = &*connection.ledger;
        let send = |action, key: &PathBuf, done: &str| {
            let inclusion = act(ledger, &home.any_key(key)?.signing_key(), action)?;
            output.result(&inclusion, |inclusion| format!("{done} in block {}", inclusion.height))
        };
        match self {
            Self::Deposit { to, amount, reference, key, yes } => {
                output.confirm(yes, &format!("Credit {amount} to {to}? It cannot be taken back."))?;
                let reference = digest(&reference);
                let deposit = Deposit { to, amount: Amount::new(amount), reference };
                send(Action::Deposit(deposit), &key, "credited")
            }
            Self::Withdraw { amount, institution, reference, key, yes } => {
                output.confirm(yes, &format!("Take {amount} off the ledger through {institution}?"))?;
                let key = home.any_key(&key)?;
                let request =
                    RequestWithdrawal { amount: Amount::new(amount), institution, reference: digest(&reference) };
                let nonce = next_nonce(ledger, &key.signing_key())?;
                let id = request.id(&ledger.chain(), &key.account(), nonce)?;
                act(ledger, &key.signing_key(), Action::RequestWithdrawal(request))?;
                output.result(&serde_json::json!({ "withdrawal": id }), |_| format!("withdrawal {id}"))
            }
            Self::Settle { withdrawal, receipt, key, yes } => {
                output.confirm(yes, "Say that it was paid out? The money is then no more on the ledger.")?;
                let settled = SettleWithdrawal { withdrawal, receipt: digest(&receipt) };
                send(Action::SettleWithdrawal(settled), &key, "settled")
            }
            Self::Reject { withdrawal, key } => send(Action::RejectWithdrawal(withdrawal), &key, "given back"),
            Self::Show { withdrawal: id } => {
                let unknown = || Error::NotFound { what: "withdrawal", id: id.to_string() };
                let state = ledger.withdrawal(id)?.ok_or_else(unknown)?;
                output.result(&state, |state| {
                    let stage = match state.status {
                        WithdrawalStatus::Pending => "waits for the institution".into(),
                        WithdrawalStatus::Settled { height, .. } => format!("paid out, in block {height}"),
                        WithdrawalStatus::Rejected { height } => format!("given back, in block {height}"),
                    };
                    let request = &state.request;
                    format!("{} from {} through {}: {stage}", request.amount, state.account, request.institution)
                })
            }
            Self::Institution { account } => {
                let unknown = || Error::NotFound { what: "settlement institution", id: account.to_string() };
                let state = ledger.settlement(account)?.ok_or_else(unknown)?;
                output.result(&state, |state| {
                    let free = (state.cap.get().saturating_add(state.settled.get())).saturating_sub(state.deposited.get());
                    format!(
                        "{} ({:?})\ncredited   {}\npaid out   {}\nwaiting    {}\ncap        {}, of which {free} are free",
                        state.party.name, state.party.standing, state.deposited, state.settled, state.pending, state.cap
                    )
                })
            }
        }
    }
}
