//! The commands of people and of their agents.

use std::path::{Path, PathBuf};

use circuits::{eligibility::ProvingKey, id::ScreeningId};
use clap::Args;
use market::{
    introduction::KnownAsker,
    ledger::open_screenings,
    passport::TrustedIssuers,
    recruitment::{Contact, OpenScreening, Outcome, Outlook, ReceivedInvitation, ScreeningAgent},
    so_many,
    wallet::{Protection, Wallet},
};
use node::{genesis::Genesis, state::ResponseStatus};
use serde::Serialize;

use super::Wallets;
use crate::{
    Error,
    chain::now,
    cli::{Connection, Home, Output, record::wallet_paths, session::read_text},
};

/// For whom, and to what.
#[derive(Debug, Args)]
pub struct Responding {
    /// One screening; every open one without it.
    #[arg(value_name = "SCREENING")]
    screening: Option<ScreeningId>,
    #[command(flatten)]
    wallets: Wallets,
    /// What is demanded of those who ask, in TOML, as `locus agent` takes it: nobody shows an approval for a screening, so that
    /// owners who require one do not respond where it demands any.
    #[arg(long, value_name = "FILE")]
    trust: Option<PathBuf>,
    /// Say what would be sent, and why not, without sending anything.
    #[arg(long)]
    dry_run: bool,
    /// Respond without asking.
    #[arg(long)]
    yes: bool,
}

/// Whose invitations.
#[derive(Debug, Args)]
pub struct Reading {
    /// One screening; every one that a wallet responded to without it.
    #[arg(value_name = "SCREENING")]
    screening: Option<ScreeningId>,
    #[command(flatten)]
    wallets: Wallets,
}

/// Whose answer to which invitation.
#[derive(Debug, Args)]
struct Answering {
    /// The screening's id.
    screening: ScreeningId,
    /// The wallet file.
    #[arg(value_name = "WALLET")]
    wallet: PathBuf,
    /// The custodian's key file, when it protects the wallet; otherwise the passphrase opens it.
    #[arg(long, value_name = "FILE")]
    custodian: Option<PathBuf>,
    /// Answer without asking.
    #[arg(long)]
    yes: bool,
}

/// A yes.
#[derive(Debug, Args)]
pub struct Accepting {
    #[command(flatten)]
    answering: Answering,
    /// File with the contact that is left for the sponsor, such as an address of electronic mail: at most 1,000 bytes. A
    /// file, so that no list of running programs shows it.
    #[arg(long, value_name = "FILE")]
    contact: PathBuf,
}

/// A no.
#[derive(Debug, Args)]
pub struct Declining {
    #[command(flatten)]
    answering: Answering,
}

/// What became of one wallet and screening.
#[derive(Debug, Serialize)]
pub(in crate::cli) struct Line {
    pub wallet: String,
    pub screening: ScreeningId,
    #[serde(flatten)]
    pub what: What,
}

/// Done, or foreseen, or failed.
#[derive(Debug, Serialize)]
#[serde(untagged)]
pub(in crate::cli) enum What {
    Done(Outcome),
    Foreseen(Outlook),
    Failed { error: String },
}

/// What became of all.
#[derive(Debug, Serialize)]
struct Responses {
    responses: Vec<Line>,
}

/// Reads the network's key that proves eligibility.
pub(in crate::cli) fn proving_key(home: &Home, genesis: &Genesis) -> Result<ProvingKey, Error> {
    let path: &Path = &home.eligibility_key_path();
    let bytes = std::fs::read(path).map_err(|error| Error::Input {
        what: "proving key of screenings",
        why: format!("{}: {error}; it is public: copy it from where `locus network init` wrote it", path.display()),
    })?;
    Ok(ProvingKey::from_bytes(&bytes, &genesis.eligibility)?)
}

fn agent(connection: &Connection) -> ScreeningAgent<'_> {
    ScreeningAgent { ledger: &*connection.ledger, blobs: &*connection.blobs }
}

