use proptest::prelude::*;
use rand::{SeedableRng, rngs::StdRng};

use super::{params::*, *};
use crate::{Error, id::ChainId};

mod noise;

fn chain() -> ChainId {
    ChainId::from_bytes([7; 32])
}

/// A key whose secret one party knows, as no committee's is.
fn key_pair(rng: &mut StdRng) -> (Ternary, PublicKey) {
    let secret = Ternary::random(rng);
    let a = common_polynomial(&chain(), KeyEpoch::new(0));
    let b = a.times(&secret).negated().plus_error(&ErrorPolynomial::random(rng));
    (secret, PublicKey::new(chain(), KeyEpoch::new(0), b))
}

fn decrypt(secret: &Ternary, aggregate: &Aggregate) -> Vec<DecodedSlot> {
    let masked = aggregate.c1().times(secret);
    aggregate.c0().zip(masked.coefficients()).map(|(c0, c)| decode_slot(c0.plus(c))).collect()
}

fn sum(ciphertexts: &[Ciphertext], threads: usize) -> Aggregate {
    let mut accumulator = Accumulator::default();
    accumulator.add_all(ciphertexts, threads.try_into().unwrap()).unwrap();
    accumulator.finish()
}

#[test]
fn a_sum_of_encryptions_decrypts_to_the_sum_in_every_slot() {
    let mut rng = StdRng::seed_from_u64(1);
    let (secret, key) = key_pair(&mut rng);
    let plaintexts: Vec<Vec<u32>> =
        (0..7).map(|p| (0..LAYOUT_SLOTS as u32).map(|slot| (slot * 31 + p) % 256).collect()).collect();
    let ciphertexts: Vec<_> =
        plaintexts.iter().map(|p| encrypt(&key, &Plaintext::new(p.clone()).unwrap(), &mut rng).0).collect();
    for (slot, decoded) in decrypt(&secret, &sum(&ciphertexts, 2)).iter().enumerate() {
        let expected: u32 = plaintexts.iter().filter_map(|p| p.get(slot)).sum();
        assert_eq!(decoded.value, expected, "slot {slot}");
        assert!(decoded.residual.unsigned_abs() < 1 << 20);
    }
}

#[test]
fn every_way_of_adding_gives_the_same_aggregate() {
    let mut rng = StdRng::seed_from_u64(2);
    let (_, key) = key_pair(&mut rng);
    let plaintext = Plaintext::new(vec![1; 12]).unwrap();
    let ciphertexts: Vec<_> = (0..6).map(|_| encrypt(&key, &plaintext, &mut rng).0).collect();
    let (mut single, mut packed) = (Accumulator::default(), Accumulator::default());
    for ciphertext in &ciphertexts {
        single.add(ciphertext).unwrap();
        packed.add_packed(&ciphertext.to_packed_bytes()).unwrap();
    }
    let expected = single.finish();
    assert_eq!(packed.finish(), expected);
    for threads in 1..=5 {
        assert_eq!(sum(&ciphertexts, threads), expected);
    }
    assert_eq!(Aggregate::from_packed_bytes(&expected.to_packed_bytes()).unwrap(), expected);
    assert_ne!(expected.digest(), Ciphertext::digest_of_packed(&expected.to_packed_bytes()));
}

#[test]
fn a_sum_past_its_exact_range_is_refused_and_unchanged() {
    let mut accumulator = Accumulator::default();
    let zero = Ciphertext::from_packed_bytes(&[0; CIPHERTEXT_BYTES]).unwrap();
    for _ in 0..16 {
        accumulator.add_all(&vec![zero.clone(); 8], 1.try_into().unwrap()).unwrap();
    }
    assert_eq!(accumulator.contributions(), 128);
    for _ in 128..CONTRIBUTIONS_EXACT_MAX {
        accumulator.add_packed(&zero.to_packed_bytes()[..0]).unwrap_err();
        accumulator.add(&zero).unwrap();
    }
    assert!(matches!(accumulator.add(&zero), Err(Error::OutOfRange { value: 65_537, .. })));
    assert_eq!(accumulator.contributions(), CONTRIBUTIONS_EXACT_MAX);
}

