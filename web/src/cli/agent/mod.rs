//! `locus agent`.

mod earnings;
mod introduced;
mod pace;
mod pages;
mod screenings;
mod watching;

use std::{
    num::NonZeroUsize,
    path::{Path, PathBuf},
    thread,
    time::{Duration, Instant},
};

use circuits::{
    contribution::{ProvingKey, VerifyingKey},
    groth16::side_by_side,
    id::QueryId,
};
use clap::{Args, Subcommand};
use market::{
    agent::{Agent as MarketAgent, OpenQuery, Outcome, Outlook, settle, withdraw},
    committee::access::CommitteeAccess as _,
    ledger::{LedgerAccess, QueryWatch, require_query, tip},
    so_many,
    wallet::{Protection, Wallet},
};
use node::state::committee_of;
use serde::Serialize;
use sha2::{Digest as _, Sha256};

pub(super) use self::pages::People;
use self::{
    earnings::Earnings,
    introduced::{Found, Introductions},
    pace::{Pace, Turn},
    pages::Pages,
    screenings::Screenings,
    watching::{Task, Watching, open_collecting},
};
use super::{
    Connection, Home, Output,
    committee::{Members, latest_key},
    patience::patiently,
    record::wallet_paths,
};
use crate::{Error, client::CommitteeDirectory, stop::Stop};

/// How often the agent looks for queries.
const WATCH_TIME: Duration = Duration::from_secs(2);

/// Wallets of one thread that are answered for between two looks at how far the queries are.
const WALLETS_PER_THREAD: usize = 8;

/// Answer open queries.
#[derive(Debug, Subcommand)]
pub enum Agent {
    /// Answer the open queries, or one, for every wallet of a folder, as its owner's consent allows.
    ///
    /// Safe to repeat: each record contributes once to a query, however often this runs or is interrupted.
    Run(Answering),
    /// Say what `run` would do, and why, without doing it. Needs no proving key and no committee member.
    DryRun(Answering),
    /// Answer queries as they open, until interrupted, and print each outcome once (with --json an object for each).
    ///
    /// Each answer waits a random time, at most --delay, so that the moment at which it comes tells nobody who sent it.
    /// SIGINT and SIGTERM end it once the answer in progress is sent; a second one ends it at once.
    Watch(Answering),
    /// Show what the answers and responses of a folder's wallets earned, and what may yet come.
    Earnings(Earnings),
    /// Serve people's own pages in a browser: their records, rules, who asked, money and privacy.
    ///
    /// Prints a link for each wallet that signs one browser in, once; when it was used, the next is printed. Sessions are in
    /// memory: ending this signs everybody out. It answers nothing: run `agent watch` beside it.
    Pages(Pages),
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
    /// The issuers whose visas count when a researcher presents a passport for a query, in TOML; none without it.
    #[arg(long, value_name = "FILE")]
    trust: Option<PathBuf>,
    /// One query; every open one without it.
    #[arg(long, value_name = "ID")]
    query: Option<QueryId>,
    #[command(flatten)]
    members: Members,
    /// Wallets that are answered for at a time, each proof on one core; as many as there are cores without it.
    #[arg(long, value_name = "COUNT")]
    threads: Option<NonZeroUsize>,
    /// The longest that `watch` lets an answer wait, in seconds; the time is drawn anew for each. `run` does not wait.
    #[arg(long, default_value_t = 60, value_name = "SECONDS")]
    delay: u64,
    /// Let `watch` respond to screenings too, where the owner's consent allows it: a response says that one more person is
    /// eligible, and can lead to an invitation. `locus screening respond` does it once.
    #[arg(long)]
    screenings: bool,
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
            Self::Run(answering) => answering.once(home, output, true),
            Self::DryRun(answering) => answering.once(home, output, false),
            Self::Watch(answering) => answering.watch(home, output),
            Self::Earnings(earnings) => earnings.run(home, output),
            Self::Pages(pages) => pages.run(home, output),
            Self::Withdraw(withdrawing) => withdrawing.run(home, output),
        }
    }
}

/// What is needed besides wallets.
struct Means {
    connection: Connection,
    protection: Protection,
    introductions: Introductions,
    /// Nothing where it is only said what would become of a query.
    prover: Option<Prover>,
}

/// What only answering needs: the members that keep ciphertexts, and the key that proves.
struct Prover {
    committee: CommitteeDirectory,
    proving: ProvingKey,
}

impl Means {
    /// Who answers; nobody where it is only said what would become of a query.
    fn agent(&self) -> Option<MarketAgent<'_>> {
        let (ledger, blobs) = (&*self.connection.ledger, &*self.connection.blobs);
        let prover = self.prover.as_ref()?;
        Some(MarketAgent { ledger, blobs, committee: &prover.committee, proving: &prover.proving })
    }
}

