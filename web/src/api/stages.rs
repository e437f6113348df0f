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
    state::{QueryState, QueryStatus, RefundReason, StateRead as _},
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
    stages_among(header, |height| Ok(snapshot.events(height)?), id, (state.opened, &state.status))
}

/// The same of a query that was opened in a block and has a status now, by what tells of the headers of blocks, and of what
/// they did.
///
/// # Errors
/// As these fail.
pub(crate) fn stages_among(
    header: impl Fn(Height) -> Result<Option<SignedHeader>, Error>,
    events: impl Fn(Height) -> Result<Option<BlockEvents>, Error>,
    id: QueryId,
    (opened, status): (Height, &QueryStatus),
) -> Result<Vec<ReachedStage>, Error> {
    let at = |stage, height| {
        let time = header(height)?.map(|signed| signed.header.time);
        Ok::<_, Error>(ReachedStage { stage, height, time })
    };
    let mut stages = vec![at(Stage::Collecting, opened)?];
    // A query that too few answered is refunded instead of sealed: nothing is between.
    let (latest, was_sealed) = match *status {
        QueryStatus::Collecting => return Ok(stages),
        QueryStatus::Sealed { height, .. } | QueryStatus::Refunded { height, reason: RefundReason::BelowMinimum } => {
            (height, false)
        }
        QueryStatus::Aggregated { height, .. }
        | QueryStatus::Released { height, .. }
        | QueryStatus::Refunded { height, .. } => (height, true),
    };
    let reached = stage_of(status);
    let mut between = vec![];
    if was_sealed {
        let first = opened.get().max(latest.get().saturating_sub(LOOKED_THROUGH_MAX));
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

#[cfg(test)]
mod tests {
    use std::{cell::RefCell, collections::BTreeMap};

    use circuits::id::Digest;

    use super::*;

    const SET: Digest = Digest::from_bytes([2; 32]);

    fn asked() -> QueryId {
        QueryId::from_bytes([1; 32])
    }

    fn sealed(query: QueryId) -> Event {
        Event::QuerySealed { query, contributions: 3, set: SET }
    }

    fn aggregated(query: QueryId) -> Event {
        Event::QueryAggregated { query, aggregates: vec![] }
    }

    /// A chain of blocks, each with the events of its transactions, and which of them were read.
    struct Blocks {
        events: BTreeMap<u64, Vec<Vec<Event>>>,
        read: RefCell<Vec<u64>>,
    }

    impl Blocks {
        fn new(events: impl IntoIterator<Item = (u64, Vec<Vec<Event>>)>) -> Self {
            Self { events: events.into_iter().collect(), read: RefCell::new(vec![]) }
        }

        /// The stages of the query that was opened in a block, without times.
        fn stages(&self, opened: u64, status: &QueryStatus) -> Vec<(Stage, u64)> {
            let events = |height: Height| {
                self.read.borrow_mut().push(height.get());
                let transactions = self.events.get(&height.get()).cloned();
                Ok(transactions.map(|transactions| BlockEvents { transactions, end: vec![] }))
            };
            let stages = stages_among(|_| Ok(None), events, asked(), (Height::new(opened), status)).unwrap();
            assert!(stages.iter().all(|reached| reached.time.is_none()), "no header is at hand");
            stages.iter().map(|reached| (reached.stage, reached.height.get())).collect()
        }
    }

    fn released(height: u64) -> QueryStatus {
        QueryStatus::Released { height: Height::new(height), set: SET, aggregates: vec![], components: vec![] }
    }

    fn refunded(height: u64, reason: RefundReason) -> QueryStatus {
        QueryStatus::Refunded { height: Height::new(height), reason }
    }

    #[test]
    fn stages_between_are_looked_for_backwards_and_no_further_than_the_sealing() {
        let other = QueryId::from_bytes([9; 32]);
        let blocks = Blocks::new([
            (7, vec![vec![sealed(other)], vec![sealed(asked())]]),
            (9, vec![vec![aggregated(asked())], vec![aggregated(other)]]),
            (10, vec![vec![sealed(other)]]),
        ]);
        let expected = [(Stage::Collecting, 3), (Stage::Sealed, 7), (Stage::Aggregated, 9), (Stage::Released, 11)];
        assert_eq!(blocks.stages(3, &released(11)), expected);
        assert_eq!(blocks.read.take(), [11, 10, 9, 8, 7]);
        let sum = QueryStatus::Aggregated { height: Height::new(9), set: SET, aggregates: vec![] };
        assert_eq!(blocks.stages(3, &sum), expected[..3]);
    }

    #[test]
    fn two_stages_of_one_block_are_both_told_in_their_order() {
        let blocks = Blocks::new([(5, vec![vec![sealed(asked())], vec![], vec![aggregated(asked())]])]);
        let [opened, sealed, sum] = [(Stage::Collecting, 3), (Stage::Sealed, 5), (Stage::Aggregated, 5)];
        assert_eq!(blocks.stages(3, &released(8)), [opened, sealed, sum, (Stage::Released, 8)]);
        assert_eq!(blocks.stages(3, &released(5)), [opened, sealed, sum, (Stage::Released, 5)]);
        let status = QueryStatus::Aggregated { height: Height::new(5), set: SET, aggregates: vec![] };
        assert_eq!(blocks.stages(3, &status), [opened, sealed, sum]);
    }

    #[test]
    fn a_refunded_query_went_through_what_it_had_reached() {
        let blocks = Blocks::new([(5, vec![vec![sealed(asked())]]), (6, vec![vec![aggregated(asked())]])]);
        let [opened, sealed, sum] = [(Stage::Collecting, 3), (Stage::Sealed, 5), (Stage::Aggregated, 6)];
        for reason in [RefundReason::NotReleased, RefundReason::ComponentsDisputed] {
            assert_eq!(blocks.stages(3, &refunded(9, reason)), [opened, sealed, sum, (Stage::Refunded, 9)]);
        }
        let blocks = Blocks::new([(5, vec![vec![self::sealed(asked())]])]);
        let expected = [opened, sealed, (Stage::Refunded, 9)];
        assert_eq!(blocks.stages(3, &refunded(9, RefundReason::NotAggregated)), expected);
    }

    #[test]
    fn no_block_is_read_for_a_query_that_has_nothing_between() {
        let blocks = Blocks::new([]);
        let opened = (Stage::Collecting, 3);
        assert_eq!(blocks.stages(3, &QueryStatus::Collecting), [opened]);
        let now = QueryStatus::Sealed { height: Height::new(900), set: SET };
        assert_eq!(blocks.stages(3, &now), [opened, (Stage::Sealed, 900)]);
        let few = refunded(900, RefundReason::BelowMinimum);
        assert_eq!(blocks.stages(3, &few), [opened, (Stage::Refunded, 900)]);
        assert_eq!(blocks.read.take(), Vec::<u64>::new());
    }

    #[test]
    fn what_lies_further_back_than_is_looked_is_left_out() {
        let latest = 900;
        let first = latest - LOOKED_THROUGH_MAX;
        let stages = |height| {
            let blocks = Blocks::new([(height, vec![vec![sealed(asked())]]), (899, vec![vec![aggregated(asked())]])]);
            blocks.stages(3, &released(latest))
        };
        let [opened, sum, end] = [(Stage::Collecting, 3), (Stage::Aggregated, 899), (Stage::Released, latest)];
        assert_eq!(stages(first), [opened, (Stage::Sealed, first), sum, end]);
        assert_eq!(stages(first - 1), [opened, sum, end]);
    }
}
