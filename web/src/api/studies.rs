//! The registry of studies: what was registered, what was asked beside it, and what came out. Pages, programs and the command
//! line read it by the same functions.

use actix_web::{
    HttpRequest, HttpResponse, get,
    web::{Data, Path, Query},
};
use borsh::{BorshDeserialize, BorshSerialize};
use circuits::{
    consent::Day,
    id::{AccountId, Digest, QueryId, StudyId},
    privacy::Epsilon,
};
use market::index::{Order, Paging, QueryFilter, Whose};
use node::{
    Snapshot, analysis,
    block::SignedHeader,
    state::{Conformance, Odometer, Outcome, StateRead, Study, StudyProtocol},
    units::{Height, OutcomeIndex, StudyVersion},
};
use serde::{Deserialize, Serialize};

use super::{
    Service, blocking,
    listing::query_string,
    reply::{found, parse, reply},
    schemas,
};
use crate::{Error, problem::Problem};

/// Versions or outcomes of a page.
const PAGE_MAX: u32 = 25;
/// Queries that are compared with the plan: the latest.
pub(crate) const COMPARED: Paging = Paging { after: None, limit: 100, order: Order::Newest };

/// Reads a block's header; none of a block that was dropped.
pub(crate) type Headers<'h> = &'h dyn Fn(Height) -> Result<Option<SignedHeader>, Error>;
/// Queries of a study, the latest first, and whether there are earlier ones.
pub(crate) type LatestQueries = (Vec<QueryId>, bool);

/// A study: what the ledger keeps under its id, and what that comes to.
#[derive(Debug, Clone, PartialEq, Eq, BorshSerialize, BorshDeserialize, Serialize, Deserialize)]
pub struct StudyRecord {
    /// As registered, with its counters.
    #[serde(flatten)]
    pub study: Study,
    /// The researcher's name, where governance knows one.
    pub researcher_name: Option<String>,
    /// The day on which it was registered, unless the node dropped that block.
    pub registered: Option<Day>,
    /// What its private releases spent.
    pub spent: Odometer,
    /// The same as ε, in thousandths.
    pub spent_epsilon_milli: Epsilon,
    /// What was asked beside what is planned; none where the node lacks blocks that it would list.
    pub asked: Option<Asked>,
}

/// What a study asked, beside what the version of its protocol in force plans.
#[derive(Debug, Clone, Default, PartialEq, Eq, BorshSerialize, BorshDeserialize, Serialize, Deserialize)]
pub struct Asked {
    /// The questions planned, in the plan's order.
    pub planned: Vec<PlannedQuestion>,
    /// Queries that were compared: the latest.
    pub compared: u32,
    /// Whether there are earlier ones.
    pub earlier: bool,
    /// Of those compared, the ones that the plan of their time did not list.
    pub deviating: u32,
    /// Of those compared, the ones of a time without a plan.
    pub unplanned: u32,
}

/// A question of a plan.
#[derive(Debug, Clone, PartialEq, Eq, BorshSerialize, BorshDeserialize, Serialize, Deserialize)]
pub struct PlannedQuestion {
    /// What is asked, by its digest.
    pub question: Digest,
    /// The latest of the queries compared that asks it.
    pub query: Option<QueryId>,
}

/// A version of a study's protocol.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct Version {
    /// Which one, from 1.
    pub(crate) number: StudyVersion,
    /// What it says.
    #[serde(flatten)]
    pub(crate) protocol: StudyProtocol,
    /// The day since which it is in force, unless the node dropped that block.
    pub(crate) since: Option<Day>,
    /// The sponsor's name, where governance knows one.
    pub(crate) sponsor_name: Option<String>,
}

/// A page of what is numbered, the latest first.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct Latest<T> {
    pub(crate) items: Vec<T>,
    /// The number of the page's last row, where there are earlier ones.
    pub(crate) next: Option<u32>,
}

/// Where a page goes on.
#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(super) struct After {
    after: Option<u32>,
}

