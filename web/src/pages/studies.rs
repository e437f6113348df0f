//! Studies: what researchers registered before they asked.

use actix_web::{
    HttpRequest, HttpResponse, get,
    web::{Data, Path, Query},
};
use askama::Template;
use circuits::{
    consent::Day,
    id::{AccountId, Digest, QueryId, StudyId},
};
use market::index::{Order, Paging, QueryFilter, Stage, StudyRow, Whose};
use node::{
    Snapshot, analysis,
    state::{Conformance, Odometer, Outcome, StateRead, Study, StudyProtocol},
    transaction::StudyDesign,
    units::{Height, OutcomeIndex, StudyVersion},
};

use super::{
    parts::{self, From, Listing, asked},
    queries::{Listed, listed},
    screenings,
    shell::{Section, Shell, page},
    words,
};
use crate::{
    Error,
    api::{Service, blocking, found, parse},
    regions,
};

/// Versions and outcomes that a study's page shows: the latest.
const SHOWN_MAX: u32 = 25;
/// Queries that are compared with the plan: the latest.
const COMPARED: Paging = Paging { after: None, limit: 100, order: Order::Newest };

#[derive(Template)]
#[template(path = "studies.html")]
struct Studies {
    shell: Shell,
    listing: Listing<(StudyRow, String)>,
}

/// Studies, the newest first, each with the name of its researcher.
#[get("/studies")]
pub(super) async fn list(
    request: HttpRequest,
    service: Data<Service>,
    from: Result<Query<From>, actix_web::Error>,
) -> Result<HttpResponse, Error> {
    let (shell, from) = (Shell::of(&request, Section::Studies, "Studies"), asked(from)?);
    let listing = blocking(move || {
        let snapshot = service.chain.snapshot()?;
        let listing = Listing::new(service.listings()?.studies(None, &from.paging())?, from, "/studies", "");
        listing.try_map(|row| {
            let name = snapshot.researcher(row.researcher)?.map_or_else(String::new, |party| party.name);
            Ok((row, name))
        })
    });
    page(&Studies { shell, listing: listing.await? })
}

#[derive(Template)]
#[template(path = "study.html")]
struct OneStudy {
    shell: Shell,
    id: StudyId,
    study: Study,
    /// The day on which it was registered.
    registered: Option<Day>,
    researcher: String,
    odometer: Odometer,
    listing: Listing<Listed>,
    /// The versions of its protocol, the latest first, and whether there are earlier ones.
    versions: Vec<Version>,
    earlier_versions: bool,
    /// What it posted that came out, the latest first, and how many there are before those.
    outcomes: Vec<Outcome>,
    earlier_outcomes: u32,
    compared: Compared,
    screenings: Listing<screenings::Listed>,
}

/// A version of its protocol.
struct Version {
    number: StudyVersion,
    protocol: StudyProtocol,
    /// The day since which it is in force, unless this node dropped that block.
    day: Option<Day>,
    /// Who pays for it, by name and account, if that is another than the researcher.
    sponsor: Option<(String, AccountId)>,
}

/// What was asked, beside what the latest version plans.
struct Compared {
    /// The questions planned, each with the latest query that asks it.
    planned: Vec<(Digest, Option<QueryId>)>,
    /// Queries that were looked at: the latest.
    queries: usize,
    /// Whether there are earlier ones.
    more: bool,
    /// Of these, those that the plan of their time did not list, and those of a time without a plan.
    deviating: usize,
    unplanned: usize,
}

