//! Blobs by kind and digest. Who uploads needs no name: the digest says what is right, the quota how much.

use std::time::Duration;

use super::{
    BODY_TIME_MAX, PROGRESS_BYTES_MIN, Service, blocking,
    fetching::Brought,
    lanes::full,
    memory::{Held, LARGE_BYTES, in_pieces},
    quota::{is_document, room},
    reply::{BYTES, parse},
    schemas,
};
use crate::{Error, problem::Problem};
use actix_web::{
    HttpRequest, HttpResponse,
    error::PayloadError,
    get,
    http::header,
    put,
    web::{Bytes, Data, Path, Payload, Query},
};
use circuits::id::Digest;
use futures::{Stream, StreamExt};
use market::{
    index::PAGE_ROWS_MAX,
    objects::{self, BLOB_BYTES_MAX, BlobAccess as _, BlobAddress, BlobKind},
};
use serde::{Deserialize, Serialize};
use tokio::time::Instant;

/// The largest upload of a kind that is no document: ciphertexts, sums, components and shares are at most 98,304 bytes
/// and a message of the key generation is a few of them.
const SMALL_BYTES_MAX: usize = 1 << 20;

const _: () = assert!(SMALL_BYTES_MAX <= BLOB_BYTES_MAX);

/// Blobs of the largest size that have room at once.
const LARGE_AT_ONCE: usize = LARGE_BYTES / BLOB_BYTES_MAX;

/// The largest blob of a kind that is taken.
pub(super) fn bytes_max(kind: BlobKind) -> usize {
    if is_document(kind) { BLOB_BYTES_MAX } else { SMALL_BYTES_MAX }
}

/// Reads a body of bytes within its bound; a client that stalls, or sends drop by drop, is let go.
pub(crate) async fn receive(request: &HttpRequest, payload: Payload, bytes_max: usize) -> Result<Vec<u8>, Error> {
    receive_media(request, payload, BYTES, bytes_max).await
}

/// The same for a body of another media type.
pub(crate) async fn receive_media(
    request: &HttpRequest,
    payload: Payload,
    expected: &'static str,
    bytes_max: usize,
) -> Result<Vec<u8>, Error> {
    receive_each(request, payload, expected, bytes_max, |_| Ok(())).await
}

/// The same, and `each` hears how many bytes there are before they are kept; what it refuses ends the transfer.
pub(super) async fn receive_each(
    request: &HttpRequest,
    mut payload: Payload,
    expected: &'static str,
    bytes_max: usize,
    each: impl FnMut(usize) -> Result<(), Error>,
) -> Result<Vec<u8>, Error> {
    let media = request.headers().get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok());
    if media.and_then(|media| media.split(';').next()).map(str::trim) != Some(expected) {
        return Err(Error::MediaType { expected });
    }
    receive_within(request, &mut payload, bytes_max, BODY_TIME_MAX, each).await
}

async fn receive_within(
    request: &HttpRequest,
    payload: &mut (impl Stream<Item = Result<Bytes, PayloadError>> + Unpin),
    bytes_max: usize,
    pause_max: Duration,
    mut each: impl FnMut(usize) -> Result<(), Error>,
) -> Result<Vec<u8>, Error> {
    let too_large = || Error::TooLarge { what: "the body in bytes", limit: bytes_max };
    if announced(request).is_some_and(|length| length > bytes_max) {
        return Err(too_large());
    }
    let mut bytes = vec![];
    let (mut until, mut expected) = (Instant::now() + pause_max, PROGRESS_BYTES_MIN);
    loop {
        let next = tokio::time::timeout_at(until, payload.next()).await;
        let Some(chunk) = next.map_err(|_| Error::Slow { limit: pause_max })? else { return Ok(bytes) };
        let chunk = chunk.map_err(|error| Error::Request { what: "body", why: error.to_string() })?;
        if chunk.len() > bytes_max - bytes.len() {
            return Err(too_large());
        }
        each(bytes.len() + chunk.len())?;
        bytes.extend_from_slice(&chunk);
        if bytes.len() >= expected {
            (until, expected) = (Instant::now() + pause_max, bytes.len() + PROGRESS_BYTES_MIN);
        }
    }
}

/// The length that the client announces.
fn announced(request: &HttpRequest) -> Option<usize> {
    request.headers().get(header::CONTENT_LENGTH)?.to_str().ok()?.parse().ok()
}

pub(super) fn address(path: &(String, String)) -> Result<BlobAddress, Error> {
    let (kind, digest) = path;
    Ok(BlobAddress { kind: parse("kind of blob", kind)?, digest: parse("digest", digest)? })
}