impl Asked {
    /// Compares queries with the plan in force. A query that the state does not have yet is left out.
    fn of(
        state: &(impl StateRead + ?Sized),
        protocol: &StudyProtocol,
        (queries, earlier): LatestQueries,
    ) -> Result<Self, Error> {
        let planned =
            protocol.design.planned.iter().map(|question| PlannedQuestion { question: *question, query: None });
        let mut asked = Self { planned: planned.collect(), earlier, ..Self::default() };
        for id in queries {
            let Some(query) = state.query(id)? else { continue };
            asked.compared += 1;
            asked.deviating += u32::from(query.conformance == Conformance::Deviates);
            asked.unplanned += u32::from(query.conformance == Conformance::Unplanned);
            let asks = analysis(&query.query)?;
            let first = asked.planned.iter_mut().find(|one| one.question == asks && one.query.is_none());
            if let Some(planned) = first {
                planned.query = Some(id);
            }
        }
        Ok(asked)
    }
}

/// The day of a block, unless it was dropped.
fn day_of(headers: Headers<'_>, height: Height) -> Result<Option<Day>, Error> {
    Ok(headers(height)?.map(|signed| signed.header.time.day()))
}

fn name_of(state: &(impl StateRead + ?Sized), account: AccountId) -> Result<Option<String>, Error> {
    Ok(state.researcher(account)?.map(|party| party.name))
}

/// A study, and what its queries come to where they are known.
///
/// # Errors
/// [`Error::NotFound`] for one that nobody registered, [`Error::Ledger`] when the state cannot be read.
pub(crate) fn study_record(
    state: &(impl StateRead + ?Sized),
    headers: Headers<'_>,
    id: StudyId,
    queries: Option<LatestQueries>,
) -> Result<StudyRecord, Error> {
    let study = found("study", id, state.study(id)?)?;
    let protocol = found("version", study.version, state.study_protocol(id, study.version)?)?;
    let spent = state.study_odometer(id)?.unwrap_or_default();
    Ok(StudyRecord {
        researcher_name: name_of(state, study.researcher)?,
        registered: day_of(headers, study.height)?,
        spent,
        spent_epsilon_milli: spent.rho.epsilon(),
        asked: queries.map(|queries| Asked::of(state, &protocol, queries)).transpose()?,
        study,
    })
}

/// A study as this node knows it.
///
/// # Errors
/// As [`study_record`], and [`Error::Market`] when the index cannot be read.
pub(crate) fn known_study(service: &Service, snapshot: &Snapshot, id: StudyId) -> Result<StudyRecord, Error> {
    let queries = match service.listings_lack()? {
        Some(_) => None,
        None => {
            let rows = service
                .index
                .queries(&QueryFilter { of: Some(Whose::Study(id)), ..QueryFilter::default() }, &COMPARED)?;
            Some((rows.items.iter().map(|row| row.id).collect(), rows.next.is_some()))
        }
    };
    study_record(snapshot, &|height| Ok(snapshot.header(height)?), id, queries)
}

/// The versions of a study's protocol before one, or the latest.
///
/// # Errors
/// [`Error::Ledger`] when the state cannot be read.
pub(crate) fn study_versions(
    state: &(impl StateRead + ?Sized),
    headers: Headers<'_>,
    (id, study): (StudyId, &Study),
    after: Option<u32>,
) -> Result<Latest<Version>, Error> {
    let latest = study.version.get().min(after.map_or(u32::MAX, |after| after.saturating_sub(1)));
    let first = StudyVersion::FIRST.get().max(latest.saturating_sub(PAGE_MAX - 1));
    let mut items = vec![];
    for number in (first..=latest).rev().map(StudyVersion::new) {
        let Some(protocol) = state.study_protocol(id, number)? else { continue };
        let sponsor = protocol.design.sponsor;
        let sponsor_name = sponsor.map(|account| name_of(state, account)).transpose()?.flatten();
        let since = day_of(headers, protocol.height)?;
        items.push(Version { number, protocol, since, sponsor_name });
    }
    Ok(Latest { items, next: (first > StudyVersion::FIRST.get()).then_some(first) })
}

