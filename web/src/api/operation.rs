//! For whoever runs the server: health, metrics and the description of the API.

use actix_web::{HttpResponse, get, web::Data};
use circuits::id::{AccountId, ChainId};
use node::{
    consensus::{EngineHandle, Votes},
    units::Height,
};
use serde::{Deserialize, Serialize};
use utoipa::OpenApi;

use super::{Document, Service, blocking, metrics::text, schemas};
use crate::Error;

/// Media type of the metrics.
const OPENMETRICS: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";

/// That the server works, and how far it is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Health {
    /// The server's version.
    pub version: String,
    /// The chain it serves.
    pub chain: ChainId,
    /// Its latest block.
    pub height: Height,
    /// The latest block in its index.
    pub index: Height,
    /// Whether it can list what its ledger holds: false where it lacks blocks that the index is made from, or the index is far
    /// behind.
    pub listings: bool,
    /// Transactions that wait for a block.
    pub waiting: u64,
    /// The validator whose node this is, where a consensus engine runs.
    pub validator: Option<AccountId>,
    /// Whom this node reaches of those who make blocks, where a consensus engine runs.
    pub consensus: Option<Votes>,
}

/// Whose votes the engine reaches, where one runs.
pub(crate) async fn votes(service: &Service) -> Result<Option<Votes>, Error> {
    match &service.engine {
        Some(engine) => Ok(Some(engine.votes().await?)),
        None => Ok(None),
    }
}

/// Reads ledger and index; answers only when both work.
#[utoipa::path(tag = "operation", responses((status = 200, description = "it works", body = schemas::Health)))]
#[get("/health")]
pub(super) async fn read_health(service: Data<Service>) -> Result<HttpResponse, Error> {
    let consensus = votes(&service).await?;
    let health = blocking(move || {
        Ok(Health {
            version: env!("CARGO_PKG_VERSION").into(),
            chain: service.chain.ledger().chain(),
            height: service.chain.snapshot()?.latest()?.height,
            index: service.index.position()?.height,
            listings: service.listings_lack()?.is_none(),
            waiting: service.chain.waiting() as u64,
            validator: service.engine.as_ref().map(EngineHandle::account),
            consensus,
        })
    })
    .await?;
    Ok(HttpResponse::Ok().json(health))
}

/// The nodes that this one is connected to; none where no consensus engine runs.
#[utoipa::path(tag = "operation", responses((status = 200, description = "by network id", body = Vec<schemas::Peer>)))]
#[get("/v1/peers")]
pub(super) async fn list_peers(service: Data<Service>) -> Result<HttpResponse, Error> {
    let peers = match &service.engine {
        Some(engine) => engine.peers().await?,
        None => vec![],
    };
    Ok(HttpResponse::Ok().json(peers))
}

/// Counters for Prometheus.
#[utoipa::path(tag = "operation", responses((status = 200, description = "the counters", body = String, content_type = "application/openmetrics-text")))]
#[get("/metrics")]
pub(super) async fn read_metrics(service: Data<Service>) -> Result<HttpResponse, Error> {
    let consensus = votes(&service).await?;
    let text = blocking(move || text(&service, consensus.as_ref())).await?;
    Ok(HttpResponse::Ok().content_type(OPENMETRICS).body(text))
}

/// This document.
#[utoipa::path(tag = "operation", responses((status = 200, description = "OpenAPI", body = serde_json::Value)))]
#[get("/openapi.json")]
pub(super) async fn read_openapi() -> HttpResponse {
    HttpResponse::Ok().json(Document::openapi())
}
