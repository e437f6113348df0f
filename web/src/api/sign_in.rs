//! Signing in, and the own account, for the scripts of the pages and for `locus sign-in`.

use actix_web::{
    HttpRequest, HttpResponse, delete, get, patch, post,
    web::{Data, Path, Payload, Query},
};
use circuits::id::AccountId;
use market::accounts::SessionId;
use serde::{Deserialize, Serialize, de::DeserializeOwned};
use serde_json::Value;
use utoipa::{IntoParams, ToSchema};

use super::{Service, blobs::receive_media, blocking, listing::query_string, reply::parse};
use crate::{
    Error,
    problem::Problem,
    sign_in::{
        Challenge, Change, Link, ListedInstitution, SignedChallenge, change, key,
        own::{OwnAccount, passkey_id},
        passkeys, session,
    },
};

/// Media type of bodies.
const JSON: &str = "application/json";
/// The longest body: a passkey's answer is a few thousand bytes.
const BODY_BYTES_MAX: usize = 64 << 10;

/// The name of an account.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Named {
    /// 1 to 100 characters.
    display_name: String,
}

/// The name of a passkey.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Labelled {
    /// 1 to 100 characters.
    label: String,
}

/// Which provider.
#[derive(Debug, Deserialize)]
pub(super) struct OfIssuer {
    issuer: String,
}

/// A passkey that a browser made.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct NewPasskey {
    /// What its owner calls it, 1 to 100 characters.
    label: String,
    /// The browser's `PublicKeyCredential.toJSON()`.
    credential: Value,
}

/// Whose key is to sign.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Asking {
    /// The ledger account, 64 hex digits.
    account: String,
}

/// What every change of the own account carries, beside the session's cookie.
#[derive(IntoParams)]
#[into_params(parameter_in = Header)]
#[allow(dead_code, reason = "the derive reads the fields, nobody else does")]
struct FormToken {
    /// `form_token` of `GET /v1/me`.
    #[param(rename = "x-form-token")]
    form_token: String,
    /// The address of this server's pages, or `sec-fetch-site: same-origin` in its place. Browsers say it by themselves.
    origin: Option<String>,
}

/// The institutions that let people in.
#[derive(Debug, Serialize, ToSchema)]
struct Institutions {
    /// In the operator's order.
    institutions: Vec<ListedInstitution>,
}

async fn body<T: DeserializeOwned>(request: &HttpRequest, payload: Payload) -> Result<T, Error> {
    let bytes = receive_media(request, payload, JSON, BODY_BYTES_MAX).await?;
    serde_json::from_slice(&bytes).map_err(|error| Error::Request { what: "body", why: error.to_string() })
}

fn json_bytes(value: &Value) -> Vec<u8> {
    value.to_string().into_bytes()
}

async fn changed(
    request: &HttpRequest,
    service: Data<Service>,
    work: impl FnOnce(Change, &Service) -> Result<(), Error> + Send + 'static,
) -> Result<HttpResponse, Error> {
    let change = change::scripted(request, &service).await?;
    blocking(move || work(change, &service)).await?;
    Ok(HttpResponse::NoContent().finish())
}

/// The institutions that let people in at this node now, through their OpenID providers: `/sign-in/institutions/{id}` leads a
/// browser to one. Of those that an account lists, the ones that are not here let nobody in at present.
#[utoipa::path(tag = "sign-in", responses((status = 200, description = "all of them", body = Institutions)))]
#[get("/v1/institutions")]
pub(super) async fn list_institutions(service: Data<Service>) -> HttpResponse {
    HttpResponse::Ok().json(Institutions { institutions: service.sign_in.listed() })
}

/// What a browser is asked to sign with any passkey for this server; a cookie ties the answer to the browser.
#[utoipa::path(
    tag = "sign-in",
    request_body(content = Value, content_type = "application/json", description = "an empty object"),
    responses(
        (status = 200, description = "`PublicKeyCredentialRequestOptionsJSON`", body = Value),
        (status = "4XX", description = "why not", body = Problem, content_type = "application/problem+json"),
    )
)]
#[post("/v1/sign-in/passkey/options")]
pub(super) async fn begin_passkey_sign_in(request: HttpRequest, service: Data<Service>) -> Result<HttpResponse, Error> {
    passkeys::begin_sign_in(&request, &service).await
}

/// Signs in with a passkey: the session's cookie comes with the answer.
#[utoipa::path(
    tag = "sign-in",
    request_body(content = Value, content_type = "application/json", description = "the browser's `PublicKeyCredential.toJSON()`"),
    responses(
        (status = 204, description = "signed in"),
        (status = "4XX", description = "why not", body = Problem, content_type = "application/problem+json"),
    )
)]
#[post("/v1/sign-in/passkey")]
pub(super) async fn sign_in_with_passkey(
    request: HttpRequest,
    service: Data<Service>,
    payload: Payload,
) -> Result<HttpResponse, Error> {
    let signed = receive_media(&request, payload, JSON, BODY_BYTES_MAX).await?;
    passkeys::end_sign_in(&request, &service, signed).await
}

