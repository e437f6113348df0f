//! Accounts, and the parties that governance knows.

use actix_web::{
    HttpRequest, HttpResponse, get,
    web::{Data, Path, Query},
};
use askama::Template;
use circuits::id::AccountId;
use market::index::{Page, PartyRow, PostingRow, Role, TransactionRow};
use node::state::Account;

use crate::{
    Error,
    api::{AccountSummary, Service, blocking, parse},
    pages::{
        parts::{self, From, Listing, asked},
        shell::{Section, Shell, page},
        words,
    },
};

#[derive(Template)]
#[template(path = "account.html")]
struct OneAccount {
    shell: Shell,
    id: AccountId,
    account: Account,
    roles: Vec<String>,
    /// The latest movements of its money, the newest first, and whether there are earlier ones.
    money: Page<PostingRow>,
    listing: Listing<TransactionRow>,
}

/// One account: its money, what it is, and what it did.
#[get("/accounts/{id}")]
pub(super) async fn show(
    request: HttpRequest,
    service: Data<Service>,
    id: Path<String>,
    from: Result<Query<From>, actix_web::Error>,
) -> Result<HttpResponse, Error> {
    let (id, from): (AccountId, _) = (parse("account id", &id)?, asked(from)?);
    let shell = Shell::of(&request, Section::Explorer, "Account");
    let shown = blocking(move || {
        let AccountSummary { account, roles } = AccountSummary::here(&service, id)?;
        let rows = service.listings()?.account_transactions(id, &from.paging())?;
        let money = service.listings()?.postings(id, &From::default().paging())?;
        let listing = Listing::new(rows, from, &format!("/accounts/{id}"), "");
        Ok(OneAccount { shell, id, account, roles, money, listing })
    });
    page(&shown.await?)
}

#[derive(Template)]
#[template(path = "parties.html")]
struct Parties {
    shell: Shell,
    role: Role,
    listing: Listing<PartyRow>,
}

async fn parties(
    shell: Shell,
    service: Data<Service>,
    role: Role,
    from: Result<Query<From>, actix_web::Error>,
) -> Result<HttpResponse, Error> {
    let (from, address) = (asked(from)?, format!("/{}s", role.name()));
    let rows = blocking(move || Ok(service.listings()?.parties(role, &from.paging())?)).await?;
    page(&Parties { shell, role, listing: Listing::new(rows, from, &address, "") })
}

/// Issuers, suspended ones included.
#[get("/issuers")]
pub(super) async fn issuers(
    request: HttpRequest,
    service: Data<Service>,
    from: Result<Query<From>, actix_web::Error>,
) -> Result<HttpResponse, Error> {
    parties(Shell::of(&request, Section::Explorer, "Issuers"), service, Role::Issuer, from).await
}

/// Researchers, suspended ones included.
#[get("/researchers")]
pub(super) async fn researchers(
    request: HttpRequest,
    service: Data<Service>,
    from: Result<Query<From>, actix_web::Error>,
) -> Result<HttpResponse, Error> {
    parties(Shell::of(&request, Section::Explorer, "Researchers"), service, Role::Researcher, from).await
}
