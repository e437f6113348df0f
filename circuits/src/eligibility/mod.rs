//! The eligibility proof: the holder of one registered record, unnamed and unused in this part of the query, satisfies
//! the public criteria and allows the use.
//!
//! See `docs/protocol/eligibility.md` for the statement and its invariants.

mod circuit;
pub mod export;
pub(crate) mod opening;
mod proof;
mod statement;
#[cfg(test)]
mod tests;

pub use circuit::{CONSTRAINTS, PUBLIC_INPUTS};
pub use proof::{
    EligibilityProof, EligibilityVerifier, PROOF_BYTES, ProvingKey, VerifiedEligibility, VerifyingKey,
    insecure_proving_key_from_seed, prove, relation,
};
pub(crate) use statement::check_implied;
pub use statement::{Clause, EligibilityInstance, EligibilityTerms, EligibilityWitness, ISSUERS_MAX, binding, check};
