//! The set-up ceremony: keys that are sound if one contributor of each phase was honest.
//!
//! Phase 1 makes powers of a secret τ for circuits up to a size ([`Powers`]), from nothing or on top of a `.ptau` file
//! ([`read_ptau`]). Each contributor multiplies τ, α and β by factors that they forget. Phase 2 turns the powers into one
//! circuit's key and goes round again for δ and κ. Every contribution proves knowledge of its factors, bound to
//! everything before it. See `docs/protocol/ceremony.md` for the invariants, the argument and its sources.

mod check;
mod contribution;
mod phase2;
mod points;
mod powers;
mod ptau;
mod qap;
#[cfg(test)]
mod tests;
mod transcript;

pub use contribution::{Beacon, Contributor, ContributorName};
pub use phase2::{CeremonyKey, CircuitKey, UnverifiedCircuitKey};
pub use powers::{Base, Powers, UnverifiedPowers};
pub use ptau::read_ptau;

/// The largest circuit's domain, as a power of two: 2^20 rows take 400 MB of powers.
pub const LOG2_SIZE_MAX: u8 = 20;
/// The most contributions to one phase.
pub const CONTRIBUTIONS_MAX: usize = 1_024;
/// The longest name of a contributor.
pub const NAME_BYTES_MAX: usize = 128;
/// The longest value of a beacon.
pub const BEACON_BYTES_MAX: usize = 128;
/// The most hash iterations of a beacon, as a power of two: some minutes, which every verifier spends too.
pub const BEACON_LOG2_ITERATIONS_MAX: u8 = 32;