impl Responding {
    pub(super) fn run(self, home: &Home, output: &Output) -> Result<(), Error> {
        let connection = home.connect()?;
        let agent = agent(&connection);
        let protection = home.wallet_protection(self.wallets.custodian.as_deref())?;
        let ids = match self.screening {
            Some(id) => vec![id],
            None => open_screenings(agent.ledger)?.into_iter().map(|(id, _)| id).collect(),
        };
        let trust = self.trust.as_deref().map(TrustedIssuers::open).transpose()?;
        let opened = |id| {
            let mut opened = agent.open(id)?;
            opened.introduce(KnownAsker::of_screening(opened.state(), trust.as_ref(), now()));
            Ok(opened)
        };
        let open: Vec<OpenScreening> = ids.into_iter().map(opened).collect::<Result<_, Error>>()?;
        let paths = wallet_paths(&self.wallets.wallets)?;
        let foresee = |wallet: &mut Wallet, opened: &OpenScreening| agent.dry_run(wallet, opened).map(What::Foreseen);
        let mut lines = for_all(&paths, &protection, &open, foresee, || ());
        let would = lines.iter().filter(|line| matches!(line.what, What::Foreseen(Outlook::Respond { .. }))).count();
        if !self.dry_run && would > 0 {
            let each = "Each tells that one more person is eligible, and lets the sponsor invite them.";
            let would = so_many(would, "anonymous response", "anonymous responses");
            output.confirm(self.yes, &format!("Send {would}? {each}"))?;
        }
        if !self.dry_run && !open.is_empty() {
            let key = proving_key(home, agent.ledger.genesis())?;
            let respondent = agent.proving(&key);
            let progress = output.progress("responding", paths.len());
            let respond = |wallet: &mut Wallet, opened: &OpenScreening| {
                respondent.respond(wallet, opened, &mut rand::rng()).map(What::Done)
            };
            lines = for_all(&paths, &protection, &open, respond, || progress.inc(1));
            progress.finish_and_clear();
        }
        let failed = lines.iter().filter(|line| matches!(line.what, What::Failed { .. })).count();
        output.result(&Responses { responses: lines }, |all| match all.responses.as_slice() {
            [] => "nothing to respond to: no screening admits responses today, or there is no wallet".into(),
            lines => lines.iter().map(describe).collect::<Vec<_>>().join("\n"),
        })?;
        if failed == 0 {
            return Ok(());
        }
        let why = format!("{failed} failed as printed; run it again, each goes on where it stopped");
        Err(Error::Input { what: "responses", why })
    }
}

/// Does something for every wallet and screening. A wallet that does not open fails alone.
fn for_all(
    paths: &[PathBuf],
    protection: &Protection,
    open: &[OpenScreening],
    mut what: impl FnMut(&mut Wallet, &OpenScreening) -> Result<What, market::Error>,
    mut done: impl FnMut(),
) -> Vec<Line> {
    let mut lines = vec![];
    for path in paths {
        let mut wallet = Wallet::open(path, protection.clone()).map_err(|error| error.to_string());
        lines.extend(open.iter().map(|opened| {
            let failed = |error: String| What::Failed { error };
            let what = match &mut wallet {
                Ok(wallet) => what(wallet, opened).unwrap_or_else(|error| failed(error.to_string())),
                Err(error) => failed(error.clone()),
            };
            Line { wallet: path.display().to_string(), screening: opened.id(), what }
        }));
        done();
    }
    lines
}

/// A line for people.
pub(in crate::cli) fn describe(line: &Line) -> String {
    let what = match &line.what {
        What::Done(Outcome::Admitted { response, .. }) => format!("responded as number {response}"),
        What::Done(Outcome::AlreadyAdmitted { response }) | What::Foreseen(Outlook::Responded { response }) => {
            format!("had responded as number {response}")
        }
        What::Done(Outcome::Declined { reasons }) | What::Foreseen(Outlook::Decline { reasons }) => {
            format!("declined: {}", reasons.iter().map(ToString::to_string).collect::<Vec<_>>().join("; "))
        }
        What::Foreseen(Outlook::Respond { price, .. }) => format!("would respond and earn {price}"),
        What::Failed { error } => format!("failed: {error}"),
    };
    format!("{}  {}  {what}", line.wallet, line.screening)
}

/// An invitation to a wallet.
#[derive(Debug, Serialize)]
struct ToWallet {
    wallet: String,
    #[serde(flatten)]
    received: ReceivedInvitation,
}

