//! Privacy noise: what every holder of a subset adds to its component's slots, alike.
//!
//! A slot's noise is a discrete Gaussian drawn by `prio` (the exact sampler of Canonne, Kamath, Steinke, NeurIPS 2020)
//! from a ChaCha20 keystream of its own: the seed is derived as a flood's, under another purpose, and the slot's number
//! is the stream. So a retry or another quorum gives the same noise, whichever slots are read. The sampler rejects, so
//! its time depends on the noise; members draw once for each sum and hand nothing out before the release.

use circuits::{
    privacy::{DEVIATION_UNIT, SlotNoise},
    rlwe::{Coefficient, params::DELTA_BITS},
};
use prio::dp::{Rational, distributions::DiscreteGaussian};
use rand::{SeedableRng, distr::Distribution};
use rand_chacha::ChaCha20Rng;
use zeroize::Zeroizing;

use super::{flood::derive, member_key::PrfKey};
use crate::Error;

/// The purpose of the derivation; no two purposes share a stream.
const NOISE: &[u8] = b"noise";

/// The noise of one component.
pub(super) struct SlotNoises<'n> {
    seed: Zeroizing<[u8; 32]>,
    noise: &'n SlotNoise,
}

impl<'n> SlotNoises<'n> {
    /// The noise of the component with this name.
    pub(super) fn new(key: &PrfKey, name: &[&[u8]], noise: &'n SlotNoise) -> Self {
        Self { seed: derive(key, NOISE, name), noise }
    }

    /// The noise of a layout slot, a multiple of Δ.
    ///
    /// # Errors
    /// [`Error::Statistics`] when it is beyond any coefficient, which has no chance to happen.
    pub(super) fn at(&self, slot: usize) -> Result<Coefficient, Error> {
        let refuse = |why: String| Error::Statistics { what: "the privacy noise of a slot", why };
        let deviation = self.noise.deviation(slot);
        if deviation == 0 {
            return Ok(Coefficient::default());
        }
        let deviation =
            Rational::from_unsigned(deviation, DEVIATION_UNIT).map_err(|error| refuse(error.to_string()))?;
        let gaussian = DiscreteGaussian::new(deviation).map_err(|error| refuse(error.to_string()))?;
        let mut rng = ChaCha20Rng::from_seed(*self.seed);
        rng.set_stream(slot as u64);
        let drawn = i64::try_from(gaussian.sample(&mut rng)).map_err(|error| refuse(error.to_string()))?;
        Ok(Coefficient::from_integer(i128::from(drawn) << DELTA_BITS))
    }
}

#[cfg(test)]
mod tests {
    use circuits::{
        layout::{Axis, Layout},
        privacy::Epsilon,
    };

    use super::*;

    /// Noise of 4,000 alike slots.
    fn noise(epsilon_milli: u32) -> SlotNoise {
        let axes = vec![Axis::Bins { attribute: 0, lo: 0, width: 1, count: 4_000 }];
        let rho = Epsilon::from_milli(epsilon_milli).rho();
        SlotNoise::new(&Layout { axes, ..Layout::count() }, rho, 1, 4).unwrap()
    }

    fn draws(key: u8, noise: &SlotNoise, slots: usize) -> Vec<i64> {
        let key = PrfKey::from_bytes([key; 32]);
        let noises = SlotNoises::new(&key, &[b"name", &[1]], noise);
        let value = |slot| i64::try_from(noises.at(slot).unwrap().centred() >> DELTA_BITS).unwrap();
        (0..slots).map(value).collect()
    }

    #[test]
    fn the_derivation_is_pinned() {
        // Computed apart from this code, by `tests/reference/noise.py`. A change of the sampler, the stream or the seed would
        // make members disagree and old releases unverifiable.
        assert_eq!(draws(3, &noise(1_000), 12), [0, 12, -6, -2, 1, 7, -5, -16, 3, 7, -3, 7]);
    }

    #[test]
    fn noise_is_drawn_once_for_each_slot_key_and_name() {
        let noise = noise(1_000);
        assert_eq!(draws(3, &noise, 50), draws(3, &noise, 50));
        assert_ne!(draws(3, &noise, 50), draws(4, &noise, 50));
        let (one, other) = (PrfKey::from_bytes([3; 32]), PrfKey::from_bytes([3; 32]));
        let [one, other] = [(&one, [1]), (&other, [2])].map(|(key, subset)| {
            let noises = SlotNoises::new(key, &[b"name", &subset], &noise);
            (0..50).map(|slot| noises.at(slot).unwrap()).collect::<Vec<_>>()
        });
        assert_ne!(one, other);
    }
}
