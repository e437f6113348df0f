//! The chain and single entries of its state, in the ledger's own types.

use actix_web::{
    HttpRequest, HttpResponse, get,
    web::{Data, Path, Query},
};
use borsh::{BorshDeserialize, BorshSerialize};
use circuits::id::{AccountId, QueryId, SchemaId};
use market::index::Paging;
use node::{
    block::BLOCK_BYTES_MAX,
    state::{Account, StateRead},
    transaction::open_votes,
    units::Height,
};
use serde::{Deserialize, Serialize};

use super::{
    Service, blocking,
    listing::paging,
    memory::Room,
    reply::{found, long_reply, parse, reply},
    schemas,
};
use crate::{Error, problem::Problem, standing::standing_here};

/// A block in JSON: every byte takes two digits, beside names and punctuation.
const BLOCK_REPLY_BYTES_MAX: usize = 3 * BLOCK_BYTES_MAX;

/// Where the chain stands: height, time and epoch of the next block. JSON or bytes.
#[utoipa::path(tag = "chain", responses((status = 200, description = "the tip", content((schemas::Head = "application/json"), (schemas::Bytes = "application/octet-stream")))))]
#[get("/v1/head")]
pub(super) async fn read_head(request: HttpRequest, service: Data<Service>) -> Result<HttpResponse, Error> {
    let tip = blocking(move || Ok(service.chain.snapshot()?.latest()?)).await?;
    reply(&request, &tip)
}

/// What the chain started from. Its digest is the chain id. JSON or bytes.
#[utoipa::path(tag = "chain", responses((status = 200, description = "the genesis", content((schemas::Genesis = "application/json"), (schemas::Bytes = "application/octet-stream")))))]
#[get("/v1/genesis")]
pub(super) async fn read_genesis(request: HttpRequest, service: Data<Service>) -> Result<HttpResponse, Error> {
    reply(&request, service.chain.ledger().genesis())
}

/// Blocks, a page at a time.
#[utoipa::path(
    tag = "chain",
    params(
        ("after" = Option<u64>, Query, description = "`next` of the page before"),
        ("limit" = Option<u32>, Query, description = "1 to 500 rows; 100 by default"),
        ("order" = Option<String>, Query, description = "`oldest` or `newest` first"),
    ),
    responses(
        (status = 200, description = "a page of blocks", body = schemas::Page<schemas::BlockRow>),
        (status = 503, description = "the node lacks blocks that it would list", body = Problem, content_type = "application/problem+json"),
    )
)]
#[get("/v1/blocks")]
pub(super) async fn list_blocks(
    service: Data<Service>,
    page: Result<Query<Paging>, actix_web::Error>,
) -> Result<HttpResponse, Error> {
    let page = paging(page)?;
    let page = blocking(move || Ok(service.listings()?.blocks(&page)?)).await?;
    Ok(HttpResponse::Ok().json(page))
}

/// A block with its transactions and certificate. JSON or bytes.
#[utoipa::path(
    tag = "chain",
    params(("height" = u64, Path, description = "from 1")),
    responses(
        (status = 200, description = "the block", content((schemas::Block = "application/json"), (schemas::Bytes = "application/octet-stream"))),
        (status = 404, description = "beyond the head", body = Problem, content_type = "application/problem+json"),
    )
)]
#[get("/v1/blocks/{height}")]
pub(super) async fn read_block(
    request: HttpRequest,
    service: Data<Service>,
    height: Path<String>,
) -> Result<HttpResponse, Error> {
    let height = Height::new(parse("block height", &height)?);
    let memory = service.quota.memory.take(Room::Replies, BLOCK_REPLY_BYTES_MAX).await?;
    let block = blocking(move || found("block", height, service.chain.snapshot()?.block(height)?)).await?;
    long_reply(&request, &block, memory)
}

/// A block's header with its certificate. JSON or bytes.
#[utoipa::path(
    tag = "chain",
    params(("height" = u64, Path, description = "from 1")),
    responses(
        (status = 200, description = "the header", content((schemas::SignedHeader = "application/json"), (schemas::Bytes = "application/octet-stream"))),
        (status = 404, description = "beyond the head", body = Problem, content_type = "application/problem+json"),
    )
)]
#[get("/v1/blocks/{height}/header")]
pub(super) async fn read_header(
    request: HttpRequest,
    service: Data<Service>,
    height: Path<String>,
) -> Result<HttpResponse, Error> {
    let height = Height::new(parse("block height", &height)?);
    let header = blocking(move || found("block", height, service.chain.snapshot()?.header(height)?)).await?;
    reply(&request, &header)
}

/// The blocks after a height that handed over to other validators, with the proof of who they are, in order. JSON or
/// bytes.
#[utoipa::path(
    tag = "chain",
    params(("after" = Option<u64>, Query, description = "the height of the last handover known; 0 for all")),
    responses((status = 200, description = "up to 256 handovers", content((Vec<schemas::Handover> = "application/json"), (schemas::Bytes = "application/octet-stream"))))
)]
#[get("/v1/handovers")]
pub(super) async fn list_handovers(
    request: HttpRequest,
    service: Data<Service>,
    after: Result<Query<After>, actix_web::Error>,
) -> Result<HttpResponse, Error> {
    let refused = |error: actix_web::Error| Error::Request { what: "query string", why: error.to_string() };
    let after = Height::new(after.map_err(refused)?.after.unwrap_or_default());
    let handovers = blocking(move || Ok(service.chain.snapshot()?.handovers(after)?)).await?;
    reply(&request, &handovers)
}

/// Where a list of blocks goes on.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct After {
    after: Option<u64>,
}

