//! Receipts for programs: one that is sent is checked, and that of a screening is collected.

use actix_web::{
    HttpRequest, HttpResponse, get, post,
    web::{Data, Path, Payload},
};
use circuits::id::ScreeningId;
use market::receipt::{
    file::{AnyReceipt, AnyVerifiedReceipt},
    screening::{ScreeningReceipt, collect},
};
use node::state::StateRead as _;
use serde::Serialize;

use super::{
    Posted, Service, blocking,
    reply::{found, parse},
    schemas,
};
use crate::{Error, problem::Problem};

/// The largest receipt that a node checks, in bytes. `locus verify` takes larger ones.
pub(crate) const RECEIPT_BYTES_MAX: usize = 24 << 20;
/// Responses of a receipt that a node collects, about three seconds' work. `locus screening receipt` takes more.
pub(crate) const RECEIPT_RESPONSES_MAX: u32 = 1_000;
/// Seconds after which a receipt whose ciphertexts are not here is checked again: by then nodes that rested are asked anew.
const RECHECK_SECONDS: u32 = 16;
/// Media type of a receipt.
const JSON: &str = "application/json";

/// What the checks of a receipt amount to.
#[derive(Serialize)]
struct Examined {
    holds: bool,
    refused: Option<Refused>,
    verified: Option<AnyVerifiedReceipt>,
}

/// Which check failed, where one did, and why.
#[derive(Serialize)]
struct Refused {
    check: Option<&'static str>,
    why: String,
}

impl From<market::Error> for Refused {
    fn from(error: market::Error) -> Self {
        match error {
            market::Error::Receipt { check, why } => Self { check: Some(check), why },
            other => Self { check: None, why: other.to_string() },
        }
    }
}

/// Checks a receipt of a result or of a screening, as `locus verify` does, and keeps nothing of it.
#[utoipa::path(
    tag = "receipts",
    request_body(content = Value, content_type = "application/json", description = "a receipt, 24 MiB at most"),
    responses(
        (status = 200, description = "whether it holds, and what it shows", body = schemas::ExaminedReceipt),
        (status = "4XX", description = "why it is no receipt", body = Problem, content_type = "application/problem+json"),
        (status = 503, description = "whether it holds is not known: what it names is not here now", body = Problem, content_type = "application/problem+json"),
    )
)]
#[post("/v1/receipts/verify")]
pub(super) async fn verify_receipt(
    request: HttpRequest,
    service: Data<Service>,
    payload: Payload,
) -> Result<HttpResponse, Error> {
    let Posted { bytes, room } = Posted::receive(&request, &service, payload, (JSON, RECEIPT_BYTES_MAX)).await?;
    let check = service.quota.checks.take(&request)?;
    let examined = blocking(move || {
        let examined = examine(&service, &bytes);
        drop((room, check));
        examined
    });
    Ok(HttpResponse::Ok().json(examined.await?))
}

fn examine(service: &Service, bytes: &[u8]) -> Result<Examined, Error> {
    let malformed = |why: String| Error::Request { what: "receipt", why };
    let text = std::str::from_utf8(bytes).map_err(|error| malformed(error.to_string()))?;
    let receipt = AnyReceipt::from_json(text).map_err(|error| malformed(error.to_string()))?;
    Ok(match receipt.verify(Some(&service.fetching())) {
        Ok(verified) => Examined { holds: true, refused: None, verified: Some(verified) },
        Err(error) => match error.unread() {
            Some(why) => {
                tracing::warn!(%error, "a receipt cannot be checked");
                return Err(Error::Unchecked { why, seconds: RECHECK_SECONDS });
            }
            None => Examined { holds: false, refused: Some(error.into()), verified: None },
        },
    })
}

/// Collects the receipt of a screening as of the latest block.
///
/// # Errors
/// [`Error::NotFound`] for an unknown screening, [`Error::TooLarge`] beyond [`RECEIPT_RESPONSES_MAX`].
pub(crate) fn collected(service: &Service, id: ScreeningId) -> Result<ScreeningReceipt, Error> {
    if found("screening", id, service.chain.snapshot()?.screening(id)?)?.eligible > RECEIPT_RESPONSES_MAX {
        let what =
            "a receipt that a page collects, in responses; `locus screening receipt` collects larger ones, and this";
        return Err(Error::TooLarge { what, limit: RECEIPT_RESPONSES_MAX as usize });
    }
    Ok(collect(service.chain.access(), id)?)
}

/// The receipt of how many are eligible for a screening, as of the latest block; for at most 1,000 responses.
#[utoipa::path(
    tag = "receipts",
    params(("id" = String, Path, description = "the screening")),
    responses(
        (status = 200, description = "the receipt, which `locus verify` checks", body = Value),
        (status = "4XX", description = "unknown, or too many responses", body = Problem, content_type = "application/problem+json"),
    )
)]
#[get("/v1/screenings/{id}/receipt")]
pub(super) async fn collect_screening_receipt(
    request: HttpRequest,
    service: Data<Service>,
    id: Path<String>,
) -> Result<HttpResponse, Error> {
    Ok(HttpResponse::Ok().content_type(JSON).body(collected_text(&request, service, &id).await?))
}

/// The receipt of a screening in JSON, as of the latest block, for as many at once as the server collects.
///
/// # Errors
/// As [`collected`], [`Error::Request`] for what is no id, and [`Error::Full`] where too many are collected.
pub(crate) async fn collected_text(request: &HttpRequest, service: Data<Service>, id: &str) -> Result<String, Error> {
    let id: ScreeningId = parse("screening id", id)?;
    let place = service.quota.receipts.take(request)?;
    let text = blocking(move || {
        let text = collected(&service, id)?.to_json()?;
        drop(place);
        Ok(text)
    });
    text.await
}
