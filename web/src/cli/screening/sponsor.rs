//! The sponsor's commands.

use std::{collections::BTreeSet, path::PathBuf};

use circuits::id::ScreeningId;
use clap::Args;
use market::{
    ledger::{require_screening, tip},
    recruitment::{Answered, Invitation, Invited, ScreeningFile, Sponsor, table},
    so_many,
    wallet::{PartyKey, Role},
};
use node::{
    state::{ResponseStatus, ScreeningState, StateRead},
    units::{Amount, ResponseIndex},
};
use serde::Serialize;

use super::{InWords, Listed, describe};
use crate::{
    Error,
    cli::{Connection, Home, Output, ontology::Ontology, sealing_key, session::write_private_file},
};

/// What to open.
#[derive(Debug, Args)]
pub struct Opening {
    /// The screening file, in JSON or, when its name ends in .toml, in TOML.
    #[arg(value_name = "FILE")]
    file: PathBuf,
    /// The key file of the researcher who registered the study, or of the sponsor that it names. Contacts are sealed to it.
    #[arg(long, value_name = "FILE")]
    key: PathBuf,
    #[command(flatten)]
    ontology: Ontology,
    /// Open without asking.
    #[arg(long)]
    yes: bool,
}

/// Whom to invite, and to what.
#[derive(Debug, Args)]
pub struct Inviting {
    /// The screening's id.
    screening: ScreeningId,
    /// The invitation: `title`, `about` and `answering`, in JSON or, when its name ends in .toml, in TOML.
    #[arg(value_name = "FILE")]
    file: PathBuf,
    /// The sponsor's key file.
    #[arg(long, value_name = "FILE")]
    key: PathBuf,
    /// Places of responses, as `contacts` lists them.
    #[arg(long, value_delimiter = ',', value_name = "NUMBER", required_unless_present = "all")]
    response: Vec<u32>,
    /// Everybody who was not invited yet.
    #[arg(long, conflicts_with = "response")]
    all: bool,
    /// Invite without asking.
    #[arg(long)]
    yes: bool,
}

/// Whose responses.
#[derive(Debug, Args)]
pub struct Listing {
    /// The screening's id.
    screening: ScreeningId,
    /// The sponsor's key file.
    #[arg(long, value_name = "FILE")]
    key: PathBuf,
    /// Write them as a table too, with the contacts of those who accepted.
    #[arg(long, value_name = "FILE")]
    csv: Option<PathBuf>,
}

/// Whose screening.
#[derive(Debug, Args)]
pub struct Signing {
    /// The screening's id.
    screening: ScreeningId,
    /// The sponsor's key file.
    #[arg(long, value_name = "FILE")]
    key: PathBuf,
    /// Do it without asking.
    #[arg(long)]
    yes: bool,
}

fn sponsor<'a>(connection: &'a Connection, key: &'a PartyKey) -> Sponsor<'a> {
    Sponsor { ledger: &*connection.ledger, blobs: &*connection.blobs, key }
}

impl Opening {
    pub(super) fn run(self, home: &Home, output: &Output) -> Result<(), Error> {
        let file = ScreeningFile::open(&self.file)?;
        self.ontology.check(file.data_use.as_ref())?;
        let key = home.key(&self.key, Role::Researcher)?;
        let connection = home.connect()?;
        let ledger = &*connection.ledger;
        let unknown = || Error::NotFound { what: "schema", id: file.schema.to_string() };
        let schema = ledger.schema(file.schema)?.ok_or_else(unknown)?;
        let screening = file.resolve(&schema, tip(ledger)?.time.day(), sealing_key(&key))?;
        let (escrow, fee) = (screening.escrow()?, ledger.genesis().parameters.opening_fee);
        check_balance(&connection, &key, escrow.plus(fee)?)?;
        output.confirm(self.yes, &format!("Lock {escrow} and pay {fee} to open this screening?"))?;
        let (id, state) = sponsor(&connection, &key).open(screening)?;
        output.result(&Listed { id, state }, |opened| {
            format!("screening {} is open; escrow {}", opened.id, opened.state.escrow)
        })
    }
}

/// Says before anybody is asked that the money is not there.
fn check_balance(connection: &Connection, key: &PartyKey, needed: Amount) -> Result<(), Error> {
    let balance = connection.ledger.account(key.account())?.unwrap_or_default().balance;
    if balance >= needed {
        return Ok(());
    }
    let why = format!("it takes {needed}, and account {} has {balance}", key.account());
    Err(Error::Input { what: "screening", why })
}

/// What became of all invitations.
#[derive(Debug, Serialize)]
struct Invitations {
    invitations: Vec<Invited>,
}

