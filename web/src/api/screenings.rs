//! Screenings and their responses. Responses come in runs, so that whoever reads an invitation tells nobody whose.

use actix_web::{
    HttpRequest, HttpResponse, get,
    web::{Data, Path, Query},
};
use borsh::{BorshDeserialize, BorshSerialize};
use circuits::id::ScreeningId;
use market::index::{Order, Paging, ScreeningFilter, Whose};
use node::{
    Snapshot, StateProof,
    block::SignedHeader,
    event::Event,
    state::{ResponseState, ScreeningState, StateKey, StateRead},
    units::{Height, ResponseIndex},
};
use serde::{Deserialize, Serialize};

use super::{
    Service,
    behind::events_behind,
    blocking,
    listing::{query_string, whose},
    memory::Room,
    reply::{found, long_reply, parse, reply},
    schemas,
};
use crate::{Error, problem::Problem};

/// Screenings of a page.
const SCREENINGS_PAGE: usize = 100;
/// Responses of a page, at most.
pub const RESPONSES_PAGE_MAX: u32 = 256;
/// A response in JSON: a sealing key in hex, other fields, and twice the bytes of a proof where there is one.
const RESPONSE_REPLY_BYTES: usize = 16 << 10;

/// A screening with its id.
#[derive(Debug, Clone, PartialEq, Eq, BorshSerialize, BorshDeserialize, Serialize, Deserialize)]
pub struct ListedScreening {
    /// The screening's id.
    pub id: ScreeningId,
    /// How far it is.
    pub state: ScreeningState,
}

/// A page of screenings.
#[derive(Debug, Clone, PartialEq, Eq, BorshSerialize, BorshDeserialize, Serialize, Deserialize)]
pub struct ScreeningPage {
    /// The screenings: all by id, closed ones included, or those that were asked for in the order of their opening.
    pub items: Vec<ListedScreening>,
    /// Where the next page begins; absent on the last page.
    pub next: Option<ScreeningId>,
}

/// A run of responses.
#[derive(Debug, Clone, PartialEq, Eq, BorshSerialize, BorshDeserialize, Serialize, Deserialize)]
pub struct ResponsePage {
    /// Place of the first response.
    pub first: ResponseIndex,
    /// The responses in order.
    pub responses: Vec<ResponseState>,
}

/// A run of responses, each with what it takes to check it against the genesis alone.
#[derive(Debug, Clone, BorshSerialize, BorshDeserialize, Serialize, Deserialize)]
pub struct ResponseProofs {
    /// The block's header with its certificate.
    pub header: Option<SignedHeader>,
    /// Each response under the header's state root, in order; where they end, a proof that there is no next one.
    pub proofs: Vec<StateProof>,
}

/// Where a page begins, and which screenings it lists.
#[derive(Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(super) struct Asked {
    after: Option<String>,
    study: Option<String>,
    sponsor: Option<String>,
    open: bool,
    order: Option<Order>,
}

impl Asked {
    fn filter(&self) -> Result<ScreeningFilter, Error> {
        let of = whose(self.study.as_deref(), ("sponsor", self.sponsor.as_deref()))?;
        Ok(ScreeningFilter { of, open: self.open })
    }
}

/// Which responses.
#[derive(Debug, Clone, Copy, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(super) struct Run {
    first: u32,
    count: u32,
}

impl Default for Run {
    fn default() -> Self {
        Self { first: 0, count: RESPONSES_PAGE_MAX }
    }
}

fn checked(run: Result<Query<Run>, actix_web::Error>) -> Result<Run, Error> {
    let run = query_string(run)?;
    if run.count > RESPONSES_PAGE_MAX {
        return Err(Error::TooLarge { what: "a page of responses", limit: RESPONSES_PAGE_MAX as usize });
    }
    Ok(run)
}

