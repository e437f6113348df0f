//! Studies: what researchers registered before they asked.

use actix_web::{
    HttpRequest, HttpResponse, get,
    web::{Data, Path, Query},
};
use askama::Template;
use circuits::id::StudyId;
use market::index::{QueryFilter, Stage, StudyRow};
use node::state::{Odometer, StateRead, Study};

use super::{
    parts::{self, From, Listing, asked},
    queries::{Listed, listed},
    shell::{Section, Shell, page},
    words,
};
use crate::{
    Error,
    api::{Service, blocking, found, parse},
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
    study: Study,
    researcher: String,
    odometer: Odometer,
    listing: Listing<Listed>,
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
        let filter = QueryFilter { stage: None, study: Some(id) };
        let rows = service.listings()?.queries(&filter, &from.paging())?;
        Ok(OneStudy {
            shell: shell.titled(study.registration.title.clone()),
            researcher: snapshot.researcher(study.researcher)?.map_or_else(String::new, |party| party.name),
            odometer: snapshot.study_odometer(id)?.unwrap_or_default(),
            listing: Listing::new(rows, from, &format!("/studies/{id}"), "").try_map(|row| listed(&snapshot, row))?,
            id,
            study,
        })
    });
    page(&shown.await?)
}
