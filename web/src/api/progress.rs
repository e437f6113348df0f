//! How far a query is, now and whenever that changes: server-sent events (HTML Living Standard §9.2).
//!
//! A stream says what the ledger says after a block, so whoever misses an event misses nothing: the next one is whole. A
//! slow reader is not waited for and fills no buffer, since heights that pass meanwhile count as one.

use std::time::Duration;

use actix_web::{
    HttpRequest, HttpResponse, get,
    http::header::HeaderName,
    web::{Bytes, Data, Path},
};
use circuits::id::QueryId;
use futures::stream;
use market::index::Stage;
use node::{
    state::{QueryState, QueryStatus, StateRead as _},
    units::Height,
};
use serde::{Deserialize, Serialize};
use tokio::{
    select,
    sync::watch,
    time::{Instant, Interval, MissedTickBehavior, interval_at, sleep_until},
};

use super::{
    Service, blocking,
    places::{Bounds, Place, Places},
    reply::found,
    reply::parse,
    schemas,
};
use crate::{Error, problem::Problem};

/// Streams that a node keeps open at once.
pub const STREAMS_MAX: usize = 256;
/// Streams that one address keeps open at once, so that no single one takes all.
pub const ADDRESS_STREAMS_MAX: usize = 64;
const PLACES: Bounds = Bounds {
    what: "streams of events",
    all: STREAMS_MAX,
    address: ADDRESS_STREAMS_MAX,
    seconds: 60,
    instead: "ask from time to time instead, or try later",
};
/// How long one stays open. Browsers then ask again by themselves, which gives others a turn.
pub const STREAM_TIME_MAX: Duration = Duration::from_secs(600);
/// How often a stream says that it lives, so that nothing between takes it for dead, and a reader who left is noticed.
const HEARTBEAT: Duration = Duration::from_secs(15);
/// How long a browser waits before it asks again, in milliseconds.
const RETRY_MILLIS: u32 = 3_000;
/// Media type of the events.
const EVENTS: &str = "text/event-stream";

/// How far a query is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct QueryProgress {
    /// Its stage.
    pub stage: Stage,
    /// Contributions that were admitted.
    pub admitted: u32,
    /// Those that were not withdrawn.
    pub surviving: u32,
    /// The fewest that give a result.
    pub minimum: u32,
    /// The most that are admitted.
    pub maximum: u32,
    /// Committee members that were caught lying.
    pub caught_lying: u32,
}

/// The stage of a status.
pub(crate) const fn stage_of(status: &QueryStatus) -> Stage {
    match status {
        QueryStatus::Collecting => Stage::Collecting,
        QueryStatus::Sealed { .. } => Stage::Sealed,
        QueryStatus::Aggregated { .. } => Stage::Aggregated,
        QueryStatus::Released { .. } => Stage::Released,
        QueryStatus::Refunded { .. } => Stage::Refunded,
    }
}

impl QueryProgress {
    /// How far a state is.
    pub(crate) fn of(state: &QueryState) -> Self {
        Self {
            stage: stage_of(&state.status),
            admitted: state.admitted,
            surviving: state.surviving,
            minimum: state.query.contributions_min,
            maximum: state.query.contributions_max,
            caught_lying: u32::try_from(state.liars.len()).unwrap_or(u32::MAX),
        }
    }

    /// Whether nothing changes any more.
    pub(crate) const fn is_final(&self) -> bool {
        matches!(self.stage, Stage::Released | Stage::Refunded)
    }

    /// Tells this state of a query from each other one of it; the id of its event.
    pub(crate) fn mark(&self) -> String {
        format!("{}.{}.{}.{}", self.stage, self.admitted, self.surviving, self.caught_lying)
    }

    /// The event.
    ///
    /// # Errors
    /// [`Error::Internal`] when it does not encode.
    fn event(&self) -> Result<String, Error> {
        let failed = |error: serde_json::Error| Error::Internal { action: "encode an event", why: error.to_string() };
        let data = serde_json::to_string(self).map_err(failed)?;
        Ok(format!("id: {}\nevent: progress\ndata: {data}\n\n", self.mark()))
    }
}

/// The places for streams, and word of the server's end.
#[derive(Debug)]
pub(crate) struct Streams {
    places: Places,
    stopping: watch::Receiver<bool>,
}

impl Streams {
    /// All places free, until the server stops.
    pub(crate) fn new(stopping: watch::Receiver<bool>) -> Self {
        Self { places: Places::new(PLACES), stopping }
    }
}

