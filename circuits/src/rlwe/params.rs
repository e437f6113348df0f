//! The parameters, and the relations between them that everything else relies on.
//!
//! lattice-estimator on (4096, 2^93, ternary, TUniform(3)): MATZOV 2^149, core-SVP 2^121 classical and 2^110 quantum.
//! The Homomorphic Encryption Standard allows `log q <= 109` (classical) and `101` (quantum) at this degree.

use crate::quorum::SUBSETS_MAX;

/// `N`: coefficients of a ring element.
pub const RING_DEGREE: usize = 4096;
/// `log2 q`.
pub const MODULUS_BITS: u32 = 93;
/// `log2` of the plaintext modulus.
pub const PLAINTEXT_BITS: u32 = 24;
/// `log2 Δ`, where `Δ = q / plaintext modulus`.
pub const DELTA_BITS: u32 = MODULUS_BITS - PLAINTEXT_BITS;
/// Slots that a layout may use, from slot 0.
pub const LAYOUT_SLOTS: usize = RING_DEGREE - CONTROL_SLOTS;
/// Slots above the layout's: always zero, so that a wrong sum shows.
pub const CONTROL_SLOTS: usize = 64;
/// Errors are TUniform(3): uniform in `[-8, 8]` with the two ends at half weight.
pub const ERROR_BOUND_LOG2: u32 = 3;
/// The largest absolute value of an error coefficient.
pub const ERROR_BOUND: i8 = 1 << ERROR_BOUND_LOG2;

/// Bytes of a packed coefficient, little-endian.
pub const COEFFICIENT_BYTES: usize = 12;
/// High bits of a packed coefficient that are zero in the one canonical form.
pub const SPARE_BITS: u32 = 8 * COEFFICIENT_BYTES as u32 - MODULUS_BITS;
/// Bytes of a packed ring element.
pub const POLYNOMIAL_BYTES: usize = RING_DEGREE * COEFFICIENT_BYTES;
/// Bytes of a packed ciphertext or aggregate: `c0`, then `c1`.
pub const CIPHERTEXT_BYTES: usize = 2 * POLYNOMIAL_BYTES;

/// The most contributions whose sum is exact.
pub const CONTRIBUTIONS_EXACT_MAX: u32 = 65_536;
/// The largest value one contribution puts into a slot: a base-256 digit.
pub const SLOT_DIGIT_MAX: u32 = 255;

/// A flood is the centred sum of this many uniform integers.
pub const FLOOD_TERMS: usize = 16;
/// Bits of each of them, so the flood has a standard deviation of about 2^62 and magnitude at most 2^65.
pub const FLOOD_TERM_BITS: u32 = 62;
/// `log2` of the largest magnitude of one flood.
pub const FLOOD_BOUND_LOG2: u32 = FLOOD_TERM_BITS - 1 + FLOOD_TERMS.ilog2();
/// Standard deviations of the summed floods that a released slot's residual may reach. Beyond nine, a sum of this
/// many uniforms falls with probability below 2^-60.
pub const FLOOD_DEVIATIONS: u128 = 9;

/// The largest encryption noise one contribution adds to a slot, whatever its (bounded) randomness: `u·e` and `e1·s`
/// with `e` and `s` sums over the subsets, and `e0`.
pub(super) const CONTRIBUTION_NOISE_MAX: u128 =
    2 * (RING_DEGREE * SUBSETS_MAX) as u128 * ERROR_BOUND as u128 + ERROR_BOUND as u128;

/// How far a residue is shifted in tfhe's containers.
pub(super) const ALIGNMENT_BITS: u32 = u128::BITS - MODULUS_BITS;

const _: () = assert!(RING_DEGREE.is_power_of_two());
const _: () = assert!(LAYOUT_SLOTS == 4032 && DELTA_BITS == 69 && SPARE_BITS == 3);
const _: () = assert!(CIPHERTEXT_BYTES == 98_304);
const _: () = assert!(FLOOD_TERMS.is_power_of_two() && FLOOD_BOUND_LOG2 == 65);
// A full slot of every contribution stays below the plaintext modulus.
const _: () = assert!((CONTRIBUTIONS_EXACT_MAX as u64 * SLOT_DIGIT_MAX as u64) < 1 << PLAINTEXT_BITS);
// Nine deviations of 36 floods (each of variance 4/3·2^124) and the worst encryption noise stay below Δ/2 = 2^68:
// 9²·(4/3)·36 < 64², and the noise fills less than a hundredth of the gap.
const _: () = assert!(FLOOD_DEVIATIONS * FLOOD_DEVIATIONS * 4 * (SUBSETS_MAX as u128) < 3 * 64 * 64);
const _: () = assert!(CONTRIBUTION_NOISE_MAX * (CONTRIBUTIONS_EXACT_MAX as u128) < 1 << (DELTA_BITS - 1 - 20));
