//! Queries: what was asked, of whom, under which protection, and how far it is.

use actix_web::{
    HttpRequest, HttpResponse, get,
    web::{Data, Path, Query},
};
use askama::{Template, filters::HtmlSafe};
use circuits::{
    id::{AccountId, QueryId},
    layout::Layout,
};
use market::{
    data_use::demanded_in_words,
    index::{QueryFilter, QueryRow, Stage, Whose},
    query::schema_and_panel_at_hand,
};
use node::{
    Snapshot,
    calendar::date,
    state::{Conformance, QueryState, QueryStatus, StateRead},
};
use serde::Deserialize;

use super::{
    assets,
    parts::{self, From, Listing, asked},
    shell::{Section, Shell, page},
    words::{self, Purpose},
};
use crate::{
    Error,
    api::{QueryProgress, ReachedStage, Service, blocking, found, parse, reached_stages, reading_panel},
    reading::{codings, names_variants},
};

/// A query as lists show it.
pub(super) struct Listed {
    pub(super) row: QueryRow,
    pub(super) title: String,
    pub(super) minimum: u32,
    pub(super) maximum: u32,
    pub(super) closing: String,
    /// Whether its days are over though nobody ended it yet.
    pub(super) is_past: bool,
    pub(super) conformance: Conformance,
    /// Why its escrow went back, where it did.
    pub(super) refund: Option<&'static str>,
}

/// A row of the index with what lists say beside it; nothing where a ledger that is behind the index lacks it yet.
pub(super) fn listed(snapshot: &Snapshot, row: QueryRow) -> Result<Option<Listed>, Error> {
    let Some(state) = snapshot.query(row.id)? else { return Ok(None) };
    let title = snapshot.study(row.study)?.map_or_else(String::new, |study| study.registration.title);
    let (minimum, maximum) = (state.query.contributions_min, state.query.contributions_max);
    let (closing, conformance) = (date(state.query.closing), state.conformance);
    let is_past = is_past(snapshot, &state)?;
    let refund = refund_reason(&state);
    Ok(Some(Listed { row, title, minimum, maximum, closing, is_past, conformance, refund }))
}

/// Why a query's escrow went back, where it did.
const fn refund_reason(state: &QueryState) -> Option<&'static str> {
    match state.status {
        QueryStatus::Refunded { reason, .. } => Some(words::refund(reason)),
        _ => None,
    }
}

/// Whether a query's days are over though nobody ended it yet: it admits nothing any more.
fn is_past(snapshot: &Snapshot, state: &QueryState) -> Result<bool, Error> {
    Ok(state.status == QueryStatus::Collecting && snapshot.latest()?.time.day() > state.query.closing)
}

/// Which queries.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Filter {
    stage: String,
    researcher: String,
}

/// A filter of researcher and stage, as addresses say it.
fn address(researcher: Option<AccountId>, stage: Option<Stage>) -> String {
    let researcher = researcher.map(|account| format!("researcher={account}"));
    let stage = stage.map(|stage| format!("stage={stage}"));
    researcher.into_iter().chain(stage).collect::<Vec<_>>().join("&")
}

#[derive(Template)]
#[template(path = "queries.html")]
struct Queries {
    shell: Shell,
    stage: Option<Stage>,
    /// Whose queries are listed, where not all are, by account and name.
    researcher: Option<(AccountId, String)>,
    listing: Listing<Listed>,
}

impl Queries {
    /// The same researcher's queries, in another stage or in all.
    fn tab(&self, stage: Option<&Stage>) -> String {
        let researcher = self.researcher.as_ref().map(|(account, _)| *account);
        format!("/queries?{}", address(researcher, stage.copied())).trim_end_matches('?').into()
    }
}

/// Queries, the newest first, in one stage or of one researcher when asked for.
#[get("/queries")]
pub(super) async fn list(
    request: HttpRequest,
    service: Data<Service>,
    filter: Result<Query<Filter>, actix_web::Error>,
    from: Result<Query<From>, actix_web::Error>,
) -> Result<HttpResponse, Error> {
    let (filter, from) = (asked(filter)?, asked(from)?);
    let stage: Option<Stage> =
        if filter.stage.is_empty() { None } else { Some(parse("stage of a query", &filter.stage)?) };
    let researcher: Option<AccountId> =
        if filter.researcher.is_empty() { None } else { Some(parse("researcher", &filter.researcher)?) };
    let shell = Shell::of(&request, Section::Queries, "Queries");
    let queries = blocking(move || {
        let filter = QueryFilter { stage, of: researcher.map(Whose::Account) };
        let rows = service.listings()?.queries(&filter, &from.paging())?;
        let snapshot = service.chain.snapshot()?;
        let listing = Listing::new(rows, from, "/queries", &address(researcher, stage));
        let name = |id| Ok::<_, Error>((id, snapshot.researcher(id)?.map_or_else(String::new, |party| party.name)));
        let researcher = researcher.map(name).transpose()?;
        Ok(Queries { shell, stage, researcher, listing: listing.try_filter_map(|row| listed(&snapshot, row))? })
    });
    page(&queries.await?)
}

