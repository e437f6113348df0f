//! Looking something up by its height or its id.

use actix_web::{
    HttpRequest, HttpResponse, get,
    http::header,
    web::{Data, Query},
};
use askama::Template;
use circuits::id::{AccountId, QueryId, SchemaId, StudyId};
use node::{state::StateRead, transaction::TransactionId, units::Height};
use serde::Deserialize;

use crate::{
    Error,
    api::{Service, blocking},
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

/// Leads to the page of a block, query, study, schema, transaction or account.
#[get("/search")]
pub(super) async fn search(
    request: HttpRequest,
    service: Data<Service>,
    looked: Result<Query<Looked>, actix_web::Error>,
) -> Result<HttpResponse, Error> {
    let q = asked(looked)?.q.trim().to_owned();
    let text = q.clone();
    match blocking(move || place(&service, &text)).await? {
        Some(place) => Ok(HttpResponse::SeeOther().insert_header((header::LOCATION, place)).finish()),
        None => page(&NotFound { shell: Shell::of(&request, Section::Explorer, "Search"), q }),
    }
}

/// The page of what has this height or id.
fn place(service: &Service, text: &str) -> Result<Option<String>, Error> {
    let snapshot = service.chain.snapshot()?;
    if let Ok(height) = text.parse() {
        let known = snapshot.header(Height::new(height))?.is_some();
        return Ok(known.then(|| format!("/blocks/{height}")));
    }
    let Ok(account) = text.parse::<AccountId>() else { return Ok(None) };
    let bytes = account.to_bytes();
    let (query, study) = (QueryId::from_bytes(bytes), StudyId::from_bytes(bytes));
    let kind = if snapshot.query(query)?.is_some() {
        "queries"
    } else if snapshot.study(study)?.is_some() {
        "studies"
    } else if snapshot.schema(SchemaId::from_bytes(bytes))?.is_some() {
        "schemas"
    } else if let Ok(id) = text.parse::<TransactionId>()
        && snapshot.location(id)?.is_some()
    {
        "transactions"
    } else if snapshot.account(account)?.is_some() {
        "accounts"
    } else {
        return Ok(None);
    };
    Ok(Some(format!("/{kind}/{account}")))
}
