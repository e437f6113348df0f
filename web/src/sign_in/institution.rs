//! Institutions that vouch for people: OpenID Connect Core 1.0 with the authorization code flow and PKCE (RFC 7636).
//!
//! The provider's keys and addresses are asked for each time, so that new ones count at once. State, nonce and PKCE
//! verifier follow from the ceremony's token, which only the browser has.

use std::{fmt, fs, path::Path, time::Duration};

use actix_web::{HttpRequest, HttpResponse, HttpResponseBuilder, http::header, web::Data};
use borsh::{BorshDeserialize, BorshSerialize};
use market::accounts::{CeremonyKind, CeremonyToken, Identity, NewAccount, Role, ServiceAccountId, display_name};
use openidconnect::{
    AuthorizationCode, ClientId, ClientSecret, CsrfToken, HttpRequest as Asked, HttpResponse as Answered, IssuerUrl,
    Nonce, PkceCodeChallenge, PkceCodeVerifier, RedirectUrl, Scope, TokenResponse as _,
    core::{CoreAuthPrompt, CoreAuthenticationFlow, CoreClient, CoreIdTokenClaims, CoreProviderMetadata},
};
use serde::Deserialize;
use subtle::ConstantTimeEq as _;
use zeroize::Zeroizing;

use super::{Change, Site, accounts, change, session};
use crate::{
    Error,
    api::{Service, blocking},
    chain::now,
};

/// Institutions that a node has at most.
pub const INSTITUTIONS_MAX: usize = 32;
/// How long a provider may take for an answer.
const CALL_TIME_MAX: Duration = Duration::from_secs(15);
/// How far a provider's clock may be off.
const CLOCK_SKEW_SECONDS: u64 = 10;
/// The longest answer of a provider, in bytes.
const ANSWER_BYTES_MAX: usize = 1 << 20;
/// The longest file of institutions, in bytes.
const FILE_BYTES_MAX: u64 = 64 << 10;

/// The file.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    institution: Vec<Entry>,
}

/// One institution in the file.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Entry {
    id: String,
    name: String,
    issuer: String,
    client_id: String,
    client_secret_file: Option<std::path::PathBuf>,
    client_secret_variable: Option<String>,
    #[serde(default)]
    email_domains: Vec<String>,
}

/// An institution whose OpenID provider may let people in.
pub struct Institution {
    id: String,
    name: String,
    issuer: IssuerUrl,
    client_id: ClientId,
    secret: ClientSecret,
    email_domains: Vec<String>,
}

impl fmt::Debug for Institution {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Institution").field("id", &self.id).field("issuer", &self.issuer).finish_non_exhaustive()
    }
}

fn unusable(why: impl fmt::Display) -> Error {
    Error::Input { what: "file of institutions", why: format!("{why}; docs/guide/sign-in.md has an example") }
}

/// Reads a file of institutions, and the secrets that it names.
///
/// # Errors
/// [`Error::Input`] that says what is wrong with which institution.
pub fn read_institutions(path: &Path) -> Result<Vec<Institution>, Error> {
    let failed = |error: std::io::Error| unusable(format_args!("{}: {error}", path.display()));
    if fs::metadata(path).map_err(failed)?.len() > FILE_BYTES_MAX {
        return Err(unusable(format_args!("{} is longer than {FILE_BYTES_MAX} bytes", path.display())));
    }
    let text = fs::read_to_string(path).map_err(failed)?;
    let File { institution: entries } =
        toml::from_str(&text).map_err(|error| unusable(format_args!("{}: {error}", path.display())))?;
    if entries.len() > INSTITUTIONS_MAX {
        return Err(unusable(format_args!("it has more than {INSTITUTIONS_MAX} institutions")));
    }
    let mut read: Vec<Institution> = vec![];
    for entry in entries {
        let one = Institution::try_from(entry)?;
        if read.iter().any(|other| other.id == one.id) {
            return Err(unusable(format_args!("{} is there twice", one.id)));
        }
        read.push(one);
    }
    Ok(read)
}

impl TryFrom<Entry> for Institution {
    type Error = Error;