impl Answering {
    fn means(&self, home: &Home, connection: Connection, prover: Option<Prover>) -> Result<Means, Error> {
        let protection = home.wallet_protection(self.custodian.as_deref())?;
        let introductions = Introductions::new(home, self.trust.as_deref())?;
        Ok(Means { connection, protection, introductions, prover })
    }

    /// Too few members are refused before anything is proven: receipts are part of a contribution.
    fn prover(&self, home: &Home, ledger: &dyn LedgerAccess) -> Result<Prover, Error> {
        let key = match self.query {
            Some(query) => require_query(ledger, query)?.committee,
            None => latest_key(ledger)?,
        };
        let committee = self.members.directory()?;
        committee.require(&committee_of(ledger, key)?)?;
        Ok(Prover { committee, proving: proving_key(home, &ledger.genesis().contribution)? })
    }

    fn threads(&self) -> NonZeroUsize {
        self.threads.or_else(|| thread::available_parallelism().ok()).unwrap_or(NonZeroUsize::MIN)
    }

    /// The queries to look at among those that opened.
    fn wanted(&self, opened: Vec<QueryId>) -> Vec<QueryId> {
        opened.into_iter().filter(|query| self.query.is_none_or(|wanted| wanted == *query)).collect()
    }

    fn once(&self, home: &Home, output: &Output, answers: bool) -> Result<(), Error> {
        let connection = home.connect()?;
        let prover = answers.then(|| self.prover(home, &*connection.ledger)).transpose()?;
        let means = self.means(home, connection, prover)?;
        let ledger = &*means.connection.ledger;
        let mut open = match self.query {
            Some(query) => vec![OpenQuery::fetch(ledger, query)?],
            None => open_collecting(ledger, &mut QueryWatch::default().poll(ledger)?, vec![])?,
        };
        let find = |opened: &OpenQuery| Ok((opened.id(), means.introductions.find(opened.id())?));
        let found = open.iter().map(find).collect::<Result<_, Error>>()?;
        let mut lines = vec![];
        let paths = wallet_paths(&self.wallets)?;
        if paths.is_empty() {
            output.say(format!("{} holds no wallet", self.wallets.display()));
        }
        let progress = output.progress("answering", paths.len());
        let threads = self.threads();
        for batch in paths.chunks(threads.get() * WALLETS_PER_THREAD) {
            let all = batch.iter().map(|path| Task { path: path.clone(), queries: (0..open.len()).collect() });
            lines.extend(consider_side_by_side(&means, all.collect(), (&mut open, &found), threads)?);
            progress.inc(batch.len() as u64);
        }
        progress.finish_and_clear();
        let failed = lines.iter().filter(|line| matches!(line.what, What::Failed { .. })).count();
        output.result(&Answers { answers: lines }, |answers| match answers.answers.as_slice() {
            [] => "nothing to answer: no query collects now".into(),
            lines => lines.iter().map(describe).collect::<Vec<_>>().join("\n"),
        })?;
        if failed == 0 {
            return Ok(());
        }
        let why = format!("{failed} failed as printed; run it again, each goes on where it stopped");
        Err(Error::Input { what: "answers", why })
    }

    /// Looks again whenever a query opens, an epoch begins or something failed, and prints what is new, until a signal
    /// ends it between two answers. What fails, a node that restarts or a wallet that its owner has open, is tried again.
    fn watch(&self, home: &Home, output: &Output) -> Result<(), Error> {
        let stop = Stop::on_signals()?;
        let committee = self.members.directory()?;
        let connection = patiently(|| home.connect())?;
        let proving = proving_key(home, &connection.ledger.genesis().contribution)?;
        let means = self.means(home, connection, Some(Prover { committee, proving }))?;
        let mut watching = Watching::new(Duration::from_secs(self.delay));
        let delay = Duration::from_secs(self.delay);
        let mut screenings = self.screenings.then(|| Screenings::new(home, &means, delay)).transpose()?;
        let mut last_failure = String::new();
        output.say("watching for queries; stop with Ctrl-C");
        while !stop.asked() {
            // Neither look waits for the other to succeed.
            let queries = self.look(&means, &mut watching, output, &stop);
            let responses = screenings.as_mut().map_or(Ok(()), |screenings| {
                screenings.look(&means, (&wallet_paths(&self.wallets)?, self.threads()), output, &stop)
            });
            match queries.and(responses) {
                Ok(()) => last_failure.clear(),
                Err(error @ Error::Output { .. }) => return Err(error),
                Err(error) => {
                    let failure = error.to_string();
                    if failure != last_failure {
                        tracing::warn!(%error, "looking for queries fails and is tried again");
                    }
                    last_failure = failure;
                }
            }
            stop.sleep(WATCH_TIME);
        }
        output.say("stopped; what was begun goes on at the next start");
        Ok(())
    }

