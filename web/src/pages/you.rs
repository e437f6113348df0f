//! The own account: its name, passkeys, sessions and ledger account, and what that one did.

use actix_web::{
    HttpRequest, HttpResponse, get,
    http::header,
    post,
    web::{Data, Form},
};
use askama::Template;
use market::{
    accounts::SessionId,
    index::{LicenceFilter, LicenceRow, Order, Page, Paging, StudyRow},
};
use serde::Deserialize;

use super::{
    assets, parts, screenings,
    shell::{Section, Shell, page},
};
use crate::{
    Error,
    api::{Service, blocking, parse},
    sign_in::{
        Change, SignedIn, change, institution,
        own::{OwnAccount, passkey_id},
        session,
    },
};

/// Studies and licences that the page lists.
const LATEST: Paging = Paging { after: None, limit: 10, order: Order::Newest };

#[derive(Template)]
#[template(path = "you.html")]
struct You {
    shell: Shell,
    passkey_script: String,
    form_token: String,
    own: OwnAccount,
    /// The issuers of the institutions that let people in at present.
    vouching: Vec<String>,
    /// Ids and names of institutions that do not vouch for it yet.
    listed: Vec<(String, String)>,
    studies: Page<StudyRow>,
    licences: Page<LicenceRow>,
    screenings: parts::Listing<screenings::Listed>,
    lack: Option<String>,
}

impl You {
    /// How many ways there are into the account at present.
    fn ways(&self) -> usize {
        let vouched = self.own.institutions.iter().filter(|issuer| self.vouching.contains(issuer)).count();
        self.own.passkeys.len() + vouched + usize::from(self.own.ledger_account.is_some())
    }
}

/// The own account.
#[get("/you")]
pub(super) async fn show(request: HttpRequest, service: Data<Service>) -> Result<HttpResponse, Error> {
    let signed_in = change::signed_in(&request, &service).await?;
    let shell = Shell::of(&request, Section::SignIn, "Your account");
    let passkey_script = assets::href("passkey.js");
    let you = blocking(move || {
        let own = OwnAccount::read(&service, &signed_in)?;
        let (studies, licences) = of_ledger(&service, &signed_in)?;
        let screenings = match signed_in.account.ledger_account {
            Some(sponsor) => screenings::of_sponsor(&service, &service.chain.snapshot()?, sponsor)?,
            None => parts::Listing { rows: vec![], older: None, newest: None },
        };
        let listed = service.sign_in.listed().into_iter().filter(|one| !own.institutions.contains(&one.issuer));
        let listed = listed.map(|one| (one.id, one.name)).collect();
        let (lack, vouching) = (service.listings_lack()?, service.sign_in.issuers());
        let form_token = own.form_token.clone();
        Ok(You { shell, passkey_script, form_token, own, vouching, listed, studies, licences, screenings, lack })
    });
    page(&you.await?)
}

const fn none<T>() -> Page<T> {
    Page { items: vec![], next: None }
}

/// What the linked ledger account registered and asked for.
fn of_ledger(service: &Service, signed_in: &SignedIn) -> Result<(Page<StudyRow>, Page<LicenceRow>), Error> {
    let Some(account) = signed_in.account.ledger_account else { return Ok((none(), none())) };
    let filter = LicenceFilter { licensee: Some(account), ..LicenceFilter::default() };
    let studies = service.index.studies(Some(account), &LATEST)?;
    Ok((studies, service.index.licences(&filter, &LATEST)?))
}

/// What every form of the page carries, and what it names, if anything.
#[derive(Debug, Deserialize)]
pub(super) struct Posted {
    /// Empty where the form has none, which no session's is.
    #[serde(default)]
    form_token: String,
    #[serde(default)]
    name: String,
    #[serde(default)]
    id: String,
}

/// The way back to the page.
pub(super) fn back() -> HttpResponse {
    HttpResponse::SeeOther().insert_header((header::LOCATION, "/you")).finish()
}

async fn changed(
    request: &HttpRequest,
    service: Data<Service>,
    posted: Posted,
    work: impl FnOnce(Change, &Service, Posted) -> Result<(), Error> + Send + 'static,
) -> Result<(), Error> {
    let change = change::signed_in(request, &service).await?.change(&posted.form_token)?;
    blocking(move || work(change, &service, posted)).await
}

/// Gives the account another name.
#[post("/you/name")]
pub(super) async fn rename(
    request: HttpRequest,
    service: Data<Service>,
    posted: Form<Posted>,
) -> Result<HttpResponse, Error> {
    let posted = posted.into_inner();
    changed(&request, service, posted, |change, service, posted| change.rename(service, &posted.name)).await?;
    Ok(back())
}