/// What a browser is asked to make the first passkey of a new account from.
#[utoipa::path(
    tag = "sign-in",
    request_body(content = Named, content_type = "application/json"),
    responses(
        (status = 200, description = "`PublicKeyCredentialCreationOptionsJSON`", body = Value),
        (status = "4XX", description = "why not", body = Problem, content_type = "application/problem+json"),
    )
)]
#[post("/v1/sign-up/options")]
pub(super) async fn begin_account(
    request: HttpRequest,
    service: Data<Service>,
    payload: Payload,
) -> Result<HttpResponse, Error> {
    let Named { display_name } = body(&request, payload).await?;
    passkeys::begin_account(&request, &service, display_name).await
}

/// Makes an account with its first passkey, and signs in to it.
#[utoipa::path(
    tag = "sign-in",
    request_body(content = NewPasskey, content_type = "application/json"),
    responses(
        (status = 201, description = "made and signed in"),
        (status = "4XX", description = "why not", body = Problem, content_type = "application/problem+json"),
    )
)]
#[post("/v1/sign-up")]
pub(super) async fn make_account(
    request: HttpRequest,
    service: Data<Service>,
    payload: Payload,
) -> Result<HttpResponse, Error> {
    let NewPasskey { label, credential } = body(&request, payload).await?;
    passkeys::end_registration(&request, &service, None, label, json_bytes(&credential)).await
}

/// A one-time code for the key of a ledger account to sign (docs/guide/sign-in.md says what exactly).
#[utoipa::path(
    tag = "sign-in",
    request_body(content = Asking, content_type = "application/json"),
    responses(
        (status = 200, description = "the challenge", body = Challenge),
        (status = "4XX", description = "why not", body = Problem, content_type = "application/problem+json"),
    )
)]
#[post("/v1/sign-in/challenges")]
pub(super) async fn begin_challenge(
    request: HttpRequest,
    service: Data<Service>,
    payload: Payload,
) -> Result<HttpResponse, Error> {
    let Asking { account } = body(&request, payload).await?;
    let account: AccountId = parse("account", &account)?;
    Ok(HttpResponse::Ok().json(key::challenge(&request, &service, account).await?))
}

/// A link for a signed challenge. Whoever opens it in a browser, once and soon, is signed in as that account.
#[utoipa::path(
    tag = "sign-in",
    request_body(content = SignedChallenge, content_type = "application/json"),
    responses(
        (status = 200, description = "the link", body = Link),
        (status = "4XX", description = "why not", body = Problem, content_type = "application/problem+json"),
    )
)]
#[post("/v1/sign-in/links")]
pub(super) async fn answer_challenge(
    request: HttpRequest,
    service: Data<Service>,
    payload: Payload,
) -> Result<HttpResponse, Error> {
    let signed: SignedChallenge = body(&request, payload).await?;
    Ok(HttpResponse::Ok().json(key::link(&request, &service, signed).await?))
}

/// The own account: names, passkeys, sessions, what its ledger account is, and what its changes carry. It is that of the session
/// whose cookie came with the answer to a sign-in.
#[utoipa::path(
    tag = "own account",
    responses(
        (status = 200, description = "the account", body = OwnAccount),
        (status = 401, description = "nobody is signed in", body = Problem, content_type = "application/problem+json"),
    )
)]
#[get("/v1/me")]
pub(super) async fn read_own_account(request: HttpRequest, service: Data<Service>) -> Result<HttpResponse, Error> {
    let signed_in = change::signed_in(&request, &service).await?;
    let own = blocking(move || OwnAccount::read(&service, &signed_in)).await?;
    Ok(HttpResponse::Ok().json(own))
}

/// Gives the own account another name.
#[utoipa::path(
    tag = "own account",
    params(FormToken),
    request_body(content = Named, content_type = "application/json"),
    responses(
        (status = 204, description = "renamed"),
        (status = "4XX", description = "why not", body = Problem, content_type = "application/problem+json"),
    )
)]
#[patch("/v1/me")]
pub(super) async fn rename_own_account(
    request: HttpRequest,
    service: Data<Service>,
    payload: Payload,
) -> Result<HttpResponse, Error> {
    let Named { display_name } = body(&request, payload).await?;
    changed(&request, service, move |change, service| change.rename(service, &display_name)).await
}

/// What a browser is asked to make another passkey from.
#[utoipa::path(
    tag = "own account",
    params(FormToken),
    request_body(content = Value, content_type = "application/json", description = "an empty object"),
    responses(
        (status = 200, description = "`PublicKeyCredentialCreationOptionsJSON`", body = Value),
        (status = "4XX", description = "why not", body = Problem, content_type = "application/problem+json"),
    )
)]
#[post("/v1/me/passkeys/options")]
pub(super) async fn begin_passkey(request: HttpRequest, service: Data<Service>) -> Result<HttpResponse, Error> {
    change::scripted(&request, &service).await?;
    let signed_in = change::signed_in(&request, &service).await?;
    passkeys::begin_another(&request, &service, &signed_in).await
}

