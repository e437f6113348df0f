//! Differential privacy in whole numbers: from a privacy loss to the noise of each slot, the same on every machine.
//!
//! A release is ρ-zCDP (Bun and Steinke, *Concentrated differential privacy*, TCC 2016): a discrete Gaussian of variance
//! σ² on a whole number that one record moves by at most `d` costs `d²/2σ²` (Canonne, Kamath, Steinke, NeurIPS 2020,
//! theorem 4), and losses add up. Consents and queries speak of (ε, δ) at one [`DELTA`] for the whole protocol;
//! `ε = ρ + 2·√(ρ·ln(1/δ))` (Bun and Steinke, proposition 1.3) joins the two. What a release protects, and why the
//! sensitivities hold, is on `docs/protocol/privacy.md`.

use std::fmt;

use borsh::{BorshDeserialize, BorshSerialize};
use serde::{Deserialize, Serialize};

use crate::{Error, layout::Layout, rlwe::params::PRIVACY_NOISE_BOUND_LOG2};

/// δ of every (ε, δ): far below one over the number of contributions.
pub const DELTA: f64 = 1e-9;
/// ln(1/δ) = ln 10⁹, in billionths, rounded up so that ε is never understated.
const LN_INVERSE_DELTA: u128 = 20_723_265_837;
/// Deviations are multiples of one over this.
pub const DEVIATION_UNIT: u64 = 1 << 10;
/// The largest ε of a query, in thousandths: beyond it noise protects nobody.
pub const EPSILON_MILLI_MAX: u32 = 100_000;

const BILLION: u128 = 1_000_000_000;

/// A privacy loss ε at [`DELTA`], in thousandths.
#[derive(
    Debug,
    Clone,
    Copy,
    PartialEq,
    Eq,
    PartialOrd,
    Ord,
    Default,
    BorshSerialize,
    BorshDeserialize,
    Serialize,
    Deserialize,
)]
#[serde(transparent)]
pub struct Epsilon(u32);

impl Epsilon {
    /// ε in thousandths.
    #[must_use]
    pub const fn from_milli(milli: u32) -> Self {
        Self(milli)
    }

    /// In thousandths.
    #[must_use]
    pub const fn milli(self) -> u32 {
        self.0
    }

    /// The largest ρ for which every release is (ε, δ)-differentially private: the ρ that a query of this ε spends.
    #[must_use]
    pub const fn rho(self) -> Rho {
        let epsilon = self.0 as u128 * (BILLION / 1_000);
        // ρ + 2√(ρL) grows with ρ, so the largest is found by halving.
        let (mut lo, mut hi) = (0, epsilon);
        while lo < hi {
            let middle = lo + (hi - lo).div_ceil(2);
            if is_within(middle, epsilon) { lo = middle } else { hi = middle - 1 }
        }
        Rho(lo as u64)
    }
}

/// Whether `ρ + 2·√(ρ·L) ≤ ε`, all in billionths.
const fn is_within(rho: u128, epsilon: u128) -> bool {
    rho <= epsilon && (epsilon - rho) * (epsilon - rho) >= 4 * rho * LN_INVERSE_DELTA
}

impl fmt::Display for Epsilon {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", f64::from(self.0) / 1_000.0)
    }
}

/// A privacy loss ρ of zero-concentrated differential privacy, in billionths. Losses of releases add up.
#[derive(
    Debug,
    Clone,
    Copy,
    PartialEq,
    Eq,
    PartialOrd,
    Ord,
    Default,
    BorshSerialize,
    BorshDeserialize,
    Serialize,
    Deserialize,
)]
#[serde(transparent)]
pub struct Rho(u64);

impl Rho {
    /// In billionths.
    #[must_use]
    pub const fn billionths(self) -> u64 {
        self.0
    }

    /// As a number.
    #[must_use]
    #[allow(clippy::cast_precision_loss, reason = "for people, not for noise")]
    pub const fn to_f64(self) -> f64 {
        self.0 as f64 / 1e9
    }