/// Gives a passkey another name.
#[post("/you/passkeys/rename")]
pub(super) async fn rename_passkey(
    request: HttpRequest,
    service: Data<Service>,
    posted: Form<Posted>,
) -> Result<HttpResponse, Error> {
    let relabel = |change: Change, service: &Service, posted: Posted| {
        change.rename_passkey(service, &passkey_id(&posted.id)?, &posted.name)
    };
    changed(&request, service, posted.into_inner(), relabel).await?;
    Ok(back())
}

#[derive(Template)]
#[template(path = "leave_for_institution.html")]
struct Leaving {
    shell: Shell,
    name: String,
    address: String,
}

/// Asks an institution to vouch for the account. The way there is a link and no redirect: the pages' policy lets no form lead
/// elsewhere.
#[post("/you/institutions/add")]
pub(super) async fn add_institution(
    request: HttpRequest,
    service: Data<Service>,
    posted: Form<Posted>,
) -> Result<HttpResponse, Error> {
    let posted = posted.into_inner();
    let change = change::signed_in(&request, &service).await?.change(&posted.form_token)?;
    let mut begun = HttpResponse::Ok();
    let (name, address) = institution::begin_to_add(&request, &service, change, posted.id, &mut begun).await?;
    let begun = begun.finish();
    let shell = Shell::of(&request, Section::SignIn, "To your institution");
    let mut answer = page(&Leaving { shell, name, address })?;
    for cookie in begun.headers().get_all(header::SET_COOKIE) {
        answer.headers_mut().append(header::SET_COOKIE, cookie.clone());
    }
    Ok(answer)
}

/// Forgets that an institution vouches for the account.
#[post("/you/institutions/remove")]
pub(super) async fn remove_institution(
    request: HttpRequest,
    service: Data<Service>,
    posted: Form<Posted>,
) -> Result<HttpResponse, Error> {
    let remove = |change: Change, service: &Service, posted: Posted| change.remove_institution(service, &posted.id);
    changed(&request, service, posted.into_inner(), remove).await?;
    Ok(back())
}

/// Removes a passkey.
#[post("/you/passkeys/remove")]
pub(super) async fn remove_passkey(
    request: HttpRequest,
    service: Data<Service>,
    posted: Form<Posted>,
) -> Result<HttpResponse, Error> {
    let remove =
        |change: Change, service: &Service, posted: Posted| change.remove_passkey(service, &passkey_id(&posted.id)?);
    changed(&request, service, posted.into_inner(), remove).await?;
    Ok(back())
}

/// Unlinks the ledger account.
#[post("/you/ledger-account/unlink")]
pub(super) async fn unlink(
    request: HttpRequest,
    service: Data<Service>,
    posted: Form<Posted>,
) -> Result<HttpResponse, Error> {
    changed(&request, service, posted.into_inner(), |change, service, _| change.unlink(service)).await?;
    Ok(back())
}

/// Ends one session.
#[post("/you/sessions/end")]
pub(super) async fn end_session(
    request: HttpRequest,
    service: Data<Service>,
    posted: Form<Posted>,
) -> Result<HttpResponse, Error> {
    let end = |change: Change, service: &Service, posted: Posted| {
        let id: SessionId = parse("session id", &posted.id)?;
        change.end_session(service, id)
    };
    changed(&request, service, posted.into_inner(), end).await?;
    Ok(back())
}

/// Ends this session, and forgets it in the browser.
#[post("/sign-out")]
pub(super) async fn sign_out(
    request: HttpRequest,
    service: Data<Service>,
    posted: Form<Posted>,
) -> Result<HttpResponse, Error> {
    let mut answer = signed_out(&request, &service)?;
    changed(&request, service, posted.into_inner(), |change, service, _| change.sign_out(service)).await?;
    Ok(answer.finish())
}

/// Ends every session of the account.
#[post("/sign-out/everywhere")]
pub(super) async fn sign_out_everywhere(
    request: HttpRequest,
    service: Data<Service>,
    posted: Form<Posted>,
) -> Result<HttpResponse, Error> {
    let mut answer = signed_out(&request, &service)?;
    let end = |change: Change, service: &Service, _| change.sign_out_everywhere(service).map(drop);
    changed(&request, service, posted.into_inner(), end).await?;
    Ok(answer.finish())
}

fn signed_out(request: &HttpRequest, service: &Service) -> Result<actix_web::HttpResponseBuilder, Error> {
    let mut answer = HttpResponse::SeeOther();
    session::forget(request, service, &mut answer)?;
    answer.insert_header((header::LOCATION, "/sign-in"));
    Ok(answer)
}