/// Adds a passkey to the own account.
#[utoipa::path(
    tag = "own account",
    params(FormToken),
    request_body(content = NewPasskey, content_type = "application/json"),
    responses(
        (status = 201, description = "added"),
        (status = "4XX", description = "why not", body = Problem, content_type = "application/problem+json"),
    )
)]
#[post("/v1/me/passkeys")]
pub(super) async fn add_passkey(
    request: HttpRequest,
    service: Data<Service>,
    payload: Payload,
) -> Result<HttpResponse, Error> {
    let change = change::scripted(&request, &service).await?;
    let NewPasskey { label, credential } = body(&request, payload).await?;
    passkeys::end_registration(&request, &service, Some(change), label, json_bytes(&credential)).await
}

/// Gives a passkey of the own account another name.
#[utoipa::path(
    tag = "own account",
    params(FormToken, ("id" = String, Path, description = "the passkey's id, in base64url")),
    request_body(content = Labelled, content_type = "application/json"),
    responses(
        (status = 204, description = "renamed"),
        (status = "4XX", description = "why not", body = Problem, content_type = "application/problem+json"),
    )
)]
#[patch("/v1/me/passkeys/{id}")]
pub(super) async fn rename_passkey(
    request: HttpRequest,
    service: Data<Service>,
    id: Path<String>,
    payload: Payload,
) -> Result<HttpResponse, Error> {
    let Labelled { label } = body(&request, payload).await?;
    let rename = move |change: Change, service: &Service| change.rename_passkey(service, &passkey_id(&id)?, &label);
    changed(&request, service, rename).await
}

/// Forgets that an institution vouches for the own account, unless nothing else lets its owner in.
#[utoipa::path(
    tag = "own account",
    params(FormToken, ("issuer" = String, Query, description = "the URL of its OpenID provider, as the account lists it")),
    responses(
        (status = 204, description = "forgotten"),
        (status = "4XX", description = "why not", body = Problem, content_type = "application/problem+json"),
    )
)]
#[delete("/v1/me/institutions")]
pub(super) async fn remove_institution(
    request: HttpRequest,
    service: Data<Service>,
    issuer: Result<Query<OfIssuer>, actix_web::Error>,
) -> Result<HttpResponse, Error> {
    // Whoever is not signed in hears that first.
    change::signed_in(&request, &service).await?;
    let OfIssuer { issuer } = query_string(issuer)?;
    changed(&request, service, move |change, service| change.remove_institution(service, &issuer)).await
}

/// Removes a passkey of the own account, unless nothing else lets its owner in.
#[utoipa::path(
    tag = "own account",
    params(FormToken, ("id" = String, Path, description = "the passkey's id, in base64url")),
    responses(
        (status = 204, description = "removed"),
        (status = "4XX", description = "why not", body = Problem, content_type = "application/problem+json"),
    )
)]
#[delete("/v1/me/passkeys/{id}")]
pub(super) async fn remove_passkey(
    request: HttpRequest,
    service: Data<Service>,
    id: Path<String>,
) -> Result<HttpResponse, Error> {
    changed(&request, service, move |change, service| change.remove_passkey(service, &passkey_id(&id)?)).await
}

/// Ends a session of the own account, this one or another.
#[utoipa::path(
    tag = "own account",
    params(FormToken, ("id" = String, Path, description = "the session's id, 32 hex digits")),
    responses(
        (status = 204, description = "ended"),
        (status = "4XX", description = "why not", body = Problem, content_type = "application/problem+json"),
    )
)]
#[delete("/v1/me/sessions/{id}")]
pub(super) async fn end_session(
    request: HttpRequest,
    service: Data<Service>,
    id: Path<String>,
) -> Result<HttpResponse, Error> {
    let id: SessionId = parse("session id", &id)?;
    changed(&request, service, move |change, service| change.end_session(service, id)).await
}

/// Signs out everywhere: ends every session of the own account, this one too.
#[utoipa::path(
    tag = "own account",
    params(FormToken),
    responses(
        (status = 204, description = "ended"),
        (status = "4XX", description = "why not", body = Problem, content_type = "application/problem+json"),
    )
)]
#[delete("/v1/me/sessions")]
pub(super) async fn end_sessions(request: HttpRequest, service: Data<Service>) -> Result<HttpResponse, Error> {
    let change = change::scripted(&request, &service).await?;
    let mut answer = HttpResponse::NoContent();
    session::forget(&request, &service, &mut answer)?;
    blocking(move || change.sign_out_everywhere(&service)).await?;
    Ok(answer.finish())
}

/// Unlinks the ledger account, unless nothing would be left to sign in with.
#[utoipa::path(
    tag = "own account",
    params(FormToken),
    responses(
        (status = 204, description = "unlinked"),
        (status = "4XX", description = "why not", body = Problem, content_type = "application/problem+json"),
    )
)]
#[delete("/v1/me/ledger-account")]
pub(super) async fn unlink_ledger_account(request: HttpRequest, service: Data<Service>) -> Result<HttpResponse, Error> {
    changed(&request, service, |change, service| change.unlink(service)).await
}
