//! What released sums say, for whoever has decrypted them. Nothing is stored.

use actix_web::{
    HttpRequest, HttpResponse, post,
    web::{Data, Payload},
};
use circuits::id::QueryId;
use market::{
    objects::BLOB_BYTES_MAX,
    query::{QueryFile, schema_and_panel},
    statistics::analysis::Analysis,
};
use node::state::{QueryState, QueryStatus, StateRead, committee_of};
use serde::{Deserialize, Serialize};

use super::{Posted, Service, blocking, memory::Room, reply::found, schemas};
use crate::{Error, problem::Problem, reading::Reading};

/// The largest result that is read, in bytes: sums are small, receipts hold ciphertexts.
pub(crate) const RESULT_BYTES_MAX: usize = 24 << 20;
/// Media type of a result.
const JSON: &str = "application/json";

/// What of a result's file is read: `locus result --json` writes it, and so does a receipt under another name.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct ResultFile {
    pub(crate) query: QueryId,
    #[serde(alias = "result")]
    pub(crate) slots: Vec<Vec<i32>>,
}

impl ResultFile {
    /// The query that it is of, on this node's ledger, which must be released.
    ///
    /// # Errors
    /// [`Error::NotFound`] for a query that is not here, [`Error::Request`] for one that is not released.
    pub(crate) fn released(&self, service: &Service) -> Result<QueryState, Error> {
        let state = found("query", self.query, service.chain.snapshot()?.query(self.query)?)?;
        if let QueryStatus::Released { .. } = state.status {
            return Ok(state);
        }
        let why = format!("query {} is not released, so nobody can have its sums", self.query);
        Err(Error::Request { what: "result", why })
    }
}

/// Reads sums of a query of this node's chain, and calls a function with the analyses and their notes.
///
/// # Errors
/// [`Error::Market`] when the sums are not those of the query, or its file means other ones; else what the function
/// returns.
pub(crate) fn read_result<T>(
    service: &Service,
    (id, state, slots): (QueryId, &QueryState, &[Vec<i32>]),
    file: Option<QueryFile>,
    made: impl FnOnce(&[Analysis], &[String]) -> Result<T, Error>,
) -> Result<T, Error> {
    let snapshot = service.chain.snapshot()?;
    let (schema, panel) = schema_and_panel(&snapshot, &service.fetching(), state.query.schema)?;
    let quorum = &committee_of(&snapshot, state.committee)?.quorum;
    let reading = Reading { id, state, quorum, schema: &schema, panel: panel.as_ref() };
    let analyses = reading.analyze(&reading.measures(file)?, slots)?;
    made(&analyses, &reading.notes())
}

/// A result and, where it is known, what was meant by it.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Asked {
    result: ResultFile,
    query_file: Option<QueryFile>,
}

/// What the sums say.
#[derive(Serialize)]
struct Analyses<'a> {
    analyses: &'a [Analysis],
    notes: &'a [String],
}

/// Estimates, intervals and tests of a released query's sums, with what protects them in words. `result` is what
/// `locus result --json` printed or the receipt that it wrote, `query_file` what was asked; without it there are counts,
/// means and allele frequencies. Keeps nothing.
#[utoipa::path(
    tag = "queries",
    request_body(content = Value, content_type = "application/json", description = "`result` and, if known, `query_file`; 24 MiB at most"),
    responses(
        (status = 200, description = "one analysis for each measure", body = schemas::Analyses),
        (status = "4XX", description = "why the sums cannot be read", body = Problem, content_type = "application/problem+json"),
    )
)]
#[post("/v1/analyses")]
pub(super) async fn analyze_result(
    request: HttpRequest,
    service: Data<Service>,
    payload: Payload,
) -> Result<HttpResponse, Error> {
    let Posted { bytes, room } = Posted::receive(&request, &service, payload, (JSON, RESULT_BYTES_MAX)).await?;
    // The panel is read for its names.
    let panel = service.quota.memory.take(Room::Large, BLOB_BYTES_MAX).await?;
    let text = blocking(move || {
        let asked: Asked = serde_json::from_slice(&bytes)
            .map_err(|error| Error::Request { what: "result", why: error.to_string() })?;
        let state = asked.result.released(&service)?;
        let result = (asked.result.query, &state, asked.result.slots.as_slice());
        let text = read_result(&service, result, asked.query_file, |analyses, notes| {
            serde_json::to_string(&Analyses { analyses, notes })
                .map_err(|error| Error::Internal { action: "write analyses", why: error.to_string() })
        });
        drop((panel, room));
        text
    });
    Ok(HttpResponse::Ok().content_type(JSON).body(text.await?))
}
