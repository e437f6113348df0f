//! The registration tree and its epochs.

use serde_json::Value;
use utoipa::ToSchema;

/// The current epoch.
#[derive(ToSchema)]
pub(in crate::api) struct CurrentEpoch {
    epoch: u32,
    /// Root, number of leaves, and the block that made it.
    snapshot: Value,
}

/// Epochs, the latest first.
#[derive(ToSchema)]
pub(in crate::api) struct EpochPage {
    items: Vec<ListedEpoch>,
    /// `before` of the page of earlier ones; none where there are none.
    next: Option<u32>,
    /// The epoch of the next block.
    current: u32,
    /// Records and consents that change at its end.
    waiting: u32,
    /// Blocks of an epoch.
    epoch_blocks: u32,
}

/// An epoch of a page.
#[derive(ToSchema)]
pub(in crate::api) struct ListedEpoch {
    epoch: u32,
    /// The root that proofs are made against.
    root: String,
    /// Leaves under it, revoked ones included.
    leaves: u32,
    /// The block at whose end it was taken; 0 for the empty tree of genesis.
    height: u64,
}

/// A run of leaves.
#[derive(ToSchema)]
pub(in crate::api) struct LeafPage {
    epoch: u32,
    /// Place of the first.
    first: u32,
    leaves: Vec<String>,
}