    fn try_from(entry: Entry) -> Result<Self, Error> {
        let refused = |why: &str| unusable(format_args!("{}: {why}", entry.id));
        if entry.id.is_empty()
            || !entry.id.bytes().all(|byte| byte.is_ascii_lowercase() || matches!(byte, b'-' | b'0'..=b'9'))
        {
            return Err(refused("an id has small letters, digits and hyphens"));
        }
        let issuer = IssuerUrl::new(entry.issuer.clone()).map_err(|_| refused("its issuer is no URL"))?;
        let host = issuer.url().host_str().unwrap_or_default();
        if issuer.url().scheme() != "https" && !matches!(host, "localhost" | "127.0.0.1") {
            return Err(refused("its issuer must be reached over https"));
        }
        let secret = match (&entry.client_secret_file, &entry.client_secret_variable) {
            (Some(path), None) => {
                fs::read_to_string(path).map_err(|error| refused(&format!("{}: {error}", path.display())))?
            }
            (None, Some(name)) => std::env::var(name).map_err(|_| refused(&format!("{name} is not set")))?,
            _ => return Err(refused("name client_secret_file or client_secret_variable, one of them")),
        };
        let secret = Zeroizing::new(secret);
        if secret.trim().is_empty() {
            return Err(refused("its client's secret is empty"));
        }
        Ok(Self {
            name: display_name(&entry.name)?,
            id: entry.id.clone(),
            issuer,
            client_id: ClientId::new(entry.client_id.clone()),
            secret: ClientSecret::new(secret.trim().into()),
            email_domains: entry.email_domains.iter().map(|domain| domain.to_ascii_lowercase()).collect(),
        })
    }
}

