//! The registration tree: the root that proofs are made against, and every leaf under it.

use actix_web::{
    HttpRequest, HttpResponse, get,
    web::{Data, Query},
};
use borsh::{BorshDeserialize, BorshSerialize};
use circuits::id::Leaf;
use node::{
    state::{EpochSnapshot, StateRead},
    units::{Epoch, LeafIndex},
};
use serde::{Deserialize, Serialize};

use super::{
    LEAVES_PAGE_MAX, Service, blocking,
    memory::Room,
    reply::{found, long_reply, reply},
    schemas,
};
use crate::Error;

/// A leaf in JSON: 64 digits in quotes, and a comma.
const LEAF_REPLY_BYTES: usize = 67;

/// The epoch of the next block and the snapshot that proofs must be made against.
#[derive(Debug, Clone, Copy, PartialEq, Eq, BorshSerialize, BorshDeserialize, Serialize, Deserialize)]
pub struct CurrentEpoch {
    /// Its number.
    pub epoch: Epoch,
    /// The snapshot valid in it.
    pub snapshot: EpochSnapshot,
}

/// A run of leaves. All pages of one epoch make its tree.
#[derive(Debug, Clone, PartialEq, Eq, BorshSerialize, BorshDeserialize, Serialize, Deserialize)]
pub struct LeafPage {
    /// The epoch whose snapshot this is; a client that sees it change begins again.
    pub epoch: Epoch,
    /// Place of the first leaf.
    pub first: LeafIndex,
    /// The leaves in order.
    pub leaves: Vec<Leaf>,
}

/// The current epoch with its root. JSON or bytes.
#[utoipa::path(tag = "epochs", responses((status = 200, description = "the epoch", content((schemas::CurrentEpoch = "application/json"), (schemas::Bytes = "application/octet-stream")))))]
#[get("/v1/epoch")]
pub(super) async fn read_epoch(request: HttpRequest, service: Data<Service>) -> Result<HttpResponse, Error> {
    let current = blocking(move || current_epoch(&service)).await?;
    reply(&request, &current)
}

fn current_epoch(service: &Service) -> Result<CurrentEpoch, Error> {
    let snapshot = service.chain.snapshot()?;
    let epoch = snapshot.latest()?.epoch;
    Ok(CurrentEpoch { epoch, snapshot: found("epoch", epoch, snapshot.epoch_snapshot(epoch)?)? })
}

/// Which leaves.
#[derive(Deserialize)]
#[serde(default)]
pub(super) struct Run {
    first: u32,
    count: u32,
}

impl Default for Run {
    fn default() -> Self {
        Self { first: 0, count: LEAVES_PAGE_MAX }
    }
}

/// Leaves of the current epoch's snapshot. Clients take all of them, so that nobody learns whose path they need. JSON
/// or bytes.
#[utoipa::path(
    tag = "epochs",
    params(
        ("first" = Option<u32>, Query, description = "place of the first leaf; 0 by default"),
        ("count" = Option<u32>, Query, description = "how many, at most 65,536, the default"),
    ),
    responses((status = 200, description = "the leaves, fewer at the end", content((schemas::LeafPage = "application/json"), (schemas::Bytes = "application/octet-stream"))))
)]
#[get("/v1/leaves")]
pub(super) async fn read_leaves(
    request: HttpRequest,
    service: Data<Service>,
    run: Result<Query<Run>, actix_web::Error>,
) -> Result<HttpResponse, Error> {
    let run = run.map_err(|error| Error::Request { what: "query string", why: error.to_string() })?;
    if run.count > LEAVES_PAGE_MAX {
        return Err(Error::TooLarge { what: "a page of leaves", limit: LEAVES_PAGE_MAX as usize });
    }
    let memory = service.quota.memory.take(Room::Replies, run.count as usize * LEAF_REPLY_BYTES).await?;
    let page = blocking(move || leaf_page(&service, run.first, run.count)).await?;
    long_reply(&request, &page, memory)
}

fn leaf_page(service: &Service, first: u32, count: u32) -> Result<LeafPage, Error> {
    let snapshot = service.chain.snapshot()?;
    let epoch = snapshot.latest()?.epoch;
    let held = found("epoch", epoch, snapshot.epoch_snapshot(epoch)?)?.leaves;
    let end = first.saturating_add(count).min(held);
    let mut leaves = vec![];
    for index in (first..end).map(LeafIndex::new) {
        leaves.push(found("leaf", index, snapshot.leaf(index)?)?);
    }
    Ok(LeafPage { epoch, first: LeafIndex::new(first), leaves })
}
