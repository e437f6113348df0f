//! A committee member's endpoint: it keeps ciphertexts and signs sums for whoever asks, as far as the member agrees.

use std::sync::Arc;

use actix_web::{
    HttpRequest, HttpResponse, get, post,
    web::{self, Data, Payload, ServiceConfig},
};
use circuits::id::AccountId;
use market::committee::access::{CommitteeAccess, KeepCiphertext, SignAggregate};
use node::codec::decode;
use serde::{Deserialize, Serialize};
use tokio::sync::Semaphore;

use crate::{
    Error,
    api::{blocking, no_endpoint, receive},
};

/// The largest request: a packed ciphertext of 98,304 bytes and its names.
pub const REQUEST_BYTES_MAX: usize = 128 << 10;

/// Requests to keep a ciphertext that are worked on at once; others wait for their turn.
const KEEPING_MAX: usize = 16;
/// Requests to sign a sum that are worked on at once: each may add up a query.
const SIGNING_MAX: usize = 4;

/// Whose turn it is. The two have turns of their own, so that nobody who asks for signatures keeps contributors waiting.
pub(crate) struct Turns {
    keeping: Semaphore,
    signing: Semaphore,
}

impl Default for Turns {
    fn default() -> Self {
        Self { keeping: Semaphore::new(KEEPING_MAX), signing: Semaphore::new(SIGNING_MAX) }
    }
}

/// One member, with what it agrees to do.
pub struct MemberService {
    /// The member's account. Its index is that of the committee whose key is asked about.
    pub member: AccountId,
    /// The member itself.
    pub committee: Arc<dyn CommitteeAccess>,
}

/// That the member works.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct MemberHealth {
    /// The server's version.
    pub version: String,
    /// The member's account.
    pub member: AccountId,
}

/// Adds the member's routes.
pub(crate) fn configure(config: &mut ServiceConfig) {
    config.service(keep).service(sign).service(health).default_service(web::to(no_endpoint));
}

/// Keeps a ciphertext and answers with the receipt that attests it.
#[post("/v1/receipts")]
async fn keep(
    request: HttpRequest,
    service: Data<MemberService>,
    turns: Data<Turns>,
    payload: Payload,
) -> Result<HttpResponse, Error> {
    let bytes = receive(&request, payload, REQUEST_BYTES_MAX).await?;
    let _turn = turns.keeping.acquire().await.map_err(|_| Error::Stopping)?;
    let receipt = blocking(move || {
        let request: KeepCiphertext = decode("ciphertext to keep", &bytes, REQUEST_BYTES_MAX)?;
        Ok(service.committee.keep(service.member, &request)?)
    })
    .await?;
    Ok(HttpResponse::Created().json(receipt))
}

/// Signs a sum that the member computed for itself.
#[post("/v1/signatures")]
async fn sign(
    request: HttpRequest,
    service: Data<MemberService>,
    turns: Data<Turns>,
    payload: Payload,
) -> Result<HttpResponse, Error> {
    let bytes = receive(&request, payload, REQUEST_BYTES_MAX).await?;
    let _turn = turns.signing.acquire().await.map_err(|_| Error::Stopping)?;
    let signature = blocking(move || {
        let request: SignAggregate = decode("aggregate to sign", &bytes, REQUEST_BYTES_MAX)?;
        Ok(service.committee.sign(service.member, &request)?)
    })
    .await?;
    Ok(HttpResponse::Created().json(signature))
}

/// Answers while the member runs.
#[get("/health")]
async fn health(service: Data<MemberService>) -> HttpResponse {
    HttpResponse::Ok().json(MemberHealth { version: env!("CARGO_PKG_VERSION").into(), member: service.member })
}
