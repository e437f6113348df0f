//! Wallets: backup, recovery and a look inside that shows no secret.

use std::path::{Path, PathBuf};

use circuits::{
    id::{AccountId, QueryId},
    privacy::{Epsilon, Rho},
};
use clap::Subcommand;
use market::{
    agent::{Rescanned, pay_out, payout_balance, rescan, settle, spent},
    ledger::tip,
    so_many,
    wallet::Wallet,
};
use node::units::Amount;
use serde::Serialize;

use super::{Connection, Home, Output, ontology};
use crate::{
    Error,
    client::Remote,
    pages::patient::Everything,
    patient::{Days, Reach, Which},
    reading::epsilon,
};

/// Show, back up and recover wallets.
#[derive(Debug, Subcommand)]
pub enum WalletCommand {
    /// Show a wallet's account, records and answers; no secret, no value.
    Show {
        /// The wallet file.
        #[arg(value_name = "WALLET")]
        path: PathBuf,
        /// The custodian's key file, when it protects the wallet; otherwise the passphrase opens it.
        #[arg(long, value_name = "FILE")]
        custodian: Option<PathBuf>,
    },
    /// Show everything that the wallet's pages show: records with their values, who asked and what the agent made of it,
    /// invitations, licences, money, privacy, and what needs the owner. No secret; the genome is counted.
    ///
    /// With --json it is the file that “Download everything” saves. Licences are listed by a node: give its --url.
    Overview {
        /// The wallet file.
        #[arg(value_name = "WALLET")]
        path: PathBuf,
        /// The custodian's key file, when it protects the wallet; otherwise the passphrase opens it.
        #[arg(long, value_name = "FILE")]
        custodian: Option<PathBuf>,
        /// An ontology in OBO format, such as mondo.obo: illnesses are called by the names that it gives them.
        #[arg(long, value_name = "FILE")]
        ontology: Option<PathBuf>,
    },
    /// Show or set how much privacy all private queries together may spend; the agent declines beyond it.
    Budget {
        /// The wallet file.
        #[arg(value_name = "WALLET")]
        path: PathBuf,
        /// The new limit ε, such as 0.5, in steps of 0.001.
        #[arg(long, value_name = "E", value_parser = epsilon)]
        set: Option<Epsilon>,
        /// The custodian's key file, when it protects the wallet; otherwise the passphrase opens it.
        #[arg(long, value_name = "FILE")]
        custodian: Option<PathBuf>,
    },
    /// Send what an answer earned from its one-time account to another. It cannot be taken back.
    ///
    /// Whoever sees two payouts arrive at one account learns that one person gave both answers. Send each to an account of
    /// its own where that matters.
    Pay {
        /// The wallet file.
        #[arg(value_name = "WALLET")]
        path: PathBuf,
        /// The query that was answered, or the screening that was responded to.
        query: QueryId,
        /// Whom to.
        to: AccountId,
        /// How much, in minor units; all there is without it.
        #[arg(long, value_name = "AMOUNT")]
        amount: Option<u64>,
        /// The custodian's key file, when it protects the wallet; otherwise the passphrase opens it.
        #[arg(long, value_name = "FILE")]
        custodian: Option<PathBuf>,
        /// Send without asking.
        #[arg(long)]
        yes: bool,
    },
    /// Copy the encrypted file. The copy opens with the same passphrase or custodian's key.
    Backup {
        /// The wallet file.
        #[arg(value_name = "WALLET")]
        path: PathBuf,
        /// Where to; never overwrites.
        #[arg(value_name = "BACKUP")]
        to: PathBuf,
        /// The custodian's key file, when it protects the wallet; otherwise the passphrase opens it.
        #[arg(long, value_name = "FILE")]
        custodian: Option<PathBuf>,
    },
    /// Find the answers that a restored wallet gave after its backup, with what they spent and earned.
    ///
    /// Reads every block whole, so that nobody learns what is looked for. One-time keys follow from the wallet's secret, so
    /// nothing is lost with a backup that is older than an answer.
    Rescan {
        /// The wallet file.
        #[arg(value_name = "WALLET")]
        path: PathBuf,
        /// The custodian's key file, when it protects the wallet; otherwise the passphrase opens it.
        #[arg(long, value_name = "FILE")]
        custodian: Option<PathBuf>,
    },
    /// Restore a backup to a place where no wallet is, after checking that it opens. `rescan` it before its agent runs.
    Recover {
        /// The backup.
        #[arg(value_name = "BACKUP")]
        backup: PathBuf,
        /// Where to; never overwrites.
        #[arg(value_name = "WALLET")]
        to: PathBuf,
        /// The custodian's key file, when it protects the backup; otherwise the passphrase opens it.
        #[arg(long, value_name = "FILE")]
        custodian: Option<PathBuf>,
    },
}

fn show_overview(home: &Home, output: &Output, wallet: &mut Wallet, ontology: Option<&Path>) -> Result<(), Error> {
    let diseases = ontology::names_at(ontology)?;
    let Connection { ledger, blobs, .. } = home.connect_reading()?;
    let node = home.url().map(Remote::new).transpose()?;
    let reach = Reach { ledger, blobs, node, genome_keys: vec![], diseases: diseases.clone() };
    let overview = reach.look(wallet)?;
    let licences = reach.licences(overview.owner, Which::All, &Days::default());
    output.result(&Everything::of(&overview, licences, None, diseases.into()), Everything::in_words)
}

