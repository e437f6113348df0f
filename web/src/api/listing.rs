//! Listings: pages of the index, in ledger order.

use actix_web::{
    HttpResponse, get,
    web::{Data, Path, Query},
};
use circuits::id::{AccountId, QueryId};
use market::index::{Paging, QueryFilter, Role, Stage, Whose};
use serde::Deserialize;

use super::{Service, blocking, reply::parse, schemas};
use crate::{Error, problem::Problem};

/// The page asked for.
pub(super) fn paging(page: Result<Query<Paging>, actix_web::Error>) -> Result<Paging, Error> {
    let page = query_string(page)?;
    page.check()?;
    Ok(page)
}

/// The query string, decoded; what does not decode is the client's error, not a missing page.
pub(super) fn query_string<T>(query: Result<Query<T>, actix_web::Error>) -> Result<T, Error> {
    query.map(Query::into_inner).map_err(|error| Error::Request { what: "query string", why: error.to_string() })
}

/// Filters of a listing beside its page.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Filter {
    stage: Option<String>,
    study: Option<String>,
    researcher: Option<String>,
}

/// Whose rows are asked for: those of a study, or those that an account of a role opened. No list is of both at once.
///
/// # Errors
/// [`Error::Request`] for what is no id, and for both.
pub(crate) fn whose(
    study: Option<&str>,
    (role, account): (&'static str, Option<&str>),
) -> Result<Option<Whose>, Error> {
    match (study, account) {
        (None, None) => Ok(None),
        (Some(study), None) => Ok(Some(Whose::Study(parse("study id", study)?))),
        (None, Some(account)) => Ok(Some(Whose::Account(parse(role, account)?))),
        (Some(_), Some(_)) => {
            Err(Error::Request { what: "query string", why: format!("name a study or a {role}, not both") })
        }
    }
}

/// Transactions that an account sent, or that paid or named it.
#[utoipa::path(
    tag = "listings",
    params(
        ("id" = String, Path, description = "the account's key, 64 hex digits"),
        ("after" = Option<u64>, Query, description = "`next` of the page before"),
        ("limit" = Option<u32>, Query, description = "1 to 500 rows; 100 by default"),
        ("order" = Option<String>, Query, description = "`oldest` or `newest` first"),
    ),
    responses(
        (status = 200, description = "a page", body = schemas::Page<schemas::TransactionRow>),
        (status = 503, description = "the node lacks blocks that it would list", body = Problem, content_type = "application/problem+json"),
    )
)]
#[get("/v1/accounts/{id}/transactions")]
pub(super) async fn list_account_transactions(
    service: Data<Service>,
    id: Path<String>,
    page: Result<Query<Paging>, actix_web::Error>,
) -> Result<HttpResponse, Error> {
    let (id, page): (AccountId, _) = (parse("account id", &id)?, paging(page)?);
    let page = blocking(move || Ok(service.listings()?.account_transactions(id, &page)?)).await?;
    Ok(HttpResponse::Ok().json(page))
}

/// Registered schemas.
#[utoipa::path(
    tag = "listings",
    params(
        ("after" = Option<u64>, Query, description = "`next` of the page before"),
        ("limit" = Option<u32>, Query, description = "1 to 500 rows; 100 by default"),
        ("order" = Option<String>, Query, description = "`oldest` or `newest` first"),
    ),
    responses(
        (status = 200, description = "a page", body = schemas::Page<schemas::SchemaRow>),
        (status = 503, description = "the node lacks blocks that it would list", body = Problem, content_type = "application/problem+json"),
    )
)]
#[get("/v1/schemas")]
pub(super) async fn list_schemas(
    service: Data<Service>,
    page: Result<Query<Paging>, actix_web::Error>,
) -> Result<HttpResponse, Error> {
    let page = paging(page)?;
    let page = blocking(move || Ok(service.listings()?.schemas(&page)?)).await?;
    Ok(HttpResponse::Ok().json(page))
}

/// Registered studies, of one researcher when named.
#[utoipa::path(
    tag = "listings",
    params(
        ("researcher" = Option<String>, Query, description = "an account, 64 hex digits"),
        ("after" = Option<u64>, Query, description = "`next` of the page before"),
        ("limit" = Option<u32>, Query, description = "1 to 500 rows; 100 by default"),
        ("order" = Option<String>, Query, description = "`oldest` or `newest` first"),
    ),
    responses(
        (status = 200, description = "a page", body = schemas::Page<schemas::StudyRow>),
        (status = 503, description = "the node lacks blocks that it would list", body = Problem, content_type = "application/problem+json"),
    )
)]
#[get("/v1/studies")]
pub(super) async fn list_studies(
    service: Data<Service>,
    filter: Result<Query<Filter>, actix_web::Error>,
    page: Result<Query<Paging>, actix_web::Error>,
) -> Result<HttpResponse, Error> {
    let (filter, page) = (query_string(filter)?, paging(page)?);
    let researcher: Option<AccountId> = filter.researcher.map(|text| parse("researcher", &text)).transpose()?;
    let page = blocking(move || Ok(service.listings()?.studies(researcher, &page)?)).await?;
    Ok(HttpResponse::Ok().json(page))
}