/// Stores a blob under its own digest. Storing it again changes nothing.
#[utoipa::path(
    tag = "blobs",
    params(
        ("kind" = String, Path, description = "what it holds; it decides the digest's tag"),
        ("digest" = String, Path, description = "64 hex digits"),
    ),
    request_body(content = schemas::Bytes, content_type = "application/octet-stream", description = "1 MiB at most, 64 MiB for the kinds `panel` and `blob`"),
    responses(
        (status = 201, description = "stored durably"),
        (status = 204, description = "it was here already"),
        (status = "4XX", description = "refused", body = Problem, content_type = "application/problem+json"),
        (status = 507, description = "no room, and the ledger does not name it", body = Problem, content_type = "application/problem+json"),
    )
)]
#[put("/v1/blobs/{kind}/{digest}")]
pub(super) async fn put_blob(
    request: HttpRequest,
    service: Data<Service>,
    path: Path<(String, String)>,
    payload: Payload,
) -> Result<HttpResponse, Error> {
    let address = address(&path)?;
    let bytes_max = bytes_max(address.kind);
    let expected = announced(&request).unwrap_or(bytes_max).min(bytes_max);
    let memory = service.quota.memory.take(room(address.kind), expected).await?;
    let bytes = receive(&request, payload, bytes_max).await?;
    // The memory goes with the work, which goes on though the client is gone.
    let stored = blocking(move || {
        let stored = store(&service, address, bytes);
        drop(memory);
        stored
    });
    let stored = stored.await?;
    Ok(if stored { HttpResponse::Created().finish() } else { HttpResponse::NoContent().finish() })
}

/// Whether the blob is new.
fn store(service: &Service, address: BlobAddress, bytes: Vec<u8>) -> Result<bool, Error> {
    if BlobAddress::of(address.kind, &bytes) != address {
        let found = BlobAddress::of(address.kind, &bytes).digest;
        let why = format!("its digest is {found}, not {}; put it under its own digest", address.digest);
        return Err(Error::Request { what: "blob", why });
    }
    let length = bytes.len();
    let is_new = service.fetching().keep(address, bytes)?;
    if is_new {
        service.metrics.stored(length);
    }
    Ok(is_new)
}

/// From where a blob may come.
#[derive(Default, Deserialize)]
#[serde(default)]
pub(super) struct Asked {
    own: bool,
}

/// A blob. Its digest was checked when this server read it; check it again. One that this node lacks comes from the other
/// nodes that its operator named, which takes a minute at most.
#[utoipa::path(
    tag = "blobs",
    params(
        ("kind" = String, Path, description = "what it holds"),
        ("digest" = String, Path, description = "64 hex digits"),
        ("own" = Option<bool>, Query, description = "`true`: from this node's own store alone, as nodes ask each other"),
    ),
    responses(
        (status = 200, description = "the bytes", body = schemas::Bytes, content_type = "application/octet-stream"),
        (status = 404, description = "not here, nor at another node that was asked", body = Problem, content_type = "application/problem+json"),
        (status = 503, description = "as much is sought at other nodes as may be, or some did not answer; try again", body = Problem, content_type = "application/problem+json"),
    )
)]
#[get("/v1/blobs/{kind}/{digest}")]
pub(super) async fn get_blob(
    service: Data<Service>,
    path: Path<(String, String)>,
    asked: Result<Query<Asked>, actix_web::Error>,
) -> Result<HttpResponse, Error> {
    let address = address(&path)?;
    let asked = asked.map_err(|error| Error::Request { what: "query string", why: error.to_string() })?.into_inner();
    // Here it is as if there were none; `datasets` serves it.
    if !address.kind.is_public() {
        return Err(Error::Market(market::Error::BlobMissing { address }));
    }
    // Memory is taken for what is here or may come: what strangers make up takes nobody's place.
    let node = service.clone();
    let is_here = blocking(move || {
        let is_here = node.blobs.reader(address)?.is_some();
        if !is_here && (asked.own || !node.fetching().is_sought(address)?) {
            return Err(Error::Market(market::Error::BlobMissing { address }));
        }
        Ok(is_here)
    });
    let brought = if is_here.await? { None } else { bring(&service, address).await? };
    let (bytes, memory) = match brought {
        Some(brought) => brought,
        None => read(service, address).await?,
    };
    // A digest never names other bytes, so caches may keep them for ever.
    Ok(HttpResponse::Ok()
        .content_type(BYTES)
        .insert_header((header::CACHE_CONTROL, "public, max-age=31536000, immutable"))
        .insert_header((header::ETAG, format!("\"{}\"", address.digest)))
        .body(in_pieces(bytes.into(), memory)))
}

/// The bytes of a blob that is here, with their memory, which goes with the work: that goes on though the client is gone.
async fn read(service: Data<Service>, address: BlobAddress) -> Result<(Vec<u8>, Held), Error> {
    let bytes_max = bytes_max(address.kind);
    let memory = service.quota.memory.take(room(address.kind), bytes_max).await?;
    blocking(move || Ok((objects::get(service.blobs.as_ref(), address, bytes_max)?, memory))).await
}