impl Inviting {
    pub(super) fn run(self, home: &Home, output: &Output) -> Result<(), Error> {
        let invitation = Invitation::open_file(&self.file)?;
        let key = home.key(&self.key, Role::Researcher)?;
        let connection = home.connect()?;
        let sponsor = sponsor(&connection, &key);
        let whom: BTreeSet<ResponseIndex> = if self.all {
            let eligible = sponsor.answers(self.screening)?.into_iter();
            let waits = |answered: &Answered| answered.status == ResponseStatus::Eligible;
            eligible.filter(waits).map(|answered| answered.response).collect()
        } else {
            self.response.iter().copied().map(ResponseIndex::new).collect()
        };
        require_responses(&require_screening(&*connection.ledger, self.screening)?, &whom)?;
        if !whom.is_empty() {
            let (title, people) = (&invitation.title, so_many(whom.len(), "person", "people"));
            let question = format!("Send {title:?} to {people}? An invitation cannot be changed afterwards.");
            output.confirm(self.yes, &question)?;
        }
        let invitations = sponsor.invite(self.screening, &whom, &invitation)?;
        output.result(&Invitations { invitations }, |all| match all.invitations.as_slice() {
            [] => "nobody is left to invite".into(),
            all => all.iter().map(in_words).collect::<Vec<_>>().join("\n"),
        })
    }
}

/// Refuses places that nobody responded at, before anybody is asked.
fn require_responses(screening: &ScreeningState, whom: &BTreeSet<ResponseIndex>) -> Result<(), Error> {
    let count = screening.eligible;
    match whom.last().filter(|last| last.get() >= count) {
        None => Ok(()),
        Some(_) if count == 0 => Err(Error::Input { what: "responses", why: "nobody has responded yet".into() }),
        Some(last) => {
            let why = format!("there is none at {last}: {count} responded, at 0 to {}", count - 1);
            Err(Error::Input { what: "responses", why })
        }
    }
}

fn in_words(invited: &Invited) -> String {
    match invited {
        Invited::Invited { response } => format!("response {response}  invited"),
        Invited::AlreadyInvited { response } => format!("response {response}  had this invitation already"),
        Invited::InvitedOtherwise { response } => {
            format!("response {response}  had another invitation; once is enough")
        }
        Invited::Unreachable { response, why } => format!("response {response}  cannot be invited: {why}"),
    }
}

/// Every response with what became of it.
#[derive(Debug, Serialize)]
struct Contacts {
    responses: Vec<Answered>,
}

impl Listing {
    pub(super) fn run(self, home: &Home, output: &Output) -> Result<(), Error> {
        let key = home.key(&self.key, Role::Researcher)?;
        let connection = home.connect_reading()?;
        let responses = sponsor(&connection, &key).answers(self.screening)?;
        if let Some(path) = &self.csv {
            write_private_file("table of responses", path, table::csv(&responses)?.as_bytes())?;
            output.say(format!("wrote {}, which you alone may read", path.display()));
        }
        output.result(&Contacts { responses }, |contacts| match contacts.responses.as_slice() {
            [] => "nobody has responded yet".into(),
            responses => responses.iter().map(answered_in_words).collect::<Vec<_>>().join("\n"),
        })
    }
}

impl Signing {
    pub(super) fn close(self, home: &Home, output: &Output) -> Result<(), Error> {
        let key = home.key(&self.key, Role::Researcher)?;
        let connection = home.connect()?;
        let ScreeningState { screening, escrow, .. } = require_screening(&*connection.ledger, self.screening)?;
        let terms = InWords::of(&*connection.ledger).lines(&screening)?;
        output.confirm(self.yes, &format!("Close for ever and take {escrow} back? No response is admitted then."))?;
        sponsor(&connection, &key).close(self.screening)?;
        let state = require_screening(&*connection.ledger, self.screening)?;
        output.result(&Listed { id: self.screening, state }, |closed| describe(closed, &terms))
    }
}

fn answered_in_words(answered: &Answered) -> String {
    let stage = match (&answered.status, &answered.contact, &answered.problem) {
        (ResponseStatus::Eligible, ..) => "eligible".into(),
        (ResponseStatus::Invited { height, .. }, ..) => format!("invited in block {height}"),
        (ResponseStatus::Declined { .. }, ..) => "declined".into(),
        (ResponseStatus::Accepted { .. }, Some(contact), _) => format!("accepted: {}", contact.text()),
        (ResponseStatus::Accepted { .. }, None, problem) => {
            format!("accepted; the contact cannot be read: {}", problem.as_deref().unwrap_or("it is absent"))
        }
    };
    format!("response {}  {stage}", answered.response)
}
