//! Screenings: whom a sponsor looks for, and how far it is. Who responded stays hidden; how many did is public.

use std::cmp::Reverse;

use actix_web::{
    HttpRequest, HttpResponse, get,
    web::{Data, Path, Query},
};
use askama::Template;
use circuits::{
    consent::Day,
    id::{AccountId, ScreeningId, StudyId},
};
use market::data_use::demanded_in_words;
use node::{
    Snapshot,
    calendar::date,
    state::{ScreeningState, StateRead},
    units::{Amount, Height},
};
use serde::Deserialize;

use super::{
    parts::{self, Listing, asked},
    shell::{Section, Shell, page},
    words::{self, Purpose},
};
use crate::{
    Error,
    api::{RECEIPT_RESPONSES_MAX, Service, blocking, found, parse},
};

/// Screenings of one page.
const ROWS: usize = 25;

/// How far a screening is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Stage {
    /// Its first day is to come.
    Coming,
    /// It admits responses.
    Open,
    /// As many responded as it pays for.
    Full,
    /// Its last day is past.
    Over,
    /// Its sponsor ended it.
    Closed,
}

impl Stage {
    fn of(state: &ScreeningState, today: Day) -> Self {
        let screening = &state.screening;
        match state.closed {
            Some(_) => Self::Closed,
            None if state.eligible >= screening.responses_max => Self::Full,
            None if today > screening.closing => Self::Over,
            None if today < screening.opening => Self::Coming,
            None => Self::Open,
        }
    }

    /// As a state of affairs.
    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::Coming => "Not yet open",
            Self::Open => "Open",
            Self::Full => "Full",
            Self::Over => "Over",
            Self::Closed => "Closed",
        }
    }

    /// What it means.
    pub(super) const fn means(self) -> &'static str {
        match self {
            Self::Coming => "responses are admitted from its first day on",
            Self::Open => "people's agents may respond",
            Self::Full => "as many people responded as it pays for; they can be invited still",
            Self::Over => "its last day is past; whoever responded can be invited still",
            Self::Closed => "its sponsor ended it; whoever responded can be invited still",
        }
    }

    /// The class that colours it.
    pub(super) const fn class(self) -> &'static str {
        match self {
            Self::Open => "collecting",
            Self::Full => "good",
            Self::Coming | Self::Over | Self::Closed => "",
        }
    }
}

/// An issuer that is asked.
pub(super) struct Asked {
    pub(super) account: AccountId,
    pub(super) name: String,
}

/// A screening as lists show it.
pub(super) struct Listed {
    pub(super) id: ScreeningId,
    pub(super) title: String,
    pub(super) stage: Stage,
    pub(super) closing: String,
    pub(super) criteria: Vec<String>,
    pub(super) issuers: Vec<Asked>,
    pub(super) state: ScreeningState,
}

impl Listed {
    fn of(snapshot: &Snapshot, id: ScreeningId, state: ScreeningState, today: Day) -> Result<Self, Error> {
        let screening = &state.screening;
        let schema = found("schema", screening.schema, snapshot.schema(screening.schema)?)?;
        let name = |account: &AccountId| {
            let name = snapshot.issuer(*account)?.map_or_else(String::new, |party| party.name);
            Ok::<_, Error>(Asked { account: *account, name })
        };
        Ok(Self {
            id,
            title: snapshot.study(screening.study)?.map_or_else(String::new, |study| study.registration.title),
            stage: Stage::of(&state, today),
            closing: date(screening.closing),
            criteria: words::groups(&screening.criteria, &schema),
            issuers: screening.issuers.iter().map(name).collect::<Result<_, _>>()?,
            state,
        })
    }

    /// Those invited who did not answer.
    fn unanswered(&self) -> u32 {
        self.state.invited.saturating_sub(self.state.accepted).saturating_sub(self.state.declined)
    }
}

/// All screenings, the newest first.
fn newest(snapshot: &Snapshot) -> Result<Vec<(ScreeningId, ScreeningState)>, Error> {
    let mut all = snapshot.screenings()?;
    all.sort_by_key(|(id, state)| Reverse((state.opened, *id)));
    Ok(all)
}

/// The screenings of a study, the newest first, and whether there are more.
pub(super) fn of_study(snapshot: &Snapshot, study: StudyId) -> Result<(Vec<Listed>, bool), Error> {
    let today = snapshot.latest()?.time.day();
    let mut all = newest(snapshot)?;
    all.retain(|(_, state)| state.screening.study == study);
    let more = all.len() > ROWS;
    let rows = all.into_iter().take(ROWS).map(|(id, state)| Listed::of(snapshot, id, state, today));
    Ok((rows.collect::<Result<_, _>>()?, more))
}