/// Screenings by id, closed ones included, or with an order or a filter those that it leaves, in the order of their opening;
/// 100 to a page. JSON or bytes.
#[utoipa::path(
    tag = "screenings",
    params(
        ("after" = Option<String>, Query, description = "`next` of the page before"),
        ("study" = Option<String>, Query, description = "only those of a study, 64 hex digits"),
        ("sponsor" = Option<String>, Query, description = "only those that an account opened, 64 hex digits; not beside a study"),
        ("open" = Option<bool>, Query, description = "`true`: only those that are neither closed nor full"),
        ("order" = Option<String>, Query, description = "`oldest` or `newest` first; oldest with a filter"),
    ),
    responses(
        (status = 200, description = "a page of screenings", content((schemas::ScreeningPage = "application/json"), (schemas::Bytes = "application/octet-stream"))),
        (status = 404, description = "with an order or a filter: never opened, or not listed yet, what `after` names", body = Problem, content_type = "application/problem+json"),
        (status = 503, description = "with an order or a filter: the node lacks blocks that it would list", body = Problem, content_type = "application/problem+json"),
    )
)]
#[get("/v1/screenings")]
pub(super) async fn list_screenings(
    request: HttpRequest,
    service: Data<Service>,
    asked: Result<Query<Asked>, actix_web::Error>,
) -> Result<HttpResponse, Error> {
    let asked = query_string(asked)?;
    let after: Option<ScreeningId> = asked.after.as_deref().map(|text| parse("screening id", text)).transpose()?;
    let filter = asked.filter()?;
    let page = blocking(move || match asked.order {
        None if filter == ScreeningFilter::default() => all(&service, after),
        order => filtered(&service, &filter, order.unwrap_or_default(), after),
    })
    .await?;
    reply(&request, &page)
}

/// A page of all screenings, as the state has them.
fn all(service: &Service, after: Option<ScreeningId>) -> Result<ScreeningPage, Error> {
    let behind = service.chain.snapshot()?.screenings_after(after, SCREENINGS_PAGE + 1)?;
    let mut items: Vec<_> = behind.into_iter().map(|(id, state)| ListedScreening { id, state }).collect();
    let more = items.len() > SCREENINGS_PAGE;
    items.truncate(SCREENINGS_PAGE);
    let next = if more { items.last().map(|last| last.id) } else { None };
    Ok(ScreeningPage { items, next })
}

/// A page of those that the index lists, each as the state has it. The latest page has what opened since too, so that
/// whoever opened a screening finds it at once.
fn filtered(
    service: &Service,
    filter: &ScreeningFilter,
    order: Order,
    after: Option<ScreeningId>,
) -> Result<ScreeningPage, Error> {
    let index = service.listings()?;
    let indexed = index.position()?.height;
    let after = after.map(|id| found("screening", id, index.screening_place(id)?)).transpose()?;
    let page = index.screenings(filter, &Paging { after, limit: SCREENINGS_PAGE, order })?;
    let mut ids: Vec<ScreeningId> = page.items.into_iter().map(|row| row.id).collect();
    let next = page.next.and(ids.last().copied());
    let snapshot = service.chain.snapshot()?;
    let mut since = opened_behind(&snapshot, indexed, filter)?;
    since.retain(|id| !ids.contains(id));
    match order {
        Order::Oldest if next.is_none() => ids.append(&mut since),
        Order::Newest if after.is_none() => ids.splice(0..0, since.into_iter().rev()).for_each(drop),
        Order::Oldest | Order::Newest => {}
    }
    // A ledger that is behind the index does not know the latest ones yet.
    let read = |id| Ok(snapshot.screening(id)?.map(|state| ListedScreening { id, state }));
    let items = ids.into_iter().map(read).filter_map(Result::transpose).collect::<Result<_, Error>>()?;
    Ok(ScreeningPage { items, next })
}

/// What a filter leaves of the screenings that the blocks behind the index opened. All of them are as good as open.
fn opened_behind(snapshot: &Snapshot, indexed: Height, filter: &ScreeningFilter) -> Result<Vec<ScreeningId>, Error> {
    events_behind(snapshot, indexed, |event| match event {
        Event::ScreeningOpened { screening, sponsor, study, .. }
            if filter.of.is_none_or(|of| of == Whose::Study(*study) || of == Whose::Account(*sponsor)) =>
        {
            Some(*screening)
        }
        _ => None,
    })
}

