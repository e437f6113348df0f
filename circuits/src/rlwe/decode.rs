//! From a coefficient of a decrypted sum to its slot, and how much noise may remain.

use super::{
    params::{
        CONTRIBUTION_NOISE_MAX, DELTA_BITS, FLOOD_BOUND_LOG2, FLOOD_DEVIATIONS, FLOOD_TERM_BITS, MODULUS_BITS,
        PLAINTEXT_BITS,
    },
    ring::Coefficient,
};

/// A slot and what was left over when it was rounded.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct DecodedSlot {
    /// The plaintext, below 2^24.
    pub value: u32,
    /// The distance to `Δ·value`, in `[-Δ/2, Δ/2)`.
    pub residual: i128,
}

/// Rounds a coefficient of `c0 + c1·s` to the nearest multiple of `Δ`.
#[must_use]
pub const fn decode_slot(coefficient: Coefficient) -> DecodedSlot {
    let value = coefficient.centred();
    let nearest = (value + (1 << (DELTA_BITS - 1))) >> DELTA_BITS;
    let residual = value - (nearest << DELTA_BITS);
    DecodedSlot { value: (nearest & ((1 << PLAINTEXT_BITS) - 1)) as u32, residual }
}

/// The largest residual of a released slot: the worst encryption noise of the contributions, and the floods of the
/// subsets, at most nine standard deviations of their sum or their absolute bound, whichever is smaller.
#[must_use]
pub const fn residual_max(subsets: usize, contributions: u32) -> u128 {
    let subsets = subsets as u128;
    // Sixteen uniforms of 62 bits: variance 16·2^124/12. Twenty extra bits make the integer root precise.
    let deviations_squared = FLOOD_DEVIATIONS * FLOOD_DEVIATIONS * 4 * subsets / 3;
    let statistical = ((deviations_squared << 40).isqrt() + 1) << (FLOOD_TERM_BITS - 20);
    let absolute = subsets << FLOOD_BOUND_LOG2;
    let floods = if statistical < absolute { statistical } else { absolute };
    floods + CONTRIBUTION_NOISE_MAX * contributions as u128
}

const _: () = assert!(MODULUS_BITS == PLAINTEXT_BITS + DELTA_BITS);
const _: () = assert!(
    residual_max(crate::quorum::SUBSETS_MAX, super::params::CONTRIBUTIONS_EXACT_MAX) < 1 << (DELTA_BITS - 1),
    "a residual within its bound always rounds to the right slot"
);
