//! Screenings and their responses. Responses come in runs, so that whoever reads an invitation tells nobody whose.

use actix_web::{
    HttpRequest, HttpResponse, get,
    web::{Data, Path, Query},
};
use borsh::{BorshDeserialize, BorshSerialize};
use circuits::id::ScreeningId;
use node::{
    Snapshot, StateProof,
    block::SignedHeader,
    state::{ResponseState, ScreeningState, StateKey, StateRead},
    units::ResponseIndex,
};
use serde::{Deserialize, Serialize};

use super::{
    Service, blocking,
    memory::Room,
    reply::{found, long_reply, parse, reply},
    schemas,
};
use crate::{Error, problem::Problem};

/// Screenings of a page.
const SCREENINGS_PAGE: usize = 100;
/// Responses of a page, at most.
pub const RESPONSES_PAGE_MAX: u32 = 256;
/// A response in JSON: a sealing key in hex, other fields, and twice the bytes of a proof where there is one.
const RESPONSE_REPLY_BYTES: usize = 16 << 10;

/// A screening with its id.
#[derive(Debug, Clone, PartialEq, Eq, BorshSerialize, BorshDeserialize, Serialize, Deserialize)]
pub struct ListedScreening {
    /// The screening's id.
    pub id: ScreeningId,
    /// How far it is.
    pub state: ScreeningState,
}

/// A page of screenings.
#[derive(Debug, Clone, PartialEq, Eq, BorshSerialize, BorshDeserialize, Serialize, Deserialize)]
pub struct ScreeningPage {
    /// The screenings by id, closed ones included.
    pub items: Vec<ListedScreening>,
    /// Where the next page begins; absent on the last page.
    pub next: Option<ScreeningId>,
}

/// A run of responses.
#[derive(Debug, Clone, PartialEq, Eq, BorshSerialize, BorshDeserialize, Serialize, Deserialize)]
pub struct ResponsePage {
    /// Place of the first response.
    pub first: ResponseIndex,
    /// The responses in order.
    pub responses: Vec<ResponseState>,
}

/// A run of responses, each with what it takes to check it against the genesis alone.
#[derive(Debug, Clone, BorshSerialize, BorshDeserialize, Serialize, Deserialize)]
pub struct ResponseProofs {
    /// The block's header with its certificate.
    pub header: Option<SignedHeader>,
    /// Each response under the header's state root, in order; where they end, a proof that there is no next one.
    pub proofs: Vec<StateProof>,
}

/// Where a page begins.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct After {
    after: Option<String>,
}

/// Which responses.
#[derive(Debug, Clone, Copy, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(super) struct Run {
    first: u32,
    count: u32,
}

impl Default for Run {
    fn default() -> Self {
        Self { first: 0, count: RESPONSES_PAGE_MAX }
    }
}

fn query_string<T>(query: Result<Query<T>, actix_web::Error>) -> Result<T, Error> {
    query.map(Query::into_inner).map_err(|error| Error::Request { what: "query string", why: error.to_string() })
}

fn checked(run: Result<Query<Run>, actix_web::Error>) -> Result<Run, Error> {
    let run = query_string(run)?;
    if run.count > RESPONSES_PAGE_MAX {
        return Err(Error::TooLarge { what: "a page of responses", limit: RESPONSES_PAGE_MAX as usize });
    }
    Ok(run)
}

/// Screenings by id, closed ones included, 100 to a page. JSON or bytes.
#[utoipa::path(
    tag = "screenings",
    params(("after" = Option<String>, Query, description = "`next` of the page before")),
    responses((status = 200, description = "a page of screenings", content((schemas::ScreeningPage = "application/json"), (schemas::Bytes = "application/octet-stream"))))
)]
#[get("/v1/screenings")]
pub(super) async fn list_screenings(
    request: HttpRequest,
    service: Data<Service>,
    after: Result<Query<After>, actix_web::Error>,
) -> Result<HttpResponse, Error> {
    let after: Option<ScreeningId> = query_string(after)?.after.map(|text| parse("screening id", &text)).transpose()?;
    let page = blocking(move || {
        let behind = service.chain.snapshot()?.screenings_after(after, SCREENINGS_PAGE + 1)?;
        let mut items: Vec<_> = behind.into_iter().map(|(id, state)| ListedScreening { id, state }).collect();
        let more = items.len() > SCREENINGS_PAGE;
        items.truncate(SCREENINGS_PAGE);
        let next = if more { items.last().map(|last| last.id) } else { None };
        Ok(ScreeningPage { items, next })
    })
    .await?;
    reply(&request, &page)
}