/// Why a provider gave no answer.
#[derive(Debug, thiserror::Error)]
enum CallError {
    #[error("{0}")]
    Transport(#[from] reqwest::Error),
    #[error("its answer is longer than {ANSWER_BYTES_MAX} bytes")]
    TooLong,
    #[error("its answer is no HTTP: {0}")]
    Malformed(#[from] openidconnect::http::Error),
}

/// Asks a provider. It is not followed elsewhere (RFC 9700 §4.11).
async fn call(asked: Asked) -> Result<Answered, CallError> {
    let client = reqwest::Client::builder().redirect(reqwest::redirect::Policy::none()).timeout(CALL_TIME_MAX);
    let mut answer = client.build()?.execute(asked.try_into()?).await?;
    let mut built = openidconnect::http::Response::builder().status(answer.status());
    for (name, value) in answer.headers() {
        built = built.header(name, value);
    }
    let mut body = vec![];
    while let Some(piece) = answer.chunk().await? {
        if body.len() + piece.len() > ANSWER_BYTES_MAX {
            return Err(CallError::TooLong);
        }
        body.extend_from_slice(&piece);
    }
    Ok(built.body(body)?)
}

/// What a ceremony's token gives to each of its places.
struct Derived {
    state: CsrfToken,
    nonce: Nonce,
    verifier: PkceCodeVerifier,
}

impl Derived {
    fn of(token: &CeremonyToken) -> Self {
        let derive = |purpose| token.derive(purpose).to_string();
        Self {
            state: CsrfToken::new(derive("state")),
            nonce: Nonce::new(derive("nonce")),
            verifier: PkceCodeVerifier::new(derive("pkce")),
        }
    }
}

/// What a provider answers in the address to which it leads back (RFC 6749 §4.1.2, RFC 9207 §2).
#[derive(Deserialize)]
pub(crate) struct Answer {
    code: Option<String>,
    state: String,
    error: Option<String>,
    iss: Option<String>,
}

fn refused(why: impl fmt::Display) -> Error {
    Error::SignIn { why: format!("{why}; begin again, or ask the institution") }
}

impl Institution {
    /// What addresses call it.
    #[must_use]
    pub fn id(&self) -> &str {
        &self.id
    }

    /// What people call it.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// What its provider calls itself.
    pub(crate) fn issuer(&self) -> &str {
        self.issuer.as_str()
    }

    fn redirect(&self, site: &Site) -> Result<RedirectUrl, Error> {
        let url = format!("{}/sign-in/institutions/{}/answer", site.home(), self.id);
        RedirectUrl::new(url).map_err(|error| Error::Internal { action: "write an address", why: error.to_string() })
    }

    async fn provider(&self) -> Result<CoreProviderMetadata, Error> {
        let found = CoreProviderMetadata::discover_async(self.issuer.clone(), &call).await;
        found.map_err(|error| self.unreachable(&error))
    }

    fn unreachable(&self, error: &dyn std::error::Error) -> Error {
        tracing::warn!(institution = self.id, %error, "an OpenID provider cannot be asked");
        Error::Unreachable { url: self.issuer.to_string(), why: "its OpenID provider gives no usable answer".into() }
    }

    /// Where the browser goes to sign in. Who is to be let into an account from now on signs in anew (OpenID Connect Core
    /// §3.1.2.1): on a shared machine somebody else may still be signed in there.
    async fn address(&self, site: &Site, derived: Derived, joins: bool) -> Result<String, Error> {
        let client = CoreClient::from_provider_metadata(
            self.provider().await?,
            self.client_id.clone(),
            Some(self.secret.clone()),
        )
        .set_redirect_uri(self.redirect(site)?);
        let Derived { state, nonce, verifier } = derived;
        let request = client
            .authorize_url(CoreAuthenticationFlow::AuthorizationCode, move || state, move || nonce)
            .add_scopes(["email", "profile"].map(|scope| Scope::new(scope.into())))
            .set_pkce_challenge(PkceCodeChallenge::from_code_verifier_sha256(&verifier));
        let request = match joins {
            true => request.add_prompt(CoreAuthPrompt::Login).set_max_age(Duration::ZERO),
            false => request,
        };
        let (url, _, _) = request.url();
        Ok(url.into())
    }

    /// Who the provider says it is.
    async fn claims(&self, site: &Site, derived: Derived, answer: Answer) -> Result<CoreIdTokenClaims, Error> {
        let Derived { state, nonce, verifier } = derived;
        if !bool::from(state.secret().as_bytes().ct_eq(answer.state.as_bytes())) {
            return Err(refused("the answer is not of what this browser asked"));
        }
        if answer.iss.as_ref().is_some_and(|iss| *iss != self.issuer.as_str()) {
            return Err(refused("another provider answered"));
        }
        let Some(code) = answer.code else {
            let known: String =
                answer.error.unwrap_or_default().chars().filter(char::is_ascii_graphic).take(60).collect();
            return Err(refused(format_args!("{} did not let you in ({known})", self.name)));
        };
        let client = CoreClient::from_provider_metadata(
            self.provider().await?,
            self.client_id.clone(),
            Some(self.secret.clone()),
        )
        .set_redirect_uri(self.redirect(site)?);
        let exchange = client.exchange_code(AuthorizationCode::new(code)).map_err(|error| self.unreachable(&error))?;
        let tokens = exchange.set_pkce_verifier(verifier).request_async(&call).await;
        let tokens = tokens.map_err(|error| {
            tracing::warn!(institution = self.id, %error, "an OpenID provider gave no tokens");
            refused(format_args!("{} does not accept its own answer", self.name))
        })?;
        let id_token = tokens.id_token().ok_or_else(|| refused("the provider gave no ID token"))?;
        let claims = id_token.claims(&client.id_token_verifier(), &nonce);
        Ok(claims.map_err(|error| refused(format_args!("the provider's ID token does not hold ({error})")))?.clone())
    }

    /// Whether the institution vouches for the person here: by an address that it verified, where domains are named.
    fn check_domain(&self, claims: &CoreIdTokenClaims) -> Result<(), Error> {
        if self.email_domains.is_empty() {
            return Ok(());
        }
        let verified = claims.email().filter(|_| claims.email_verified() == Some(true));
        let domain = verified.and_then(|email| email.rsplit_once('@')).map(|(_, domain)| domain.to_ascii_lowercase());
        if domain.is_some_and(|domain| self.email_domains.contains(&domain)) {
            return Ok(());
        }
        Err(refused(format_args!(
            "{} has no verified e-mail address for you in {}",
            self.name,
            self.email_domains.join(", ")
        )))
    }
}

/// The institution with an id.
fn institution<'s>(service: &'s Service, id: &str) -> Result<&'s Institution, Error> {
    let found = service.sign_in.institutions.iter().find(|one| one.id == id);
    found.ok_or_else(|| Error::NotFound { what: "institution", id: id.into() })
}

