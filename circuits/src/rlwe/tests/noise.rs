//! The budget of `docs/adr/0004-parameters.md` against real encryptions. The seeds are fixed, so nothing here is flaky.

use super::*;
use crate::{quorum::SUBSETS_MAX, rlwe::params::contribution_noise_variance_18};

/// A committee's key with the shares of all its subsets.
fn shared_key(subsets: usize, rng: &mut StdRng) -> (Vec<Ternary>, PublicKey) {
    let shares: Vec<_> = (0..subsets).map(|_| key_pair(rng)).collect();
    let b = shares.iter().fold(RingElement::zero(), |sum, (_, share)| sum.plus(share.b()));
    (shares.into_iter().map(|(secret, _)| secret).collect(), PublicKey::new(chain(), KeyEpoch::new(0), b))
}

/// What is left of a ciphertext of zeros.
fn noise(secrets: &[Ternary], ciphertext: Ciphertext) -> Vec<f64> {
    let aggregate = sum(&[ciphertext], 1);
    let c1 = aggregate.c1();
    let masks = secrets.iter().fold(RingElement::zero(), |sum, secret| sum.plus(&c1.times(secret)));
    aggregate.c0().zip(masks.coefficients()).map(|(c0, c)| c0.plus(c).centred() as f64).collect()
}

/// The mean and the variance of a sample.
fn moments(sample: &[f64]) -> (f64, f64) {
    let mean = sample.iter().sum::<f64>() / sample.len() as f64;
    (mean, sample.iter().map(|x| (x - mean).powi(2)).sum::<f64>() / sample.len() as f64)
}

#[test]
fn encryption_noise_has_the_variance_that_the_budget_counts() {
    let mut rng = StdRng::seed_from_u64(41);
    let zero = Plaintext::new(vec![]).unwrap();
    for subsets in [1, 4] {
        let (secrets, key) = shared_key(subsets, &mut rng);
        let sample: Vec<f64> = (0..8).flat_map(|_| noise(&secrets, encrypt(&key, &zero, &mut rng).0)).collect();
        let expected = contribution_noise_variance_18(subsets) as f64 / 18.0;
        let (mean, variance) = moments(&sample);
        // The key's own squared length varies by 2.2 %, that of the products' spectra over eight encryptions by 1.1 %:
        // together about 1.7 % for a sum of two products, of which this allows six.
        assert!((variance / expected - 1.0).abs() < 0.1, "{subsets} subsets: {variance}, expected {expected}");
        assert!(mean.abs() < 6.0 * (expected / sample.len() as f64).sqrt(), "{subsets} subsets: mean {mean}");
    }
}

#[test]
fn randomness_at_its_bounds_reaches_the_worst_noise_and_no_more() {
    let constant = |value| RingElement::from_aligned(vec![Coefficient::from_integer(value).aligned(); RING_DEGREE]);
    let ones: Ternary = borsh::from_slice(&[0b0101_0101; RING_DEGREE / 4]).unwrap();
    // All of u 1 and of e1 and e0 8, every share 1 and every share's error 8: the last slot's products have no minus.
    let product = constant(i128::from(ERROR_BOUND) * SUBSETS_MAX as i128).times(&ones);
    let noise = product.clone().plus(&product).plus(&constant(ERROR_BOUND.into()));
    assert!(noise.is_short(CONTRIBUTION_NOISE_MAX));
    assert!(!noise.is_short(CONTRIBUTION_NOISE_MAX - 1));
}

#[test]
fn the_quotient_by_q_is_as_narrow_as_the_identity_needs() {
    let mut rng = StdRng::seed_from_u64(42);
    let (_, key) = key_pair(&mut rng);
    let u = Ternary::random(&mut rng);
    let b: Vec<i128> = key.b().coefficients().map(Coefficient::centred).collect();
    let mut product = vec![0i128; RING_DEGREE];
    for (i, u) in u.coefficients().iter().enumerate().filter(|(_, u)| **u != 0) {
        let (wrapped, kept) = product.split_at_mut(i);
        let (first, last) = b.split_at(RING_DEGREE - i);
        kept.iter_mut().zip(first).for_each(|(sum, b)| *sum += i128::from(*u) * b);
        wrapped.iter_mut().zip(last).for_each(|(sum, b)| *sum -= i128::from(*u) * b);
    }
    let reduced = key.b().times(&u);
    let rests = product.iter().zip(reduced.coefficients()).map(|(value, residue)| value - residue.centred());
    let quotients: Vec<i128> = rests.inspect(|rest| assert_eq!(rest % (1 << MODULUS_BITS), 0)).collect();
    let quotients: Vec<f64> = quotients.iter().map(|rest| (rest >> MODULUS_BITS) as f64).collect();
    assert!(quotients.iter().all(|k| k.abs() < f64::from(QUOTIENT_BOUND)));
    // Rounding adds 1/12. One product's spectrum varies by 3.8 %, of which this allows five.
    let expected = RING_DEGREE as f64 / 18.0 + 1.0 / 12.0;
    let (_, variance) = moments(&quotients);
    assert!((variance / expected - 1.0).abs() < 0.2, "{variance}, expected {expected}");
}