/// A screening and how far it is. JSON or bytes.
#[utoipa::path(
    tag = "screenings",
    params(("id" = String, Path, description = "the screening's id, 64 hex digits")),
    responses(
        (status = 200, description = "the screening", content((schemas::Screening = "application/json"), (schemas::Bytes = "application/octet-stream"))),
        (status = 404, description = "never opened", body = Problem, content_type = "application/problem+json"),
    )
)]
#[get("/v1/screenings/{id}")]
pub(super) async fn read_screening(
    request: HttpRequest,
    service: Data<Service>,
    id: Path<String>,
) -> Result<HttpResponse, Error> {
    let id: ScreeningId = parse("screening id", &id)?;
    let screening = blocking(move || require(&service.chain.snapshot()?, id)).await?;
    reply(&request, &screening)
}

/// Responses to a screening, in order, with what became of each. JSON or bytes.
#[utoipa::path(
    tag = "screenings",
    params(
        ("id" = String, Path, description = "the screening's id, 64 hex digits"),
        ("first" = Option<u32>, Query, description = "place of the first response; 0 by default"),
        ("count" = Option<u32>, Query, description = "how many, at most 256, the default"),
    ),
    responses(
        (status = 200, description = "the responses, fewer at the end", content((schemas::ResponsePage = "application/json"), (schemas::Bytes = "application/octet-stream"))),
        (status = 404, description = "never opened", body = Problem, content_type = "application/problem+json"),
    )
)]
#[get("/v1/screenings/{id}/responses")]
pub(super) async fn list_responses(
    request: HttpRequest,
    service: Data<Service>,
    id: Path<String>,
    run: Result<Query<Run>, actix_web::Error>,
) -> Result<HttpResponse, Error> {
    let (id, run): (ScreeningId, _) = (parse("screening id", &id)?, checked(run)?);
    let memory = service.quota.memory.take(Room::Replies, run.count as usize * RESPONSE_REPLY_BYTES).await?;
    let page = blocking(move || {
        let snapshot = service.chain.snapshot()?;
        let end = run.first.saturating_add(run.count).min(require(&snapshot, id)?.eligible);
        let indices = (run.first..end).map(ResponseIndex::new);
        let responses = indices.map(|index| found("response", index, snapshot.response(id, index)?));
        Ok(ResponsePage { first: ResponseIndex::new(run.first), responses: responses.collect::<Result<_, _>>()? })
    })
    .await?;
    long_reply(&request, &page, memory)
}

/// The same responses, each proven in the state after the latest block, and that there are no more where they end. JSON or
/// bytes.
#[utoipa::path(
    tag = "screenings",
    params(
        ("id" = String, Path, description = "the screening's id, 64 hex digits"),
        ("first" = Option<u32>, Query, description = "place of the first response; 0 by default"),
        ("count" = Option<u32>, Query, description = "how many, at most 256, the default"),
    ),
    responses(
        (status = 200, description = "the proofs", content((schemas::ResponseProofs = "application/json"), (schemas::Bytes = "application/octet-stream"))),
        (status = 404, description = "never opened", body = Problem, content_type = "application/problem+json"),
    )
)]
#[get("/v1/screenings/{id}/response-proofs")]
pub(super) async fn prove_responses(
    request: HttpRequest,
    service: Data<Service>,
    id: Path<String>,
    run: Result<Query<Run>, actix_web::Error>,
) -> Result<HttpResponse, Error> {
    let (id, run): (ScreeningId, _) = (parse("screening id", &id)?, checked(run)?);
    let memory = service.quota.memory.take(Room::Replies, run.count as usize * RESPONSE_REPLY_BYTES).await?;
    let page = blocking(move || {
        let snapshot = service.chain.snapshot()?;
        let (height, eligible) = (snapshot.latest()?.height, require(&snapshot, id)?.eligible);
        // One beyond the last response, whose absence is proven.
        let end = run.first.saturating_add(run.count).min(eligible.max(run.first).saturating_add(1));
        let indices = (run.first..end).map(ResponseIndex::new);
        let proofs = indices.map(|index| snapshot.prove(StateKey::Response(id, index), height));
        Ok(ResponseProofs { header: snapshot.header(height)?, proofs: proofs.collect::<Result<_, _>>()? })
    })
    .await?;
    long_reply(&request, &page, memory)
}

fn require(snapshot: &Snapshot, id: ScreeningId) -> Result<ScreeningState, Error> {
    found("screening", id, snapshot.screening(id)?)
}
