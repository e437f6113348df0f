//! The parameters, and the relations between them that everything else relies on.
//!
//! `docs/adr/0004-parameters.md` has the calculation: core-SVP 2^121 classical and 2^110 quantum, about 2^150 gates. The
//! Homomorphic Encryption Standard allows `log q <= 109` (classical) and `101` (quantum) at this degree.

use ark_bn254::Fr;
use ark_ff::PrimeField;

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

/// The most contributions to a sum that carries privacy noise, which may take it below zero or past its largest value.
pub const CONTRIBUTIONS_NOISY_MAX: u32 = 32_768;
/// `log2` of the largest privacy noise that a slot has room for on either side.
pub const PRIVACY_NOISE_BOUND_LOG2: u32 = 22;

/// A flood is the centred sum of this many uniform integers.
pub const FLOOD_TERMS: usize = 16;
/// Bits of each of them, so the flood has a standard deviation of about 2^62 and magnitude at most 2^65.
pub const FLOOD_TERM_BITS: u32 = 62;
/// `log2` of the largest magnitude of one flood.
pub const FLOOD_BOUND_LOG2: u32 = FLOOD_TERM_BITS - 1 + FLOOD_TERMS.ilog2();
/// Standard deviations of the summed floods that a released slot's residual may reach. Beyond nine, a sum of this
/// many uniforms falls with probability below 2^-60.
pub const FLOOD_DEVIATIONS: u128 = 9;

/// In `b·u + e0 + Δ·m = c0 + q·k + (X^N + 1)·r` over the integers, with centred operands, `k` lies in `[-128, 127]`:
/// its standard deviation is about 15, and who draws another encrypts again.
pub const QUOTIENT_BOUND: i32 = 128;
/// The identities of `c0` and `c1` are checked as one: the first plus 2^108 times the second.
pub const IDENTITY_SHIFT: u32 = 108;

/// The largest encryption noise one contribution adds to a slot, whatever its (bounded) randomness: `u·e` and `e1·s`
/// with `e` and `s` sums over the subsets, and `e0`.
pub(super) const CONTRIBUTION_NOISE_MAX: u128 =
    2 * (RING_DEGREE * SUBSETS_MAX) as u128 * ERROR_BOUND as u128 + ERROR_BOUND as u128;

/// Eighteen times the variance of the encryption noise that one honest contribution adds to a slot: `u·e` and `e1·s` have
/// `N` terms for each subset, ternary coefficients have variance 2/3, and TUniform(b) has (2^(2b+1) + 1)/6.
pub(super) const fn contribution_noise_variance_18(subsets: usize) -> u128 {
    (4 * RING_DEGREE * subsets + 3) as u128 * ((2 << (2 * ERROR_BOUND_LOG2)) + 1)
}

/// Whether floods leak less than 2^-`bits` nats of a shift with this squared length: squared length over twice a flood's
/// variance, `FLOOD_TERMS·4^FLOOD_TERM_BITS/12`.
const fn leak_is_below(squared_length: u128, bits: u32) -> bool {
    12 * squared_length < (2 * FLOOD_TERMS as u128) << (2 * FLOOD_TERM_BITS - bits)
}

/// The largest coefficient of `b·u + e0 + Δ·m − c0 − q·k`, reduced by `X^N + 1`, for operands within their bounds.
const IDENTITY_MAX: u128 = ((RING_DEGREE as u128) << (MODULUS_BITS - 1))
    + ERROR_BOUND as u128
    + ((SLOT_DIGIT_MAX as u128) << DELTA_BITS)
    + (1 << (MODULUS_BITS - 1))
    + ((QUOTIENT_BOUND as u128) << MODULUS_BITS);

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
// The Homomorphic Encryption Standard's limits for this degree and ternary secrets at 128 bits: 109, or 101 against
// quantum computers.
const _: () = assert!(RING_DEGREE == 4096 && MODULUS_BITS <= 101);
// What a release leaks of the encryption noise that rides on it: of honest noise on average, of any noise at all.
const _: () = assert!(leak_is_below(
    RING_DEGREE as u128 * CONTRIBUTIONS_EXACT_MAX as u128 * contribution_noise_variance_18(SUBSETS_MAX) / 18,
    70
));
const _: () =
    assert!(leak_is_below(RING_DEGREE as u128 * (CONTRIBUTION_NOISE_MAX * CONTRIBUTIONS_EXACT_MAX as u128).pow(2), 35));
// With privacy noise of either sign, slots still fit a window as wide as the plaintext modulus.
const _: () = assert!(
    CONTRIBUTIONS_NOISY_MAX as u64 * SLOT_DIGIT_MAX as u64 + (2 << PRIVACY_NOISE_BOUND_LOG2) < 1 << PLAINTEXT_BITS
);
// If both identities' sum vanishes in the field, each vanishes over the integers: the first cannot reach the second's
// place, and both together stay below half the field's modulus, which has this many bits.
const _: () = assert!(IDENTITY_MAX < 1 << (IDENTITY_SHIFT - 1));
const _: () = assert!(2 * IDENTITY_SHIFT < Fr::MODULUS_BIT_SIZE - 2);
// A quotient's variance is N/18, so its range is eight deviations wide on either side.
const _: () = assert!(8 * 8 * RING_DEGREE < 18 * (QUOTIENT_BOUND * QUOTIENT_BOUND) as usize);