    /// What a researcher shows counts for a whole epoch ([`Watching::ask_who_asks`]): by showing one thing after another they
    /// would learn from the answers that come which owners ask for which. A query about whose researcher the node fails
    /// is left for the next look.
    fn look(&self, means: &Means, watching: &mut Watching, output: &Output, stop: &Stop) -> Result<(), Error> {
        let ledger = &*means.connection.ledger;
        // Told once alone, so noted before anything else can fail.
        let opened = self.wanted(watching.queries.poll(ledger)?).into_iter();
        let new: Vec<_> = opened.filter(|query| watching.told.insert(*query)).collect();
        if !new.is_empty() {
            watching.opened(new);
        }
        let epoch = tip(ledger)?.epoch;
        if watching.seen == Some(epoch) && !watching.asks_again(Instant::now()) {
            return Ok(());
        }
        if watching.epoch.replace(epoch) != Some(epoch) {
            watching.found.clear();
        }
        watching.open = open_collecting(ledger, &mut watching.known, std::mem::take(&mut watching.open))?;
        watching.forget_ended();
        let unknown = watching.ask_who_asks(&means.introductions);
        let (due, waits) = watching.due(wallet_paths(&self.wallets)?, epoch);
        let mut failed = false;
        let threads = self.threads();
        // Wallets are opened anew each time: between two looks the owner may have changed the terms in the file.
        for batch in due.chunks(threads.get() * WALLETS_PER_THREAD) {
            if stop.asked() {
                return Ok(());
            }
            let asked = (&mut *watching.open, &watching.found);
            for line in consider_side_by_side(means, batch.to_vec(), asked, threads)? {
                if matches!(line.what, What::Failed { .. }) {
                    failed = true;
                } else {
                    watching.pace.decided(Path::new(&line.wallet), line.query, epoch);
                }
                let digest = Sha256::digest(describe(&line).as_bytes()).into();
                if watching.printed.insert((line.query, digest)) {
                    output.result(&line, describe)?;
                }
            }
        }
        watching.seen = (!failed && !waits && unknown.is_none()).then_some(epoch);
        unknown.map_or(Ok(()), Err)
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

/// What becomes of queries for a batch of wallets, by what was found of each query's researcher, in the wallets' order. Only
/// the first of them see the queries as they are now; one that ended since is refused by the ledger.
fn consider_side_by_side(
    means: &Means,
    tasks: Vec<Task>,
    (open, found): (&mut [OpenQuery], &Found),
    threads: NonZeroUsize,
) -> Result<Vec<Line>, Error> {
    let ledger = &*means.connection.ledger;
    open.iter_mut().try_for_each(|opened| opened.refresh(ledger))?;
    means.introductions.introduce(&ledger.chain(), open, found);
    let open = &*open;
    let work = |task: Task| {
        let queries = task.queries.iter().filter_map(|place| open.get(*place));
        consider_all(means, &task.path, queries)
    };
    Ok(side_by_side(tasks, threads, work)?.into_iter().flatten().collect())
}

/// What becomes of queries for one wallet. A wallet that does not open fails alone.
fn consider_all<'q>(means: &Means, path: &Path, open: impl Iterator<Item = &'q OpenQuery>) -> Vec<Line> {
    let mut wallet = Wallet::open(path, means.protection.clone()).map_err(|error| error.to_string());
    let line = |opened: &OpenQuery| {
        let what = match &mut wallet {
            Ok(wallet) => consider(means, wallet, opened),
            Err(error) => What::Failed { error: error.clone() },
        };
        Line { wallet: path.display().to_string(), query: opened.id(), what }
    };
    open.map(line).collect()
}

fn consider(means: &Means, wallet: &mut Wallet, opened: &OpenQuery) -> What {
    let ledger = &*means.connection.ledger;
    let result = match means.agent() {
        None => settle(ledger, wallet).and_then(|()| opened.outlook(ledger, wallet)).map(What::Foreseen),
        Some(agent) => agent.answer_opened(wallet, opened, &mut rand::rng()).map(What::Done),
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
        What::Foreseen(Outlook::Answer { parts, price, .. }) => {
            format!("would send {} and earn {price}", so_many(parts, "proof", "proofs"))
        }
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