    /// The loss of both releases together; saturating, which no sum of real queries reaches.
    #[must_use]
    pub const fn plus(self, other: Self) -> Self {
        Self(self.0.saturating_add(other.0))
    }

    /// The least ε, in thousandths and rounded up, that all these releases together keep.
    #[must_use]
    pub fn epsilon(self) -> Epsilon {
        let rho = u128::from(self.0);
        // ρ + 2√(ρL), the root rounded up.
        let square = 4 * rho * LN_INVERSE_DELTA;
        let root = square.isqrt();
        let billionths = rho + root + u128::from(root * root < square);
        Epsilon(u32::try_from(billionths.div_ceil(BILLION / 1_000)).unwrap_or(u32::MAX))
    }
}

impl fmt::Display for Rho {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.to_f64())
    }
}

/// The standard deviation of the noise that one component adds to each slot of a part.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SlotNoise {
    /// For each slot of one cell in units of 1/[`DEVIATION_UNIT`]; 0 for a slot that is always zero.
    deviations: Vec<u64>,
}

impl SlotNoise {
    /// The noise with which one part of a query of `parts` parts is released, each part taking its share of ρ.
    ///
    /// Every slot is divided by its largest value, and the noise is alike in those units: each sum is as precise as the
    /// others, relative to its range.
    ///
    /// # Errors
    /// [`Error::OutOfRange`] for ρ = 0, which no noise gives, and for noise that with `subsets` components could leave the
    /// slots' window: `8σ√L` above 2²².
    pub fn new(layout: &Layout, rho: Rho, parts: usize, subsets: usize) -> Result<Self, Error> {
        let squared = u128::from(layout.sensitivity_squared()) * parts as u128 * BILLION;
        let unit_squared = u128::from(DEVIATION_UNIT * DEVIATION_UNIT);
        // σ² = sensitivity²·parts/2ρ, in squared units, and its root, each rounded up.
        let variance = (squared * unit_squared).checked_div(2 * u128::from(rho.0)).map_or(u128::MAX, |floor| floor + 1);
        let deviation = variance.isqrt() + 1;
        let deviations: Vec<u128> =
            layout.slot_maxima().iter().map(|maximum| deviation.saturating_mul((*maximum).into())).collect();
        let widest = deviations.iter().copied().max().unwrap_or_default();
        let bound = unit_squared << (2 * PRIVACY_NOISE_BOUND_LOG2);
        if widest.saturating_mul(widest).saturating_mul(64 * subsets as u128) > bound {
            let value = u64::try_from(widest / u128::from(DEVIATION_UNIT)).unwrap_or(u64::MAX);
            let limit = deviation_max(subsets);
            return Err(Error::OutOfRange { what: "privacy noise of a slot", value, limit });
        }
        Ok(Self { deviations: deviations.into_iter().map(|deviation| deviation as u64).collect() })
    }

    /// The deviation of a layout slot's noise, in units of 1/[`DEVIATION_UNIT`]: the same in every cell.
    #[must_use]
    pub fn deviation(&self, slot: usize) -> u64 {
        slot.checked_rem(self.deviations.len())
            .and_then(|place| self.deviations.get(place))
            .copied()
            .unwrap_or_default()
    }

    /// The variance of a layout slot's noise after `subsets` components were added.
    #[must_use]
    #[allow(clippy::cast_precision_loss, reason = "deviations are below 2^53")]
    pub fn variance(&self, slot: usize, subsets: usize) -> f64 {
        let deviation = self.deviation(slot) as f64 / DEVIATION_UNIT as f64;
        deviation * deviation * subsets as f64
    }
}

