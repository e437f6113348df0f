//! The ledger's state: typed keys and values over ordered bytes, read through a view and changed through a draft.

mod committee;
mod consortium;
mod draft;
mod key;
mod value;

pub use committee::{CommitteeStage, CommitteeState};
pub use consortium::{Approvals, EquivocationRecord, Protocol, Upgrade};
pub use draft::{Draft, StateChange, StateView};
pub use key::{StateKey, StateRead, VALUE_BYTES_MAX};
pub use value::{
    Account, Admission, AdmittedPart, ComponentVote, ContributionState, EpochSnapshot, LeafChange, Odometer, Party,
    QueryState, QueryStatus, RefundReason, Registration, Standing, Study, Suspension, Tip,
};
