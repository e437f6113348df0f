//! Two-round Groth16 over BN254: commit to part of the witness, draw a challenge, then prove.
//!
//! Source: Kosba, Papadopoulos, Papamanthou, Song, *MIRAGE*, USENIX Security 2020, section 4 (compare Campanelli, Fiore,
//! Querol, *LegoSNARK*, CCS 2019, and Belling, Soleimanian, Bégassat, ePrint 2022/1072), over Groth, EUROCRYPT 2016.
//! A second trapdoor κ divides the key elements of the committed witnesses: with them alone
//! `D = Σ wᵢ·ckᵢ + v·[δ]₁` is computed before the challenge is known; the proof is `A, B, C` over the rest, `C` less
//! `v·[κ]₁`; and `e(A, B) = e(α, β) · e(IC, γ) · e(D, κ) · e(C, δ)` holds. The equations, the argument and its
//! assumptions are on `docs/protocol/groth16.md`.

mod key;
mod product;
mod proof;
mod prover;
mod relation;
mod setup;
mod side_by_side;
#[cfg(test)]
mod tests;
mod verifier;

pub(crate) use key::{EncodedKey, altered_key, verifying_key_forms};
pub use key::{KeyOrigin, ProvingPoints, VerifyingKeyId, VerifyingPoints};
pub use proof::{PROOF_BYTES, Proof, ProofBytes};
pub use prover::{Commitment, commit, prove};
pub use relation::Relation;
pub use setup::insecure_points_from_seed;
pub use side_by_side::side_by_side;
pub(crate) use verifier::{FoldedInputs, check_divisors, factors};
pub use verifier::{PreparedKey, Statement};
