//! Studies: what researchers registered before they asked.

use actix_web::{
    HttpRequest, HttpResponse, get,
    web::{Data, Path, Query},
};
use askama::Template;
use circuits::id::StudyId;
use market::index::{QueryFilter, Stage, StudyRow, Whose};
use node::state::{Conformance, Outcome, StateRead};

use super::{
    parts::{self, From, Listing, asked},
    queries::{Listed, listed},
    screenings,
    shell::{Section, Shell, page},
    words,
};
use crate::{
    Error,
    api::{Asked, Service, StudyRecord, Version, blocking, known_study, parse, study_outcomes, study_versions},
    regions,
};

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
    record: StudyRecord,
    listing: Listing<Listed>,
    /// The versions of its protocol, the latest first, and whether there are earlier ones.
    versions: Vec<Version>,
    earlier_versions: bool,
    /// What it posted that came out, the latest first, and how many there are before those.
    outcomes: Vec<Outcome>,
    earlier_outcomes: u32,
    compared: Asked,
    screenings: Listing<screenings::Listed>,
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
        let mut record = known_study(&service, &snapshot, id)?;
        let filter = QueryFilter { of: Some(Whose::Study(id)), ..QueryFilter::default() };
        let rows = service.listings()?.queries(&filter, &from.paging())?;
        let study = (id, &record.study);
        let versions = study_versions(&snapshot, &|height| Ok(snapshot.header(height)?), study, None)?;
        let outcomes = study_outcomes(&snapshot, study, None)?;
        Ok(OneStudy {
            shell: shell.titled(record.study.registration.title.clone()),
            compared: record.asked.take().unwrap_or_default(),
            earlier_versions: versions.next.is_some(),
            versions: versions.items,
            // They are numbered from 0, so the first shown has as many before it.
            earlier_outcomes: outcomes.next.unwrap_or_default(),
            outcomes: outcomes.items,
            screenings: screenings::of_study(&service, &snapshot, id)?,
            listing: Listing::new(rows, from, &format!("/studies/{id}"), "")
                .try_filter_map(|row| listed(&snapshot, row))?,
            id,
            record,
        })
    });
    page(&shown.await?)
}