/// The screenings that an account opened, the newest first, as many as one page has.
pub(super) fn of_sponsor(snapshot: &Snapshot, sponsor: AccountId) -> Result<Vec<Listed>, Error> {
    let today = snapshot.latest()?.time.day();
    let own = newest(snapshot)?.into_iter().filter(|(_, state)| state.sponsor == sponsor).take(ROWS);
    own.map(|(id, state)| Listed::of(snapshot, id, state, today)).collect()
}

/// Where a page of the list begins.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct After {
    after: Option<String>,
}

/// The screenings behind one, the newest first.
fn listing(snapshot: &Snapshot, after: Option<ScreeningId>) -> Result<Listing<Listed>, Error> {
    let today = snapshot.latest()?.time.day();
    let mut all = newest(snapshot)?;
    if let Some(after) = after {
        let last = found("screening", after, snapshot.screening(after)?)?;
        all.retain(|(id, state)| (state.opened, *id) < (last.opened, after));
    }
    let more = all.len() > ROWS;
    all.truncate(ROWS);
    let older = all.last().filter(|_| more).map(|(id, _)| format!("/screenings?after={id}"));
    let rows = all.into_iter().map(|(id, state)| Listed::of(snapshot, id, state, today));
    let newest = after.map(|_| "/screenings".into());
    Ok(Listing { rows: rows.collect::<Result<_, _>>()?, older, newest })
}

#[derive(Template)]
#[template(path = "screenings.html")]
struct Screenings {
    shell: Shell,
    listing: Listing<Listed>,
}

/// Screenings, the newest first.
#[get("/screenings")]
pub(super) async fn list(
    request: HttpRequest,
    service: Data<Service>,
    after: Result<Query<After>, actix_web::Error>,
) -> Result<HttpResponse, Error> {
    let after: Option<ScreeningId> = asked(after)?.after.map(|text| parse("screening id", &text)).transpose()?;
    let shell = Shell::of(&request, Section::Screenings, "Screenings");
    let listing = blocking(move || listing(&service.chain.snapshot()?, after));
    page(&Screenings { shell, listing: listing.await? })
}

#[derive(Template)]
#[template(path = "screening.html")]
struct OneScreening {
    shell: Shell,
    screening: Listed,
    sponsor: String,
    schema: String,
    purposes: Vec<Purpose>,
    /// Who can respond, by what the screening demands of consents.
    answers: Vec<String>,
    /// What was locked when it opened, and what responses were paid.
    locked: Amount,
    paid: Amount,
    /// What opening it cost.
    fee: Amount,
    /// All screenings of the study that the page shows, this one included.
    siblings: Vec<Listed>,
    more_siblings: bool,
    /// Where clients reach this node.
    address: String,
}

impl OneScreening {
    /// Whether this server collects and checks the receipt itself.
    fn is_checked_here(&self) -> bool {
        self.screening.state.eligible <= RECEIPT_RESPONSES_MAX
    }

    /// When its sponsor ended it.
    fn closed(&self) -> Option<Height> {
        self.screening.state.closed
    }
}

/// One screening, whole.
#[get("/screenings/{id}")]
pub(super) async fn show(
    request: HttpRequest,
    service: Data<Service>,
    id: Path<String>,
) -> Result<HttpResponse, Error> {
    let id: ScreeningId = parse("screening id", &id)?;
    let shell = Shell::of(&request, Section::Screenings, "Screening");
    page(&blocking(move || whole(shell, &service, id)).await?)
}

fn whole(shell: Shell, service: &Service, id: ScreeningId) -> Result<OneScreening, Error> {
    let snapshot = service.chain.snapshot()?;
    let state = found("screening", id, snapshot.screening(id)?)?;
    let asked = &state.screening;
    let schema = found("schema", asked.schema, snapshot.schema(asked.schema)?)?;
    let (siblings, more_siblings) = of_study(&snapshot, asked.study)?;
    let (locked, paid) = (asked.escrow()?, asked.price.times(state.eligible)?);
    let fee = service.chain.ledger().genesis().parameters.opening_fee;
    let (purposes, answers) = (words::purposes(asked.data_use.purposes), demanded_in_words(asked.data_use.purposes));
    let sponsor = snapshot.researcher(state.sponsor)?.map_or_else(String::new, |party| party.name);
    let screening = Listed::of(&snapshot, id, state, snapshot.latest()?.time.day())?;
    Ok(OneScreening {
        shell: shell.titled(screening.title.clone()),
        screening,
        sponsor,
        schema: schema.name,
        purposes,
        answers,
        locked,
        paid,
        fee,
        siblings,
        more_siblings,
        address: service.publishing.identity.pages_url(),
    })
}
