//! The ledger's state: typed keys and values over ordered bytes, read through a view and changed through a draft.

mod committee;
mod consortium;
mod draft;
mod key;
mod licence;
mod screening;
mod settlement;
mod study;
mod value;

pub use committee::{CommitteeStage, CommitteeState, committee_of};
pub use consortium::{Approvals, EquivocationRecord, Protocol, Upgrade};
pub use draft::{Draft, StateChange, StateView};
pub use key::{StateKey, StateRead, VALUE_BYTES_MAX};
pub use licence::{Access, AccessParty, Dataset, LicenceState, LicenceStatus};
pub use screening::{ResponseAdmission, ResponseState, ResponseStatus, ScreeningState};
pub use settlement::{DepositRecord, Settlement, WithdrawalState, WithdrawalStatus};
pub use study::{Conformance, Outcome, Study, StudyProtocol};
pub use value::{
    Account, Admission, AdmittedPart, ComponentVote, ContributionState, Deadline, EpochSnapshot, LeafChange, Odometer,
    Party, QueryState, QueryStatus, RefundReason, Registration, Standing, Suspension, Tip,
};