/// The validators of the next block, observers included. JSON or bytes.
#[utoipa::path(tag = "chain", responses((status = 200, description = "by account", content((Vec<schemas::Validator> = "application/json"), (schemas::Bytes = "application/octet-stream")))))]
#[get("/v1/validators")]
pub(super) async fn read_validators(request: HttpRequest, service: Data<Service>) -> Result<HttpResponse, Error> {
    let validators = blocking(move || found("validators", "now", service.chain.snapshot()?.validators()?)).await?;
    reply(&request, &validators)
}

/// The changes of the consortium that validators vote on, with who approved each. JSON or bytes.
#[utoipa::path(tag = "chain", responses((status = 200, description = "votes that did not lapse", content((Vec<schemas::Approvals> = "application/json"), (schemas::Bytes = "application/octet-stream")))))]
#[get("/v1/changes")]
pub(super) async fn list_changes(request: HttpRequest, service: Data<Service>) -> Result<HttpResponse, Error> {
    let votes = blocking(move || Ok(open_votes(&service.chain.snapshot()?)?)).await?;
    reply(&request, &votes)
}

/// What a block did, transaction by transaction. JSON or bytes.
#[utoipa::path(
    tag = "chain",
    params(("height" = u64, Path, description = "from 1")),
    responses(
        (status = 200, description = "the events", content((schemas::BlockEvents = "application/json"), (schemas::Bytes = "application/octet-stream"))),
        (status = 404, description = "beyond the head", body = Problem, content_type = "application/problem+json"),
    )
)]
#[get("/v1/blocks/{height}/events")]
pub(super) async fn read_events(
    request: HttpRequest,
    service: Data<Service>,
    height: Path<String>,
) -> Result<HttpResponse, Error> {
    let height = Height::new(parse("block height", &height)?);
    let events = blocking(move || found("block", height, service.chain.snapshot()?.events(height)?)).await?;
    reply(&request, &events)
}

/// An account, and what it is on the network.
#[derive(Debug, Clone, PartialEq, Eq, BorshSerialize, BorshDeserialize, Serialize, Deserialize)]
pub struct AccountSummary {
    /// Its money and next nonce.
    #[serde(flatten)]
    pub account: Account,
    /// What it is, in words.
    pub roles: Vec<String>,
}

impl AccountSummary {
    /// An account as this node knows it.
    ///
    /// # Errors
    /// [`Error::Ledger`] when the database fails.
    pub(crate) fn here(service: &Service, id: AccountId) -> Result<Self, Error> {
        let account = service.chain.snapshot()?.account(id)?.unwrap_or_default();
        Ok(Self { account, roles: standing_here(service, id)? })
    }
}

/// Money, next nonce and roles of an account; zero and none for one that never had any. JSON or bytes.
#[utoipa::path(
    tag = "state",
    params(("id" = String, Path, description = "the account's key, 64 hex digits")),
    responses((status = 200, description = "the account", content((schemas::Account = "application/json"), (schemas::Bytes = "application/octet-stream"))))
)]
#[get("/v1/accounts/{id}")]
pub(super) async fn read_account(
    request: HttpRequest,
    service: Data<Service>,
    id: Path<String>,
) -> Result<HttpResponse, Error> {
    let id: AccountId = parse("account id", &id)?;
    let account = blocking(move || AccountSummary::here(&service, id)).await?;
    reply(&request, &account)
}

/// The nonce that an account's next action must carry, counting actions that wait for a block: an unproven hint, for
/// whoever runs this node. Sign no nonce beyond the proven one on a stranger's word. JSON or bytes.
#[utoipa::path(
    tag = "state",
    params(("id" = String, Path, description = "the account's key, 64 hex digits")),
    responses((status = 200, description = "the nonce", content((u64 = "application/json"), (schemas::Bytes = "application/octet-stream"))))
)]
#[get("/v1/accounts/{id}/next-nonce")]
pub(super) async fn read_next_nonce(
    request: HttpRequest,
    service: Data<Service>,
    id: Path<String>,
) -> Result<HttpResponse, Error> {
    let id: AccountId = parse("account id", &id)?;
    let nonce = blocking(move || service.chain.next_nonce(id)).await?;
    reply(&request, &nonce)
}

/// A schema: attributes and panel. JSON or bytes.
#[utoipa::path(
    tag = "state",
    params(("id" = String, Path, description = "the schema's id, 64 hex digits")),
    responses(
        (status = 200, description = "the schema", content((schemas::Schema = "application/json"), (schemas::Bytes = "application/octet-stream"))),
        (status = 404, description = "not registered", body = Problem, content_type = "application/problem+json"),
    )
)]
#[get("/v1/schemas/{id}")]
pub(super) async fn read_schema(
    request: HttpRequest,
    service: Data<Service>,
    id: Path<String>,
) -> Result<HttpResponse, Error> {
    let id: SchemaId = parse("schema id", &id)?;
    let schema = blocking(move || found("schema", id, service.chain.snapshot()?.schema(id)?)).await?;
    reply(&request, &schema)
}

/// A query and the stage it is in. JSON or bytes.
#[utoipa::path(
    tag = "state",
    params(("id" = String, Path, description = "the query's id, 64 hex digits")),
    responses(
        (status = 200, description = "the query", content((schemas::Query = "application/json"), (schemas::Bytes = "application/octet-stream"))),
        (status = 404, description = "never opened", body = Problem, content_type = "application/problem+json"),
    )
)]
#[get("/v1/queries/{id}")]
pub(super) async fn read_query(
    request: HttpRequest,
    service: Data<Service>,
    id: Path<String>,
) -> Result<HttpResponse, Error> {
    let id: QueryId = parse("query id", &id)?;
    let query = blocking(move || found("query", id, service.chain.snapshot()?.query(id)?)).await?;
    reply(&request, &query)
}
