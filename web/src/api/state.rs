//! The state key by key, raw and proven: what clients read through instead of trusting this server.

use actix_web::{
    HttpRequest, HttpResponse, get,
    web::{Data, Path, Query},
};
use borsh::{BorshDeserialize, BorshSerialize};
use circuits::id::QueryId;
use node::{
    StateProof,
    block::SignedHeader,
    codec::decode,
    state::{StateKey, StateView},
    units::Height,
};
use serde::{Deserialize, Serialize};

use super::{
    Service, blocking,
    listing::query_string,
    reply::{BYTES, found, parse, reply},
    schemas,
};
use crate::{Error, problem::Problem};

/// The longest encoded key.
pub(crate) const KEY_BYTES_MAX: usize = 128;
/// Ids of queries of a page.
const QUERY_IDS_PAGE: usize = 1_000;

fn state_key(text: &str) -> Result<StateKey, Error> {
    let refused = |error: hex::FromHexError| Error::Request { what: "state key", why: error.to_string() };
    Ok(decode("state key", &hex::decode(text).map_err(refused)?, KEY_BYTES_MAX)?)
}

/// The borsh bytes under a key at the latest block, as the key's kind stores them.
#[utoipa::path(
    tag = "state",
    params(("key" = String, Path, description = "the key's borsh bytes in hex")),
    responses(
        (status = 200, description = "the value's bytes", body = schemas::Bytes, content_type = "application/octet-stream"),
        (status = 404, description = "nothing there", body = Problem, content_type = "application/problem+json"),
    )
)]
#[get("/v1/state/{key}")]
pub(super) async fn read_value(service: Data<Service>, text: Path<String>) -> Result<HttpResponse, Error> {
    let key = state_key(&text)?;
    let bytes = blocking(move || found("state key", &text, service.chain.snapshot()?.bytes(&key.encode()?)?)).await?;
    Ok(HttpResponse::Ok().content_type(BYTES).body(bytes))
}

/// What a key holds after a block, and all it takes to check that against the genesis alone.
#[derive(Debug, Clone, BorshSerialize, BorshDeserialize, Serialize, Deserialize)]
pub struct ProvenState {
    /// The block's header with its certificate; `None` for the state of genesis, which anyone can compute.
    pub header: Option<SignedHeader>,
    /// The value, or its absence, under the header's state root.
    pub proof: StateProof,
}

/// After which block.
#[derive(Deserialize)]
pub(super) struct At {
    height: Option<u64>,
}

/// What a key holds after a block, or that it holds nothing, with the proof and the block's signed header. JSON or
/// bytes.
#[utoipa::path(
    tag = "state",
    params(
        ("key" = String, Path, description = "the key's borsh bytes in hex"),
        ("height" = Option<u64>, Query, description = "the block; the latest by default"),
    ),
    responses(
        (status = 200, description = "the proof", content((schemas::ProvenState = "application/json"), (schemas::Bytes = "application/octet-stream"))),
        (status = 404, description = "beyond the head", body = Problem, content_type = "application/problem+json"),
    )
)]
#[get("/v1/state-proofs/{key}")]
pub(super) async fn read_proof(
    request: HttpRequest,
    service: Data<Service>,
    text: Path<String>,
    at: Result<Query<At>, actix_web::Error>,
) -> Result<HttpResponse, Error> {
    let key = state_key(&text)?;
    let at = at.map_err(|error| Error::Request { what: "query string", why: error.to_string() })?;
    let proven = blocking(move || {
        let snapshot = service.chain.snapshot()?;
        let height = at.height.map_or(snapshot.latest()?.height, Height::new);
        let proof = snapshot.prove(key, height)?;
        Ok(ProvenState { header: snapshot.header(height)?, proof })
    })
    .await?;
    reply(&request, &proven)
}

/// A page of the ids of queries.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct QueryIdPage {
    /// The block after which the state held them.
    pub height: Height,
    /// The ids in order.
    pub items: Vec<QueryId>,
    /// Where the next page begins; absent on the last page.
    pub next: Option<QueryId>,
}

/// Where a page of ids begins.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct After {
    after: Option<String>,
}

/// Ids of all queries in the state, 1,000 to a page: what whoever follows the blocks takes from a node that lacks the first
/// ones.
#[utoipa::path(
    tag = "state",
    params(("after" = Option<String>, Query, description = "`next` of the page before")),
    responses((status = 200, description = "a page of ids", body = schemas::QueryIdPage))
)]
#[get("/v1/query-ids")]
pub(super) async fn list_query_ids(
    service: Data<Service>,
    after: Result<Query<After>, actix_web::Error>,
) -> Result<HttpResponse, Error> {
    let after: Option<QueryId> = query_string(after)?.after.map(|text| parse("query id", &text)).transpose()?;
    let page = blocking(move || {
        let snapshot = service.chain.snapshot()?;
        let mut items = snapshot.query_ids(after, QUERY_IDS_PAGE + 1)?;
        let more = items.len() > QUERY_IDS_PAGE;
        items.truncate(QUERY_IDS_PAGE);
        let next = if more { items.last().copied() } else { None };
        Ok(QueryIdPage { height: snapshot.latest()?.height, items, next })
    });
    Ok(HttpResponse::Ok().json(page.await?))
}