/// How much privacy the owner's answers spent.
#[derive(Debug, Serialize)]
struct Budget {
    epsilon_milli_spent: Epsilon,
    epsilon_milli_limit: Epsilon,
    private_answers: usize,
}

fn show_budget(home: &Home, output: &Output, wallet: &mut Wallet) -> Result<(), Error> {
    settle(&*home.connect()?.ledger, wallet)?;
    let spent = spent(wallet, None);
    let private = wallet.answers().values().filter(|answer| answer.rho > Rho::default());
    let budget = Budget {
        epsilon_milli_spent: spent.epsilon(),
        epsilon_milli_limit: wallet.budget(),
        private_answers: private.count(),
    };
    output.result(&budget, |budget| {
        let Budget { epsilon_milli_spent, epsilon_milli_limit, private_answers } = budget;
        let answers = so_many(private_answers, "private answer", "private answers");
        format!("spent ε = {epsilon_milli_spent} of {epsilon_milli_limit} in {answers}")
    })
}

/// Empties a payout account, or a part of it.
fn pay(
    home: &Home,
    output: &Output,
    wallet: &Wallet,
    query: QueryId,
    to: AccountId,
    amount: Option<Amount>,
    yes: bool,
) -> Result<(), Error> {
    let connection = home.connect()?;
    let balance = payout_balance(&*connection.ledger, wallet, query)?;
    let sent = amount.unwrap_or(balance);
    if sent == Amount::default() {
        return Err(Error::Input { what: "payout", why: "the answer's account is empty".into() });
    }
    output.confirm(yes, &format!("Send {sent} of {balance} to {to}?"))?;
    let (sent, inclusion) = pay_out(&*connection.ledger, wallet, query, to, Some(sent))?;
    output.result(&inclusion, |inclusion| format!("sent {sent} in block {}", inclusion.height))
}

fn find_again(home: &Home, output: &Output, wallet: &mut Wallet) -> Result<(), Error> {
    let connection = home.connect()?;
    let ledger = &*connection.ledger;
    let bar = output.progress("reading blocks", usize::try_from(tip(ledger)?.height.get()).unwrap_or(usize::MAX));
    let found = rescan(ledger, wallet, &mut |height| bar.set_position(height.get()))?;
    bar.finish_and_clear();
    output.result(&found, |Rescanned { answers, responses, withdrawn }| {
        let [answers, withdrawn] = [answers.len(), withdrawn.len()].map(|number| so_many(number, "answer", "answers"));
        let responses = so_many(responses.len(), "response", "responses");
        format!(
            "found {answers} and {responses} that the wallet did not know, and {withdrawn} that another copy of it withdrew"
        )
    })
}

/// What of a wallet may be shown.
#[derive(Debug, Serialize)]
struct Summary {
    label: String,
    owner: String,
    chain: String,
    records: Vec<u32>,
    answers: usize,
}

impl WalletCommand {
    pub(super) fn run(self, home: &Home, output: &Output) -> Result<(), Error> {
        let wallet = match self {
            Self::Show { path, custodian } => home.wallet(&path, custodian.as_deref())?,
            Self::Backup { path, to, custodian } => {
                let wallet = home.wallet(&path, custodian.as_deref())?;
                wallet.back_up(&to)?;
                output.say(format!("copied to {}", to.display()));
                wallet
            }
            Self::Budget { path, set, custodian } => {
                let mut wallet = home.wallet(&path, custodian.as_deref())?;
                if let Some(limit) = set {
                    wallet.set_budget(limit)?;
                }
                return show_budget(home, output, &mut wallet);
            }
            Self::Overview { path, custodian, ontology } => {
                let wallet = &mut home.wallet(&path, custodian.as_deref())?;
                return show_overview(home, output, wallet, ontology.as_deref());
            }
            Self::Pay { path, query, to, amount, custodian, yes } => {
                let wallet = home.wallet(&path, custodian.as_deref())?;
                return pay(home, output, &wallet, query, to, amount.map(Amount::new), yes);
            }
            Self::Rescan { path, custodian } => {
                return find_again(home, output, &mut home.wallet(&path, custodian.as_deref())?);
            }
            Self::Recover { backup, to, custodian } => {
                let wallet = Wallet::recover(&backup, &to, home.wallet_protection(custodian.as_deref())?)?;
                output.say(format!(
                    "answers given since the backup are not in it: run `locus wallet rescan {}` before its agent",
                    to.display()
                ));
                wallet
            }
        };
        let summary = Summary {
            label: wallet.label().into(),
            owner: wallet.owner().to_string(),
            chain: wallet.chain().to_string(),
            records: wallet.holdings().iter().map(|holding| holding.leaf.get()).collect(),
            answers: wallet.answers().len(),
        };
        output.result(&summary, |summary| {
            format!(
                "wallet of {}\nowner    {}\nchain    {}\nrecords  {} (leaves {:?})\nanswers  {}",
                summary.label,
                summary.owner,
                summary.chain,
                summary.records.len(),
                summary.records,
                summary.answers
            )
        })
    }
}