/// A screening and how far it is. JSON or bytes.
#[utoipa::path(
    tag = "screenings",
    params(("id" = String, Path, description = "the screening's id, 64 hex digits")),
    responses(
        (status = 200, description = "the screening", content((schemas::Screening = "application/json"), (schemas::Bytes = "application/octet-stream"))),
        (status = 404, description = "never opened", body = Problem, content_type = "application/problem+json"),
    )
)]
#[get("/v1/screenings/{id}")]
pub(super) async fn read_screening(
    request: HttpRequest,
    service: Data<Service>,
    id: Path<String>,
) -> Result<HttpResponse, Error> {
    let id: ScreeningId = parse("screening id", &id)?;
    let screening = blocking(move || require(&service.chain.snapshot()?, id)).await?;
    reply(&request, &screening)
}

/// Responses to a screening, in order, with what became of each. JSON or bytes.
#[utoipa::path(
    tag = "screenings",
    params(
        ("id" = String, Path, description = "the screening's id, 64 hex digits"),
        ("first" = Option<u32>, Query, description = "place of the first response; 0 by default"),
        ("count" = Option<u32>, Query, description = "how many, at most 256, the default"),
    ),
    responses(
        (status = 200, description = "the responses, fewer at the end", content((schemas::ResponsePage = "application/json"), (schemas::Bytes = "application/octet-stream"))),
        (status = 404, description = "never opened", body = Problem, content_type = "application/problem+json"),
    )
)]
#[get("/v1/screenings/{id}/responses")]
pub(super) async fn list_responses(
    request: HttpRequest,
    service: Data<Service>,
    id: Path<String>,
    run: Result<Query<Run>, actix_web::Error>,
) -> Result<HttpResponse, Error> {
    let (id, run): (ScreeningId, _) = (parse("screening id", &id)?, checked(run)?);
    let memory = service.quota.memory.take(Room::Replies, run.count as usize * RESPONSE_REPLY_BYTES).await?;
    let page = blocking(move || {
        let snapshot = service.chain.snapshot()?;
        let end = run.first.saturating_add(run.count).min(require(&snapshot, id)?.eligible);
        let indices = (run.first..end).map(ResponseIndex::new);
        let responses = indices.map(|index| found("response", index, snapshot.response(id, index)?));
        Ok(ResponsePage { first: ResponseIndex::new(run.first), responses: responses.collect::<Result<_, _>>()? })
    })
    .await?;
    long_reply(&request, &page, memory)
}

/// The same responses, each proven in the state after the latest block, and that there are no more where they end. JSON or
/// bytes.
#[utoipa::path(
    tag = "screenings",
    params(
        ("id" = String, Path, description = "the screening's id, 64 hex digits"),
        ("first" = Option<u32>, Query, description = "place of the first response; 0 by default"),
        ("count" = Option<u32>, Query, description = "how many, at most 256, the default"),
    ),
    responses(
        (status = 200, description = "the proofs", content((schemas::ResponseProofs = "application/json"), (schemas::Bytes = "application/octet-stream"))),
        (status = 404, description = "never opened", body = Problem, content_type = "application/problem+json"),
    )
)]
#[get("/v1/screenings/{id}/response-proofs")]
pub(super) async fn prove_responses(
    request: HttpRequest,
    service: Data<Service>,
    id: Path<String>,
    run: Result<Query<Run>, actix_web::Error>,
) -> Result<HttpResponse, Error> {
    let (id, run): (ScreeningId, _) = (parse("screening id", &id)?, checked(run)?);
    let memory = service.quota.memory.take(Room::Replies, run.count as usize * RESPONSE_REPLY_BYTES).await?;
    let page = blocking(move || {
        let snapshot = service.chain.snapshot()?;
        let (height, eligible) = (snapshot.latest()?.height, require(&snapshot, id)?.eligible);
        // One beyond the last response, whose absence is proven.
        let end = run.first.saturating_add(run.count).min(eligible.max(run.first).saturating_add(1));
        let indices = (run.first..end).map(ResponseIndex::new);
        let proofs = indices.map(|index| snapshot.prove(StateKey::Response(id, index), height));
        Ok(ResponseProofs { header: snapshot.header(height)?, proofs: proofs.collect::<Result<_, _>>()? })
    })
    .await?;
    long_reply(&request, &page, memory)
}

fn require(snapshot: &Snapshot, id: ScreeningId) -> Result<ScreeningState, Error> {
    found("screening", id, snapshot.screening(id)?)
}