/// What becomes of a query: the part of its page that changes.
#[derive(Template)]
#[template(path = "query_progress.html")]
struct Progress {
    id: QueryId,
    state: QueryState,
    stage: Stage,
    steps: Vec<ReachedStage>,
    live: bool,
    is_past: bool,
    /// Tells what is shown from what comes after.
    mark: String,
}

impl HtmlSafe for Progress {}

impl Progress {
    fn of(snapshot: &Snapshot, id: QueryId) -> Result<Self, Error> {
        let state = found("query", id, snapshot.query(id)?)?;
        let progress = QueryProgress::of(&state);
        let (mark, live) = (progress.mark(), !progress.is_final());
        let (steps, is_past) = (reached_stages(snapshot, id, &state)?, is_past(snapshot, &state)?);
        Ok(Self { id, stage: progress.stage, steps, live, is_past, mark, state })
    }

    /// What it asks is not what its study had planned.
    fn deviates(&self) -> bool {
        self.state.conformance == Conformance::Deviates
    }

    /// What its stage means.
    fn means(&self) -> &'static str {
        if self.is_past { words::PAST_MEANS } else { words::stage_means(&self.stage) }
    }

    const fn refund_reason(&self) -> Option<&'static str> {
        refund_reason(&self.state)
    }
}

/// A part of a query, in words.
struct Part {
    says: String,
    axes: Vec<String>,
    slots: u16,
}

#[derive(Template)]
#[template(path = "query.html")]
struct OneQuery {
    shell: Shell,
    progress_script: String,
    progress: Progress,
    title: String,
    researcher: String,
    schema: String,
    criteria: Vec<String>,
    matching: Vec<String>,
    measured: Vec<Part>,
    purposes: Vec<Purpose>,
    /// The disease studied, where one is named.
    disease: Option<String>,
    /// Who can answer, by what the query demands of consents.
    answers: Vec<String>,
    codings: Vec<String>,
    privacy: String,
    escrow: String,
    /// How it compares with the study's plan: in a word, and why.
    conformance: (&'static str, &'static str),
}

/// One query, whole.
#[get("/queries/{id}")]
pub(super) async fn show(
    request: HttpRequest,
    service: Data<Service>,
    id: Path<String>,
) -> Result<HttpResponse, Error> {
    let id: QueryId = parse("query id", &id)?;
    let shell = Shell::of(&request, Section::Queries, "Query");
    let (from, read) = (service.clone(), move |service: &Service| Progress::of(&service.chain.snapshot()?, id));
    let progress = blocking(move || read(&from)).await?;
    // A panel is read for its names alone, where the query names variants.
    let named = names_variants(&progress.state.query);
    let read = move |service: &Service| whole(shell, service, progress, named);
    page(&if named { reading_panel(service, read).await? } else { blocking(move || read(&service)).await? })
}

fn whole(shell: Shell, service: &Service, progress: Progress, named: bool) -> Result<OneQuery, Error> {
    let snapshot = service.chain.snapshot()?;
    let query = progress.state.query.clone();
    let (schema, panel) = if named {
        schema_and_panel_at_hand(&snapshot, &service.fetching(), query.schema)?
    } else {
        (found("schema", query.schema, snapshot.schema(query.schema)?)?, None)
    };
    let study = found("study", query.study, snapshot.study(query.study)?)?;
    let part = |layout: &Layout| Part {
        says: words::part(layout, &schema),
        axes: words::axes(layout, &schema, panel.as_ref()),
        slots: layout.slots_used(),
    };
    Ok(OneQuery {
        shell: shell.titled(study.registration.title.clone()),
        progress_script: assets::href("progress.js"),
        title: study.registration.title,
        researcher: snapshot.researcher(progress.state.researcher)?.map_or_else(String::new, |party| party.name),
        criteria: words::criteria(&query, &schema),
        matching: words::matching(&query, &schema, panel.as_ref()),
        measured: query.parts.iter().map(part).collect(),
        purposes: words::purposes(query.data_use.purposes),
        disease: words::disease(query.data_use.disease, service.publishing.diseases.as_deref()),
        answers: demanded_in_words(query.data_use.purposes),
        codings: codings(&query, &schema),
        privacy: words::privacy(&query),
        escrow: parts::number(query.escrow()?),
        schema: schema.name,
        conformance: words::conformance(progress.state.conformance).split_once(": ").unwrap_or_default(),
        progress,
    })
}

/// The part of a query's page that changes, for those who watch it.
#[get("/queries/{id}/progress")]
pub(super) async fn follow(service: Data<Service>, id: Path<String>) -> Result<HttpResponse, Error> {
    let id: QueryId = parse("query id", &id)?;
    page(&blocking(move || Progress::of(&service.chain.snapshot()?, id)).await?)
}