#[test]
fn a_ciphertext_survives_packing_and_its_twins_are_refused() {
    let mut rng = StdRng::seed_from_u64(3);
    let (_, key) = key_pair(&mut rng);
    let (ciphertext, _) = encrypt(&key, &Plaintext::new(vec![5]).unwrap(), &mut rng);
    let bytes = ciphertext.to_packed_bytes();
    assert_eq!(bytes.len(), CIPHERTEXT_BYTES);
    assert_eq!(Ciphertext::from_packed_bytes(&bytes).unwrap(), ciphertext);
    assert_eq!(Ciphertext::digest_of_packed(&bytes), ciphertext.digest());
    for length in [0, 1, POLYNOMIAL_BYTES, CIPHERTEXT_BYTES - 1, CIPHERTEXT_BYTES - COEFFICIENT_BYTES] {
        assert!(Ciphertext::from_packed_bytes(&bytes[..length]).is_err());
    }
    assert!(Ciphertext::from_packed_bytes(&[&bytes[..], &[0]].concat()).is_err());
    assert!(Ciphertext::from_packed_bytes(&[&bytes[..], &[0; COEFFICIENT_BYTES]].concat()).is_err());
    for (place, bit) in [(COEFFICIENT_BYTES - 1, 0x20), (CIPHERTEXT_BYTES - 1, 0x40), (CIPHERTEXT_BYTES - 1, 0x80)] {
        let mut spare = bytes.clone();
        spare[place] |= bit;
        assert!(matches!(Ciphertext::from_packed_bytes(&spare), Err(Error::Malformed { what: "ciphertext", .. })));
        assert!(Accumulator::default().add_packed(&spare).is_err());
    }
}

#[test]
fn a_plaintext_beyond_its_slots_or_modulus_is_refused() {
    assert!(Plaintext::new(vec![(1 << PLAINTEXT_BITS) - 1; LAYOUT_SLOTS]).is_ok());
    assert!(Plaintext::new(vec![0; LAYOUT_SLOTS + 1]).is_err());
    assert!(Plaintext::new(vec![1 << PLAINTEXT_BITS]).is_err());
    assert!(Plaintext::new(vec![]).unwrap().slots().is_empty());
}

#[test]
fn errors_and_secrets_stay_in_their_ranges_and_reach_their_ends() {
    let mut rng = StdRng::seed_from_u64(4);
    let (mut ternary, mut errors) = ([0u32; 3], [0u32; 17]);
    for _ in 0..8 {
        for c in Ternary::random(&mut rng).coefficients() {
            ternary[(c + 1) as usize] += 1;
        }
        for c in ErrorPolynomial::random(&mut rng).coefficients() {
            errors[(c + ERROR_BOUND) as usize] += 1;
        }
    }
    let draws = 8 * RING_DEGREE as u32;
    assert_eq!((ternary.iter().sum::<u32>(), errors.iter().sum::<u32>()), (draws, draws));
    assert!(ternary.iter().all(|count| count.abs_diff(draws / 3) < draws / 30), "{ternary:?}");
    let ends = [errors[0], errors[16]];
    assert!(ends.iter().all(|count| count.abs_diff(draws / 32) < draws / 128), "{errors:?}");
    assert!(errors[1..16].iter().all(|count| count.abs_diff(draws / 16) < draws / 128), "{errors:?}");
}

#[test]
fn the_common_polynomial_depends_on_chain_and_epoch_and_is_pinned() {
    let a = common_polynomial(&chain(), KeyEpoch::new(1));
    assert_ne!(a, common_polynomial(&chain(), KeyEpoch::new(2)));
    assert_ne!(a, common_polynomial(&ChainId::from_bytes([8; 32]), KeyEpoch::new(1)));
    let digest = crate::domain::hash(crate::domain::ByteTag::Blob, &[&a.to_packed_bytes()]);
    assert_eq!(digest.to_string(), "982d68398aeb618829375ce2634362651148745abb6ffd144abbc2c3161e42e6");
}

