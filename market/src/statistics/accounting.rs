//! Privacy accounting with opendp, beside the protocol's own in whole numbers.
//!
//! `circuits::privacy` converts between ρ and ε with Bun and Steinke's bound, which every validator computes alike. The
//! numerical conversion of Canonne, Kamath and Steinke (NeurIPS 2020, proposition 7) is tighter; opendp has it. It tells a
//! reader what a release really keeps, and the tests that the protocol never promises more.

use circuits::privacy::{DELTA, Rho};
use opendp::{combinators::ConcentratedMeasure, measures::ZeroConcentratedDivergence};

/// The least ε at [`DELTA`] that a ρ keeps, by opendp; none when it gives no finite one.
#[must_use]
pub fn tight_epsilon(rho: Rho) -> Option<f64> {
    if rho == Rho::default() {
        return Some(0.0);
    }
    let profile = ZeroConcentratedDivergence::convert(rho.to_f64()).ok()?;
    profile.epsilon(DELTA).ok().filter(|epsilon| epsilon.is_finite())
}

#[cfg(test)]
mod tests {
    use circuits::{
        layout::Layout,
        privacy::{Epsilon, SlotNoise},
    };
    use opendp::{
        domains::{AtomDomain, VectorDomain},
        measurements::make_gaussian,
        metrics::L2Distance,
    };
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn opendp_promises_no_less_than_the_protocol() {
        for milli in [1, 10, 100, 500, 1_000, 3_000, 10_000] {
            let rho = Epsilon::from_milli(milli).rho();
            let (tight, stated) = (tight_epsilon(rho).unwrap(), f64::from(rho.epsilon().milli()) / 1e3);
            // ρ is in whole billionths, which at ε = 0.001 is coarse.
            let least = if milli == 1 { 0.6 } else { 0.7 };
            assert!(tight <= stated && tight > least * stated, "ε {stated}: opendp says {tight}");
        }
        assert_eq!(tight_epsilon(Rho::default()), Some(0.0));
    }

    #[test]
    fn opendp_gives_the_noise_of_a_layout_the_same_rho() {
        for (layout, milli) in [(Layout::count(), 1_000), (Layout::genotypes(0, 0, 64), 2_000)] {
            let rho = Epsilon::from_milli(milli).rho();
            let deviation = SlotNoise::new(&layout, rho, 1, 4).unwrap().variance(0, 1).sqrt();
            let domain = VectorDomain::new(AtomDomain::<i32>::default());
            let gaussian = make_gaussian::<_, _, ZeroConcentratedDivergence>(
                domain,
                L2Distance::<f64>::default(),
                deviation,
                None,
            )
            .unwrap();
            let spent = gaussian.map(&f64::from(layout.sensitivity_squared()).sqrt()).unwrap();
            assert!(spent <= rho.to_f64() * (1.0 + 1e-9) && spent > 0.99 * rho.to_f64(), "{spent} of {rho}");
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(32))]
        #[test]
        fn no_sum_of_losses_is_more_than_it_says(milli in 1u32..3_000, releases in 1u32..30) {
            let rho = (0..releases).fold(Rho::default(), |sum, _| sum.plus(Epsilon::from_milli(milli).rho()));
            prop_assert!(tight_epsilon(rho).unwrap() <= f64::from(rho.epsilon().milli()) / 1e3);
        }
    }
}
