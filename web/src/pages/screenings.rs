//! Screenings: whom a sponsor looks for, and how far it is. Who responded stays hidden; how many did is public.

use actix_web::{
    HttpRequest, HttpResponse, get,
    web::{Data, Path, Query},
};
use askama::Template;
use circuits::{
    consent::Day,
    id::{AccountId, ScreeningId, StudyId},
};
use market::{
    data_use::demanded_in_words,
    index::{ScreeningFilter, Whose},
};
use node::{
    Snapshot,
    calendar::date,
    state::{ScreeningState, StateRead},
    units::{Amount, Height},
};
use serde::Deserialize;

use super::{
    parts::{self, From, Listing, asked},
    shell::{Section, Shell, page},
    words::{self, Purpose},
};
use crate::{
    Error,
    api::{RECEIPT_RESPONSES_MAX, Service, blocking, found, parse, whose},
};

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

/// The screenings of a study, the newest first, and the way to those before.
pub(super) fn of_study(service: &Service, snapshot: &Snapshot, study: StudyId) -> Result<Listing<Listed>, Error> {
    listing(service, snapshot, Some(Whose::Study(study)), From::default())
}

/// The screenings that an account opened, the newest first, and the way to those before.
pub(super) fn of_sponsor(service: &Service, snapshot: &Snapshot, sponsor: AccountId) -> Result<Listing<Listed>, Error> {
    listing(service, snapshot, Some(Whose::Account(sponsor)), From::default())
}

/// A part of all screenings or of somebody's, the newest first, each as it is now.
fn listing(service: &Service, snapshot: &Snapshot, of: Option<Whose>, from: From) -> Result<Listing<Listed>, Error> {
    let today = snapshot.latest()?.time.day();
    let rows = service.index.screenings(&ScreeningFilter { of, open: false }, &from.paging())?;
    Listing::new(rows, from, "/screenings", &address(of)).try_filter_map(|row| {
        // A ledger that is behind the index does not know the latest ones yet.
        let state = snapshot.screening(row.id)?;
        state.map(|state| Listed::of(snapshot, row.id, state, today)).transpose()
    })
}

/// Whose screenings, as addresses say it.
fn address(of: Option<Whose>) -> String {
    of.map_or_else(String::new, |of| match of {
        Whose::Study(study) => format!("study={study}"),
        Whose::Account(sponsor) => format!("sponsor={sponsor}"),
    })
}

/// Which screenings.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Filter {
    study: Option<String>,
    sponsor: Option<String>,
}

#[derive(Template)]
#[template(path = "screenings.html")]
struct Screenings {
    shell: Shell,
    /// Whose screenings are listed, where not all are: the study with its title, the sponsor with its name.
    study: Option<(StudyId, String)>,
    sponsor: Option<(AccountId, String)>,
    listing: Listing<Listed>,
    /// Where programs have the same list.
    json: String,
}

/// Screenings, the newest first, of one study or one sponsor when asked for.
#[get("/screenings")]
pub(super) async fn list(
    request: HttpRequest,
    service: Data<Service>,
    filter: Result<Query<Filter>, actix_web::Error>,
    from: Result<Query<From>, actix_web::Error>,
) -> Result<HttpResponse, Error> {
    let (filter, from) = (asked(filter)?, asked(from)?);
    let of = whose(filter.study.as_deref(), ("sponsor", filter.sponsor.as_deref()))?;
    let shell = Shell::of(&request, Section::Screenings, "Screenings");
    page(&blocking(move || listed(shell, &service, of, from)).await?)
}

fn listed(shell: Shell, service: &Service, of: Option<Whose>, from: From) -> Result<Screenings, Error> {
    service.listings()?;
    let snapshot = service.chain.snapshot()?;
    let (mut study, mut sponsor) = (None, None);
    match of {
        None => {}
        Some(Whose::Study(id)) => {
            study = Some((id, found("study", id, snapshot.study(id)?)?.registration.title));
        }
        Some(Whose::Account(id)) => {
            sponsor = Some((id, snapshot.researcher(id)?.map_or_else(String::new, |party| party.name)));
        }
    }
    let listing = listing(service, &snapshot, of, from)?;
    let json = format!("/v1/screenings?{}", address(of)).trim_end_matches('?').into();
    Ok(Screenings { shell, study, sponsor, listing, json })
}

#[derive(Template)]
#[template(path = "screening.html")]
struct OneScreening {
    shell: Shell,
    screening: Listed,
    sponsor: String,
    schema: String,
    purposes: Vec<Purpose>,
    /// The disease studied, where one is named.
    disease: Option<String>,
    /// Who can respond, by what the screening demands of consents.
    answers: Vec<String>,
    /// What was locked when it opened, and what responses were paid.
    locked: Amount,
    paid: Amount,
    /// What opening it cost.
    fee: Amount,
    /// The latest screenings of the study, this one perhaps among them.
    screenings: Listing<Listed>,
    /// Why they are not listed here, where they are not.
    lack: Option<String>,
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
    let (screenings, lack) = (of_study(service, &snapshot, asked.study)?, service.listings_lack()?);
    let (locked, paid) = (asked.escrow()?, asked.price.times(state.eligible)?);
    let fee = service.chain.ledger().genesis().parameters.opening_fee;
    let (purposes, answers) = (words::purposes(asked.data_use.purposes), demanded_in_words(asked.data_use.purposes));
    let disease = words::disease(asked.data_use.disease, service.publishing.diseases.as_deref());
    let sponsor = snapshot.researcher(state.sponsor)?.map_or_else(String::new, |party| party.name);
    let screening = Listed::of(&snapshot, id, state, snapshot.latest()?.time.day())?;
    Ok(OneScreening {
        shell: shell.titled(screening.title.clone()),
        screening,
        sponsor,
        schema: schema.name,
        purposes,
        disease,
        answers,
        locked,
        paid,
        fee,
        screenings,
        lack,
        address: service.publishing.identity.pages_url(),
    })
}
