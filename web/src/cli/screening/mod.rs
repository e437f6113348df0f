//! Screenings: a sponsor looks for eligible people and invites them, people's agents respond, and people answer.

mod person;
mod receipt;
mod sponsor;
mod terms;

use std::path::PathBuf;

use circuits::id::{AccountId, ScreeningId, StudyId};
use clap::{Args, Subcommand};
use market::{
    index::{ScreeningFilter, Whose},
    ledger::{filtered_screenings, require_screening},
    recruitment::ScreeningFile,
    so_many,
};
use node::{calendar::date, state::ScreeningState};
use schemars::schema_for;
use serde::Serialize;

pub(super) use self::person::{Line, What, describe as describe_response, proving_key};
use self::{
    person::{Accepting, Declining, Reading, Responding},
    receipt::Recording,
    sponsor::{Inviting, Listing, Opening, Signing},
    terms::InWords,
};
use super::{Home, Output};
use crate::Error;

/// Recruit, and be recruited.
#[derive(Debug, Subcommand)]
pub enum Screening {
    /// Print the JSON Schema of screening files.
    Schema,
    /// Open a screening (its sponsor). It locks price × maximum responses and pays a fee that is not refunded.
    Open(Opening),
    /// List the screenings that admit responses today.
    List(Which),
    /// Show a screening: whom it asks and what for, and how many are eligible, invited, accepted, declined.
    Show {
        /// The screening's id.
        screening: ScreeningId,
    },
    /// Respond for every wallet of a folder, as its owner's consent allows (a person's agent).
    ///
    /// A response is anonymous, with one-time keys, and is paid at once. It tells that one more person is eligible, and lets
    /// the sponsor invite whoever that is. Safe to repeat: each record responds once, however often this runs or is
    /// interrupted.
    Respond(Responding),
    /// Show the invitations to the wallets of a folder. Nobody learns which responses are theirs (a person's agent).
    Invitations(Reading),
    /// Accept an invitation: leave a contact that only the sponsor can read (a person).
    Accept(Accepting),
    /// Decline an invitation. Who does not answer at all says as much (a person).
    Decline(Declining),
    /// Send an invitation to one, several or all responses, once each (its sponsor).
    Invite(Inviting),
    /// List responses with the contacts of those who accepted (its sponsor).
    Contacts(Listing),
    /// Write a receipt of how many are eligible, as of the latest block. Anyone checks it offline with `locus verify`.
    ///
    /// It takes no key, and shows nothing that the ledger does not show: anonymous responses, each with its proof.
    Receipt(Recording),
    /// End a screening: what is left of the escrow goes back. Invitations and answers may follow (its sponsor).
    Close(Signing),
}

/// Which screenings to list.
#[derive(Debug, Args)]
pub struct Which {
    /// List those that are closed, over or full too.
    #[arg(long)]
    all: bool,
    /// Only those of this study.
    #[arg(long, value_name = "STUDY", conflicts_with = "sponsor")]
    study: Option<StudyId>,
    /// Only those that this account opened.
    #[arg(long, value_name = "ACCOUNT")]
    sponsor: Option<AccountId>,
}

/// Which wallets, and what opens them.
#[derive(Debug, Args)]
struct Wallets {
    /// Folder of wallets.
    #[arg(long, value_name = "DIR")]
    wallets: PathBuf,
    /// The custodian's key file, when it protects the wallets; otherwise the passphrase opens them.
    #[arg(long, value_name = "FILE")]
    custodian: Option<PathBuf>,
}

/// A screening with its id.
#[derive(Debug, Serialize)]
struct Listed {
    id: ScreeningId,
    state: ScreeningState,
}

/// Screenings.
#[derive(Debug, Serialize)]
struct Screenings {
    screenings: Vec<Listed>,
}

impl Screening {
    pub(super) fn run(self, home: &Home, output: &Output) -> Result<(), Error> {
        match self {
            Self::Schema => {
                let schema = schema_for!(ScreeningFile);
                output.result(&schema, |schema| serde_json::to_string_pretty(schema).unwrap_or_default())
            }
            Self::Open(opening) => opening.run(home, output),
            Self::List(which) => list(home, output, &which),
            Self::Show { screening } => {
                let ledger = home.connect_reading()?.ledger;
                let listed = Listed { id: screening, state: require_screening(&*ledger, screening)? };
                let terms = InWords::of(&*ledger).lines(&listed.state.screening)?;
                output.result(&listed, |listed| describe(listed, &terms))
            }
            Self::Respond(responding) => responding.run(home, output),
            Self::Invitations(reading) => reading.run(home, output),
            Self::Accept(accepting) => accepting.run(home, output),
            Self::Decline(declining) => declining.run(home, output),
            Self::Invite(inviting) => inviting.run(home, output),
            Self::Contacts(listing) => listing.run(home, output),
            Self::Receipt(recording) => recording.run(home, output),
            Self::Close(signing) => signing.close(home, output),
        }
    }
}

fn list(home: &Home, output: &Output, which: &Which) -> Result<(), Error> {
    let of = which.study.map(Whose::Study).or(which.sponsor.map(Whose::Account));
    let whose = match of {
        None => "",
        Some(Whose::Study(_)) => " of this study",
        Some(Whose::Account(_)) => " of this sponsor",
    };
    let connection = home.connect_reading()?;
    let found = filtered_screenings(&*connection.ledger, &ScreeningFilter { of, open: !which.all })?;
    let mut in_words = InWords::of(&*connection.ledger);
    let terms = found.iter().map(|(_, state)| in_words.lines(&state.screening)).collect::<Result<Vec<_>, _>>()?;
    let screenings = found.into_iter().map(|(id, state)| Listed { id, state }).collect();
    output.result(&Screenings { screenings }, |listing| match listing.screenings.as_slice() {
        [] if which.all => format!("no screening{whose} was opened"),
        [] => format!("no screening{whose} admits responses today; --all lists those that are over"),
        listed => {
            let described = listed.iter().zip(&terms).map(|(listed, terms)| describe(listed, terms));
            described.collect::<Vec<_>>().join("\n\n")
        }
    })
}

/// A screening in lines, those of its terms among them.
fn describe(listed: &Listed, terms: &[String]) -> String {
    let Listed { id, state } = listed;
    let screening = &state.screening;
    let until = date(screening.closing);
    let stage = match state.closed {
        Some(height) => format!("closed in block {height}"),
        None if state.eligible >= screening.responses_max => "full".into(),
        None => format!("admits responses until the end of {until}"),
    };
    let who = [
        format!("screening  {id}"),
        format!("study      {}", screening.study),
        format!("sponsor    {}", state.sponsor),
    ];
    let how_far = [
        format!("stage      {stage}"),
        format!(
            "price      {} for each of at most {}",
            screening.price,
            so_many(screening.responses_max, "response", "responses")
        ),
        format!("escrow     {}", state.escrow),
        format!("eligible   {}", state.eligible),
        format!("invited    {} ({} accepted, {} declined)", state.invited, state.accepted, state.declined),
    ];
    [who.as_slice(), terms, how_far.as_slice()].concat().join("\n")
}
