//! The committee that holds the decryption key: its generation, the components of a release, and their combination.
//!
//! Everything here is a pure function of its inputs; what carries messages between members, and which facts are
//! required on the ledger before a member releases anything, is decided elsewhere.

pub mod access;
mod combine;
mod component;
mod flood;
pub mod key;
mod keygen;
pub mod local;
pub mod member;
mod member_key;
mod noise;
mod session;
pub mod testing;

pub use combine::{SumBounds, combine};
pub use component::{
    COMPONENT_BYTES_MAX, Component, ReleaseContext, SEALED_COMPONENT_BYTES_MAX, SealedComponent, component,
    open_component, sealed_components,
};
pub use keygen::{Complaint, ComplaintReason, Dealer, KeyGenerationOutcome, Receiver};
pub use member_key::{MemberKey, PrfKey, SubsetSecret};
pub use session::{Commitments, SealedSecret, Session, ShareCommitment, ShareReveal, joint_public_key};

#[cfg(test)]
mod tests;
