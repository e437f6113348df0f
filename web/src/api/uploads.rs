//! Uploads in chunks, which go on where they were interrupted.

use actix_web::{
    HttpRequest, HttpResponse, get, patch,
    web::{Data, Path, Payload, Query},
};
use market::objects::{BlobAddress, BlobKind, CHUNK_BYTES_MAX, ChunkOutcome, UploadProgress};
use serde::Deserialize;

use super::{
    Service,
    blobs::{address, receive},
    blocking,
    memory::Room,
    named::is_named,
    quota::is_document,
    schemas,
};
use crate::{Error, problem::Problem};

/// Which upload of a blob.
#[derive(Deserialize)]
pub(super) struct Whole {
    bytes: u64,
}

/// Which chunk.
#[derive(Deserialize)]
pub(super) struct Piece {
    bytes: u64,
    offset: u64,
}

/// The small kinds are uploaded at once: no connection is too short for them.
fn uploadable(path: &(String, String)) -> Result<BlobAddress, Error> {
    let address = address(path)?;
    if is_document(address.kind) {
        return Ok(address);
    }
    let why = format!("{} is short; put it at once at /v1/blobs", address.kind.name());
    Err(Error::Request { what: "kind of blob", why })
}

fn query<T>(query: Result<Query<T>, actix_web::Error>) -> Result<T, Error> {
    let malformed = |error: actix_web::Error| Error::Request { what: "query string", why: error.to_string() };
    query.map(Query::into_inner).map_err(malformed)
}

/// How far an upload is. It need not have begun.
#[utoipa::path(
    tag = "blobs",
    params(
        ("kind" = String, Path, description = "`panel`, `blob` or `genome`"),
        ("digest" = String, Path, description = "64 hex digits"),
        ("bytes" = u64, Query, description = "the blob's length"),
    ),
    responses(
        (status = 200, description = "where the next chunk begins", body = schemas::UploadProgress),
        (status = "4XX", description = "refused", body = Problem, content_type = "application/problem+json"),
    )
)]
#[get("/v1/uploads/{kind}/{digest}")]
pub(super) async fn read_upload(
    service: Data<Service>,
    path: Path<(String, String)>,
    whole: Result<Query<Whole>, actix_web::Error>,
) -> Result<HttpResponse, Error> {
    let (address, Whole { bytes }) = (uploadable(&path)?, query(whole)?);
    let progress = blocking(move || Ok(service.blobs.upload(address, bytes)?.progress()?)).await?;
    Ok(HttpResponse::Ok().json(progress))
}

/// Takes the chunk at an offset, which is where the upload came to. The blob is stored with the last one, if all
/// together have its digest.
#[utoipa::path(
    tag = "blobs",
    params(
        ("kind" = String, Path, description = "`panel`, `blob` or `genome`"),
        ("digest" = String, Path, description = "64 hex digits"),
        ("bytes" = u64, Query, description = "the blob's length"),
        ("offset" = u64, Query, description = "where the chunk begins"),
    ),
    request_body(content = schemas::Bytes, content_type = "application/octet-stream", description = "64 KiB to 16 MiB; the last may be shorter, and is empty when all are there and the blob is not"),
    responses(
        (status = 200, description = "kept", body = schemas::UploadProgress),
        (status = 201, description = "the blob is stored durably", body = schemas::UploadProgress),
        (status = "4XX", description = "refused; 409 when the upload goes on elsewhere", body = Problem, content_type = "application/problem+json"),
        (status = 507, description = "no room", body = Problem, content_type = "application/problem+json"),
    )
)]
#[patch("/v1/uploads/{kind}/{digest}")]
pub(super) async fn append_upload(
    request: HttpRequest,
    service: Data<Service>,
    path: Path<(String, String)>,
    piece: Result<Query<Piece>, actix_web::Error>,
    payload: Payload,
) -> Result<HttpResponse, Error> {
    let (address, piece) = (uploadable(&path)?, query(piece)?);
    let _memory = service.quota.memory.take(Room::Large, CHUNK_BYTES_MAX).await?;
    let chunk = receive(&request, payload, CHUNK_BYTES_MAX).await?;
    let progress = blocking(move || append(&service, address, &piece, chunk)).await?;
    Ok(if progress.stored { HttpResponse::Created().json(progress) } else { HttpResponse::Ok().json(progress) })
}

fn append(service: &Service, address: BlobAddress, piece: &Piece, chunk: Vec<u8>) -> Result<UploadProgress, Error> {
    let (kind, session) = (address.kind, service.blobs.upload(address, piece.bytes)?);
    let _storing = service.quota.storing(&address.digest);
    let progress = session.progress()?;
    if progress.stored {
        return Ok(progress);
    }
    let length = chunk.len() as u64;
    let reservation = match service.quota.reserve_in(&service.blobs, kind, length) {
        Err(Error::Quota { .. }) if is_named(&service.chain, &service.index, address)? => {
            service.quota.reserve_named(kind, length)
        }
        reserved => reserved?,
    };
    match session.append(piece.offset, chunk.into()) {
        Ok(ChunkOutcome::Kept(progress)) => {
            reservation.keep();
            Ok(progress)
        }
        Ok(ChunkOutcome::Stored) => {
            reservation.keep();
            service.metrics.stored(usize::try_from(piece.bytes).unwrap_or(usize::MAX));
            Ok(UploadProgress { received_bytes: piece.bytes, stored: true, ..progress })
        }
        Err(error) => Err(refused(service, kind, progress.received_bytes, error)),
    }
}

/// Chunks that make another blob were forgotten by the store, so their room is free again.
fn refused(service: &Service, kind: BlobKind, received_bytes: u64, error: market::Error) -> Error {
    match error {
        market::Error::BlobDamaged { why, .. } => {
            service.quota.give_back(kind, received_bytes);
            Error::Request { what: "blob", why: format!("{why}; the upload begins anew") }
        }
        error => error.into(),
    }
}