/// A query as somebody follows it.
struct Followed {
    service: Data<Service>,
    id: QueryId,
    heights: watch::Receiver<Height>,
    stopping: watch::Receiver<bool>,
    beat: Interval,
    until: Instant,
    /// What was said last; nothing is said twice.
    said: String,
    /// What is said first.
    first: Option<String>,
    is_over: bool,
    _place: Place,
}

async fn read(service: &Data<Service>, id: QueryId) -> Result<QueryProgress, Error> {
    let service = service.clone();
    let state = blocking(move || found("query", id, service.chain.snapshot()?.query(id)?)).await?;
    Ok(QueryProgress::of(&state))
}

impl Followed {
    /// What to say next; `None` ends the stream.
    async fn next(&mut self) -> Result<Option<String>, Error> {
        if let Some(first) = self.first.take() {
            return Ok(Some(first));
        }
        while !self.is_over {
            select! {
                changed = self.heights.changed() => {
                    if changed.is_err() {
                        break;
                    }
                    let progress = read(&self.service, self.id).await?;
                    self.is_over = progress.is_final();
                    let mark = progress.mark();
                    if mark != self.said {
                        self.said = mark;
                        return progress.event().map(Some);
                    }
                }
                _ = self.beat.tick() => return Ok(Some(":\n\n".into())),
                _ = self.stopping.wait_for(|stopping| *stopping) => break,
                () = sleep_until(self.until) => break,
            }
        }
        Ok(None)
    }
}

/// Follows a query with server-sent events: one named `progress` at once and after each change, a comment every 15
/// seconds. The stream ends when the query was released or refunded, and after ten minutes; whoever asks again with
/// `Last-Event-ID` is told only what is new, and with 204 that nothing will be.
#[utoipa::path(
    tag = "queries",
    params(
        ("id" = String, Path, description = "the query's id, 64 hex digits"),
        ("Last-Event-ID" = Option<String>, Header, description = "the id of the last event that came"),
    ),
    responses(
        (status = 200, description = "events whose data are this object", body = schemas::QueryProgress, content_type = "text/event-stream"),
        (status = 204, description = "the query has ended and the last event was told"),
        (status = 404, description = "no such query", body = Problem, content_type = "application/problem+json"),
        (status = 503, description = "every stream is taken; ask `/v1/queries/{id}` from time to time", body = Problem, content_type = "application/problem+json"),
    )
)]
#[get("/v1/queries/{id}/progress")]
pub(super) async fn follow_query(
    request: HttpRequest,
    service: Data<Service>,
    streams: Data<Streams>,
    id: Path<String>,
) -> Result<HttpResponse, Error> {
    let id: QueryId = parse("query id", &id)?;
    // From here on each new height is noticed, so that nothing falls between this answer and the next event.
    let mut heights = service.chain.ledger().watch();
    heights.mark_unchanged();
    let progress = read(&service, id).await?;
    let told = request.headers().get("last-event-id").and_then(|value| value.to_str().ok()).unwrap_or_default();
    let (said, is_new) = (progress.mark(), progress.mark() != told);
    if progress.is_final() && !is_new {
        return Ok(HttpResponse::NoContent().finish());
    }
    let place = streams.places.take(&request)?;
    let retry = format!("retry: {RETRY_MILLIS}\n\n");
    let first = if is_new { format!("{retry}{}", progress.event()?) } else { retry };
    let now = Instant::now();
    let mut beat = interval_at(now + HEARTBEAT, HEARTBEAT);
    beat.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let followed = Followed {
        id,
        heights,
        stopping: streams.stopping.clone(),
        beat,
        until: now + STREAM_TIME_MAX,
        said,
        first: Some(first),
        is_over: progress.is_final(),
        _place: place,
        service,
    };
    let events = stream::unfold(followed, |mut followed| async move {
        match followed.next().await {
            Ok(Some(text)) => Some((Ok::<_, Error>(Bytes::from(text)), followed)),
            Ok(None) => None,
            Err(error) => {
                tracing::warn!(%error, "a stream of a query's progress ends early");
                None
            }
        }
    });
    Ok(HttpResponse::Ok()
        .content_type(EVENTS)
        // Proxies that gather answers would hold events back.
        .insert_header((HeaderName::from_static("x-accel-buffering"), "no"))
        .streaming(Box::pin(events)))
}