impl Compared {
    fn of(snapshot: &Snapshot, service: &Service, id: StudyId, design: Option<&StudyDesign>) -> Result<Self, Error> {
        let filter = QueryFilter { of: Some(Whose::Study(id)), ..QueryFilter::default() };
        let rows = service.listings()?.queries(&filter, &COMPARED)?;
        let mut planned: Vec<_> =
            design.into_iter().flat_map(|design| &design.planned).map(|digest| (*digest, None)).collect();
        let (mut deviating, mut unplanned, more) = (0, 0, rows.next.is_some());
        for row in &rows.items {
            let state = found("query", row.id, snapshot.query(row.id)?)?;
            deviating += usize::from(state.conformance == Conformance::Deviates);
            unplanned += usize::from(state.conformance == Conformance::Unplanned);
            let asks = analysis(&state.query)?;
            if let Some((_, query @ None)) = planned.iter_mut().find(|(digest, _)| *digest == asks) {
                *query = Some(row.id);
            }
        }
        Ok(Self { planned, queries: rows.items.len(), more, deviating, unplanned })
    }
}

/// The day of a block, unless this node dropped it.
fn day_of(snapshot: &Snapshot, height: Height) -> Result<Option<Day>, Error> {
    Ok(snapshot.header(height)?.map(|signed| signed.header.time.day()))
}

/// The latest versions of a study's protocol.
fn versions(snapshot: &Snapshot, id: StudyId, study: &Study) -> Result<Vec<Version>, Error> {
    let latest = study.version.get();
    let numbers = (StudyVersion::FIRST.get().max(latest.saturating_sub(SHOWN_MAX - 1))..=latest).rev();
    let mut versions = vec![];
    for number in numbers.map(StudyVersion::new) {
        let Some(protocol) = snapshot.study_protocol(id, number)? else { continue };
        let sponsor = match protocol.design.sponsor {
            Some(account) => {
                Some((snapshot.researcher(account)?.map_or_else(String::new, |party| party.name), account))
            }
            None => None,
        };
        let day = day_of(snapshot, protocol.height)?;
        versions.push(Version { number, protocol, day, sponsor });
    }
    Ok(versions)
}

/// The latest outcomes of a study, the latest first.
fn outcomes(snapshot: &Snapshot, id: StudyId, study: &Study) -> Result<Vec<Outcome>, Error> {
    let indices = (study.outcomes.saturating_sub(SHOWN_MAX)..study.outcomes).rev().map(OutcomeIndex::new);
    indices.map(|index| found("outcome", index, snapshot.outcome(id, index)?)).collect()
}

/// One study with its queries.
#[get("/studies/{id}")]
pub(super) async fn show(
    request: HttpRequest,
    service: Data<Service>,
    id: Path<String>,
    from: Result<Query<From>, actix_web::Error>,
) -> Result<HttpResponse, Error> {
    let (id, from): (StudyId, _) = (parse("study id", &id)?, asked(from)?);
    let shell = Shell::of(&request, Section::Studies, "Study");
    let shown = blocking(move || {
        let snapshot = service.chain.snapshot()?;
        let study = found("study", id, snapshot.study(id)?)?;
        let filter = QueryFilter { of: Some(Whose::Study(id)), ..QueryFilter::default() };
        let rows = service.listings()?.queries(&filter, &from.paging())?;
        let versions = versions(&snapshot, id, &study)?;
        let design = versions.first().map(|version| &version.protocol.design);
        let compared = Compared::of(&snapshot, &service, id, design)?;
        Ok(OneStudy {
            compared,
            earlier_versions: versions.last().is_some_and(|version| version.number > StudyVersion::FIRST),
            versions,
            outcomes: outcomes(&snapshot, id, &study)?,
            earlier_outcomes: study.outcomes.saturating_sub(SHOWN_MAX),
            screenings: screenings::of_study(&service, &snapshot, id)?,
            shell: shell.titled(study.registration.title.clone()),
            researcher: snapshot.researcher(study.researcher)?.map_or_else(String::new, |party| party.name),
            registered: day_of(&snapshot, study.height)?,
            odometer: snapshot.study_odometer(id)?.unwrap_or_default(),
            listing: Listing::new(rows, from, &format!("/studies/{id}"), "").try_map(|row| listed(&snapshot, row))?,
            id,
            study,
        })
    });
    page(&shown.await?)
}
