//! Encryption of contributions: ring learning with errors over `Z_q[X]/(X^4096 + 1)`, `q = 2^93`.
//!
//! A contribution is `c0 = b·u + e0 + Δ·m`, `c1 = a·u + e1` (Lyubashevsky, Peikert, Regev 2010, in the form of
//! BFV, Fan and Vercauteren 2012). Ciphertexts add coefficient by coefficient, and only sums are ever decrypted.
//! Containers and polynomial products are those of tfhe, whose values are aligned to the most
//! significant bit: a residue `v` of `q` is stored as `v · 2^35`, so wrapping `u128` arithmetic is arithmetic mod `q`.

mod accumulate;
mod codec;
mod decode;
mod encrypt;
mod key;
mod opening;
pub mod params;
mod ring;
mod short;
mod xof;

#[cfg(test)]
pub(crate) use encrypt::encrypt_with;

pub use accumulate::{Accumulator, Aggregate};
pub use decode::{DecodedSlot, decode_slot, residual_max};
pub use encrypt::{Ciphertext, EncryptionWitness, Plaintext, encrypt};
pub use key::{KeyEpoch, PublicKey, common_polynomial};
pub use opening::{Quotients, horner};
pub use ring::{Coefficient, RingElement};
pub use short::{ErrorPolynomial, Ternary};
pub use xof::Xof;

#[cfg(test)]
mod tests;
