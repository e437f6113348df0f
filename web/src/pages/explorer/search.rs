//! Looking something up by its height or its id.

use actix_web::{
    HttpRequest, HttpResponse, get,
    http::header,
    web::{Data, Query},
};
use askama::Template;
use serde::Deserialize;

use crate::{
    Error,
    api::{Service, blocking, find},
    pages::{
        parts::asked,
        shell::{Section, Shell, page},
    },
};

/// What is looked for.
#[derive(Deserialize)]
pub(super) struct Looked {
    #[serde(default)]
    q: String,
}

#[derive(Template)]
#[template(path = "search.html")]
struct NotFound {
    shell: Shell,
    q: String,
}

/// Leads to the page of a block, query, screening, study, schema, transaction or account.
#[get("/search")]
pub(super) async fn search(
    request: HttpRequest,
    service: Data<Service>,
    looked: Result<Query<Looked>, actix_web::Error>,
) -> Result<HttpResponse, Error> {
    let q = asked(looked)?.q.trim().to_owned();
    let text = q.clone();
    match blocking(move || find(&service.chain.snapshot()?, &text)).await? {
        Some(known) => Ok(HttpResponse::SeeOther().insert_header((header::LOCATION, known.page())).finish()),
        None => page(&NotFound { shell: Shell::of(&request, Section::Explorer, "Search"), q }),
    }
}