/// What is kept while an institution is asked.
#[derive(Debug, BorshSerialize, BorshDeserialize)]
struct Asking {
    institution: String,
    /// What it is to vouch for; nothing where it lets somebody in.
    joins: Option<Joining>,
}

/// The account that an institution is to vouch for.
#[derive(Debug, BorshSerialize, BorshDeserialize)]
struct Joining {
    account: [u8; 16],
    /// When its form was sent, in seconds since 1970. Who signed in to the institution before that may be somebody else.
    began: u64,
}

impl Joining {
    fn begin(account: ServiceAccountId) -> Self {
        Self { account: *account.as_bytes(), began: now().get() }
    }

    /// Refuses an answer that does not say that its user signed in since the form was sent, whatever was asked for.
    fn check(&self, institution: &Institution, claims: &CoreIdTokenClaims) -> Result<(), Error> {
        let name = &institution.name;
        let Some(at) = claims.auth_time().and_then(|at| u64::try_from(at.timestamp()).ok()) else {
            return Err(refused(format_args!("{name} does not say when you signed in there, and cannot be added")));
        };
        let latest = now().get().saturating_add(CLOCK_SKEW_SECONDS);
        if (self.began.saturating_sub(CLOCK_SKEW_SECONDS)..=latest).contains(&at) {
            return Ok(());
        }
        Err(refused(format_args!(
            "{name} does not say that you signed in there just now; sign out there, and add it again"
        )))
    }
}

impl Asking {
    /// Begins to ask, and returns where the browser goes.
    async fn begin(
        self,
        request: &HttpRequest,
        service: &Data<Service>,
        answer: &mut HttpResponseBuilder,
    ) -> Result<String, Error> {
        let institution = institution(service, &self.institution)?;
        service.sign_in.limits.try_from_address(request, service.chain.now())?;
        let failed = |error: std::io::Error| Error::Internal { action: "keep a ceremony", why: error.to_string() };
        let state = borsh::to_vec(&self).map_err(failed)?;
        let token = session::begin(request, service, CeremonyKind::Institution, state, answer).await?;
        institution.address(&session::site(request, service)?, Derived::of(&token), self.joins.is_some()).await
    }
}

/// Begins to let an institution vouch for the account whose form asks, and returns its name and where the browser goes.
///
/// # Errors
/// As [`begin`].
pub(crate) async fn begin_to_add(
    request: &HttpRequest,
    service: &Data<Service>,
    change: Change,
    id: String,
    answer: &mut HttpResponseBuilder,
) -> Result<(String, String), Error> {
    let name = institution(service, &id)?.name.clone();
    let asking = Asking { institution: id, joins: Some(Joining::begin(change.account())) };
    Ok((name, asking.begin(request, service, answer).await?))
}

/// Leads the browser to an institution.
///
/// # Errors
/// [`Error::NotFound`] for one that is not listed, [`Error::CrossSite`] when another site's page leads here,
/// [`Error::Unreachable`] when its provider does not answer.
pub(crate) async fn begin(request: &HttpRequest, service: &Data<Service>, id: &str) -> Result<HttpResponse, Error> {
    if request.headers().get("sec-fetch-site").is_some_and(|from| !matches!(from.as_bytes(), b"same-origin" | b"none"))
    {
        return Err(Error::CrossSite { why: "another site led here; begin at /sign-in".into() });
    }
    let mut answer = HttpResponse::SeeOther();
    let asking = Asking { institution: id.into(), joins: None };
    let address = asking.begin(request, service, &mut answer).await?;
    Ok(answer.insert_header((header::LOCATION, address)).finish())
}