/// What a study said came out, before an outcome or the latest. Outcomes are numbered from 0.
///
/// # Errors
/// As [`study_versions`].
pub(crate) fn study_outcomes(
    state: &(impl StateRead + ?Sized),
    (id, study): (StudyId, &Study),
    after: Option<u32>,
) -> Result<Latest<Outcome>, Error> {
    let end = study.outcomes.min(after.unwrap_or(u32::MAX));
    let first = end.saturating_sub(PAGE_MAX);
    let indices = (first..end).rev().map(OutcomeIndex::new);
    let items = indices.map(|index| found("outcome", index, state.outcome(id, index)?));
    Ok(Latest { items: items.collect::<Result<_, Error>>()?, next: (first > 0).then_some(first) })
}

/// A study: what was registered, the privacy spent, and what was asked beside what is planned. JSON or bytes.
#[utoipa::path(
    tag = "state",
    params(("id" = String, Path, description = "the study's id, 64 hex digits")),
    responses(
        (status = 200, description = "the study", content((schemas::StudyRecord = "application/json"), (schemas::Bytes = "application/octet-stream"))),
        (status = 404, description = "not registered", body = Problem, content_type = "application/problem+json"),
    )
)]
#[get("/v1/studies/{id}")]
pub(super) async fn read_study(
    request: HttpRequest,
    service: Data<Service>,
    id: Path<String>,
) -> Result<HttpResponse, Error> {
    let id: StudyId = parse("study id", &id)?;
    let record = blocking(move || known_study(&service, &service.chain.snapshot()?, id)).await?;
    reply(&request, &record)
}

/// The versions of a study's protocol, the latest first, 25 to a page: document, ethics approval, reason, sites, sponsor and
/// plan of each.
#[utoipa::path(
    tag = "state",
    params(
        ("id" = String, Path, description = "the study's id, 64 hex digits"),
        ("after" = Option<u32>, Query, description = "`next` of the page before"),
    ),
    responses(
        (status = 200, description = "a page of versions", body = schemas::StudyVersionPage),
        (status = 404, description = "not registered", body = Problem, content_type = "application/problem+json"),
    )
)]
#[get("/v1/studies/{id}/versions")]
pub(super) async fn list_study_versions(
    service: Data<Service>,
    id: Path<String>,
    after: Result<Query<After>, actix_web::Error>,
) -> Result<HttpResponse, Error> {
    let (id, After { after }): (StudyId, _) = (parse("study id", &id)?, query_string(after)?);
    let page = blocking(move || {
        let snapshot = service.chain.snapshot()?;
        let study = found("study", id, snapshot.study(id)?)?;
        study_versions(&snapshot, &|height| Ok(snapshot.header(height)?), (id, &study), after)
    });
    Ok(HttpResponse::Ok().json(page.await?))
}

/// What a study said came out, the latest first, 25 to a page.
#[utoipa::path(
    tag = "state",
    params(
        ("id" = String, Path, description = "the study's id, 64 hex digits"),
        ("after" = Option<u32>, Query, description = "`next` of the page before"),
    ),
    responses(
        (status = 200, description = "a page of outcomes", body = schemas::StudyOutcomePage),
        (status = 404, description = "not registered", body = Problem, content_type = "application/problem+json"),
    )
)]
#[get("/v1/studies/{id}/outcomes")]
pub(super) async fn list_study_outcomes(
    service: Data<Service>,
    id: Path<String>,
    after: Result<Query<After>, actix_web::Error>,
) -> Result<HttpResponse, Error> {
    let (id, After { after }): (StudyId, _) = (parse("study id", &id)?, query_string(after)?);
    let page = blocking(move || {
        let snapshot = service.chain.snapshot()?;
        let study = found("study", id, snapshot.study(id)?)?;
        study_outcomes(&snapshot, (id, &study), after)
    });
    Ok(HttpResponse::Ok().json(page.await?))
}