/// Invitations to all wallets.
#[derive(Debug, Serialize)]
struct Received {
    invitations: Vec<ToWallet>,
}

impl Reading {
    pub(super) fn run(self, home: &Home, output: &Output) -> Result<(), Error> {
        let connection = home.connect_reading()?;
        let protection = home.wallet_protection(self.wallets.custodian.as_deref())?;
        let paths = wallet_paths(&self.wallets.wallets)?;
        let wallets = paths.iter().map(|path| Wallet::open(path, protection.clone()));
        let wallets: Vec<Wallet> = wallets.collect::<Result<_, _>>()?;
        let mut ids: Vec<ScreeningId> = match self.screening {
            Some(id) => vec![id],
            None => wallets.iter().flat_map(|wallet| wallet.responses().keys().copied()).collect(),
        };
        ids.sort_unstable();
        ids.dedup();
        let mut invitations = vec![];
        for id in ids {
            let mailbox = agent(&connection).mailbox(id, &wallets)?;
            invitations.extend(paths.iter().zip(&wallets).filter_map(|(path, wallet)| {
                Some(ToWallet { wallet: path.display().to_string(), received: mailbox.open(wallet)? })
            }));
        }
        output.result(&Received { invitations }, |received| match received.invitations.as_slice() {
            [] => "no invitation yet".into(),
            all => all.iter().map(invitation_in_words).collect::<Vec<_>>().join("\n\n"),
        })
    }
}

fn invitation_in_words(to: &ToWallet) -> String {
    let received = &to.received;
    let head = format!("{}  {}  {}", to.wallet, received.screening, stage(&received.status));
    match (&received.invitation, &received.problem) {
        (Some(invitation), _) => {
            let (title, about, answering) = (&invitation.title, &invitation.about, &invitation.answering);
            format!("{head}\n\n  {title}\n\n{about}\n\n{answering}")
        }
        (None, problem) => format!("{head}\n  it cannot be read: {}", problem.as_deref().unwrap_or("it is absent")),
    }
}

const fn stage(status: &ResponseStatus) -> &'static str {
    match status {
        ResponseStatus::Eligible => "not invited",
        ResponseStatus::Invited { .. } => "invited; accept, decline, or do not answer",
        ResponseStatus::Accepted { .. } => "accepted",
        ResponseStatus::Declined { .. } => "declined",
    }
}

/// What the ledger has of an answer.
#[derive(Debug, Serialize)]
struct Answer {
    screening: ScreeningId,
    status: ResponseStatus,
}

impl Answering {
    /// Asks, and then answers with the wallet.
    fn answer(
        &self,
        (home, output): (&Home, &Output),
        question: &str,
        answer: impl FnOnce(&ScreeningAgent<'_>, &mut Wallet) -> Result<ResponseStatus, market::Error>,
    ) -> Result<(), Error> {
        let connection = home.connect()?;
        let mut wallet = home.wallet(&self.wallet, self.custodian.as_deref())?;
        let agent = agent(&connection);
        if let Some(received) = agent.mailbox(self.screening, [&wallet])?.open(&wallet) {
            output.say(invitation_in_words(&ToWallet { wallet: self.wallet.display().to_string(), received }));
        }
        output.confirm(self.yes, question)?;
        let status = answer(&agent, &mut wallet)?;
        output.result(&Answer { screening: self.screening, status }, |answer| stage(&answer.status).into())
    }
}

impl Accepting {
    pub(super) fn run(self, home: &Home, output: &Output) -> Result<(), Error> {
        let contact = Contact::new(read_text("contact", &self.contact)?.trim())?;
        let question =
            "Leave this contact? The sponsor learns it, and that you meet the criteria; nobody can take it back.";
        let screening = self.answering.screening;
        self.answering.answer((home, output), question, |agent, wallet| {
            agent.accept(wallet, screening, &contact, &mut rand::rng())
        })
    }
}

impl Declining {
    pub(super) fn run(self, home: &Home, output: &Output) -> Result<(), Error> {
        let question = "Decline? The sponsor sees that this response declined; who does not answer says as much.";
        let screening = self.answering.screening;
        self.answering.answer((home, output), question, |agent, wallet| agent.decline(wallet, screening))
    }
}
