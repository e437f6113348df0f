//! The certified contribution: a ciphertext encrypts exactly what a registered record and the query's layout imply,
//! and the record's holder, unnamed and unused in this part of the query, satisfies the public criteria and allows the
//! use. Who does not match the match criteria proves that the ciphertext encrypts zero; nobody sees which it is.
//!
//! See `docs/protocol/contribution.md` for the statement and its invariants.

mod axes;
mod ciphertext;
mod circuit;
mod committed;
mod criteria;
mod genotypes;
mod inputs;
mod lookup;
mod moments;
mod proof;
mod statement;
#[cfg(test)]
mod tests;
mod transcript;

pub use circuit::CONSTRAINTS;
pub use inputs::PUBLIC_INPUTS;
pub use proof::{
    CONTRIBUTION_BYTES, ContributionVerifier, ProvingKey, UnverifiedContribution, VerifiedContribution, VerifyingKey,
    insecure_proving_key_from_seed, prove, relation,
};
pub use statement::{ContributionStatement, ContributionTerms, ContributionWitness, Opening, check};
pub use transcript::{Challenges, Transcript};
