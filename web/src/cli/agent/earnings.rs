//! What wallets earned.

use std::path::PathBuf;

use clap::Args;
use market::{
    agent::{EarningState, Statement, settle, statement},
    wallet::Wallet,
};
use node::units::Amount;
use serde::Serialize;

use crate::{
    Error,
    cli::{Home, Output, record::wallet_paths},
};

/// Whose earnings.
#[derive(Debug, Args)]
pub struct Earnings {
    /// Folder of wallets.
    #[arg(long, value_name = "DIR")]
    wallets: PathBuf,
    /// The custodian's key file, when it protects the wallets; otherwise the passphrase opens them.
    #[arg(long, value_name = "FILE")]
    custodian: Option<PathBuf>,
}

/// One wallet's earnings.
#[derive(Debug, Serialize)]
struct WalletEarnings {
    wallet: String,
    #[serde(flatten)]
    statement: Statement,
}

/// All wallets' earnings.
#[derive(Debug, Serialize)]
struct Report {
    wallets: Vec<WalletEarnings>,
    paid: Amount,
    pending: Amount,
}

impl Earnings {
    pub(super) fn run(&self, home: &Home, output: &Output) -> Result<(), Error> {
        let connection = home.connect_reading()?;
        let protection = home.wallet_protection(self.custodian.as_deref())?;
        let mut report = Report { wallets: vec![], paid: Amount::default(), pending: Amount::default() };
        for path in wallet_paths(&self.wallets)? {
            let mut wallet = Wallet::open(&path, protection.clone())?;
            settle(&*connection.ledger, &mut wallet)?;
            let statement = statement(&wallet)?;
            report.paid = report.paid.plus(statement.paid)?;
            report.pending = report.pending.plus(statement.pending)?;
            report.wallets.push(WalletEarnings { wallet: path.display().to_string(), statement });
        }
        output.result(&report, text)
    }
}

fn text(report: &Report) -> String {
    let mut lines = vec![];
    for WalletEarnings { wallet, statement } in &report.wallets {
        lines.push(format!("{wallet}  paid {}, pending {}", statement.paid, statement.pending));
        lines.extend(statement.earnings.iter().map(|earning| {
            let state = match earning.state {
                EarningState::Pending => "pending",
                EarningState::Paid => "paid",
                EarningState::Refunded => "refunded to the researcher",
                EarningState::Missed => "not counted: it came too late",
                EarningState::Withdrawn => "withdrawn",
            };
            format!("  {}  {:>8}  {state}", earning.query, earning.price)
        }));
    }
    lines.push(format!("in all: paid {}, pending {}", report.paid, report.pending));
    lines.join("\n")
}
