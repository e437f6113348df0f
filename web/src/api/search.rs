//! Looking something up by its height or its id.

use actix_web::{
    HttpResponse, get,
    web::{Data, Path},
};
use circuits::id::{AccountId, QueryId, SchemaId, ScreeningId, StudyId};
use node::{Snapshot, state::StateRead, transaction::TransactionId, units::Height};
use serde::{Deserialize, Serialize};

use super::{Service, blocking, reply::found, schemas};
use crate::{Error, problem::Problem};

/// What a height or an id is of, on a ledger.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Found {
    /// Of what kind it is.
    pub kind: FoundKind,
    /// Its height or its id.
    pub id: String,
}

/// What can be looked up.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum FoundKind {
    /// A block, by its height.
    Block,
    /// A query.
    Query,
    /// A screening.
    Screening,
    /// A study.
    Study,
    /// A schema.
    Schema,
    /// A transaction.
    Transaction,
    /// An account.
    Account,
}

impl FoundKind {
    /// Its name.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Block => "block",
            Self::Query => "query",
            Self::Screening => "screening",
            Self::Study => "study",
            Self::Schema => "schema",
            Self::Transaction => "transaction",
            Self::Account => "account",
        }
    }
}

impl Found {
    /// The address of its page.
    #[must_use]
    pub fn page(&self) -> String {
        let folder = match self.kind {
            FoundKind::Block => "blocks",
            FoundKind::Query => "queries",
            FoundKind::Screening => "screenings",
            FoundKind::Study => "studies",
            FoundKind::Schema => "schemas",
            FoundKind::Transaction => "transactions",
            FoundKind::Account => "accounts",
        };
        format!("/{folder}/{}", self.id)
    }
}

/// What has this height or id; nothing where the ledger knows it not.
///
/// # Errors
/// As the ledger.
pub fn find(snapshot: &Snapshot, text: &str) -> Result<Option<Found>, Error> {
    if let Ok(height) = text.parse() {
        let known = snapshot.header(Height::new(height))?.is_some();
        return Ok(known.then(|| Found { kind: FoundKind::Block, id: height.to_string() }));
    }
    let Ok(account) = text.parse::<AccountId>() else { return Ok(None) };
    let bytes = account.to_bytes();
    let kind = if snapshot.query(QueryId::from_bytes(bytes))?.is_some() {
        FoundKind::Query
    } else if snapshot.screening(ScreeningId::from_bytes(bytes))?.is_some() {
        FoundKind::Screening
    } else if snapshot.study(StudyId::from_bytes(bytes))?.is_some() {
        FoundKind::Study
    } else if snapshot.schema(SchemaId::from_bytes(bytes))?.is_some() {
        FoundKind::Schema
    } else if let Ok(id) = text.parse::<TransactionId>()
        && snapshot.location(id)?.is_some()
    {
        FoundKind::Transaction
    } else if snapshot.account(account)?.is_some() {
        FoundKind::Account
    } else {
        return Ok(None);
    };
    Ok(Some(Found { kind, id: account.to_string() }))
}

/// What has this height or id: a block, query, screening, study, schema, transaction or account.
#[utoipa::path(
    tag = "ledger",
    params(("text" = String, Path, description = "a block's height, or 64 hex digits")),
    responses(
        (status = 200, description = "of which kind it is", body = schemas::Found),
        (status = 404, description = "the ledger knows it not", body = Problem, content_type = "application/problem+json"),
    )
)]
#[get("/v1/search/{text}")]
pub(super) async fn look_up(service: Data<Service>, text: Path<String>) -> Result<HttpResponse, Error> {
    let known = blocking(move || {
        let known = find(&service.chain.snapshot()?, text.trim())?;
        found("block or id", text.into_inner(), known)
    });
    Ok(HttpResponse::Ok().json(known.await?))
}
