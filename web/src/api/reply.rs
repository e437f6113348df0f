//! One value, two encodings: JSON, or canonical borsh bytes for a client that asks for them.

use actix_web::{HttpRequest, HttpResponse, http::header};
use borsh::BorshSerialize;
use serde::Serialize;

use crate::Error;

/// Media type of canonical borsh bytes and of blobs.
pub(crate) const BYTES: &str = "application/octet-stream";

/// Whether the request asks for bytes.
fn wants_bytes(request: &HttpRequest) -> bool {
    let accept = request.headers().get(header::ACCEPT).and_then(|value| value.to_str().ok()).unwrap_or_default();
    accept.split(',').filter_map(|range| range.split(';').next()).any(|range| range.trim() == BYTES)
}

/// The value in the encoding that the request asks for.
pub(super) fn reply<T: Serialize + BorshSerialize>(request: &HttpRequest, value: &T) -> Result<HttpResponse, Error> {
    let mut response = HttpResponse::Ok();
    response.insert_header((header::VARY, "accept"));
    if !wants_bytes(request) {
        return Ok(response.json(value));
    }
    let failed = |error: borsh::io::Error| Error::Internal { action: "encode a reply", why: error.to_string() };
    Ok(response.content_type(BYTES).body(borsh::to_vec(value).map_err(failed)?))
}

/// Parses a part of the path.
pub(super) fn parse<T: std::str::FromStr<Err: std::fmt::Display>>(what: &'static str, text: &str) -> Result<T, Error> {
    text.parse().map_err(|error: T::Err| Error::Request { what, why: error.to_string() })
}

/// The value, or that nothing here has this id.
pub(super) fn found<T>(what: &'static str, id: impl std::fmt::Display, value: Option<T>) -> Result<T, Error> {
    value.ok_or_else(|| Error::NotFound { what, id: id.to_string() })
}
