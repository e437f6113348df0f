//! What wallets earned.

use std::path::{Path, PathBuf};

use clap::Args;
use market::{
    agent::{Earning, EarningState, Statement, settle, statement},
    overview::{ScreeningEarning, responses},
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
    /// What its answers to queries earned.
    earnings: Vec<Earning>,
    /// What its responses to screenings earned.
    responses: Vec<ScreeningEarning>,
    /// The sum of those paid, in minor units.
    paid: Amount,
    /// The sum of those that may yet be.
    pending: Amount,
}

impl WalletEarnings {
    fn of(path: &Path, wallet: &Wallet) -> Result<Self, Error> {
        let Statement { earnings, paid, pending } = statement(wallet)?;
        let responses = responses(wallet);
        let with = |answers: Amount, wanted| {
            let prices = responses.iter().filter(|one| one.state == wanted).map(|one| one.price);
            prices.into_iter().try_fold(answers, Amount::plus)
        };
        let (paid, pending) = (with(paid, EarningState::Paid)?, with(pending, EarningState::Pending)?);
        Ok(Self { wallet: path.display().to_string(), earnings, responses, paid, pending })
    }
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
            let earned = WalletEarnings::of(&path, &wallet)?;
            report.paid = report.paid.plus(earned.paid)?;
            report.pending = report.pending.plus(earned.pending)?;
            report.wallets.push(earned);
        }
        output.result(&report, text)
    }
}

fn text(report: &Report) -> String {
    let mut lines = vec![];
    for WalletEarnings { wallet, earnings, responses, paid, pending } in &report.wallets {
        lines.push(format!("{wallet}  paid {paid}, pending {pending}"));
        lines.extend(earnings.iter().map(|one| format!("  {}  {:>8}  {}", one.query, one.price, name(one.state))));
        let response = |one: &ScreeningEarning| format!("  {}  {:>8}  {}", one.screening, one.price, name(one.state));
        lines.extend(responses.iter().map(response));
    }
    lines.push(format!("in all: paid {}, pending {}", report.paid, report.pending));
    lines.join("\n")
}

const fn name(state: EarningState) -> &'static str {
    match state {
        EarningState::Pending => "pending",
        EarningState::Paid => "paid",
        EarningState::Refunded => "refunded to the researcher",
        EarningState::Missed => "not counted: it came too late",
        EarningState::Withdrawn => "withdrawn",
    }
}
