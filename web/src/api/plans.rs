//! Planning queries, before money or privacy is spent.

use actix_web::{
    HttpRequest, HttpResponse, get, post,
    web::{Data, Payload, Query},
};
use market::query::{QueryFile, plan_of_study};
use serde::Deserialize;

use super::{Service, query_files, reading_panel};
use crate::{Error, problem::Problem};

/// What a plan supposes.
#[derive(Debug, Deserialize)]
pub(super) struct Supposed {
    /// People in the cohort; the query's minimum without it.
    cohort: Option<u32>,
}

/// What a query would take and give: parts, money, privacy spent, expected errors, and why the ledger would refuse it. For
/// the researcher who registered its study. Opens nothing.
#[utoipa::path(
    tag = "queries",
    params(("cohort" = Option<u32>, Query, description = "people to suppose in the cohort; the query's minimum without it")),
    request_body(content = Value, content_type = "application/json", description = "a query file, 1 MiB at most; its JSON Schema is at /v1/query-schema"),
    responses(
        (status = 200, description = "the plan", body = Value),
        (status = "4XX", description = "why the file means no query", body = Problem, content_type = "application/problem+json"),
    )
)]
#[post("/v1/plans")]
pub(super) async fn plan_query(
    request: HttpRequest,
    service: Data<Service>,
    supposed: Query<Supposed>,
    payload: Payload,
) -> Result<HttpResponse, Error> {
    let bytes = query_files::receive(&request, payload).await?;
    let plan = reading_panel(service, move |service| {
        let file = query_files::read(&bytes)?;
        let snapshot = service.chain.snapshot()?;
        let genesis = service.chain.ledger().genesis();
        Ok(plan_of_study((&snapshot, genesis), &service.fetching(), &file, supposed.cohort)?)
    });
    Ok(HttpResponse::Ok().json(plan.await?))
}

/// The JSON Schema of query files.
#[utoipa::path(tag = "queries", responses((status = 200, description = "the schema", body = Value)))]
#[get("/v1/query-schema")]
pub(super) async fn read_query_schema() -> HttpResponse {
    HttpResponse::Ok().json(schemars::schema_for!(QueryFile))
}
