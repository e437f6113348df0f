//! Registering passkeys and signing in with them: the halves of each ceremony, with what is stored between.

use actix_web::{HttpRequest, HttpResponse, web::Data};
use borsh::{BorshDeserialize, BorshSerialize};
use market::accounts::{CeremonyKind, NewAccount, NewCredential, Role, ServiceAccountId};
use serde_json::Value;

use super::{
    Change, SignedIn, accounts, passkey,
    passkey::UnverifiedAnswer,
    require_same_origin,
    session::{self, site},
    site::RelyingParty,
};
use crate::{
    Error,
    api::{Service, blocking},
};

/// What is kept while a passkey is made.
#[derive(Debug, BorshSerialize, BorshDeserialize)]
struct Registering {
    /// Whom it is made for.
    account: [u8; 16],
    /// The name of the account that it begins, or nothing where the account is there.
    begins: Option<String>,
    /// What the library keeps.
    kept: Vec<u8>,
}

/// What this server has passkeys for, asked by one of its own pages.
fn party(request: &HttpRequest, service: &Service) -> Result<RelyingParty, Error> {
    let site = site(request, service)?;
    require_same_origin(request, &site)?;
    service.sign_in.limits.try_from_address(request, service.chain.now())?;
    site.relying_party().ok_or_else(|| Error::SignIn {
        why: "this server has no passkeys: they need an address with a name, over https; its operator gives one with \
              --public-url"
            .into(),
    })
}

fn asked(mut answer: actix_web::HttpResponseBuilder, options: &Value) -> HttpResponse {
    answer.json(options)
}

/// Begins the first passkey of a new account with a name.
///
/// # Errors
/// [`Error::CrossSite`], [`Error::TooMany`], and [`Error::Market`] for a name out of bounds.
pub(crate) async fn begin_account(
    request: &HttpRequest,
    service: &Data<Service>,
    name: String,
) -> Result<HttpResponse, Error> {
    let party = party(request, service)?;
    let account = ServiceAccountId::random(&mut rand::rng());
    let name = market::accounts::display_name(&name)?;
    let (kept, options) = passkey::begin_registration(&party, account, &name, &[])?;
    register(request, service, &Registering { account: *account.as_bytes(), begins: Some(name), kept }, &options).await
}

/// Begins another passkey of an account.
///
/// # Errors
/// As [`begin_account`].
pub(crate) async fn begin_another(
    request: &HttpRequest,
    service: &Data<Service>,
    signed_in: &SignedIn,
) -> Result<HttpResponse, Error> {
    let party = party(request, service)?;
    let (account, data) = (signed_in.account.id, service.clone());
    let existing = blocking(move || Ok(accounts(&data).credentials(account)?)).await?;
    let (kept, options) = passkey::begin_registration(&party, account, &signed_in.account.display_name, &existing)?;
    register(request, service, &Registering { account: *account.as_bytes(), begins: None, kept }, &options).await
}

async fn register(
    request: &HttpRequest,
    service: &Data<Service>,
    registering: &Registering,
    options: &Value,
) -> Result<HttpResponse, Error> {
    let failed = |error: std::io::Error| Error::Internal { action: "keep a ceremony", why: error.to_string() };
    let state = borsh::to_vec(registering).map_err(failed)?;
    let mut answer = HttpResponse::Ok();
    session::begin(request, service, CeremonyKind::Registration, state, &mut answer).await?;
    Ok(asked(answer, options))
}

/// Ends the making of a passkey: adds it to the account that is signed in, or makes the account and signs in to it.
///
/// # Errors
/// [`Error::SignIn`] when the ceremony or the passkey does not hold, or another account began it.
pub(crate) async fn end_registration(
    request: &HttpRequest,
    service: &Data<Service>,
    change: Option<Change>,
    label: String,
    made: Vec<u8>,
) -> Result<HttpResponse, Error> {
    let party = party(request, service)?;
    let mut answer = HttpResponse::Created();
    let (state, _) = session::end(request, service, CeremonyKind::Registration, &mut answer).await?;
    let failed = |error: std::io::Error| Error::Internal { action: "read a ceremony", why: error.to_string() };
    let registering: Registering = borsh::from_slice(&state).map_err(failed)?;
    let made = passkey::end_registration(&party, &registering.kept, &made)?;
    let (account, data) = (ServiceAccountId::from_bytes(registering.account), service.clone());
    let begins = registering.begins.is_some();
    blocking(move || {
        let new = NewCredential { id: &made.id, public_key: &made.public_key, label: &label };
        match (registering.begins, change) {
            (Some(display_name), None) => {
                let begun = NewAccount { role: Role::Person, ledger_account: None, display_name };
                accounts(&data).register(account, &begun, &new, data.chain.now())?;
                Ok(())
            }
            (None, Some(change)) if change.account() == account => change.add_passkey(&data, &new),
            _ => Err(Error::SignIn { why: "another account began this; begin again".into() }),
        }
    })
    .await?;
    if begins {
        session::open(request, service, account, &mut answer).await?;
    }
    Ok(answer.finish())
}

/// Begins signing in with whatever passkey somebody has for this server.
///
/// # Errors
/// [`Error::CrossSite`] and [`Error::TooMany`].
pub(crate) async fn begin_sign_in(request: &HttpRequest, service: &Data<Service>) -> Result<HttpResponse, Error> {
    let (kept, options) = passkey::begin_authentication(&party(request, service)?)?;
    let mut answer = HttpResponse::Ok();
    session::begin(request, service, CeremonyKind::Authentication, kept, &mut answer).await?;
    Ok(asked(answer, &options))
}

/// Ends signing in with a passkey.
///
/// # Errors
/// [`Error::SignIn`] when the ceremony or the passkey does not hold.
pub(crate) async fn end_sign_in(
    request: &HttpRequest,
    service: &Data<Service>,
    signed: Vec<u8>,
) -> Result<HttpResponse, Error> {
    let party = party(request, service)?;
    let mut answer = HttpResponse::NoContent();
    let (kept, _) = session::end(request, service, CeremonyKind::Authentication, &mut answer).await?;
    let data = service.clone();
    let account = blocking(move || {
        let (signed, accounts) = (UnverifiedAnswer::read(&signed)?, accounts(&data));
        let id = signed.credential()?;
        let unknown =
            || Error::SignIn { why: "this passkey is not known here; it was removed, or is of another server".into() };
        let passkey = accounts.credential(&id)?.ok_or_else(unknown)?;
        let counted = signed.verify(&party, &kept, &passkey)?;
        accounts.used_credential(&passkey, &counted, data.chain.now())?;
        Ok(passkey.account)
    })
    .await?;
    session::open(request, service, account, &mut answer).await?;
    Ok(answer.finish())
}