/// Has a blob come from another node: its bytes, or none where it is here now. Who waits for another's fetch holds as much
/// as a small blob takes, and only who fetches takes memory for a large one.
async fn bring(service: &Data<Service>, address: BlobAddress) -> Result<Option<(Vec<u8>, Held)>, Error> {
    let (service, bytes_max) = (service.clone(), bytes_max(address.kind));
    let mut memory = service.quota.memory.take(room(address.kind), bytes_max.min(SMALL_BYTES_MAX)).await?;
    let brought = blocking(move || {
        let grown = || if memory.grows_to(bytes_max) { Ok(memory) } else { Err(full("large blobs", LARGE_AT_ONCE)) };
        service.fetching().bring(address, bytes_max, grown)
    });
    match brought.await? {
        Brought::Here => Ok(None),
        Brought::Bytes(bytes, memory) => Ok(Some((bytes, memory))),
        Brought::Nowhere => Err(Error::Market(market::Error::BlobMissing { address })),
    }
}

/// A page of the digests that this server keeps.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct BlobPage {
    /// The digests in order.
    pub digests: Vec<Digest>,
    /// Where the next page begins; absent on the last page.
    pub next: Option<Digest>,
}

/// Where a page begins.
#[derive(Deserialize)]
pub(super) struct After {
    after: Option<String>,
}

/// Digests of a kind, in order, 500 to a page.
#[utoipa::path(
    tag = "blobs",
    params(
        ("kind" = String, Path, description = "what the blobs hold"),
        ("after" = Option<String>, Query, description = "`next` of the page before"),
    ),
    responses((status = 200, description = "a page of digests", body = schemas::BlobPage))
)]
#[get("/v1/blobs/{kind}")]
pub(super) async fn list_blobs(
    service: Data<Service>,
    kind: Path<String>,
    after: Result<Query<After>, actix_web::Error>,
) -> Result<HttpResponse, Error> {
    let kind: BlobKind = parse("kind of blob", &kind)?;
    if !kind.is_public() {
        return Ok(HttpResponse::Ok().json(BlobPage { digests: vec![], next: None }));
    }
    let after = after.map_err(|error| Error::Request { what: "query string", why: error.to_string() })?;
    let after: Option<Digest> = after.into_inner().after.map(|text| parse("digest", &text)).transpose()?;
    let listed = blocking(move || Ok(service.blobs.list_after(kind, after, PAGE_ROWS_MAX + 1)?)).await?;
    let mut digests: Vec<_> = listed.iter().map(|address| address.digest).collect();
    let more = digests.len() > PAGE_ROWS_MAX;
    digests.truncate(PAGE_ROWS_MAX);
    let next = if more { digests.last().copied() } else { None };
    Ok(HttpResponse::Ok().json(BlobPage { digests, next }))
}

#[cfg(test)]
mod tests {
    use actix_web::test::TestRequest;
    use futures::stream;

    use super::*;

    fn received(body: impl Stream<Item = Result<Bytes, PayloadError>>) -> Result<Vec<u8>, Error> {
        received_within(body, 8)
    }

    fn received_within(
        body: impl Stream<Item = Result<Bytes, PayloadError>>,
        bytes_max: usize,
    ) -> Result<Vec<u8>, Error> {
        let request = TestRequest::put().insert_header((header::CONTENT_TYPE, BYTES)).to_http_request();
        actix_web::rt::System::new().block_on(async move {
            let mut body = Box::pin(body);
            receive_within(&request, &mut body, bytes_max, Duration::from_millis(5), |_| Ok(())).await
        })
    }

    fn chunk(bytes: &'static [u8]) -> Result<Bytes, PayloadError> {
        Ok(Bytes::from_static(bytes))
    }

    #[test]
    fn a_client_that_stalls_is_let_go() {
        let stalled = stream::iter([chunk(b"ab")]).chain(stream::pending());
        assert!(matches!(received(stalled), Err(Error::Slow { .. })));
    }

    #[test]
    fn repro_a_client_that_sends_drop_by_drop_is_let_go() {
        let drops = stream::repeat(()).then(|()| async {
            tokio::time::sleep(Duration::from_millis(1)).await;
            chunk(b"a")
        });
        assert!(matches!(received_within(drops, SMALL_BYTES_MAX), Err(Error::Slow { .. })));
    }

    #[test]
    fn chunks_are_taken_up_to_the_bound_and_not_beyond() {
        assert_eq!(received(stream::iter([chunk(b"abcd"), chunk(b"efgh")])).unwrap(), b"abcdefgh");
        let beyond = stream::iter([chunk(b"abcd"), chunk(b"efgh"), chunk(b"i")]);
        assert!(matches!(received(beyond), Err(Error::TooLarge { limit: 8, .. })));
    }

    #[test]
    fn a_body_cut_short_is_refused() {
        let cut = stream::iter([chunk(b"ab"), Err(PayloadError::Incomplete(None))]);
        assert!(matches!(received(cut), Err(Error::Request { what: "body", .. })));
    }
}
