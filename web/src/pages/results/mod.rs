//! A researcher's result: the file that `locus result --json` or a receipt is, read and drawn. Nothing is stored.

mod table;

use std::{net::IpAddr, time::Instant};

use actix_web::{
    HttpRequest, HttpResponse, get, post,
    web::{Data, Form, Payload},
};
use askama::Template;
use circuits::id::QueryId;
use market::{
    query::{QUERY_FILE_BYTES_MAX, QueryFile},
    receipt::file::AnyReceipt,
    statistics::{analysis::Analysis, figure::Figure},
};
use node::state::{QueryState, StateRead as _};
use serde::Deserialize;

use self::table::{ROWS_SHOWN_MAX, Table};
use super::{
    parts,
    shell::{Section, Shell, large_page, page},
    upload::Upload,
    verify::{Handed, KEPT_BYTES_MAX, KEPT_MINUTES, NotKept},
    words,
};
use crate::{
    Error,
    api::{Download, RESULT_BYTES_MAX, Service, blocking, figure_name, read_result, reading_panel},
    reading::ResultFile,
    sign_in::sender_of,
};

/// A figure as a page shows it: drawn within the page, in the letters that it was measured with (`pages::assets`).
pub(super) struct Drawn {
    pub(super) place: String,
    pub(super) title: String,
    pub(super) svg: String,
}

/// One measure of a result.
pub(super) struct Measured {
    pub(super) title: String,
    pub(super) figures: Vec<Drawn>,
    pub(super) left_out: Vec<String>,
    pub(super) table: Table,
}

/// A result as a page shows it, with what its downloads are made from.
pub(super) struct Shown {
    pub(super) measures: Vec<Measured>,
    pub(super) notes: Vec<String>,
    pub(super) file: String,
    pub(super) query_file: String,
}

impl Shown {
    pub(super) fn rows_shown_max(&self) -> usize {
        ROWS_SHOWN_MAX
    }
}

/// The query file that a form brought, in JSON or TOML.
pub(super) fn query_file(form: &Upload) -> Result<Option<QueryFile>, Error> {
    let text = form.file_or_pasted("query-file", "query-pasted")?;
    text.map(read_query_file).transpose()
}

/// Reads a query file: TOML unless it begins as JSON does.
pub(super) fn read_query_file(text: &str) -> Result<QueryFile, Error> {
    if text.len() as u64 > QUERY_FILE_BYTES_MAX {
        return Err(Error::TooLarge { what: "the query file in bytes", limit: QUERY_FILE_BYTES_MAX as usize });
    }
    if text.trim_start().starts_with('{') {
        return serde_json::from_str(text)
            .map_err(|error| Error::Request { what: "query file", why: error.to_string() });
    }
    Ok(QueryFile::from_toml("the query file", text)?)
}

/// A result as a page shows it.
///
/// # Errors
/// [`Error::Market`] when the sums are not those of the query, or its file means other ones.
pub(super) fn shown(
    service: &Service,
    id: QueryId,
    state: &QueryState,
    slots: &[Vec<i32>],
    file: Option<QueryFile>,
) -> Result<Shown, Error> {
    let failed = |error: serde_json::Error| Error::Internal { action: "write a result", why: error.to_string() };
    let query_file = file.as_ref().map(serde_json::to_string).transpose().map_err(failed)?.unwrap_or_default();
    let own = ResultFile { query: id, slots: slots.to_vec() };
    let text = serde_json::to_string(&own).map_err(failed)?;
    read_result(service, (id, state, slots), file, |analyses, notes| {
        let measures = analyses.iter().enumerate().map(|(place, analysis)| measured(place, analysis, notes));
        Ok(Shown { measures: measures.collect::<Result<_, _>>()?, notes: notes.to_vec(), file: text, query_file })
    })
}

fn measured(place: usize, analysis: &Analysis, notes: &[String]) -> Result<Measured, Error> {
    let figures = analysis.figures(notes);
    Ok(Measured {
        title: title(analysis).into(),
        figures: figures.drawn.iter().map(|(name, figure)| drawn(figure_name(place, name), figure)).collect(),
        left_out: figures.left_out,
        table: Table::of(&analysis.rows())?,
    })
}

fn drawn(place: String, figure: &Figure) -> Drawn {
    Drawn { place, title: figure.title().into(), svg: figure.svg() }
}

const fn title(analysis: &Analysis) -> &'static str {
    match analysis {
        Analysis::Count(_) => "Counts",
        Analysis::Funnel { .. } => "Attrition",
        Analysis::Histogram { .. } => "Distribution",
        Analysis::Contingency { .. } => "Contingency table",
        Analysis::Moments { .. } => "Means, variances and correlations",
        Analysis::Comparison { .. } => "Comparison of means",
        Analysis::Regression { .. } => "Regression",
        Analysis::AlleleFrequencies { .. } => "Allele frequencies",
        Analysis::Association(_) => "Association of variants",
        Analysis::Score(_) => "Polygenic score",
        Analysis::Survival { .. } => "Survival",
    }
}

