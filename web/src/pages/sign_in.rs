//! The ways in: passkeys, institutions, and keys of the ledger.

use actix_web::{
    HttpRequest, HttpResponse, get, post,
    web::{Data, Form, Path, Query},
};
use askama::Template;
use circuits::id::AccountId;
use serde::Deserialize;

use super::{
    assets,
    parts::{self, asked},
    shell::{Section, Shell, page},
};
use crate::{
    Error,
    api::{Service, blocking},
    sign_in::{change, institution, key, session},
};

#[derive(Template)]
#[template(path = "sign_in.html")]
struct SignInPage {
    shell: Shell,
    passkey_script: String,
    /// Where passkeys work, when it is not this address.
    elsewhere: Option<String>,
    /// Whether this server has passkeys at all.
    has_passkeys: bool,
    /// The address for the command line.
    address: String,
    /// Ids and names of institutions.
    institutions: Vec<(String, String)>,
}

/// The host that a request names.
fn host(request: &HttpRequest) -> String {
    request.connection_info().host().to_owned()
}

/// Where passkeys work: here, at another address of this server, or nowhere.
fn passkey_place(request: &HttpRequest, service: &Service) -> Result<(bool, Option<String>), Error> {
    let Some(party) = session::site(request, service)?.relying_party() else { return Ok((false, None)) };
    let here = party.origin.authority().eq_ignore_ascii_case(&host(request));
    Ok((true, (!here).then(|| party.origin.to_string())))
}

/// How to sign in.
#[get("/sign-in")]
pub(super) async fn ask(request: HttpRequest, service: Data<Service>) -> Result<HttpResponse, Error> {
    let shell = Shell::of(&request, Section::SignIn, "Sign in");
    let (has_passkeys, elsewhere) = passkey_place(&request, &service)?;
    let address = format!("{}://{}", request.connection_info().scheme(), host(&request));
    let institutions = service.sign_in.listed().into_iter().map(|one| (one.id, one.name)).collect();
    let passkey_script = assets::href("passkey.js");
    page(&SignInPage { shell, passkey_script, elsewhere, has_passkeys, address, institutions })
}

/// Leads to an institution.
#[get("/sign-in/institutions/{id}")]
pub(super) async fn ask_institution(
    request: HttpRequest,
    service: Data<Service>,
    id: Path<String>,
) -> Result<HttpResponse, Error> {
    institution::begin(&request, &service, &id).await
}

/// Where an institution leads back to.
#[get("/sign-in/institutions/{id}/answer")]
pub(super) async fn hear_institution(
    request: HttpRequest,
    service: Data<Service>,
    id: Path<String>,
    told: Result<Query<institution::Answer>, actix_web::Error>,
) -> Result<HttpResponse, Error> {
    institution::end(&request, &service, &id, asked(told)?).await
}

/// What a link carries.
#[derive(Debug, Deserialize)]
pub(super) struct Linked {
    code: String,
}

/// What to do with a link.
#[derive(Debug, Deserialize)]
pub(super) struct Opening {
    code: String,
    /// Carried where somebody is signed in.
    #[serde(default)]
    form_token: String,
    /// `sign-in`, or `attach` to name the key in the account that is signed in.
    act: Act,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
enum Act {
    SignIn,
    Attach,
}

#[derive(Template)]
#[template(path = "sign_in_link.html")]
struct LinkPage {
    shell: Shell,
    code: String,
    ledger_account: AccountId,
    /// The account here that names it.
    named_by: Option<String>,
}

impl LinkPage {
    /// Whether the account that is signed in could name the key.
    fn can_attach(&self) -> bool {
        let free = |signed_in: &crate::sign_in::SignedIn| signed_in.account.ledger_account.is_none();
        self.named_by.is_none() && self.shell.signed_in.as_ref().is_some_and(free)
    }
}

/// Shows whose key a link is of. Opening takes a press of a button, since programs look at addresses too.
#[get("/sign-in/link")]
pub(super) async fn look_at_link(
    request: HttpRequest,
    service: Data<Service>,
    linked: Result<Query<Linked>, actix_web::Error>,
) -> Result<HttpResponse, Error> {
    let code = asked(linked)?.code;
    let shell = Shell::of(&request, Section::SignIn, "Sign in with a key");
    let (code, (ledger_account, named_by)) = blocking(move || {
        let looked = key::look(&service, &code)?;
        Ok((code, looked))
    })
    .await?;
    page(&LinkPage { shell, code, ledger_account, named_by })
}

/// Opens a link.
#[post("/sign-in/link")]
pub(super) async fn open_link(
    request: HttpRequest,
    service: Data<Service>,
    opening: Form<Opening>,
) -> Result<HttpResponse, Error> {
    let Opening { code, form_token, act } = opening.into_inner();
    if act == Act::SignIn {
        return key::open(&request, &service, code).await;
    }
    let change = change::signed_in(&request, &service).await?.change(&form_token)?;
    key::attach(&service, change, code).await?;
    Ok(super::you::back())
}
