//! `locus agent`.

use std::{
    collections::BTreeSet,
    path::{Path, PathBuf},
    thread,
    time::Duration,
};

use circuits::{
    contribution::{ProvingKey, VerifyingKey},
    id::QueryId,
};
use clap::{Args, Subcommand};
use market::{
    agent::{Agent as MarketAgent, Outcome, Outlook, withdraw},
    ledger::{QueryWatch, require_query, tip},
    wallet::{Protection, Wallet},
};
use node::state::QueryStatus;
use serde::Serialize;

use super::{Connection, Home, Output, committee::remote_committee, record::wallet_paths};
use crate::{Error, client::RemoteCommittee};

/// How often the agent looks for queries.
const WATCH_TIME: Duration = Duration::from_secs(2);

/// Answer open queries.
#[derive(Debug, Subcommand)]
pub enum Agent {
    /// Answer the open queries, or one, for every wallet of a folder, as its owner's consent allows.
    ///
    /// Safe to repeat: each record contributes once to a query, however often this runs or is interrupted.
    Run(Answering),
    /// Say what `run` would do, and why, without doing it.
    DryRun(Answering),
    /// Answer queries as they open, until interrupted, and print each outcome once (with --json an object for each).
    Watch(Answering),
    /// Take a contribution back before its query is sealed. Its record cannot answer that query again.
    Withdraw(Withdrawing),
}

/// Whose contribution to which query.
#[derive(Debug, Args)]
pub struct Withdrawing {
    /// The query's id.
    query: QueryId,
    /// The wallet file.
    #[arg(value_name = "WALLET")]
    wallet: PathBuf,
    /// The custodian's key file, when it protects the wallet; otherwise the passphrase opens it.
    #[arg(long, value_name = "FILE")]
    custodian: Option<PathBuf>,
    /// Withdraw without asking.
    #[arg(long)]
    yes: bool,
}

/// For whom, and what.
#[derive(Debug, Args)]
pub struct Answering {
    /// Folder of wallets.
    #[arg(long, value_name = "DIR")]
    wallets: PathBuf,
    /// The custodian's key file, when it protects the wallets; otherwise the passphrase opens them.
    #[arg(long, value_name = "FILE")]
    custodian: Option<PathBuf>,
    /// One query; every open one without it.
    #[arg(long, value_name = "ID")]
    query: Option<QueryId>,
    /// Addresses of the committee members' endpoints, in their order.
    #[arg(long, value_delimiter = ',', value_name = "URL")]
    members: Vec<String>,
}

/// What became of one wallet and query.
#[derive(Debug, Serialize)]
struct Line {
    wallet: String,
    query: QueryId,
    #[serde(flatten)]
    what: What,
}

/// What became of all.
#[derive(Debug, Serialize)]
struct Answers {
    answers: Vec<Line>,
}

/// Done, or foreseen, or failed.
#[derive(Debug, Serialize)]
#[serde(untagged)]
enum What {
    Done(Outcome),
    Foreseen(Outlook),
    Failed { error: String },
}

impl Agent {
    pub(super) fn run(self, home: &Home, output: &Output) -> Result<(), Error> {
        match self {
            Self::Run(answering) => answering.once(home, output, false),
            Self::DryRun(answering) => answering.once(home, output, true),
            Self::Watch(answering) => answering.watch(home, output),
            Self::Withdraw(withdrawing) => withdrawing.run(home, output),
        }
    }
}

/// What answering needs besides wallets.
struct Means {
    connection: Connection,
    committee: RemoteCommittee,
    proving: ProvingKey,
    protection: Protection,
}

impl Means {
    fn agent(&self) -> MarketAgent<'_> {
        let (ledger, blobs) = (&*self.connection.ledger, &*self.connection.blobs);
        MarketAgent { ledger, blobs, committee: &self.committee, proving: &self.proving }
    }
}

impl Answering {
    fn means(&self, home: &Home) -> Result<Means, Error> {
        let connection = home.connect()?;
        let proving = proving_key(home, &connection.ledger.genesis().contribution)?;
        let protection = home.wallet_protection(self.custodian.as_deref())?;
        Ok(Means { connection, committee: remote_committee(&self.members)?, proving, protection })
    }

    /// The queries to look at among those that opened.
    fn wanted(&self, opened: Vec<QueryId>) -> Vec<QueryId> {
        opened.into_iter().filter(|query| self.query.is_none_or(|wanted| wanted == *query)).collect()
    }

