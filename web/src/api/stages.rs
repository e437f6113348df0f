//! The stages that a query went through, with the blocks that brought it there. Its page and programs read them by the same
//! function.

use actix_web::{
    HttpResponse, get,
    web::{Data, Path},
};
use circuits::id::QueryId;
use market::index::Stage;
use node::{
    BlockEvents, Snapshot,
    block::SignedHeader,
    event::Event,
    state::{QueryState, QueryStatus, StateRead as _},
    units::{Height, Timestamp},
};
use serde::Serialize;
use utoipa::ToSchema;

use super::{
    Service, blocking,
    progress::stage_of,
    reply::{found, parse},
};
use crate::{Error, problem::Problem};

/// Blocks that are looked through for a stage that the state does not date any more.
const LOOKED_THROUGH_MAX: u64 = 256;

/// A stage that a query went through.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub(crate) struct ReachedStage {
    /// `collecting`, `sealed`, `aggregated`, `released` or `refunded`.
    #[schema(value_type = String)]
    pub(crate) stage: Stage,
    /// The block that brought it there.
    #[schema(value_type = u64)]
    pub(crate) height: Height,
    /// That block's time, in seconds since 1970-01-01T00:00:00Z; none where the node dropped the block.
    #[schema(value_type = Option<u64>)]
    pub(crate) time: Option<Timestamp>,
}

/// The stages that a query went through.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct QueryStages {
    /// In the order in which it reached them, the present one last.
    pub(crate) stages: Vec<ReachedStage>,
}

/// The stages gone through with their blocks. The state dates the first and the latest; those between are in the blocks before
/// the latest, of which so many are looked through.
///
/// # Errors
/// [`Error::Ledger`] when a block cannot be read.
pub(crate) fn reached_stages(snapshot: &Snapshot, id: QueryId, state: &QueryState) -> Result<Vec<ReachedStage>, Error> {
    let header = |height| Ok(snapshot.header(height)?);
    stages_among(header, |height| Ok(snapshot.events(height)?), id, state)
}

/// The same by what tells of the headers of blocks, and of what they did.
///
/// # Errors
/// As these fail.
pub(crate) fn stages_among(
    header: impl Fn(Height) -> Result<Option<SignedHeader>, Error>,
    events: impl Fn(Height) -> Result<Option<BlockEvents>, Error>,
    id: QueryId,
    state: &QueryState,
) -> Result<Vec<ReachedStage>, Error> {
    let at = |stage, height| {
        let time = header(height)?.map(|signed| signed.header.time);
        Ok::<_, Error>(ReachedStage { stage, height, time })
    };
    let mut stages = vec![at(Stage::Collecting, state.opened)?];
    let latest = match state.status {
        QueryStatus::Collecting => return Ok(stages),
        QueryStatus::Sealed { height, .. }
        | QueryStatus::Aggregated { height, .. }
        | QueryStatus::Released { height, .. }
        | QueryStatus::Refunded { height, .. } => height,
    };
    let reached = stage_of(&state.status);
    let mut between = vec![];
    if reached != Stage::Sealed {
        let first = state.opened.get().max(latest.get().saturating_sub(LOOKED_THROUGH_MAX));
        // Backwards, until the first of those between is found.
        for height in (first..=latest.get()).rev().map(Height::new) {
            let Some(events) = events(height)? else { continue };
            for event in events.transactions.iter().rev().flatten() {
                match event {
                    Event::QuerySealed { query, .. } if *query == id => between.push(at(Stage::Sealed, height)?),
                    Event::QueryAggregated { query, .. } if *query == id && reached != Stage::Aggregated => {
                        between.push(at(Stage::Aggregated, height)?);
                    }
                    _ => {}
                }
            }
            if between.last().is_some_and(|found| found.stage == Stage::Sealed) {
                break;
            }
        }
    }
    stages.extend(between.into_iter().rev());
    stages.push(at(reached, latest)?);
    Ok(stages)
}

/// The stages that a query went through, each with its block and that block's time. Stages between the first and the present
/// one are looked for in the 256 blocks before the present one's, and left out where they are in none of these.
#[utoipa::path(
    tag = "queries",
    params(("id" = String, Path, description = "the query's id, 64 hex digits")),
    responses(
        (status = 200, description = "the stages, in order", body = QueryStages),
        (status = 400, description = "no id", body = Problem, content_type = "application/problem+json"),
        (status = 404, description = "no such query", body = Problem, content_type = "application/problem+json"),
    )
)]
#[get("/v1/queries/{id}/stages")]
pub(super) async fn list_stages(service: Data<Service>, id: Path<String>) -> Result<HttpResponse, Error> {
    let id: QueryId = parse("query id", &id)?;
    let stages = blocking(move || {
        let snapshot = service.chain.snapshot()?;
        let state = found("query", id, snapshot.query(id)?)?;
        reached_stages(&snapshot, id, &state)
    });
    Ok(HttpResponse::Ok().json(QueryStages { stages: stages.await? }))
}