/// Queries, in one stage, and of one study or one researcher, when named.
#[utoipa::path(
    tag = "listings",
    params(
        ("stage" = Option<String>, Query, description = "collecting, sealed, aggregated, released or refunded"),
        ("study" = Option<String>, Query, description = "a study's id, 64 hex digits"),
        ("researcher" = Option<String>, Query, description = "an account, 64 hex digits; not beside a study"),
        ("after" = Option<u64>, Query, description = "`next` of the page before"),
        ("limit" = Option<u32>, Query, description = "1 to 500 rows; 100 by default"),
        ("order" = Option<String>, Query, description = "`oldest` or `newest` first"),
    ),
    responses(
        (status = 200, description = "a page", body = schemas::Page<schemas::QueryRow>),
        (status = 503, description = "the node lacks blocks that it would list", body = Problem, content_type = "application/problem+json"),
    )
)]
#[get("/v1/queries")]
pub(super) async fn list_queries(
    service: Data<Service>,
    filter: Result<Query<Filter>, actix_web::Error>,
    page: Result<Query<Paging>, actix_web::Error>,
) -> Result<HttpResponse, Error> {
    let (filter, page) = (query_string(filter)?, paging(page)?);
    let stage: Option<Stage> = filter.stage.map(|text| parse("stage", &text)).transpose()?;
    let filter =
        QueryFilter { stage, of: whose(filter.study.as_deref(), ("researcher", filter.researcher.as_deref()))? };
    let page = blocking(move || Ok(service.listings()?.queries(&filter, &page)?)).await?;
    Ok(HttpResponse::Ok().json(page))
}

/// Contributions of a query, withdrawn ones included. Their proofs are in the transactions.
#[utoipa::path(
    tag = "listings",
    params(
        ("id" = String, Path, description = "the query's id, 64 hex digits"),
        ("after" = Option<u64>, Query, description = "`next` of the page before"),
        ("limit" = Option<u32>, Query, description = "1 to 500 rows; 100 by default"),
        ("order" = Option<String>, Query, description = "`oldest` or `newest` first"),
    ),
    responses(
        (status = 200, description = "a page", body = schemas::Page<schemas::ContributionRow>),
        (status = 503, description = "the node lacks blocks that it would list", body = Problem, content_type = "application/problem+json"),
    )
)]
#[get("/v1/queries/{id}/contributions")]
pub(super) async fn list_contributions(
    service: Data<Service>,
    id: Path<String>,
    page: Result<Query<Paging>, actix_web::Error>,
) -> Result<HttpResponse, Error> {
    let (id, page): (QueryId, _) = (parse("query id", &id)?, paging(page)?);
    let page = blocking(move || Ok(service.listings()?.contributions(id, &page)?)).await?;
    Ok(HttpResponse::Ok().json(page))
}

/// What an account's money did, one side of each entry of the books.
#[utoipa::path(
    tag = "listings",
    params(
        ("id" = String, Path, description = "the account's key, 64 hex digits"),
        ("after" = Option<u64>, Query, description = "`next` of the page before"),
        ("limit" = Option<u32>, Query, description = "1 to 500 rows; 100 by default"),
        ("order" = Option<String>, Query, description = "`oldest` or `newest` first"),
    ),
    responses(
        (status = 200, description = "a page", body = schemas::Page<schemas::PostingRow>),
        (status = 503, description = "the node lacks blocks that it would list", body = Problem, content_type = "application/problem+json"),
    )
)]
#[get("/v1/accounts/{id}/postings")]
pub(super) async fn list_postings(
    service: Data<Service>,
    id: Path<String>,
    page: Result<Query<Paging>, actix_web::Error>,
) -> Result<HttpResponse, Error> {
    let (id, page): (AccountId, _) = (parse("account id", &id)?, paging(page)?);
    let page = blocking(move || Ok(service.listings()?.postings(id, &page)?)).await?;
    Ok(HttpResponse::Ok().json(page))
}

/// Issuers that governance ever accredited, suspended ones included.
#[utoipa::path(
    tag = "listings",
    params(
        ("after" = Option<u64>, Query, description = "`next` of the page before"),
        ("limit" = Option<u32>, Query, description = "1 to 500 rows; 100 by default"),
        ("order" = Option<String>, Query, description = "`oldest` or `newest` first"),
    ),
    responses(
        (status = 200, description = "a page", body = schemas::Page<schemas::PartyRow>),
        (status = 503, description = "the node lacks blocks that it would list", body = Problem, content_type = "application/problem+json"),
    )
)]
#[get("/v1/issuers")]
pub(super) async fn list_issuers(
    service: Data<Service>,
    page: Result<Query<Paging>, actix_web::Error>,
) -> Result<HttpResponse, Error> {
    let page = paging(page)?;
    let page = blocking(move || Ok(service.listings()?.parties(Role::Issuer, &page)?)).await?;
    Ok(HttpResponse::Ok().json(page))
}

/// Researchers that governance ever accredited, suspended ones included.
#[utoipa::path(
    tag = "listings",
    params(
        ("after" = Option<u64>, Query, description = "`next` of the page before"),
        ("limit" = Option<u32>, Query, description = "1 to 500 rows; 100 by default"),
        ("order" = Option<String>, Query, description = "`oldest` or `newest` first"),
    ),
    responses(
        (status = 200, description = "a page", body = schemas::Page<schemas::PartyRow>),
        (status = 503, description = "the node lacks blocks that it would list", body = Problem, content_type = "application/problem+json"),
    )
)]
#[get("/v1/researchers")]
pub(super) async fn list_researchers(
    service: Data<Service>,
    page: Result<Query<Paging>, actix_web::Error>,
) -> Result<HttpResponse, Error> {
    let page = paging(page)?;
    let page = blocking(move || Ok(service.listings()?.parties(Role::Researcher, &page)?)).await?;
    Ok(HttpResponse::Ok().json(page))
}