/// The widest deviation whose noise stays in the slots' window.
fn deviation_max(subsets: usize) -> u64 {
    let squared = (1u64 << (2 * PRIVACY_NOISE_BOUND_LOG2)).checked_div(64 * subsets as u64);
    squared.map_or(0, u64::isqrt)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::layout::{Axis, Moment, Statistic};

    #[test]
    fn rho_of_an_epsilon_is_the_root_of_the_conversion() {
        // (√(L + ε) − √L)², computed apart: ε = 1 and 0.1.
        for (milli, expected) in [(1_000, 0.011_781_16), (100, 0.000_120_347), (10_000, 0.981_240_42)] {
            let rho = Epsilon::from_milli(milli).rho().to_f64();
            assert!((rho / expected - 1.0).abs() < 1e-4, "{milli}: {rho}");
        }
        assert_eq!(Epsilon::default().rho(), Rho::default());
        assert_eq!(Rho::default().epsilon(), Epsilon::default());
    }

    #[test]
    fn the_noise_of_a_count_is_that_of_its_rho() {
        let epsilon = Epsilon::from_milli(1_000);
        let layout = Layout::count();
        let noise = SlotNoise::new(&layout, epsilon.rho(), 1, 3).unwrap();
        let expected = 1.0 / (2.0 * epsilon.rho().to_f64());
        assert!((noise.variance(0, 1) / expected - 1.0).abs() < 1e-3);
        assert!(noise.variance(0, 1) >= expected, "rounded towards more noise");
        assert!((noise.variance(0, 3) / noise.variance(0, 1) - 3.0).abs() < 1e-12);
        let grouped = Layout { axes: vec![Axis::Dosage { variant: 0 }], ..layout };
        let grouped = SlotNoise::new(&grouped, epsilon.rho(), 1, 3).unwrap();
        assert!((grouped.variance(2, 1) / noise.variance(0, 1) - 2.0).abs() < 1e-3, "two cells change");
    }

    #[test]
    fn noise_is_wide_where_values_are() {
        let moment = Moment { attribute: 0, lo: 0, hi: 120 };
        let layout = Layout { statistic: Statistic::Moments { attributes: vec![moment] }, ..Layout::count() };
        let noise = SlotNoise::new(&layout, Epsilon::from_milli(10_000).rho(), 1, 3).unwrap();
        let unit = noise.deviation(0);
        let factors: Vec<u64> = (0..7).map(|slot| noise.deviation(slot) / unit).collect();
        assert_eq!(factors, [1, 120, 0, 255, 56, 0, 0]);
    }

    #[test]
    fn noise_that_could_leave_its_window_is_refused() {
        let moments = (0..16).map(|attribute| Moment { attribute, lo: 0, hi: 65_535 }).collect();
        let layout = Layout { statistic: Statistic::Moments { attributes: moments }, ..Layout::count() };
        let refused = SlotNoise::new(&layout, Epsilon::from_milli(10).rho(), 8, 36);
        assert!(matches!(refused, Err(Error::OutOfRange { what: "privacy noise of a slot", .. })), "{refused:?}");
        assert!(SlotNoise::new(&Layout::count(), Rho::default(), 1, 3).is_err(), "no loss at all");
    }

    proptest! {
        #[test]
        fn a_query_never_spends_more_than_it_says(milli in 0..=EPSILON_MILLI_MAX) {
            let epsilon = Epsilon::from_milli(milli);
            prop_assert!(epsilon.rho().epsilon() <= Epsilon::from_milli(milli + 1));
            let rho = epsilon.rho().to_f64();
            prop_assert!(rho + 2.0 * (rho * 1e9f64.ln()).sqrt() <= f64::from(milli) / 1e3 + 1e-9);
        }

        #[test]
        fn losses_that_add_up_are_below_the_sum_of_their_epsilons(milli in 1u32..2_000, count in 2u32..50) {
            let rho = Epsilon::from_milli(milli).rho();
            let together = (0..count).fold(Rho::default(), |sum, _| sum.plus(rho));
            prop_assert!(together.epsilon().milli() <= milli * count + 1);
        }
    }
}
