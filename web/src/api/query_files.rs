//! Query files: the one that asks a query of the ledger again, and the form in which the builder saves one.

use actix_web::{
    HttpRequest, HttpResponse, get, post,
    web::{Data, Path, Payload},
};
use circuits::id::QueryId;
use market::query::{Again, QUERY_FILE_BYTES_MAX, QueryFile, schema_and_panel};
use node::state::StateRead as _;
use serde::Serialize;
use utoipa::ToSchema;

use super::{
    Service,
    blobs::receive_media,
    blocking, reading_panel,
    reply::{found, parse},
};
use crate::{Error, problem::Problem};

/// Media type of a query file that is sent.
const JSON: &str = "application/json";
/// Media type of one in TOML.
pub(crate) const TOML: &str = "application/toml; charset=utf-8";

/// What asks the same as a query of the ledger.
#[derive(Debug, Serialize, ToSchema)]
struct QueryAgain {
    /// The query file; its JSON Schema is at `/v1/query-schema`.
    #[schema(value_type = Object)]
    file: QueryFile,
    /// Where it asks something else, in words.
    remarks: Vec<String>,
}

/// What would ask the same as a query of the ledger again: what the builder begins from, and what programs are given.
///
/// # Errors
/// [`Error::NotFound`] for a query that nobody opened, [`Error::Ledger`] or [`Error::Market`] when state or panel cannot be
/// read.
pub(crate) async fn asked_again(service: &Data<Service>, id: QueryId) -> Result<Again, Error> {
    let known = service.clone();
    blocking(move || found("query", id, known.chain.snapshot()?.query(id)?)).await?;
    reading_panel(service.clone(), move |service| {
        let snapshot = service.chain.snapshot()?;
        let query = found("query", id, snapshot.query(id)?)?.query;
        let (schema, panel) = schema_and_panel(&snapshot, &service.fetching(), query.schema)?;
        Ok(Again::of(&query, &schema, panel.as_ref()))
    })
    .await
}

/// Receives a query file.
///
/// # Errors
/// [`Error::MediaType`] or [`Error::TooLarge`] as for every body.
pub(super) async fn receive(request: &HttpRequest, payload: Payload) -> Result<Vec<u8>, Error> {
    receive_media(request, payload, JSON, usize::try_from(QUERY_FILE_BYTES_MAX).unwrap_or(0)).await
}

/// Reads a query file that was received.
///
/// # Errors
/// [`Error::Request`] for what is none.
pub(super) fn read(bytes: &[u8]) -> Result<QueryFile, Error> {
    serde_json::from_slice(bytes).map_err(|error| Error::Request { what: "query file", why: error.to_string() })
}

/// The query file that would ask the same as a query again, as “Ask this again” begins from it, and in words where it asks
/// something else. Tables, curves and tests come back as the counts and sums that they are read from; promises of a declared
/// use are not repeated.
#[utoipa::path(
    tag = "queries",
    params(("id" = String, Path, description = "the query's id, 64 hex digits")),
    responses(
        (status = 200, description = "the file, and what to know of it", body = QueryAgain),
        (status = 400, description = "no id", body = Problem, content_type = "application/problem+json"),
        (status = 404, description = "no such query", body = Problem, content_type = "application/problem+json"),
        (status = 503, description = "whether anybody has the panel, which names variants, is not known now; ask again", body = Problem, content_type = "application/problem+json"),
    )
)]
#[get("/v1/queries/{id}/file")]
pub(super) async fn read_query_again(service: Data<Service>, id: Path<String>) -> Result<HttpResponse, Error> {
    let id: QueryId = parse("query id", &id)?;
    let Again { file, remarks } = asked_again(&service, id).await?;
    Ok(HttpResponse::Ok().json(QueryAgain { file, remarks }))
}

/// A query file in TOML, as the builder saves it. Keeps nothing.
#[utoipa::path(
    tag = "queries",
    request_body(content = Value, content_type = "application/json", description = "a query file, 1 MiB at most; its JSON Schema is at /v1/query-schema"),
    responses(
        (status = 200, description = "the same in TOML", body = String, content_type = "application/toml"),
        (status = "4XX", description = "why it is no query file", body = Problem, content_type = "application/problem+json"),
    )
)]
#[post("/v1/query-files")]
pub(super) async fn write_query_file(request: HttpRequest, payload: Payload) -> Result<HttpResponse, Error> {
    let bytes = receive(&request, payload).await?;
    let text = blocking(move || Ok(read(&bytes)?.to_toml()?)).await?;
    Ok(HttpResponse::Ok().content_type(TOML).body(text))
}
