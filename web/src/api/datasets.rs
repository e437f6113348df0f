//! Datasets and licences: listings for everybody, and the files for those whom the ledger entitles.

use std::io::Read as _;

use actix_web::{
    HttpRequest, HttpResponse,
    body::SizedStream,
    get,
    http::header,
    web::{self, Bytes, Data, Path, Query},
};
use circuits::id::{AccountId, DatasetId};
use futures::{Stream, stream};
use market::{
    index::{LicenceFilter, Paging},
    objects::BlobReader,
};
use serde::Deserialize;
use tokio::sync::OwnedSemaphorePermit;

use super::{
    Service, blocking,
    caller::caller,
    custody::{Part, custody, entitled, stream_place, unread},
    listing::{paging, query_string},
    reply::{BYTES, parse},
    schemas,
};
use crate::{Error, access::Operation, problem::Problem};

/// Bytes that an answer hands to the connection at once.
const PIECE_BYTES: usize = 1 << 18;

/// Filters of a listing.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Filter {
    owner: Option<String>,
    dataset: Option<String>,
    licensee: Option<String>,
}

/// Datasets offered, of one owner when named, withdrawn ones included.
#[utoipa::path(
    tag = "listings",
    params(
        ("owner" = Option<String>, Query, description = "an account, 64 hex digits"),
        ("after" = Option<u64>, Query, description = "`next` of the page before"),
        ("limit" = Option<u32>, Query, description = "1 to 500 rows; 100 by default"),
        ("order" = Option<String>, Query, description = "`oldest` or `newest` first"),
    ),
    responses(
        (status = 200, description = "a page", body = schemas::Page<schemas::DatasetRow>),
        (status = 503, description = "the node lacks blocks that it would list", body = Problem, content_type = "application/problem+json"),
    )
)]
#[get("/v1/datasets")]
pub(super) async fn list_datasets(
    service: Data<Service>,
    filter: Result<Query<Filter>, actix_web::Error>,
    page: Result<Query<Paging>, actix_web::Error>,
) -> Result<HttpResponse, Error> {
    let (filter, page) = (query_string(filter)?, paging(page)?);
    let owner: Option<AccountId> = filter.owner.map(|text| parse("owner", &text)).transpose()?;
    let page = blocking(move || Ok(service.listings()?.datasets(owner, &page)?)).await?;
    Ok(HttpResponse::Ok().json(page))
}

/// Licences asked for, in every stage, of one dataset or licensee when named.
#[utoipa::path(
    tag = "listings",
    params(
        ("dataset" = Option<String>, Query, description = "a dataset's id, 64 hex digits"),
        ("licensee" = Option<String>, Query, description = "an account, 64 hex digits"),
        ("after" = Option<u64>, Query, description = "`next` of the page before"),
        ("limit" = Option<u32>, Query, description = "1 to 500 rows; 100 by default"),
        ("order" = Option<String>, Query, description = "`oldest` or `newest` first"),
    ),
    responses(
        (status = 200, description = "a page", body = schemas::Page<schemas::LicenceRow>),
        (status = 503, description = "the node lacks blocks that it would list", body = Problem, content_type = "application/problem+json"),
    )
)]
#[get("/v1/licences")]
pub(super) async fn list_licences(
    service: Data<Service>,
    filter: Result<Query<Filter>, actix_web::Error>,
    page: Result<Query<Paging>, actix_web::Error>,
) -> Result<HttpResponse, Error> {
    let (filter, page) = (query_string(filter)?, paging(page)?);
    let dataset: Option<DatasetId> = filter.dataset.map(|text| parse("dataset", &text)).transpose()?;
    let licensee: Option<AccountId> = filter.licensee.map(|text| parse("licensee", &text)).transpose()?;
    let page = blocking(move || Ok(service.listings()?.licences(&LicenceFilter { dataset, licensee }, &page)?)).await?;
    Ok(HttpResponse::Ok().json(page))
}

/// The header of a dataset's Crypt4GH file, made for whoever signed the request. A licensee's access is on the ledger
/// before the bytes are sent.
#[utoipa::path(
    tag = "datasets",
    params(("id" = String, Path, description = "the dataset's id, 64 hex digits")),
    responses(
        (status = 200, description = "the header", body = schemas::Bytes, content_type = "application/octet-stream"),
        (status = 401, description = "not signed", body = Problem, content_type = "application/problem+json"),
        (status = 404, description = "not here, or not for the signer", body = Problem, content_type = "application/problem+json"),
    )
)]
#[get("/v1/datasets/{id}/header")]
pub(super) async fn read_header(
    request: HttpRequest,
    service: Data<Service>,
    id: Path<String>,
) -> Result<HttpResponse, Error> {
    custody(&service)?;
    let account = caller(&request, &service)?.account();
    let bytes = blocking(move || entitled(&service, account, &id, Operation::ReadHeader)?.header(&service)).await?;
    Ok(HttpResponse::Ok().content_type(BYTES).body(bytes))
}

