mod circuit;
mod phase2;
mod powers;
mod ptau;

use ark_bn254::{Fq2, G2Affine};
use ark_ec::{AffineRepr, CurveGroup};
use rand::{SeedableRng, rngs::StdRng};

use super::*;

fn rng() -> StdRng {
    StdRng::seed_from_u64(1)
}

fn name(text: &str) -> ContributorName {
    text.parse().unwrap()
}

/// A point of the second curve that is not in the subgroup of prime order.
fn outside_the_subgroup() -> G2Affine {
    let on_curve = (0u64..).find_map(|x| G2Affine::get_point_from_x_unchecked(Fq2::from(x), false)).unwrap();
    assert!(!on_curve.is_in_correct_subgroup_assuming_on_curve());
    on_curve
}

/// The file with the point at `place` moved by a generator.
fn moved<G: AffineRepr>(bytes: &[u8], place: usize) -> Vec<u8> {
    let size = G::zero().uncompressed_size();
    let point = G::deserialize_uncompressed(&bytes[place..place + size]).unwrap();
    let mut changed = bytes.to_vec();
    (point + G::generator()).into_affine().serialize_uncompressed(&mut changed[place..place + size]).unwrap();
    changed
}
