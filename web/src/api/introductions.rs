//! What researchers say of themselves and promise for their queries. An introduction carries its author's signature, so who
//! sends it needs no name; one is kept for a query, which its researcher alone can write.

use actix_web::{
    HttpRequest, HttpResponse, get,
    http::header,
    put,
    web::{Data, Path, Payload},
};
use circuits::id::QueryId;
use market::{
    introduction::{INTRODUCTION_JSON_BYTES_MAX, Introduction, Introductions},
    passport::CLOCK_SKEW_SECONDS,
};
use node::{
    state::{QueryStatus, StateRead},
    units::Timestamp,
};

use super::{
    Service,
    blobs::receive_media,
    blocking,
    memory::Room,
    reply::{found, parse},
    schemas,
};
use crate::{Error, problem::Problem};

/// Media type of an introduction.
const JSON: &str = "application/json";

/// The fewest seconds between two introductions of one query: each makes every agent decide anew.
const REWRITE_SECONDS: u64 = 60;

fn introductions(service: &Service) -> Introductions {
    Introductions::new(service.index.database().clone())
}

/// What the researcher of a query says of themselves and promises of its use: signed by the account that asks, and to be
/// checked again by whoever decides on it.
#[utoipa::path(
    tag = "queries",
    params(("id" = String, Path, description = "the query's id")),
    responses(
        (status = 200, description = "the introduction", body = schemas::Introduction),
        (status = 404, description = "there is none here", body = Problem, content_type = "application/problem+json"),
    )
)]
#[get("/v1/queries/{id}/introduction")]
pub(super) async fn read_introduction(service: Data<Service>, id: Path<String>) -> Result<HttpResponse, Error> {
    let id: QueryId = parse("query id", &id)?;
    let kept = blocking(move || found("introduction", id, introductions(&service).of(id)?)).await?;
    Ok(HttpResponse::Ok().insert_header((header::CACHE_CONTROL, "no-cache")).json(kept))
}

/// Keeps an introduction while its query collects, in place of an older one, once a minute and 64 times at most. Its passport is
/// public from then on, so each visa in it must name one audience; what it declares stays declared.
#[utoipa::path(
    tag = "queries",
    params(("id" = String, Path, description = "the query's id")),
    request_body(content = schemas::Introduction, content_type = "application/json", description = "512 KiB at most"),
    responses(
        (status = 201, description = "kept"),
        (status = 204, description = "it was here already"),
        (status = "4XX", description = "refused", body = Problem, content_type = "application/problem+json"),
    )
)]
#[put("/v1/queries/{id}/introduction")]
pub(super) async fn put_introduction(
    request: HttpRequest,
    service: Data<Service>,
    id: Path<String>,
    payload: Payload,
) -> Result<HttpResponse, Error> {
    let id: QueryId = parse("query id", &id)?;
    let _memory = service.quota.memory.take(Room::Small, INTRODUCTION_JSON_BYTES_MAX).await?;
    let bytes = receive_media(&request, payload, JSON, INTRODUCTION_JSON_BYTES_MAX).await?;
    let is_new = blocking(move || keep(&service, id, &bytes)).await?;
    Ok(if is_new { HttpResponse::Created().finish() } else { HttpResponse::NoContent().finish() })
}

/// Whether it was not here before.
fn keep(service: &Service, id: QueryId, bytes: &[u8]) -> Result<bool, Error> {
    let introduction: Introduction = serde_json::from_slice(bytes)
        .map_err(|error| Error::Request { what: "introduction", why: error.to_string() })?;
    let refused = |why: &str| Error::Market(market::Error::Introduction { why: why.into() });
    let state = found("query", id, service.chain.snapshot()?.query(id)?)?;
    if state.status != QueryStatus::Collecting {
        return Err(refused("the query's set is frozen, and nobody decides on it any more"));
    }
    // A time far ahead could never be replaced.
    let latest = service.chain.now().get().saturating_add(CLOCK_SKEW_SECONDS);
    if introduction.written().get() > latest {
        return Err(refused("it was written in the future; set the clock of this machine"));
    }
    introduction.clone().verify(&service.chain.ledger().chain(), id, &state)?;
    introduction.check_publishable()?;
    let introductions = introductions(service);
    // One that cannot be read is replaced; where the database fails, keeping fails too.
    if let Ok(Some(kept)) = introductions.of(id) {
        check_pace(&kept, &introduction, service.chain.now())?;
    }
    Ok(introductions.keep(&introduction)?)
}

/// That an introduction comes long enough after the one that it replaces. Both carry their author's time, so a new one must be
/// of this node's time too.
fn check_pace(kept: &Introduction, new: &Introduction, now: Timestamp) -> Result<(), Error> {
    if new.written() <= kept.written() {
        // The same, or refused for its age.
        return Ok(());
    }
    if new.written().get().saturating_add(CLOCK_SKEW_SECONDS) < now.get() {
        let why = "it was written too long ago to replace another; write it again, and set the clock of that machine";
        return Err(Error::Market(market::Error::Introduction { why: why.into() }));
    }
    let next = kept.written().get().saturating_add(REWRITE_SECONDS);
    if new.written().get() < next {
        let seconds = next.saturating_sub(now.get()).max(1);
        return Err(Error::TooMany { seconds: u32::try_from(seconds).unwrap_or(u32::MAX) });
    }
    Ok(())
}
