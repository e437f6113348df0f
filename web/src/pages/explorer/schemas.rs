//! Schemas: what records hold.

use actix_web::{
    HttpRequest, HttpResponse, get,
    web::{Data, Path, Query},
};
use askama::Template;
use circuits::{
    id::SchemaId,
    schema::{Schema, Sensitivity},
};
use market::index::SchemaRow;
use node::state::StateRead;

use crate::{
    Error,
    api::{Service, blocking, found, parse},
    pages::{
        parts::{self, From, Listing, asked},
        shell::{Section, Shell, page},
        words,
    },
};

#[derive(Template)]
#[template(path = "schemas.html")]
struct Schemas {
    shell: Shell,
    listing: Listing<SchemaRow>,
}

/// Registered schemas.
#[get("/schemas")]
pub(super) async fn list(
    request: HttpRequest,
    service: Data<Service>,
    from: Result<Query<From>, actix_web::Error>,
) -> Result<HttpResponse, Error> {
    let (shell, from) = (Shell::of(&request, Section::Explorer, "Schemas"), asked(from)?);
    let rows = blocking(move || Ok(service.listings()?.schemas(&from.paging())?)).await?;
    page(&Schemas { shell, listing: Listing::new(rows, from, "/schemas", "") })
}

#[derive(Template)]
#[template(path = "schema.html")]
struct OneSchema {
    shell: Shell,
    id: SchemaId,
    schema: Schema,
}

/// One schema: its attributes and its panel.
#[get("/schemas/{id}")]
pub(super) async fn show(
    request: HttpRequest,
    service: Data<Service>,
    id: Path<String>,
) -> Result<HttpResponse, Error> {
    let id: SchemaId = parse("schema id", &id)?;
    let schema = blocking(move || found("schema", id, service.chain.snapshot()?.schema(id)?)).await?;
    let shell = Shell::of(&request, Section::Explorer, schema.name.clone());
    page(&OneSchema { shell, id, schema })
}
