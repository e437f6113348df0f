//! Variants of a schema's panel.

use utoipa::ToSchema;

/// Variants of a panel, in its order.
#[derive(ToSchema)]
pub(in crate::api) struct VariantPage {
    /// Whether the node has the panel; where it lacks it, none are named.
    at_hand: bool,
    /// 100 at most.
    items: Vec<NamedVariant>,
    /// `after` of the page behind; none where nothing follows.
    next: Option<u32>,
}

/// A variant of a panel.
#[derive(ToSchema)]
pub(in crate::api) struct NamedVariant {
    /// Its place in the panel, which criteria and measures on the ledger have.
    place: u32,
    /// Its name in query files: chromosome, position and alleles.
    name: String,
}