    fn once(&self, home: &Home, output: &Output, dry: bool) -> Result<(), Error> {
        let means = self.means(home)?;
        let queries = match self.query {
            Some(query) => vec![query],
            None => QueryWatch::default().poll(&*means.connection.ledger)?,
        };
        let mut lines = vec![];
        let paths = wallet_paths(&self.wallets)?;
        let progress = output.progress("answering", paths.len());
        for path in paths {
            lines.extend(consider_all(&means, &path, &queries, dry)?);
            progress.inc(1);
        }
        progress.finish_and_clear();
        let failed = lines.iter().filter(|line| matches!(line.what, What::Failed { .. })).count();
        output.result(&Answers { answers: lines }, |answers| {
            answers.answers.iter().map(describe).collect::<Vec<_>>().join("\n")
        })?;
        if failed == 0 {
            return Ok(());
        }
        let why = format!("{failed} failed as printed; run it again, each goes on where it stopped");
        Err(Error::Input { what: "answers", why })
    }

    /// Looks again whenever a query opens, an epoch begins or something failed, and prints what is new.
    fn watch(&self, home: &Home, output: &Output) -> Result<(), Error> {
        let means = self.means(home)?;
        let ledger = &*means.connection.ledger;
        let mut watch = QueryWatch::default();
        let mut open: Vec<QueryId> = vec![];
        let mut seen_epoch = None;
        let mut printed = BTreeSet::new();
        output.say("watching for queries; stop with Ctrl-C");
        loop {
            let opened = self.wanted(watch.poll(ledger)?);
            let epoch = tip(ledger)?.epoch;
            if !opened.is_empty() || seen_epoch != Some(epoch) {
                open.extend(opened);
                let mut collecting = vec![];
                for query in open {
                    if require_query(ledger, query)?.status == QueryStatus::Collecting {
                        collecting.push(query);
                    }
                }
                open = collecting;
                let mut failed = false;
                // Opened anew each time: between two looks the owner may have changed the terms in the file.
                for path in wallet_paths(&self.wallets)?.iter().filter(|_| !open.is_empty()) {
                    for line in consider_all(&means, path, &open, false)? {
                        failed |= matches!(line.what, What::Failed { .. });
                        if printed.insert(describe(&line)) {
                            output.result(&line, describe)?;
                        }
                    }
                }
                seen_epoch = (!failed).then_some(epoch);
            }
            thread::sleep(WATCH_TIME);
        }
    }
}

impl Withdrawing {
    fn run(&self, home: &Home, output: &Output) -> Result<(), Error> {
        output.confirm(self.yes, "Withdraw? The record cannot answer this query again and earns nothing.")?;
        let connection = home.connect()?;
        let mut wallet = home.wallet(&self.wallet, self.custodian.as_deref())?;
        let inclusion = withdraw(&*connection.ledger, &mut wallet, self.query)?;
        output.result(&inclusion, |inclusion| format!("withdrawn in block {}", inclusion.height))
    }
}

fn consider_all(means: &Means, path: &Path, queries: &[QueryId], dry: bool) -> Result<Vec<Line>, Error> {
    let mut wallet = Wallet::open(path, means.protection.clone())?;
    let agent = means.agent();
    let mut line = |query: &QueryId| {
        let what = consider(&agent, &mut wallet, *query, dry);
        Line { wallet: path.display().to_string(), query: *query, what }
    };
    Ok(queries.iter().map(&mut line).collect())
}

fn consider(agent: &MarketAgent<'_>, wallet: &mut Wallet, query: QueryId, dry: bool) -> What {
    let result = if dry {
        agent.dry_run(wallet, query).map(What::Foreseen)
    } else {
        agent.answer(wallet, query, &mut rand::rng()).map(What::Done)
    };
    result.unwrap_or_else(|error| What::Failed { error: error.to_string() })
}

fn describe(line: &Line) -> String {
    let reasons =
        |reasons: &[market::agent::Refusal]| reasons.iter().map(ToString::to_string).collect::<Vec<_>>().join("; ");
    let what = match &line.what {
        What::Done(Outcome::Admitted { contribution, .. }) => format!("contributed as number {contribution}"),
        What::Done(Outcome::AlreadyAdmitted { contribution }) => format!("had contributed as number {contribution}"),
        What::Done(Outcome::Declined { reasons: why }) | What::Foreseen(Outlook::Decline { reasons: why }) => {
            format!("declined: {}", reasons(why))
        }
        What::Foreseen(Outlook::Answer { parts, price, .. }) => format!("would send {parts} proofs and earn {price}"),
        What::Foreseen(Outlook::Answered { .. }) => "answered before".into(),
        What::Failed { error } => format!("failed: {error}"),
    };
    format!("{}  {}  {what}", line.wallet, line.query)
}

/// Reads the network's proving key.
fn proving_key(home: &Home, expected: &VerifyingKey) -> Result<ProvingKey, Error> {
    let path: &Path = &home.proving_key_path();
    let bytes = std::fs::read(path).map_err(|error| Error::Input {
        what: "proving key",
        why: format!("{}: {error}; it is public: copy it from where `locus network init` wrote it", path.display()),
    })?;
    Ok(ProvingKey::from_bytes(&bytes, expected)?)
}
