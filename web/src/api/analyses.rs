//! What released sums say, for whoever has decrypted them. Nothing is stored.

use actix_web::{
    HttpRequest, HttpResponse, post,
    web::{Data, Payload, Query},
};
use circuits::id::QueryId;
use market::{
    query::{QueryFile, schema_and_panel},
    statistics::analysis::Analysis,
};
use node::state::{QueryState, committee_of};
use serde::Deserialize;

use super::{Posted, Service, download::Download, listing::query_string, reading_panel, schemas};
use crate::{
    Error,
    problem::Problem,
    reading::{Reading, ResultFile},
};

/// The largest result that is read, in bytes: sums are small, receipts hold ciphertexts.
pub(crate) const RESULT_BYTES_MAX: usize = 24 << 20;
/// Media type of a result.
const JSON: &str = "application/json";

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

/// In which form.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Wanted {
    form: Option<String>,
}

/// Estimates, intervals and tests of a released query's sums, with what protects them in words. `result` is what
/// `locus result --json` printed or the receipt that it wrote, `query_file` what was asked; without it there are counts,
/// means and allele frequencies. Keeps nothing.
#[utoipa::path(
    tag = "queries",
    params(("form" = Option<String>, Query, description = "`json`, the default; `csv` of every estimate and test; or a figure that the JSON names, as `svg:0-survival` or `png:0-survival`")),
    request_body(content = Value, content_type = "application/json", description = "`result` and, if known, `query_file`; 24 MiB at most"),
    responses(
        (status = 200, description = "one analysis for each measure, or the table or figure asked for", content((schemas::Analyses = "application/json"), (String = "text/csv"), (String = "image/svg+xml"), (schemas::Bytes = "image/png"))),
        (status = 404, description = "the query is not on this ledger, or there is no such form", body = Problem, content_type = "application/problem+json"),
        (status = "4XX", description = "why the sums cannot be read", body = Problem, content_type = "application/problem+json"),
    )
)]
#[post("/v1/analyses")]
pub(super) async fn analyze_result(
    request: HttpRequest,
    service: Data<Service>,
    wanted: Result<Query<Wanted>, actix_web::Error>,
    payload: Payload,
) -> Result<HttpResponse, Error> {
    let form = query_string(wanted)?.form.unwrap_or_else(|| "json".into());
    let Posted { bytes, room } = Posted::receive(&request, &service, payload, (JSON, RESULT_BYTES_MAX)).await?;
    let made = reading_panel(service, move |service| {
        let asked: Asked = serde_json::from_slice(&bytes)
            .map_err(|error| Error::Request { what: "result", why: error.to_string() })?;
        let state = asked.result.released(&service.chain.snapshot()?)?;
        let result = (asked.result.query, &state, asked.result.slots.as_slice());
        let made =
            read_result(service, result, asked.query_file, |analyses, notes| Download::of(&form, analyses, notes));
        drop(room);
        made
    });
    made.await.map(Download::answer)
}