/// The encrypted body of a dataset's Crypt4GH file, or a range of it. A licensee's access is on the ledger before the
/// bytes are sent. An answer to a range has at most 1 GiB; `Content-Range` says what it has.
#[utoipa::path(
    tag = "datasets",
    params(
        ("id" = String, Path, description = "the dataset's id, 64 hex digits"),
        ("Range" = Option<String>, Header, description = "one range: `bytes=0-65563`"),
    ),
    responses(
        (status = 200, description = "the body", body = schemas::Bytes, content_type = "application/octet-stream"),
        (status = 206, description = "a range of it", body = schemas::Bytes, content_type = "application/octet-stream"),
        (status = 401, description = "not signed", body = Problem, content_type = "application/problem+json"),
        (status = 404, description = "not here, or not for the signer", body = Problem, content_type = "application/problem+json"),
        (status = 416, description = "the range lies beyond the body", body = Problem, content_type = "application/problem+json"),
    )
)]
#[get("/v1/datasets/{id}/body")]
pub(super) async fn read_body(
    request: HttpRequest,
    service: Data<Service>,
    id: Path<String>,
) -> Result<HttpResponse, Error> {
    custody(&service)?;
    let account = caller(&request, &service)?.account();
    let place = stream_place(&service)?;
    let asked = request.headers().get(header::RANGE).and_then(|value| value.to_str().ok()).map(str::to_owned);
    let (reader, range, bytes, etag) = blocking(move || {
        let entitled = entitled(&service, account, &id, Operation::ReadBody)?;
        let (bytes, digest) = (entitled.dataset.offer.body_bytes, entitled.dataset.offer.body);
        let part = part(asked.as_deref(), bytes)?;
        let ranged = part != Part::Whole;
        let (reader, range) = entitled.body(&service, part)?;
        Ok((reader, ranged.then_some(range), bytes, format!("\"{digest}\"")))
    })
    .await?;
    let mut answer = match &range {
        Some(_) => HttpResponse::PartialContent(),
        None => HttpResponse::Ok(),
    };
    answer.content_type(BYTES).insert_header((header::ACCEPT_RANGES, "bytes")).insert_header((header::ETAG, etag));
    let length = match &range {
        Some(range) => {
            let field = format!("bytes {}-{}/{bytes}", range.start, range.end.saturating_sub(1));
            answer.insert_header((header::CONTENT_RANGE, field));
            range.end.saturating_sub(range.start)
        }
        None => bytes,
    };
    Ok(answer.body(SizedStream::new(length, Box::pin(pieces(reader, length, place)))))
}

/// What a `Range` field asks of a body (RFC 9110, section 14.2). A field that is none, or asks for several ranges, is
/// ignored, as the RFC has it.
fn part(field: Option<&str>, bytes: u64) -> Result<Part, Error> {
    let one = field.and_then(|field| field.strip_prefix("bytes=")).filter(|ranges| !ranges.contains(','));
    let Some((first, last)) = one.and_then(|range| range.trim().split_once('-')) else { return Ok(Part::Whole) };
    let range = match (first.parse::<u64>(), last.parse::<u64>()) {
        (Ok(first), Ok(last)) if first <= last => first..last.saturating_add(1).min(bytes),
        (Ok(first), Err(_)) if last.is_empty() => first..bytes,
        (Err(_), Ok(suffix)) if first.is_empty() => bytes.saturating_sub(suffix)..bytes,
        _ => return Ok(Part::Whole),
    };
    if range.is_empty() { Err(Error::Range { bytes }) } else { Ok(Part::From(range)) }
}

/// The next bytes of a body, a piece at a time, read beside the workers.
fn pieces(
    reader: BlobReader,
    length: u64,
    place: OwnedSemaphorePermit,
) -> impl Stream<Item = Result<Bytes, Error>> + use<> {
    stream::unfold((Some(reader), length, place), |(reader, left, place)| async move {
        let mut reader = reader.filter(|_| left > 0)?;
        let read = web::block(move || {
            let wanted = usize::try_from(left).unwrap_or(PIECE_BYTES).min(PIECE_BYTES);
            let mut piece = vec![0; wanted];
            reader.read_exact(&mut piece).map(|()| (reader, piece))
        });
        Some(match read.await {
            Ok(Ok((reader, piece))) => {
                let left = left.saturating_sub(piece.len() as u64);
                (Ok(piece.into()), (Some(reader), left, place))
            }
            Ok(Err(error)) => (Err(unread(error)), (None, 0, place)),
            Err(_) => (Err(Error::Stopping), (None, 0, place)),
        })
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_range_is_read_as_the_rfc_has_it() {
        let whole =
            [None, Some("bytes=0-1,3-4"), Some("lines=0-1"), Some("bytes=5-2"), Some("bytes=x-"), Some("bytes=-")];
        for field in whole {
            assert_eq!(part(field, 10).unwrap(), Part::Whole, "{field:?}");
        }
        let ranges = [("bytes=0-0", 0..1), ("bytes=3-", 3..10), ("bytes=-4", 6..10), ("bytes=-40", 0..10)];
        for (field, range) in ranges.into_iter().chain([("bytes=2-99", 2..10)]) {
            assert_eq!(part(Some(field), 10).unwrap(), Part::From(range), "{field}");
        }
        for field in ["bytes=10-", "bytes=10-11", "bytes=-0", "bytes=18446744073709551615-18446744073709551615"] {
            assert!(matches!(part(Some(field), 10), Err(Error::Range { bytes: 10 })), "{field}");
        }
    }
}