/// Signs in with what an institution answered, to the account that it vouches for. A first visit makes one. Where a form of an
/// account began it, the institution vouches for that account from now on.
///
/// # Errors
/// [`Error::SignIn`] that says what does not hold.
pub(crate) async fn end(
    request: &HttpRequest,
    service: &Data<Service>,
    id: &str,
    told: Answer,
) -> Result<HttpResponse, Error> {
    let institution = institution(service, id)?;
    service.sign_in.limits.try_from_address(request, service.chain.now())?;
    let mut answer = HttpResponse::SeeOther();
    let (state, token) = session::end(request, service, CeremonyKind::Institution, &mut answer).await?;
    let failed = |error: std::io::Error| Error::Internal { action: "read a ceremony", why: error.to_string() };
    let asking: Asking = borsh::from_slice(&state).map_err(failed)?;
    if asking.institution != id {
        return Err(refused("another institution was asked"));
    }
    let claims = institution.claims(&session::site(request, service)?, Derived::of(&token), told).await?;
    institution.check_domain(&claims)?;
    let identity = Identity::new(claims.issuer().to_string(), claims.subject().to_string())?;
    if let Some(joins) = asking.joins {
        joins.check(institution, &claims)?;
        let signed_in = change::signed_in(request, service).await?;
        let change = signed_in.change_begun_by(ServiceAccountId::from_bytes(joins.account))?;
        let data = service.clone();
        blocking(move || change.add_institution(&data, &identity)).await?;
        return Ok(answer.insert_header((header::LOCATION, "/you")).finish());
    }
    let name = claims.name().and_then(|names| names.get(None)).map(|name| name.to_string());
    let name =
        name.and_then(|name| display_name(&name).ok()).unwrap_or_else(|| format!("Member of {}", institution.name));
    let data = service.clone();
    let account = blocking(move || {
        let accounts = accounts(&data);
        if let Some(account) = accounts.account_of_identity(&identity)? {
            return Ok(account.id);
        }
        let new = NewAccount { role: Role::Person, ledger_account: None, display_name: name };
        Ok(accounts.register_identity(&new, &identity, data.chain.now(), &mut rand::rng())?.id)
    })
    .await?;
    session::open(request, service, account, &mut answer).await?;
    Ok(answer.insert_header((header::LOCATION, "/you")).finish())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Result<Vec<Institution>, Error> {
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join("secret"), "hush\n").unwrap();
        let path = folder.path().join("institutions.toml");
        fs::write(&path, text.replace("SECRET", folder.path().join("secret").to_str().unwrap())).unwrap();
        read_institutions(&path)
    }

    const SOUND: &str = "[[institution]]\nid = \"uni-1\"\nname = \"Example University\"\n\
                         issuer = \"https://login.example.edu\"\nclient_id = \"locus\"\n\
                         client_secret_file = \"SECRET\"\nemail_domains = [\"Example.edu\"]\n";

    #[test]
    fn a_file_names_institutions_and_debug_shows_no_secret() {
        let read = read(SOUND).unwrap();
        assert_eq!((read[0].id(), read[0].name()), ("uni-1", "Example University"));
        assert_eq!(read[0].secret.secret(), "hush");
        assert!(!format!("{read:?}").contains("hush"));
    }

    #[test]
    fn what_is_wrong_with_a_file_is_said() {
        for (from, to, says) in [
            ("uni-1", "Uni 1", "small letters"),
            ("https://login", "http://login", "over https"),
            ("https://login.example.edu", "login", "no URL"),
            ("client_secret_file = \"SECRET\"\n", "", "one of them"),
            ("SECRET", "/nowhere/secret", "/nowhere/secret"),
            ("client_secret_file = \"SECRET\"", "client_secret_variable = \"LOCUS_NOT_SET\"", "is not set"),
            ("client_id", "client", "client"),
            ("name = \"Example University\"", "name = \"\"", "1 to 100"),
        ] {
            let refused = read(&SOUND.replace(from, to)).unwrap_err().to_string();
            assert!(refused.contains(says), "{refused} does not say {says:?}");
        }
        assert!(read(&SOUND.repeat(2)).unwrap_err().to_string().contains("twice"));
    }
}
