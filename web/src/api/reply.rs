//! One value, two encodings: JSON, or canonical borsh bytes for a client that asks for them.

use std::fmt::Display;

use actix_web::{
    HttpRequest, HttpResponse,
    http::header::{self, ContentType},
};
use borsh::BorshSerialize;
use serde::Serialize;

use super::memory::{Held, in_pieces};
use crate::Error;

/// Media type of canonical borsh bytes and of blobs.
pub(crate) const BYTES: &str = "application/octet-stream";

/// Whether the request asks for bytes.
fn wants_bytes(request: &HttpRequest) -> bool {
    let accept = request.headers().get(header::ACCEPT).and_then(|value| value.to_str().ok()).unwrap_or_default();
    accept.split(',').filter_map(|range| range.split(';').next()).any(|range| range.trim() == BYTES)
}

/// The value in the encoding that the request asks for, with its media type.
fn encoded<T: Serialize + BorshSerialize>(request: &HttpRequest, value: &T) -> Result<(ContentType, Vec<u8>), Error> {
    let failed = |error: &dyn Display| Error::Internal { action: "encode a reply", why: error.to_string() };
    if wants_bytes(request) {
        return Ok((ContentType::octet_stream(), borsh::to_vec(value).map_err(|error| failed(&error))?));
    }
    Ok((ContentType::json(), serde_json::to_vec(value).map_err(|error| failed(&error))?))
}

/// The value in the encoding that the request asks for.
pub(super) fn reply<T: Serialize + BorshSerialize>(request: &HttpRequest, value: &T) -> Result<HttpResponse, Error> {
    let (media, bytes) = encoded(request, value)?;
    Ok(HttpResponse::Ok().insert_header((header::VARY, "accept")).insert_header(media).body(bytes))
}

/// As [`reply`], for what is long enough that its memory counts until the client took it.
pub(super) fn long_reply<T: Serialize + BorshSerialize>(
    request: &HttpRequest,
    value: &T,
    memory: Held,
) -> Result<HttpResponse, Error> {
    let (media, bytes) = encoded(request, value)?;
    let body = in_pieces(bytes.into(), memory);
    Ok(HttpResponse::Ok().insert_header((header::VARY, "accept")).insert_header(media).body(body))
}

/// Parses a part of the path.
pub(crate) fn parse<T: std::str::FromStr<Err: std::fmt::Display>>(what: &'static str, text: &str) -> Result<T, Error> {
    text.parse().map_err(|error: T::Err| Error::Request { what, why: error.to_string() })
}

/// The value, or that nothing here has this id.
pub(crate) fn found<T>(what: &'static str, id: impl std::fmt::Display, value: Option<T>) -> Result<T, Error> {
    value.ok_or_else(|| Error::NotFound { what, id: id.to_string() })
}
