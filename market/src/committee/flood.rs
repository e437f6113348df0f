//! What every holder of a subset derives alike from its PRF key: floods, and the randomness of sealing.
//!
//! A seed is SHAKE256 over the tag, `k_A` and everything that names a component. The floods are the ChaCha20
//! keystream (zero nonce, 64-bit counter) under that seed: slot `i` takes bytes `128·i .. 128·(i + 1)`, sixteen
//! little-endian 64-bit words without their two low bits. Their sum less `16·2^61` is the flood. Reading the
//! stream takes the same time whatever it holds.

use circuits::{
    domain::ByteTag,
    rlwe::{
        Coefficient, Xof,
        params::{FLOOD_TERM_BITS, FLOOD_TERMS},
    },
};
use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha20Rng;
use zeroize::Zeroizing;

use super::member_key::PrfKey;
use crate::sealing::SEALING_RANDOMNESS_BYTES;

/// Keystream words (of 32 bits) that one slot takes.
const WORDS_PER_SLOT: u128 = 2 * FLOOD_TERMS as u128;

/// What a derivation is for; no two purposes share a stream.
const FLOOD: &[u8] = b"flood";
const SEALING: &[u8] = b"sealing";

/// The seed of a component's stream for a purpose.
pub(super) fn derive(key: &PrfKey, purpose: &[u8], name: &[&[u8]]) -> Zeroizing<[u8; 32]> {
    let mut seed = Zeroizing::new([0; 32]);
    fill(key, purpose, name, seed.as_mut());
    seed
}

fn fill(key: &PrfKey, purpose: &[u8], name: &[&[u8]], bytes: &mut [u8]) {
    let head: [&[u8]; 2] = [key.as_bytes(), purpose];
    let parts: Vec<&[u8]> = head.into_iter().chain(name.iter().copied()).collect();
    Xof::new(ByteTag::ComponentPrf, &parts).fill(bytes);
}

/// The floods of one component.
pub(super) struct Floods(ChaCha20Rng);

impl Floods {
    /// The floods of the component with this name.
    pub(super) fn new(key: &PrfKey, name: &[&[u8]]) -> Self {
        Self(ChaCha20Rng::from_seed(*derive(key, FLOOD, name)))
    }

    /// The flood of a slot.
    pub(super) fn at(&mut self, slot: usize) -> Coefficient {
        self.0.set_word_pos(slot as u128 * WORDS_PER_SLOT);
        let term = |_| i128::from(self.0.next_u64() >> (u64::BITS - FLOOD_TERM_BITS));
        let sum: i128 = (0..FLOOD_TERMS).map(term).sum();
        Coefficient::from_integer(sum - ((FLOOD_TERMS as i128) << (FLOOD_TERM_BITS - 1)))
    }
}

/// The randomness that seals the component with this name. The name ends with the component's own digest and its
/// reader, so that two different messages never share a key stream.
pub(super) fn sealing_randomness(key: &PrfKey, name: &[&[u8]]) -> Zeroizing<[u8; SEALING_RANDOMNESS_BYTES]> {
    let mut bytes = Zeroizing::new([0; SEALING_RANDOMNESS_BYTES]);
    fill(key, SEALING, name, bytes.as_mut());
    bytes
}

#[cfg(test)]
mod tests {
    use super::*;

    fn floods() -> Floods {
        Floods::new(&PrfKey::from_bytes([3; 32]), &[b"name", &[1]])
    }

    #[test]
    fn a_slots_flood_does_not_depend_on_which_slots_are_read() {
        let (mut all, mut some) = (floods(), floods());
        let every: Vec<_> = (0..4096).map(|slot| all.at(slot)).collect();
        for slot in [4095, 0, 17, 16, 4032] {
            assert_eq!(some.at(slot), every[slot]);
        }
    }

    #[test]
    fn floods_are_centred_bounded_and_as_wide_as_stated() {
        let mut floods = floods();
        let draws: Vec<f64> = (0..4096).map(|slot| floods.at(slot).centred() as f64 / 2f64.powi(62)).collect();
        assert!(draws.iter().all(|draw| draw.abs() <= 8.0));
        let mean = draws.iter().sum::<f64>() / 4096.0;
        let variance = draws.iter().map(|draw| draw * draw).sum::<f64>() / 4096.0;
        assert!(mean.abs() < 0.1, "{mean}");
        assert!((variance - 4.0 / 3.0).abs() < 0.15, "{variance}");
    }

    #[test]
    fn the_derivation_is_pinned() {
        let mut floods = floods();
        let pinned = [0, 1, 4095].map(|slot| floods.at(slot).centred());
        // Computed apart from this code, from FIPS 202 and RFC 8439.
        assert_eq!(pinned, [-1_935_617_323_387_895_293, 3_796_360_914_525_629_365, -1_772_033_518_661_640_467]);
        let randomness = sealing_randomness(&PrfKey::from_bytes([3; 32]), &[b"name", &[1]]);
        assert_eq!(hex::encode(&randomness[..16]), "78cb1291e0640bcca5cd982e810f9c1d");
    }
}