#[derive(Template)]
#[template(path = "results.html")]
struct Ask {
    shell: Shell,
    largest: usize,
    problem: Option<String>,
}

fn ask_again(request: &HttpRequest, problem: Option<String>) -> Ask {
    let shell = Shell::of(request, Section::Results, "Look at a result");
    Ask { shell, largest: RESULT_BYTES_MAX >> 20, problem }
}

/// The form that takes a result.
#[get("/results")]
pub(super) async fn ask(request: HttpRequest) -> Result<HttpResponse, Error> {
    page(&ask_again(&request, None))
}

#[derive(Template)]
#[template(path = "result.html")]
struct OneResult {
    shell: Shell,
    query: QueryId,
    title: String,
    state: QueryState,
    shown: Shown,
    check: Check,
}

/// How whoever looks at a result may check it.
enum Check {
    /// Its receipt is here for a moment, under this id.
    Here(String),
    /// It is a receipt, and not kept.
    Not(NotKept),
    /// The file holds numbers alone.
    NoReceipt,
}

impl Check {
    /// Keeps a receipt that a client gave, with its query file, where there is room.
    fn of((handed, client): (&Handed, Option<IpAddr>), text: &str, query_file: &str) -> Self {
        match AnyReceipt::from_json(text) {
            Ok(AnyReceipt::Release(_)) => {
                handed.keep(client, (text, query_file), Instant::now()).map_or_else(Self::Not, Self::Here)
            }
            _ => Self::NoReceipt,
        }
    }
}

impl OneResult {
    fn kept_minutes(&self) -> u64 {
        KEPT_MINUTES
    }

    fn kept_mebibytes_max(&self) -> usize {
        KEPT_BYTES_MAX >> 20
    }
}

/// Shows a result. It is kept in memory while the page is made; a receipt for a few minutes more, to be checked.
#[post("/results")]
pub(super) async fn show(
    request: HttpRequest,
    service: Data<Service>,
    handed: Data<Handed>,
    payload: Payload,
) -> Result<HttpResponse, Error> {
    let shell = Shell::of(&request, Section::Results, "Result");
    let (node, client) = (service.clone(), sender_of(&request));
    let form = Upload::receive(&request, &service, payload, RESULT_BYTES_MAX).await?;
    let answered = blocking(move || match answer(shell, &node, (&handed, client), &form) {
        Ok(result) => Ok(Ok(result)),
        Err(error) if is_readers(&error) => Ok(Err(error.to_string())),
        Err(error) => Err(error),
    });
    match answered.await? {
        Ok(result) => large_page(&request, &result),
        Err(problem) => page(&ask_again(&request, Some(problem))),
    }
}

/// Whether another file would do.
fn is_readers(error: &Error) -> bool {
    matches!(
        error,
        Error::Request { .. }
            | Error::NotFound { .. }
            | Error::TooLarge { .. }
            | Error::Market(market::Error::QueryFile { .. } | market::Error::Statistics { .. })
    )
}

fn answer(
    shell: Shell,
    service: &Service,
    keeper: (&Handed, Option<IpAddr>),
    form: &Upload,
) -> Result<OneResult, Error> {
    let refused = |why: String| Error::Request { what: "result", why };
    let text = form.file_or_pasted("result", "pasted")?;
    let text = text.ok_or_else(|| refused("choose a result file, or paste its text".into()))?;
    let (file, state) = parse(service, text)?;
    let snapshot = service.chain.snapshot()?;
    let title = snapshot.study(state.query.study)?.map_or_else(String::new, |study| study.registration.title);
    let shown = shown(service, file.query, &state, &file.slots, query_file(form)?)?;
    let check = Check::of(keeper, text, &shown.query_file);
    Ok(OneResult { shell: shell.titled(title.clone()), query: file.query, title, state, shown, check })
}

/// A result's file, and its query on this node's ledger, which must be released.
fn parse(service: &Service, text: &str) -> Result<(ResultFile, QueryState), Error> {
    let refused = |why: String| Error::Request { what: "result", why };
    let file: ResultFile = serde_json::from_str(text).map_err(|error| {
        refused(format!("{error}; give what `locus result --json` printed, or the receipt that it wrote"))
    })?;
    let state = file.released(&service.chain.snapshot()?)?;
    Ok((file, state))
}

/// Which file is wanted of which result.
#[derive(Deserialize)]
pub(super) struct Wanted {
    file: String,
    #[serde(default)]
    query_file: String,
    what: String,
}

/// A file made of a result: its table, its analyses, or one of its figures.
#[post("/results/download")]
pub(super) async fn save_file(service: Data<Service>, wanted: Form<Wanted>) -> Result<HttpResponse, Error> {
    let wanted = wanted.into_inner();
    reading_panel(service, move |service| {
        let (file, state) = parse(service, &wanted.file)?;
        let query_file = if wanted.query_file.is_empty() { None } else { Some(read_query_file(&wanted.query_file)?) };
        let result = (file.query, &state, file.slots.as_slice());
        read_result(service, result, query_file, |analyses, notes| Download::of(&wanted.what, analyses, notes))
    })
    .await
    .map(Download::answer)
}
