//! Submitting transactions and following what becomes of them.

use actix_web::{
    HttpRequest, HttpResponse, get,
    http::header,
    post,
    web::{Data, Path, Payload},
};
use borsh::{BorshDeserialize, BorshSerialize};
use node::{
    block::SignedHeader,
    inclusion::TransactionProof,
    transaction::{EVIDENCE_BYTES_MAX, Transaction, TransactionId},
};
use serde::{Deserialize, Serialize};

use super::{
    Service,
    blobs::receive,
    blocking,
    reply::{found, parse, reply},
    schemas,
};
use crate::{Error, problem::Problem};

/// A transaction that waits for a block.
#[derive(Debug, Clone, Copy, PartialEq, Eq, BorshSerialize, BorshDeserialize, Serialize, Deserialize)]
pub struct Accepted {
    /// Its id.
    pub transaction: TransactionId,
}

/// A transaction with all it takes to check, against the genesis alone, that the chain holds it.
#[derive(Debug, Clone, PartialEq, Eq, BorshSerialize, BorshDeserialize, Serialize, Deserialize)]
pub struct IncludedTransaction {
    /// The header of its block, with the certificate.
    pub header: SignedHeader,
    /// The transaction.
    pub transaction: Transaction,
    /// Its place under the header's transaction root.
    pub proof: TransactionProof,
}

/// Checks a transaction against the latest state and lets it wait for a block.
#[utoipa::path(
    tag = "transactions",
    request_body(content = schemas::Bytes, content_type = "application/octet-stream", description = "the canonical borsh bytes, at most 64 KiB"),
    responses(
        (status = 202, description = "its id; it waits for a block", body = schemas::Accepted),
        (status = "4XX", description = "why it is refused", body = Problem, content_type = "application/problem+json"),
    )
)]
#[post("/v1/transactions")]
pub(super) async fn submit_transaction(
    request: HttpRequest,
    service: Data<Service>,
    payload: Payload,
) -> Result<HttpResponse, Error> {
    let bytes = receive(&request, payload, EVIDENCE_BYTES_MAX).await?;
    let transaction = blocking(move || {
        let transaction = Transaction::from_bytes(&bytes)?;
        service.metrics.submitted(&transaction);
        service.chain.submit(transaction)
    })
    .await?;
    let place = (header::LOCATION, format!("/v1/transactions/{transaction}"));
    Ok(HttpResponse::Accepted().insert_header(place).json(Accepted { transaction }))
}

/// What became of a transaction: unknown, pending, included or refused.
#[utoipa::path(
    tag = "transactions",
    params(("id" = String, Path, description = "the transaction's id, 64 hex digits")),
    responses((status = 200, description = "its status", body = schemas::TransactionStatus))
)]
#[get("/v1/transactions/{id}")]
pub(super) async fn read_transaction(service: Data<Service>, id: Path<String>) -> Result<HttpResponse, Error> {
    let id: TransactionId = parse("transaction id", &id)?;
    let status = blocking(move || service.chain.status(id)).await?;
    Ok(HttpResponse::Ok().json(status))
}

/// An included transaction with its block's header and the proof that the block holds it. JSON or bytes.
#[utoipa::path(
    tag = "transactions",
    params(("id" = String, Path, description = "the transaction's id, 64 hex digits")),
    responses(
        (status = 200, description = "the transaction, header and proof", content((schemas::IncludedTransaction = "application/json"), (schemas::Bytes = "application/octet-stream"))),
        (status = 404, description = "no block holds it", body = Problem, content_type = "application/problem+json"),
    )
)]
#[get("/v1/transactions/{id}/proof")]
pub(super) async fn prove_transaction(
    request: HttpRequest,
    service: Data<Service>,
    id: Path<String>,
) -> Result<HttpResponse, Error> {
    let id: TransactionId = parse("transaction id", &id)?;
    let included = blocking(move || {
        let snapshot = service.chain.snapshot()?;
        let located = found("included transaction", id, snapshot.transaction(id)?)?;
        let height = located.header.height;
        let header = found("block", height, snapshot.header(height)?)?;
        Ok(IncludedTransaction { header, transaction: located.transaction, proof: located.proof })
    })
    .await?;
    reply(&request, &included)
}
