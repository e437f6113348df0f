//! Who is signed in, and opening and ending sessions.

use actix_web::{HttpRequest, HttpResponseBuilder, http::header, web::Data};
use circuits::id::Digest;
use market::accounts::{
    Account, CEREMONY_SECONDS_MAX, CeremonyKind, CeremonyToken, SESSION_SECONDS_MAX, ServiceAccountId, Session,
    SessionToken, UserAgentDigest,
};

use super::{Site, accounts, cookie::Cookie};
use crate::{
    Error,
    api::{Service, blocking},
};

/// Somebody who is signed in.
#[derive(Debug, Clone)]
pub(crate) struct SignedIn {
    /// Whose account it is.
    pub(crate) account: Account,
    /// The session.
    pub(crate) session: Session,
    /// What forms of this session carry.
    pub(crate) form_token: Digest,
}

fn token(request: &HttpRequest, site: &Site) -> Option<SessionToken> {
    Cookie::Session.read(request.headers(), site)?.parse().ok()
}

/// The addresses of the server that a request came to.
///
/// # Errors
/// [`Error::Input`] when its public address is none.
pub(crate) fn site(request: &HttpRequest, service: &Service) -> Result<Site, Error> {
    Site::of(service, request.app_config().local_addr())
}

/// Who is signed in, if anybody is.
///
/// # Errors
/// [`Error::Market`] when the database fails.
pub(crate) async fn identify(request: &HttpRequest, service: &Data<Service>) -> Result<Option<SignedIn>, Error> {
    let Some(token) = token(request, &site(request, service)?) else { return Ok(None) };
    let service = service.clone();
    blocking(move || {
        let (accounts, now) = (accounts(&service), service.chain.now());
        let Some(session) = accounts.session(&token, now)? else { return Ok(None) };
        let account = accounts.account(session.account)?;
        Ok(account.map(|account| SignedIn { account, session, form_token: token.form_token() }))
    })
    .await
}

/// Opens a session of an account that proved who it is. The browser gets a new token, whatever it sent before: a session
/// that somebody else put there is not taken over, and one that was its own ends.
///
/// # Errors
/// [`Error::TooMany`] for too many sign-ins to this account, [`Error::Market`] when the database fails.
pub(crate) async fn open(
    request: &HttpRequest,
    service: &Data<Service>,
    account: ServiceAccountId,
    answer: &mut HttpResponseBuilder,
) -> Result<(), Error> {
    let site = site(request, service)?;
    let agent = request.headers().get(header::USER_AGENT).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let (agent, before) = (UserAgentDigest::of(agent), token(request, &site));
    let service = service.clone();
    let token = blocking(move || {
        let (accounts, now) = (accounts(&service), service.chain.now());
        service.sign_in.limits.sign_in_to(account, now)?;
        if let Some(before) = before {
            accounts.sign_out(&before, now)?;
        }
        accounts.prune_sessions(now)?;
        Ok(accounts.sign_in(account, agent, SESSION_SECONDS_MAX, now, &mut rand::rng())?)
    })
    .await?;
    let cookie = Cookie::Session.keep(&token.to_cookie(), SESSION_SECONDS_MAX, &site)?;
    answer.append_header((header::SET_COOKIE, cookie));
    Ok(())
}

/// Makes the browser forget its session.
///
/// # Errors
/// [`Error::Input`] when the server's public address is none.
pub(crate) fn forget(request: &HttpRequest, service: &Service, answer: &mut HttpResponseBuilder) -> Result<(), Error> {
    answer.append_header((header::SET_COOKIE, Cookie::Session.forget(&site(request, service)?)?));
    Ok(())
}

/// Begins a ceremony that this browser alone can end.
///
/// # Errors
/// [`Error::Market`] when too many wait, or the database fails.
pub(super) async fn begin(
    request: &HttpRequest,
    service: &Data<Service>,
    kind: CeremonyKind,
    state: Vec<u8>,
    answer: &mut HttpResponseBuilder,
) -> Result<CeremonyToken, Error> {
    let site = site(request, service)?;
    let service = service.clone();
    let token = blocking(move || {
        let (accounts, now) = (accounts(&service), service.chain.now());
        Ok(accounts.begin_ceremony(kind, &state, CEREMONY_SECONDS_MAX, now, &mut rand::rng())?)
    });
    let token = token.await?;
    let cookie = Cookie::Ceremony.keep(&token.to_text(), CEREMONY_SECONDS_MAX, &site)?;
    answer.append_header((header::SET_COOKIE, cookie));
    Ok(token)
}

/// Ends the ceremony that this browser began, once, and makes it forget the ceremony.
///
/// # Errors
/// [`Error::SignIn`] when it began none of this kind, ended it, or its time is over.
pub(super) async fn end(
    request: &HttpRequest,
    service: &Data<Service>,
    kind: CeremonyKind,
    answer: &mut HttpResponseBuilder,
) -> Result<(Vec<u8>, CeremonyToken), Error> {
    let site = site(request, service)?;
    let over = || Error::SignIn { why: "nothing was begun here, or its time is over; begin again".into() };
    let token = Cookie::Ceremony.read(request.headers(), &site).ok_or_else(over)?;
    let token: CeremonyToken = token.parse().map_err(|_| over())?;
    let service = service.clone();
    let (state, token) = blocking(move || {
        let state = accounts(&service).end_ceremony(kind, &token, service.chain.now())?;
        Ok((state, token))
    })
    .await?;
    let state = state.ok_or_else(over)?;
    answer.append_header((header::SET_COOKIE, Cookie::Ceremony.forget(&site)?));
    Ok((state, token))
}