#[test]
fn a_public_key_survives_its_wire_form() {
    let mut rng = StdRng::seed_from_u64(5);
    let (_, key) = key_pair(&mut rng);
    let wire = borsh::to_vec(&key).unwrap();
    assert_eq!(borsh::from_slice::<PublicKey>(&wire).unwrap(), key);
    assert!(borsh::from_slice::<PublicKey>(&wire[..wire.len() - 1]).is_err());
    assert!(borsh::from_slice::<PublicKey>(&[&wire[..], &[0]].concat()).is_err());
    let other = PublicKey::new(chain(), KeyEpoch::new(1), key.b().clone());
    assert_ne!(other.digest(), key.digest());
}

#[test]
fn secrets_do_not_print() {
    let mut rng = StdRng::seed_from_u64(6);
    let witness = EncryptionWitness::random(&mut rng);
    assert_eq!(format!("{witness:?}"), "EncryptionWitness(redacted)");
    assert_eq!(format!("{:?}", witness.u()), "Ternary(redacted)");
    assert_eq!(format!("{:?}", Plaintext::new(vec![3]).unwrap()), "Plaintext(redacted)");
}

#[test]
fn residuals_up_to_nine_deviations_decode_for_every_quorum() {
    for subsets in 1..=crate::quorum::SUBSETS_MAX {
        let bound = residual_max(subsets, CONTRIBUTIONS_EXACT_MAX) as i128;
        for sign in [-1, 1] {
            let decoded = decode_slot(Coefficient::from_integer((77 << DELTA_BITS) + sign * bound));
            assert_eq!(decoded, DecodedSlot { value: 77, residual: sign * bound });
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(32))]

    #[test]
    fn both_products_agree(seed: u64) {
        let mut rng = StdRng::seed_from_u64(seed);
        let (element, ternary) = (common_polynomial(&chain(), KeyEpoch::new(seed)), Ternary::random(&mut rng));
        let mut product = vec![0; RING_DEGREE];
        super::ring::multiply_ephemeral_into(&mut product, &element, &ternary);
        prop_assert_eq!(RingElement::from_aligned(product), element.times(&ternary));
    }

    #[test]
    fn any_residue_survives_centring_and_packing(value in -(1i128 << 92)..(1i128 << 92)) {
        let coefficient = Coefficient::from_integer(value);
        prop_assert_eq!(coefficient.centred(), value);
        let packed = Coefficient::pack(&[coefficient]);
        prop_assert_eq!(Coefficient::unpack("coefficient", &packed, 1).unwrap(), vec![coefficient]);
    }

    #[test]
    fn any_twelve_bytes_decode_to_themselves_or_not_at_all(bytes: [u8; COEFFICIENT_BYTES]) {
        match Coefficient::unpack("coefficient", &bytes, 1) {
            Ok(coefficients) => prop_assert_eq!(Coefficient::pack(&coefficients), bytes.to_vec()),
            Err(_) => prop_assert!(bytes[COEFFICIENT_BYTES - 1] & 0xe0 != 0),
        }
    }

    #[test]
    fn any_bytes_decode_to_one_ternary_polynomial_or_none(seed: u64, place in 0..RING_DEGREE / 4, byte: u8) {
        let mut wire = borsh::to_vec(&Ternary::random(&mut StdRng::seed_from_u64(seed))).unwrap();
        wire[place] = byte;
        match borsh::from_slice::<Ternary>(&wire) {
            Ok(ternary) => prop_assert_eq!(borsh::to_vec(&ternary).unwrap(), wire),
            Err(_) => prop_assert!((0..4).any(|i| (byte >> (2 * i)) & 3 == 3)),
        }
    }

    #[test]
    fn any_slot_with_any_small_noise_decodes(value in 0u32..1 << 24, noise in -(1i128 << 67)..(1i128 << 67)) {
        let coefficient = Coefficient::from_integer((i128::from(value) << DELTA_BITS) + noise);
        prop_assert_eq!(decode_slot(coefficient), DecodedSlot { value, residual: noise });
    }
}
