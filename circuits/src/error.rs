//! The one error enum of this crate.

use thiserror::Error;

/// Why a statement, a value or an encoding was refused.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum Error {
    /// Bytes or text do not decode to the named value.
    #[error("{what} is malformed: {why}")]
    Malformed {
        /// What was being decoded.
        what: &'static str,
        /// What is wrong with it, and what would be right.
        why: String,
    },
    /// A field element is not below the modulus, so it would be a second spelling of a smaller one.
    #[error("{what} is not canonical: encode the field element below the BN254 scalar modulus")]
    NonCanonical {
        /// What was being decoded.
        what: &'static str,
    },
    /// A number is beyond its bound.
    #[error("{what} is {value}; the limit here is {limit}")]
    OutOfRange {
        /// What the number is.
        what: &'static str,
        /// Its value.
        value: u64,
        /// The bound.
        limit: u64,
    },
    /// A committee size that the protocol does not allow.
    #[error("a committee of {threshold} of {members} is refused: {why}; the default is 2 of 4")]
    Quorum {
        /// The threshold `t`.
        threshold: u8,
        /// The number of members `n`.
        members: u8,
        /// The rule it breaks.
        why: &'static str,
    },
    /// A member or a subset that the committee does not have.
    #[error("there is no {what} {index} in a committee of {quorum}: name one counted from 0")]
    OutsideQuorum {
        /// `member` or `subset`.
        what: &'static str,
        /// The index given.
        index: u8,
        /// The committee.
        quorum: crate::quorum::Quorum,
    },
    /// The statement is false: this clause does not hold.
    #[error("the statement does not hold: {clause:?}")]
    Refuted {
        /// The first clause that fails.
        clause: crate::eligibility::Clause,
    },
    /// A proof does not verify, or is not a canonical encoding of one.
    #[error("the proof is refused: {why}")]
    ProofRefused {
        /// Which check failed.
        why: &'static str,
    },
    /// A set-up ceremony's file or contribution breaks a rule.
    #[error("the ceremony's {what} is refused: {why}")]
    Ceremony {
        /// What is refused.
        what: &'static str,
        /// The rule it breaks.
        why: String,
    },
    /// The constraint system or the proving key is broken; not caused by input.
    #[error("proving failed: {why}")]
    Proving {
        /// What the proof system reported.
        why: String,
    },
}
