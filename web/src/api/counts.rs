//! How much there is of everything.

use actix_web::{HttpResponse, get, web::Data};
use market::index::{Index, Stage};
use node::state::StateRead;
use serde::{Deserialize, Serialize};

use super::{Service, blocking, schemas};
use crate::{Error, problem::Problem};

/// What a network holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Totals {
    /// Records that were ever certified.
    pub(crate) records: u32,
    /// Studies.
    pub(crate) studies: u64,
    /// Queries that were ever opened.
    pub(crate) queries: u64,
    /// Of these, those whose result is released.
    pub(crate) released: u64,
    /// Transactions in blocks.
    pub(crate) transactions: u64,
    /// Issuers accredited now.
    pub(crate) issuers: u64,
    /// Researchers accredited now.
    pub(crate) researchers: u64,
}

impl Totals {
    /// What a state and an index that follows it hold.
    ///
    /// # Errors
    /// [`Error::Ledger`] or [`Error::Market`] when one of them cannot be read.
    pub(crate) fn of(state: &(impl StateRead + ?Sized), index: &Index) -> Result<Self, Error> {
        let counts = index.counts()?;
        Ok(Self {
            records: records(state)?,
            studies: counts.studies,
            queries: counts.queries.iter().map(|(_, count)| count).sum(),
            released: counts.queries_in(Stage::Released),
            transactions: counts.transactions,
            issuers: counts.issuers,
            researchers: counts.researchers,
        })
    }
}

/// Records that were ever certified, which the state alone tells.
///
/// # Errors
/// [`Error::Ledger`] when the state cannot be read.
pub(crate) fn records(state: &(impl StateRead + ?Sized)) -> Result<u32, Error> {
    Ok(state.registration_count()?.unwrap_or_default())
}

/// How many records, studies, queries, transactions, issuers and researchers there are.
#[utoipa::path(
    tag = "listings",
    responses(
        (status = 200, description = "what the network holds", body = schemas::Totals),
        (status = 503, description = "the node lacks blocks that it would count", body = Problem, content_type = "application/problem+json"),
    )
)]
#[get("/v1/counts")]
pub(super) async fn count_all(service: Data<Service>) -> Result<HttpResponse, Error> {
    let totals = blocking(move || Totals::of(&service.chain.snapshot()?, service.listings()?)).await?;
    Ok(HttpResponse::Ok().json(totals))
}
