//! The registration tree: the root that proofs are made against, and every leaf under it.

use actix_web::{
    HttpRequest, HttpResponse, get,
    web::{Data, Query},
};
use borsh::{BorshDeserialize, BorshSerialize};
use circuits::id::Leaf;
use node::{
    genesis::Genesis,
    state::{EpochSnapshot, StateRead},
    units::{Epoch, LeafIndex},
};
use serde::{Deserialize, Serialize};

use super::{
    LEAVES_PAGE_MAX, Service, blocking,
    listing::query_string,
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

/// Epochs that a page lists.
const EPOCHS_PAGE_MAX: u32 = 25;

/// An epoch, with the snapshot that was or is valid in it.
#[derive(Debug, Clone, Copy, BorshSerialize, Serialize)]
pub(crate) struct ListedEpoch {
    /// Its number.
    pub(crate) epoch: Epoch,
    /// Root, leaves, and the block at whose end it was taken.
    #[serde(flatten)]
    pub(crate) snapshot: EpochSnapshot,
}

/// Epochs, the latest first.
#[derive(Debug, Clone, BorshSerialize, Serialize)]
pub(crate) struct EpochPage {
    /// At most [`EPOCHS_PAGE_MAX`].
    pub(crate) items: Vec<ListedEpoch>,
    /// The earliest of them, where there are earlier ones: they are the page before it.
    pub(crate) next: Option<Epoch>,
    /// The epoch of the next block.
    pub(crate) current: Epoch,
    /// Records and consents that change at its end.
    pub(crate) waiting: u32,
    /// Blocks of an epoch.
    pub(crate) epoch_blocks: u32,
}

impl EpochPage {
    /// The latest epochs before one, or the latest of all, where the next block is of `current`.
    ///
    /// # Errors
    /// [`Error::Ledger`] when the state cannot be read.
    pub(crate) fn of(
        state: &(impl StateRead + ?Sized),
        genesis: &Genesis,
        current: Epoch,
        before: Option<Epoch>,
    ) -> Result<Self, Error> {
        // The latest that may be listed; before epoch 0 is none.
        let last = before.map_or(Some(current.get()), |before| Some(before.get().checked_sub(1)?.min(current.get())));
        let first = last.unwrap_or_default().saturating_sub(EPOCHS_PAGE_MAX - 1);
        let mut items = vec![];
        for epoch in last.into_iter().flat_map(|last| (first..=last).rev()).map(Epoch::new) {
            items.extend(state.epoch_snapshot(epoch)?.map(|snapshot| ListedEpoch { epoch, snapshot }));
        }
        let has_earlier = first > 0 && state.epoch_snapshot(Epoch::new(first - 1))?.is_some();
        Ok(Self {
            items,
            next: has_earlier.then_some(Epoch::new(first)),
            current,
            waiting: state.leaf_change_count()?.unwrap_or_default(),
            epoch_blocks: genesis.parameters.epoch_blocks,
        })
    }
}

/// Which epochs.
#[derive(Deserialize)]
pub(super) struct Before {
    before: Option<u32>,
}

/// Epochs, the latest first, each with the root that proofs were made against; 25 a page. JSON or bytes.
#[utoipa::path(
    tag = "epochs",
    params(("before" = Option<u32>, Query, description = "`next` of the page before: epochs before this one")),
    responses((status = 200, description = "a page", content((schemas::EpochPage = "application/json"), (schemas::Bytes = "application/octet-stream"))))
)]
#[get("/v1/epochs")]
pub(super) async fn list_epochs(
    request: HttpRequest,
    service: Data<Service>,
    before: Result<Query<Before>, actix_web::Error>,
) -> Result<HttpResponse, Error> {
    let before = query_string(before)?.before.map(Epoch::new);
    let page = blocking(move || {
        let snapshot = service.chain.snapshot()?;
        EpochPage::of(&snapshot, service.chain.ledger().genesis(), snapshot.latest()?.epoch, before)
    });
    reply(&request, &page.await?)
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
